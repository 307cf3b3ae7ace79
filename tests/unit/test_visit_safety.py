"""What may leave for a device: outbound safety, whose settings it shows, accounts to call it by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice, value_of
from device_trees import xx230v
from house_in_memory import EQUIPMENT, HOME, SSID, MemoryHouse

from acs.devices.effects import AddTimeline, PublishNews
from acs.devices.house import Policy, StunWish
from acs.devices.news import NewsKind
from acs.devices.record import Custody, Job, JobKind, JobState, Standing
from acs.devices.safety import Mode, Safety
from acs.model import EventKind
from acs.profiles import Intent, VoiceLine

BOOTSTRAP, PERIODIC = EventKind.BOOTSTRAP, EventKind.PERIODIC
DRY_RUN = Policy(safety=Safety(Mode.DRY_RUN))
EMPTY_HOME = Intent(voice=(VoiceLine(1, enabled=False),))


def house(policy: Policy, intent: Intent = HOME) -> MemoryHouse:
    h = MemoryHouse(policy)
    h.source.put(EQUIPMENT, intent)
    return h


def known(h: MemoryHouse):
    assert h.device is not None
    return h.device


def news(h: MemoryHouse) -> list[NewsKind]:
    return [effect.news.kind for effect in h.effects if isinstance(effect, PublishNews)]


def written(device: MemoryDevice) -> bool:
    """Tell whether it was written since its last session, and begin the next one."""
    wrote = bool(device.written)
    device.next_session()
    return wrote


def test_in_dry_run_a_plan_is_shown_and_nothing_is_written() -> None:
    h, device = house(DRY_RUN), xx230v()
    h.visited(device, BOOTSTRAP)
    assert not written(device)
    assert known(h).standing is Standing.PLANNED
    assert "nothing sent: safety.mode is dry-run" in known(h).reason
    told = [effect.entry for effect in h.effects if isinstance(effect, AddTimeline)]
    plans = [entry.detail["plan"] for entry in told if entry.kind == "plan"]
    assert len(plans) == 1 and any("SSID" in line for line in plans[0])
    assert h.calls is None and h.password is None, "an account was made that nobody is told"


def test_a_device_waits_quietly_in_dry_run_and_is_served_when_the_mode_is_on() -> None:
    h, device = house(DRY_RUN), xx230v()
    h.visited(device, BOOTSTRAP)
    device.next_session()
    h.visited(device, PERIODIC)
    assert [type(each).__name__ for each in device.operations] == ["Accept"]
    h.policy = Policy()
    h.visited(device, PERIODIC)
    assert written(device)


@pytest.mark.parametrize(
    ("safety", "is_served"),
    [
        (Safety(Mode.ALLOW_LIST), False),
        (Safety(Mode.ALLOW_LIST, devices=("*22275A7000001",)), True),
        (Safety(Mode.ALLOW_LIST, devices=("*22275A7000002",)), False),
        (Safety(Mode.ALLOW_LIST, customers=(EQUIPMENT.customer or "C-1",)), True),
        (Safety(Mode.ALLOW_LIST, customers=("somebody else",)), False),
        (Safety(Mode.ALLOW_LIST, tags=("pilot",)), True),
        (Safety(Mode.ALLOW_LIST, tags=("other",)), False),
    ],
)
def test_the_allow_list_names_devices_customers_and_tags(safety: Safety, is_served: bool) -> None:
    h, device = MemoryHouse(Policy(safety=safety)), xx230v()
    h.source.put(replace(EQUIPMENT, customer=EQUIPMENT.customer or "C-1"), HOME)
    h.tags = {"pilot"}
    h.visited(device, BOOTSTRAP)
    assert written(device) is is_served


def test_a_tag_that_a_device_gets_releases_it_at_its_next_contact() -> None:
    h, device = house(Policy(safety=Safety(Mode.ALLOW_LIST, tags=("pilot",)))), xx230v()
    h.visited(device, BOOTSTRAP)
    assert not written(device)
    h.tags = {"pilot"}
    h.visited(device, PERIODIC)
    assert written(device)


@pytest.mark.parametrize(
    ("kind", "payload", "is_sent"),
    [
        (JobKind.REBOOT, {}, False),
        (JobKind.SET, {"values": {"Device.Time.Enable": "1"}}, False),
        (JobKind.READ, {"paths": ["Device.DeviceInfo.SoftwareVersion"]}, True),
    ],
)
def test_jobs_that_change_a_device_wait_in_dry_run(kind, payload, is_sent: bool) -> None:
    h, device = MemoryHouse(DRY_RUN), xx230v()
    h.visited(device, BOOTSTRAP)
    h.jobs = [Job(7, 1, kind, payload)]
    h.visited(device, PERIODIC)
    state = h.jobs[0].state
    assert (state is not JobState.QUEUED) is is_sent
    if not is_sent:
        assert "is not sent: safety.mode is dry-run" in str(h.jobs[0].result)


@pytest.mark.parametrize(("customer", "is_sent"), [("C-1", True), ("somebody else", False)])
def test_jobs_for_a_customer_on_the_list_are_sent(customer: str, is_sent: bool) -> None:
    h, device = MemoryHouse(Policy(safety=Safety(Mode.ALLOW_LIST, customers=("C-1",)))), xx230v()
    h.source.put(replace(EQUIPMENT, customer=customer), HOME)
    h.visited(device, BOOTSTRAP)
    h.jobs = [Job(7, 1, JobKind.SET, {"values": {"Device.Time.Enable": "1"}})]
    h.visited(device, PERIODIC)
    assert (h.jobs[0].state is not JobState.QUEUED) is is_sent


# --- whose settings ---------------------------------------------------------------------------

HOLD = Policy(hold_foreign=True)


def test_a_device_fresh_from_the_factory_is_served() -> None:
    h, device = house(HOLD), xx230v()
    h.visited(device, BOOTSTRAP)
    assert written(device)
    assert known(h).custody is Custody.OURS


def test_a_device_that_somebody_else_set_up_is_planned_for_until_it_is_released() -> None:
    h, device = house(HOLD), xx230v()
    device.values[SSID] = value_of("Chez Gilles")
    h.visited(device, BOOTSTRAP)
    assert not written(device)
    assert (known(h).standing, known(h).custody) == (Standing.PLANNED, Custody.FOREIGN)
    assert "acs device release" in known(h).reason
    assert "'Chez Gilles'" in known(h).reason
    h.visited(device, PERIODIC)
    assert not written(device)
    known(h).custody = Custody.OURS
    h.visited(device, PERIODIC)
    assert written(device)


def test_a_factory_reset_ends_the_doubt_whose_it_is() -> None:
    h, device = house(HOLD), xx230v()
    device.values[SSID] = value_of("Chez Gilles")
    h.visited(device, BOOTSTRAP)
    assert known(h).custody is Custody.FOREIGN
    device.values[SSID] = value_of("TP-Link_0001")
    h.visited(device, BOOTSTRAP)
    assert written(device)


def test_a_device_that_already_has_what_is_wanted_is_nobody_elses() -> None:
    h, device = house(Policy()), xx230v()
    h.visited(device, BOOTSTRAP)
    device.next_session()
    h.visited(device, PERIODIC)
    other = house(HOLD)
    other.visited(device, BOOTSTRAP)
    assert known(other).custody is Custody.OURS


@pytest.mark.parametrize(
    ("asked_by", "is_sent"),
    [({"created_by": "ana"}, True), ({"created_by": "rule beta"}, False), ({"campaign": 3}, False)],
)
def test_only_a_person_has_something_done_on_a_held_device(
    asked_by: dict[str, object], is_sent: bool
) -> None:
    h, device = house(HOLD), xx230v()
    device.values[SSID] = value_of("Chez Gilles")
    h.visited(device, BOOTSTRAP)
    h.jobs = [Job(7, 1, JobKind.SET, {"values": {"Device.Time.Enable": "1"}}, **asked_by)]
    h.visited(device, PERIODIC)
    assert (h.jobs[0].state is not JobState.QUEUED) is is_sent


def test_a_job_that_was_sent_takes_no_further_step_in_dry_run() -> None:
    h, device = MemoryHouse(DRY_RUN), xx230v()
    h.visited(device, BOOTSTRAP)
    h.jobs = [Job(7, 1, JobKind.DOWNLOAD, {"file": "x"}, state=JobState.SENT, created_at=1.0)]
    h.visited(device, PERIODIC)
    assert h.jobs[0].state is JobState.SENT
    h.policy = Policy()
    h.visited(device, PERIODIC, at=h.time + 1e6)
    assert h.jobs[0].state is not JobState.SENT


# --- accounts and STUN ------------------------------------------------------------------------


def test_a_device_gets_an_account_to_be_called_by_and_keeps_it() -> None:
    h, device = house(Policy(wake_accounts=True)), xx230v()
    h.visited(device, BOOTSTRAP)
    assert h.calls is not None and len(h.calls.password.reveal()) >= 12
    manner = "Device.ManagementServer.ConnectionRequest"
    assert device[manner + "Username"] == known(h).key == h.calls.username
    assert device[manner + "Password"] == h.calls.password.reveal()
    before = h.calls
    h.visited(device, BOOTSTRAP)
    assert h.calls == before


def test_a_device_is_told_where_stun_is() -> None:
    h, device = house(Policy(wake_accounts=True, stun=StunWish("stun.example.net"))), xx230v()
    h.visited(device, BOOTSTRAP)
    assert device["Device.ManagementServer.STUNServerAddress"] == "stun.example.net"
    assert device["Device.ManagementServer.STUNEnable"] in ("1", "true")
    assert device["Device.ManagementServer.STUNUsername"] == known(h).key


# --- a unit that was replaced ------------------------------------------------------------------


def swapped(h: MemoryHouse, device: MemoryDevice) -> None:
    """The equipment gets another serial while ``device`` is away, and another unit takes it."""
    h.visited(device, BOOTSTRAP)
    device.next_session()
    h.visited(device, PERIODIC)
    assert known(h).standing is Standing.LIVE
    h.source.put(replace(EQUIPMENT, serial_number="22275A7000099", mac=""), HOME, "d2")
    h.source.without_customer = EMPTY_HOME


def test_the_old_unit_is_neutralised_once_another_one_holds_its_equipment() -> None:
    h, device = house(Policy()), xx230v()
    swapped(h, device)
    device.next_session()
    h.visited(device, PERIODIC)
    assert (known(h).standing, known(h).lost) == (Standing.QUARANTINED, EQUIPMENT.name)
    h.visited(device, PERIODIC)
    assert not written(device), "a mistyped serial switches a home off"
    h.others = [replace(known(h), id=2, key="new", equipment=EQUIPMENT.name)]
    h.visited(device, PERIODIC)
    assert written(device)
    assert h.timeline[-1] == "neutralise: 1 change accepted; the next session verifies"
    h.visited(device, PERIODIC)
    assert (known(h).lost, news(h)[-1]) == ("", NewsKind.NEUTRALISED)
    assert h.proofs[-1].complete


def test_news_is_told_of_what_happens_to_a_device() -> None:
    h, device = house(Policy()), xx230v()
    h.visited(device, BOOTSTRAP)
    device.next_session()
    h.visited(device, PERIODIC)
    assert news(h) == [NewsKind.ONLINE, NewsKind.PROVISIONED]


def test_what_a_device_holds_is_told_in_short_however_long_it_is() -> None:
    h, device = house(HOLD), xx230v()
    device.values[SSID] = value_of("'" + "\\'" * 20_000)
    h.visited(device, BOOTSTRAP)
    assert known(h).custody is Custody.FOREIGN
    assert len(known(h).reason) < 2000


def test_who_can_be_called_is_also_asked_when_it_calls_by_itself() -> None:
    h, device = house(Policy(wake_accounts=True)), xx230v()
    h.visited(device, BOOTSTRAP)
    interval = "Device.ManagementServer.PeriodicInformInterval"
    assert h.kept.values[interval].text == device[interval]
    assert interval not in device.written
