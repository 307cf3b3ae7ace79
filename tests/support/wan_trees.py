"""Trees of WAN stacks as full exports of each family show them, cut down to what is read."""

from __future__ import annotations

from device_in_memory import MemoryDevice, Plain, value_of
from device_trees import SECRETS, management

from acs.model import Value, ValueType

ETHERNET, IP, PPP = "Device.Ethernet.", "Device.IP.Interface.", "Device.PPP.Interface."
VLAN, LINK = ETHERNET + "VLANTermination.", ETHERNET + "Link."
GPON, NAT = "Device.X_TP_GPON.Link.", "Device.NAT.InterfaceSetting."
DHCP4, DHCP6 = "Device.DHCPv4.Client.", "Device.DHCPv6.Client."
CONNECTION = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice."

MANAGED = f"{CONNECTION}9.WANIPConnection.1."


def integer(number: int) -> Value:
    return Value(str(number), ValueType.INT)


NEW_ROWS: dict[str, dict[str, Plain]] = {
    GPON: {"Alias": "", "Enable": False, "LowerLayers": ""},
    LINK: {"Alias": "", "Enable": False, "LowerLayers": ""},
    VLAN: {
        "Alias": "", "Enable": False, "LowerLayers": "", "VLANID": 0,
        "X_TP_MulticastStatus": integer(-1), "X_TP_VLANMode": 0,
    },
    PPP: {
        "Alias": "", "Enable": False, "LowerLayers": "", "Username": "", "Password": "",
        "AuthenticationProtocol": "AUTO_AUTH", "X_TP_UsernameDomainEnable": False,
    },
    IP: {
        "Alias": "", "Enable": False, "LowerLayers": "", "IPv4Enable": False, "IPv6Enable": False,
        "MaxMTUSize": 1500, "X_TP_ConnName": "", "X_TP_ConnType": "Unknown",
        "X_TP_ServiceType": "Unknown", "X_TP_IPv6AddrType": "Auto",
    },
    NAT: {"Alias": "cpe-natintfsetting", "Enable": False, "Interface": ""},
    DHCP4: {"Alias": "cpe-dhcpv4client", "Enable": False, "Interface": ""},
    DHCP6: {
        "Alias": "cpe-dhcpv6client", "Enable": False, "Interface": "",
        "RequestAddresses": False, "RequestPrefixes": False,
    },
}  # fmt: skip
"""What a row of family A holds when it is new."""


def a_row(table: str, number: int, **leaves: Plain) -> dict[str, Plain]:
    row = {**NEW_ROWS[table], **leaves}
    return {f"{table}{number}.{leaf}": value for leaf, value in row.items()}


def lan_and_usb() -> dict[str, Plain]:
    """What stands beside the WAN in family A: the bridge, and two connections of the dongle."""
    return {
        **a_row(IP, 1, Enable=True, LowerLayers=f"{LINK}1.", X_TP_ConnType="LAN"),
        **a_row(LINK, 1, Enable=True, LowerLayers="Device.Bridging.Bridge.1.Port.1."),
        **a_row(IP, 2, Enable=True, LowerLayers=f"{PPP}1.", X_TP_ConnType="PPP3G"),
        **a_row(PPP, 1, Enable=True, LowerLayers="Device.USB.Interface.1."),
        **a_row(IP, 3, Enable=True, LowerLayers="Device.USB.Interface.1.", X_TP_ConnType="DHCP4G"),
        **a_row(NAT, 1, Enable=True, Interface=f"{IP}2."),
        "Device.X_TP_DefaultGateway.IPv4DefaultGatewayType": "Auto",
        "Device.X_TP_DefaultGateway.IPv6DefaultGatewayType": "Auto",
    }


def ethernet_wan(*, port: int, ip: int = 4, services: str = "Internet") -> dict[str, Plain]:
    """The factory's untagged DHCP connection on the Ethernet WAN."""
    return {
        f"{ETHERNET}Interface.1.Upstream": False,
        f"{ETHERNET}Interface.{port}.Upstream": True,
        **a_row(LINK, 2, Enable=True, LowerLayers=f"{ETHERNET}Interface.{port}."),
        **a_row(VLAN, 1, Enable=True, LowerLayers=f"{LINK}2."),
        **a_row(
            IP, ip, Alias="ipoe_0_0_d", Enable=True, IPv4Enable=True, LowerLayers=f"{VLAN}1.",
            X_TP_ConnType="DHCP", X_TP_ConnName="ipoe_0_0_d", X_TP_ServiceType=services,
        ),
        **a_row(NAT, 3, Enable=True, Interface=f"{IP}{ip}."),
        **a_row(DHCP4, 2, Enable=True, Interface=f"{IP}{ip}."),
    }  # fmt: skip


