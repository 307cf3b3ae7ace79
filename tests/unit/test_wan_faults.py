"""A chain that is refused or cut half way: what the device is left with, and how it goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice, value_of
from wan_runs import IPOE, PASSWORD, PPPOE, next_task, run, session, task, to_the_end
from wan_trees import (
    IP,
    PPP,
    VLAN,
    a_row,
    ec220v2,
    ethernet_wan,
    ex220,
    family_a,
    gpon_pppoe,
    tr181,
)

from acs.devices.record import Snapshot, Unfinished
from acs.model import Add, Added, Delete, Fault, SessionLost, Set, ValueType
from acs.profiles import OutcomeKind, Wan

Maker = Callable[[], MemoryDevice]
BUILDS: dict[str, tuple[Maker, str, Wan]] = {
    "gpon-pppoe": (lambda: family_a(ethernet_wan(port=6)), "tplink-a", PPPOE),
    "gpon-ipoe": (lambda: family_a(ethernet_wan(port=6)), "tplink-a", IPOE),
    "ethernet-pppoe": (ex220, "tplink-a", PPPOE),
    "tr181-pppoe": (tr181, "tr181", PPPOE),
    "tplink-c-pppoe": (ec220v2, "tplink-c", PPPOE),
}
CHANGES: dict[str, tuple[Maker, str, Wan]] = {
    "gpon-vlan": (lambda: family_a(gpon_pppoe()), "tplink-a", PPPOE),
    "tr181-vlan": (lambda: tr181(pppoe=True, vlan=7), "tr181", PPPOE),
}
REFUSED = Fault(9002, "Internal error")


def held(device: MemoryDevice) -> dict[str, str]:
    """What the device holds; 1 and true are one word."""
    words = {"1": "true", "0": "false"}
    return {
        path: words.get(value.text, value.text) if value.type is ValueType.BOOLEAN else value.text
        for path, value in device.values.items()
    }


def writes(make: Maker, name: str, wish: Wan, *kinds: type) -> list[int]:
    """Numbers, from 1, of the operations of a run without a fault that are of ``kinds``."""
    device = make()
    run(device, task(name, wish))
    return [n for n, operation in enumerate(device.operations, 1) if isinstance(operation, kinds)]


EACH_STEP = [
    pytest.param(make, name, wish, number, id=f"{case}-{number}")
    for case, (make, name, wish) in BUILDS.items()
    for number in writes(make, name, wish, Add, Set)
]
EACH_OPERATION = [
    pytest.param(make, name, wish, number, id=f"{case}-{number}")
    for case, (make, name, wish) in {**BUILDS, **CHANGES}.items()
    for number in writes(make, name, wish, Add, Set, object)
]


@pytest.mark.parametrize(("make", "name", "wish", "number"), EACH_STEP)
def test_a_refused_step_takes_back_what_was_added_and_nothing_else(
    make: Maker, name: str, wish: Wan, number: int
) -> None:
    device = make()
    before = held(device)
    device.fault_at = {number: REFUSED}
    outcome = run(device, task(name, wish))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.fault == REFUSED
    assert re.search(r"^refused at step \d+ of \d+ \((create|set) ", outcome.text)
    assert held(device) == before
    added = [o for o in device.operations[: number - 1] if isinstance(o, Add)]
    deleted = [o.row for o in device.operations if isinstance(o, Delete)]
    assert [re.sub(r"\d+\.$", "", row) for row in deleted] == [o.table for o in added][::-1]
    assert outcome.snapshot.unfinished is None
    again = to_the_end(device, replace(task(name, wish), snapshot=outcome.snapshot))
    assert again.kind in (OutcomeKind.PROVEN, OutcomeKind.IN_ORDER)


@pytest.mark.parametrize("answered", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize(("make", "name", "wish", "number"), EACH_OPERATION)
def test_a_lost_line_is_gone_on_with_to_the_same_end_without_a_row_too_many(
    make: Maker, name: str, wish: Wan, number: int, answered: bool
) -> None:
    smooth = make()
    to_the_end(smooth, task(name, wish))
    device = make()
    if answered:
        device.silent_at = number
    else:
        device.lost_after = number - 1
    try:
        _, then = session(device, task(name, wish))
    except SessionLost:
        then = task(name, wish)
        device.next_session()
    device.silent_at = device.lost_after = None
    outcome = to_the_end(device, then)
    assert outcome.kind in (OutcomeKind.PROVEN, OutcomeKind.IN_ORDER)
    assert held(device) == held(smooth)
    assert outcome.snapshot.unfinished is None


def test_the_fault_names_the_step_and_counts_the_rows() -> None:
    device = family_a(ethernet_wan(port=6))
    device.refuse = {f"{IP}5.LowerLayers": 9007}
    outcome = run(device, task("tplink-a", PPPOE))
    assert outcome.text == (
        f"refused at step 10 of 17 (set {IP}{{ip}}.): fault 9003 (Invalid arguments): "
        f"{IP}5.LowerLayers: 9007 (Refused); the 5 rows created were removed"
    )
    assert PASSWORD not in outcome.text


def test_a_row_that_cannot_be_removed_is_named_and_used_the_next_time() -> None:
    device = family_a(ethernet_wan(port=6))
    numbers = writes(lambda: family_a(ethernet_wan(port=6)), "tplink-a", PPPOE, Add, Set)
    last = numbers[-1]
    # Rows go in reverse order: the fourth is that of PPP, which some firmware locks.
    device.fault_at = {last: REFUSED, last + 4: Fault(9814, "Parse xml string failed")}
    outcome = run(device, task("tplink-a", PPPOE))
    assert outcome.text.endswith(
        "the 6 rows created were removed; "
        f"could not be removed: {PPP}2. (fault 9814 (Parse xml string failed))"
    )
    assert outcome.snapshot.unfinished is not None
    assert dict(outcome.snapshot.unfinished.rows) == {"ppp": f"{PPP}2."}
    device.next_session()
    # An attempt that fails before it changes anything must not hide what the one before has left.
    device.fault_at = {
        writes(lambda: family_a(ethernet_wan(port=6)), "tplink-a", PPPOE, Add)[0]: REFUSED
    }
    refused = run(device, replace(task("tplink-a", PPPOE), snapshot=outcome.snapshot))
    assert refused.text.endswith(
        f"nothing was changed; of an earlier attempt there is still: {PPP}2."
    )
    assert refused.snapshot.unfinished == outcome.snapshot.unfinished
    device.next_session()
    device.fault_at = {}
    again = run(device, replace(task("tplink-a", PPPOE), snapshot=outcome.snapshot))
    assert Add(PPP) not in device.operations
    assert again.kind is OutcomeKind.AWAITING
    assert device[f"{IP}5.LowerLayers"] == f"{PPP}2."


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_running_connection_is_put_back_as_it_was(step: int) -> None:
    device = family_a(gpon_pppoe())
    before = {path: value.text for path, value in device.values.items()}
    number = writes(lambda: family_a(gpon_pppoe()), "tplink-a", PPPOE, Set)[step - 1]
    device.fault_at = {number: REFUSED}
    outcome = run(device, task("tplink-a", PPPOE))
    assert outcome.text.startswith(f"refused at step {step} of 4 (set ")
    assert "what was there is as before" in outcome.text
    assert (f"but for {PPP}3.Password, which cannot be read" in outcome.text) is (step == 4)
    assert device[f"{IP}6.Enable"] in ("1", "true")
    for path in (f"{VLAN}3.VLANID", f"{PPP}3.Username"):
        assert device[path] == before[path]


def test_a_leaf_the_new_row_does_not_show_is_not_sent() -> None:
    device = ex220()
    run(device, task("tplink-a", PPPOE))
    assert f"{VLAN}2.X_TP_VLANMode" not in device.written
    assert f"{VLAN}2.X_TP_VLANEnable" in device.written


def test_a_row_somebody_else_made_meanwhile_is_not_taken_for_ours() -> None:
    device = family_a()
    adding = writes(family_a, "tplink-a", PPPOE, Add)[3]
    device.lost_after = adding - 1
    _, then = session(device, task("tplink-a", PPPOE))
    device.lost_after = None
    device.perform(Add(PPP))
    device.values[f"{PPP}2.Alias"] = device.values[f"{PPP}2.Alias"]._replace(text="theirs")
    to_the_end(device, then)
    assert device[f"{PPP}2.Username"] == ""
    assert device[f"{PPP}3.Username"] == PPPOE.username


@pytest.mark.parametrize("table", [IP, VLAN, PPP])
def test_a_row_that_was_there_before_is_not_taken_for_a_new_one(table: str) -> None:
    """A device that names one of the customer's rows must not have it written, nor deleted."""
    device = family_a(ethernet_wan(port=6))
    before = held(device)
    add = device._add
    device._add = lambda asked: Added(f"{table}1.") if asked == table else add(asked)  # type: ignore[method-assign]
    outcome = run(device, task("tplink-a", PPPOE))
    assert outcome.kind is OutcomeKind.FAILED
    assert f"the row it says it created, {table}1., was there before" in outcome.text
    assert not any(o.row == f"{table}1." for o in device.operations if isinstance(o, Delete))
    assert held(device) == before


