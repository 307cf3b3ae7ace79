"""Where the documents of a fresh site come from: a seed file, and as many more as wanted."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from random import Random
from typing import Any

from simulators.erpnext.collation import fold

Document = Mapping[str, Any]

POSTAL_LETTERS = "ABCEGHJKLMNPRSTVWXYZ"
PLANS = (
    ("Internet fibre 500 Mbit/s", 69.95, 500, 500),
    ("Internet fibre 1,5 Gbit/s", 109.95, 1500, 1000),
)
_NAMES = tomllib.loads((files(__package__) / "seeds" / "names.toml").read_text("utf-8"))
BULK_MAC_BASE = 0x1C61B5 << 24
FIRST_BULK_NUMBER = 100_001
"""Names of generated documents start here, clear of those in a seed file."""


def demo_documents() -> tuple[Document, ...]:
    """Return the documents of the demo seed file that comes with the package."""
    return read_documents((files(__package__) / "seeds" / "demo.toml").read_text("utf-8"))


def read_documents(text: str) -> tuple[Document, ...]:
    """Return the ``[[document]]`` tables of a seed file.

    A document named by one of its fields need not repeat the name there.
    """
    return tuple(_completed(document) for document in tomllib.loads(text).get("document", ()))


_NAMED_BY = {"Item": "item_code", "Customer": "customer_name"}


def _completed(document: Document) -> Document:
    field = _NAMED_BY.get(document["doctype"])
    return {field: document["name"], **document} if field else document


def bulk_serial(n: int) -> str:
    """Return the serial number of the n-th generated equipment, n from 1."""
    return f"2227{n:09d}"


def bulk_mac(n: int) -> str:
    """Return the MAC address of the n-th generated equipment, upper case with colons."""
    digits = f"{BULK_MAC_BASE + n:012X}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def bulk_documents(customers: int, seed: int) -> Iterator[Document]:
    """Yield customers with location, subscription and active ONT each.

    The same seed gives the same documents; two customers of one name get a number.
    """
    random = Random(seed)
    taken: dict[str, int] = {}
    for n in range(1, customers + 1):
        yield from _bulk_customer(n, random, taken)


def _bulk_customer(n: int, random: Random, taken: dict[str, int]) -> Iterator[Document]:
    number = FIRST_BULK_NUMBER + n - 1
    title = f"{random.choice(_NAMES['given'])} {random.choice(_NAMES['family'])}"
    taken[title] = taken.get(title, 0) + 1
    customer = f"{title} - {taken[title]}"
    city, zone = random.choice(_NAMES["cities"])
    letter = random.choice(POSTAL_LETTERS)
    postal = f"{zone} {random.randint(1, 9)}{letter}{random.randint(0, 9)}"
    plan, price, down, up = random.choice(PLANS)
    family = title.rpartition(" ")[2]
    location, subscription = f"LOC-{number}", f"SUB-{number:010d}"
    yield {
        "doctype": "Customer",
        "name": customer,
        "customer_name": title,
        "customer_type": "Individual",
        "customer_group": "Résidentiel",
        "territory": "Canada",
        "legacy_customer_id": f"L-{number}",
        "cell_phone": f"+1450555{n % 10000:04d}",
        "email_billing": f"client{number}@exemple.test",
    }
    yield {
        "doctype": "Service Location",
        "name": location,
        "customer": customer,
        "address_line": f"{random.randint(1, 4999)}, {random.choice(_NAMES['streets'])}",
        "city": city,
        "postal_code": postal,
        "connection_type": "FTTH",
        "olt_port": f"{n // 4096 + 1}/{n // 128 % 32 + 1}/{n % 128 + 1}",
    }
    yield {
        "doctype": "Service Subscription",
        "name": subscription,
        "customer": customer,
        "service_location": location,
        "plan_name": plan,
        "service_category": "Internet",
        "monthly_price": price,
        "status": "Actif",
        "start_date": f"2026-{random.randint(1, 9):02d}-{random.randint(1, 28):02d}",
        "speed_down": down,
        "speed_up": up,
    }
    yield {
        "doctype": "Service Equipment",
        "name": f"EQP-{number}",
        "customer": customer,
        "service_location": location,
        "service_subscription": subscription,
        "equipment_type": "ONT",
        "model": random.choice(("XX230v", "XC220-G3v")),
        "serial_number": bulk_serial(n),
        "mac_address": bulk_mac(n),
        "status": "active",
        "wifi_ssid": f"Maison {family} {n}",
        "wifi_password": f"{fold(family)}-{random.randrange(10**6):06d}",
        "sip_username": f"450555{n % 10000:04d}",
        "sip_password": f"{random.getrandbits(64):016x}",
    }
