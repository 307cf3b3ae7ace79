"""A connection over visits: the line cut half way, the address that moves, the refusal."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
import zstandard
from device_in_memory import MemoryDevice
from device_trees import SECRETS
from house_in_memory import EQUIPMENT, MemoryHouse
from wan_runs import PPPOE
from wan_trees import GPON, IP, PPP, family_a, gpon_ipoe

from acs.devices.effects import SaveCredentials, SaveSnapshot
from acs.devices.house import Policy
from acs.devices.record import Snapshot, Standing, Unfinished
from acs.model import Add, EventKind, Fault, Secret, SessionLost, Value
from acs.profiles import Intent
from acs.store.snapshots import pack, unpack

ADDRESS = IP + "{}.IPv4Address.1.IPAddress"


def wished() -> MemoryHouse:
    house = MemoryHouse(Policy(own_credentials=False))
    house.source.put(EQUIPMENT, Intent(wan=PPPOE))
    return house


def in_service() -> MemoryDevice:
    """A unit that reaches us by DHCP on the light."""
    device = family_a(gpon_ipoe(), later=True)
    device.write_only = SECRETS
    device.values |= {
        ADDRESS.format(6): Value("100.64.6.10"),
        "Device.DeviceInfo.HardwareVersion": Value("XX230v v1.0 00000000"),
        "Device.DeviceInfo.SoftwareVersion": Value("0.6.0"),
    }
    return device


def moved(device: MemoryDevice, number: int) -> None:
    del device.values[ADDRESS.format(6)]
    device.values[ADDRESS.format(number)] = Value("100.64.7.10")


def test_from_the_first_contact_to_the_new_connection_alone() -> None:
    house, device = wished(), in_service()
    house.visited(device, EventKind.BOOTSTRAP)
    assert house.device is not None
    assert house.device.standing is Standing.VERIFYING
    device.next_session()
    moved(device, 7)
    house.visited(device, EventKind.VALUE_CHANGE)
    assert house.device.wan == f"{IP}7."
    assert device.pending.get(f"{IP}6.Enable") == device.values[f"{IP}6.Enable"]._replace(text="0")
    device.next_session()
    house.visited(device)
    assert house.device.standing is Standing.LIVE
    device.operations.clear()
    house.visited(device, EventKind.VALUE_CHANGE)
    assert device.sets == []
    proven = {line.path for proof in house.proofs for line in proof.lines}
    assert f"{IP}7.LowerLayers" in proven


def test_the_line_cut_half_way_is_remembered_and_gone_on_with() -> None:
    house, device = wished(), in_service()
    probe = in_service()
    wished().visited(probe, EventKind.BOOTSTRAP)
    adding = [n for n, operation in enumerate(probe.operations, 1) if operation == Add(IP)]
    device.silent_at = adding[0]
    with pytest.raises(SessionLost):
        house.visited(device, EventKind.BOOTSTRAP)
    assert house.device is not None
    assert house.device.standing is Standing.PENDING
    kept = house.kept.unfinished
    assert kept is not None
    assert kept.rows["ppp"] == f"{PPP}2."
    assert kept.adding == "ip"
    device.silent_at = None
    device.next_session()
    house.visited(device)
    device.next_session()
    house.visited(device)
    assert house.device.standing is Standing.LIVE
    assert {name for name in device.values if name.startswith(f"{IP}8.")} == set()
    assert device[f"{IP}7.LowerLayers"] == f"{PPP}2."
    assert house.kept.unfinished is None


class Killed(BaseException):
    """Our own process ends here."""


@pytest.mark.parametrize("step", range(1, 8))
def test_a_row_is_known_though_we_are_killed_right_after_it_was_created(step: int) -> None:
    """Nothing of the run is kept but what was made durable before the row was asked for."""
    house, device = wished(), in_service()
    adding = [operation for operation in _build_of(in_service()) if isinstance(operation, Add)]
    assert len(adding) == 7
    perform = device.perform

    def until(operation: object) -> object:
        answer = perform(operation)  # type: ignore[arg-type]
        if operation == adding[step - 1]:
            raise Killed
        return answer

    device.perform = until  # type: ignore[method-assign]
    with pytest.raises(Killed):
        house.visited(device, EventKind.BOOTSTRAP)
    house.effects.clear()
    device.perform = perform  # type: ignore[method-assign]
    house.password = None
    device.next_session()
    house.visited(device)
    device.next_session()
    house.visited(device)
    assert house.device is not None
    assert house.device.standing is Standing.LIVE
    assert house.kept.unfinished is None
    smooth = in_service()
    _build_of(smooth)
    assert rows_of(device) == rows_of(smooth)


def _build_of(device: MemoryDevice) -> list[object]:
    wished().visited(device, EventKind.BOOTSTRAP)
    return list(device.operations)


def rows_of(device: MemoryDevice) -> set[str]:
    return {path.rpartition(".")[0] for path in device.values}


def test_what_is_remembered_is_forgotten_again_where_the_build_is_refused() -> None:
    house, device = wished(), in_service()
    device.refuse = {f"{PPP}*.Username": 9007}
    house.visited(device, EventKind.BOOTSTRAP)
    saved = [e.snapshot.unfinished for e in house.effects if isinstance(e, SaveSnapshot)]
    assert any(unfinished and unfinished.adding for unfinished in saved)
    assert house.kept.unfinished is None


def test_a_reset_forgets_rows_that_are_gone() -> None:
    house, device = wished(), in_service()
    house.kept = Snapshot(unfinished=Unfinished({"gpon": f"{GPON}1."}))
    house.visited(device, EventKind.BOOTSTRAP)
    assert house.kept.unfinished is None
    assert Add(GPON) in device.operations


def test_a_refusal_is_a_fault_that_names_the_step() -> None:
    house, device = wished(), in_service()
    device.refuse = {f"{PPP}*.Username": 9007}
    house.visited(device, EventKind.BOOTSTRAP)
    assert house.device is not None
    assert house.device.standing is Standing.FAULTED
    fault = house.faults[0]
    assert fault.text.startswith("refused at step 11 of 17 (set Device.PPP.Interface.{ppp}.)")
    assert fault.text.endswith("the 5 rows created were removed")
    assert "Username: 9007" in fault.parameters[0]
    assert house.kept.unfinished is None


def test_what_is_unfinished_is_kept_with_the_snapshot() -> None:
    unfinished = Unfinished({"ppp": f"{PPP}2."}, "ip", (f"{IP}1.", f"{IP}6."))
    values, written = {"Device.A": Value("v")}, {"Device.B": "d"}
    snapshot = Snapshot(5.0, values, written, unfinished, impossible=("voice: no place",))
    assert unpack(5.0, pack(snapshot)) == snapshot


def test_a_snapshot_of_an_earlier_release_has_nothing_unfinished() -> None:
    body = msgspec.msgpack.encode(({"Device.A": Value("v")}, {"Device.B": "d"}))
    earlier = b"\x01" + zstandard.compress(body)
    assert unpack(5.0, earlier) == Snapshot(5.0, {"Device.A": Value("v")}, {"Device.B": "d"})


def test_a_fault_of_a_device_without_details_is_told_as_it_is() -> None:
    house, device = wished(), in_service()
    probe = in_service()
    wished().visited(probe, EventKind.BOOTSTRAP)
    adding = [n for n, operation in enumerate(probe.operations, 1) if isinstance(operation, Add)]
    device.fault_at = {adding[0]: Fault(9004, "Resources exceeded")}
    house.visited(device, EventKind.BOOTSTRAP)
    assert house.faults[0].text == (
        "refused at step 1 of 17 (create Device.X_TP_GPON.Link.{gpon}.): "
        "fault 9004 (Resources exceeded); nothing was changed"
    )


def _first_visit(house: MemoryHouse, device: MemoryDevice) -> None:
    house.visited(device, EventKind.BOOTSTRAP, credential="bootstrap")


def _operations_of_a_first_visit() -> int:
    house, device = wished(), in_service()
    house.policy = Policy(own_credentials=True)
    _first_visit(house, device)
    return len(device.operations)


@pytest.mark.parametrize("number", range(1, _operations_of_a_first_visit() + 1))
def test_wherever_the_line_is_cut_the_device_still_gets_in(number: int) -> None:
    """Its own password and a new connection come in one session: neither may cost us the unit."""
    house, device = wished(), in_service()
    house.policy = Policy(own_credentials=True)
    device.silent_at = number
    with suppress(SessionLost):
        _first_visit(house, device)
    device.silent_at = None
    shown = device["Device.ManagementServer.Password"]
    assert shown in ("", "generated-password")
    if shown:
        # It was durable before it was sent.
        assert house.password == Secret(shown)
        kinds = [[type(effect) for effect in group] for group in house.committed]
        assert any(SaveCredentials in group for group in kinds)
    carrier = device.pending.get(f"{IP}6.Enable", device.values[f"{IP}6.Enable"])
    assert carrier.text in ("1", "true")
    assert f"{IP}6.X_TP_ServiceType" not in device.written
    assert "Device.Ethernet.VLANTermination.3.VLANID" not in device.written
    for _ in range(4):
        device.next_session()
        house.visited(device, credential="own" if shown else "bootstrap")
        shown = device["Device.ManagementServer.Password"]
    assert house.device is not None
    assert house.device.standing is Standing.LIVE
    assert shown == "generated-password"