def gpon_pppoe(*, services: str = "Internet,TR069") -> dict[str, Plain]:
    """The PPPoE connection in VLAN 2 as somebody else built it."""
    return {
        **a_row(GPON, 1, Enable=True, LowerLayers="Device.Optical.Interface.1."),
        **a_row(LINK, 5, Alias="cpe-ethlink", Enable=True, LowerLayers=f"{GPON}1."),
        **a_row(VLAN, 3, Enable=True, LowerLayers=f"{LINK}5.", VLANID=2, X_TP_VLANMode=2),
        **a_row(PPP, 3, Enable=True, LowerLayers=f"{VLAN}3.", Username="old", Password="x"),
        **a_row(
            IP, 6, Alias="ppp_0_1_d", Enable=True, IPv4Enable=True, LowerLayers=f"{PPP}3.",
            MaxMTUSize=1480, X_TP_ConnType="PPPoE", X_TP_ConnName="pppoe_gpon_2_1",
            X_TP_ServiceType=services,
        ),
        **a_row(NAT, 5, Enable=True, Interface=f"{IP}6."),
    }  # fmt: skip


def gpon_ipoe(*, services: str = "Internet,TR069") -> dict[str, Plain]:
    """A DHCP connection on the light, as an operator's factory setting has it."""
    return {
        **a_row(GPON, 1, Enable=True, LowerLayers="Device.Optical.Interface.1."),
        **a_row(LINK, 5, Enable=True, LowerLayers=f"{GPON}1."),
        **a_row(VLAN, 3, Enable=True, LowerLayers=f"{LINK}5.", VLANID=10, X_TP_VLANMode=2),
        **a_row(
            IP, 6, Enable=True, IPv4Enable=True, LowerLayers=f"{VLAN}3.", X_TP_ConnType="DHCP",
            X_TP_ServiceType=services,
        ),
    }  # fmt: skip


def family_a(*parts: dict[str, Plain], later: bool = False, **options: object) -> MemoryDevice:
    tree = {"Device.Optical.Interface.1.Upstream": True} | lan_and_usb() | management("Device.")
    for part in parts:
        tree |= part
    return MemoryDevice(
        tree,
        write_only=SECRETS,
        rows=NEW_ROWS,
        later=["Device.IP.*", "Device.Ethernet.*", "Device.PPP.*"] if later else [],
        **options,  # type: ignore[arg-type]
    )


def ex220(*parts: dict[str, Plain]) -> MemoryDevice:
    """No light, and a VLAN row with a switch in place of a mode."""
    device = family_a(ethernet_wan(port=7), *parts)
    rows = {name: dict(row) for name, row in NEW_ROWS.items() if name != GPON}
    del rows[VLAN]["X_TP_VLANMode"]
    rows[VLAN]["X_TP_VLANEnable"] = False
    device.rows = rows
    for path in [name for name in device.values if "Optical" in name or "X_TP_VLANMode" in name]:
        del device.values[path]
    device.values[f"{VLAN}1.X_TP_VLANEnable"] = value_of(False)
    return device


def ec220v3(**options: object) -> MemoryDevice:
    """Family B: the layers are read only, one connection of the active type."""
    tree: dict[str, Plain] = {
        f"{ETHERNET}Interface.1.Upstream": False,
        f"{ETHERNET}Interface.4.Upstream": True,
        f"{LINK}1.LowerLayers": "Device.Bridging.Bridge.1.Port.1.",
        f"{LINK}2.LowerLayers": f"{ETHERNET}Interface.4.",
        f"{IP}1.LowerLayers": f"{LINK}1.",
        f"{IP}1.X_TP_ConnType": "LAN",
        f"{IP}3.LowerLayers": f"{PPP}1.",
        f"{IP}3.X_TP_ConnType": "PPPoE",
        f"{IP}3.MaxMTUSize": 1480,
        f"{PPP}1.LowerLayers": f"{VLAN}1.",
        f"{PPP}1.Enable": True,
        f"{PPP}1.Username": "old",
        f"{PPP}1.Password": "",
    }
    for number in (1, 2, 3, 4):
        tree[f"{VLAN}{number}.LowerLayers"] = f"{LINK}2."
        tree[f"{VLAN}{number}.Enable"] = False
        tree[f"{VLAN}{number}.VLANID"] = 0
    return MemoryDevice(
        tree | management("Device."),
        read_only=["*.LowerLayers", f"{IP}*.X_TP_ConnType"],
        write_only=SECRETS,
        **options,  # type: ignore[arg-type]
    )


