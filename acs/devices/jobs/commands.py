"""The job that runs a command of the data model: operate (TR-369 Operate).

``command``: whole path with ``()``, or a name that the device's blueprint has for one;
``arguments``: text by name; ``secret``: names of arguments that are masked; ``timeout``: seconds
until the device is asked whether it still runs.  It is done when the device says that the command
ended well: in its answer, or by OperationComplete, in this session or a later one.  Result:
``outputs``.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.kind import (
    LONGEST,
    NO_SUCH_METHOD,
    UNKNOWN,
    USP,
    Kind,
    Result,
    Unsound,
    command_key,
    counted,
    ended_badly,
    failed,
    known,
    number,
    refused,
    sent,
    sent_ago,
    text,
    texts,
    waits,
)
from acs.devices.jobs.requests import is_running
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import DataModel, EventKind, Fault, Notice, Operate, Operated
from acs.profiles.secrets import Masks

ONLY_USP = "only a device that speaks USP can be asked for it; this one speaks CWMP"
REPORTS = frozenset((EventKind.OPERATION_COMPLETE, EventKind.TRANSFER_COMPLETE))
"""How the end of a command is reported; of one that moves a file as the end of a transfer."""
_OWN_JOBS = {
    "Device.Reboot()": JobKind.REBOOT,
    "Device.FactoryReset()": JobKind.FACTORY_RESET,
}
"""Commands after which the device is away: a job of their own sees it come back."""


async def _operate(ledger: Ledger, line: DataModel, job: Job) -> Result:
    told, arguments = _asked(job.payload)
    command = _command(ledger, told)
    await sent(ledger, job)
    answer = await line.ask(Operate(command, command_key(job), arguments))
    match answer:
        case Operated(request="", outputs=outputs):
            return _done(job, {}, outputs)
        case Operated(request=request):
            return waits(ledger, job, request=request)
        case Fault(code=code) if code == NO_SUCH_METHOD and ledger.contact.protocol != USP:
            return JobState.FAILED, {"error": ONLY_USP, "code": code}
        case Fault():
            return failed(answer, *_secrets(job.payload), about=command)
        case _:
            return refused(answer)


def _asked(payload: Mapping[str, object]) -> tuple[str, Mapping[str, str]]:
    number(payload, "timeout")
    command = text(payload, "command", need=True)
    is_path = command.startswith("Device.") and command.endswith("()")
    if not is_path and not command.isidentifier():
        raise Unsound(f"{command!r} is no command: its path begins with Device. and ends with ()")
    return _without_job(command), _arguments(payload)


def _without_job(command: str) -> str:
    if command in _OWN_JOBS:
        raise Unsound(f"{command} is what the job {_OWN_JOBS[command]!r} does, and sees to its end")
    return command


def _command(ledger: Ledger, told: str) -> str:
    """Return the path of a command that is told by its path, or by a name of the blueprint."""
    if told.endswith("()"):
        return told
    blueprint = ledger.blueprint()
    named = blueprint.commands if blueprint else {}
    if told not in named:
        there = f"names it has are {', '.join(named)}" if named else "it has no names of its own"
        raise Unsound(f"{told!r} is no path that ends with (), nor in the blueprint: {there}")
    return _without_job(named[told])


def _arguments(payload: Mapping[str, object]) -> Mapping[str, str]:
    given = payload.get("arguments") or {}
    if not isinstance(given, Mapping):
        raise Unsound("arguments is no table of name and value")
    return {str(name): _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _secrets(payload: Mapping[str, object]) -> list[str]:
    """Values that no error may quote."""
    hidden, masks = texts(payload, "secret"), Masks()
    values = _arguments(payload).items()
    return [value for name, value in values if name in hidden or masks.hides(name)]


def _done(job: Job, said: Mapping[str, object], outputs: Mapping[str, str]) -> Result:
    name = text(job.payload, "command").rpartition(".")[2]
    told = f": {counted(len(outputs), 'output')}" if outputs else ""
    return JobState.DONE, {**said, "outputs": dict(outputs), "text": f"{name} ended well{told}"}


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    if notice.fault is not None and notice.fault.code:
        return ended_badly(notice.fault, known(ledger, job), *_secrets(job.payload))
    if "TransferURL" in notice.detail:
        # TransferComplete! of a file the command moves: the command itself is still to report.
        return None
    outputs = {name: told for name, told in notice.detail.items() if name != "Command"}
    return _done(job, known(ledger, job), outputs)


async def _overdue(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    allowed = number(job.payload, "timeout") or ledger.house.policy.transfer_timeout
    return await not_reported(ledger, line, job, allowed)


async def not_reported(ledger: Ledger, line: DataModel, job: Job, allowed: float) -> Result | None:
    """Say what became of a command whose end was not reported; None: it may still run.

    ``allowed``: seconds after which the device is asked.
    """
    waited = sent_ago(ledger, job)
    restarted = ledger.contact.at - ledger.device.last_boot < waited
    if restarted:
        # Commands are not expected to outlive a restart (TR-369, Asynchronous Operations).
        until_boot = waited - (ledger.contact.at - ledger.device.last_boot)
        allowed = min(allowed, until_boot + ledger.house.policy.settle)
    if waited < allowed:
        return None
    if await is_running(line, command_key(job)):
        if waited < LONGEST:
            return None
        why = f"it is still not over after {waited / 3600:.0f} hours"
    elif restarted:
        why = "the device restarted meanwhile, and runs it no more"
    elif "request" in known(ledger, job):
        why = f"its end was not reported within {allowed:.0f} s, and the device runs it no more"
    else:
        why = UNKNOWN
    return JobState.FAILED, {**known(ledger, job), "error": why}


OPERATE = Kind(_operate, _overdue, _reported, _asked, REPORTS)
