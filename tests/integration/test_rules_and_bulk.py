"""Rules and campaigns of the running program, with simulated ONTs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import Home, new_home
from running_acs import RunningAcs, wait_for

from acs.devices.record import Job, JobKind, JobState
from acs.store import campaigns, jobs, tags
from simulators.erpnext.running import RunningSimulator

UPTIME = "Device.DeviceInfo.UpTime"
RULES = f"""\
[[rule]]
name = "served"
on = "provisioned"
when = "equipment.status=active tag!=served"
do = [{{ tag = "served" }}, {{ job = "read", payload = {{ paths = ["{UPTIME}"] }} }}]
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "own.toml").write_text(RULES)
    return folder


@pytest.fixture(scope="module")
def ruled(start_acs: StartAcs, erpnext: RunningSimulator, rules: Path) -> Iterator[RunningAcs]:
    yield start_acs(ERP_URL=erpnext.url, RULES_FOLDER=str(rules), **ERP_SETTINGS)


@pytest.fixture
def ont(ruled: RunningAcs, erpnext: RunningSimulator) -> Home:
    made = new_home(ruled, erpnext.url)
    made.scan()
    return made


def jobs_of(acs: RunningAcs, home: Home) -> list[Job]:
    with acs.database.read() as conn:
        return jobs.list_thd(conn, home.device.id)


def tags_of(acs: RunningAcs, home: Home) -> frozenset[str]:
    with acs.database.read() as conn:
        return tags.of_thd(conn, [home.device.id]).get(home.device.id, frozenset())


def said(acs: RunningAcs, *arguments: str) -> Any:
    done = acs.command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rule_acts_once_the_device_is_proven(ruled: RunningAcs, ont: Home) -> None:
    ont.call()
    assert tags_of(ruled, ont) == frozenset()
    ont.call()
    assert tags_of(ruled, ont) == {"served"}
    [job] = [each for each in jobs_of(ruled, ont) if each.created_by == "rule served"]
    assert job.state is JobState.QUEUED
    ont.call("2 PERIODIC")
    done = ruled.job(job.id)
    assert (done.state, list(done.result["values"])) == (JobState.DONE, [UPTIME])  # type: ignore[call-overload]
    assert ruled.told(ont.device, "rule") == ["served: tag +served; job read"]


def test_a_changed_folder_is_read_again(ruled: RunningAcs, ont: Home, rules: Path) -> None:
    ont.settle_in()
    more = '[[rule]]\nname = "booted"\non = "boot"\ndo = { tag = "booted" }\n'
    (rules / "more.toml").write_text(more + '[[rule]]\nname = "bad"\non = "bot"\n')
    wait_for("the rules to be read", lambda: "count=2" in ruled.log)
    assert "rule left out" in ruled.log
    ont.call("1 BOOT")
    assert "booted" in tags_of(ruled, ont)


def test_a_campaign_goes_on_after_the_server_was_killed(
    ruled: RunningAcs, erpnext: RunningSimulator
) -> None:
    homes = [new_home(ruled, erpnext.url) for _ in range(4)]
    for home in homes:
        home.scan()
        home.settle_in()
        assert ruled.command("device", "tag", home.serial, "+fleet").returncode == 0
    started = said(
        ruled,
        *("bulk", "start", "spring", "--query", "tag=fleet", "--rate", "60/min", "--yes"),
        *("read", UPTIME),
    )
    assert started["devices"] == 4

    def made() -> list[Job]:
        return [job for home in homes for job in jobs_of(ruled, home) if job.campaign]

    wait_for("the first job", made)
    ruled.kill9()
    ruled.restart()
    wait_for("a job for each", lambda: len(made()) == 4)
    assert len({job.device_id for job in made()}) == 4
    assert {job.kind for job in made()} == {JobKind.READ}
    for home in homes:
        home.call("2 PERIODIC")

    def finished() -> bool:
        with ruled.database.read() as conn:
            found = campaigns.find_thd(conn, "spring")
        return found is not None and found.state is campaigns.CampaignState.FINISHED

    wait_for("the end of the campaign", finished)
    shown = said(ruled, "bulk", "show", "spring")
    assert (shown["progress"]["done"], shown["progress"]["total"]) == (4, 4)
