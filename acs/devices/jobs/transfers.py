"""Jobs that move files: download, upload, schedule download.

``file_type``, and either ``url`` (with ``username``, ``password``, ``size``, ``target``) or
``file``, a name in our catalogue; an upload with neither goes to a place we make for it.
``delay``, ``timeout``: seconds.  ``version``: software that must run after a firmware download.
Over USP also ``image``, the number of the firmware image to write, and ``activate``: ``auto``, or
``later`` to store firmware only.
`schedule download`: ``windows``, one or two of ``{start, end, mode?, message?, max_retries?}``.

A transfer is done when the device says so: in its answer (Status 0), or by TransferComplete, in
this session or a later one.  One whose report is lost is asked after, see `transfer_queue`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from acs.devices.files import Offer, ReceivedFile, Refused
from acs.devices.jobs.firmware import (
    FIRMWARE_TIMEOUT,
    is_firmware,
    judged,
    look,
    runs_what_was_sent,
)
from acs.devices.jobs.kind import (
    LONGEST,
    USP,
    CarryOut,
    Kind,
    Result,
    Unsound,
    command_key,
    ended_badly,
    known,
    number,
    refused,
    sent,
    sent_ago,
    text,
    waits,
)
from acs.devices.jobs.transfer_queue import Whereabouts, whereabouts
from acs.devices.jobs.windows import windows_of
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    DataModel,
    Download,
    EventKind,
    Fault,
    Notice,
    Procedure,
    ProcedureOutcome,
    ScheduleDownload,
    Secret,
    Started,
    TimeWindow,
    TransferStarted,
    Upload,
)

TEXT_LENGTH = 256
"""Characters of URL, Username, Password and TargetFileName (TR-069 A.3.2.8)."""
AUTO, LATER = "auto", "later"
"""When firmware that a USP device has fetched is run: at once, or after `activate`."""
IMAGES = "Device.DeviceInfo.FirmwareImage."
UNKNOWN_TIMES = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")


Order = Callable[[Job, Offer], Procedure]
"""Makes what a device is asked for."""


def _sending(order: Order) -> CarryOut:
    """Return the flow that all transfers have in common, for what ``order`` makes."""

    async def carry_out(ledger: Ledger, line: DataModel, job: Job) -> Result:
        offer = await _offer(ledger, job)
        if isinstance(offer, Refused):
            return JobState.FAILED, {"error": offer.reason}
        procedure = order(job, offer)
        if why := _impossible(ledger, job, offer):
            return JobState.FAILED, {"error": why}
        await _sent(ledger, job, offer)
        answer = await line.ask(procedure)
        return _begun(ledger, job, offer, answer)

    return carry_out


def _download(job: Job, offer: Offer) -> Download:
    return Download(
        command_key(job),
        offer.file_type,
        offer.url,
        offer.username,
        offer.password,
        offer.size,
        offer.target,
        number(job.payload, "delay"),
        activate=not _is_stored_only(job),
        image=f"{IMAGES}{image}." if (image := number(job.payload, "image")) else "",
        sha256=offer.sha256,
    )


def _schedule_download(job: Job, offer: Offer) -> ScheduleDownload:
    return ScheduleDownload(
        command_key(job),
        offer.file_type,
        offer.url,
        _windows(job.payload),
        offer.username,
        offer.password,
        offer.size,
        offer.target,
    )


def _upload(job: Job, offer: Offer) -> Upload:
    return Upload(
        command_key(job),
        offer.file_type,
        offer.url,
        offer.username,
        offer.password,
        number(job.payload, "delay"),
    )


def _is_stored_only(job: Job) -> bool:
    """Tell whether firmware is to be stored for a later `activate`."""
    return text(job.payload, "activate") == LATER


# --- before it goes out ------------------------------------------------------------------


async def _offer(ledger: Ledger, job: Job) -> Offer | Refused:
    """Where the file is, by the operator or by our own catalogue."""
    if (own := _by_operator(job.payload)) is not None:
        return own
    offer = await ledger.house.offer(job, ledger.device)
    if isinstance(offer, Offer):
        _check(offer)
    return offer


def _by_operator(payload: Mapping[str, object]) -> Offer | None:
    """The place that a payload names; None: it names none."""
    if not text(payload, "url"):
        return None
    offer = Offer(
        url=text(payload, "url"),
        username=text(payload, "username"),
        password=Secret(text(payload, "password")),
        size=number(payload, "size"),
        target=text(payload, "target"),
        file_type=text(payload, "file_type", need=True),
    )
    _check(offer)
    return offer


def _check_upload(payload: Mapping[str, object]) -> Offer | None:
    # The time-out too, which is used when the file is under way already.
    for name in ("delay", "timeout"):
        number(payload, name)
    return _by_operator(payload)


def _check_download(payload: Mapping[str, object]) -> None:
    if _check_upload(payload) is None and not text(payload, "file"):
        raise Unsound("it names neither url nor file")
    number(payload, "image")
    if text(payload, "activate") not in ("", AUTO, LATER):
        raise Unsound(f"activate is none of {AUTO}, {LATER}")


def _impossible(ledger: Ledger, job: Job, offer: Offer) -> str:
    """Say why a device that speaks this protocol cannot do what is asked; empty: it can."""
    if ledger.contact.protocol == USP:
        delayed = number(job.payload, "delay")
        return "a device that speaks USP begins at once: leave the delay out" if delayed else ""
    if _is_stored_only(job) and is_firmware(job, offer):
        return "only a device that speaks USP stores firmware without running it"
    return ""


def _check_schedule(payload: Mapping[str, object]) -> None:
    _check_download(payload)
    _windows(payload)


def _check(offer: Offer) -> None:
    parts = urlsplit(offer.url)
    if parts.scheme not in ("http", "https", "ftp", "sftp", "tftp") or not parts.netloc:
        raise Unsound("url is not one a device could fetch from or send to")
    if "@" in parts.netloc:
        raise Unsound("url holds a user name: give it as username and password")
    told = {
        "url": offer.url,
        "username": offer.username,
        "password": offer.password.reveal(),
        "target": offer.target,
    }
    for name, value in told.items():
        if len(value) > TEXT_LENGTH:
            raise Unsound(f"{name} is longer than {TEXT_LENGTH} characters")


def _windows(payload: Mapping[str, object]) -> tuple[TimeWindow, ...]:
    return windows_of(payload, 2, "one or two windows (TR-069 A.4.1.8)")


async def _sent(ledger: Ledger, job: Job, offer: Offer) -> None:
    firmware = {"software_before": ledger.device.software} if is_firmware(job, offer) else {}
    await sent(ledger, job, file_type=offer.file_type, **firmware)


# --- how it ends -------------------------------------------------------------------------


def _begun(ledger: Ledger, job: Job, offer: Offer, answer: ProcedureOutcome | Fault) -> Result:
    match answer:
        case TransferStarted(done=True, start=start, complete=complete):
            return _complete(ledger, job, start, complete)
        case TransferStarted() | Started():
            return waits(ledger, job, accepted=True)
        case _:
            return refused(answer, offer.password.reveal(), offer.url)


def _complete(ledger: Ledger, job: Job, start: str, complete: str) -> Result:
    said = known(ledger, job)
    # USP tells the end twice, by OperationComplete and TransferComplete!, which has the times.
    said |= {
        "start": start or said.get("start", ""),
        "complete": complete or said.get("complete", ""),
        "completed_at": said.get("completed_at", ledger.contact.at),
    }
    if "software_before" in said and _is_stored_only(job):
        return JobState.DONE, {**said, "text": "stored; it runs after: acs device activate"}
    if "software_before" in said:
        return judged(ledger, job, said)
    return JobState.DONE, {**said, "text": f"{said['file_type']} transferred"}


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    start, complete = (_time(notice.detail.get(n, "")) for n in ("StartTime", "CompleteTime"))
    if notice.fault is not None and notice.fault.code:
        said = {**known(ledger, job), "start": start, "complete": complete}
        return ended_badly(notice.fault, said)
    return _complete(ledger, job, start, complete)


def _time(told: str) -> str:
    return "" if told in UNKNOWN_TIMES else told


# --- when no report comes ----------------------------------------------------------------


async def _overdue(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    said = await look(ledger, line, job)
    if "completed_at" in said:
        result = judged(ledger, job, said)
        return None if result[0] is JobState.SENT else result
    if "restarted_at" in said and runs_what_was_sent(ledger, job, said):
        # It runs what was sent: its report, which may still come, could tell no more.
        return _complete(ledger, job, "", "")
    if "restarted_at" in said and "restarted_at" not in known(ledger, job):
        return JobState.SENT, said
    waited = sent_ago(ledger, job) - _planned(job)
    if waited < LONGEST and _is_about_to_report(ledger, job):
        return None
    if (came := await _came(ledger, job)) is not None:
        text = f"no report came, but {came.size} octets did: acs file get {came.id}"
        return JobState.DONE, {**said, "completed_at": came.at, "text": text}
    allowed = _allowed(job, said, ledger.house.policy.transfer_timeout)
    if waited < allowed:
        return None
    late = f"no report came within {allowed:.0f} s"
    # Nor does our file server know: what it sent may never have been read.
    is_judged = job.kind is JobKind.UPLOAD or "software_before" in said
    arrival = "" if is_judged else "; whether the file arrived is not known"
    match await whereabouts(ledger, line, job):
        case Whereabouts.LISTED if waited < LONGEST:
            return None
        case Whereabouts.LISTED:
            error = f"it is still not over after {waited / 3600:.0f} hours"
        case Whereabouts.ABSENT:
            error = f"{late}: the device does not know this transfer any more{arrival}"
        case Whereabouts.UNKNOWN:
            error = f"{late}: the device cannot list its transfers{arrival}"
    if runs_what_was_sent(ledger, job, said):
        after = ledger.device.software
        text = f"no report came, but it runs {after} now"
        return JobState.DONE, {**said, "software_after": after, "text": text}
    return JobState.FAILED, {**said, "error": error}


async def _came(ledger: Ledger, job: Job) -> ReceivedFile | None:
    """What the device sent to us before it called: its report would have come with this call."""
    if job.kind is not JobKind.UPLOAD or text(job.payload, "url"):
        return None
    if ledger.contact.has(EventKind.TRANSFER_COMPLETE):
        return None
    came = await ledger.house.received(job)
    return came if came is not None and came.at < ledger.contact.at else None


def _planned(job: Job) -> float:
    """Seconds after it was sent at which the transfer may at last begin."""
    if job.kind is JobKind.SCHEDULE_DOWNLOAD:
        return float(_windows(job.payload)[-1].end)
    return float(number(job.payload, "delay"))


def asked_after(job: Job, timeout: float) -> float:
    """Say from when on a device is asked what became of its transfer, in epoch seconds.

    ``timeout``: seconds a transfer may take, as set (`Policy.transfer_timeout`).  0: it is not
    under way, or the device has told its end.
    """
    sent_at = job.result.get("sent_at")
    told = "completed_at" in job.result
    if job.state is not JobState.SENT or told or not isinstance(sent_at, int | float):
        return 0.0
    return sent_at + _planned(job) + _allowed(job, job.result, timeout)


def _allowed(job: Job, said: Mapping[str, object], timeout: float) -> float:
    allowed = float(number(job.payload, "timeout")) or timeout
    return max(allowed, FIRMWARE_TIMEOUT) if "software_before" in said else allowed


def _is_about_to_report(ledger: Ledger, job: Job) -> bool:
    """Tell whether the Inform says that the transfer ended: its report must follow."""
    return any(
        event.kind is EventKind.COMMAND_DONE and event.key == command_key(job)
        for event in ledger.contact.events
    )


_REPORTED_BY = frozenset((EventKind.TRANSFER_COMPLETE,))
DOWNLOAD = Kind(_sending(_download), _overdue, _reported, _check_download, _REPORTED_BY)
UPLOAD = Kind(_sending(_upload), _overdue, _reported, _check_upload, _REPORTED_BY)
SCHEDULE_DOWNLOAD = Kind(
    _sending(_schedule_download), _overdue, _reported, _check_schedule, _REPORTED_BY
)