def test_what_a_build_for_another_mode_has_left_is_removed() -> None:
    """The line is cut half way, and before it goes on something else is wanted."""
    device = family_a(ethernet_wan(port=6))
    adding = writes(lambda: family_a(ethernet_wan(port=6)), "tplink-a", PPPOE, Add)
    device.silent_at = adding[-1]
    _, then = session(device, task("tplink-a", PPPOE))
    device.silent_at = None
    left = then.snapshot.unfinished
    assert left is not None
    assert set(left.rows) == {"gpon", "link", "vlan", "ppp", "ip", "nat"}
    device.operations.clear()
    wanted = replace(task("tplink-a", IPOE), snapshot=then.snapshot)
    first = run(device, wanted)
    gone = [operation.row for operation in device.operations if isinstance(operation, Delete)]
    assert gone == [path for path in reversed(list(left.rows.values())) if path in gone]
    assert len(gone) == 5
    assert f"remove {PPP}2.  (wan: left by an unfinished build)" in "\n".join(first.plan.render())
    device.next_session()
    outcome = to_the_end(device, next_task(wanted, first))
    assert outcome.kind is OutcomeKind.PROVEN
    assert outcome.snapshot.unfinished is None
    smooth = family_a(ethernet_wan(port=6))
    to_the_end(smooth, task("tplink-a", IPOE))
    assert held(device) == held(smooth)


