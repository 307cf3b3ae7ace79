"""Watched parameters of a simulated unit: what makes it call, and what it then says."""

from __future__ import annotations

import re

import pytest

from simulators.cpe.device import PERIODIC, Ont
from simulators.cpe.model import ACTIVE, OFF, PASSIVE, AttributeChange
from simulators.cpe.modelfile import Identity
from simulators.cpe.report import End
from simulators.cpe.session import Session

IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
POWER = "Device.Optical.Interface.1.X_TP_GPON_Config.RXPower"


@pytest.fixture
def unit() -> Ont:
    ont = Ont("tplink-a-xx230v", IDENTITY, acs_url="http://acs/")
    told(ont)
    return ont


def told(ont: Ont) -> tuple[list[str], list[str]]:
    """Run a session; events and parameters of its Inform."""
    session = Session(ont, ont.next_events() or (PERIODIC,), 0.0)
    inform = session.start().decode()
    session.report.end = End.COMPLETE
    ont.finish(session.report, ont.acs_url)
    codes = re.findall("<EventCode>(.*?)</EventCode>", inform)
    return codes, re.findall("<Name>(.*?)</Name>", inform)


def watch(ont: Ont, how: int) -> None:
    ont.tree.set_attributes([AttributeChange(POWER, how, None)])


def test_an_active_one_makes_it_call_with_the_parameter_once(unit: Ont) -> None:
    watch(unit, ACTIVE)
    unit.tree.put(POWER, "80")
    assert [event.code for event in unit.next_events()] == ["4 VALUE CHANGE"]
    events, names = told(unit)
    assert (events, POWER in names) == (["4 VALUE CHANGE"], True)
    assert unit.next_events() == ()
    assert POWER not in told(unit)[1]


def test_a_passive_one_waits_for_the_next_call_and_is_told_there(unit: Ont) -> None:
    watch(unit, PASSIVE)
    unit.tree.put(POWER, "80")
    assert unit.next_events() == ()
    events, names = told(unit)
    assert (events, POWER in names) == (["2 PERIODIC", "4 VALUE CHANGE"], True)
    assert told(unit)[0] == ["2 PERIODIC"]


def test_one_that_is_not_watched_is_not_told(unit: Ont) -> None:
    watch(unit, OFF)
    unit.tree.put(POWER, "80")
    assert told(unit) == (["2 PERIODIC"], told(unit)[1])
    assert POWER not in told(unit)[1]


def test_what_changes_during_a_session_is_told_in_the_next(unit: Ont) -> None:
    watch(unit, ACTIVE)
    session = Session(unit, (PERIODIC,), 0.0)
    session.start()
    unit.tree.put(POWER, "81")
    session.report.end = End.COMPLETE
    unit.finish(session.report, unit.acs_url)
    events, names = told(unit)
    assert (events, POWER in names) == (["4 VALUE CHANGE"], True)


def test_what_the_acs_writes_itself_is_no_news(unit: Ont) -> None:
    code = "Device.DeviceInfo.ProvisioningCode"
    assert unit.tree.notification(code) == ACTIVE
    unit.tree.write([(code, "string", "mark")])
    assert unit.next_events() == ()
