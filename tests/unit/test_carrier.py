"""By which connection a device reaches us, as its Inform tells."""

from __future__ import annotations

import pytest
from device_trees import xx230v
from house_in_memory import served

from acs.devices.carrier import carrier_of
from acs.model import Contact, DeviceId, Value

V4 = "Device.IP.Interface.{}.IPv4Address.1.IPAddress"
URL = "Device.ManagementServer.ConnectionRequestURL"
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
                    URL: "http://100.64.5.10:7547/t",
                },
            ),
            "Device.IP.Interface.5.",
        ),
        (contact(**{URL: "http://[bad"}), ""),
        pytest.param(
            contact(
                address="203.0.113.9",
                **{V4.format(1): "192.168.1.1", URL: "http://100.64.5.10:7547/tr069"},
            ),
            "",
            id="told is another than the one we reach it by",
        ),
        pytest.param(
            contact(
                **{
                    V4.format(5): "100.64.5.10",
                    "Device.IP.Interface.5.IPv6Address.1.IPAddress": "2001:db8::5",
                    "Device.IP.Interface.1.IPv6Address.1.IPAddress": "fe80::1",
                    URL: "http://100.64.5.10:7547/tr069",
                }
            ),
            "Device.IP.Interface.5.",
            id="with two addresses",
        ),
        pytest.param(
            contact(
                **{
                    "Device.IP.Interface.5.IPv6Address.1.IPAddress": "2001:DB8:0::5",
                    URL: "http://[2001:db8::5]:7547/tr069",
                }
            ),
            "Device.IP.Interface.5.",
            id="spelled in two ways",
        ),
        pytest.param(
            contact(**{V4.format(4): "10.0.0.2", V4.format(5): "10.0.0.2", URL: "http://10.0.0.2"}),
            "",
            id="two with one address",
        ),
        pytest.param(
            contact(**{V4.format(5): "100.64.5.10", URL: "http://127.0.0.1:7547/"}),
            "Device.IP.Interface.5.",
            id="the URL leads inside",
        ),
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
