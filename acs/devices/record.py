"""What we keep of a device: its narrow row, jobs, faults and timeline, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs.model import DeviceId, Value


class Standing(StrEnum):
    """Where a device stands with us."""

    QUARANTINED = "quarantined"
    """No equipment matches it, or more than one: seen and listed, nothing is pushed."""
    WAITING = "waiting"
    """The look-up in ERPNext has not answered yet; decided at the next contact."""
    PENDING = "pending"
    """Matched, not provisioned yet."""
    VERIFYING = "verifying"
    """Written; the device applies it later, so the next session proves it."""
    LIVE = "live"
    """Proven: read back as wanted."""
    DRIFTED = "drifted"
    """Differs from what is wanted, and drift is only reported."""
    FAULTED = "faulted"
    """Provisioning failed; tried again after a pause."""
    HELD = "held"
    """Matched to equipment that is given nothing: its status says so."""
    NEUTRAL = "neutral"
    """Proven: no customer's settings are on it, as its equipment is returned or defective."""
    PLANNED = "planned"
    """What would be written is known and withheld: outbound safety, or another's settings."""


class Custody(StrEnum):
    """Whose settings a device shows."""

    UNKNOWN = ""
    """Nobody looked yet."""
    OURS = "ours"
    """We wrote them, or found what we would have written, or an operator took it over."""
    FOREIGN = "foreign"
    """Somebody else set it up otherwise: it is compared, and left as it is until released."""


@dataclass(slots=True)
class Device:
    """The narrow row of one device, loaded at every contact. Times are epoch seconds."""

    id: int
    key: str
    oui: str
    product_class: str
    serial_number: str
    manufacturer: str = ""
    protocol: str = "cwmp"
    root: str = ""
    model: str = ""
    hardware: str = ""
    software: str = ""
    mac: str = ""
    """Twelve upper-case hex digits, or empty while unknown."""
    address: str = ""
    connection_request_url: str = ""
    standing: Standing = Standing.WAITING
    reason: str = ""
    """Why it stands there, for people."""
    equipment: str = ""
    """Name of the matched `Service Equipment`, or empty."""
    matched_by: str = ""
    suggestion: str = ""
    """Equipment a person may want to look at (MAC off by one to three)."""
    blueprint: str = ""
    fingerprint: str = ""
    """Fingerprint of the intent that was last written."""
    wish: str = ""
    """Digest of what it was last compared with: mirrored wish, blueprint, our own settings."""
    marker: str = ""
    """What we left on the device to notice a reset (see blueprint `marker`)."""
    plan: str = ""
    """Hash of the plan that awaits verification, or empty."""
    wan: str = ""
    """Path of the IP interface, or WAN connection, by which it reaches us, as its Inform tells."""
    checked_at: float = 0.0
    """When the device was last compared with its intent."""
    failures: int = 0
    retry_at: float = 0.0
    first_seen: float = 0.0
    last_seen: float = 0.0
    last_boot: float = 0.0
    last_bootstrap: float = 0.0
    own_credentials: bool = False
    """It has proven itself with its generated password: the bootstrap secret no longer does."""
    custody: Custody = Custody.UNKNOWN
    udp_address: str = ""
    """Where signed datagrams reach it (TR-069 Annex G, UDPConnectionRequestAddress), or empty."""
    lost: str = ""
    """Equipment that was its until ERPNext gave it to another unit. Once that unit holds it, what
    the customer had is taken off this one at its next contact."""

    @property
    def device_id(self) -> DeviceId:
        """The identity it announces."""
        return DeviceId(self.oui, self.product_class, self.serial_number)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Rows that were created for a chain that is not complete, so that it can be gone on with."""

    rows: Mapping[str, str] = field(default_factory=dict)
    """Path of each by the symbol its blueprint gives it."""
    adding: str = ""
    """Symbol of a row of which nobody knows whether it came to be: the line was cut."""
    before: tuple[str, ...] = ()
    """Rows its table had until then."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a whole look was about, all of it as wanted or just written: a glance relies on it."""

    at: float
    under: str
    """Names what decides where a device has what is wanted, its firmware above all."""
    paths: tuple[str, ...]
    """Parameters that were compared; the snapshot has what they held."""
    grounds: tuple[str, ...] | None = None
    """Others, which told where those are: while they are the same, so is the place of everything.
    None: it is not known which, or they are too many."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a device last reported, and keyed digests of what was written but cannot be read.

    A secret that was not written because it works has a digest, too.
    """

    at: float = 0.0
    values: Mapping[str, Value] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    unfinished: Unfinished | None = None
    seen: Seen | None = None
    impossible: tuple[str, ...] = ()
    """What of its wish had no place at the last look: told once, for as long as it stays so."""


