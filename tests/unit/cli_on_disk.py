"""A data directory with a few devices in it, and the `acs` command on it, for tests of commands."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner, Result

from acs.cli.main import acs
from acs.devices.effects import (
    AddTimeline,
    Effect,
    RaiseFault,
    SaveDevice,
    SaveJob,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.identity import Equipment, EquipmentStatus, Treatment
from acs.devices.record import (
    FaultRecord,
    Job,
    JobState,
    Proof,
    ProofLine,
    Snapshot,
    Standing,
    TimelineEntry,
    Verdict,
)
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId, Secret, Value, ValueType
from acs.profiles import Band, Intent, Library, WifiNetwork
from acs.server import open_database
from acs.settings import Settings, complete
from acs.store import Database, Vault, equipment, jobs, upgrade
from acs.store.apply import apply_thd
from acs.store.opening import open_thd

SERIAL = "22275A7000001"
KEY = f"1C61B4-Device2-{SERIAL}"
PASSPHRASE = "Erable-47-rouge"
SEEN = 1_790_000_000.0
SSID = "Device.WiFi.SSID.1.SSID"
KEY_PASSPHRASE = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
TREE = {
    "Device.WiFi.Radio.1.OperatingFrequencyBand": Value("2.4GHz"),
    "Device.WiFi.Radio.1.Channel": Value("6", ValueType.UNSIGNED_INT),
    "Device.WiFi.SSID.1.LowerLayers": Value("Device.WiFi.Radio.1."),
    SSID: Value("TP-Link_0001"),
    "Device.WiFi.AccessPoint.1.SSIDReference": Value("Device.WiFi.SSID.1."),
    "Device.WiFi.AccessPoint.1.X_TP_APType": Value("Primary"),
    KEY_PASSPHRASE: Value(""),
    "Device.Users.User.2.Password": Value("told-in-clear"),
}


class House:
    """The data directory, its database, and the command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            "ACS_SERVER_DATA_DIR": str(directory),
            "ACS_AUTH_BOOTSTRAP_PASSWORD": "boot-Secret-77",
        }
        self.settings = complete(Settings.load(None, self.environment), os.urandom)

    def run(self, *arguments: str, text: str | None = None, **more: str | None) -> Result:
        """Run ``acs`` with these arguments; ``more`` are variables."""
        environment = {**self.environment, **more}
        with patch.object(Library, "load", _load):
            return CliRunner().invoke(acs, arguments, input=text, env=environment, prog_name="acs")

    def json(self, *arguments: str, code: int = 0, **more: str | None) -> Any:
        """Run it with ``--json`` and read the one document it prints."""
        ended = self.run(*arguments, "--json", **more)
        assert ended.exit_code == code, ended.output
        return json.loads(ended.stdout)

    def open(self) -> Database:
        """The database, as a server opens it."""
        file = self.directory / "acs.db"
        if not file.exists():
            file.touch(0o600)
            file.write_bytes(_migrated())
        return open_database(self.settings)

    def apply(self, *effects: Effect) -> None:
        """Keep what a session would have learned."""
        database = self.open()
        database.run("test", apply_thd, effects)
        database.dispose()

    def call(self, serial: str = SERIAL, product_class: str = "Device2", at: float = SEEN) -> int:
        """A device calls for the first time; its id is returned."""
        contact = Contact(
            device=DeviceId("1C61B4", product_class, serial),
            manufacturer="TP-Link",
            protocol="cwmp",
            root="Device.",
            events=(),
            values={"Device.DeviceInfo.HardwareVersion": Value("XX230v v1.0")},
            at=at,
            address="192.0.2.7",
        )
        database = self.open()
        opened = database.run("test", open_thd, [contact])[0]
        database.dispose()
        return opened.device.id

    def mirror(self, *rows: MirrorRow) -> None:
        """ERPNext was asked."""
        database = self.open()
        database.run("test", equipment.store_thd, rows)
        database.dispose()

    def job(self, job_id: int) -> Job:
        """A job as the server sees it."""
        database = self.open()
        found = database.run("test", jobs.get_thd, job_id)
        database.dispose()
        assert found is not None
        return found

    def matched_device(self) -> int:
        """A device that is matched, read and proven to have another name than is wanted now."""
        device_id = self.call()
        self.mirror(wish())
        self.apply(
            SaveDevice(
                device_id,
                {
                    "standing": Standing.LIVE,
                    "reason": "what was written is seen",
                    "equipment": "EQP-00001",
                    "matched_by": "serial_number",
                    "model": "XX230v",
                    "mac": "1C61B4FA11C8",
                    "blueprint": "tplink-a",
                    "own_credentials": True,
                },
            ),
            SaveSnapshot(device_id, Snapshot(SEEN, TREE)),
            SaveProof(
                Proof(
                    device_id,
                    SEEN,
                    "s1",
                    "0123456789abcdef",
                    "f",
                    (
                        ProofLine(SSID, "TP-Link_0001", "TP-Link_0001", Verdict.PROVEN),
                        ProofLine(KEY_PASSPHRASE, "***", None, Verdict.WRITTEN),
                    ),
                )
            ),
            RaiseFault(
                FaultRecord(device_id, "job 3", SEEN, 9003, "refused", (f"{SSID}: 9007 too long",))
            ),
            AddTimeline(TimelineEntry(device_id, SEEN, "first contact", "TP-Link Device2", "s1")),
        )
        return device_id


_load_from_disk = Library.load


@cache
def _shipped() -> Library:
    return _load_from_disk()


def _load(extra_dir: str | None = None) -> Library:
    """What ships is read once for all tests, as each program reads it once."""
    return _load_from_disk(extra_dir) if extra_dir else _shipped()


@cache
def _migrated() -> bytes:
    """A database file with nothing but the schema: to migrate takes longer than most tests."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "acs.db")
        database = Database(f"sqlite:///{file}", Vault({"first": bytes(32)}, "first"), realm="none")
        upgrade(database)
        database.dispose()
        return file.read_bytes()


def wish(
    name: str = "EQP-00001",
    *,
    serial: str = SERIAL,
    ssid: str = "Maison Tremblay",
    status: EquipmentStatus = EquipmentStatus.ACTIVE,
    treatment: Treatment = Treatment.PROVISION,
) -> MirrorRow:
    """An equipment in the mirror, with one Wi-Fi network."""
    network = WifiNetwork(Band.GHZ_2_4, ssid=ssid, passphrase=Secret(PASSPHRASE))
    box = Equipment(
        name, serial_number=serial, status=status, treatment=treatment, customer="Jean Tremblay"
    )
    return MirrorRow(box, Intent(wifi=(network,)), f"digest of {ssid}", SEEN)


def finish(house: House, job_id: int, state: JobState, result: dict[str, object]) -> None:
    """The server ends a job."""
    house.apply(SaveJob(job_id, state, SEEN + 1, 1, result))
