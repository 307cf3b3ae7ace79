"""Tags, groups, rules, queries and bulk jobs on the command line."""

from __future__ import annotations

import json
import time
from datetime import datetime
from importlib import import_module
from pathlib import Path

import click
import pytest
from cli_on_disk import KEY, SERIAL, House, finish, wish

from acs.cli.bulk_start import KINDS, Moment, Rate, Share, start
from acs.cli.device import COMMANDS as DEVICE_COMMANDS
from acs.devices.effects import SaveDevice, SaveRuleRun
from acs.devices.identity import EquipmentStatus
from acs.devices.record import JobKind, JobState
from acs.store import campaign_steps, campaigns, groups
from acs.store.campaign_steps import Step
from acs.store.campaigns import Campaign

OTHER = "22275A7000002"
PATH = "Device.WiFi.Radio.1.Channel"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    house.call(OTHER, "EX220")
    return house


def campaign_of(house: House, name: str) -> Campaign | None:
    database = house.open()
    found = database.run("c", campaigns.find_thd, name)
    database.dispose()
    return found


def advance(house: House, name: str, seconds: float = 1.0) -> Step | None:
    found = campaign_of(house, name)
    assert found is not None
    database = house.open()
    done = database.run("a", campaign_steps.advance_thd, found.id, found.created_at + seconds)
    database.dispose()
    return done


# --- tags -----------------------------------------------------------------------------------


def test_tags_are_given_taken_and_listed(house: House) -> None:
    assert house.json("device", "tag", SERIAL, "+beta", "old") == {
        "device": KEY,
        "tags": ["beta", "old"],
    }
    assert house.json("device", "tag", SERIAL, "-old", "+hot")["tags"] == ["beta", "hot"]
    assert house.json("device", "tag", SERIAL, "-hot")["tags"] == ["beta"], "-h is no option"
    assert house.json("tag", "list") == {"tags": [{"tag": "beta", "devices": 1}]}
    assert house.json("device", "show", SERIAL)["device"]["tags"] == ["beta"]
    assert "beta" in house.run("device", "show", SERIAL).stdout
    said = house.json("device", "timeline", SERIAL)["timeline"][0]
    assert said["text"].startswith("tag -hot by acs ")


def test_a_tag_that_is_none_is_refused(house: House) -> None:
    ended = house.run("device", "tag", SERIAL, "+Beta!")
    assert ended.exit_code == 2
    assert "a tag is up to 40" in ended.stderr
    assert house.json("device", "tag", SERIAL)["tags"] == []


def test_many_devices_are_tagged_at_once(house: House) -> None:
    arguments = ("tag", "apply", "+all", "--query", "oui=1C61B4")
    assert house.json(*arguments, "--dry-run") == {"devices": 2, "applied": False}
    assert house.run(*arguments, text="n\n").exit_code == 1
    assert house.json("tag", "list")["tags"] == []
    assert house.json(*arguments, "--yes") == {"devices": 2, "applied": True}
    taken = house.run("tag", "apply", "--query", "serial=*01", "--yes", "--", "-all")
    assert taken.stdout == "Done: tag -all on 1 device.\n"
    assert house.json("tag", "list") == {"tags": [{"tag": "all", "devices": 1}]}
    assert house.run("tag", "apply", "+x", "--query", "model=none", "--yes").exit_code == 1


def test_a_query_that_is_not_there_is_asked_for(house: House) -> None:
    assert "Missing option '--query'" in house.run("tag", "apply", "+x", "--yes").stderr
    assert "says nothing" in house.run("tag", "apply", "+x", "--query", " ", "--yes").stderr


# --- queries and groups ---------------------------------------------------------------------


def test_devices_are_listed_by_query(house: House) -> None:
    house.run("device", "tag", SERIAL, "beta")
    listed = house.json("device", "list", "--query", "tag=beta model=xx230*")["devices"]
    assert [(device["key"], device["tags"]) for device in listed] == [(KEY, ["beta"])]
    assert house.json("device", "list", "-q", "tag=beta", "--standing", "held")["devices"] == []
    assert house.json("device", "list", "-q", "standing=live", "--search", OTHER)["devices"] == []
    assert len(house.json("device", "list", "--search", SERIAL)["devices"]) == 1


