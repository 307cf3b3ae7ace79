"""What new settings do inside a unit: states that follow, and the WAN that reaches us."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model import Tree

_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - no address yet, nothing is bound
_LAYERS = ("Device.X_TP_GPON.Link.", "Device.Ethernet.Link.", "Device.Ethernet.VLANTermination.")

Effects = Callable[[Tree, Sequence[str], str], str]
"""(tree, changed paths, path of the WAN address) → path of the WAN address."""


def nothing(_tree: Tree, _changed: Sequence[str], wan: str) -> str:
    """Change nothing."""
    return wan


def tplink_a(tree: Tree, changed: Sequence[str], wan: str) -> str:
    """Family A: access point states, PPPoE states, and the move to a newly built WAN."""
    touched = {path.rpartition(".")[0] + "." for path in changed}
    for row in tree.rows("Device.WiFi.AccessPoint."):
        access_point = f"Device.WiFi.AccessPoint.{row}."
        if access_point in touched:
            on = tree.find(access_point + "Enable") == "1"
            _put(tree, access_point + "Status", "Up" if on else "Disabled")
            _put(tree, f"Device.WiFi.SSID.{row}.Status", "Up" if on else "Down")
    _layers(tree, touched)
    if any(path.startswith("Device.IP.Interface.") for path in changed):
        return _reaching_wan(tree, wan)
    return wan


def generic_tr181(tree: Tree, changed: Sequence[str], wan: str) -> str:
    """TR-181 by the book: the states of the layers follow, and the move to a new PPP connection."""
    _layers(tree, {path.rpartition(".")[0] + "." for path in changed})
    ready = [row for row in tree.rows("Device.IP.Interface.") if _stands_on_ppp(tree, row)]
    return _moved_to(tree, max(ready)) if ready else wan


def tr098(tree: Tree, changed: Sequence[str], wan: str) -> str:
    """TR-098: connection and network states, and the move to the default connection."""
    top = "InternetGatewayDevice."
    for path in {path.rpartition(".")[0] + "." for path in changed}:
        on = tree.find(path + "Enable") == "1"
        if ".WLANConfiguration." in path and path + "Status" in tree:
            _put(tree, path + "Status", "Up" if on else "Disabled")
        elif path + "ConnectionStatus" in tree:
            up = on and tree.find(path + "Username", "none needed") != ""
            _put(tree, path + "ConnectionStatus", "Connected" if up else "Disconnected")
            if up and tree.find(path + "ExternalIPAddress") == _NO_ADDRESS:
                _put(tree, path + "ExternalIPAddress", _address(path))
    default = tree.find(f"{top}Layer3Forwarding.DefaultConnectionService").removesuffix(".")
    if tree.find(f"{default}.ConnectionStatus") == "Connected":
        return f"{default}.ExternalIPAddress"
    return wan


def _layers(tree: Tree, touched: set[str]) -> None:
    """Let the states of the layers of a WAN follow their settings."""
    for table in _LAYERS:
        for row in tree.rows(table):
            layer = f"{table}{row}."
            if layer in touched and layer + "Status" in tree:
                _put(tree, layer + "Status", "Up" if tree.find(layer + "Enable") == "1" else "Down")
    for row in tree.rows("Device.PPP.Interface."):
        ppp = f"Device.PPP.Interface.{row}."
        if ppp in touched:
            on, named = tree.find(ppp + "Enable") == "1", bool(tree.find(ppp + "Username"))
            _put(tree, ppp + "ConnectionStatus", "Connected" if on and named else "Disconnected")
            _put(tree, ppp + "Status", "Up" if on and named else "Down")
            error = "ERROR_AUTHENTICATION_FAILURE" if on and not named else "ERROR_NONE"
            _put(tree, ppp + "LastConnectionError", error)
            _put(tree, ppp + "IPCP.LocalIPAddress", _address(ppp) if on and named else "")


def _put(tree: Tree, path: str, text: str) -> None:
    """Set a state, where the unit has it."""
    if path in tree:
        tree.put(path, text)


def _address(path: str) -> str:
    """An address for the connection at ``path``, by its numbers."""
    numbers = [int(step) for step in path.split(".") if step.isdigit()]
    return f"100.64.{sum(numbers) % 256}.10"


def _reaching_wan(tree: Tree, wan: str) -> str:
    """Return the address of the newest WAN that is up and meant for management."""
    ready = [row for row in tree.rows("Device.IP.Interface.") if _carries_us(tree, row)]
    return _moved_to(tree, max(ready)) if ready else wan


def _moved_to(tree: Tree, number: int) -> str:
    """Give the IP interface an address, and return its path."""
    row = f"Device.IP.Interface.{number}."
    _put(tree, row + "Status", "Up")
    address = tree.make_row(row + "IPv4Address.", 1) + "IPAddress"
    if tree.find(address) == _NO_ADDRESS:
        _put(tree, address, f"100.64.{number}.10")
    return address


def _stands_on_ppp(tree: Tree, number: int) -> bool:
    row = f"Device.IP.Interface.{number}."
    below = tree.find(row + "LowerLayers").rstrip(".") + "."
    return (
        tree.find(row + "Enable") == "1"
        and below.startswith("Device.PPP.Interface.")
        and tree.find(below + "ConnectionStatus") == "Connected"
        and tree.has_table(row + "IPv4Address.")
    )


def _carries_us(tree: Tree, number: int) -> bool:
    row = f"Device.IP.Interface.{number}."
    kind = tree.find(row + "X_TP_ConnType")
    services = tree.find(row + "X_TP_ServiceType", "TR069").split(",")
    return (
        tree.find(row + "Enable") == "1"
        and kind in ("PPPoE", "DHCP", "Static")
        and "TR069" in services
        and tree.has_table(row + "IPv4Address.")
    )


EFFECTS: dict[str, Effects] = {
    "none": nothing,
    "tplink-a": tplink_a,
    "generic-tr181": generic_tr181,
    "tr098": tr098,
}
