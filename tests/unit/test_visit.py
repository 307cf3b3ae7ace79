"""A visit: admission, matching, provisioning, proof, pauses, resets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice
from device_trees import ex220, xx230v
from house_in_memory import EQUIPMENT, HOME, KEY, SSID, MemoryHouse, live, served

from acs.devices.effects import (
    RestoreCredentials,
    SaveCredentials,
    SaveDevice,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.house import Policy
from acs.devices.identity import Equipment, EquipmentStatus, Treatment
from acs.devices.record import Device, Standing, Verdict
from acs.model import EventKind, Get, Secret, SessionLost, Set
from acs.profiles import Band, Intent, WifiNetwork

BOOT = EventKind.BOOT
BOOTSTRAP = EventKind.BOOTSTRAP
PERIODIC = EventKind.PERIODIC


def standing(house: MemoryHouse) -> Standing:
    assert house.device is not None
    return house.device.standing


def test_first_contact_is_matched_written_and_proven_at_the_next_session():
    h, device = served(), xx230v()
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.VERIFYING
    assert h.device is not None
    assert (h.device.equipment, h.device.matched_by) == ("EQP-1", "serial_number")
    assert {line.verdict for line in h.proofs[0].lines} == {Verdict.AWAITED, Verdict.WRITTEN}
    device.next_session()
    h.visited(device)
    assert standing(h) is Standing.LIVE
    assert h.proofs[-1].complete
    assert device[SSID] == "Maison"
    assert device.values[KEY].text == "motdepasse"
    assert device.sets == [], "verifying writes nothing"


def test_a_periodic_contact_of_a_proven_device_asks_nothing_and_waits_for_nothing():
    h, device = served(), xx230v()
    live(device, h)
    h.visited(device)
    assert [type(op).__name__ for op in device.operations] == ["Accept"]
    assert h.committed == []
    assert [type(e) for posted in h.posted for e in posted] == [SaveDevice]
    assert h.source.refreshed[-1] == "EQP-1"


def test_what_a_device_announces_is_kept_before_it_is_accepted():
    h = served()
    seen: list[int] = []

    class Watching(MemoryDevice):
        def perform(self, operation: object) -> object:
            if type(operation).__name__ == "Accept":
                seen.append(len(h.committed))
            return super().perform(operation)  # type: ignore[arg-type]

    h.visited(Watching(dict(xx230v().values)), BOOTSTRAP)
    assert seen == [1]
    assert any(line.startswith("bootstrap:") for line in h.timeline)


def test_an_unknown_device_is_quarantined_and_nothing_is_written():
    h, device = MemoryHouse(), xx230v()
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.QUARANTINED
    assert device.sets == []


def test_scan_after_the_first_inform_ends_provisioned():
    h, device = MemoryHouse(), xx230v()
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.QUARANTINED
    h.source.put(EQUIPMENT, HOME)
    h.visited(device)
    device.next_session()
    h.visited(device)
    assert standing(h) is Standing.LIVE


def test_scan_before_the_first_inform_ends_provisioned():
    h, device = served(), xx230v()
    live(device, h)


def test_matched_by_a_mac_that_is_read_once():
    h, device = MemoryHouse(), ex220()
    device.values["Device.Ethernet.Interface.1.MACAddress"] = device.values[SSID]._replace(
        text="1C:61:B4:FA:22:10"
    )
    h.source.put(Equipment("EQP-2", mac="1C61B4FA2210", status=EquipmentStatus.ACTIVE), HOME)
    h.visited(device, BOOTSTRAP, serial="2226469000002")
    assert h.device is not None
    assert (h.device.equipment, h.device.matched_by) == ("EQP-2", "mac_address")
    assert h.device.mac == "1C61B4FA2210"


def test_two_equipments_with_one_serial_go_to_quarantine_with_both_names():
    h, device = served(), xx230v()
    h.source.put(Equipment("EQP-9", serial_number="22275A7000001"), HOME)
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.QUARANTINED
    assert h.device is not None
    assert "EQP-1, EQP-9" in h.device.reason
    assert device.sets == []


@pytest.mark.parametrize("off", [1, 2, 3])
def test_a_mac_close_by_is_only_suggested(off: int):
    h, device = MemoryHouse(), ex220()
    device.values["Device.Ethernet.Interface.1.MACAddress"] = device.values[SSID]._replace(
        text="1C:61:B4:FA:22:10"
    )
    h.source.put(Equipment("EQP-2", mac=f"1C61B4FA22{0x10 + off:02X}"), HOME)
    h.visited(device, BOOTSTRAP, serial="2226469000002")
    assert standing(h) is Standing.QUARANTINED
    assert h.device is not None
    assert (h.device.equipment, h.device.suggestion) == ("", "EQP-2")
    assert device.sets == []


def test_a_late_answer_of_erpnext_leaves_the_device_waiting_then_provisions_it():
    h, device = served(), xx230v()
    h.source.pending = "ERPNext did not answer in time"
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.WAITING
    assert device.sets == []
    h.source.pending = ""
    h.visited(device)
    device.next_session()
    h.visited(device)
    assert standing(h) is Standing.LIVE


@pytest.mark.parametrize("status", [EquipmentStatus.DEFECTIVE, EquipmentStatus.RETURNED])
def test_nothing_is_pushed_to_equipment_out_of_service(status: EquipmentStatus):
    h, device = MemoryHouse(), xx230v()
    box = Equipment("EQP-1", serial_number="22275A7000001", status=status, treatment=Treatment.HOLD)
    h.source.put(box, HOME)
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.HELD
    assert device.sets == []


def test_equipment_without_a_profile_is_live_with_nothing_written():
    h, device = MemoryHouse(), xx230v()
    h.source.put(EQUIPMENT, Intent())
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.LIVE
    assert device.sets == []


def test_a_changed_wish_is_written_at_the_next_contact():
    h, device = served(), xx230v()
    live(device, h)
    changed = Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="Chalet"),))
    h.source.put(EQUIPMENT, changed, "d2")
    h.visited(device)
    assert "Device.WiFi.SSID.3.SSID" in device.written
    assert KEY not in device.written


def test_a_changed_passphrase_is_written_though_it_can_never_be_read():
    h, device = served(), xx230v()
    live(device, h)
    wifi = tuple(
        WifiNetwork(n.band, ssid=n.ssid, passphrase=Secret("nouveau-mot"), security=n.security)
        for n in HOME.wifi
    )
    h.source.put(EQUIPMENT, Intent(wifi=wifi, voice=HOME.voice), "d2")
    h.visited(device)
    assert {p for p in device.written if p.endswith("KeyPassphrase")} == {
        KEY,
        "Device.WiFi.AccessPoint.3.Security.KeyPassphrase",
    }


def test_a_boot_that_shows_nothing_new_rewrites_neither_snapshot_nor_proof():
    h, device = served(), xx230v()
    live(device, h)
    h.visited(device, BOOT)
    assert device.operations, "it was compared"
    assert not any(isinstance(effect, SaveSnapshot | SaveProof) for effect in h.effects)
    assert h.device is not None
    assert h.device.checked_at == h.time


def test_drift_seen_after_a_boot_is_healed():
    h, device = served(), xx230v()
    live(device, h)
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device, BOOT)
    assert SSID in device.written
    assert KEY not in device.written


def test_drift_is_only_reported_when_so_set():
    h, device = served(Policy(heal=False)), xx230v()
    live(device, h)
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device, BOOT)
    assert standing(h) is Standing.DRIFTED
    assert device.sets == []


def test_drift_is_found_by_the_regular_check():
    h, device = served(Policy(check_interval=3600)), xx230v()
    live(device, h)
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device)
    assert device.sets == []
    h.visited(device, at=h.time + 3600)
    assert SSID in device.written


def test_a_factory_reset_makes_everything_be_written_again():
    h, device = served(), xx230v()
    live(device, h)
    device.factory_reset()
    h.visited(device, BOOTSTRAP)
    assert {SSID, KEY} <= set(device.written)


def test_a_reset_whose_session_is_lost_is_not_forgotten():
    h, device = served(), xx230v()
    live(device, h)
    device.factory_reset()
    device.lost_after = 3
    with pytest.raises(SessionLost):
        h.visited(device, BOOTSTRAP)
    device.lost_after = None
    device.operations.clear()
    h.visited(device)
    assert {SSID, KEY} <= set(device.written), "write-only values too"


def test_a_lost_marker_tells_of_a_reset_nobody_announced():
    h, device = served(), xx230v()
    live(device, h)
    device.factory_reset()
    h.visited(device, PERIODIC)
    assert {SSID, KEY} <= set(device.written)


def test_a_refusal_is_a_fault_that_names_the_parameter_and_pauses():
    h, device = served(), xx230v(refuse={SSID: 9007})
    h.visited(device, BOOTSTRAP)
    assert standing(h) is Standing.FAULTED
    fault = h.faults[0]
    assert SSID in fault.parameters[0]
    assert "9007" in fault.parameters[0]
    assert fault.retry_at > h.time
    device.operations.clear()
    h.visited(device, at=h.time + 10)
    assert device.sets == [], "the pause holds"
    h.visited(device, at=fault.retry_at + 1)
    assert device.sets, "after the pause it is tried again"


def test_pauses_grow_and_end():
    h, device = served(Policy(backoff=100, backoff_max=1000)), xx230v(refuse={SSID: 9007})
    pauses = []
    for _ in range(6):
        h.visited(device, BOOT, at=(h.device.retry_at if h.device else 0) + 1301)
        pauses.append(h.faults[-1].retry_at - h.time)
    assert pauses == [100, 200, 400, 800, 1000, 1000]


def test_each_failure_leaves_one_line_with_its_number():
    h, device = served(Policy(backoff=100, backoff_max=1000)), xx230v(refuse={SSID: 9007})
    for _ in range(13):
        h.visited(device, BOOT, at=(h.device.retry_at if h.device else 0) + 1301)
    told = [line for line in h.timeline if line.startswith("faulted: ")]
    assert len(told) == 13
    reason = told[0].removeprefix("faulted: ")
    assert h.device is not None and h.device.reason == reason
    times = ("2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th", "11th", "12th", "13th")
    assert told[1:] == [f"faulted: failed again ({time} time): {reason}" for time in times]
    device.refuse.clear()
    h.visited(device, at=h.device.retry_at + 1)
    device.next_session()
    h.visited(device)
    device.refuse[SSID] = 9007
    device.values[SSID] = device.values[SSID]._replace(text="changed by hand")
    h.visited(device, BOOT)
    assert h.timeline[-1] == f"faulted: {reason}", "counted anew"


def test_a_device_that_resets_itself_all_the_time_cannot_end_its_pause():
    h, device = served(), xx230v(refuse={SSID: 9007})
    h.visited(device, BOOTSTRAP)
    device.operations.clear()
    for second in range(5, 55, 5):
        h.visited(device, BOOTSTRAP, at=h.faults[0].at + second)
    assert device.sets == []


def test_a_mended_fault_is_cleared():
    h, device = served(), xx230v(refuse={SSID: 9007})
    h.visited(device, BOOTSTRAP)
    device.refuse.clear()
    h.visited(device, at=h.faults[0].retry_at + 1)
    device.next_session()
    h.visited(device)
    assert standing(h) is Standing.LIVE
    assert "provision" in h.cleared


def test_a_value_that_does_not_take_is_a_fault_naming_it():
    h, device = served(), xx230v()
    h.visited(device, BOOTSTRAP)
    device.pending.pop(SSID)
    device.next_session()
    h.visited(device)
    assert standing(h) is Standing.FAULTED
    assert any(SSID in p for p in h.faults[0].parameters)


def test_a_device_that_applies_slowly_is_given_its_time():
    h, device = served(Policy(settle=60)), xx230v()
    h.visited(device, BOOTSTRAP)
    h.visited(device, at=h.time + 30)
    assert standing(h) is Standing.VERIFYING
    assert h.faults == []
    device.next_session()
    h.visited(device, at=h.time + 40)
    assert standing(h) is Standing.LIVE
    assert device.sets == [], "nothing is written twice"


def test_a_device_that_never_applies_is_a_fault_in_the_end():
    h, device = served(Policy(settle=60)), xx230v()
    h.visited(device, BOOTSTRAP)
    h.visited(device, at=h.time + 30)
    h.visited(device, at=h.time + 40)
    assert standing(h) is Standing.FAULTED


def test_a_clock_that_was_ahead_gives_no_endless_time_to_apply():
    h, device = served(Policy(settle=60)), xx230v()
    h.visited(device, BOOTSTRAP, at=9e9)
    h.visited(device, at=1e9)
    assert standing(h) is Standing.FAULTED


def holder(**changes: object) -> Device:
    """Another record that is live on the equipment."""
    made = Device(2, "1C61B4-XX230v-22275A7000001", "1C61B4", "XX230v", "22275A7000001")
    made.equipment, made.matched_by, made.standing = "EQP-1", "serial_number", Standing.LIVE
    made.own_credentials = True
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_stranger_with_another_oui_and_a_known_serial_is_given_nothing():
    h, device = served(), xx230v()
    h.others = [holder(key="F0A731-XX230v-22275A7000001", oui="F0A731")]
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert standing(h) is Standing.QUARANTINED
    assert h.device is not None
    assert "EQP-1 is matched to F0A731-XX230v-22275A7000001" in h.device.reason
    assert device.sets == []
    assert h.others[0].standing is Standing.LIVE


def test_a_new_product_class_alone_takes_nothing_from_a_device_with_its_own_password():
    h, device = served(), xx230v()
    h.others = [holder()]
    h.visited(device, BOOT, credential="bootstrap")
    assert standing(h) is Standing.QUARANTINED
    assert device.sets == []


def test_a_new_product_class_after_a_reset_takes_over_and_the_old_record_says_so():
    h, device = served(), xx230v()
    h.others = [holder()]
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert standing(h) is Standing.VERIFYING
    assert (h.others[0].standing, h.others[0].equipment) == (Standing.QUARANTINED, "")


def test_a_swapped_box_takes_over_when_erpnext_names_it():
    """The serial in ERPNext is the new unit's; the old one will never call again."""
    h, device = served(), xx230v()
    h.others = [holder(key="1C61B4-Device2-OLD", serial_number="OLD", mac="1C61B4000001")]
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert standing(h) is Standing.VERIFYING
    assert h.others[0].equipment == ""


