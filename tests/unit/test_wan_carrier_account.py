"""The account of the connection that carries our session: it works, so its password is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice, value_of
from wan_runs import ELSEWHERE, KEY, PPPOE, next_task, planned, run, session, task, to_the_end
from wan_trees import IP, PPP, family_a, gpon_pppoe

from acs.model import Secret
from acs.profiles import OutcomeKind, Task, Wan
from acs.profiles.changes import UNSURE, seal_written

CARRIER = f"{IP}6."
USERNAME, STORED = f"{PPP}3.Username", f"{PPP}3.Password"
WISH = Wan("pppoe", 2, "old", Secret("of-erpnext"))
LATER = replace(WISH, password=Secret("new"))
NOTE = "wan: password: kept: the account that carries our session works"
UNIT = {"mark": False}


def adopted() -> tuple[MemoryDevice, Task]:
    """A unit that came with its account, after the first session, and the task of the next."""
    device = family_a(gpon_pppoe())
    first = task("tplink-a", WISH, CARRIER, **UNIT)
    return device, next_task(first, run(device, first))


def with_wish(before: Task, wish: Wan) -> Task:
    return replace(task("tplink-a", wish, CARRIER, **UNIT), snapshot=before.snapshot)


def test_a_password_that_we_never_wrote_is_kept_and_remembered() -> None:
    device, then = adopted()
    assert device.sets == []
    assert device[STORED] == "x"
    sealed = seal_written(KEY, STORED, value_of("of-erpnext"))
    assert then.snapshot.written == {STORED: sealed}


def test_the_plan_says_so_once_and_no_proof_claims_that_it_was_written() -> None:
    device = family_a(gpon_pppoe())
    first = task("tplink-a", WISH, CARRIER, **UNIT)
    outcome = run(device, first)
    assert outcome.kind is OutcomeKind.IN_ORDER
    assert NOTE in outcome.plan.notes
    assert STORED not in [line.path for line in outcome.lines]
    assert run(device, next_task(first, outcome)).plan.notes == ()


def test_a_later_password_of_the_wish_is_written() -> None:
    device, then = adopted()
    run(device, with_wish(then, LATER))
    assert device[STORED] == "new"


def test_another_user_name_brings_its_password_though_that_was_adopted() -> None:
    device, then = adopted()
    run(device, with_wish(then, replace(WISH, username="other")))
    assert (device[USERNAME], device[STORED]) == ("other", "of-erpnext")


def test_a_unit_that_announces_itself_for_the_first_time_keeps_it_too() -> None:
    device = family_a(gpon_pppoe())
    run(device, task("tplink-a", WISH, CARRIER, reset=True, **UNIT))
    assert device[STORED] == "x"


@pytest.mark.parametrize(
    ("wish", "carrier", "options"),
    [
        (WISH, ELSEWHERE, {}),
        (WISH, "", {}),
        (WISH, CARRIER, {"rewrite": True}),
        (replace(WISH, username="other"), CARRIER, {}),
        (replace(WISH, username=None), CARRIER, {}),
    ],
    ids=["it carries another", "unknown carrier", "asked for", "another user name", "no user name"],
)
def test_elsewhere_it_is_written(wish: Wan, carrier: str, options: dict[str, bool]) -> None:
    device = family_a(gpon_pppoe())
    run(device, task("tplink-a", wish, carrier, **UNIT, **options))
    assert device[STORED] == "of-erpnext"


def test_one_of_our_own_of_which_nothing_is_known_any_more_is_kept() -> None:
    device = family_a()
    to_the_end(device, task("tplink-a", PPPOE))
    plan = planned(device, "tplink-a", PPPOE, carrier=f"{IP}4.")
    assert not plan
    assert NOTE in plan.notes


class TestWhatWasWrittenAndIsUnsure:
    """A password that may have been lost is no password we never wrote."""

    def test_one_on_its_way_when_the_line_was_cut_is_written_again(self) -> None:
        twin, then = adopted()
        twin.operations.clear()
        run(twin, with_wish(then, LATER))
        device, then = adopted()
        device.operations.clear()
        device.lost_after = twin.operations.index(twin.sets[0])
        outcome, then = session(device, with_wish(then, LATER))
        assert outcome is None
        assert then.snapshot.written == {STORED: UNSURE}
        device.lost_after = None
        run(device, then)
        assert device[STORED] == "new"

    def test_one_of_which_that_is_known_is_written_again(self) -> None:
        device, then = adopted()
        run(device, replace(then, snapshot=replace(then.snapshot, written={STORED: UNSURE})))
        assert device[STORED] == "of-erpnext"

    def test_a_difference_elsewhere_does_not_make_the_kept_one_unsure(self) -> None:
        device, then = adopted()
        device.later = [f"{IP}6.MaxMTUSize"]
        wanted = with_wish(then, replace(WISH, mtu=1400))
        awaiting = run(device, wanted)
        assert awaiting.kind is OutcomeKind.AWAITING
        # It accepts another MTU and never applies it.
        device.pending.clear()
        outcome = run(device, next_task(wanted, awaiting))
        assert outcome.kind is OutcomeKind.MISMATCH
        assert outcome.snapshot.written == then.snapshot.written
        assert device[STORED] == "x"

    def test_it_makes_one_unsure_that_another_connection_holds(self) -> None:
        device, then = adopted()
        device.later = [f"{IP}6.MaxMTUSize"]
        wanted = replace(with_wish(then, replace(WISH, mtu=1400)), carrier=ELSEWHERE)
        awaiting = run(device, wanted)
        device.pending.clear()
        outcome = run(device, next_task(wanted, awaiting))
        assert outcome.snapshot.written == {STORED: UNSURE}
