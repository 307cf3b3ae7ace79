"""The rarer procedures as USP messages: most are commands of the data model (TR-181).

What a controller of CWMP does with a method of its own, USP does with a command, a subscription
or a table; what it has no counterpart for is refused with a word that says so.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from acs.model import (
    Answer,
    Attribute,
    AttributeChange,
    Attributes,
    CancelTransfer,
    ChangeSoftware,
    Download,
    Fault,
    Install,
    ListMethods,
    ListOptions,
    ListTransfers,
    Methods,
    Notification,
    Operate,
    Operated,
    Procedure,
    ProcedureOutcome,
    QueuedTransfer,
    ReadAttributes,
    ScheduleDownload,
    ScheduleInform,
    SendMessage,
    SetAttributes,
    SetVouchers,
    Started,
    Transfers,
    TransferStarted,
    TransferState,
    Uninstall,
    Update,
    Upload,
    Written,
)
from acs.usp import messages
from acs.usp.codec import body_to_json, request_from_json
from acs.usp.errors import Code, name_of
from acs.usp.known import Known
from acs.usp.messages import Error, Failure, Request, Response, Setting
from acs.usp.paths import join, search

Asking = Generator[Request, Response | Error, ProcedureOutcome | Fault]

IMAGES = "Device.DeviceInfo.FirmwareImage."
ACTIVE_IMAGE = "Device.DeviceInfo.ActiveFirmwareImage"
CONFIG_FILE = "Device.DeviceInfo.VendorConfigFile."
LOG_FILE = "Device.DeviceInfo.VendorLogFile."
REQUESTS = "Device.LocalAgent.Request."
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
_RUNNING = {"Requested": TransferState.WAITING, "Active": TransferState.RUNNING}
_TRANSFERS = ("Download()", "Upload()", "Backup()", "Restore()")


class Odd(Exception):  # noqa: N818 - an answer that is not to be expected, not a mistake
    """A question was answered with something else than its response."""

    def __init__(self, question: str, answer: Response | Error) -> None:
        super().__init__(question)
        self.question = question
        self.answer = answer


def carry_out(procedure: Procedure, known: Known) -> Asking:
    """Ask, and return the outcome. Raises `Odd`."""
    match procedure:
        case Operate(command, key, arguments):
            return _operate(command, key, arguments)
        case SendMessage(request):
            return _send(request)
        case Download():
            return _download(procedure)
        case Upload():
            return _upload(procedure)
        case ScheduleInform(delay, key):
            return _started("Device.ScheduleTimer()", key, {"DelaySeconds": str(delay)})
        case CancelTransfer(key):
            return _cancel(key)
        case ListTransfers():
            return _transfers()
        case ListMethods():
            return _methods(known)
        case ReadAttributes(paths):
            return _subscriptions(paths)
        case SetAttributes(changes):
            return _subscribe(changes)
        case ChangeSoftware(operations, key):
            return _software(operations, key)
        case ScheduleDownload():
            return _without("a scheduled download: let Download() wait for its Activate()")
        case ListOptions() | SetVouchers():
            return _without("options and vouchers")


def _without(what: str) -> Asking:
    return _at_once(Fault(Code.MESSAGE_NOT_SUPPORTED, f"USP has no {what}"))


def _at_once(outcome: ProcedureOutcome | Fault) -> Asking:
    """An outcome for which nothing has to be asked."""
    yield from ()
    return outcome


# --- commands ----------------------------------------------------------------------------


def _operate(command: str, key: str, arguments: Mapping[str, str]) -> Asking:
    answer = yield messages.Operate(command, key, arguments)
    if not isinstance(answer, messages.OperateResp):
        raise Odd("Operate", answer)
    if len(answer.results) != 1:
        many = f"{command} was run {len(answer.results)} times: name one object"
        return Fault(Code.INVALID_PATH, many)
    match answer.results[0].outcome:
        case messages.Begun(request):
            return Operated(request=request)
        case messages.Finished(outputs):
            return Operated(outputs)
        case Failure(code, text):
            return Fault(code, text or name_of(code))


def _started(command: str, key: str, arguments: Mapping[str, str]) -> Asking:
    outcome = yield from _operate(command, key, arguments)
    return outcome if isinstance(outcome, Fault) else Started()


def _transfer(command: str, key: str, arguments: Mapping[str, str]) -> Asking:
    outcome = yield from _operate(command, key, arguments)
    if isinstance(outcome, Fault):
        return outcome
    # Only the end of an asynchronous command tells how the transfer went.
    return TransferStarted(done=isinstance(outcome, Operated) and not outcome.request)


def _send(form: Mapping[str, object]) -> Asking:
    try:
        request = request_from_json(form)
    except ValueError as error:
        return Fault(Code.INVALID_ARGUMENTS, str(error))
    answer = yield request
    if isinstance(request, messages.Operate) and not request.send_resp:
        # Nothing comes back (R-OPR.4).
        return Answer({})
    return Answer(body_to_json(answer))


# --- files -------------------------------------------------------------------------------


def _download(wanted: Download) -> Asking:
    arguments = _file(wanted)
    kind = wanted.file_type.partition(" ")[0]
    if kind == "3":
        return (yield from _transfer(f"{CONFIG_FILE}1.Restore()", wanted.key, arguments))
    if kind != "1":
        return Fault(Code.INVALID_ARGUMENTS, f"USP has no download of {wanted.file_type!r}")
    bank = wanted.image or (yield from _bank())
    if isinstance(bank, Fault):
        return bank
    arguments["AutoActivate"] = "true" if wanted.activate else "false"
    return (yield from _transfer(f"{bank}Download()", wanted.key, arguments))


def _upload(wanted: Upload) -> Asking:
    kind, _, rest = wanted.file_type.partition(" ")
    number = rest.rpartition(" ")[2]
    instance = number if number.isdecimal() else "1"
    if kind in ("1", "3"):
        command = f"{CONFIG_FILE}{instance}.Backup()"
    elif kind in ("2", "4"):
        command = f"{LOG_FILE}{instance}.Upload()"
    else:
        return Fault(Code.INVALID_ARGUMENTS, f"USP has no upload of {wanted.file_type!r}")
    return (yield from _transfer(command, wanted.key, _file(wanted)))


def _file(wanted: Download | Upload) -> dict[str, str]:
    told = {
        "URL": wanted.url,
        "Username": wanted.username,
        "Password": wanted.password.reveal(),
        "FileSize": str(wanted.size) if isinstance(wanted, Download) and wanted.size else "",
        "TargetFileName": wanted.target if isinstance(wanted, Download) else "",
    }
    if isinstance(wanted, Download) and wanted.sha256:
        told |= {"CheckSumAlgorithm": "SHA-256", "CheckSum": wanted.sha256}
    return {name: value for name, value in told.items() if value}


def _bank() -> Generator[Request, Response | Error, str | Fault]:
    """Choose the firmware image to write: one that does not run, if there is such a one."""
    told = yield from _read(ACTIVE_IMAGE, IMAGES)
    if isinstance(told, Fault):
        return told
    active = told.get(ACTIVE_IMAGE, "").rstrip(".") + "."
    banks = sorted({_instance(IMAGES, path) for path in told if path.startswith(IMAGES)})
    if not banks:
        return Fault(Code.OBJECT_DOES_NOT_EXIST, f"the agent shows nothing below {IMAGES}")
    free = [bank for bank in banks if bank != active]
    # An empty bank before one that holds the image of yesterday.
    free.sort(key=lambda bank: told.get(f"{bank}Available", "").lower() in ("true", "1"))
    return (free or banks)[0]


def _instance(table: str, path: str) -> str:
    return f"{table}{path[len(table) :].partition('.')[0]}."


def _read(*paths: str) -> Generator[Request, Response | Error, dict[str, str] | Fault]:
    """Read parameters and objects; what an agent does not show is left out."""
    answer = yield messages.Get(paths)
    if not isinstance(answer, messages.GetResp):
        if isinstance(answer, Error):
            return Fault(answer.code, answer.text)
        raise Odd("Get", answer)
    return {
        join(resolved.path, name): text
        for result in answer.results
        for resolved in result.resolved
        for name, text in resolved.params.items()
    }


# --- running commands --------------------------------------------------------------------


def _cancel(key: str) -> Asking:
    told = yield from _read(REQUESTS)
    if isinstance(told, Fault):
        return told
    for path, text in told.items():
        if path.endswith(".CommandKey") and text == key:
            row = _instance(REQUESTS, path)
            return (yield from _started(f"{row}Cancel()", "", {}))
    return Fault(Code.OBJECT_DOES_NOT_EXIST, f"no command with the key {key} is running")


def _transfers() -> Asking:
    told = yield from _read(REQUESTS)
    if isinstance(told, Fault):
        return told
    rows = sorted({_instance(REQUESTS, path) for path in told})
    running = []
    for row in rows:
        command = told.get(f"{row}Command", "")
        state = _RUNNING.get(told.get(f"{row}Status", ""))
        if command.endswith(_TRANSFERS) and state is not None:
            download = command.endswith(("Download()", "Restore()"))
            key = told.get(f"{row}CommandKey", "")
            running.append(QueuedTransfer(key, state, download, command))
    return Transfers(tuple(running))


def _methods(known: Known) -> Asking:
    if known.supported is None:
        unknown = "the supported model of this agent is not known"
        return _at_once(Fault(Code.MESSAGE_NOT_SUPPORTED, unknown))
    objects = known.supported.objects.values()
    return _at_once(Methods(tuple(o.path + c.name for o in objects for c in o.commands)))


# --- change reports ----------------------------------------------------------------------


def subscription_id(path: str) -> str:
    """Name of our subscription to changes of ``path``; 64 characters at most (TR-181)."""
    return f"acs-watch-{path}" if len(path) <= 54 else f"acs-watch-…{path[-53:]}"


def _subscriptions(paths: tuple[str, ...]) -> Asking:
    told = yield from _read(SUBSCRIPTIONS)
    if isinstance(told, Fault):
        return told
    watched: set[str] = set()
    for path, text in told.items():
        row = _instance(SUBSCRIPTIONS, path)
        is_ours = path == f"{row}ReferenceList" and told.get(f"{row}NotifType") == "ValueChange"
        if is_ours and told.get(f"{row}Enable", "").lower() in ("true", "1"):
            watched.update(each.strip() for each in text.split(","))
    return Attributes(
        tuple(
            Attribute(path, Notification.ACTIVE if path in watched else Notification.OFF)
            for path in paths
        )
    )


def _subscribe(changes: tuple[AttributeChange, ...]) -> Asking:
    """Make or remove our own ValueChange subscriptions, one for each path."""
    if any(change.access_list is not None for change in changes):
        return Fault(Code.MESSAGE_NOT_SUPPORTED, "USP has no access lists: it has roles")
    gone = tuple(
        search(SUBSCRIPTIONS, {"ID": subscription_id(change.path)})
        for change in changes
        if change.notification is not None
    )
    if gone:
        answer = yield messages.Delete(gone)
        if isinstance(answer, Error):
            return Fault(answer.code, answer.text)
    wanted = tuple(
        messages.ObjectSettings(
            SUBSCRIPTIONS, subscription(subscription_id(change.path), "ValueChange", change.path)
        )
        for change in changes
        if change.notification
    )
    if wanted:
        answer = yield messages.Add(wanted)
        if not isinstance(answer, messages.AddResp):
            raise Odd("Add", answer)
    return Written()


def subscription(name: str, kind: str, reference: str) -> tuple[Setting, ...]:
    """Settings of a subscription of ours: kept over restarts, repeated until we answer."""
    return (
        Setting("Enable", "true"),
        Setting("ID", name),
        Setting("NotifType", kind),
        Setting("ReferenceList", reference),
        Setting("Persistent", "true", required=False),
        Setting("NotifRetry", "true", required=False),
    )


# --- software modules --------------------------------------------------------------------


def _software(operations: tuple[Install | Update | Uninstall, ...], key: str) -> Asking:
    if len(operations) != 1:
        return Fault(Code.INVALID_ARGUMENTS, "USP changes one software module at a time")
    match operations[0]:
        case Install() as wanted:
            arguments = {
                "URL": wanted.url,
                "UUID": wanted.uuid,
                "Username": wanted.username,
                "Password": wanted.password.reveal(),
                "ExecutionEnvRef": wanted.environment,
            }
            command = "Device.SoftwareModules.InstallDU()"
        case Update() as wanted:
            if not wanted.uuid:
                return Fault(Code.INVALID_ARGUMENTS, "an update over USP needs the module's UUID")
            arguments = {
                "URL": wanted.url,
                "Username": wanted.username,
                "Password": wanted.password.reveal(),
            }
            command = f"{_unit(wanted.uuid)}Update()"
        case Uninstall() as wanted:
            arguments = {}
            command = f"{_unit(wanted.uuid)}Uninstall()"
    told = {name: value for name, value in arguments.items() if value}
    return (yield from _started(command, key, told))


def _unit(uuid: str) -> str:
    return search("Device.SoftwareModules.DeploymentUnit.", {"UUID": uuid})
