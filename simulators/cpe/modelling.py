"""A dump of one device becomes a model: schema, rows, values, as compact as they come."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .dump import Dump, Leaf, schema_path
from .modelfile import Identity, Model, load_model, model_names
from .schema import ObjectSpec, ParameterSpec, parse_parameter, write_parameter

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
    drawn = _Draft(leaves, base, dump.growing)
    schema = drawn.schema()
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
        "absent": drawn.absent(),
        "schema": schema,
        "rows": drawn.rows(),
        "values": drawn.values(),
    }
    return Modelled(document, identity, base.name if base else "")


def _most_alike(dump: Dump) -> Model | None:
    """Return the known model with most parameters in common, if it is of the same family."""
    wanted = {schema_path(leaf.path) for leaf in dump.leaves}
    models = [load_model(name) for name in model_names()]
    shares = [(_share(wanted, {path for path, _ in _parameters(m.root)}), m) for m in models]
    share, model = max(shares, key=lambda entry: entry[0])
    return model if share >= _ALIKE else None


def _share(wanted: set[str], known: set[str]) -> float:
    return len(wanted & known) / len(wanted | known)


def _parameters(spec: ObjectSpec) -> Iterator[tuple[str, ParameterSpec]]:
    for name, parameter in spec.parameters.items():
        yield spec.path + name, parameter
    for child in spec.children.values():
        yield from _parameters(child)


def _objects(spec: ObjectSpec) -> Iterator[ObjectSpec]:
    for child in spec.children.values():
        yield child
        yield from _objects(child)


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


class _Draft:
    """The leaves of one device, sorted by the objects of its schema."""

    def __init__(self, leaves: Sequence[Leaf], base: Model | None, growing: frozenset[str]) -> None:
        self._leaves = leaves
        self._present = {leaf.path for leaf in leaves}
        self._known = dict(_parameters(base.root)) if base else {}
        self._objects = {spec.path: spec for spec in _objects(base.root)} if base else {}
        self._growing = growing
        self._alike: dict[str, list[Leaf]] = defaultdict(list)
        """Leaves by their schema path."""
        self._instances: dict[str, dict[str, None]] = defaultdict(dict)
        """Objects by their schema path, rows too, in order."""
        for leaf in leaves:
            self._alike[schema_path(leaf.path)].append(leaf)
            for object_ in _above(leaf.path):
                self._instances[schema_path(object_[:-1]) + "."][object_] = None
        self._specs = {path: self._spec(path) for path in self._alike}

    def schema(self) -> dict[str, dict[str, Any]]:
        """Return the lines of each object; parameters of one line stand together."""
        found: dict[str, dict[str, Any]] = {path: {} for path in self._instances}
        empty = self._empty_tables()
        for path in self._objects:
            if path.startswith(empty):
                found[path] = {}
        for path, lines in found.items():
            lines |= self._row_rules(path)
        for path, known in self._known.items():
            if path.startswith(empty):
                above, _, leaf = path.rpartition(".")
                found[above + "."][leaf] = write_parameter(known)
        grouped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path, spec in self._specs.items():
            above, _, leaf = path.rpartition(".")
            grouped[above + "."][write_parameter(spec)].append(leaf)
        for path, by_line in grouped.items():
            found[path] |= {" ".join(names): line for line, names in by_line.items()}
        return {path: lines for path, lines in found.items() if lines}

    def _empty_tables(self) -> tuple[str, ...]:
        """Return the tables rows can be added to in the family, of which this device has none."""
        return tuple(
            path
            for path, spec in self._objects.items()
            if spec.add and path not in self._instances and _parent(path) in self._instances
        )

    def _row_rules(self, path: str) -> dict[str, Any]:
        spec = self._objects.get(path)
        if not path.endswith("{i}."):
            return {}
        if spec is None or not spec.add:
            return {"_add": True} if path in self._growing else {}
        rules: dict[str, Any] = {"_add": True}
        if spec.max_rows != ObjectSpec("").max_rows:
            rules["_max"] = spec.max_rows
        if spec.locked:
            rules["_locked"] = spec.locked
        return rules

    def _spec(self, path: str) -> ParameterSpec:
        """Describe a parameter: what its rows have in common, and what is known of the family."""
        alike = self._alike[path]
        known = self._known.get(path)
        name = path.rpartition(".")[2]
        kind = Counter(leaf.type for leaf in alike).most_common(1)[0][0]
        writable = any(leaf.writable for leaf in alike)
        secret = any(leaf.secret for leaf in alike)
        hidden = secret if known is None else known.hidden and not any(leaf.text for leaf in alike)
        table = self._counted(name, alike)
        if not table and known is not None and {leaf.text for leaf in alike} == {"0"}:
            table = known.count_of
        if table and not writable:
            return ParameterSpec(name, "unsignedInt", count_of=table)
        default = Counter(leaf.text for leaf in alike).most_common(1)[0][0]
        if known is None or known.type != kind:
            known = ParameterSpec(name, kind, default=default)
        elif secret or hidden or ("{i}" in path and not known.count_of):
            default = known.default  # What a new row has, and a secret that was not told.
        if not all(
            known.accepts(leaf.text) for leaf in alike if leaf.text and "{" not in leaf.text
        ):
            known = ParameterSpec(name, kind)
        return replace(
            known, writable=writable or hidden, hidden=hidden, default=default, count_of=""
        )

    def _counted(self, name: str, alike: Iterable[Leaf]) -> str:
        """Return the sibling table whose rows a parameter counts, if it does everywhere."""
        table = name.removesuffix("NumberOfEntries")
        for leaf in alike:
            above = leaf.path.removesuffix(name)
            rows = self._instances.get(schema_path(f"{above}{table}.0.x").removesuffix("x"), {})
            below = f"{above}{table}."
            count = sum(row.startswith(below) for row in rows)
            if table == name or not count or leaf.text != str(count):
                return ""
        return table

    def _own(self, leaf: Leaf) -> bool:
        """Tell whether a value is otherwise than its schema line says."""
        spec = self._specs[schema_path(leaf.path)]
        if leaf.secret or spec.hidden or spec.count_of:
            return False
        return parse_parameter(spec.name, write_parameter(spec)).default != leaf.text

    def rows(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return the rows of each table with what is particular to each."""
        tables: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
        for path, instances in self._instances.items():
            if path.endswith("{i}."):
                for row in instances:
                    table, number = _split_row(row)
                    tables[table][number] = {}
        for leaf in self._leaves:
            row, name = _innermost(leaf.path)
            if row and self._own(leaf):
                table, number = _split_row(row)
                tables[table][number][name] = leaf.text
        together = {table: _ranges(rows) for table, rows in tables.items()}
        return self._starred(together)

    def _starred(
        self, tables: Mapping[str, dict[str, dict[str, str]]]
    ) -> dict[str, dict[str, dict[str, str]]]:
        """Let ``*`` stand for all rows above, where all of them hold the same table."""
        alike: dict[str, list[str]] = defaultdict(list)
        for table in tables:
            alike[re.sub(r"\.\d+\.", ".*.", table)].append(table)
        found = {}
        for pattern, paths in alike.items():
            first = tables[paths[0]]
            above = schema_path(paths[0])[: schema_path(paths[0]).rfind("{i}.") + 4]
            whole = "*" in pattern and len(paths) == len(self._instances[above])
            if whole and pattern.count("*") == 1 and all(tables[p] == first for p in paths):
                found[pattern] = first
            else:
                found |= {path: tables[path] for path in paths}
        return found

    def values(self) -> dict[str, str]:
        """Return what the schema cannot say of objects that are no rows."""
        return {
            leaf.path: leaf.text
            for leaf in self._leaves
            if not _innermost(leaf.path)[0] and self._own(leaf)
        }

    def absent(self) -> list[str]:
        """Return the parameters that single rows lack."""
        found = []
        for path in self._specs:
            above, _, leaf = path.rpartition(".")
            found += [
                row + leaf for row in self._every(above + ".") if row + leaf not in self._present
            ]
        return found

    def _every(self, path: str) -> list[str]:
        """Return the objects at a schema path, as the rows above them make them."""
        row, _, rest = path.rpartition("{i}.")
        return [one + rest for one in self._instances[row + "{i}."]] if row else [path]


