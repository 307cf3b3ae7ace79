"""Chains built over the RPCs of CWMP on units that check every name, type and word themselves."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from wan_runs import IPOE, PPPOE, next_task, task

from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.rpc import perform
from acs.cwmp.structures import ParameterInfoStruct, ParameterValueStruct
from acs.model import DataModel, Operation, ParameterFault, Value, ValueType
from acs.profiles import Outcome, OutcomeKind, Task, Wan, converge
from simulators.cpe.device import Ont
from simulators.cpe.faults import CpeFaultError
from simulators.cpe.modelfile import Identity

BOX = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")


def answer(ont: Ont, request: Message) -> Message:
    """Let ``ont`` do what one RPC asks."""
    tree = ont.tree
    try:
        match request:
            case GetParameterValues(parameter_names=names):
                return GetParameterValuesResponse(
                    tuple(
                        ParameterValueStruct(p.name, Value(p.text, ValueType(p.type)))
                        for p in tree.read(names)
                    )
                )
            case GetParameterNames(parameter_path=path, next_level=level):
                listed = tree.names(path, level)
                return GetParameterNamesResponse(tuple(ParameterInfoStruct(*n) for n in listed))
            case SetParameterValues(parameter_list=changes):
                wanted = [(c.name, c.value.type.value, c.value.text) for c in changes]
                return SetParameterValuesResponse(int(tree.write(wanted)))
            case AddObject(object_name=table):
                return AddObjectResponse(tree.add(table))
            case DeleteObject(object_name=row):
                tree.delete(row)
                return DeleteObjectResponse()
    except CpeFaultError as refused:
        details = tuple(ParameterFault(p.name, p.code, p.text) for p in refused.parameters)
        return SoapFault(refused.code, refused.text, details)
    raise AssertionError(request)


def drive(ont: Ont, flow: Coroutine[Operation, Any, Outcome]) -> Outcome:
    outcome: Any = None
    while True:
        try:
            exchange = perform(flow.send(outcome), Dialect(booleans="1"))  # type: ignore[arg-type]
        except StopIteration as done:
            result: Outcome = done.value
            return result
        try:
            request = next(exchange)
            while True:
                request = exchange.send(answer(ont, request))
        except StopIteration as done:
            outcome = done.value


def rows_of(ont: Ont) -> dict[str, int]:
    tables = ("IP.Interface", "PPP.Interface", "Ethernet.Link", "Ethernet.VLANTermination")
    tables += ("NAT.InterfaceSetting", "DHCPv4.Client", "DHCPv6.Client", "X_TP_GPON.Link")
    return {table: len(ont.tree.rows(f"Device.{table}.")) for table in tables}


def bring(ont: Ont, wanted: Task) -> tuple[Outcome, Task]:
    """One session, after which the unit applies what it accepted."""
    outcome = drive(ont, converge(DataModel(), wanted))
    ont.apply()
    carrier = ont.wan.partition("IPv4Address")[0]
    return outcome, replace(next_task(wanted, outcome), carrier=carrier)


@pytest.mark.parametrize("wish", [PPPOE, IPOE], ids=["pppoe", "ipoe"])
def test_an_ex220_gets_its_connection_and_calls_by_it(wish: Wan) -> None:
    ont = Ont("tplink-a-ex220", BOX)
    wanted = task("tplink-a", wish, ont.wan.partition("IPv4Address")[0], change_carrier=True)
    first, then = bring(ont, wanted)
    assert first.kind is OutcomeKind.AWAITING, first.text
    second, then = bring(ont, then)
    assert second.kind is OutcomeKind.PROVEN, second.text
    rows = rows_of(ont)
    third, _ = bring(ont, then)
    assert third.kind is OutcomeKind.IN_ORDER, third.text
    assert rows_of(ont) == rows


def test_an_xx230v_on_light_gets_ipoe_beside_the_pppoe_that_carries_it() -> None:
    ont = Ont("tplink-a-xx230v", BOX)
    old = "Device.IP.Interface.6."
    first, then = bring(ont, task("tplink-a", IPOE, old))
    assert first.kind is OutcomeKind.AWAITING, first.text
    assert ont.tree.get(old + "Enable") == "1"
    # It calls by the new one, so the old one is switched off behind it.
    assert then.carrier == "Device.IP.Interface.7."
    second, then = bring(ont, then)
    assert [change.path for change in second.plan.writes] == [old + "Enable"]
    assert ont.tree.get(old + "Enable") == "0"
    third, then = bring(ont, then)
    assert third.kind is OutcomeKind.PROVEN, third.text
    assert third.problems == ()
    assert ont.tree.get("Device.Ethernet.VLANTermination.4.VLANID") == "40"
    assert bring(ont, then)[0].kind is OutcomeKind.IN_ORDER


def test_the_account_of_the_one_that_carries_the_session_changes_in_place() -> None:
    ont = Ont("tplink-a-xx230v", BOX)
    rows = rows_of(ont)
    wish = replace(PPPOE, vlan=2)
    first, then = bring(ont, task("tplink-a", wish, "Device.IP.Interface.6."))
    assert first.kind is OutcomeKind.AWAITING, first.text
    assert ont.tree.get("Device.PPP.Interface.3.Username") == wish.username
    assert ont.tree.get("Device.IP.Interface.6.Enable") == "1"
    assert bring(ont, then)[0].kind is OutcomeKind.PROVEN
    assert rows_of(ont) == rows
