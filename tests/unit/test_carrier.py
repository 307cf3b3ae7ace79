"""By which connection a device reaches us, as its Inform tells."""

from __future__ import annotations

import pytest
from device_trees import xx230v
from house_in_memory import served

from acs.devices.carrier import carrier_of
from acs.model import Contact, DeviceId, Value

V4 = "Device.IP.Interface.{}.IPv4Address.1.IPAddress"
PPP = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.2.WANPPPConnection.1."


def contact(root: str = "Device.", address: str = "", **told: str) -> Contact:
    values = {path: Value(text) for path, text in told.items()}
    return Contact(
        DeviceId("1C61B4", "Device2", "2"), "TP-Link", "cwmp", root, (), values, 1.0,
        address=address,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "carrier"),
    [
        (contact(**{V4.format(5): "100.64.5.10"}), "Device.IP.Interface.5."),
        (
            contact("InternetGatewayDevice.", **{PPP + "ExternalIPAddress": "100.64.1.1"}),
            PPP,
        ),
        (
            contact(**{"Device.IP.Interface.3.IPv6Address.2.IPAddress": "2001:db8::1"}),
            "Device.IP.Interface.3.",
        ),
        (contact(**{V4.format(5): "0.0.0.0"}), ""),
        (contact(), ""),
        (contact(**{V4.format(4): "10.0.0.2", V4.format(5): "100.64.5.10"}), ""),
        (
            contact(address="10.0.0.2", **{V4.format(4): "10.0.0.2", V4.format(5): "100.64.5.10"}),
            "Device.IP.Interface.4.",
        ),
        (
            contact(
                address="10.0.0.2",
                **{
                    V4.format(4): "10.0.0.2",
                    V4.format(5): "100.64.5.10",
                    "Device.ManagementServer.ConnectionRequestURL": "http://100.64.5.10:7547/t",
                },
            ),
            "Device.IP.Interface.5.",
        ),
        (contact(**{"Device.ManagementServer.ConnectionRequestURL": "http://[bad"}), ""),
    ],
)
def test_the_connection_whose_address_is_told(told: Contact, carrier: str) -> None:
    assert carrier_of(told) == carrier


def test_a_visit_notes_it_and_forgets_it_when_it_is_told_no_more() -> None:
    house = served()
    device = xx230v()
    device.values[V4.format(6)] = Value("100.64.6.10")
    house.visited(device)
    assert house.device is not None
    assert house.device.wan == "Device.IP.Interface.6."
    del device.values[V4.format(6)]
    house.visited(device)
    assert house.device.wan == ""