def test_what_cannot_be_removed_does_not_hold_up_the_rest() -> None:
    device = family_a(ethernet_wan(port=6))
    wanted = replace(
        task("tplink-a", IPOE), snapshot=Snapshot(unfinished=Unfinished({"ppp": f"{PPP}2."}))
    )
    device.values |= {path: value_of(v) for path, v in a_row(PPP, 2, Alias="cpe-ppp").items()}
    probe = family_a(ethernet_wan(port=6))
    probe.values |= {path: value_of(v) for path, v in a_row(PPP, 2, Alias="cpe-ppp").items()}
    run(probe, wanted)
    number = next(n for n, o in enumerate(probe.operations, 1) if isinstance(o, Delete))
    device.fault_at = {number: REFUSED}
    assert run(device, wanted).kind is OutcomeKind.AWAITING
    assert f"{PPP}2.Username" in device.values


@pytest.mark.parametrize("alias", ["theirs", "gigafibre_pppoe"])
def test_nothing_is_removed_that_is_in_use_or_has_another_name(alias: str) -> None:
    device = family_a(gpon_pppoe())
    path = f"{PPP}3.Alias"
    device.values[path] = device.values[path]._replace(text=alias)
    if alias == "theirs":
        on = f"{IP}6.Enable"
        device.values[on] = device.values[on]._replace(text="false")
    snapshot = Snapshot(unfinished=Unfinished({"ppp": f"{PPP}3."}))
    run(device, replace(task("tplink-a", IPOE), snapshot=snapshot))
    assert not any(isinstance(operation, Delete) for operation in device.operations)


def test_of_several_new_rows_none_is_taken_for_ours() -> None:
    device = family_a(ethernet_wan(port=6))
    for number in (2, 3):
        device.values |= {path: value_of(v) for path, v in a_row(PPP, number).items()}
    snapshot = Snapshot(unfinished=Unfinished({}, "ppp", (f"{PPP}1.",)))
    outcome = run(device, replace(task("tplink-a", PPPOE), snapshot=snapshot))
    assert f"{PPP}4.Username" in {change.path for o in device.sets for change in o.changes}
    assert outcome.kind is OutcomeKind.AWAITING
