"""Which units to simulate: from options, from a file, or the three demonstration ONTs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from .device import Ont
from .habits import compose
from .misbehaviour import GOOD, Misbehaviour
from .modelfile import Identity, format_mac, load_model
from .pace import parse_think


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
        if self.count < 1:
            raise FleetError("count must be at least 1")
        for number in range(self.count):
            digits = self.mac.replace(":", "").replace("-", "").replace(".", "")
            try:
                mac = format_mac(int(digits, 16) + 16 * number)
            except ValueError:
                raise FleetError(f"{self.mac!r} is no MAC address") from None
            if len(digits) != 12:
                raise FleetError(f"{self.mac!r} is no MAC address")
            yield replace(self, serial=self._serial(number), mac=mac, count=1, serial_template="")

    def _serial(self, number: int) -> str:
        if self.serial_template:
            try:
                return self.serial_template.format(number)
            except (IndexError, KeyError, ValueError):
                raise FleetError(f"cannot fill {self.serial_template!r}") from None
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
            raise FleetError(f"unit {self.serial} has no ACS URL")
        model = load_model(self.model)
        identity = Identity(
            oui=(self.oui or self.mac.replace(":", "")[:6]).upper(),
            product_class=self.product_class or model.product_class,
            serial=self.serial,
            mac=self.mac,
            ip=self.ip,
        )
        try:
            spoken = compose(self.dialect or model.dialect, tuple(self.habits.split(",")))
            think = parse_think(self.think or "none", model.manufacturer)
        except ValueError as error:
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
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FleetError(f"{path}: {error}") from error
    rows = document.pop("unit", [])
    if not isinstance(rows, list) or not rows:
        raise FleetError(f"{path}: no [[unit]]")
    known = {entry.name: entry.type for entry in fields(Unit)}
    units: list[Unit] = []
    for number, row in enumerate(rows, 1):
        settings = {**document, **row}
        unknown = settings.keys() - known.keys()
        if unknown:
            raise FleetError(f"{path}: unit {number}: unknown setting {', '.join(sorted(unknown))}")
        for name, value in settings.items():
            if type(value).__name__ != known[name]:
                raise FleetError(f"{path}: unit {number}: {name} must be {known[name]}")
        if "model" not in settings:
            raise FleetError(f"{path}: unit {number}: no model")
        units.extend(Unit(**settings).expand())
    return units
