"""ERPNext's stand-in in a process of its own, with the equipment of a storm's units."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.processes import START_SECONDS, Program
from bench.units import Unit

_KEY, _SECRET = "bench-key", "bench-secret"
_MAPPING = """\
[voice]
registrar = "sip.exemple.test"
domain = "sip.exemple.test"
"""
_PURPOSES = {
    "list": "list",
    "frappe.client.get_list": "list",
    "acs_equipment_secrets": "secrets",
}


class Business:
    """The running stand-in; ``mapping`` is the file by which the server reads it."""

    def __init__(self, url: str, mapping: Path) -> None:
        self._url = url
        self.settings = {
            "ACS_ERP_URL": url,
            "ACS_ERP_API_KEY": _KEY,
            "ACS_ERP_API_SECRET": _SECRET,
            "ACS_ERP_MAPPING": str(mapping),
        }
        """What the server is told of it."""

    def queries(self) -> Counter[str]:
        """How often it was asked about equipment so far, by what for: list, secrets, other."""
        answer = requests.get(f"{self._url}/__sim__/state", timeout=30)
        answer.raise_for_status()
        routes: dict[str, int] = answer.json()["statistics"]["routes"]
        found: Counter[str] = Counter()
        for route, count in routes.items():
            what, _, doctype = route.partition(" ")
            if doctype == "Service Equipment":
                found[_PURPOSES.get(what, "other")] += count
        return found


@contextmanager
def stand_in(folder: Path, first: int, count: int) -> Iterator[Business]:
    """Run the stand-in; it knows the units ``first`` to ``first + count - 1``."""
    folder.mkdir()
    seeds, mapping = folder / "seeds.toml", folder / "mapping.toml"
    seeds.write_text(_documents(first, count), encoding="utf-8")
    mapping.write_text(_MAPPING, encoding="utf-8")
    command = [sys.executable, "-m", "simulators.erpnext", "serve", "--listen", "127.0.0.1:0"]
    command += ["--api-key", _KEY, "--api-secret", _SECRET, "--seed-file", str(seeds)]
    with Program(*command, folder=folder) as program:
        line = program.hear_of("listening ", 3 * START_SECONDS)
        yield Business(line.removeprefix("listening "), mapping)


def _documents(first: int, count: int) -> str:
    customer = {
        "doctype": "Customer",
        "name": "CUST-1",
        "customer_type": "Individual",
        "customer_group": "Résidentiel",
        "territory": "Canada",
    }
    return "\n".join(
        [_document(customer), *(_document(_equipment(Unit(first + n))) for n in range(count))]
    )


def _equipment(unit: Unit) -> dict[str, str]:
    return {
        "doctype": "Service Equipment",
        "name": unit.equipment,
        "customer": "CUST-1",
        "equipment_type": "ONT",
        "model": "XX230v",
        "serial_number": unit.serial,
        "mac_address": unit.mac,
        "status": "active",
        "wifi_ssid": unit.ssid,
        "wifi_password": unit.passphrase,
        "sip_username": unit.telephone,
        "sip_password": unit.sip_password,
    }


def _document(fields: dict[str, str]) -> str:
    lines = (f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in fields.items())
    return "\n".join(["[[document]]", *lines, ""])
