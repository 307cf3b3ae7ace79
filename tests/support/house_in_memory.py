"""A house in memory for tests of visits: it answers at once and keeps effects in a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from device_in_memory import MemoryDevice

from acs.devices.effects import (
    AddTimeline,
    ClearFault,
    Effect,
    ForgetMissing,
    RaiseFault,
    SaveCredentials,
    SaveDevice,
    SaveJob,
    SaveProof,
    SaveRuleRun,
    SaveSnapshot,
    SaveTags,
    SaveWakeAccount,
)
from acs.devices.files import Offer, ReceivedFile, Refused
from acs.devices.house import Policy, WakeAccount
from acs.devices.identity import Equipment, EquipmentStatus, Terms
from acs.devices.layouts import Layouts
from acs.devices.record import (
    Device,
    FaultRecord,
    Job,
    JobState,
    Opened,
    Proof,
    Snapshot,
    Standing,
)
from acs.devices.rules.book import Rulebook
from acs.devices.source import Found, Pending, Wish
from acs.devices.visit import Visit
from acs.devices.vocabulary import Discovery
from acs.model import Contact, DeviceId, Event, EventKind, Secret, Value
from acs.profiles import (
    Band,
    Blueprint,
    Facts,
    Intent,
    Library,
    Security,
    VoiceLine,
    WifiNetwork,
)

LIBRARY = Library.load()


class MemorySource:
    """Equipment and wishes a test puts in; ``pending`` makes it answer late."""

    def __init__(self) -> None:
        self.wishes: dict[str, Wish] = {}
        self.pending = ""
        self.refreshed: list[str] = []
        self.without_customer = Intent()

    def put(self, equipment: Equipment, intent: Intent, digest: str = "d1") -> None:
        self.wishes[equipment.name] = Wish(equipment, intent, digest)

    @property
    def absent(self) -> str:
        return "no equipment has this serial or MAC"

    async def find(self, terms: Terms) -> Found | Pending:
        if self.pending:
            return Pending(self.pending)
        return Found(tuple(w.equipment for w in self.wishes.values() if _fits(w.equipment, terms)))

    async def wish(self, equipment: str) -> Wish | Pending | None:
        return Pending(self.pending) if self.pending else self.wishes.get(equipment)

    def neutral(self, device: str) -> Intent:
        return self.without_customer

    def refresh(self, equipment: str) -> None:
        self.refreshed.append(equipment)


def _fits(equipment: Equipment, terms: Terms) -> bool:
    serials = {equipment.serial_number, equipment.cwmp_serial, equipment.barcode} - {""}
    return bool(
        serials & set(terms.serials)
        or equipment.mac in terms.macs
        or (equipment.gpon_serial and equipment.gpon_serial in terms.gpon_serials)
    )


class MemoryHouse:
    """Implements `House`; one device is enough for a visit."""

    key = b"k" * 32

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.rules = Rulebook()
        self.tags: set[str] = set()
        self.ran: dict[str, float] = {}
        self.source = MemorySource()
        self.device: Device | None = None
        self.jobs: list[Job] = []
        self.others: list[Device] = []
        self.kept = Snapshot()
        self.effects: list[Effect] = []
        self.committed: list[list[Effect]] = []
        self.posted: list[list[Effect]] = []
        self.password: Secret | None = None
        self.calls: WakeAccount | None = None
        self.absent: dict[str, frozenset[str]] = {}
        self.layouts = Layouts()
        self.discoveries: defaultdict[str, Discovery] = defaultdict(lambda: Discovery.NONE)
        self.time = 1000.0
        self.answer: Offer | Refused = Refused("no files here")
        """What is said of the file of a job."""
        self.sent_here: dict[int, ReceivedFile] = {}
        """What devices sent, by the job."""

    async def open(self, contact: Contact) -> Opened:
        created = self.device is None
        if self.device is None:
            told = contact.device
            self.device = Device(
                1, told.key, told.oui, told.product_class, told.serial_number, root=contact.root
            )
        if contact.has(EventKind.BOOT):
            self.device.last_boot = contact.at
        wish = self.source.wishes.get(self.device.equipment)
        open_jobs = [job for job in self.jobs if job.state in (JobState.QUEUED, JobState.SENT)]
        digest = wish.digest if wish else ""
        device = replace(self.device)
        tags = frozenset(self.tags)
        return Opened(device, created, tuple(open_jobs), digest, tags, dict(self.ran))

    async def snapshot(self, device_id: int) -> Snapshot:
        return self.kept

    async def holders(self, equipment: str) -> Sequence[Device]:
        return [device for device in self.others if device.equipment == equipment]

    async def pending_password(self, device_id: int) -> Secret | None:
        return self.password

    async def wake_account(self, device_id: int) -> WakeAccount | None:
        return self.calls

    async def offer(self, job: Job, device: Device) -> Offer | Refused:
        return self.answer

    async def received(self, job: Job) -> ReceivedFile | None:
        return self.sent_here.get(job.id)

    async def commit(self, effects: Sequence[Effect]) -> None:
        self.committed.append(list(effects))
        self._apply(effects)

    def post(self, effects: Sequence[Effect]) -> None:
        self.posted.append(list(effects))
        self._apply(effects)

    def blueprint(self, facts: Facts) -> Blueprint | None:
        return LIBRARY.choose(facts)

    def missing(self, model_key: str) -> frozenset[str]:
        return self.absent.get(model_key, frozenset())

    def layout(self, model_key: str) -> Mapping[str, tuple[str, ...]]:
        return self.layouts.rows(model_key)

    def learn_layout(
        self, model_key: str, listed: Mapping[str, Iterable[str]]
    ) -> Mapping[str, tuple[str, ...]]:
        return self.layouts.learn(model_key, listed)

    def discovery(self, model_key: str) -> Discovery:
        how, self.discoveries[model_key] = self.discoveries[model_key], Discovery.NONE
        return how

    def new_password(self) -> Secret:
        return Secret("generated-password")

    def now(self) -> float:
        return self.time

    def _apply(self, effects: Sequence[Effect]) -> None:
        self.effects.extend(effects)
        for effect in effects:
            match effect:
                case SaveDevice(device_id, changes) if device_id != 1:
                    for other in self.others:
                        for name, value in changes.items() if other.id == device_id else ():
                            setattr(other, name, value)
                case SaveDevice(_, changes):
                    for name, value in changes.items():
                        setattr(self.device, name, value)
                case SaveSnapshot(_, snapshot):
                    self.kept = snapshot
                case SaveCredentials(_, _, password):
                    self.password = Secret(password) if password else None
                case SaveWakeAccount(_, username, secret):
                    self.calls = WakeAccount(username, Secret(secret))
                case SaveTags(_, add, remove):
                    self.tags = self.tags - remove | add
                case SaveRuleRun(_, rule, at):
                    self.ran[rule] = at
                case ForgetMissing(key, missing):
                    self.absent[key] = self.absent.get(key, frozenset()) | set(missing)
                case SaveJob(job_id, state, at, attempts, result):
                    self.jobs = [
                        replace(
                            job, state=state, attempts=attempts, finished_at=at, result=dict(result)
                        )
                        if job.id == job_id
                        else job
                        for job in self.jobs
                    ]
                case _:
                    pass

    # --- what tests look at

    @property
    def timeline(self) -> list[str]:
        return [
            f"{e.entry.kind}: {e.entry.text}" for e in self.effects if isinstance(e, AddTimeline)
        ]

    @property
    def proofs(self) -> list[Proof]:
        return [e.proof for e in self.effects if isinstance(e, SaveProof)]

    @property
    def faults(self) -> list[FaultRecord]:
        return [e.fault for e in self.effects if isinstance(e, RaiseFault)]

    @property
    def cleared(self) -> list[str]:
        return [e.subject for e in self.effects if isinstance(e, ClearFault)]

    # --- what tests do

    def visited(
        self,
        device: MemoryDevice,
        *events: EventKind,
        serial: str = "22275A7000001",
        credential: str = "own",
        at: float | None = None,
        root: str = "Device.",
        product_class: str = "Device2",
        protocol: str = "cwmp",
        told: Iterable[str] = ("HardwareVersion", "SoftwareVersion", "ProvisioningCode"),
    ) -> Visit:
        """Let ``device`` call with ``events`` and serve it to the end."""
        self.time = at if at is not None else self.time + 300
        values = {
            path: device.values[path]
            for leaf in told
            if (path := f"{root}DeviceInfo.{leaf}") in device.values
        }
        values |= {p: v for p, v in device.values.items() if p.endswith("IPv4Address.1.IPAddress")}
        contact = Contact(
            DeviceId("1C61B4", product_class, serial),
            "TP-Link",
            protocol,
            root,
            tuple(Event(kind, text=kind.value) for kind in events or (EventKind.PERIODIC,)),
            values or {f"{root}DeviceInfo.HardwareVersion": Value("XX230v v1.0 00000000")},
            self.time,
            credential=credential,
            session=f"s{self.time:.0f}",
        )
        visit = Visit(contact, self)
        device.run(visit.run(device.model))
        return visit


EQUIPMENT = Equipment(
    "EQP-1", serial_number="22275A7000001", status=EquipmentStatus.ACTIVE, mac="1C61B4FA11C8"
)
HOME = Intent(
    wifi=tuple(
        WifiNetwork(band, ssid="Maison", passphrase=Secret("motdepasse"), security=Security.WPA2)
        for band in (Band.GHZ_2_4, Band.GHZ_5)
    ),
    voice=(VoiceLine(username="4505550101", password=Secret("sip-secret"), registrar="sip.isp"),),
)
SSID = "Device.WiFi.SSID.1.SSID"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"


def served(policy: Policy | None = None, *, jobs: Sequence[Job] = ()) -> MemoryHouse:
    """A house that knows the equipment and its wish."""
    house = MemoryHouse(policy)
    house.source.put(EQUIPMENT, HOME)
    house.jobs = list(jobs)
    return house


def live(device: MemoryDevice, house: MemoryHouse) -> None:
    """Bring ``device`` to where it is proven, and forget how it came there."""
    house.visited(device, EventKind.BOOTSTRAP)
    device.next_session()
    house.visited(device)
    assert house.device is not None
    assert house.device.standing is Standing.LIVE
    device.operations.clear()
    house.effects.clear()
    house.committed.clear()
    house.posted.clear()
