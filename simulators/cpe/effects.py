"""What new settings do inside a unit: states that follow, and the WAN that reaches us."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model import Tree

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
            on = tree.get(access_point + "Enable") == "1"
            tree.put(access_point + "Status", "Up" if on else "Disabled")
            tree.put(f"Device.WiFi.SSID.{row}.Status", "Up" if on else "Down")
    for row in tree.rows("Device.PPP.Interface."):
        ppp = f"Device.PPP.Interface.{row}."
        if ppp in touched:
            up = tree.get(ppp + "Enable") == "1" and bool(tree.get(ppp + "Username"))
            tree.put(ppp + "ConnectionStatus", "Connected" if up else "Disconnected")
            tree.put(ppp + "Status", "Up" if up else "Down")
    if any(path.startswith("Device.IP.Interface.") for path in changed):
        return _reaching_wan(tree, wan)
    return wan


def _reaching_wan(tree: Tree, wan: str) -> str:
    """Return the address of the newest WAN that is up and meant for management."""
    ready = [row for row in tree.rows("Device.IP.Interface.") if _carries_us(tree, row)]
    if not ready:
        return wan
    row = f"Device.IP.Interface.{max(ready)}."
    tree.put(row + "Status", "Up")
    address = tree.make_row(row + "IPv4Address.", 1) + "IPAddress"
    if tree.get(address) == "0.0.0.0":  # noqa: S104 - no address yet, nothing is bound
        tree.put(address, f"100.64.{max(ready)}.10")
    return address


def _carries_us(tree: Tree, number: int) -> bool:
    row = f"Device.IP.Interface.{number}."
    kind = tree.get(row + "X_TP_ConnType")
    services = tree.get(row + "X_TP_ServiceType").split(",")
    return (
        tree.get(row + "Enable") == "1"
        and kind in ("PPPoE", "DHCP", "Static")
        and "TR069" in services
    )


EFFECTS: dict[str, Effects] = {"none": nothing, "tplink-a": tplink_a}
