"""From an image, a firmware rule and a rule to simulated ONTs that run it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acs_fixtures import StartAcs
from calling_ont import calling_ont
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import Job, JobKind, JobState
from acs.store import jobs
from simulators.cpe import Identity, Ont
from simulators.cpe.blocking import Client
from simulators.cpe.content import make_image

SERIAL, OTHER = "22275A7000001", "2226469000001"
NEWER = "0.9.1 3.0.0 v6066.0 Build 250101 Rel.1n"
IMAGE = make_image(NEWER, "XX230v", bytes(range(256)) * 400)
WANTED = """\
[[rule]]
model = ["{model}*"]
hardware = ["{model} *"]
version = "{version}"
file = "XX230v.bin"
"""
UPGRADE = """\
[[rule]]
name = "upgrade"
every = "5m"
spread = "0s"
do = { firmware = "due" }
"""


@dataclass(frozen=True)
class Site:
    """A server with the operator's own files."""

    acs: RunningAcs
    folder: Path

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self.acs.command(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def ended(self, serial: str) -> Job:
        """The download of a device, once it is over; it must be the only one."""

        def look() -> Job | None:
            device = self.acs.device(serial)
            with self.acs.database.read() as conn:
                found = jobs.list_thd(conn, device.id)
            made = [job for job in found if job.kind is JobKind.DOWNLOAD]
            assert len(made) < 2, made
            return made[0] if made and made[0].state not in jobs.OPEN else None

        return wait_for("the download to end", look)


@pytest.fixture(scope="module")
def site(start_acs: StartAcs, tmp_path_factory: pytest.TempPathFactory) -> Site:
    place = tmp_path_factory.mktemp("site")
    (place / "rules").mkdir()
    (place / "firmware.toml").write_text(
        WANTED.format(model="XX230v", version=NEWER)
        # A mistake of the operator: the image is of another model.
        + WANTED.format(model="EX220", version="9.9.9")
    )
    acs = start_acs(
        FILES_LISTEN="127.0.0.1:0",
        RULES_FOLDER=str(place / "rules"),
        PROVISIONING_FIRMWARE_RULES=str(place / "firmware.toml"),
    )
    image = place / "XX230v.bin"
    image.write_bytes(IMAGE)
    added = acs.command(
        "file", "add", str(image), "--type", "firmware", "--version", NEWER,
        "--fits", "model=XX230v*", "--fits", "hardware=XX230v*",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    return Site(acs, place / "rules")


@pytest.fixture(scope="module")
def other(site: Site) -> Client:
    """A unit of another model."""
    identity = Identity("1C61B4", "EX220", OTHER, "1C:61:B4:00:22:10")
    unit = Ont("tplink-a-ex220", identity, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
    client = Client(site.acs.url, unit, timeout=30)
    client.session()
    return client


@pytest.fixture(scope="module")
def ont(site: Site) -> Iterator[str]:
    """The serial number of a simulated XX230v that calls all the time."""
    with calling_ont(site.acs, SERIAL):
        yield SERIAL


def test_a_device_that_is_behind_is_brought_to_the_wanted_version(
    site: Site, ont: str, other: Client, tmp_path: Path
) -> None:
    assert site.json("device", "show", ont)["firmware"].startswith(f"behind: {NEWER}")
    tried = tmp_path / "own.toml"
    tried.write_text(UPGRADE)
    would = site.json("rule", "test", "upgrade", ont, "--file", str(tried))
    assert would["acts"]
    assert NEWER in would["does"][0]
    against = site.json("rule", "test", "upgrade", OTHER, "--file", str(tried), code=1)["why"]
    assert "its download would fail: XX230v.bin is for model XX230v*" in against[0]

    (site.folder / "own.toml").write_text(UPGRADE)
    job = site.ended(ont)
    assert (job.state, job.created_by) == (JobState.DONE, "rule upgrade"), job.result
    assert job.payload["version"] == NEWER
    assert site.acs.device(ont).software == NEWER
    assert site.json("device", "show", ont)["firmware"] == "as the rules want it"
    assert any("is wanted" in text for text in site.acs.told(site.acs.device(ont), "rule"))
    not_again = site.json("rule", "test", "upgrade", ont, code=1)["why"]
    assert not_again == ["it acted less than 300 s ago"]


def test_an_image_of_another_model_is_never_sent(site: Site, other: Client) -> None:
    (site.folder / "own.toml").write_text(UPGRADE)

    def acted() -> list[str]:
        other.session(("2 PERIODIC",))
        return site.acs.told(site.acs.device(OTHER), "rule")

    wait_for("the rule to act", acted)
    other.session(("2 PERIODIC",))
    job = site.ended(OTHER)
    assert job.state is JobState.FAILED
    assert "is for model XX230v*" in str(job.result["error"])
    assert site.acs.metric('acs_file_transfers_total{result="sent"}') <= 1


def test_doctor_names_the_rule_whose_image_brings_another_version(site: Site) -> None:
    found = site.json("doctor", code=1)["findings"]
    said = {each["text"]: each["level"] for each in found if each["area"] == "firmware"}
    assert said[f"XX230v.bin is there for XX230v*, and brings {NEWER}"] == "ok"
    wrong = f"The firmware rule for EX220* wants 9.9.9, and XX230v.bin brings {NEWER}"
    assert said[wrong] == "error"
