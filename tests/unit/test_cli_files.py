"""`acs file`, and what `acs doctor` says of the file server."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cli_on_disk import KEY, SEEN, SERIAL, House

from acs.cli.doctor import files as doctor
from acs.devices.files import ReceivedFile, Slot
from acs.devices.record import Job, JobKind, JobState
from acs.files.folder import Folder
from acs.files.sealed import seal_file
from acs.model import Secret
from acs.settings import Settings, SettingsError
from acs.store import files, jobs
from erp_bridge.schema import Finding, Level

CONTENT = b"an image"
FIRMWARE = ("--type", "firmware", "--version", "1.2", "--fits", "model=XX230v*")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "XX230v(EU) 1.2.bin"
    path.write_bytes(CONTENT)
    return path


def stored(house: House) -> list[str]:
    folder = house.directory / "files" / "catalogue"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# --- add ------------------------------------------------------------------------------------


def test_an_image_is_added_shown_listed_and_removed(house: House, image: Path) -> None:
    more = ("--fits", "hardware=XX230v v1*", "--fits", "hardware=XX230v v2*", "--note", "trial")
    added = house.json("file", "add", str(image), *FIRMWARE, *more)
    assert added["name"] == "XX230v_EU_1.2.bin"
    assert added["file_type"] == "1 Firmware Upgrade Image"
    assert added["sha256"] == sha256(CONTENT).hexdigest()
    assert added["size"] == len(CONTENT)
    assert added["fits"] == {"model": ["XX230v*"], "hardware": ["XX230v v1*", "XX230v v2*"]}
    assert house.json("file", "list")["files"] == [added]
    assert house.json("file", "show", added["name"]) == added
    assert "hardware=XX230v v2*" in house.run("file", "show", added["name"]).stdout
    assert house.json("file", "verify") == {"files": [{"name": added["name"], "problem": None}]}
    assert house.run("file", "remove", added["name"], "--yes").exit_code == 0
    assert house.json("file", "list")["files"] == []
    assert stored(house) == []


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (("--type", "firmware", "--version", "1"), "--fits 'model=XX230v*'"),
        (("--type", "firmware", "--version", "1", "--fits", "oui=1C61B4"), "--fits"),
        (("--type", "firmware", "--fits", "model=XX230v*"), "--version"),
        (("--type", "firmware", "--version", "1", "--fits", "model=*"), "fits anything"),
        (("--type", "firmware", "--version", "1", "--fits", "serial=1"), "manufacturer, oui"),
        (
            (
                "--type",
                "image",
            ),
            "firmware, web, config",
        ),
        (
            (
                "--type",
                "X nothing",
            ),
            "firmware, web, config",
        ),
        (("--type", "tone", "--name", "../x"), "letters, digits"),
        ((), "--type"),
    ],
)
def test_what_is_not_sound_is_refused_with_the_fix(
    house: House, image: Path, arguments: tuple[str, ...], fix: str
) -> None:
    ended = house.run("file", "add", str(image), *arguments)
    assert ended.exit_code == 2
    assert fix in " ".join(ended.stderr.split())
    assert stored(house) == []


@pytest.mark.parametrize(
    ("word", "file_type"),
    [
        ("web", "2 Web Content"),
        ("config", "3 Vendor Configuration File"),
        ("tone", "4 Tone File"),
        ("Ringer", "5 Ringer File"),
        ("4 Tone File", "4 Tone File"),
        ("X TP-LINK Calibration", "X TP-LINK Calibration"),
    ],
)
def test_types_are_those_of_tr069(house: House, image: Path, word: str, file_type: str) -> None:
    assert house.json("file", "add", str(image), "--type", word)["file_type"] == file_type


def test_a_name_and_a_content_are_there_once(house: House, image: Path, tmp_path: Path) -> None:
    house.json("file", "add", str(image), *FIRMWARE, "--name", "one.bin")
    same = house.run("file", "add", str(image), *FIRMWARE, "--name", "two.bin")
    assert same.exit_code == 1
    assert "this very file, one.bin" in same.stderr
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")
    named = house.run("file", "add", str(other), *FIRMWARE, "--name", "one.bin")
    assert named.exit_code == 1
    assert "acs file remove one.bin" in named.stderr
    assert stored(house) == [sha256(CONTENT).hexdigest()]


def test_an_empty_file_is_refused(house: House, tmp_path: Path) -> None:
    empty = tmp_path / "empty.bin"
    empty.touch()
    ended = house.run("file", "add", str(empty), *FIRMWARE)
    assert (ended.exit_code, "is empty" in ended.stderr) == (1, True)


# --- remove, verify -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JobKind.DOWNLOAD, JobKind.SCHEDULE_DOWNLOAD])
def test_a_file_that_a_job_sends_stays(house: House, image: Path, kind: JobKind) -> None:
    name = house.json("file", "add", str(image), *FIRMWARE)["name"]
    database = house.open()
    job = Job(0, house.call(), kind, {"file": name, "file_type": "1 Firmware Upgrade Image"})
    job_id = database.run("test", jobs.enqueue_thd, job)
    database.run("test", jobs.enqueue_thd, replace(job, payload={"file": "another.bin"}))
    database.dispose()
    ended = house.run("file", "remove", name, "--yes")
    assert ended.exit_code == 1
    assert f"1 open jobs send {name} ({job_id})" in ended.stderr
    assert stored(house) == [sha256(CONTENT).hexdigest()]


def test_a_file_that_jobs_have_sent_may_go(house: House, image: Path) -> None:
    name = house.json("file", "add", str(image), *FIRMWARE)["name"]
    done = Job(0, house.call(), JobKind.DOWNLOAD, {"file": name}, state=JobState.DONE)
    database = house.open()
    database.run("test", jobs.enqueue_thd, done)
    database.dispose()
    assert house.run("file", "remove", name, "--yes").exit_code == 0


def test_rules_that_send_a_removed_file_are_named(
    house: House, image: Path, tmp_path: Path
) -> None:
    rules, firmware = tmp_path / "rules", tmp_path / "firmware.toml"
    rules.mkdir()
    # A name of each: the one that is removed, and one that stays.
    sends = """
        [[rule]]
        name = "config to {0}"
        once = true
        do = [{{ job = "download", payload = {{ file = "{0}", file_type = "3" }} }}]
    """
    (rules / "sends.toml").write_text("".join(map(sends.format, ("one.bin", "two.bin"))))
    wants = """
        [[rule]]
        model = ["{0}"]
        hardware = ["* v1*"]
        version = "1.2"
        file = "{1}"
    """
    firmware.write_text(wants.format("XX230v", "one.bin") + wants.format("EX220", "two.bin"))
    house.json("file", "add", str(image), *FIRMWARE, "--name", "one.bin")
    settings = {"ACS_PROVISIONING_FIRMWARE_RULES": str(firmware), "ACS_RULES_FOLDER": str(rules)}
    ended = house.run("file", "remove", "one.bin", "--yes", **settings)
    assert ended.exit_code == 0
    assert ended.stderr.splitlines() == [
        f"acs: the firmware rule for XX230v in {firmware} sends one.bin: "
        "change it, or add the file again",
        "acs: the rule 'config to one.bin' in sends.toml:2 sends one.bin: "
        "change it, or add the file again",
    ]


def test_a_file_that_changed_or_went_is_named(house: House, image: Path) -> None:
    name = house.json("file", "add", str(image), *FIRMWARE)["name"]
    path = house.directory / "files" / "catalogue" / sha256(CONTENT).hexdigest()
    path.write_bytes(b"An image")
    (found,) = house.json("file", "verify", name, code=1)["files"]
    assert found["problem"].startswith("has changed: 8 octets")
    path.unlink()
    ended = house.run("file", "verify")
    assert ended.exit_code == 1
    assert "cannot be read" in ended.stdout


@pytest.mark.parametrize("command", ["show", "remove", "verify"])
def test_a_name_that_is_not_there_says_where_to_look(house: House, command: str) -> None:
    ended = house.run("file", command, "nothing.bin")
    assert (ended.exit_code, "acs file list" in ended.stderr) == (1, True)


# --- uploads --------------------------------------------------------------------------------


def received(house: House, content: bytes, at: float = SEEN) -> int:
    """A device sent a file."""
    device_id = house.call()
    key, name = b"k" * 32, sha256(content).hexdigest()[:16]
    Folder(house.directory / "files").keep(name, seal_file(key, name, content))
    kind = "4 Vendor Log File 1"
    slot = Slot(name, Secret("x"), device_id, 7, kind, at + 60)
    file = ReceivedFile(0, device_id, 7, kind, len(content), sha256(content).hexdigest(), name, at)
    database = house.open()
    database.run("test", files.open_slot_thd, slot)
    upload_id = database.run("test", files.receive_thd, slot, file, key)
    database.dispose()
    assert upload_id is not None
    return upload_id


def test_what_a_device_sent_is_listed_and_decrypted(house: House, tmp_path: Path) -> None:
    upload_id = received(house, b"log \xff lines")
    (row,) = house.json("file", "uploads", SERIAL)["uploads"]
    assert (row["id"], row["device"], row["size"]) == (upload_id, KEY, 11)
    assert row["at"] == "2026-09-21T14:13:20.000Z"
    assert KEY in house.run("file", "uploads").stdout
    out = tmp_path / "log"
    assert house.run("file", "get", str(upload_id), "-o", str(out)).exit_code == 0
    assert out.read_bytes() == b"log \xff lines"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    shown = house.run("file", "get", str(upload_id), "-o", "-")
    assert shown.stdout_bytes == b"log \xff lines"


def test_a_file_that_is_there_is_not_replaced(house: House, tmp_path: Path) -> None:
    upload_id = received(house, b"log")
    out = tmp_path / "mine"
    out.write_text("mine")
    ended = house.run("file", "get", str(upload_id), "-o", str(out))
    assert (ended.exit_code, out.read_text()) == (1, "mine")


def test_an_upload_that_is_not_there(house: House, tmp_path: Path) -> None:
    ended = house.run("file", "get", "99", "-o", str(tmp_path / "x"))
    assert (ended.exit_code, "acs file uploads" in ended.stderr) == (1, True)
    upload_id = received(house, b"log")
    for path in (house.directory / "files" / "uploads").iterdir():
        path.unlink()
    lost = house.run("file", "get", str(upload_id), "-o", str(tmp_path / "x"))
    assert (lost.exit_code, "is not in" in lost.stderr) == (1, True)
    assert not (tmp_path / "x").exists()


def test_uploads_of_a_device_that_nobody_knows(house: House) -> None:
    assert house.run("file", "uploads", "nobody").exit_code == 4


# --- settings and doctor --------------------------------------------------------------------


def settings(house: House, **variables: str) -> Settings:
    variables = {f"ACS_FILES_{name}": value for name, value in variables.items()}
    return Settings.load(None, {**house.environment, **variables})


def bad(findings: Iterable[Finding]) -> list[str]:
    found = [finding for finding in findings if finding.level is not Level.OK]
    assert all(finding.fix for finding in found)
    return [f"{finding.level.value}: {finding.text}" for finding in found]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"URL": "http://x:1"}, "files.url: nothing listens there"),
        ({"TLS_LISTEN": "127.0.0.1:1"}, "files.tls_listen: needs cwmp.tls_certificate"),
        ({"LISTEN": "127.0.0.1:99999"}, "files.listen: a port is at most 65535"),
        ({"LISTEN": ":0", "URL": "http://user:pw@host/"}, "files.url"),
        ({"LISTEN": ":0", "URL": "ftp://host/"}, "files.url"),
        ({"MAX_UPLOAD_BYTES": "99999999999"}, "files.max_upload_bytes"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    house: House, variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        settings(house, **variables)


def test_a_file_server_that_is_off_is_well(house: House) -> None:
    assert bad(doctor.check(settings(house))) == []


def test_devices_must_be_told_where_it_is(house: House) -> None:
    (said,) = bad(doctor.check(settings(house, LISTEN="0.0.0.0:7548")))
    assert said.startswith("error: files.url is not set")
    assert bad(doctor.check(settings(house, LISTEN="192.0.2.1:7548"))) == []
    good = settings(house, LISTEN="0.0.0.0:7548", URL="http://acs.example.net:7548")
    assert bad(doctor.check(good)) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:7548", "no device can reach"),
        ("http://localhost:7548", "no device can reach"),
        ("https://acs.example.net", "files.tls_listen is off"),
    ],
)
def test_an_address_that_may_not_work_is_warned_of(house: House, url: str, said: str) -> None:
    (found,) = bad(doctor.check(settings(house, LISTEN="0.0.0.0:7548", URL=url)))
    assert found.startswith("warning: ")
    assert said in found


def test_files_that_are_gone_are_found(house: House, image: Path) -> None:
    name = house.json("file", "add", str(image), *FIRMWARE)["name"]
    served = settings(house, LISTEN="192.0.2.1:7548")
    assert bad(doctor.check(replace_keys(served, house))) == []
    (house.directory / "files" / "catalogue" / sha256(CONTENT).hexdigest()).unlink()
    (found,) = bad(doctor.check(replace_keys(served, house)))
    assert name in found


def replace_keys(served: Settings, house: House) -> Settings:
    return replace(served, secrets=house.settings.secrets)
