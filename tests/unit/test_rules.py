"""Rules: reading them, what speaks against them, and what they do in a visit."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from device_trees import xx230v
from house_in_memory import MemoryHouse, live, served

from acs.devices.effects import EnqueueJob, SaveRuleRun, SaveTags
from acs.devices.record import Device, Job, JobKind, JobState
from acs.devices.rules.book import Rulebook
from acs.devices.rules.decide import Visitor, hindrance, share
from acs.devices.rules.file import read_rules, tagging
from acs.devices.rules.folder import load, stamp
from acs.devices.rules.rule import MOST_VERSIONS, JobWish, Note, Once, Rule, Tagging, Window
from acs.model import EventKind, Value

BOOT, BOOTSTRAP, PERIODIC = EventKind.BOOT, EventKind.BOOTSTRAP, EventKind.PERIODIC
READ = JobWish(JobKind.READ, {"paths": ["Device.DeviceInfo.UpTime"]})

EXAMPLE = """\
# what new firmware gets
[[rule]]
name = "after an upgrade"
on = ["software changed", "boot"]
when = 'model=XX230v* group=field'
once = "version"
do = [
  { job = "read", payload = { paths = ["Device.DeviceInfo."] }, expires = "1d", priority = 5 },
  { tag = "+fresh -old" },
  { note = "new firmware" },
]

