"""`acs usp send`: one request to an agent, written by hand, and its answer as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO, TypeVar

import click

from acs.cli import render
from acs.cli.ages import Duration
from acs.cli.job_request import JobOptions, Payload, ask, handed_as_one, show_job
from acs.cli.lookup import device_argument
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.usp_request import Extra, parsed, request
from acs.devices.record import Device, Job, JobKind, JobState

F = TypeVar("F", bound=Callable[..., Any])
_WAIT = 60.0
_EXPIRES = 600.0


def _options(command: F) -> F:
    return handed_as_one(
        command,
        click.option(
            "--wait",
            type=Duration(),
            default=_WAIT,
            metavar="TIME",
            help="Wait so long for the answer; 0: only ask. Default: 60s.",
        ),
        click.option(
            "--expires",
            type=Duration(),
            default=_EXPIRES,
            metavar="TIME",
            help="Give up when the agent was not reached for so long. Default: 10m.",
        ),
    )


@click.command()
@device_argument
@click.argument("operation", required=False, metavar="[REQUEST]")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@click.option("--max-depth", type=click.IntRange(0), help="get: levels below an object.")
@click.option("--first-level", is_flag=True, help="instances, supported: not what is below.")
@click.option("--allow-partial", is_flag=True, help="set, add, delete: not all or nothing.")
@click.option("--command-key", "key", metavar="KEY", help="operate: comes back when it is over.")
@click.option(
    "--json-request",
    "file",
    type=click.File("r"),
    metavar="FILE",
    help="Take the request from FILE in JSON form; -: from standard input.",
)
@_options
@pass_context
def send(
    context: Context,
    device: str,
    operation: str | None,
    arguments: tuple[str, ...],
    max_depth: int | None,
    first_level: bool,
    allow_partial: bool,
    key: str | None,
    file: TextIO | None,
    options: JobOptions,
) -> None:
    """Send the agent of DEVICE one request as it is, and show its answer.

    Nothing is compared or read back, and no blueprint is asked: `acs device set` and the like are
    for daily work. The request is kept as a job; the running server sends it at once when the
    agent is connected. Secrets are masked in all that is shown. Others on this machine can see the
    command line: put a secret into --json-request.

    \b
    Requests:
      get PATH...                        set PATH=VALUE...
      add TABLE [NAME=VALUE]...          delete PATH...
      operate 'COMMAND()' [ARG=VALUE]... instances PATH...
      supported PATH...

    \b
    Examples:
      acs usp send 22275A7000001 get Device.DeviceInfo. --max-depth 1
      acs usp send 22275A7000001 set 'Device.WiFi.SSID.[Alias=="main"].Enable=true'
      acs usp send 22275A7000001 operate 'Device.IP.Diagnostics.IPPing()' Host=192.0.2.1
      echo '{"get": {"param_paths": ["Device.Time."]}}' |
        acs usp send 22275A7000001 --json-request - --json
    """
    if (file is None) is (operation is None):
        raise click.UsageError("write a REQUEST, or name a file with --json-request: one of them")
    extra = Extra(max_depth, first_level, allow_partial, key)
    if operation is not None:
        asked = request(operation, arguments, extra)
    elif extra != Extra():
        raise click.UsageError("a request of --json-request has its own fields: no other options")
    else:
        assert file is not None
        asked = parsed(file.read())

    def payload(_found: Device, _masks: Masks) -> Payload:
        return {"request": asked}

    ask(context, device, JobKind.MESSAGE, options, payload, show=_show, refusal=_speaks_no_usp)


def _speaks_no_usp(device: Device) -> str:
    return "" if device.protocol == "usp" else f"it speaks {device.protocol}, not USP"


def _show(job: Job, device: Device, masks: Masks, options: JobOptions) -> bool:
    answer = masks.result(job.result).get("answer")
    if options.as_json or not isinstance(answer, Mapping):
        return show_job(job, device, masks, options)
    response = answer.get("get_resp")
    if isinstance(response, Mapping):
        _print_values(_list(response, "req_path_results"))
    else:
        render.emit(answer)
        if _runs(answer):
            end = f"acs usp notifies {device.key} --kind OperationComplete"
            click.echo(f"It runs; how it ended: {end}", err=True)
    if job.state is not JobState.DONE:
        render.say(f"Job {job.id} {job.state}: {job.result.get('error', '')}")
    return job.state is JobState.DONE


def _runs(answer: Mapping[str, Any]) -> bool:
    """Tell whether the answer is that a command ends later."""
    response = answer.get("operate_resp")
    results = _list(response, "operation_results") if isinstance(response, Mapping) else ()
    return any("req_obj_path" in each for each in results)


def _print_values(requested: Sequence[Mapping[str, Any]]) -> None:
    rows = list(_values(requested))
    render.print_table(("Parameter", "Value"), rows, "Nothing matched.")
    for each in requested:
        if code := each.get("err_code"):
            render.say(f"{each.get('requested_path')}: {code} {each.get('err_msg', '')}")


def _values(requested: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, object]]:
    for each in requested:
        for resolved in _list(each, "resolved_path_results"):
            params = resolved.get("result_params")
            place = str(resolved.get("resolved_path", ""))
            for name, value in params.items() if isinstance(params, Mapping) else ():
                yield f"{place}{name}", value


def _list(told: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = told.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
