"""`acs status`: how the running server is, as it says itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import requests

from acs.address import split_address
from acs.cli import render
from acs.cli.failures import DIFFERENT, Failure, leave
from acs.cli.main import Context, pass_context

SECONDS = 10.0
"""A server that is busy with a storm answers late."""
FIGURES = {
    "sessions_open": "acs_sessions_open",
    "session_delay_seconds": "acs_session_delay_seconds",
    "store_seconds": "acs_store_delay_seconds",
    "sent_away": 'acs_http_rejections_total{reason="busy"}',
    "disk_free_bytes": "acs_disk_free_bytes",
    "memory_bytes": "process_resident_memory_bytes",
}
"""What is shown, by its name in the metrics."""


@click.command()
@render.json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show how the running server is: each part, how long devices wait, and room on the disk.

    Asks the server at admin.listen. Ends with 1 when something is not as it should be, with 3
    when no server answers. `acs doctor` looks at what a server needs, whether one runs or not.

    \b
    Examples:
      acs status
      watch acs status
      acs status --json | jq -r '.parts.disk.detail'
    """
    address = _address(context.given.admin.listen)
    report = _report(f"{address}/health")
    told = _figures(_asked(f"{address}/metrics").text)
    if as_json:
        render.emit({**report, "figures": told})
    else:
        _print(report, told)
    leave(0 if report["status"] == "ok" else DIFFERENT)


def _address(listen: str) -> str:
    if not listen:
        raise Failure("admin.listen is off: the server tells nobody how it is; set it")
    host, port = split_address(listen)
    if port == 0:
        raise Failure("admin.listen has port 0, which is another one at each start; set one")
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound
    reached = everywhere.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _asked(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # what is on this machine is asked without a proxy
        try:
            answer = session.get(url, timeout=SECONDS)
            if answer.status_code not in (200, 503):
                raise requests.HTTPError(f"status {answer.status_code}")
            return answer
        except requests.RequestException as error:
            reason = "no server listens" if isinstance(error, requests.ConnectionError) else error
            raise Failure(
                f"{url}: {reason}. Is `acs serve` running with these settings (admin.listen)?"
            ) from error


def _report(url: str) -> dict[str, Any]:
    try:
        report = _asked(url).json()
        if {"status", "parts"} <= report.keys():
            return dict(report)
    except (ValueError, AttributeError):
        pass
    raise Failure(f"{url}: that is no server of ours. Is admin.listen the address it has there?")


def _figures(text: str) -> dict[str, float | None]:
    """Read the figures; None: not known, since no worker serves yet."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    shown = {name: float(value) for name, _, value in lines}
    never = {"sent_away": 0.0}  # What is counted by reason is absent until it happens.
    return {name: shown.get(metric, never.get(name)) for name, metric in FIGURES.items()}


def _print(report: Mapping[str, Any], told: Mapping[str, float | None]) -> None:
    render.print_facts([("Status", report["status"]), *_shown(told)])
    parts = report["parts"].items()
    rows = [(name, part["state"], part["detail"]) for name, part in parts]
    render.print_table(("Part", "State", "Detail"), rows)


def _shown(told: Mapping[str, float | None]) -> Iterator[tuple[str, str]]:
    def say(name: str, form: str, scale: float = 1.0) -> str:
        value = told[name]
        return "not known yet" if value is None else form.format(value * scale)

    yield "Sessions open", say("sessions_open", "{:.0f}")
    yield "A session waits for us", say("session_delay_seconds", "{:.0f} ms", 1e3)
    yield "Store answers after", say("store_seconds", "{:.0f} ms", 1e3)
    yield "Sent away so far", say("sent_away", "{:.0f}")
    yield "Disk free", say("disk_free_bytes", "{:.1f} GB", 1e-9)
    yield "Memory", say("memory_bytes", "{:.0f} MB", 1e-6)
