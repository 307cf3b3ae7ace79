"""What a session learned, as values the store writes in one transaction.

A visit collects effects and hands them over together: either all of them are kept or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acs.devices.agents import StoredNotify
from acs.devices.news import News
from acs.devices.record import FaultRecord, Job, JobState, Proof, Snapshot, TimelineEntry
from acs.model import Value


@dataclass(frozen=True, slots=True)
class SaveDevice:
    """New values for columns of the device's row, by the field names of `Device`."""

    device_id: int
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SaveSnapshot:
    """The device's snapshot, whole."""

    device_id: int
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class AddTimeline:
    """A line for the timeline."""

    entry: TimelineEntry


@dataclass(frozen=True, slots=True)
class SaveProof:
    """A proof; the latest one of a device stands for it, older ones are history."""

    proof: Proof


@dataclass(frozen=True, slots=True)
class RaiseFault:
    """Open a fault, or count one more time a fault that is open on the same subject."""

    fault: FaultRecord


@dataclass(frozen=True, slots=True)
class ClearFault:
    """Close the fault on this subject, if one is open."""

    device_id: int
    subject: str


@dataclass(frozen=True, slots=True)
class SaveJob:
    """New state, attempts and result of a job."""

    job_id: int
    state: JobState
    at: float
    attempts: int
    result: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EnqueueJob:
    """A new job; ``id`` is ignored."""

    job: Job


@dataclass(frozen=True, slots=True)
class SaveCredentials:
    """The per-device CWMP account: HA1 digests, and the password while the device may not have it.

    ``password`` None: the device has used it, only the digests are kept.
    """

    device_id: int
    username: str
    password: str | None

    def __repr__(self) -> str:
        return f"SaveCredentials(device_id={self.device_id}, username={self.username!r})"


@dataclass(frozen=True, slots=True)
class RestoreCredentials:
    """The device still uses its earlier password: the one that was to follow is given up."""

    device_id: int


@dataclass(frozen=True, slots=True)
class ForgetMissing:
    """Optional names a model and firmware does not have, to be asked for no more."""

    model_key: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SaveTags:
    """Tags a device gets and loses."""

    device_id: int
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SaveRuleRun:
    """A rule has just done something for a device."""

    device_id: int
    rule: str
    at: float


@dataclass(frozen=True, slots=True)
class SaveModelNames:
    """All names a model and firmware has, with ``{i}`` for instance numbers, and whether each
    can be written."""

    model_key: str
    at: float
    names: Mapping[str, bool]
    unlisted: tuple[str, ...] = ()
    """Objects whose names are not known: the device would not list them."""


@dataclass(frozen=True, slots=True)
class SaveTree:
    """What a device holds below ``path``, read at once; what it held there before is past."""

    device_id: int
    at: float
    values: Mapping[str, Value]
    path: str = ""
    """Empty: everything."""


@dataclass(frozen=True, slots=True)
class SaveLayout:
    """Rows of tables that a model has in factory state; none: they are believed no longer."""

    model_key: str
    tables: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SaveAgent:
    """New values for columns of a USP agent's row, by the field names of `Agent`.

    The row is made when there is none.
    """

    endpoint: str
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SaveNotify:
    """A Notify of a USP agent; one that is known by endpoint and message id is kept as it is."""

    notify: StoredNotify


@dataclass(frozen=True, slots=True)
class SettleNotifies:
    """Notifies that were acted on: they wait no longer."""

    endpoint: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SaveSupportedModel:
    """What a model and firmware supports, as a USP agent told (GetSupportedDM)."""

    model_key: str
    at: float
    uri: str
    """Name of the model, ``urn:broadband-forum-org:tr-181-2-16-0``."""
    blob: bytes
    """Packed by `acs.usp.supported`."""


@dataclass(frozen=True, slots=True)
class SaveWakeAccount:
    """What a device asks of whoever sends it a connection request (TR-069 3.2.2)."""

    device_id: int
    username: str
    password: str

    def __repr__(self) -> str:
        return f"SaveWakeAccount(device_id={self.device_id}, username={self.username!r})"


@dataclass(frozen=True, slots=True)
class PublishNews:
    """Something other systems may want to know; kept in order of its writing."""

    news: News


Effect = (
    SaveDevice
    | SaveSnapshot
    | AddTimeline
    | SaveProof
    | RaiseFault
    | ClearFault
    | SaveJob
    | EnqueueJob
    | SaveCredentials
    | RestoreCredentials
    | ForgetMissing
    | SaveTags
    | SaveRuleRun
    | SaveModelNames
    | SaveTree
    | SaveLayout
    | SaveAgent
    | SaveNotify
    | SettleNotifies
    | SaveSupportedModel
    | SaveWakeAccount
    | PublishNews
)