def test_a_box_that_fits_by_mac_takes_nothing_from_one_that_fits_by_serial():
    h, device = served(), xx230v()
    device.values["Device.Ethernet.Interface.1.MACAddress"] = device.values[SSID]._replace(
        text="1C:61:B4:FA:11:C8"
    )
    h.others = [holder()]
    h.visited(device, BOOTSTRAP, serial="OTHER", credential="bootstrap")
    assert standing(h) is Standing.QUARANTINED


def test_an_impossible_wish_is_refused_before_anything_is_sent_and_the_rest_applied():
    h, device = MemoryHouse(), xx230v()
    long = "x" * 33
    wifi = (WifiNetwork(Band.GHZ_2_4, ssid=long), WifiNetwork(Band.GHZ_5, ssid="Maison"))
    h.source.put(EQUIPMENT, Intent(wifi=wifi))
    h.visited(device, BOOTSTRAP)
    assert any(line.startswith("refused wish: ") and "ssid" in line for line in h.timeline)
    assert SSID not in device.written
    assert "Device.WiFi.SSID.3.SSID" in device.written


def test_a_device_with_the_bootstrap_secret_is_given_its_own_password():
    h, device = served(), xx230v()
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert device["Device.ManagementServer.Username"] == "1C61B4-Device2-22275A7000001"
    assert device["Device.ManagementServer.Password"] == "generated-password"
    saved = next(i for i, group in enumerate(h.committed) if _saves_password(group))
    written = next(i for i, op in enumerate(device.operations) if isinstance(op, Set))
    assert saved >= 0
    assert written > 0
    assert "generated-password" not in repr(h.effects)


