"""ERPNext's stand-in in a process of its own, with the equipment of a storm's units."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.processes import START_SECONDS, Program, cpu_seconds
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

    def __init__(self, url: str, mapping: Path, program: Program) -> None:
        self.url = url
        self._program = program
        self.settings = {
            "ACS_ERP_URL": url,
            "ACS_ERP_API_KEY": _KEY,
            "ACS_ERP_API_SECRET": _SECRET,
            "ACS_ERP_MAPPING": str(mapping),
        }
        """What the server is told of it."""

    def queries(self) -> Counter[str]:
        """How often it was asked about equipment so far, by what for: list, secrets, other."""
        found: Counter[str] = Counter()
        for route, count in self.calls().items():
            what, _, doctype = route.partition(" ")
            if doctype == "Service Equipment":
                found[_PURPOSES.get(what, "other")] += count
        return found

    def calls(self) -> Counter[str]:
        """All calls it got so far, by what they did to which doctype."""
        answer = requests.get(f"{self.url}/__sim__/statistics", timeout=30)
        answer.raise_for_status()
        return Counter(answer.json()["routes"])

    def cpu(self) -> float:
        """CPU-seconds so far."""
        return cpu_seconds(self._program.pid)


@contextmanager
def stand_in(
    folder: Path, first: int, count: int, *, subscribed: bool = False
) -> Iterator[Business]:
    """Run the stand-in; it knows the units ``first`` to ``first + count - 1``.

    ``subscribed``: each stands at a location of its own, with a subscription.
    """
    folder.mkdir()
    seeds = folder / "seeds.toml"
    seeds.write_text(_documents(first, count, subscribed=subscribed), encoding="utf-8")
    with _running(folder, "--seed-file", str(seeds)) as business:
        yield business


@contextmanager
def crowded(folder: Path, customers: int) -> Iterator[Business]:
    """Run the stand-in with so many customers, each with location, subscription and equipment."""
    folder.mkdir()
    with _running(folder, "--empty", "--customers", str(customers)) as business:
        yield business


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[Business]:
    mapping = folder / "mapping.toml"
    mapping.write_text(_MAPPING, encoding="utf-8")
    command = [sys.executable, "-m", "simulators.erpnext", "serve", "--listen", "127.0.0.1:0"]
    command += ["--api-key", _KEY, "--api-secret", _SECRET, *options]
    with Program(*command, folder=folder) as program:
        line = program.hear_of("listening ", 3 * START_SECONDS)
        yield Business(line.removeprefix("listening "), mapping, program)


def _documents(first: int, count: int, *, subscribed: bool) -> str:
    customer = {
        "doctype": "Customer",
        "name": "CUST-1",
        "customer_type": "Individual",
        "customer_group": "Résidentiel",
        "territory": "Canada",
    }
    documents = [customer]
    for unit in map(Unit, range(first, first + count)):
        if subscribed:
            documents += _home(unit)
            documents.append(_equipment(unit) | {"service_location": _location(unit)})
        else:
            documents.append(_equipment(unit))
    return "\n".join(map(_document, documents))


def _location(unit: Unit) -> str:
    return f"LOC-{unit.number:07d}"


def _home(unit: Unit) -> list[dict[str, str]]:
    """Where a unit stands, and what is subscribed to there."""
    location = {
        "doctype": "Service Location",
        "name": _location(unit),
        "customer": "CUST-1",
        "address_line": f"{unit.number} rue des Ormes",
    }
    subscription = {
        "doctype": "Service Subscription",
        "name": f"SUB-{unit.number:010d}",
        "customer": "CUST-1",
        "service_location": _location(unit),
        "service_category": "Internet",
        "status": "Actif",
    }
    return [location, subscription]


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