def _parent(table: str) -> str:
    """Return the object that a table is in."""
    return table.removesuffix("{i}.")[:-1].rpartition(".")[0] + "."


def _above(path: str) -> Iterator[str]:
    """Yield the objects that a parameter is in, from the root's down, tables left out."""
    end = path.find(".") + 1
    while end:
        object_ = path[:end]
        following = path[end:].partition(".")[0]
        if not following.isdigit():
            yield object_
        end = path.find(".", end) + 1


def _innermost(path: str) -> tuple[str, str]:
    """Split a parameter into the row it is in (empty: none) and its name below."""
    steps = path.split(".")
    at = max((i for i, step in enumerate(steps[:-1]) if step.isdigit()), default=-1)
    return ".".join(steps[: at + 1]) + "." if at >= 0 else "", ".".join(steps[at + 1 :])


def _split_row(row: str) -> tuple[str, int]:
    table, _, number = row[:-1].rpartition(".")
    return table + ".", int(number)


def _ranges(rows: Mapping[int, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Write alike neighbours as one range."""
    found: dict[str, dict[str, str]] = {}
    first = last = -1
    for number in sorted(rows):
        if number == last + 1 and first >= 0 and rows[number] == rows[first]:
            del found[_range(first, last)]
        else:
            first = number
        last = number
        found[_range(first, last)] = rows[number]
    return found


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