def _saves_password(effects: list[object]) -> bool:
    return any(isinstance(effect, SaveCredentials) for effect in effects)


def test_the_password_is_kept_durably_before_the_device_is_told():
    h = served()
    order: list[str] = []

    class Watching(MemoryDevice):
        def perform(self, operation: object) -> object:
            if isinstance(operation, Set):
                order.append("told" if h.password is not None else "told too early")
            return super().perform(operation)  # type: ignore[arg-type]

    source = xx230v()
    h.visited(
        Watching(source.values, write_only=source.write_only), BOOTSTRAP, credential="bootstrap"
    )
    assert order
    assert set(order) == {"told"}


def test_once_a_device_has_used_its_password_only_its_digest_is_kept():
    h, device = served(), xx230v()
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    device.next_session()
    h.visited(device, credential="own")
    assert h.password is None
    assert h.device is not None
    assert h.device.own_credentials


def test_the_bootstrap_secret_no_longer_holds_for_a_device_with_its_own():
    h, device = served(), xx230v()
    live(device, h)
    h.visited(device, PERIODIC, credential="bootstrap")
    assert [type(op).__name__ for op in device.operations] == ["Refuse"]
    assert device.sets == []


def test_after_a_factory_reset_the_bootstrap_secret_holds_again_when_so_set():
    h, device = served(), xx230v()
    live(device, h)
    device.factory_reset()
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert {SSID, KEY} <= set(device.written)
    assert "Device.ManagementServer.Password" in device.written


