"""A second health read asks only for what the model has, and no empty table is given up."""

from __future__ import annotations

from device_in_memory import MemoryDevice, Plain
from house_in_memory import MemoryHouse, served

from acs.devices.effects import ForgetMissing
from acs.devices.jobs.absence import MAX_LISTS
from acs.devices.record import Job, JobKind, JobState
from acs.model import Fault, Get, List

XPON = "Device.XPON.ONU.1.ANI.1.Transceiver.1."
MESH = "Device.WiFi.MultiAP.APDevice."
HOSTS = "Device.Hosts.Host."
STATIONS = "Device.WiFi.AccessPoint.2.AssociatedDevice."
UPTIME = "Device.DeviceInfo.UpTime"
GPON = "Device.Optical.Interface.1.X_TP_GPON_Config."
ASKED = [XPON, MESH, HOSTS, STATIONS, UPTIME, GPON]
TREE: dict[str, Plain] = {
    "Device.DeviceInfo.ModelName": "XX230v",
    "Device.DeviceInfo.SoftwareVersion": "1.0",
    "Device.WiFi.AccessPoint.1.Enable": True,
    "Device.Hosts.HostNumberOfEntries": 0,
    "Device.Optical.Interface.1.Enable": True,
}


class Refusing(MemoryDevice):
    """A device that lists nothing."""

    def perform(self, operation: object) -> object:
        if isinstance(operation, List):
            return Fault(9001, "Request denied")
        return super().perform(operation)  # type: ignore[arg-type]


def read(house: MemoryHouse, device: MemoryDevice, paths: list[str] | None = None) -> Job:
    """Let the device be read once more."""
    payload = {"paths": paths or ASKED, "purpose": "health"}
    house.jobs = [Job(7, 1, JobKind.READ, payload)]
    device.operations.clear()
    house.visited(device)
    (done,) = house.jobs
    assert done.state is JobState.DONE, done.result
    return done


def house_of(device: MemoryDevice) -> MemoryHouse:
    house = served()
    house.visited(device)
    assert house.device is not None
    house.device.model = "XX230v"
    return house


def learned(house: MemoryHouse) -> set[str]:
    return {
        name for e in house.effects if isinstance(e, ForgetMissing) for name in e.missing
    } & set(ASKED)


def gets(device: MemoryDevice) -> set[str]:
    return {p for op in device.operations if isinstance(op, Get) for p in op.paths} & set(ASKED)


def lists(device: MemoryDevice) -> int:
    return sum(isinstance(op, List) and op.next_level for op in device.operations)


def test_what_the_model_lacks_is_asked_for_once_only():
    device = MemoryDevice(TREE)
    house = house_of(device)
    first = read(house, device)
    assert gets(device) == set(ASKED)
    second = read(house, device)
    assert gets(device) == {HOSTS, STATIONS}
    assert set(first.result["missing"]) == set(second.result["missing"]) == set(ASKED)  # type: ignore[call-overload]


def test_an_object_and_a_leaf_are_absent_but_a_table_and_a_row_may_come():
    device = MemoryDevice(TREE)
    house = house_of(device)
    read(house, device)
    assert learned(house) == {XPON, MESH, UPTIME, GPON}


def test_an_inner_object_of_a_row_that_is_missing_may_come():
    device = MemoryDevice({k: v for k, v in TREE.items() if not k.startswith("Device.Optical")})
    device.values["Device.Optical.InterfaceNumberOfEntries"] = device.values[UPTIME] = MemoryDevice(
        {"x": 0}
    ).values["x"]
    house = house_of(device)
    read(house, device)
    assert GPON not in learned(house)


def test_nothing_is_learned_of_a_device_that_lists_nothing():
    device = Refusing(TREE)
    house = house_of(device)
    read(house, device)
    assert not learned(house)


def test_nothing_is_learned_of_a_device_whose_model_is_not_known():
    device = MemoryDevice({k: v for k, v in TREE.items() if "ModelName" not in k})
    house = served()
    read(house, device)
    assert not learned(house)


def test_listing_has_a_bound():
    device = MemoryDevice(TREE | {f"Device.A{n}.B.C": "x" for n in range(60)})
    house = house_of(device)
    read(house, device, [f"Device.A{n}.B.D" for n in range(60)])
    assert MAX_LISTS <= lists(device) < MAX_LISTS + 10
