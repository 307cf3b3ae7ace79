"""The filters that find equipment by any spelling a person may have stored."""

from __future__ import annotations

from collections.abc import Iterable

from acs.devices.identity import NEAR, Equipment, Terms, shift_mac
from erp_bridge.mapping import MacSpelling, Mapping, site_fields

MAX_VALUE = 140
"""Characters of a Data field: a longer value cannot be stored, hence not be found."""


def filters_of(
    terms: Iterable[Terms], mapping: Mapping, *, without: frozenset[str] = frozenset()
) -> list[list[object]]:
    """Return ``or_filters`` that find equipment fitting any of ``terms``.

    ``without`` are our names of fields the site refused. Nothing to look for gives an empty
    list, which must not be sent: it would list the whole table.
    """
    asked = list(terms)
    serials = _values((s for t in asked for s in t.serials), mapping)
    gpons = _values((s for t in asked for g in t.gpon_serials for s in gpon_spellings(g)), mapping)
    macs = _values((s for t in asked for m in t.macs for s in mac_spellings(m, mapping)), mapping)
    wanted = {
        "cwmp_serial": serials,
        "serial_number": serials,
        "barcode": serials,
        "gpon_serial": gpons,
        "mac_address": macs,
    }
    names = site_fields(mapping)
    return [
        [names[ours], "in", values]
        for ours, values in wanted.items()
        if values and ours in names and ours not in without
    ]


def mac_spellings(mac: str, mapping: Mapping) -> list[str]:
    """Return the spellings of a MAC address given in normal form."""
    pairs = [mac[i : i + 2] for i in range(0, 12, 2)]
    spelt = {
        MacSpelling.COLONS: ":".join(pairs),
        MacSpelling.DASHES: "-".join(pairs),
        MacSpelling.DOTS: ".".join(mac[i : i + 4] for i in range(0, 12, 4)),
        MacSpelling.PLAIN: mac,
    }
    return [spelt[spelling] for spelling in mapping.lookup.mac_spellings]


def gpon_spellings(gpon: str) -> list[str]:
    """Return the spellings of a GPON serial given in normal form: all hex, and with letters."""
    vendor = bytes.fromhex(gpon[:8])
    if not (vendor.isalpha() and vendor.isascii()):
        return [gpon]
    return [gpon, vendor.decode("ascii") + gpon[8:]]


def fits(terms: Terms, equipment: Equipment) -> bool:
    """Tell whether the equipment fits any of the terms, near MAC addresses included."""
    return fits_well(terms, equipment) or equipment.mac in terms.macs


def fits_well(terms: Terms, equipment: Equipment) -> bool:
    """Tell whether the equipment fits by more than a MAC address near the announced one."""
    serials = (equipment.cwmp_serial, equipment.serial_number, equipment.barcode)
    return (
        any(serial and serial in terms.serials for serial in serials)
        or bool(equipment.gpon_serial and equipment.gpon_serial in terms.gpon_serials)
        or bool(equipment.mac and equipment.mac in _announced_macs(terms))
    )


def _announced_macs(terms: Terms) -> tuple[str, ...]:
    """Return the addresses that are not up to three above another one of the terms.

    `Terms` lists announced and near addresses together. A neighbour's box has such a near
    address: finding it must not end the search for the device's own.
    """
    near = {shift_mac(mac, by) for mac in terms.macs for by in range(1, NEAR + 1)}
    return tuple(mac for mac in terms.macs if mac not in near)


def _values(texts: Iterable[str], mapping: Mapping) -> list[str]:
    """Return each text once, in both cases where wanted; what cannot be stored is left out."""
    usable = dict.fromkeys(
        text for text in texts if text.strip() and text.isprintable() and len(text) <= MAX_VALUE
    )
    if not mapping.lookup.both_cases:
        return list(usable)
    return list(dict.fromkeys(form for text in usable for form in (text, text.lower())))