def test_a_reset_claimed_in_its_name_does_not_lock_a_device_out():
    h, device = served(), xx230v()
    live(device, h)
    h.visited(xx230v(), BOOTSTRAP, credential="bootstrap")
    assert h.device is not None
    assert not h.device.own_credentials
    h.visited(device, credential="earlier")
    assert any(isinstance(effect, RestoreCredentials) for effect in h.effects)
    assert h.device.own_credentials
    assert "Device.ManagementServer.Password" not in device.written


def test_after_a_factory_reset_the_bootstrap_secret_is_refused_when_so_set():
    h, device = served(Policy(rebootstrap=False)), xx230v()
    live(device, h)
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    assert [type(op).__name__ for op in device.operations] == ["Refuse"]


def test_a_device_that_changes_its_root_drops_the_old_tree():
    h, device = served(), xx230v()
    live(device, h)
    other = MemoryDevice({"InternetGatewayDevice.DeviceInfo.ModelName": "XX230v"})
    h.visited(other, BOOT, root="InternetGatewayDevice.")
    assert all(path.startswith("InternetGatewayDevice.") for path in _asked(other))
    assert not any(path.startswith("Device.") for path in h.kept.values)


def _asked(device: MemoryDevice) -> list[str]:
    return [path for op in device.operations if isinstance(op, Get) for path in op.paths]


