"""A rule that gives devices the firmware that is due: when, which, and how often it is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from cli_on_disk import SERIAL, House
from device_trees import xx230v
from house_in_memory import MemoryHouse, live, served

from acs.devices.effects import EnqueueJob, SaveDevice
from acs.devices.files import FIRMWARE, Refused
from acs.devices.record import Device, Job, JobKind, JobState
from acs.devices.rules.book import Rulebook
from acs.devices.rules.decide import Visitor, hindrance, left_to_do
from acs.devices.rules.file import read_rules
from acs.devices.rules.firmware import IN_ORDER, DueImage, due_image, failure_key
from acs.devices.rules.rule import FirmwareDue, JobWish, Rule, Tagging
from acs.model import EventKind, Value
from acs.profiles.firmware import FirmwareRule, FirmwareWish, Window
from acs.server.firmware import FirmwareFile, sound_rules

OLD, NEW = "0.6.0 v6066.0 Build 220630", "0.9.1 v6066.0 Build 250101"
UNIT = Device(
    1, "K-1", "1C61B4", "XX230v", "S", root="Device.", model="XX230v",
    manufacturer="TP-Link", hardware="XX230v v1.0 00000000", software=OLD,
)  # fmt: skip
WANTED = FirmwareRule({"model": ("XX230v",), "hardware": ("XX230v v1*",)}, NEW, "new.bin")
NIGHT = replace(WANTED, window=Window(time(23, 0), time(3, 0)))
UPGRADE = Rule("upgrade", (FirmwareDue(),), pause=3600.0)
IMAGE = DueImage(FirmwareWish(NEW, "new.bin", None, "it is behind"), 600.0)
NOW = 1_000_000.0


def why(**about: object) -> str:
    return hindrance(UPGRADE, Visitor(UNIT, **{"image": IMAGE, **about}), NOW, 0)  # type: ignore[arg-type]


def failures(count: int, version: str = NEW, rule: str = "upgrade") -> dict[str, float]:
    payload = {"file": "new.bin", "version": version}
    made = [
        Job(n, 1, JobKind.DOWNLOAD, payload, created_by=f"rule {rule}") for n in range(1, count + 1)
    ]
    return {failure_key(job): NOW - 99_999 for job in made}


# --- when -----------------------------------------------------------------------------------


def test_an_image_is_due_at_any_hour_where_none_is_named() -> None:
    image = due_image(UNIT, [WANTED], 0)
    assert isinstance(image, DueImage)
    assert (image.wish.file, image.wish.version) == ("new.bin", NEW)
    assert due_image(replace(UNIT, software=NEW), [WANTED], 0) == IN_ORDER
    assert due_image(replace(UNIT, hardware="XX230v v2.0"), [WANTED], 0) == IN_ORDER
    assert due_image(UNIT, [], 0) == IN_ORDER


def test_hours_are_kept_over_midnight_and_the_job_ends_with_them() -> None:
    for minute in (22 * 60 + 59, 3 * 60, 12 * 60):
        assert "sent at 23:00-03:00 only" in str(due_image(UNIT, [NIGHT], minute))
    image = due_image(UNIT, [NIGHT], 2 * 60)
    assert isinstance(image, DueImage)
    assert image.lifetime == 3600.0


def test_the_fleet_is_spread_over_the_first_half_of_the_hours() -> None:
    fleet = [replace(UNIT, key=f"K-{number}") for number in range(1000)]

    def due(minute: int) -> int:
        return sum(isinstance(due_image(each, [NIGHT], minute), DueImage) for each in fleet)

    assert due(23 * 60) < 20
    assert 420 < due(0) < 580
    assert due(60) == 1000


def test_what_speaks_against_it_is_said() -> None:
    assert why() == ""
    assert why(image=IN_ORDER) == IN_ORDER
    busy = Job(7, 1, JobKind.SCHEDULE_DOWNLOAD, {"file": "other.bin"}, state=JobState.SENT)
    assert why(jobs=(busy,)) == "a download is open"
    stored = replace(busy, kind=JobKind.ACTIVATE)
    assert why(jobs=(stored,)) == "stored firmware is about to run"
    assert "less than 3600 s ago" in why(ran={"upgrade": NOW - 60})


def test_a_version_that_failed_is_tried_so_often_only() -> None:
    assert why(ran=failures(2)) == ""
    assert f"{NEW} has failed 3 times" in why(ran=failures(3))
    assert why(ran=failures(3, "another version")) == ""
    assert why(ran=failures(3, rule="upgrade more")) == ""
    once = Rule("upgrade", (FirmwareDue(attempts=1),))
    assert "has failed once" in hindrance(once, Visitor(UNIT, image=IMAGE, ran=failures(1)), NOW, 0)


def test_only_downloads_of_a_version_that_a_rule_asked_for_are_counted() -> None:
    job = Job(1, 1, JobKind.DOWNLOAD, {"version": NEW}, created_by="rule upgrade")
    assert failure_key(job)
    assert not failure_key(replace(job, created_by="acs me"))
    assert not failure_key(replace(job, payload={"file": "x"}))
    assert not failure_key(replace(job, kind=JobKind.UPLOAD))


def test_what_stands_beside_it_waits_for_it() -> None:
    tagged = Rule("upgrade", (FirmwareDue(priority=5), Tagging(frozenset({"sent"}))))
    [job, tag] = left_to_do(tagged, Visitor(UNIT, image=IMAGE))
    assert job == JobWish(
        JobKind.DOWNLOAD,
        {"file": "new.bin", "file_type": FIRMWARE, "version": NEW},
        5,
        600.0,
        "it is behind",
    )
    assert tag == tagged.do[1]
    assert left_to_do(tagged, Visitor(UNIT)) == ()


# --- reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "says"),
    [
        ('{ firmware = "new.bin" }', 'write { firmware = "due" }'),
        ('{ firmware = "due", attempts = 0 }', "attempts is a whole number from 1 to 10"),
        ('{ firmware = "due", priority = 9999 }', "priority is a whole number"),
        ('{ firmware = "due", payload = {} }', "'payload' is not known"),
    ],
)
def test_a_mistake_is_named(do: str, says: str) -> None:
    rules, issues = read_rules(f'[[rule]]\nname="u"\nevery="1h"\ndo={do}\n', "u.toml", groups={})
    assert rules == ()
    assert [issue.line for issue in issues] == [4]
    assert says in issues[0].message


def test_a_rule_is_read() -> None:
    text = '[[rule]]\nname="u"\nevery="1h"\ndo={ firmware = "due", attempts = 2 }\n'
    [rule], issues = read_rules(text, "u.toml", groups={})
    assert issues == ()
    assert rule.do == (FirmwareDue(attempts=2),)


RULES = """\
[[rule]]
model = ["XX230v"]
hardware = ["XX230v v1*"]
version = "{version}"
file = "new.bin"
"""


def test_a_changed_file_is_read_again_and_one_mistake_stops_all(tmp_path: Path) -> None:
    path = tmp_path / "firmware.toml"
    path.write_text(RULES.format(version=NEW))
    kept = FirmwareFile(str(path))
    assert [rule.version for rule in kept.rules()] == [NEW]
    assert kept.rules() is kept.rules()
    path.write_text(RULES.format(version="2.0") + "[[rule]]\nmodel = ['XX230v']\n")
    assert kept.rules() == ()
    assert sound_rules(path)[1]
    path.write_text(RULES.format(version="2.0 and more"))
    assert [rule.version for rule in kept.rules()] == ["2.0 and more"]
    path.unlink()
    assert [rule.version for rule in kept.rules()] == ["2.0 and more"], "what was read stays"
    assert FirmwareFile("").rules() == ()


# --- in a visit -----------------------------------------------------------------------------


def test_a_device_behind_gets_a_job_and_no_second_one() -> None:
    house, device = served(), xx230v()
    device.values |= {
        "Device.DeviceInfo.SoftwareVersion": Value(OLD),
        "Device.DeviceInfo.HardwareVersion": Value("XX230v v1.0 00000000"),
    }
    live(device, house)
    wanted = FirmwareRule({"model": ("XX230v*",), "hardware": ("XX230v*",)}, NEW, "new.bin")
    house.rules = Rulebook((replace(UPGRADE, pause=300.0),))
    house.visited(device)
    assert made_by(house) == [], "without firmware rules nothing is due"
    house.rules.firmware = (wanted,)
    house.visited(device, EventKind.PERIODIC)
    [job] = made_by(house)
    assert (job.kind, job.payload["file"], job.payload["version"]) == (
        JobKind.DOWNLOAD, "new.bin", NEW,
    )  # fmt: skip
    assert any("upgrade: job download (it has" in line for line in house.timeline)
    for number in range(1, 6):
        # It is refused each time: the image is not made for the device.
        house.answer = Refused("new.bin is for another model")
        house.jobs.append(replace(job, id=number))
        house.visited(device, at=house.time + 4000)
        house.visited(device, at=house.time + 4000)
    failed = [each for each in house.jobs if each.state is JobState.FAILED]
    assert len(failed) == 5
    assert sum(name.startswith(f"upgrade > {NEW} > job ") for name in house.ran) == 5
    before = len(made_by(house))
    house.visited(device, at=house.time + 4000)
    assert len(made_by(house)) == before, "it has failed often enough"


def made_by(house: MemoryHouse) -> list[Job]:
    return [effect.job for effect in house.effects if isinstance(effect, EnqueueJob)]


# --- on the command line --------------------------------------------------------------------


def test_what_the_rule_would_send_and_whether_the_files_are_there(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    known = {"software": OLD, "hardware": "XX230v v1.0", "model": "XX230v"}
    house.apply(SaveDevice(house.matched_device(), known))
    firmware, folder = tmp_path / "firmware.toml", tmp_path / "rules"
    firmware.write_text(RULES.format(version=NEW).replace('"XX230v v1*"', '"*"'))
    folder.mkdir()
    rule = '[[rule]]\nname="upgrade"\nevery="1h"\nspread="0s"\ndo={ firmware = "due" }\n'
    (folder / "own.toml").write_text(rule)
    settings = {
        "ACS_PROVISIONING_FIRMWARE_RULES": str(firmware),
        "ACS_RULES_FOLDER": str(folder),
    }
    said = house.json("rule", "test", "upgrade", SERIAL, code=1, **settings)
    assert said["why"] == ["its download would fail: the catalogue has no file 'new.bin'"]
    assert f"{NEW} is wanted" in said["does"][0]
    found = house.json("doctor", code=1, **settings)["findings"]
    texts = [each["text"] for each in found if each["area"] == "firmware"]
    assert "The firmware rule for XX230v names new.bin, which the catalogue has not" in texts
    assert "Firmware that is due is sent by the rule upgrade" in texts