[[rule]]
name = "weekly uptime"
every = "7d"
at = "22:30-03:00"
do = { job = "provision" }
"""


def rules_of(text: str) -> tuple[Rule, ...]:
    rules, issues = read_rules(text, "own.toml", groups={"field": "tag!=lab"}, since=50.0)
    assert issues == ()
    return rules


def one(body: str, head: str = 'name = "r"') -> Rule:
    [rule] = rules_of(f"[[rule]]\n{head}\n{body}\n")
    return rule


# --- reading --------------------------------------------------------------------------------


def test_the_example_is_read() -> None:
    first, second = rules_of(EXAMPLE)
    assert (first.on, first.once) == ({"software changed", "boot"}, Once.VERSION)
    assert first.do == (
        JobWish(JobKind.READ, {"paths": ["Device.DeviceInfo."]}, 5, 86_400.0),
        Tagging(frozenset({"fresh"}), frozenset({"old"})),
        Note("new firmware"),
    )
    assert first.place == "own.toml:2"
    assert (second.window, second.pause) == (Window(22 * 60 + 30, 270), 7 * 86_400.0)
    assert second.spread == 135 * 60, "half of the window"
    assert str(second.window) == "22:30-03:00"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[[rule]\n", 1, "not TOML"),
        ('[rule]\nname = "x"\n', 1, "[[rule]]"),
        ('[[rules]]\nname = "x"\n', 1, "'rules' is not known: write [[rule]]"),
        ('[[rule]]\non = "boot"\ndo = { tag = "x" }\n', 1, "needs a name"),
        ('[[rule]]\nname = "r"\nonn = "boot"\n', 3, "did you mean on?"),
        ('[[rule]]\nname = "r"\non = ["bot"]\ndo = { tag = "x" }\n', 3, "did you mean boot?"),
        ('[[rule]]\nname = "r"\non = "transfer complete"\ndo = { tag = "x" }\n', 3, "not known"),
        ('[[rule]]\nname="r"\n\nwhen = "modle=x"\n', 4, "when: at 1: 'modle' is no field"),
        ('[[rule]]\nname="r"\non="boot"\n', 1, "do: say what to do"),
        ('[[rule]]\nname="r"\ndo = { tag = "x" }\n', 2, "say when: on, every, at or once"),
        ('[[rule]]\nname="r"\nevery = "soon"\ndo={tag="x"}\n', 3, "'soon' is no duration"),
        ('[[rule]]\nname="r"\nevery = "1m"\ndo={tag="x"}\n', 3, "must be 5m or more"),
        ('[[rule]]\nname="r"\nat = "25:00-26:00"\ndo={tag="x"}\n', 3, "like"),
        ('[[rule]]\nname="r"\nat="02:00-03:00"\nspread="2h"\ndo={tag="x"}\n', 4, "longer than"),
        ('[[rule]]\nname="r"\non="boot"\nspread="2h"\ndo={tag="x"}\n', 4, "cannot be spread"),
        ('[[rule]]\nname="r"\non="boot"\nonce = 3\ndo={tag="x"}\n', 4, "true, false or"),
        ('[[rule]]\nname="r"\non="boot"\ndo={tag="Bêta"}\n', 4, "a tag is up to 40"),
        ('[[rule]]\nname="r"\non="boot"\ndo={job="rebot"}\n', 4, "did you mean reboot?"),
        ('[[rule]]\nname="r"\non="boot"\ndo={job="read"}\n', 4, "paths is no list with something"),
        (
            '[[rule]]\nname="r"\non="boot"\n'
            'do={job="download", payload={file="a", timeout="15m"}}\n',
            4,
            "payload of the job 'download': timeout is not a whole number",
        ),
        (
            '[[rule]]\nname="r"\non="boot"\ndo={job="diagnostic", payload={diagnostic="png"}}\n',
            4,
            "'png' is none of ping",
        ),
        (
            '[[rule]]\nname="r"\non="boot"\ndo={job="reboot", payload={x=[2026-01-01]}}\n',
            4,
            "2026-01-01 is no text",
        ),
        ('[[rule]]\nname="r"\non="boot"\ndo={job="tree", payload={x=nan}}\n', 4, "nan is no"),
        (
            f'[[rule]]\nname="r"\non="boot"\ndo={{job="tree", payload={{x={10**30}}}}}\n',
            4,
            "is no text, number",
        ),
        (
            '[[rule]]\nname="r"\non="boot"\ndo={job="set", payload={changes=[{path="X"}]}}\n',
            4,
            "the value of X is missing",
        ),
        ('[[rule]]\nname="r"\non="boot"\ndo={jb="x"}\n', 4, "each is one of"),
        ('[[rule]]\nname="r"\non="boot"\ndo={tag="x", paylod={}}\n', 4, "'paylod' is not known"),
        ('[[rule]]\nname="r"\non="boot"\ndo={job="reboot"}\n', 4, "leads to 'boot' again"),
        (
            '[[rule]]\nname="r"\non="boot"\ndo={tag="x"}\n[[rule]]\nname="r"\non="boot"\n'
            'do={tag="x"}\n',
            6,
            "line 1 has a rule 'r' already",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, says: str) -> None:
    rules, issues = read_rules(text, "own.toml", groups={})
    assert any(issue.line == line and says in issue.message for issue in issues), issues
    assert all(str(issue).startswith("own.toml:") for issue in issues)
    assert len(rules) == ("already" in says), "a rule with a mistake is left out"


def test_a_sound_rule_works_beside_one_with_a_mistake() -> None:
    text = EXAMPLE + '[[rule]]\nname = "bad"\non = "never"\ndo = { tag = "x" }\n'
    rules, issues = read_rules(text, "own.toml", groups={"field": ""})
    assert [rule.name for rule in rules] == ["after an upgrade", "weekly uptime"]
    assert [issue.line for issue in issues] == [20]


def test_a_reboot_at_boot_is_sound_once() -> None:
    assert one('on = "boot"\nonce = true\ndo = { job = "reboot" }').once is Once.EVER


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "2.toml").write_text('[[rule]]\nname="a"\non="boot"\ndo={tag="late"}\n')
    (tmp_path / "1.toml").write_text('[[rule]]\nname="a"\non="boot"\ndo={tag="early"}\n')
    (tmp_path / "3.toml").write_bytes(b"\xff")
    (tmp_path / "note.txt").write_text("no rules")
    os.utime(tmp_path / "1.toml", (5.0, 5.0))
    loaded = load(tmp_path, {})
    assert [str(rule.do[0]) for rule in loaded.rules] == ["tag +early"]
    assert loaded.rules[0].since == 5.0
    assert [str(issue) for issue in loaded.issues] == [
        "2.toml:1: name: 1.toml:1 has a rule 'a' already",
        "3.toml:1: is not UTF-8",
    ]
    before = stamp(tmp_path)
    (tmp_path / "1.toml").write_text("")
    assert stamp(tmp_path) != before


def test_tags_are_given_and_taken() -> None:
    assert tagging(["beta", "+b-2", "-old"]) == Tagging(
        frozenset({"beta", "b-2"}), frozenset({"old"})
    )
    with pytest.raises(ValueError, match="both given and taken"):
        tagging(["+a", "-a"])


# --- deciding -------------------------------------------------------------------------------

DEVICE = Device(1, "K-1", "O", "P", "S", software="v1", first_seen=0.0)
NOW = 1_000_000.0


def why(rule: Rule, minute: int = 0, now: float = NOW, **about: object) -> str:
    visitor = Visitor(DEVICE, **{"happened": frozenset({"boot"}), **about})  # type: ignore[arg-type]
    return hindrance(rule, visitor, now, minute)


def test_an_event_sets_a_rule_off() -> None:
    rule = Rule("r", (READ,), on=frozenset({"boot", "bootstrap"}))
    assert why(rule) == ""
    assert "none of this happened: boot, bootstrap" in why(rule, happened=frozenset({"periodic"}))


def test_a_rule_pauses_after_it_acted() -> None:
    rule = Rule("r", (READ,), on=frozenset({"boot"}))
    assert "less than 3600 s ago" in why(rule, ran={"r": NOW - 3599})
    assert why(rule, ran={"r": NOW - 3600}) == ""
    assert why(rule, ran={"r": NOW + 9_999_999}) == "", "a clock that was wrong holds nothing up"


def test_once_is_once_and_once_per_version_is_that() -> None:
    ever = Rule("r", (READ,), once=Once.EVER)
    version = Rule("r", (READ,), once=Once.VERSION)
    assert "it acted already" in why(ever, ran={"r": 1.0})
    assert "it acted already" in why(version, ran={"r@v1": 1.0})
    assert why(version, ran={"r@v0": 1.0}) == ""
    told = {f"r@{number}": 1.0 for number in range(MOST_VERSIONS)}
    assert "versions of this device's software" in why(version, ran=told)
    assert why(version, ran={f"other@{key}": 1.0 for key in told}) == ""


def test_a_window_is_kept_and_its_beginning_is_spread() -> None:
    rule = Rule("r", (READ,), window=Window(23 * 60, 120), spread=3600.0)
    turn = share("r", DEVICE.key) * 60
    assert 0 < turn < 60
    assert "at 23:00-01:00 only" in why(rule, minute=22 * 60)
    assert "its turn comes" in why(rule, minute=23 * 60 + int(turn) - 1)
    assert why(rule, minute=(23 * 60 + int(turn) + 1) % 1440) == ""
    assert why(rule, minute=59) == ""
    assert "only" in why(rule, minute=60)


def test_a_new_rule_does_not_set_off_the_whole_fleet_at_once() -> None:
    rule = Rule("r", (READ,), pause=86_400.0, spread=86_400.0, since=NOW)
    devices = [Device(n, f"K-{n}", "O", "P", "S") for n in range(1000)]

    def due(now: float) -> int:
        return sum(not hindrance(rule, Visitor(device), now, 0) for device in devices)

    assert due(NOW) <= 1
    assert 420 < due(NOW + 43_200) < 580
    assert due(NOW + 86_400) == 1000


def test_what_is_so_already_and_what_is_asked_already_is_left_alone() -> None:
    tag = Rule("r", (Tagging(frozenset({"a"}), frozenset({"b"})), Note("x")), once=Once.EVER)
    assert "nothing left to do" in why(tag, tags=frozenset({"a"}))
    assert why(tag, tags=frozenset({"a", "b"})) == ""
    rule = Rule("r", (READ,), on=frozenset({"boot"}))
    equal = Job(5, 1, JobKind.READ, {"paths": ["Device.DeviceInfo.UpTime"]})
    other = Job(5, 1, JobKind.READ, {"paths": ["Device.Other"]})
    assert "an equal job is open" in why(rule, jobs=(equal,))
    assert why(rule, jobs=(other,)) == ""


def test_what_a_rules_own_job_causes_sets_off_no_further_job() -> None:
    rule = Rule("r", (READ,), on=frozenset({"boot"}))
    tag = Rule("r", (Tagging(frozenset({"a"})),), on=frozenset({"boot"}))
    own = Job(5, 1, JobKind.REBOOT, state=JobState.SENT, created_by="rule other")
    asked = Job(5, 1, JobKind.REBOOT, state=JobState.SENT, created_by="acs me")
    assert "a rule's own job" in why(rule, jobs=(own,))
    assert why(rule, jobs=(asked,)) == ""
    assert why(tag, jobs=(own,)) == ""


def test_a_rule_acts_on_so_many_devices_in_an_hour_only() -> None:
    told: list[Rule] = []
    book = Rulebook(per_hour=2, capped=told.append)
    rule, other = Rule("r", (READ,)), Rule("o", (READ,))
    assert [book.may_act(rule, NOW) for _ in range(4)] == [True, True, False, False]
    assert book.may_act(other, NOW)
    assert told == [rule], "it is told once"
    assert book.may_act(rule, NOW + 3600)


# --- in a visit -----------------------------------------------------------------------------


def house_with(*rules: Rule) -> MemoryHouse:
    house = served()
    house.rules = Rulebook(rules)
    return house


def acts(house: MemoryHouse) -> list[str]:
    return [line.removeprefix("rule: ") for line in house.timeline if line.startswith("rule: ")]


def test_a_rule_enqueues_tags_and_tells_in_the_same_commit() -> None:
    house = house_with(
        Rule("r", (READ, Tagging(frozenset({"a"})), Note("look")), on=frozenset({"first contact"}))
    )
    device = xx230v()
    house.visited(device, BOOTSTRAP)
    assert acts(house) == ["r: job read; tag +a; look"]
    made = [e.job for e in house.effects if isinstance(e, EnqueueJob)]
    assert [(j.kind, j.payload, j.created_by) for j in made] == [
        (JobKind.READ, READ.payload, "rule r")
    ]
    assert house.tags == {"a"}
    assert list(house.ran) == ["r"]
    [together] = [some for some in house.committed if any(isinstance(e, SaveRuleRun) for e in some)]
    assert {EnqueueJob, SaveTags, SaveRuleRun} <= {type(e) for e in together}
    device.next_session()
    house.visited(device)
    assert len(acts(house)) == 1


def test_being_proven_and_failing_set_rules_off() -> None:
    house = house_with(
        Rule("proven", (Tagging(frozenset({"ok"})),), on=frozenset({"provisioned"})),
        Rule("failed", (Tagging(frozenset({"bad"})),), on=frozenset({"faulted"})),
    )
    device = xx230v()
    house.visited(device, BOOTSTRAP)
    assert acts(house) == []
    device.next_session()
    house.visited(device)
    assert acts(house) == ["proven: tag +ok"]
    house.visited(device)
    assert len(acts(house)) == 1


def test_failing_again_sets_a_rule_off_again() -> None:
    house, device = served(), xx230v()
    rule = one('on = "faulted"\nwhen = "failures>1"\ndo = { tag = "look" }')
    house.rules = Rulebook((rule,))
    device.refuse = {"Device.WiFi.SSID.1.SSID": 9007}
    house.visited(device, BOOTSTRAP, at=10_000.0)
    assert house.device is not None
    assert (str(house.device.standing), house.tags) == ("faulted", set())
    house.visited(device, BOOT, at=90_000.0)
    assert house.device.failures == 2
    assert house.tags == {"look"}


def test_the_equipment_is_not_asked_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    house, device = served(), xx230v()
    live(device, house)
    asked: list[str] = []
    wish = house.source.wish

    async def noted(equipment: str) -> object:
        asked.append(equipment)
        return await wish(equipment)

    monkeypatch.setattr(house.source, "wish", noted)
    for tag, times in (("tag=none", 0), ("tag!=none", 1)):
        rule = f'on = "periodic"\nwhen = "equipment.status=active {tag}"\ndo = {{ tag = "x" }}'
        house.rules = Rulebook((one(rule),))
        house.visited(device)
        assert len(asked) == times


def test_new_software_sets_a_rule_off_once_per_version() -> None:
    rule = Rule(
        "v", (Note("new"),), on=frozenset({"software changed"}), once=Once.VERSION, pause=0.0
    )
    house, device = served(), xx230v()
    live(device, house)
    house.rules = Rulebook((rule,))
    path = "Device.DeviceInfo.SoftwareVersion"
    for version in ("1.0", "2.0", "2.0", "3.0", "2.0"):
        device.values[path] = Value(version)
        house.visited(device)
    assert sorted(house.ran) == ["v@2.0", "v@3.0"]
    assert len(acts(house)) == 2


def test_a_condition_on_the_equipment_waits_until_it_is_known() -> None:
    rule = one('on = "periodic"\nwhen = "equipment.status=active"\ndo = { tag = "paying" }')
    house, device = served(), xx230v()
    live(device, house)
    house.rules = Rulebook((rule,))
    house.source.pending = "not asked yet"
    house.visited(device)
    assert house.tags == set()
    house.source.pending = ""
    house.visited(device)
    assert house.tags == {"paying"}


def test_what_one_rule_does_no_other_sees_in_the_same_session() -> None:
    house = house_with(
        Rule("first", (READ, Tagging(frozenset({"a"}))), on=frozenset({"periodic"})),
        one('on = "periodic"\nwhen = "tag=a"\ndo = { tag = "b" }'),
        Rule("same", (READ,), on=frozenset({"periodic"})),
    )
    device = xx230v()
    house.visited(device, PERIODIC)
    assert acts(house) == ["first: job read; tag +a"], "nor is an equal job made twice"
    house.visited(device, PERIODIC)
    assert acts(house)[1:] == ["r: tag +b", "same: job read"]


def test_a_fleet_at_its_bound_is_left_alone() -> None:
    house, device = served(), xx230v()
    live(device, house)
    house.rules = Rulebook((Rule("r", (READ,), on=frozenset({"boot"})),), per_hour=0)
    house.visited(device, BOOT)
    assert acts(house) == []
    assert house.ran == {}


def test_without_rules_a_contact_costs_what_it_did() -> None:
    house, device = served(), xx230v()
    live(device, house)
    house.rules = Rulebook((Rule("r", (READ,), on=frozenset({"kicked"})),))
    house.visited(device)
    assert house.committed == []


def test_the_examples_of_the_documentation_are_sound() -> None:
    docs = Path(__file__).parents[2] / "docs"
    loaded = load(docs / "examples", {})
    assert loaded.issues == ()
    assert len(loaded.rules) == 5
    block = (docs / "rules.md").read_text().split("```toml\n")[1].split("```")[0]
    [shown], issues = read_rules(textwrap.dedent("   " + block.lstrip()), "rules.md", groups={})
    assert issues == ()
    assert shown.do == loaded.rules[0].do
