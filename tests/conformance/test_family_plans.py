"""Everything a family can be given, planned, written and proven on a simulated unit of each model.

The plans are held against texts that were read by a person.  With GOLDEN=write in the environment
they are written anew; read the difference.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from simulated_line import SimulatedLine

from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import SetParameterValues
from acs.devices.carrier import carrier_of
from acs.devices.record import Snapshot, Verdict
from acs.model import Contact, DeviceId, Event, EventKind, Secret, Value, ValueType
from acs.profiles import (
    Band,
    Blueprint,
    DialPlan,
    Facts,
    Intent,
    Library,
    Management,
    Outcome,
    OutcomeKind,
    Plan,
    Radio,
    Role,
    Security,
    Task,
    VoiceLine,
    Wan,
    WifiNetwork,
    converge,
    fingerprint,
)
from simulators.cpe.device import Ont
from simulators.cpe.modelfile import Identity

LIBRARY = Library.load()
GOLDEN = Path(__file__).parent.parent / "golden"
KEY = b"k" * 32
SECRETS = (
    "motdepasse", "bienvenue", "sip-secret", "geheim-77", "cr-secret", "stun-secret", "root-pass",
)  # fmt: skip
SECURITY = Security.WPA2_WPA3
OLDER = Security.WPA2
"""What firmware of TR-098 has a word for."""


def everything(security: Security) -> Intent:
    """All that one home can be given."""
    return Intent(
        wifi=tuple(
            WifiNetwork(band, role, ssid, Secret(key), security, enabled=True, hidden=False)
            for band in (Band.GHZ_2_4, Band.GHZ_5)
            for role, ssid, key in (
                (Role.MAIN, "Érable 12", "motdepasse"),
                (Role.GUEST, "Visite", "bienvenue"),
            )
        ),
        radios=(
            Radio(Band.GHZ_2_4, enabled=True, channel=11, width=20),
            Radio(Band.GHZ_5, enabled=True, channel="auto", width=80),
        ),
        band_steering=False,
        voice=(
            VoiceLine(
                1,
                True,
                "4185550100",
                password=Secret("sip-secret"),
                registrar="sip.example.net",
                proxy="sip.example.net",
                dial_plan=DialPlan.QUEBEC,
                region="CA",
            ),
        ),
        wan=Wan("pppoe", 45, "abo@isp.example", Secret("geheim-77"), mtu=1492),
        management=Management(
            periodic_inform=True,
            periodic_inform_interval=900,
            connection_request_username="acs",
            connection_request_password=Secret("cr-secret"),
            stun_enabled=True,
            stun_server="stun.example.net",
            stun_port=3479,
            stun_username="unit",
            stun_password=Secret("stun-secret"),
        ),
        admin_password=Secret("root-pass"),
    )


@dataclass(frozen=True)
class Unit:
    """A simulated model, and the blueprint that its first contact must lead to."""

    model: str
    blueprint: str
    product_class: str
    oui: str = "1C61B4"
    security: Security = SECURITY


UNITS = {
    unit.model: unit
    for unit in (
        Unit("tplink-a-xx230v", "tplink-a", "Device2"),
        Unit("tplink-a-xx230v-mesh", "tplink-a", "Device2"),
        Unit("tplink-a-xc220-g3v", "tplink-a", "XC220-G3v"),
        Unit("tplink-a-ex220", "tplink-a", "Device2"),
        Unit("tplink-b-ec220-g5-v3", "tplink-b", "EC220-G5"),
        Unit("tplink-c-ec220-g5-v2", "tplink-c", "IGD", security=OLDER),
        Unit("huawei-eg8145v5", "huawei", "EG8145V5", "00259E", OLDER),
        Unit("zte-f670l", "zte", "F670L", "001E73", OLDER),
        Unit("nokia-g-2425", "nokia", "G-2425G-A", "A4FCA1", OLDER),
        Unit("generic-tr181", "tr181", "Gateway2", "A4B1C2"),
        Unit("generic-tr181-full", "tr181", "Gateway2", "A4B1C2"),
        Unit("generic-tr098", "tr098", "Gateway1", "A4B1C2", OLDER),
        Unit("generic-tr098-full", "tr098", "Gateway1", "A4B1C2", OLDER),
    )
}


class Home:
    """One unit, and what the server keeps of it from session to session."""

    def __init__(self, unit: Unit) -> None:
        mac = ":".join(re.findall("..", f"{unit.oui}FA11C8"))
        self.ont = Ont(unit.model, Identity(unit.oui, unit.product_class, "22275A7000001", mac))
        self.blueprint = self._chosen()
        dialect: Any = self.blueprint.dialect
        self.line = SimulatedLine(self.ont, Dialect(**dialect))
        self.intent = everything(unit.security)
        self._snapshot = Snapshot()
        self._verifying = False
        self._fresh = True

    def _contact(self) -> Contact:
        manufacturer, oui, product_class, serial = self.ont.device_id
        told = self.ont.inform_parameters(1000.0)
        return Contact(
            DeviceId(oui, product_class, serial),
            manufacturer,
            "cwmp",
            self.ont.model.top,
            (Event(EventKind.PERIODIC),),
            {p.name: Value(p.text, ValueType(p.type)) for p in told},
            1000.0,
        )

    def _chosen(self) -> Blueprint:
        contact = self._contact()
        facts = Facts(
            manufacturer=contact.manufacturer,
            oui=contact.device.oui,
            product_class=contact.device.product_class,
            hardware=contact.told("DeviceInfo.HardwareVersion"),
            software=contact.told("DeviceInfo.SoftwareVersion"),
            root=contact.root,
        )
        chosen = LIBRARY.choose(facts)
        assert chosen is not None
        return chosen

    def session(self) -> Outcome:
        """One session, as a visit has it, after which the unit applies what it accepted."""
        self.line.requests.clear()
        task = Task(
            self.intent,
            self.blueprint,
            self._snapshot,
            KEY,
            fingerprint(self.intent, self.blueprint, KEY),
            carrier=carrier_of(self._contact()),
            change_carrier=True,
            verifying=self._verifying,
            fresh=self._fresh,
            now=1000.0,
        )
        outcome = self.line.run(converge(self.line.model, task))
        self.ont.settle()
        self._snapshot = outcome.snapshot
        self._verifying = outcome.kind is OutcomeKind.AWAITING
        self._fresh = outcome.kind in (OutcomeKind.FAILED, OutcomeKind.MISMATCH)
        return outcome


@dataclass(frozen=True)
class Course:
    """What happened on one unit, session by session."""

    home: Home
    outcomes: tuple[Outcome, ...]
    written: tuple[tuple[tuple[str, str], ...], ...]
    """Path and text of each value that a session sent."""
    requests: tuple[tuple[tuple[str, str], ...], ...]
    """The same by request, of the first session."""

    @property
    def plan(self) -> Plan:
        """What the first session was to do."""
        return self.outcomes[0].plan


@cache
def course(model: str) -> Course:
    """Session after session until nothing is awaited, and one more."""
    home = Home(UNITS[model])
    outcomes: list[Outcome] = []
    written: list[tuple[tuple[str, str], ...]] = []
    requests: tuple[tuple[tuple[str, str], ...], ...] = ()
    while len(outcomes) < 6 and (not outcomes or outcomes[-1].kind is OutcomeKind.AWAITING):
        outcomes.append(home.session())
        written.append(tuple(home.line.written))
        requests = requests or tuple(
            tuple((each.name, each.value.text) for each in request.parameter_list)
            for request in home.line.requests
            if isinstance(request, SetParameterValues)
        )
    outcomes.append(home.session())
    written.append(tuple(home.line.written))
    return Course(home, tuple(outcomes), tuple(written), requests)


every_unit = pytest.mark.parametrize("model", UNITS)


@every_unit
def test_a_first_contact_leads_to_the_blueprint_of_the_family(model: str) -> None:
    assert course(model).home.blueprint.name == UNITS[model].blueprint


@every_unit
def test_the_plan_reads_as_it_was_read(model: str) -> None:
    text = "".join(f"{line}\n" for line in course(model).plan.render())
    path = GOLDEN / f"family-{model}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@every_unit
def test_it_is_written_until_it_is_proven_and_then_nothing_is_written(model: str) -> None:
    run = course(model)
    kinds = [outcome.kind for outcome in run.outcomes]
    assert kinds[-1] is OutcomeKind.IN_ORDER, [outcome.text for outcome in run.outcomes]
    assert kinds[-2] is OutcomeKind.PROVEN, [outcome.text for outcome in run.outcomes]
    assert run.written[-1] == ()
    proven = {line.path: line.verdict for line in run.outcomes[-2].lines}
    assert set(proven.values()) <= {Verdict.PROVEN, Verdict.WRITTEN}
    for change in run.plan.changes:
        assert proven[change.path] is (Verdict.WRITTEN if change.secret else Verdict.PROVEN)


@every_unit
def test_the_unit_really_holds_what_was_wanted(model: str) -> None:
    """The secrets too, which it never shows."""
    tree = course(model).home.ont.tree
    for written in course(model).written[:-1]:
        for path, text in dict(written).items():
            held = tree.get(path)
            assert held.rstrip(".") == text.replace("true", "1").replace("false", "0").rstrip(".")


@every_unit
def test_what_cannot_be_is_said_in_every_session(model: str) -> None:
    first, *later = course(model).outcomes
    assert all(outcome.problems == first.problems for outcome in later)
    for outcome in later:
        assert not first.problems or str(first.problems[0]) in outcome.text


@every_unit
def test_no_secret_is_shown(model: str) -> None:
    run = course(model)
    told = [line for outcome in run.outcomes for line in outcome.plan.render()]
    told += [f"{line}" for outcome in run.outcomes for line in outcome.lines]
    told += [outcome.text for outcome in run.outcomes]
    assert not [secret for secret in SECRETS for line in told if secret in line]
    sent = {text for written in run.written for _, text in written}
    assert {"motdepasse", "cr-secret"} <= sent


@every_unit
def test_off_stands_first_and_on_last_in_every_request(model: str) -> None:
    """But for our own management and mark, which follow: they say that all before was taken."""
    run = course(model)
    switches = run.home.blueprint.switches
    for request in run.requests:
        served = [each for each in request if not is_our_own(each[0])]
        turns = [turn_of(path, text, switches) for path, text in served]
        assert turns == sorted(turns), request


def turn_of(path: str, text: str, switches: frozenset[str]) -> int:
    """0: switches off, 2: switches on, 1: everything else."""
    if path.rpartition(".")[2] not in switches:
        return 1
    return 0 if text in ("0", "false", "Disabled") else 2


def is_our_own(path: str) -> bool:
    return ".ManagementServer." in path or path.endswith(".ProvisioningCode")


TPLINK_A = [name for name, unit in UNITS.items() if unit.blueprint == "tplink-a"]


@pytest.mark.parametrize("model", TPLINK_A)
def test_no_row_of_the_mesh_the_hotspot_or_a_spare_network_is_in_any_request(model: str) -> None:
    """TP-Link reference 5.1: of fourteen networks four are ours, by band and role."""
    run = course(model)
    tree = run.home.ont.tree
    role = "Device.WiFi.AccessPoint.{}.X_TP_APType"
    named = [path for written in run.written for path, _ in written if ".WiFi." in path]
    rows = {int(found[1]) for p in named if (found := re.search(r"(?:SSID|Point)\.(\d+)", p))}
    assert rows == {1, 3, 6, 8}
    assert {tree.get(role.format(row)) for row in rows} == {"Primary", "GuestNetwork"}
    assert {tree.get(role.format(row)) for row in range(1, 15) if row not in rows} >= {
        "Backhaul",
        "Public",
        "Guest",
    }


@pytest.mark.parametrize("model", TPLINK_A)
def test_both_switches_of_a_network_that_is_off_are_written(model: str) -> None:
    home = Home(UNITS[model])
    switches = ("Device.WiFi.SSID.6.Enable", "Device.WiFi.AccessPoint.6.Enable")
    for path in switches:
        home.ont.tree.put(path, "0")
    home.session()
    assert {(path, "1") for path in switches} <= set(home.line.written)
    assert [home.ont.tree.get(path) for path in switches] == ["1", "1"]


@pytest.mark.parametrize("model", ["tplink-a-ex220", "tplink-a-xc220-g3v"])
def test_references_in_a_chain_that_is_built_end_in_a_dot(model: str) -> None:
    """TP-Link reference 13: written as the device shows them."""
    leaves = (".LowerLayers", ".Interface")
    written = [pair for pair in course(model).written[0] if pair[0].endswith(leaves)]
    assert len(written) >= 5
    assert all(text.startswith("Device.") and text.endswith(".") for _, text in written)


@pytest.mark.parametrize("model", UNITS)
def test_the_word_for_the_security_is_one_the_device_lists(model: str) -> None:
    run = course(model)
    tree = run.home.ont.tree
    leaf = ".Security.ModeEnabled"
    written = [pair for pair in run.written[0] if pair[0].endswith(leaf)]
    assert bool(written) == (UNITS[model].security is SECURITY)
    for path, word in written:
        supported = tree.get(path.replace("ModeEnabled", "ModesSupported"))
        assert word in supported.split(",")


def test_a_security_the_device_does_not_list_is_said_and_the_rest_applied() -> None:
    """An EX220 lists no WPA3 alone (TP-Link reference 5.2)."""
    home = Home(UNITS["tplink-a-ex220"])
    wifi = tuple(replace(network, security=Security.WPA3) for network in home.intent.wifi)
    home.intent = replace(home.intent, wifi=wifi)
    outcome = home.session()
    said = [str(problem) for problem in outcome.problems if problem.setting == "security"]
    assert len(said) == 4
    assert "cannot do wpa3; it can do None, WPA2-Personal" in said[0]
    names = {path for path, _ in home.line.written if path.endswith(".SSID")}
    assert len(names) == 4


def test_a_radio_is_told_by_number_where_no_reference_leads_to_it() -> None:
    """An XC220-G3v shows no LowerLayers of its networks: its radios are told by number."""
    home = Home(UNITS["tplink-a-xc220-g3v"])
    assert "Device.WiFi.SSID.1.LowerLayers" not in home.ont.tree
    home.session()
    radios = {path for path, _ in home.line.written if ".Radio." in path}
    assert "Device.WiFi.Radio.1.Channel" in radios
    assert "Device.WiFi.Radio.2.OperatingChannelBandwidth" in radios
