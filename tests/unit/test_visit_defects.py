"""Visits that once went wrong: loops, ends without a way out, rows of other homes, secrets told."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from device_trees import ex220, xx230v
from house_in_memory import EQUIPMENT, HOME, KEY, SSID, MemoryHouse, live, served

from acs.devices.effects import ForgetMissing
from acs.devices.house import Policy
from acs.devices.identity import EquipmentStatus, Treatment
from acs.devices.record import Device, Job, JobKind, JobState, Standing
from acs.model import EventKind, Fault, Operation, ParameterFault, Secret, SessionLost, Set, Value
from acs.profiles import Band, Blueprint, Facts, Intent, WifiNetwork

BOOT = EventKind.BOOT
BOOTSTRAP = EventKind.BOOTSTRAP
MARKER = "Device.DeviceInfo.ProvisioningCode"


def known(house: MemoryHouse) -> Device:
    assert house.device is not None
    return house.device


# --- loops ------------------------------------------------------------------------------


def test_a_device_that_never_shows_our_mark_is_not_taken_for_reset_at_each_session() -> None:
    h, device = served(), xx230v()
    device.later.append(MARKER)
    h.visited(device, BOOTSTRAP)
    for _ in range(6):
        device.pending.pop(MARKER, None)
        device.values.update(device.pending)
        h.visited(device)
    assert len(device.sets) == 1
    assert known(h).standing is Standing.LIVE, "the mark is no wish of the customer"
    assert h.proofs[-1].complete


def test_a_mark_that_is_applied_late_is_no_reset() -> None:
    h, device = served(), xx230v()
    device.later.append(MARKER)
    live(device, h)
    h.source.put(EQUIPMENT, Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="Chalet"),)), "d2")
    h.visited(device)
    late = device.pending.pop(MARKER)
    device.next_session()
    h.visited(device)
    assert device.sets == []
    assert known(h).standing is Standing.LIVE
    device.values[MARKER] = late
    h.visited(device, BOOT)
    assert device.sets == []
    assert known(h).marker == late.text, "its loss tells of a reset again"


def test_a_device_that_refuses_our_mark_is_served_without_it() -> None:
    h, device = served(), xx230v(refuse={MARKER: 9008})
    live(device, h)
    assert known(h).marker == ""
    assert device[SSID] == "Maison"
    h.visited(device)
    assert device.sets == []


def test_a_device_that_resets_itself_whenever_it_was_written_is_paused() -> None:
    h, device = served(Policy(backoff=300)), xx230v()
    for second in range(0, 120, 10):
        h.visited(device, BOOTSTRAP, at=5000.0 + second)
        device.pending.clear()
    assert len(device.sets) <= 4
    assert known(h).retry_at > h.time


def test_resets_far_apart_are_never_paused() -> None:
    h, device = served(), xx230v()
    for number in range(6):
        device.factory_reset()
        h.visited(device, BOOTSTRAP, at=5000.0 + number * 3600)
        assert SSID in device.written


# --- dead ends --------------------------------------------------------------------------


def test_a_clock_that_was_ahead_does_not_stop_a_device_for_years() -> None:
    h, device = served(), xx230v(refuse={SSID: 9007})
    h.visited(device, BOOTSTRAP, at=4e9)
    device.refuse.clear()
    device.operations.clear()
    h.visited(device, at=2000.0)
    assert device.sets, "the pause of a wrong clock is void"


def test_a_check_is_due_when_the_last_one_lies_in_the_future() -> None:
    h, device = served(), xx230v()
    live(device, h)
    known(h).checked_at = 4e9
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device)
    assert SSID in device.written


def test_what_an_operator_had_written_in_a_pause_is_verified_at_the_next_session() -> None:
    h, device = served(), xx230v(refuse={SSID: 9007})
    h.visited(device, BOOTSTRAP)
    device.refuse.clear()
    h.jobs = [Job(1, 1, JobKind.PROVISION)]
    h.visited(device, at=h.time + 5)
    assert known(h).standing is Standing.VERIFYING
    device.next_session()
    h.visited(device, at=h.time + 5)
    assert known(h).standing is Standing.LIVE
    assert h.jobs[0].state is JobState.DONE


def test_a_provision_job_is_not_done_while_the_wish_is_not_known() -> None:
    h, device = served(), xx230v()
    live(device, h)
    h.jobs = [Job(1, 1, JobKind.PROVISION)]
    h.source.pending = "ERPNext did not answer in time"
    h.visited(device)
    assert h.jobs[0].state is JobState.QUEUED
    h.source.pending = ""
    h.visited(device)
    assert h.jobs[0].state is JobState.DONE


def test_equipment_that_is_active_again_is_written() -> None:
    h, device = served(), xx230v()
    live(device, h)
    h.source.put(
        replace(EQUIPMENT, status=EquipmentStatus.RETURNED, treatment=Treatment.HOLD), HOME, "d2"
    )
    h.visited(device)
    assert known(h).standing is Standing.HELD
    changed = Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="Chalet"),))
    h.source.put(EQUIPMENT, changed, "d3")
    h.visited(device)
    device.next_session()
    h.visited(device)
    assert known(h).standing is Standing.LIVE


def test_a_drifted_device_is_written_when_its_wish_changes() -> None:
    h, device = served(Policy(heal=False)), xx230v()
    live(device, h)
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device, BOOT)
    assert known(h).standing is Standing.DRIFTED
    h.source.put(EQUIPMENT, Intent(wifi=(WifiNetwork(Band.GHZ_2_4, ssid="Chalet"),)), "d2")
    h.visited(device)
    assert SSID in device.written


@pytest.mark.parametrize(
    "payload",
    [
        {"changes": [{"path": SSID, "value": "x", "type": "no such type"}]},
        {"changes": [{"value": "x"}]},
    ],
)
def test_a_job_that_makes_no_sense_fails_and_stops_nothing_else(payload: dict[str, object]) -> None:
    jobs = [Job(1, 1, JobKind.SET, payload), Job(2, 1, JobKind.READ, {"paths": [SSID]})]
    h, device = served(jobs=jobs), xx230v()
    h.visited(device, BOOTSTRAP)
    assert [job.state for job in h.jobs] == [JobState.FAILED, JobState.DONE]


def test_after_a_reset_we_ordered_the_bootstrap_secret_holds_though_refused_else() -> None:
    h, device = served(Policy(rebootstrap=False)), xx230v()
    live(device, h)
    h.jobs = [Job(1, 1, JobKind.FACTORY_RESET)]
    h.visited(device)
    device.factory_reset()
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert {SSID, KEY} <= set(device.written)
    assert h.jobs[0].state is JobState.DONE


def test_a_session_that_fails_for_a_reason_of_ours_is_told_and_pauses_the_device() -> None:
    h, device = served(), ex220()

    async def broken(device_id: int) -> object:
        raise RuntimeError("motdepasse")

    h.snapshot = broken  # type: ignore[assignment, method-assign]
    for _ in range(3):
        with pytest.raises(RuntimeError):
            h.visited(device, BOOT, serial="22275A7000001")
    assert any(line.startswith("internal error: RuntimeError") for line in h.timeline)
    assert "motdepasse" not in repr(h.timeline)
    assert known(h).equipment == "EQP-1", "what was learned before is kept"
    assert known(h).retry_at > h.time


# --- what belongs to others --------------------------------------------------------------


def test_equipment_whose_serial_was_corrected_is_no_longer_this_device() -> None:
    h, device = served(), xx230v()
    live(device, h)
    other = replace(EQUIPMENT, serial_number="22275A7999999", mac="1C61B4000000")
    secret = Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="Neighbour"),))
    h.source.put(other, secret, "d2")
    h.visited(device)
    assert device.sets == []
    assert known(h).standing is Standing.QUARANTINED
    assert known(h).equipment == ""


def test_a_device_that_is_not_ready_does_not_teach_its_model_to_do_without_wifi() -> None:
    h, device = served(), xx230v()
    wifi = {path: value for path, value in device.values.items() if ".WiFi." in path}
    for path in wifi:
        del device.values[path]
    h.visited(device, BOOTSTRAP)
    assert not any(isinstance(effect, ForgetMissing) for effect in h.effects)
    device.values.update(wifi)
    h.visited(device, BOOT)
    h.visited(device, at=known(h).retry_at + 1)
    assert SSID in device.written


# --- secrets ----------------------------------------------------------------------------


class Quoting(MemoryDevice):
    """Refuses, and says in its fault which value it did not like."""

    def perform(self, operation: Operation) -> object:
        if isinstance(operation, Set):
            return Fault(
                9003,
                "bad value in " + ",".join(change.value.text for change in operation.changes),
                tuple(
                    ParameterFault(change.path, 9007, f"<{change.value.text}> is too short")
                    for change in operation.changes
                ),
            )
        return super().perform(operation)


def test_a_fault_that_quotes_a_secret_tells_it_to_nobody() -> None:
    h = served(
        jobs=[
            Job(
                1,
                1,
                JobKind.SET,
                {"changes": [{"path": SSID, "value": "tres-secret", "secret": True}]},
            )
        ]
    )
    source = xx230v()
    h.visited(Quoting(source.values, write_only=source.write_only), BOOTSTRAP)
    told = repr(h.timeline) + repr(h.faults) + repr(h.jobs[0].result) + known(h).reason
    assert known(h).standing is Standing.FAULTED
    assert h.jobs[0].state is JobState.FAILED
    assert "is too short" in told
    for secret in ("motdepasse", "sip-secret", "tres-secret"):
        assert secret not in told


class Vanishing(MemoryDevice):
    """Takes what is written and is gone before it says so."""

    def run(self, flow: Coroutine[Operation, Any, Any]) -> Any:
        outcome: object = None
        while True:
            operation = flow.send(outcome)
            outcome = self.perform(operation)
            if isinstance(operation, Set):
                flow.throw(SessionLost("gone"))


def test_a_secret_written_in_a_lost_session_is_not_taken_for_the_one_before() -> None:
    h, device = served(Policy(marker=False)), xx230v()
    live(device, h)
    wifi = tuple(replace(n, passphrase=Secret("nouveau-mot")) for n in HOME.wifi)
    h.source.put(EQUIPMENT, replace(HOME, wifi=wifi), "d2")
    vanishing = Vanishing({}, write_only=device.write_only)
    vanishing.values = device.values
    with pytest.raises(SessionLost):
        h.visited(vanishing)
    assert device.values[KEY].text == "nouveau-mot"
    h.source.put(EQUIPMENT, HOME, "d1")
    h.visited(device)
    device.next_session()
    assert device.values[KEY].text == "motdepasse"


# --- hostile trees ----------------------------------------------------------------------


def test_a_row_number_without_end_is_no_row() -> None:
    h, device = served(), xx230v()
    endless = "9" * 5000
    device.values[f"Device.WiFi.SSID.{endless}.SSID"] = device.values[SSID]
    live(device, h)
    assert device[SSID] == "Maison"


def test_the_blueprint_is_chosen_again_once_the_model_is_read() -> None:
    h, device = served(), xx230v()
    device.values["Device.DeviceInfo.ModelName"] = Value("XX230v")
    choose, seen = h.blueprint, []

    def of_model(facts: Facts) -> Blueprint | None:
        seen.append(facts.model)
        found = choose(facts)
        assert found is not None
        return found if facts.model == "XX230v" else replace(found, name="any", wifi=None)

    h.blueprint = of_model  # type: ignore[method-assign]
    h.visited(device, BOOTSTRAP)
    assert known(h).blueprint == "tplink-a"
    assert SSID in device.written, "written as its own family, in the first session"
    device.next_session()
    h.visited(device)
    assert device.sets == []
    assert known(h).standing is Standing.LIVE
