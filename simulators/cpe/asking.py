"""What a unit has to tell its ACS by methods of its own (TR-069 A.3.3, A.4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .dialect import Dialect
from .faults import fault_text
from .render import Event, array, escape
from .transfers import State, Transfer

if TYPE_CHECKING:
    from .device import Ont
    from .software import Result

UNKNOWN_TIME = "0001-01-01T00:00:00Z"
TRANSFER_COMPLETE = Event("7 TRANSFER COMPLETE")
REQUEST_DOWNLOAD = Event("9 REQUEST DOWNLOAD")
AUTONOMOUS_TRANSFER_COMPLETE = Event("10 AUTONOMOUS TRANSFER COMPLETE")
DU_STATE_CHANGE_COMPLETE = Event("11 DU STATE CHANGE COMPLETE")
AUTONOMOUS_DU_STATE_CHANGE_COMPLETE = Event("12 AUTONOMOUS DU STATE CHANGE COMPLETE")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A request that is repeated in every session until the ACS has answered it."""

    method: str
    arguments: str
    """Inner XML."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One request to the ACS; ``about`` is what an answer settles."""

    method: str
    arguments: str
    about: Transfer | Announcement | str
    key: str = ""

    @property
    def body(self) -> str:
        """The method's element."""
        return f"<cwmp:{self.method}>{self.arguments}</cwmp:{self.method}>"


def events(ont: Ont) -> list[Event]:
    """Return the events of all that waits to be told; they last until it was answered."""
    found: list[Event] = []
    for transfer in _reportable(ont):
        key = "" if "event" in ont.misbehaviour.forget_key else transfer.key
        found += [TRANSFER_COMPLETE, Event(f"M {transfer.method}", key)]
    for announcement in ont.announcements:
        found += announcement.events
    return list(dict.fromkeys(found))


def questions(ont: Ont) -> list[Question]:
    """Return the requests of the next session, in order."""
    return [
        *(_transfer_complete(ont, transfer) for transfer in _reportable(ont)),
        *(Question(one.method, one.arguments, one) for one in ont.announcements),
        *(Question(method, "", method) for method in ont.questions),
    ]


def answered(ont: Ont, question: Question, *, refused: bool = False) -> None:
    """Take note of the ACS's answer to ``question``; a refused report is made again."""
    match question.about:
        case str() as method:
            ont.questions.remove(method)
        case _ if refused:
            return
        case Transfer() as transfer:
            if ont.misbehaviour.transfer_complete == "twice" and not transfer.repeated:
                transfer.repeated = True
            else:
                ont.transfers.drop(transfer)
        case Announcement() as announcement if announcement in ont.announcements:
            ont.announcements.remove(announcement)
        case Announcement():
            return


def _reportable(ont: Ont) -> list[Transfer]:
    done = ont.transfers.within(State.DONE)
    if not ont.misbehaviour.reverse_transfers:
        return done
    return done[::-1] if len(done) == len(ont.transfers.queue) else []


def _transfer_complete(ont: Ont, transfer: Transfer) -> Question:
    key = "" if "request" in ont.misbehaviour.forget_key else transfer.key
    arguments = f"<CommandKey>{escape(key)}</CommandKey>" + _outcome(
        transfer.fault, transfer.start, transfer.complete
    )
    return Question("TransferComplete", arguments, transfer, key)


def autonomous_transfer(
    file_type: str,
    url: str,
    *,
    download: bool,
    size: int,
    target: str,
    fault: int,
    start: float,
    complete: float,
    dialect: Dialect,
) -> Announcement:
    """AutonomousTransferComplete (A.3.3.3): a transfer that the ACS did not ask for."""
    arguments = (
        f"<AnnounceURL></AnnounceURL><TransferURL>{escape(url)}</TransferURL>"
        f"<IsDownload>{dialect.true if download else dialect.false}</IsDownload>"
        f"<FileType>{escape(file_type)}</FileType><FileSize>{size}</FileSize>"
        f"<TargetFileName>{escape(target)}</TargetFileName>"
    ) + _outcome(fault, start, complete)
    return Announcement("AutonomousTransferComplete", arguments, (AUTONOMOUS_TRANSFER_COMPLETE,))


def transferred_itself(file_type: str, dialect: Dialect) -> Announcement:
    """Tell of a download from the vendor's own server that went well, at a time not known."""
    return autonomous_transfer(
        file_type,
        "http://updates.example.com/file.bin",
        download=True,
        size=0,
        target="file.bin",
        fault=0,
        start=0,
        complete=0,
        dialect=dialect,
    )


def request_download(
    file_type: str, wishes: Sequence[tuple[str, str]], dialect: Dialect
) -> Announcement:
    """RequestDownload (A.4.2.2): the unit asks for a file."""
    members = (
        f"<ArgStruct><Name>{escape(name)}</Name><Value>{escape(text)}</Value></ArgStruct>"
        for name, text in wishes
    )
    arguments = f"<FileType>{escape(file_type)}</FileType>" + array(
        dialect, "FileTypeArg", "cwmp:ArgStruct", members
    )
    return Announcement("RequestDownload", arguments, (REQUEST_DOWNLOAD,))


def software_changed(results: Iterable[Result], key: str) -> Announcement:
    """DUStateChangeComplete (A.4.2.3), results in the order of the operations."""
    listed = "".join(f"<Results>{_result(result)}</Results>" for result in results)
    return Announcement(
        "DUStateChangeComplete",
        f"{listed}<CommandKey>{escape(key)}</CommandKey>",
        (DU_STATE_CHANGE_COMPLETE, Event("M ChangeDUState", key)),
    )


def software_changed_itself(results: Iterable[tuple[str, Result]]) -> Announcement:
    """AutonomousDUStateChangeComplete (A.4.2.4) of (operation, result)."""
    listed = "".join(
        f"<Results>{_result(result)}<OperationPerformed>{operation}</OperationPerformed></Results>"
        for operation, result in results
    )
    return Announcement(
        "AutonomousDUStateChangeComplete", listed, (AUTONOMOUS_DU_STATE_CHANGE_COMPLETE,)
    )


def stamp(moment: float) -> str:
    """Write epoch seconds as dateTime; 0 is the Unknown Time of TR-106."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else UNKNOWN_TIME


def _outcome(fault: int, start: float, complete: float) -> str:
    text = fault_text(fault) if fault else ""
    return (
        f"<FaultStruct><FaultCode>{fault}</FaultCode><FaultString>{escape(text)}</FaultString>"
        f"</FaultStruct><StartTime>{stamp(start)}</StartTime>"
        f"<CompleteTime>{stamp(complete)}</CompleteTime>"
    )


def _result(result: Result) -> str:
    text = fault_text(result.fault) if result.fault else ""
    return (
        f"<UUID>{escape(result.uuid)}</UUID>"
        f"<DeploymentUnitRef>{escape(result.reference)}</DeploymentUnitRef>"
        f"<Version>{escape(result.version)}</Version>"
        f"<CurrentState>{result.state}</CurrentState>"
        f"<Resolved>{1 if result.state == 'Installed' else 0}</Resolved>"
        f"<ExecutionUnitRefList></ExecutionUnitRefList>"
        f"<StartTime>{stamp(result.start)}</StartTime>"
        f"<CompleteTime>{stamp(result.complete)}</CompleteTime>"
        f"<Fault><FaultCode>{result.fault}</FaultCode>"
        f"<FaultString>{escape(text)}</FaultString></Fault>"
    )
