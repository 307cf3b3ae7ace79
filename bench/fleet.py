"""A database in which many devices are known, provisioned and live.

One simulated ONT goes the whole way with the real server: first contact, provisioning,
verification.  What the database then holds of it is copied for all others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from acs.devices.effects import SaveCredentials, SaveWakeAccount
from acs.devices.identity import Equipment, EquipmentStatus
from acs.devices.record import Device, Snapshot, Standing
from acs.devices.source import MirrorRow
from acs.model import Contact, Secret, Value
from acs.profiles import Intent, VoiceLine
from acs.profiles.intent import Band, Security, WifiNetwork
from acs.store import Database, credentials, devices, equipment, snapshots, wake_accounts
from acs.store.opening import open_thd
from bench.dialogue import Script
from bench.figures import Kind, Wish
from bench.place import Place
from bench.processes import BenchError
from bench.recording import ont_of, record
from bench.units import STRANGERS, Unit
from simulators.cpe import Ont

FIRST = Unit(0)
_VOICE = (VoiceLine(1, enabled=True, username="0187650042", password=Secret("dix-huit")),)
_WIFI = tuple(
    WifiNetwork(
        band,
        ssid="Villa Aurore",
        passphrase=Secret("tournesol-42"),
        security=Security.WPA2,
        enabled=True,
    )
    for band in (Band.GHZ_2_4, Band.GHZ_5)
)
INTENTS: Mapping[Wish, Intent] = {
    Wish.WHOLE: Intent(wifi=_WIFI, voice=_VOICE),
    Wish.TELEPHONE: Intent(voice=_VOICE),
}
_ACCOUNT = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.MultiIsp.1."
FACTORY = {
    f"{_ACCOUNT}MultiIspName": "",
    f"{_ACCOUNT}MultiAccountEnable": "0",
    f"{_ACCOUNT}MultiVoipNum": "",
    f"{_ACCOUNT}MultiProfileName": "",
    f"{_ACCOUNT}MultiAuthUserName": "",
}
"""What a telephone account is before it is set up: five values of those a boot is asked for."""
_SESSIONS_TO_LIVE = 4
"""Most periodic sessions after the first until a new device is proven and left alone."""

Scripts = Mapping[Kind, list[Script]]
"""What was recorded: the sessions of each kind, one after the other."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A prepared place, and how many units it knows."""

    place: Place
    units: int
    scripts: Scripts

    def copy(self, name: str) -> Fleet:
        """The same beside it."""
        return Fleet(self.place.copy(name), self.units, self.scripts)

    def store_values(self, count: int) -> None:
        """Give each unit a snapshot of ``count`` values."""
        database = self.place.database()
        known = _devices(database, self.units)
        with database.begin() as conn:
            read = snapshots.load_thd(conn, [known[0].id])[known[0].id]
            new = Snapshot(read.at, dict(islice(_values(read).items(), count)), read.written)
            snapshots.save_thd(conn, {device.id: new for device in known})
        database.dispose()

    def check(self, began: float, sessions: int, *, strangers: bool, resting: bool = True) -> None:
        """See that the database tells of the sessions that were counted.

        ``resting``: no unit may be under way to its proof.  Raises `BenchError`.
        """
        database = self.place.database()
        counts = database.run("standings", devices.standings_thd)
        known = _devices(database, self.units)
        database.dispose()
        seen = sum(device.last_seen >= began for device in known)
        live, quarantined = counts[Standing.LIVE], counts[Standing.QUARANTINED]
        good = live if resting else live + counts[Standing.VERIFYING]
        if good < self.units:
            raise BenchError(f"{self.units - good} of {self.units} devices are live no more")
        if strangers and quarantined < sessions:
            raise BenchError(f"{sessions} strangers called, {quarantined} are in quarantine")
        if not strangers and resting and seen < min(sessions, self.units):
            raise BenchError(f"only {seen} of {self.units} devices were seen")


def prepare(place: Place, units: int, wish: Wish = Wish.WHOLE) -> Fleet:
    """Make ``place`` with ``units`` live devices of this ``wish``, and record their sessions.

    Raises `BenchError`, `bench.recording.RecordingError`.
    """
    place.make()
    database = place.database()
    now = time.time()
    rows = [mirrored(Unit(number), INTENTS[wish], now) for number in range(units)]
    database.run("mirror", equipment.store_thd, rows)
    database.dispose()
    with place.alone().serve() as server:
        scripts = _record(server.port, wish)
    database = place.database()
    _multiply(database, units)
    database.dispose()
    return Fleet(place, units, scripts)


