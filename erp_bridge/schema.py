"""Compare the mapping with the schema of the live site, and say what to mend there."""

from __future__ import annotations

from collections.abc import Mapping as Answer
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from acs.devices.identity import EquipmentStatus
from erp_bridge.mapping import (
    IDENTIFIERS,
    LINKS,
    PASSWORDS,
    REQUIRED,
    Mapping,
    customer_fields,
    site_fields,
    wished_links,
)
from erp_bridge.mapping_services import subscription_fields
from erp_bridge.wishes import SETTINGS
from erp_bridge.words import meaning


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """Works, with a loss that the text names."""
    ERROR = "error"
    """Must be mended before devices are served from this site."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check: what was found, and what to do about it ("" when all is well)."""

    level: Level
    text: str
    fix: str = ""


_MISSING = "Add the field on the site (Customize Form), or name the right one in the mapping"
_MISSING_OPTIONAL = (
    "Add the field on the site (Customize Form), name the right one in the mapping,"
    ' or write {} = "" if the site has none'
)
_TEXT = frozenset({"Data", "Small Text", "Read Only", "Barcode", "Text", "Autocomplete"})
CHOICE = frozenset({"Select", "Link"}) | _TEXT
_NUMBER = frozenset({"Int"})
SHOWN = CHOICE | _NUMBER | {"Phone", "Dynamic Link"}
"""Types that can be shown as they are read: no tables, no asterisks of a Password."""


def linked_doctypes(mapping: Mapping, meta: Answer[str, Any]) -> dict[str, str]:
    """Return the doctypes whose fields are wishes, by the link field that leads there."""
    known = _known(meta)
    rows = {link: known.get(link, {}) for link in wished_links(mapping)}
    return {link: str(row["options"]) for link, row in rows.items() if row.get("options")}


def check_linked(
    mapping: Mapping, link: str, doctype: str, meta: Answer[str, Any]
) -> list[Finding]:
    """Compare the wishes that are fields of a linked document with its schema."""
    known = _known(meta)
    findings: list[Finding] = []
    for ours, theirs in mapping.wishes.items():
        before, dot, name = theirs.partition(".")
        if not dot or before != link:
            continue
        if row := known.get(name):
            findings += _check_field(doctype, ours, name, row, mapping)
        else:
            findings.append(_missing(doctype, ours, name))
    return findings


def check_meta(mapping: Mapping, meta: Answer[str, Any]) -> list[Finding]:
    """Compare the mapped fields with ``meta``, the site's answer for the equipment doctype.

    Only what deserves attention is returned: nothing when the schema fits.
    """
    doctype = mapping.equipment.doctype
    known = _known(meta)
    findings: list[Finding] = []
    for ours, theirs in site_fields(mapping).items():
        row = known.get(theirs.partition(".")[0])
        if row is None:
            findings.append(_missing(doctype, ours, theirs))
        else:
            findings += _check_field(doctype, ours, theirs, row, mapping)
    return findings


def _missing(doctype: str, ours: str, theirs: str) -> Finding:
    return Finding(
        Level.ERROR,
        f"{doctype} has no field {theirs!r} (mapped as {ours})",
        _MISSING if ours in REQUIRED else _MISSING_OPTIONAL.format(ours),
    )


def check_customer(mapping: Mapping, meta: Answer[str, Any]) -> list[Finding]:
    """Compare the mapped fields of a customer with ``meta``, the site's answer for that doctype.

    Warnings at most: devices are served without it.
    """
    doctype = mapping.customer.doctype
    known = _known(meta)
    findings: list[Finding] = []
    for ours, theirs in customer_fields(mapping):
        row = known.get(theirs)
        if row is None:
            findings.append(
                Finding(
                    Level.WARNING,
                    f"{doctype} has no field {theirs!r} (mapped as {ours}): it is taken as empty",
                    "Add the field on the site (Customize Form), or name the fields it has as"
                    f" customer.{ours} in the mapping",
                )
            )
        elif (fieldtype := str(row.get("fieldtype"))) not in SHOWN:
            findings.append(
                Finding(
                    Level.WARNING,
                    f"{doctype}.{theirs} is of type {fieldtype}, which cannot be shown as {ours}",
                    f"Name a field of type Data or Phone as customer.{ours} in the mapping",
                )
            )
    return findings


SUBSCRIPTION_TYPES = {
    "status": CHOICE,
    "service_category": CHOICE,
    "monthly_price": _NUMBER | {"Currency", "Float"},
    "service_location": frozenset({"Link", "Data"}),
    "customer": frozenset({"Link", "Data"}),
}


