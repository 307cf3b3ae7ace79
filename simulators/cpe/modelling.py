"""A dump of one device becomes a model, with the manners of one like it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .dump import Dump, Leaf, schema_path
from .modelfile import Identity, Model, load_model, model_names
from .modelparts import Parts

Document = dict[str, Any]
"""What a model file says, as plain data."""

_ALIKE = 0.5
"""Share of parameters in common from which two devices count as of one family."""
_MAC_PATHS = (
    "Device.Ethernet.Interface.1.MACAddress",
    "Device.Ethernet.Link.1.MACAddress",
    "InternetGatewayDevice.LANDevice.1.LANEthernetInterfaceConfig.1.MACAddress",
    "InternetGatewayDevice.LANDevice.1.LANHostConfigManagement.MACAddress",
)
_WAN = re.compile(r"IP\.Interface\.\d+\.IPv4Address\.\d+\.IPAddress$|\.ExternalIPAddress$")
_MAC = re.compile(r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")
_LIKE_A_PLACEHOLDER = re.compile(r"\{(?=\w+(\+\d+)?\})")
_SPREAD = 16
"""Addresses of one unit follow its base address this closely."""
_OF_THE_UNIT = ("URL", "Username", "Password")
"""Of ManagementServer: what whoever runs the unit gives it."""
_NEEDED = {
    "ManagementServer.": {
        "URL": "rw string(:256)",
        "Username": "rw string(:256)",
        "Password": "w string(:256)",
        "ConnectionRequestURL": "r string",
        "ConnectionRequestUsername": "rw string(:256)",
        "ConnectionRequestPassword": "w string(:256)",
        "PeriodicInformEnable": "rw boolean = 1",
        "PeriodicInformInterval": "rw unsignedInt(1:) = 300",
    },
    "DeviceInfo.": {"SoftwareVersion": "r string"},
}
"""Without these no unit can live; a dump of a part may lack them."""
_INFORM = (
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.ParameterKey",
)


@dataclass(frozen=True, slots=True)
class Modelled:
    """A model and the unit it was made of."""

    document: Document
    identity: Identity
    like: str
    """Model whose manners it took; empty: none was like it."""


def modelled(dump: Dump, like: str | None = None) -> Modelled:
    """Make a model of a dump.

    What a dump does not tell (dialect, what applies later, which tables grow, limits) is taken
    from model ``like``, by default the one that has most parameters in common with it.  Raises
    `modelfile.ModelFileError` when there is no such model.
    """
    top = dump.leaves[0].path.partition(".")[0] + "."
    base = load_model(like) if like else _most_alike(dump)
    values = dump.values
    wan = _wan(values, top, base)
    identity = _identity(values, top, wan)
    fill = _Placeholders(identity, wan, top)
    leaves = [_told(leaf, fill) for leaf in dump.leaves]
    parts = Parts(leaves, base, dump.growing)
    schema = parts.schema()
    for name, lines in _NEEDED.items():
        object_ = schema.setdefault(top + name, {})
        known = {leaf for names in object_ for leaf in names.split()}
        object_.update({leaf: line for leaf, line in lines.items() if leaf not in known})
    document: Document = {
        "manufacturer": values.get(f"{top}DeviceInfo.Manufacturer", "") or "Unknown",
        "product_class": identity.product_class,
        "dialect": base.dialect if base else "generic",
        "effects": base.effects if base else "none",
        "wan": wan,
        "inform": _inform(values, top, base, wan),
        "active": sorted(path for path in (base.active if base else ()) if path in values),
        "later": list(base.later) if base else [],
        "at_once": list(base.at_once) if base else [],
        "absent": parts.absent(),
        "schema": schema,
        "rows": parts.rows(),
        "values": parts.values(),
    }
    return Modelled(document, identity, base.name if base else "")


def _most_alike(dump: Dump) -> Model | None:
    """Return the known model with most parameters in common, if it is of the same family."""
    wanted = {schema_path(leaf.path) for leaf in dump.leaves}
    models = [load_model(name) for name in model_names()]
    shares = [(_share(wanted, {path for path, _ in m.root.all_parameters()}), m) for m in models]
    share, model = max(shares, key=lambda entry: entry[0])
    return model if share >= _ALIKE else None


def _share(wanted: set[str], known: set[str]) -> float:
    return len(wanted & known) / len(wanted | known)


def _wan(values: Mapping[str, str], top: str, base: Model | None) -> str:
    """Find the path of the address that reaches the ACS."""
    if base and values.get(base.wan):
        return base.wan
    url = values.get(f"{top}ManagementServer.ConnectionRequestURL", "")
    found = [path for path in values if _WAN.search(path)]
    reached = [path for path in found if values[path] and f"//{values[path]}:" in url]
    return next(iter(reached or found), "")


def _identity(values: Mapping[str, str], top: str, wan: str) -> Identity:
    info = f"{top}DeviceInfo."
    mac = next((values[path] for path in _MAC_PATHS if values.get(path)), "")
    mac = mac if _MAC.match(mac) else "02:00:00:00:00:10"
    return Identity(
        oui=values.get(f"{info}ManufacturerOUI", "") or mac.replace(":", "")[:6],
        product_class=values.get(f"{info}ProductClass", "") or values.get(f"{info}ModelName", ""),
        serial=values.get(f"{info}SerialNumber", "") or mac.replace(":", ""),
        mac=mac,
        ip=values.get(wan, "") or "100.64.0.10",
    )


def _inform(values: Mapping[str, str], top: str, base: Model | None, wan: str) -> list[str]:
    usual = base.inform if base else (*(top + name for name in _INFORM), "{wan}")
    return [name for name in usual if name in values or (name == "{wan}" and wan)]


class _Placeholders:
    """Puts placeholders for what belongs to one unit alone."""

    def __init__(self, identity: Identity, wan: str, top: str) -> None:
        self._identity = identity
        self._base = int(identity.mac.replace(":", ""), 16)
        self._paths = {
            wan: (identity.ip, "{ip}"),
            f"{top}ManagementServer.ConnectionRequestURL": (identity.ip, "{ip}"),
            f"{top}DeviceInfo.ManufacturerOUI": (identity.oui, "{oui}"),
            f"{top}DeviceInfo.ProductClass": (identity.product_class, "{product_class}"),
        }
        management = f"{top}ManagementServer."
        self._given = frozenset(management + name for name in _OF_THE_UNIT)

    def __call__(self, path: str, text: str) -> str:
        """Return the text of a parameter as a model file has it."""
        if path in self._given:
            return ""
        text = _LIKE_A_PLACEHOLDER.sub("{open}", text)
        own, placeholder = self._paths.get(path, ("", ""))
        if own:
            return text.replace(own, placeholder)
        if text == self._identity.serial:
            return "{serial}"
        if text == "54504C47" + self._identity.mac.replace(":", "")[-8:]:
            return "{gpon}"
        if _MAC.match(text):
            offset = int(text.replace(":", ""), 16) - self._base
            if 0 <= offset < _SPREAD:
                return f"{{mac+{offset}}}" if offset else "{mac}"
        return text


def _told(leaf: Leaf, fill: _Placeholders) -> Leaf:
    return Leaf(leaf.path, fill(leaf.path, leaf.text), leaf.type, leaf.writable, leaf.secret)