def test_a_wish_from_an_equipment_that_is_gone_is_not_kept_up():
    h, device = served(), xx230v()
    live(device, h)
    h.source.wishes.clear()
    h.visited(device)
    assert standing(h) is Standing.QUARANTINED


def test_voice_on_a_device_without_sockets_is_said_and_the_rest_applied():
    h, device = served(), ex220()
    h.visited(device, BOOTSTRAP)
    assert SSID in device.written
    assert any(line.startswith("not possible: voice") for line in h.timeline)


def test_what_is_not_possible_is_said_again_only_when_it_is_something_else():
    h, device = served(), ex220()

    def said() -> list[str]:
        return [line for line in h.timeline if line.startswith("not possible: ")]

    h.visited(device, BOOTSTRAP)
    first = said()
    assert first
    device.next_session()
    h.visited(device, BOOT)
    h.visited(device, BOOT)
    assert said() == first
    h.kept = replace(h.kept, impossible=())
    h.visited(device, BOOT)
    assert said() == first * 2


def test_no_secret_reaches_the_timeline_or_a_proof():
    h, device = served(), xx230v()
    h.visited(device, BOOTSTRAP, credential="bootstrap")
    device.next_session()
    h.visited(device)
    shown = repr(h.timeline) + repr(h.proofs) + repr(h.faults)
    for secret in ("motdepasse", "sip-secret", "generated-password"):
        assert secret not in shown
