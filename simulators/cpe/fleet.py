"""Which units to simulate: from options, from a file, or the three demonstration ONTs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .device import Ont
from .habits import compose
from .misbehaviour import GOOD, Misbehaviour
from .modelcheck import usable_model
from .modelfile import Identity, format_mac
from .pace import parse_think
from .tomlfile import TomlError, read_toml
from .wire import Target, WireError

MOST_UNITS = 1_000_000
"""Of one row: more is a slip of the pen."""
_SERIAL = re.compile(r"^[^{}]*(\{0?(:0?\d{0,2}d?)?\}[^{}]*)?$")
_MOST_SERIAL = 64
"""Characters of a SerialNumber (TR-069 A.3.3.1, DeviceIdStruct)."""


class FleetError(ValueError):
    """A fleet file or its options cannot be used."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit, or a row of ``count`` alike ones.

    Unit number n (from 0) of a row has the serial ``serial_template`` with n in it
    (``22275A7{:06d}``), or ``serial`` counted up at its digits, and the MAC ``mac`` + 16 n.
    """

    model: str
    serial: str = ""
    oui: str = ""
    mac: str = ""
    product_class: str = ""
    ip: str = "100.64.0.10"
    acs: str = ""
    username: str = ""
    password: str = ""
    count: int = 1
    serial_template: str = ""
    dialect: str = ""
    """How it speaks, if not as its model does."""
    habits: str = ""
    """Habits it has besides, separated by commas."""
    think: str = ""
    """How long it takes to answer: ``recorded``, ``none`` or seconds."""

    def expand(self) -> Iterator[Unit]:
        """Yield the single units of this row. Raises `FleetError`."""
        if not 1 <= self.count <= MOST_UNITS:
            raise FleetError(f"count must be 1 to {MOST_UNITS}")
        digits = re.sub("[:.-]", "", self.mac)
        if not re.fullmatch("[0-9A-Fa-f]{12}", digits):
            raise FleetError(f"mac must be like 1C:61:B4:FA:11:C8, not {self.mac!r}")
        for number in range(self.count):
            serial = self._serial(number)
            if len(serial) > _MOST_SERIAL:
                raise FleetError(f"serial {serial[:20]}… has more than {_MOST_SERIAL} characters")
            mac = format_mac(int(digits, 16) + 16 * number)
            yield replace(self, serial=serial, mac=mac, count=1, serial_template="")

    def _serial(self, number: int) -> str:
        template = self.serial_template
        if template:
            if not _SERIAL.match(template):
                raise FleetError(f"serial_template must be like 22275A7{{:06d}}, not {template!r}")
            if "{" not in template and self.count > 1:
                raise FleetError(f"serial_template {template!r} has no {{:06d}} for the number")
            return template.format(number)
        if not self.serial:
            raise FleetError("a unit needs a serial or a serial_template")
        if number == 0:
            return self.serial
        head = self.serial.rstrip("0123456789")
        tail = self.serial[len(head) :]
        if not tail:
            raise FleetError(f"serial {self.serial!r} has no digits at its end to count up")
        return head + str(int(tail) + number).zfill(len(tail))

    def build(self, misbehaviour: Misbehaviour = GOOD) -> Ont:
        """Make the unit. Raises `FleetError` and `modelfile.ModelFileError`."""
        if not self.acs:
            raise FleetError(f"unit {self.serial} has no ACS URL: give --acs")
        model = usable_model(self.model)
        identity = Identity(
            oui=(self.oui or self.mac.replace(":", "")[:6]).upper(),
            product_class=self.product_class or model.product_class,
            serial=self.serial,
            mac=self.mac,
            ip=self.ip,
        )
        habits = tuple(name.strip() for name in self.habits.split(","))
        try:
            Target.parse(self.acs)
            spoken = compose(self.dialect or model.dialect, habits)
            think = parse_think(self.think or "none", model.manufacturer)
        except (ValueError, WireError) as error:
            raise FleetError(f"unit {self.serial}: {error}") from None
        ont = Ont(
            model,
            identity,
            acs_url=self.acs,
            username=self.username,
            password=self.password,
            misbehaviour=misbehaviour,
            dialect=spoken,
        )
        ont.think = think
        return ont


DEMO = (
    Unit(
        "tplink-a-xx230v",
        serial="22275A7000001",
        oui="1C61B4",
        mac="1C:61:B4:FA:11:C8",
        product_class="Device2",
        ip="100.64.0.11",
    ),
    Unit(
        "tplink-a-ex220",
        serial="2226469000002",
        oui="1C61B4",
        mac="1C:61:B4:FA:22:10",
        product_class="EX220",
        ip="100.64.0.12",
    ),
    Unit(
        "tplink-a-xc220-g3v",
        serial="225C1CU000003",
        oui="1C61B4",
        mac="1C:61:B4:FA:33:C8",
        product_class="XC220-G3v",
        ip="100.64.0.13",
    ),
)
"""The three ONTs of the demonstration."""


def read_fleet(path: Path) -> list[Unit]:
    """Read a fleet file: top-level defaults and one ``[[unit]]`` for each row of units.

    Raises `FleetError` with the place of what is wrong.
    """
    try:
        document = read_toml(path)
        rows = document.pop("unit", [])
        if not isinstance(rows, list) or not rows:
            raise FleetError("no [[unit]]")
        return [unit for n, row in enumerate(rows, 1) for unit in _row(n, document, row)]
    except (FleetError, TomlError) as error:
        raise FleetError(f"{path}: {error}") from None


def alternate(row: Unit, models: Sequence[str]) -> list[Unit]:
    """The units of a row, whose models take turns."""
    return [
        replace(unit, model=models[number % len(models)])
        for number, unit in enumerate(row.expand())
    ]


def with_account(units: Sequence[Unit], username: str, password: str) -> list[Unit]:
    """Give units the account of the command line; without one, those that lack it the password."""
    if not username:
        return [replace(unit, password=unit.password or password) for unit in units]
    return [replace(unit, username=username, password=password) for unit in units]


def _row(number: int, defaults: Mapping[str, Any], row: Any) -> list[Unit]:
    if not isinstance(row, Mapping):
        raise FleetError(f"unit {number}: write it as a table, under [[unit]]")
    settings = {**defaults, **row}
    known = {entry.name: entry.type for entry in fields(Unit)}
    if unknown := sorted(settings.keys() - known.keys()):
        raise FleetError(
            f"unit {number}: unknown setting {', '.join(unknown)}; there are {', '.join(known)}"
        )
    for name, value in settings.items():
        if type(value).__name__ != known[name]:
            raise FleetError(f"unit {number}: {name} must be {known[name]}")
    if "model" not in settings:
        raise FleetError(f"unit {number}: no model")
    try:
        return list(Unit(**settings).expand())
    except FleetError as error:
        raise FleetError(f"unit {number}: {error}") from None
