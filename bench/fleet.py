"""A database in which many devices are known, provisioned and live.

One simulated ONT goes the whole way with the real server: first contact, provisioning,
verification.  What the database then holds of it is copied for all others.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from acs.devices.effects import SaveCredentials
from acs.devices.identity import Equipment, EquipmentStatus
from acs.devices.record import Device, Snapshot, Standing
from acs.devices.source import MirrorRow
from acs.model import Contact, Secret, Value
from acs.profiles import Intent, VoiceLine
from acs.profiles.intent import Band, Security, WifiNetwork
from acs.server import open_database
from acs.settings import Settings
from acs.settings.first_start import complete
from acs.store import Database, credentials, devices, equipment, snapshots
from acs.store.opening import open_thd
from bench.dialogue import Script
from bench.processes import BenchError, Server
from bench.recording import ont_of, record
from bench.units import STRANGERS, Unit

FIRST = Unit(0)
INTENT = Intent(
    wifi=tuple(
        WifiNetwork(
            band,
            ssid="Villa Aurore",
            passphrase=Secret("tournesol-42"),
            security=Security.WPA2,
            enabled=True,
        )
        for band in (Band.GHZ_2_4, Band.GHZ_5)
    ),
    voice=(VoiceLine(1, enabled=True, username="0187650042", password=Secret("dix-huit")),),
)
_SESSIONS_TO_LIVE = 4
"""Most periodic sessions after the first until a new device is proven and left alone."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """What was recorded."""

    periodic: Script
    boot: Script
    first_contact: Script


@dataclass(frozen=True, slots=True)
class Fleet:
    """A prepared data directory, and how many units it knows."""

    folder: Path
    units: int
    scripts: Scripts

    def copy(self, to: Path) -> Fleet:
        """The same in another directory."""
        shutil.copytree(self.folder, to)
        return Fleet(to, self.units, self.scripts)

    def serve(self, auth: str = "none") -> Server:
        """Run the server on it."""
        return serve(self.folder, auth)

    def store_values(self, count: int) -> None:
        """Give each unit a snapshot of ``count`` values."""
        database = _database(self.folder)
        with database.begin() as conn:
            known = _devices(database, self.units)
            read = snapshots.load_thd(conn, [known[0].id])[known[0].id]
            new = Snapshot(read.at, dict(islice(_values(read).items(), count)), read.written)
            snapshots.save_thd(conn, {device.id: new for device in known})
        database.dispose()

    def check(self, began: float, sessions: int, *, strangers: bool) -> None:
        """See that the database tells of the sessions that were counted. Raises `BenchError`."""
        database = _database(self.folder)
        counts = database.run("standings", devices.standings_thd)
        known = _devices(database, self.units)
        database.dispose()
        seen = sum(device.last_seen >= began for device in known)
        live, quarantined = counts[Standing.LIVE], counts[Standing.QUARANTINED]
        if live < self.units:
            raise BenchError(f"{self.units - live} of {self.units} devices are live no more")
        if strangers and quarantined < sessions:
            raise BenchError(f"{sessions} strangers called, {quarantined} are in quarantine")
        if not strangers and seen < min(sessions, self.units):
            raise BenchError(f"only {seen} of {self.units} devices were seen")


def environ(folder: Path, auth: str) -> dict[str, str]:
    """The environment of a server on this data directory; nobody's own settings are in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ACS_")}
    return kept | {
        "ACS_CONFIG": str(folder / "acs.toml"),
        "ACS_SERVER_DATA_DIR": str(folder),
        "ACS_CWMP_LISTEN": "127.0.0.1:0",
        # A few devices stand for a fleet.
        "ACS_CWMP_SESSIONS_PER_MINUTE": "1000000",
        "ACS_ADMIN_LISTEN": "",
        "ACS_AUTH_MODE": auth,
    }


def serve(folder: Path, auth: str) -> Server:
    """Run the server on this data directory as people do, by the `acs` command."""
    command = str(Path(sys.executable).with_name("acs"))
    return Server(command, "serve", "--ready", folder=folder, environ=environ(folder, auth))


def prepare(folder: Path, units: int) -> Fleet:
    """Make ``folder`` with ``units`` live devices, and record their sessions.

    Raises `BenchError`, `bench.recording.RecordingError`.
    """
    folder.mkdir(parents=True)
    (folder / "acs.toml").write_text("", encoding="utf-8")
    database = _database(folder)
    now = time.time()
    rows = [_mirrored(Unit(number), now) for number in range(units)]
    database.run("mirror", equipment.store_thd, rows)
    database.dispose()
    with serve(folder, "none") as server:
        scripts = _record(server.port)
    database = _database(folder)
    _multiply(database, units)
    database.dispose()
    return Fleet(folder, units, scripts)


def _record(port: int) -> Scripts:
    stranger = Unit(STRANGERS - 1)
    first_contact = record(ont_of(stranger, port), stranger)
    ont = ont_of(FIRST, port)
    record(ont, FIRST)
    for _ in range(_SESSIONS_TO_LIVE):
        periodic = record(ont, FIRST, ["2 PERIODIC"])
        if not periodic.answers:
            boot = record(ont, FIRST, ["1 BOOT"])
            return Scripts(periodic, boot, first_contact)
    raise BenchError(f"not at rest after {_SESSIONS_TO_LIVE} periodic sessions")


def _multiply(database: Database, units: int) -> None:
    """Make all units what the first one is."""
    now = time.time()
    contacts = [
        Contact(Unit(number).device_id, "TP-Link", "cwmp", "Device.", (), {}, now)
        for number in range(units)
    ]
    first, *others = (opened.device for opened in database.run("open", open_thd, contacts))
    if first.standing is not Standing.LIVE:
        raise BenchError(f"the first device is {first.standing}: {first.reason}")
    with database.begin() as conn:
        snapshot = snapshots.load_thd(conn, [first.id])[first.id]
        same = {name: getattr(first, name) for name in devices.CHANGEABLE}
        changes: dict[int, dict[str, object]] = {first.id: {"own_credentials": True}}
        for number, device in enumerate(others, start=1):
            unit = Unit(number)
            own = {"mac": unit.mac.replace(":", ""), "equipment": unit.equipment}
            changes[device.id] = same | own | {"own_credentials": True}
        devices.save_thd(conn, changes)
        snapshots.save_thd(conn, {device.id: snapshot for device in others})
        known = [first, *others]
        accounts = [
            SaveCredentials(device.id, device.key, Unit(number).password)
            for number, device in enumerate(known)
        ]
        credentials.save_thd(conn, accounts)
        credentials.save_thd(conn, [SaveCredentials(d.id, d.key, None) for d in known])


def _mirrored(unit: Unit, now: float) -> MirrorRow:
    box = Equipment(
        name=unit.equipment,
        serial_number=unit.serial,
        mac=unit.mac.replace(":", ""),
        gpon_serial=unit.gpon,
        status=EquipmentStatus.ACTIVE,
        customer="CUST-1",
    )
    return MirrorRow(box, INTENT, "as first wished", now)


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


def _database(folder: Path) -> Database:
    path = folder / "acs.toml"
    settings = Settings.load(path, environ(folder, "none"))
    return open_database(complete(settings, secrets.token_bytes))