class JobKind(StrEnum):
    """What a job asks for."""

    READ = "read"
    SET = "set"
    ADD = "add"
    DELETE = "delete"
    REBOOT = "reboot"
    FACTORY_RESET = "factory reset"
    PROVISION = "provision"
    NAMES = "names"
    ATTRIBUTES = "attributes"
    NOTIFY = "notify"
    SCHEDULE_INFORM = "schedule inform"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    SCHEDULE_DOWNLOAD = "schedule download"
    CANCEL_TRANSFER = "cancel transfer"
    TRANSFERS = "transfers"
    METHODS = "methods"
    OPTIONS = "options"
    VOUCHERS = "vouchers"
    SOFTWARE = "software"
    DIAGNOSTIC = "diagnostic"
    TREE = "tree"
    OPERATE = "operate"
    ACTIVATE = "activate"
    MESSAGE = "message"


class JobState(StrEnum):
    """Life of a job; the last four are final."""

    QUEUED = "queued"
    SENT = "sent"
    """Given to the device; its end is reported in a later session."""
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A wish for one device, kept until done, failed or expired."""

    id: int
    device_id: int
    kind: JobKind
    payload: Mapping[str, object] = field(default_factory=dict)
    """What is asked for, as the module of `acs.devices.jobs` that does this kind says.
    `read`: ``paths``, and ``purpose`` for who looks for the answer later."""
    priority: int = 0
    """Higher first; equal ones by age."""
    state: JobState = JobState.QUEUED
    attempts: int = 0
    created_at: float = 0.0
    created_by: str = ""
    expires_at: float = 0.0
    """0: never."""
    finished_at: float = 0.0
    result: Mapping[str, object] = field(default_factory=dict)
    campaign: int = 0
    """The campaign it belongs to; 0: none."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a device's timeline, kept for people."""

    device_id: int
    at: float
    kind: str
    text: str
    session: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


JOB_SUBJECT = " job"
"""How the subject of a fault ends that is about a kind of job."""


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """An open fault of a device; one per (device, subject), counted while it lasts."""

    device_id: int
    subject: str
    """``provision``, or a kind of job: ``download job``."""
    at: float
    code: int
    text: str
    parameters: tuple[str, ...] = ()
    """``path: code (text)`` of each refused parameter."""
    count: int = 1
    retry_at: float = 0.0


class Verdict(StrEnum):
    """What became of one written parameter."""

    PROVEN = "proven"
    """Read back as wanted."""
    WRITTEN = "written"
    """Accepted; it can never be read back."""
    AWAITED = "awaited"
    """Accepted, applied later: the next session reads it."""
    MISMATCH = "mismatch"
    """Read back otherwise."""


@dataclass(frozen=True, slots=True)
class ProofLine:
    """One parameter of a proof; secret values are kept masked."""

    path: str
    wanted: str
    read: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """What was written and read back, when, in which session, under which plan."""

    device_id: int
    at: float
    session: str
    plan: str
    fingerprint: str
    lines: tuple[ProofLine, ...]

    @property
    def complete(self) -> bool:
        """True when nothing is awaited and nothing differs."""
        return all(line.verdict in (Verdict.PROVEN, Verdict.WRITTEN) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the store answers when a device calls."""

    device: Device
    created: bool
    jobs: tuple[Job, ...] = ()
    """Open jobs, highest priority first."""
    wish: str = ""
    """Digest of the mirrored wish of its equipment, or empty."""
    tags: frozenset[str] = frozenset()
    ran: Mapping[str, float] = field(default_factory=dict)
    """When each rule last did something for it, by the rule's name."""