def _record(port: int, wish: Wish) -> Scripts:
    ont = ont_of(FIRST, port)
    if wish is Wish.TELEPHONE:
        record(ont, FIRST)
        periodic = _until_live(ont)
        return {Kind.PERIODIC: [periodic], Kind.BOOT: _boot_with_factory_values(ont)}
    stranger = Unit(STRANGERS - 1)
    first_contact = record(ont_of(stranger, port), stranger)
    record(ont, FIRST)
    periodic = _until_live(ont)
    return {
        Kind.PERIODIC: [periodic],
        Kind.BOOT_UNCHANGED: [record(ont, FIRST, ["1 BOOT"])],
        Kind.FIRST_CONTACT: [first_contact],
    }


def _until_live(ont: Ont) -> Script:
    """Run periodic sessions until nothing is asked any more; return the last one."""
    for _ in range(_SESSIONS_TO_LIVE):
        periodic = record(ont, FIRST, ["2 PERIODIC"])
        if not periodic.answers:
            return periodic
    raise BenchError(f"not at rest after {_SESSIONS_TO_LIVE} periodic sessions")


def _boot_with_factory_values(ont: Ont) -> list[Script]:
    """Boot with `FACTORY` values, and the session in which they are seen to be mended."""
    recorded: list[Script] = []
    for _ in range(2):  # the second time is what it is from then on
        for path, text in FACTORY.items():
            ont.tree.put(path, text)
        boot = record(ont, FIRST, ["1 BOOT"])
        recorded = [boot, record(ont, FIRST, ["2 PERIODIC"])]
    if record(ont, FIRST, ["2 PERIODIC"]).answers:
        raise BenchError("not at rest after a boot and a periodic session")
    return recorded


def _multiply(database: Database, units: int) -> None:
    """Make all units what the first one is."""
    known = open_all(database, units, "cwmp")
    with database.begin() as conn:
        copy_first_thd(conn, known)
        devices.save_thd(conn, {device.id: {"own_credentials": True} for device in known})
        accounts = [
            SaveCredentials(device.id, device.key, Unit(number).password)
            for number, device in enumerate(known)
        ]
        credentials.save_thd(conn, accounts)
        credentials.save_thd(conn, [SaveCredentials(d.id, d.key, None) for d in known])
        # The snapshot they share tells that this password was written.
        first = wake_accounts.load_thd(conn, [known[0].id])[known[0].id]
        calls = [SaveWakeAccount(d.id, d.key, first.password.reveal()) for d in known]
        wake_accounts.save_thd(conn, calls)


def open_all(database: Database, units: int, protocol: str) -> list[Device]:
    """Make all units known to the store, and return what it knows of them, in their order.

    Raises `BenchError` if the first one, which the others are to be like, is not live.
    """
    now = time.time()
    contacts = [
        Contact(Unit(number).device_id, "TP-Link", protocol, "Device.", (), {}, now)
        for number in range(units)
    ]
    known = [opened.device for opened in database.run("open", open_thd, contacts)]
    if known[0].standing is not Standing.LIVE:
        raise BenchError(f"the first device is {known[0].standing}: {known[0].reason}")
    return known


def copy_first_thd(conn: Connection, known: Sequence[Device]) -> None:
    """Make the rows and snapshots of all what the first one's are, but for MAC and equipment."""
    first, others = known[0], known[1:]
    snapshot = snapshots.load_thd(conn, [first.id])[first.id]
    same = {name: getattr(first, name) for name in devices.CHANGEABLE}
    changes: dict[int, dict[str, object]] = {}
    for number, device in enumerate(others, start=1):
        unit = Unit(number)
        own = {"mac": unit.mac.replace(":", ""), "equipment": unit.equipment}
        changes[device.id] = same | own
    devices.save_thd(conn, changes)
    snapshots.save_thd(conn, {device.id: snapshot for device in others})


def mirrored(unit: Unit, intent: Intent, now: float) -> MirrorRow:
    """What ERPNext wants of a unit, as the server keeps it."""
    box = Equipment(
        name=unit.equipment,
        serial_number=unit.serial,
        mac=unit.mac.replace(":", ""),
        gpon_serial=unit.gpon,
        status=EquipmentStatus.ACTIVE,
        customer="CUST-1",
    )
    return MirrorRow(box, intent, "as first wished", now)


def _devices(database: Database, units: int) -> list[Device]:
    with database.read() as conn:
        return devices.list_thd(conn, standing=Standing.LIVE, limit=units)


def _values(read: Snapshot) -> dict[str, Value]:
    """What was read, and as many plausible values more as anyone wants."""
    more = {
        f"Device.Hosts.Host.{row}.{leaf}": Value(f"{leaf.lower()}-{row * 7919 % 10007}")
        for row in range(1, 1001)
        for leaf in ("HostName", "IPAddress", "PhysAddress", "Layer1Interface", "Active")
    }
    return {**read.values, **more}