def tr181(*, vlan: int = 0, pppoe: bool = False) -> MemoryDevice:
    """The standard objects, references without a last dot."""
    tree: dict[str, Plain] = {
        f"{ETHERNET}Interface.1.Upstream": True,
        f"{ETHERNET}Interface.2.Upstream": False,
        f"{LINK}1.LowerLayers": f"{ETHERNET}Interface.1",
        f"{LINK}1.Enable": True,
        f"{IP}1.LowerLayers": "Device.Ethernet.Link.9",
        f"{IP}1.Enable": True,
        f"{IP}1.Alias": "lan",
    }
    rows = {
        table: {leaf: value for leaf, value in NEW_ROWS[table].items() if "X_TP" not in leaf}
        for table in (LINK, VLAN, PPP, IP, NAT, DHCP4)
    }
    if pppoe:
        tree |= {
            f"{PPP}1.LowerLayers": f"{VLAN}1" if vlan else f"{LINK}1",
            f"{PPP}1.Enable": True,
            f"{PPP}1.Username": "old",
            f"{PPP}1.Password": "",
            f"{IP}2.LowerLayers": f"{PPP}1",
            f"{IP}2.Enable": True,
            f"{IP}2.Alias": "wan",
            f"{IP}2.MaxMTUSize": 1492,
        }
    if vlan:
        tree |= {f"{VLAN}1.LowerLayers": f"{LINK}1", f"{VLAN}1.VLANID": vlan}
        tree[f"{VLAN}1.Enable"] = True
    return MemoryDevice(tree | management("Device."), write_only=SECRETS, rows=rows)


_PPP_098: dict[str, Plain] = {
    "Enable": False, "Name": "", "ConnectionType": "Unconfigured", "Username": "",
    "Password": "", "NATEnabled": False, "MaxMRUSize": 1492,
}  # fmt: skip


def tr098_pppoe(vlan_leaf: str = "X_HW_VLAN") -> MemoryDevice:
    """One PPPoE connection, its VLAN in a vendor's leaf."""
    row = {**_PPP_098, "Enable": True, "ConnectionType": "IP_Routed", "Username": "old"}
    row[vlan_leaf] = 10
    tree = {f"{CONNECTION}1.WANPPPConnection.1.{leaf}": value for leaf, value in row.items()}
    return MemoryDevice(tree | management("InternetGatewayDevice."), write_only=SECRETS)


def ec220v2() -> MemoryDevice:
    """Family C: DHCP from the factory, and a dongle in WANDevice.2."""
    ip: dict[str, Plain] = {
        "Enable": True, "Name": "ipoe_eth_0_0_d", "ConnectionType": "IP_Routed",
        "AddressingType": "DHCP", "NATEnabled": True, "MaxMTUSize": 1500,
    }  # fmt: skip
    link: dict[str, Plain] = {
        "WANEthernetLinkConfig.X_TP_VID": 0,
        "WANEthernetLinkConfig.X_TP_VLanEnabled": False,
    }
    dongle = CONNECTION.replace("WANDevice.1", "WANDevice.2") + "1.WANPPPConnection.1."
    tree: dict[str, Plain] = {
        **{f"{CONNECTION}1.WANIPConnection.1.{leaf}": value for leaf, value in ip.items()},
        **{f"{CONNECTION}1.{leaf}": value for leaf, value in link.items()},
        **{f"{dongle}{leaf}": value for leaf, value in _PPP_098.items()},
        "InternetGatewayDevice.Layer3Forwarding.DefaultConnectionService": "",
    }
    rows: dict[str, dict[str, Plain]] = {CONNECTION: link}
    for number in range(1, 6):
        rows[f"{CONNECTION}{number}.WANPPPConnection."] = _PPP_098
        rows[f"{CONNECTION}{number}.WANIPConnection."] = ip
    tree |= management("InternetGatewayDevice.")
    return MemoryDevice(tree, write_only=SECRETS, rows=rows)


def managed(device: MemoryDevice) -> MemoryDevice:
    """The same with a connection of its own for management, by which it reaches us."""
    device.values[f"{MANAGED}Enable"] = value_of(True)
    device.values[f"{MANAGED}ConnectionType"] = value_of("IP_Routed")
    return device
