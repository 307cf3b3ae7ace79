"""Converge on a device in memory: what is written, what is proven, and what is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice
from device_trees import VOICE, crossed_tr181, ex220, tr098, xx230v

from acs.devices.record import Snapshot, Verdict
from acs.model import Get, List, Secret, SessionLost, Set, Value
from acs.profiles import (
    Band,
    Intent,
    Library,
    Management,
    Outcome,
    OutcomeKind,
    Role,
    Security,
    Task,
    VoiceLine,
    WifiNetwork,
    converge,
    fingerprint,
    marker_of,
)

LIBRARY = Library.load()
KEY = b"k" * 32
HOME = WifiNetwork(Band.GHZ_5, Role.MAIN, "Maison", Secret("motdepasse"), Security.WPA2, True)
INTENT = Intent(wifi=(HOME,), management=Management(periodic_inform_interval=600))


def task(name: str, intent: Intent = INTENT, **options: object) -> Task:
    blueprint = LIBRARY.get(name)
    assert blueprint is not None
    print_ = fingerprint(intent, blueprint, KEY)
    return Task(intent, blueprint, Snapshot(), KEY, print_, now=5.0, **options)  # type: ignore[arg-type]


def run(device: MemoryDevice, task: Task) -> Outcome:
    outcome = device.run(converge(device.model, task))
    assert isinstance(outcome, Outcome)
    return outcome


def test_written_and_read_back_in_one_session() -> None:
    device = crossed_tr181()
    wish = task("tr181")
    outcome = run(device, wish)
    assert outcome.kind is OutcomeKind.PROVEN
    assert device["Device.WiFi.SSID.3.SSID"] == "Maison"
    assert device["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"] == "motdepasse"
    assert device["Device.DeviceInfo.ProvisioningCode"] == marker_of(wish.fingerprint)
    assert outcome.marker == marker_of(wish.fingerprint)
    verdicts = {line.path: line.verdict for line in outcome.lines}
    assert verdicts["Device.WiFi.SSID.3.SSID"] is Verdict.PROVEN
    assert verdicts["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"] is Verdict.WRITTEN
    assert outcome.snapshot.at == 5.0
    assert outcome.snapshot.values["Device.WiFi.SSID.3.SSID"].text == "Maison"
    kinds = [type(operation) for operation in device.operations]
    assert kinds == [List, List, List, Get, Get, Set, Get]


def test_a_second_run_writes_nothing_write_only_key_included() -> None:
    device = crossed_tr181()
    first = run(device, task("tr181"))
    device.next_session()
    second = run(device, replace(task("tr181"), snapshot=first.snapshot))
    assert second.kind is OutcomeKind.IN_ORDER
    assert device.sets == []
    assert second.marker == first.marker


def test_a_new_key_and_a_request_write_the_secret_again() -> None:
    device = crossed_tr181()
    known = run(device, task("tr181")).snapshot
    key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    device.next_session()
    run(device, replace(task("tr181"), snapshot=known, rewrite=True))
    assert device.written == [key]
    device.next_session()
    other = Intent(wifi=(replace(HOME, passphrase=Secret("nouvelle-cle")),))
    run(device, replace(task("tr181", other), snapshot=known))
    assert device.written == [key, "Device.DeviceInfo.ProvisioningCode"]
    assert device[key] == "nouvelle-cle"


def test_family_a_is_proven_in_the_next_session() -> None:
    device = xx230v()
    first = run(device, task("tplink-a"))
    assert first.kind is OutcomeKind.AWAITING
    assert {line.verdict for line in first.lines} == {Verdict.AWAITED, Verdict.WRITTEN}
    assert device["Device.WiFi.SSID.3.SSID"] == "TP-Link_3"
    assert len(device.sets) == 1
    device.next_session()
    verify = replace(task("tplink-a"), snapshot=first.snapshot, verifying=True, fresh=False)
    second = run(device, verify)
    assert second.kind is OutcomeKind.PROVEN
    assert device.sets == []
    proven = {line.path for line in second.lines if line.verdict is Verdict.PROVEN}
    assert "Device.WiFi.SSID.3.SSID" in proven
    assert second.lines and all("motdepasse" not in str(line) for line in second.lines)


def test_what_the_next_session_does_not_show_is_a_mismatch_that_names_it() -> None:
    device = xx230v()
    first = run(device, task("tplink-a"))
    device.pending.clear()
    device.next_session()
    verify = replace(task("tplink-a"), snapshot=first.snapshot, verifying=True, fresh=False)
    second = run(device, verify)
    assert second.kind is OutcomeKind.MISMATCH
    assert second.fault is not None
    assert "Device.WiFi.SSID.3.SSID: 0 (wanted 'Maison', reads 'TP-Link_3')" in str(second.fault)
    assert device.sets == []
    device.next_session()
    retry = run(device, replace(task("tplink-a"), snapshot=second.snapshot))
    assert retry.kind is OutcomeKind.AWAITING
    assert "Device.WiFi.AccessPoint.3.Security.KeyPassphrase" in device.written


def test_a_pending_set_awaits_even_where_the_blueprint_reads_at_once() -> None:
    device = crossed_tr181(later=["Device.WiFi.*"])
    assert run(device, task("tr181")).kind is OutcomeKind.AWAITING


def test_a_device_that_keeps_another_value_is_a_mismatch() -> None:
    class Stubborn(MemoryDevice):
        def _set(self, changes):  # type: ignore[no-untyped-def]
            kept = self.values["Device.WiFi.SSID.3.SSID"]
            outcome = super()._set(changes)
            self.values["Device.WiFi.SSID.3.SSID"] = kept
            return outcome

    device = Stubborn(crossed_tr181().values)
    outcome = run(device, task("tr181"))
    assert outcome.kind is OutcomeKind.MISMATCH
    assert outcome.text.startswith("Device.WiFi.SSID.3.SSID: wanted 'Maison', reads 'TP-Link_1'")
    assert [ln.path for ln in outcome.lines if ln.verdict is Verdict.MISMATCH] == [
        "Device.WiFi.SSID.3.SSID"
    ]


def test_drift_is_healed_or_only_reported() -> None:
    device = crossed_tr181()
    known = run(device, task("tr181")).snapshot
    device.next_session()
    device.values["Device.WiFi.SSID.3.SSID"] = Value("changed by hand")
    report = replace(task("tr181"), snapshot=known, fresh=False, heal=False)
    drifted = run(device, report)
    assert drifted.kind is OutcomeKind.DRIFTED
    assert device.sets == []
    assert [(line.path, line.read) for line in drifted.lines] == [
        ("Device.WiFi.SSID.3.SSID", "changed by hand")
    ]
    healed = run(device, replace(report, heal=True))
    assert healed.kind is OutcomeKind.PROVEN
    assert device.written == ["Device.WiFi.SSID.3.SSID"]


def test_after_a_reset_everything_is_written_again() -> None:
    device = crossed_tr181()
    known = run(device, task("tr181")).snapshot
    device.factory_reset()
    outcome = run(device, replace(task("tr181"), snapshot=known, reset=True, fresh=False))
    assert outcome.kind is OutcomeKind.PROVEN
    assert "Device.WiFi.AccessPoint.1.Security.KeyPassphrase" in device.written
    assert device["Device.WiFi.SSID.3.SSID"] == "Maison"


def test_a_refusal_names_the_parameter_and_nothing_is_tried_twice() -> None:
    device = crossed_tr181(refuse={"*.SSID.3.SSID": 9007})
    outcome = run(device, task("tr181"))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.fault is not None
    assert [p.path for p in outcome.fault.parameters] == ["Device.WiFi.SSID.3.SSID"]
    assert "Device.WiFi.SSID.3.SSID: 9007" in outcome.text
    assert len(device.sets) == 1
    assert outcome.snapshot.written == {}
    assert outcome.marker == ""


def test_a_refused_optional_leaf_is_left_out_once_and_remembered() -> None:
    leaf = VOICE + "MultiIsp.1.MultiProfileName"
    device = xx230v(read_only=[leaf])
    wish = task("tplink-a", Intent(voice=(VoiceLine(1, True, "5145551234"),)))
    outcome = run(device, wish)
    assert outcome.kind is OutcomeKind.AWAITING
    assert outcome.missing == (leaf.replace("MultiIsp.1.", "MultiIsp.{i}."),)
    assert len(device.sets) == 2
    assert leaf not in [change.path for change in device.sets[1].changes]
    device.next_session()
    again = replace(
        wish,
        snapshot=outcome.snapshot,
        missing=frozenset(outcome.missing),
        verifying=True,
        fresh=False,
    )
    assert run(device, again).kind is OutcomeKind.PROVEN


def test_a_refusal_of_the_whole_request_without_names_is_reported() -> None:
    device = crossed_tr181()
    path = "Device.WiFi.SSID.3.SSID"
    device.refuse = {path: 9002}
    outcome = run(device, task("tr181", Intent(wifi=(WifiNetwork(Band.GHZ_5, ssid="x"),))))
    assert outcome.kind is OutcomeKind.FAILED
    assert len(device.sets) == 1


def test_optional_names_a_model_lacks_are_asked_for_once() -> None:
    device = crossed_tr181()
    for path in list(device.values):
        if path.endswith("ModesSupported"):
            del device.values[path]
    first = run(device, task("tr181"))
    assert first.kind is OutcomeKind.PROVEN
    assert first.missing == ("Device.WiFi.AccessPoint.{i}.Security.ModesSupported",)
    device.next_session()
    run(device, replace(task("tr181"), missing=frozenset(first.missing)))
    asked = [path for op in device.operations if isinstance(op, Get) for path in op.paths]
    assert "Device.WiFi.AccessPoint.1.Security.ModeEnabled" in asked
    assert not any(path.endswith("ModesSupported") for path in asked)


def test_a_device_without_telephone_is_not_asked_again() -> None:
    device = ex220()
    wish = task("tplink-a", replace(INTENT, voice=(VoiceLine(1, True),)))
    first = run(device, wish)
    assert first.kind is OutcomeKind.AWAITING
    assert "the device has no telephone service" in first.text
    gone = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.Line.{i}."
    assert gone in first.missing
    device.next_session()
    run(device, replace(wish, missing=frozenset(first.missing)))
    listed = [op.path for op in device.operations if isinstance(op, List)]
    assert not any("Voice" in path for path in listed)


def test_of_rows_no_wish_is_about_only_what_tells_them_apart_is_read() -> None:
    device = xx230v()
    run(device, task("tplink-a"))
    asked = [path for op in device.operations if isinstance(op, Get) for path in op.paths]
    backhaul = [path for path in asked if ".AccessPoint.10." in path or ".SSID.10." in path]
    assert sorted(path.rpartition(".")[2] for path in backhaul) == [
        "Enable",
        "LowerLayers",
        "SSIDReference",
        "X_TP_APType",
    ]
    assert len(asked) == len(set(asked))


def test_the_second_line_is_found_behind_the_first() -> None:
    device = tr098()
    outcome = run(device, task("tr098", Intent(voice=(VoiceLine(2, True, "514"),))))
    assert outcome.kind is OutcomeKind.PROVEN
    line = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line."
    assert device[line + "2.DirectoryNumber"] == "514"
    assert device[line + "1.DirectoryNumber"] == ""


def test_a_plan_that_is_too_long_is_not_written() -> None:
    device = crossed_tr181()
    outcome = run(device, task("tr181", max_changes=3))
    assert outcome.kind is OutcomeKind.FAILED
    assert "more than the 3 allowed; nothing was written" in outcome.text
    assert device.sets == []


def test_nothing_wanted_asks_nothing() -> None:
    device = crossed_tr181()
    assert run(device, task("tr181", Intent())).kind is OutcomeKind.NOTHING
    assert device.operations == []


def test_when_no_wish_can_be_met_nothing_is_written_not_even_the_mark() -> None:
    device = crossed_tr181()
    wish = Intent(wifi=(WifiNetwork(Band.GHZ_6, ssid="x"),))
    outcome = run(device, task("tr181", wish))
    assert outcome.kind is OutcomeKind.FAILED
    assert "no main network in 6 GHz" in outcome.text
    assert device.sets == []


def test_no_mark_when_it_is_switched_off() -> None:
    device = crossed_tr181()
    outcome = run(device, task("tr181", mark=False))
    assert outcome.marker == ""
    assert "Device.DeviceInfo.ProvisioningCode" not in device.written


def test_a_blueprint_may_ask_for_requests_of_their_own() -> None:
    device = crossed_tr181(refuse={"*.ManagementServer.*": 9007})
    wish = task("tr181")
    blueprint = replace(wish.blueprint, separate=frozenset({"management"}))
    outcome = run(device, replace(wish, blueprint=blueprint))
    assert len(device.sets) == 2
    assert [c.path for c in device.sets[1].changes] == [
        "Device.ManagementServer.PeriodicInformInterval"
    ]
    assert outcome.kind is OutcomeKind.FAILED
    assert "Device.WiFi.SSID.3.SSID" in [line.path for line in outcome.lines]
    assert list(outcome.snapshot.written) == ["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"]


def test_forgotten_rows_and_another_root_leave_the_snapshot() -> None:
    device = crossed_tr181()
    old = {
        "Device.WiFi.SSID.77.SSID": Value("gone"),
        "Device.DeviceInfo.UpTime": Value("5"),
        "InternetGatewayDevice.DeviceInfo.UpTime": Value("5"),
    }
    outcome = run(device, replace(task("tr181"), snapshot=Snapshot(1.0, old)))
    assert "Device.WiFi.SSID.77.SSID" not in outcome.snapshot.values
    assert "Device.DeviceInfo.UpTime" in outcome.snapshot.values
    assert not any(path.startswith("Internet") for path in outcome.snapshot.values)


def test_a_secret_that_can_be_read_is_not_kept() -> None:
    device = tr098(vendor=True)
    device.write_only.clear()
    outcome = run(device, task("tplink-c"))
    assert outcome.kind is OutcomeKind.PROVEN
    assert "motdepasse" not in repr(outcome)
    assert "motdepasse" not in str(outcome.snapshot)


def test_a_session_that_ends_early_leaves_nothing_half_known() -> None:
    device = crossed_tr181(lost_after=4)
    with pytest.raises(SessionLost):
        run(device, task("tr181"))


def test_a_new_intent_is_written_even_while_the_old_one_awaits() -> None:
    device = xx230v()
    first = run(device, task("tplink-a"))
    device.next_session()
    other = replace(INTENT, wifi=(replace(HOME, ssid="Autre"),))
    wish = replace(task("tplink-a", other), snapshot=first.snapshot, verifying=True)
    assert run(device, wish).kind is OutcomeKind.AWAITING
    assert device.pending["Device.WiFi.SSID.3.SSID"].text == "Autre"


def test_a_device_that_can_meet_no_wish_is_never_called_in_order() -> None:
    """First with changes of our own management, then with nothing left to change."""
    device = MemoryDevice({path: v for path, v in ex220().values.items() if ".WiFi." not in path})
    wanted = task("tplink-a")
    first = run(device, wanted)
    assert "Device.ManagementServer.PeriodicInformInterval" in device.written
    second = run(device, replace(wanted, snapshot=first.snapshot))
    assert (first.kind, second.kind) == (OutcomeKind.FAILED, OutcomeKind.FAILED)
    assert "wifi 5 main" in first.text