def check_subscription(mapping: Mapping, meta: Answer[str, Any]) -> list[Finding]:
    """Compare the mapped fields of a subscription with ``meta``, the site's answer for it.

    A field that is missing is an error: a subscription that is misread switches a customer off,
    or gives away what nobody pays for.
    """
    doctype = mapping.subscription.doctype
    known = _known(meta)
    findings: list[Finding] = []
    for ours, theirs in subscription_fields(mapping).items():
        wanted = SUBSCRIPTION_TYPES[ours]
        if (row := known.get(theirs)) is None:
            findings.append(_missing(doctype, f"subscription.fields.{ours}", theirs))
        elif (fieldtype := str(row.get("fieldtype"))) not in wanted:
            findings.append(
                Finding(
                    Level.ERROR,
                    f"{doctype}.{theirs} is of type {fieldtype}, which cannot serve as {ours}",
                    f"Use a field of type {' or '.join(sorted(wanted))}",
                )
            )
        elif ours in ("status", "service_category") and fieldtype == "Select":
            part = "status" if ours == "status" else "category"
            words = getattr(mapping.subscription, part)
            options = [each.strip() for each in str(row.get("options") or "").splitlines()]
            if strange := [word for word in options if word and not meaning(word, words)]:
                findings.append(
                    _strange_words(f"{doctype}.{theirs}", strange, f"subscription.{part}")
                )
    return findings


def _known(meta: Answer[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the fields of a schema by name."""
    listed = meta.get("fields")
    rows = [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []
    return {str(row.get("fieldname")): row for row in rows}


def _check_field(
    doctype: str, ours: str, theirs: str, row: Answer[str, Any], mapping: Mapping
) -> list[Finding]:
    where = f"{doctype}.{theirs}"
    wanted = wanted_types(ours, linked="." in theirs)
    fieldtype = str(row.get("fieldtype"))
    if fieldtype not in wanted:
        return [
            Finding(
                Level.ERROR,
                f"{where} is of type {fieldtype}, which cannot serve as {ours}",
                f"Use a field of type {' or '.join(sorted(wanted))}",
            )
        ]
    findings: list[Finding] = []
    if row.get("is_virtual"):
        findings.append(
            Finding(
                Level.WARNING,
                f"{where} is a virtual field: a list refuses it, so it stays empty",
                "Map a stored field",
            )
        )
    if row.get("fetch_from"):
        findings.append(
            Finding(
                Level.WARNING,
                f"{where} is fetched from a linked document: a list may refuse it, then it stays"
                " empty",
                "Map the field of the linked document itself, such as service_location.customer",
            )
        )
    if ours == "mac_address" and not row.get("unique"):
        findings.append(
            Finding(
                Level.WARNING,
                f"{where} is not unique: two equipments may carry one MAC address, and the"
                " device that announces it goes to quarantine",
                "Tick Unique on the field (Customize Form); the site then names existing doubles",
            )
        )
    if ours in IDENTIFIERS and not (row.get("unique") or row.get("search_index")):
        findings.append(
            Finding(
                Level.WARNING,
                f"{where} has no index: each look-up reads the whole table",
                "Tick Index on the field (Customize Form)",
            )
        )
    if is_raw_text(ours) and "." not in theirs and not row.get("ignore_xss_filter"):
        findings.append(
            Finding(
                Level.WARNING,
                f"{where} goes through the HTML filter: a value such as s<b>cr3t is changed"
                " when it is saved",
                "Tick Ignore XSS Filter on the field (Customize Form), then enter such values"
                " again",
            )
        )
    if ours == "status" and fieldtype == "Select":
        findings += _check_words(where, str(row.get("options") or ""), mapping)
    return findings


def is_raw_text(ours: str) -> bool:
    """Tell whether a value may hold ``<`` and ``>`` that must arrive unchanged."""
    named = ours in PASSWORDS or ours in ("wifi_ssid", "wifi_ssid_guest")
    return named or (ours.startswith("wifi.") and ours.endswith(".ssid"))


def _check_words(where: str, options: str, mapping: Mapping) -> list[Finding]:
    words = [word.strip() for word in options.splitlines() if word.strip()]
    strange = [w for w in words if mapping.status_of(w) is EquipmentStatus.UNKNOWN]
    return [_strange_words(where, strange, "equipment.status")] if strange else []


def _strange_words(where: str, words: Sequence[str], table: str) -> Finding:
    return Finding(
        Level.WARNING,
        f"{where} offers words the mapping does not know: {', '.join(words)}",
        f"Put them into the lists of [{table}] in the mapping",
    )


def wanted_types(ours: str, *, linked: bool) -> frozenset[str]:
    """Return the field types that will do; ``linked``: of the link to a field's document."""
    if linked:
        return frozenset({"Link"})
    if ours in PASSWORDS:
        return frozenset({"Password"})
    if ours in LINKS:
        return frozenset({"Link", "Dynamic Link", "Data"})
    if ours in ("status", "equipment_type"):
        return CHOICE
    if kinds := SETTINGS.get(ours):
        return CHOICE | _NUMBER | ({"Check"} if bool in kinds else set())
    return _TEXT if ours == "mac_address" else _TEXT | _NUMBER
