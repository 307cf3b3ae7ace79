"""What a visit needs of the house around it: the contract between the pure flow and the edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from acs.devices.effects import Effect
from acs.devices.files import Offer, ReceivedFile, Refused
from acs.devices.record import Device, Job, Opened, Snapshot
from acs.devices.rules.book import Rulebook
from acs.devices.safety import SEND_ALL, Mode, Safety
from acs.devices.source import EquipmentSource
from acs.devices.vocabulary import Discovery
from acs.model import Contact, Secret
from acs.profiles import Blueprint, Facts


@dataclass(frozen=True, slots=True)
class StunWish:
    """Where devices find the STUN server, and how often they are to ask it (seconds)."""

    server: str
    port: int = 3478
    min_keepalive: int = 30
    max_keepalive: int = 120


@dataclass(frozen=True, slots=True)
class WakeAccount:
    """ConnectionRequestUsername and ConnectionRequestPassword (TR-069 3.2.2)."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Policy:
    """How visits behave; from the settings."""

    heal: bool = True
    """Write again what a device changed on its own; else the drift is only reported."""
    check_interval: float = 86400.0
    """Seconds between two comparisons of a device that gives no reason for one."""
    max_changes: int = 200
    """Longest plan that is applied."""
    settle: float = 60.0
    """Seconds a device may take to apply what it accepted for later."""
    backoff: float = 300.0
    """Seconds to wait after a first failure; doubled each time."""
    backoff_max: float = 86400.0
    marker: bool = True
    """Leave a marker on the device that shows when it was reset."""
    own_credentials: bool = True
    """Replace the bootstrap secret by a generated password after first contact."""
    rebootstrap: bool = True
    """Let a device that has its own password come back with the bootstrap secret after a reset."""
    periodic_inform_interval: int = 0
    """Seconds; 0 leaves the device's own."""
    change_carrier: bool = False
    """Move the connection that carries our session to another VLAN or mode when that is wanted."""
    job_attempts: int = 5
    """Lost sessions after which a job fails."""
    discover: bool = True
    """Ask one device of each model and firmware for all its names, once."""
    discovery_rpcs: int = 200
    """Most requests of one discovery."""
    transfer_timeout: float = 1800.0
    """Seconds a transfer may take before the device is asked what became of it."""
    wake_accounts: bool = False
    """Give each device an account by which it believes our connection requests."""
    stun: StunWish | None = None
    """Where devices keep a way open through their NAT."""
    safety: Safety = SEND_ALL
    """What may leave for devices."""
    hold_foreign: bool = False
    """Plan only where a device shows another's settings, until an operator releases it."""

    @property
    def digest(self) -> str:
        """Changes when a setting that shapes what devices are given changes."""
        carrier = ".carrier" if self.change_carrier else ""
        calls = ".calls" if self.wake_accounts else ""
        stun = f".{self.stun.server}:{self.stun.port}" if self.stun else ""
        withheld = "" if self.safety.mode is Mode.ON else f".{self.safety.notice}"
        whole = f"{self.periodic_inform_interval}.{self.marker:d}{carrier}{calls}{stun}"
        return whole + withheld


class House(Protocol):
    """The services of the house. What can take time is awaited; the rest answers at once."""

    @property
    def policy(self) -> Policy:
        """How visits behave."""

    @property
    def source(self) -> EquipmentSource:
        """Where equipment and wishes come from."""

    @property
    def key(self) -> bytes:
        """Key of fingerprints and digests."""

    @property
    def rules(self) -> Rulebook:
        """The rules in force."""

    async def open(self, contact: Contact) -> Opened:
        """Load the device's row, creating it at first contact. A reset or boot is kept durably."""

    async def snapshot(self, device_id: int) -> Snapshot:
        """Load what the device last reported."""

    async def holders(self, equipment: str) -> Sequence[Device]:
        """Devices that are matched to this equipment."""

    async def pending_password(self, device_id: int) -> Secret | None:
        """The generated password the device may not have yet."""

    async def wake_account(self, device_id: int) -> WakeAccount | None:
        """By what the device believes our connection requests; None: it was given nothing."""

    async def offer(self, job: Job, device: Device) -> Offer | Refused:
        """Where the device fetches or puts the file of ``job``.

        Of its payload: ``file``, a name in our catalogue, and ``force`` to send an image that the
        device runs already; or, for an upload, ``file_type``.
        """

    async def received(self, job: Job) -> ReceivedFile | None:
        """The file that a device sent for ``job``, if it came."""

    async def commit(self, effects: Sequence[Effect]) -> None:
        """Write and wait until it is durable."""

    def post(self, effects: Sequence[Effect]) -> None:
        """Write with the next batch; nobody waits."""

    def blueprint(self, facts: Facts) -> Blueprint | None:
        """The blueprint of a device family."""

    def missing(self, model_key: str) -> frozenset[str]:
        """Optional names this model and firmware is known not to have."""

    def layout(self, model_key: str) -> Mapping[str, tuple[str, ...]]:
        """Rows of tables, by the table's path, that units of this model have in factory state."""

    def learn_layout(
        self, model_key: str, listed: Mapping[str, Iterable[str]]
    ) -> Mapping[str, tuple[str, ...]]:
        """Take the rows that a unit in factory state listed; return those to be kept."""

    def discovery(self, model_key: str) -> Discovery:
        """How the device on the line is to be asked for its model's names; claims the asking."""

    def new_password(self) -> Secret:
        """A fresh random password."""

    def now(self) -> float:
        """Our clock, seconds since the epoch."""