def test_a_mistake_in_a_query_is_pointed_at(house: House) -> None:
    ended = house.run("device", "list", "--query", "tag=beta modle=XX")
    assert ended.exit_code == 2
    assert "'modle' is no field (did you mean model?)" in ended.stderr
    lines = ended.stderr.splitlines()
    at = lines.index("  tag=beta modle=XX")
    assert lines[at + 1].index("^") == lines[at].index("modle")


def test_groups_are_made_used_shown_and_removed(house: House) -> None:
    added = house.json("group", "add", "live", "standing=live", "last_seen<99999d")
    assert added == {"name": "live", "query": "standing=live last_seen<99999d", "devices": 1}
    house.run("group", "add", "both", "group=live,ex")
    assert house.run("group", "add", "both", "group=live").exit_code == 0
    listed = house.json("group", "list")["groups"]
    assert [(each["name"], each["devices"]) for each in listed] == [("both", 1), ("live", 1)]
    assert house.json("group", "show", "both")["first"] == [KEY]
    assert len(house.json("device", "list", "-q", "group!=both")["devices"]) == 1
    ended = house.run("group", "remove", "live")
    assert ended.exit_code == 1
    assert "'both' is made of 'live'" in ended.stderr
    assert house.run("group", "remove", "both").exit_code == 0
    assert house.run("group", "remove", "live").exit_code == 0
    assert house.run("group", "show", "live").exit_code == 1


@pytest.mark.parametrize(
    ("name", "query", "says"),
    [
        ("a b", "standing=live", "a group's name is"),
        ("x", "standing=alive", "did you mean live?"),
        ("loop", "group=other", "would be a part of itself"),
    ],
)
def test_a_group_that_cannot_be_is_refused(house: House, name: str, query: str, says: str) -> None:
    house.run("group", "add", "loop", "standing=live")
    house.run("group", "add", "other", "group=loop")
    ended = house.run("group", "add", name, query)
    assert ended.exit_code == 2
    assert says in ended.stderr


# --- rules ----------------------------------------------------------------------------------

RULES = """\
[[rule]]
name = "look"
on = "boot"
when = "equipment.status=active"
do = { job = "provision" }

[[rule]]
name = "fresh"
once = "version"
do = { tag = "fresh" }
"""


