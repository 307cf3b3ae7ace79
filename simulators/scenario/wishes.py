"""What ERPNext wishes for each unit, and the documents that say so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.cpe.fleet import Unit

from .scenario import Member, Profile

BASE_MAC = 0x1C61B7 << 24
"""Clear of the addresses of the stand-in's own customers; a unit takes 16."""
EQUIPMENT = "Service Equipment"
LONGEST_ACCOUNT = 130
"""Characters of an account that ERPNext takes (140) and a device does not (128)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer was promised; the telephone is (account, password)."""

    ssid: str
    passphrase: str
    telephone: tuple[str, str] | None = None


def wish_for(number: int, profile: Profile, revision: int = 0) -> Wish | None:
    """Return the wish for unit ``number`` after ``revision`` changes; None: there is none."""
    ssid = f"Maison {number}" + (f" v{revision}" if revision else "")
    passphrase = f"Erable-{number:06d}-{revision}"
    match profile:
        case Profile.UNKNOWN:
            return None
        case Profile.WIFI:
            return Wish(ssid, passphrase)
        case Profile.TELEPHONE:
            account = f"450{number:07d}"
        case Profile.REFUSED:
            account = f"{number:0{LONGEST_ACCOUNT}d}"
    return Wish(ssid, passphrase, (account, f"Sirop-{number}-{revision}"))


def unit_of(member: Member, acs: str, account: tuple[str, str]) -> Unit:
    """Return the unit as the simulator takes it."""
    digits = f"{BASE_MAC + 16 * member.number:012X}"
    username, password = account
    return Unit(
        member.model,
        serial=f"2227S{member.number:08d}",
        mac=":".join(digits[at : at + 2] for at in range(0, 12, 2)),
        ip=f"100.{64 + (member.number >> 16)}.{member.number >> 8 & 255}.{member.number & 255}",
        acs=acs,
        username=username,
        password=password,
    )


def equipment_name(number: int) -> str:
    """Name of the equipment of unit ``number`` in ERPNext."""
    return f"EQP-S{number:06d}"


def fields_of(wish: Wish) -> dict[str, str]:
    """Fields of a Service Equipment that say a wish."""
    account, password = wish.telephone or ("", "")
    return {
        "wifi_ssid": wish.ssid,
        "wifi_password": wish.passphrase,
        "sip_username": account,
        "sip_password": password,
    }


def equipment_of(member: Member, wish: Wish) -> dict[str, str]:
    """Fields of the Service Equipment of a unit, but for its name."""
    unit = unit_of(member, "", ("", ""))
    return {
        "equipment_type": "ONT",
        "model": member.model,
        "serial_number": unit.serial,
        "mac_address": unit.mac,
        "status": "active",
        **{name: text for name, text in fields_of(wish).items() if text},
    }


def documents(town: Iterator[Member]) -> Iterator[Mapping[str, Any]]:
    """Yield the equipment of all units that ERPNext knows from the start."""
    for member in town:
        wish = wish_for(member.number, member.profile)
        if wish is not None and not member.recorded:
            name = equipment_name(member.number)
            yield {"doctype": EQUIPMENT, "name": name, **equipment_of(member, wish)}


def seed_file(town: Iterator[Member]) -> str:
    """Return the documents as a seed file of the stand-in."""
    tables = []
    for document in documents(town):
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in document.items()]
        tables.append("[[document]]\n" + "".join(lines))
    return "\n".join(tables)


MAPPING = """\
[voice]
registrar = "sip.exemple.test"
domain = "sip.exemple.test"
"""
"""The server's mapping: where the telephones of the town register."""