@pytest.fixture
def rules(house: House, tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.toml").write_text(RULES)
    house.environment["ACS_RULES_FOLDER"] = str(folder)
    return folder


def test_rules_are_listed_with_what_they_did(house: House, rules: Path) -> None:
    now = time.time()
    house.apply(SaveRuleRun(1, "fresh@1.0", now), SaveRuleRun(2, "fresh@2.0", now))
    first, second = house.json("rule", "list")["rules"]
    assert (first["on"], first["when"], first["acts"]) == (["boot"], "equipment.status=active", 0)
    assert (second["do"], second["acts"]) == (["tag +fresh"], 2)
    shown = house.run("rule", "list").stdout
    assert "once per software version" in shown
    assert "job provision" in shown


def test_a_mistake_in_a_rule_is_named_and_ends_with_1(house: House, rules: Path) -> None:
    assert house.run("rule", "check", str(rules)).exit_code == 0
    (rules / "bad.toml").write_text('[[rule]]\nname = "x"\nwhen = "modl=a"\n')
    found = house.json("rule", "check", str(rules), code=1)
    assert len(found["rules"]) == 2
    assert ("bad.toml", 3) in [(issue["file"], issue["line"]) for issue in found["issues"]]
    assert "bad.toml:3: when: at 1: 'modl' is no field" in house.run("rule", "list").stdout
    assert house.run("rule", "list").exit_code == 1


def test_a_rule_is_tried_on_a_device(house: House, rules: Path) -> None:
    assert house.json("rule", "test", "look", SERIAL)["acts"]
    ended = house.json("rule", "test", "look", SERIAL, "--on", "periodic", code=1)
    assert ended["why"] == ["none of this happened: boot"]
    house.mirror(wish(status=EquipmentStatus.RETURNED))
    house.run("device", "provision", SERIAL)
    ended = house.json("rule", "test", "look", SERIAL, code=1)
    assert "an equal job is open" in ended["why"][0]
    assert "the device does not fit: equipment.status=active" in ended["why"][1]
    assert house.run("rule", "test", "none", SERIAL).exit_code == 1


def test_without_a_folder_the_setting_is_named(house: House) -> None:
    ended = house.run("rule", "list")
    assert ended.exit_code == 3
    assert "rules.folder" in ended.stderr


# --- bulk -----------------------------------------------------------------------------------


def test_a_campaign_is_shown_before_it_is_asked_for(house: House) -> None:
    arguments = ("bulk", "start", "spring", "--query", "oui=1c61b4", "read", PATH)
    shown = house.json(*arguments, "--dry-run")
    assert (shown["devices"], shown["started"], shown["payload"]) == (2, False, {"paths": [PATH]})
    assert shown["by"]["standing"] == {"live": 1, "waiting": 1}
    assert campaign_of(house, "spring") is None
    ended = house.run(*arguments, text="n\n")
    assert ended.exit_code == 1
    assert "By model: XX230v 1, EX220 1" in ended.stdout
    assert "Begin, on 2 devices?" in ended.stderr
    assert campaign_of(house, "spring") is None


def test_a_campaign_runs_to_its_end(house: House) -> None:
    more = ("--rate", "600/min", "--stop-share", "50%", "--yes")
    query = ("--query", "oui=1C61B4")
    job = ("set", f"{PATH}=11", "--type", f"{PATH}=unsignedInt", "--expires", "1d")
    ended = house.run("bulk", "start", "spring", *query, *more, *job, "--priority", "3")
    assert ended.exit_code == 0, ended.output
    found = campaign_of(house, "spring")
    assert found is not None
    assert found.payload == {"changes": [{"path": PATH, "value": "11", "type": "unsignedInt"}]}
    assert (found.rate, found.stop_share, found.lifetime, found.priority) == (600, 0.5, 86_400, 3)
    assert advance(house, "spring") == Step("spring", released=2)
    assert house.job(1).kind is JobKind.SET
    finish(house, 1, JobState.DONE, {})
    finish(house, 2, JobState.FAILED, {"error": "fault 9003"})
    shown = house.json("bulk", "show", "spring")
    assert shown["failures"] == {"fault 9003": 1}
    assert (shown["progress"]["done"], shown["progress"]["failed"]) == (1, 1)
    assert advance(house, "spring") == Step("spring", ended=campaigns.CampaignState.FINISHED)
    assert "2 of 2, 1 failed" in house.run("bulk", "list").stdout
    text = house.run("bulk", "show", "spring").stdout
    assert "fault 9003" in text
    assert f"set (changes: {PATH} = 11)" in text


def test_a_preview_counts_the_devices_that_a_file_does_not_fit(
    house: House, tmp_path: Path
) -> None:
    house.apply(SaveDevice(2, {"model": "EX220"}))
    image = tmp_path / "XX230v.bin"
    image.write_bytes(b"an image")
    fits = ("--type", "firmware", "--version", "1.2", "--fits", "model=XX230v*")
    house.json("file", "add", str(image), *fits)
    start = ("bulk", "start", "up", "--query", "oui=1C61B4", "--dry-run", "--interrupt-customers")
    told = house.json(*start, "download", "--file", "XX230v.bin", "--yes")
    assert list(told["unfit"]) == [f"1C61B4-EX220-{OTHER}"]
    printed = house.run(*start, "download", "--file", "XX230v.bin", "--yes").stdout
    assert "On 1 of 2 it would fail" in printed
    assert "the device has 'EX220'" in printed


def test_pause_resume_and_stop(house: House) -> None:
    house.run("bulk", "start", "s", "--query", "oui=1C61B4", "--yes", "provision", "--rewrite")
    assert house.run("bulk", "pause", "s").exit_code == 0
    assert advance(house, "s", 30) is None
    again = house.run("bulk", "pause", "s")
    assert again.exit_code == 1
    assert "is paused" in again.stderr
    assert house.run("bulk", "resume", "s").exit_code == 0
    assert advance(house, "s", 60) is not None
    assert house.job(1).payload == {"rewrite": True}
    assert house.run("bulk", "stop", "s").exit_code == 0
    assert house.job(1).state is JobState.CANCELLED
    assert house.json("bulk", "show", "s")["reason"] == "stopped by a person"
    again = house.run("bulk", "resume", "s")
    assert (again.exit_code, house.json("bulk", "show", "s")["state"]) == (0, "running")
    assert house.job(1).state is JobState.CANCELLED, "what was taken back stays so"
    assert house.run("bulk", "show", "none").exit_code == 1


def test_without_a_terminal_the_option_that_says_yes_is_named(house: House) -> None:
    for command in (
        ("bulk", "start", "s", "-q", "oui=1C61B4", "provision"),
        ("tag", "apply", "+beta", "-q", "oui=1C61B4"),
        ("device", "factory-reset", SERIAL),
        ("device", "forget", SERIAL),
    ):
        ended = house.run(*command)
        assert (ended.exit_code, "add --yes" in ended.stderr) == (1, True), command
        assert "Aborted" not in ended.stderr
    assert campaign_of(house, "s") is None


def test_what_interrupts_customers_has_to_be_meant(house: House) -> None:
    start = ("bulk", "start", "night", "--query", "oui=1C61B4", "--yes")
    firmware = ("download", "--type", "firmware", "--url", "http://files.example.net/a.bin")
    window = ("schedule-download", *firmware[1:], "--window", "1h-2h")
    speed = ("speed-download", "http://speed.example.net/1GB.bin")
    for kind in (("reboot",), ("factory-reset",), firmware, window, speed):
        ended = house.run(*start, *kind)
        assert ended.exit_code == 2
        assert "--interrupt-customers" in ended.stderr
    assert campaign_of(house, "night") is None
    assert house.run(*start, "--interrupt-customers", "reboot").exit_code == 0
    found = campaign_of(house, "night")
    assert found is not None
    assert found.kind is JobKind.REBOOT


def test_a_query_that_says_nothing_does_not_mean_the_fleet(house: House) -> None:
    for command in (("bulk", "start", "s", "provision"), ("tag", "apply", "+beta")):
        ended = house.run(*command, "--query", "  ", "--yes")
        assert ended.exit_code == 2
        assert "write key=* for all devices" in ended.stderr
    assert campaign_of(house, "s") is None
    assert house.json("tag", "apply", "+beta", "--query", "key=*", "--yes")["devices"] == 2


def test_a_time_that_is_over_is_no_time_to_begin(house: House) -> None:
    start = ("bulk", "start", "s", "--query", "key=*", "--yes", "--at", "2020-01-01T02:00")
    ended = house.run(*start, "provision")
    assert ended.exit_code == 2
    assert "2020-01-01T02:00 is over" in ended.stderr


def test_a_group_whose_query_cannot_be_read_is_shown_among_the_others(house: House) -> None:
    assert house.run("group", "add", "tps", "oui=1C61B4").exit_code == 0
    database = house.open()
    database.run("g", groups.put_thd, groups.Group("older", "modle=x", 1.0, "acs me"))
    database.dispose()
    ended = house.run("group", "list", "--json")
    assert ended.exit_code == 1
    counts = {each["name"]: each["devices"] for each in json.loads(ended.stdout)["groups"]}
    assert counts == {"tps": 2, "older": None}
    assert "cannot be read" in house.run("group", "list").stdout


def test_trees_and_tests_are_asked_of_many_devices(house: House) -> None:
    start = ("bulk", "start", "--query", "oui=1C61B4", "--yes")
    assert house.run(*start, "trees", "tree", "Device.WiFi.", "--refresh", "--names").exit_code == 0
    assert house.run(*start, "pings", "ping", "9.9.9.9", "--count", "2").exit_code == 0
    trees, pings = campaign_of(house, "trees"), campaign_of(house, "pings")
    assert trees is not None
    assert pings is not None
    assert (trees.kind, trees.payload) == (JobKind.TREE, {"path": "Device.WiFi.", "names": True})
    assert pings.kind is JobKind.DIAGNOSTIC
    assert pings.payload["diagnostic"] == "ping"
    assert trees.lifetime == pings.lifetime == 7 * 86_400.0, "nobody sits and waits for it"
    assert house.json("job", "list")["jobs"] == [], "the server makes the jobs"


@pytest.mark.parametrize(
    ("job", "code", "says"),
    [
        (("tree",), 2, "add --refresh"),
        (("upload", "--url", "http://me:secret@h/x"), 2, "give it as username and password"),
        (("download", "--type", "config", "--url", "h/x"), 2, "url is not one a device could"),
        (("ping", "9.9.9.9", "--count", "0"), 2, "--count"),
        (("forget",), 2, "'forget' cannot be done in bulk; there are: provision, read"),
        (("read",), 2, "Missing argument"),
        (("read", "Device.X..Y"), 2, "is not the name of a parameter"),
        (("read", PATH, "--colour"), 2, "--colour"),
        (("set", "X"), 2, "is not PATH=VALUE"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    house: House, job: tuple[str, ...], code: int, says: str
) -> None:
    ended = house.run("bulk", "start", "s", "--query", "oui=1C61B4", "--yes", *job)
    assert ended.exit_code == code
    assert says in ended.stderr
    assert campaign_of(house, "s") is None


def test_a_query_that_fits_nothing_and_a_name_in_use_are_told(house: House) -> None:
    read = ("read", PATH)
    ended = house.run("bulk", "start", "s", "--query", "tag=none", "--yes", *read)
    assert ended.exit_code == 1
    assert "no device fits" in ended.stderr
    for expected in (0, 1):
        ended = house.run("bulk", "start", "s", "--query", "oui=1C61B4", "--yes", *read)
        assert ended.exit_code == expected
    assert "already; choose another name" in ended.stderr


def test_devices_of_two_data_models_are_not_asked_for_names_of_one(house: House) -> None:
    house.apply(SaveDevice(2, {"root": "InternetGatewayDevice."}))
    ended = house.run("bulk", "start", "s", "--query", "oui=1C61B4", "--yes", "read", PATH)
    assert ended.exit_code == 2
    assert "add root=Device. to the query" in ended.stderr
    narrow = ("--query", "oui=1C61B4 root=Device.")
    assert house.run("bulk", "start", "s", *narrow, "--yes", "read", PATH).exit_code == 0
    both = ("--query", "oui=1C61B4")
    assert house.run("bulk", "start", "p", *both, "--yes", "provision").exit_code == 0


def test_a_secret_of_a_campaign_is_shown_nowhere(house: House) -> None:
    path = "Device.Users.User.2.Password"
    start = ("bulk", "start", "s", "--query", f"serial={SERIAL}", "--yes")
    ended = house.run(*start, "set", f"{path}=", "--secret", path, text="hunter2!\n")
    assert ended.exit_code == 0, ended.output
    shown = house.run("bulk", "show", "s", "--json")
    assert "hunter2!" not in ended.output + shown.output
    found = campaign_of(house, "s")
    assert found is not None
    assert found.payload["changes"] == [{"path": path, "value": "hunter2!", "secret": True}]


@pytest.mark.parametrize("kind", KINDS)
def test_no_option_of_a_kind_is_taken_for_one_of_bulk(kind: str) -> None:
    module, _, name = DEVICE_COMMANDS[kind].place.partition(":")

    def options(command: click.Command) -> set[str]:
        named = (name for parameter in command.params for name in parameter.opts)
        return {name for name in named if name.startswith("-")}

    both = options(start) & options(getattr(import_module(module), name))
    assert both - {"--json", "--yes"} == set()


def test_rates_shares_and_times_as_people_write_them() -> None:
    rates = {"60/min": 60, "2/s": 120, "600/h": 10, "5": 5, "all": 0}
    assert {text: Rate().convert(text, None, None) for text in rates} == rates
    shares = {"10%": 0.1, "2.5": 0.025, "never": 0.0}
    assert {text: Share().convert(text, None, None) for text in shares} == shares
    at = Moment().convert("2096-10-01T02:00", None, None)
    assert datetime.fromtimestamp(at) == datetime(2096, 10, 1, 2, 0)
    soon = Moment().convert("02:00", None, None)
    assert 0 < soon - time.time() <= 25 * 3600


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rate", "1/h"), ("--rate", "fast"), ("--stop-share", "120%"), ("--at", "noon")],
)
def test_what_cannot_be_read_is_refused(house: House, option: str, value: str) -> None:
    ended = house.run("bulk", "start", "s", "-q", "oui=1C61B4", option, value, "read", PATH)
    assert ended.exit_code == 2
    assert value in ended.stderr
    if option == "--rate":
        assert "the least is 1/min" in ended.stderr


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (("read",), "read [OPTIONS] PATH..."),
        (("notify", f"{PATH}=loud"), "'loud' is none of off, passive, active"),
        (("reboot", "--no-such"), "--no-such"),
    ],
)
def test_a_kind_that_lacks_something_speaks_of_no_device(
    house: House, job: tuple[str, ...], said: str
) -> None:
    ended = house.run("bulk", "start", "s", "-q", "oui=1C61B4", *job)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert "DEVICE" not in ended.stderr
    assert "bulk start" in ended.stderr
