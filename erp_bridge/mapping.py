"""Which doctypes, fields and words the ERPNext site uses, from one checked file.

The default is ``mapping.toml`` beside this module; a site's own file is laid over it, so that
it names only what differs. Nothing here does I/O but `load`, which reads the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from acs.devices.identity import EquipmentStatus, Treatment
from acs.profiles.intent import Band, Security
from acs.profiles.toml_lines import key_lines, line_of
from erp_bridge import wishes
from erp_bridge.mapping_services import (
    NeutralTable,
    SubscriptionTable,
    SwapTable,
    Treatments,
    check_services,
    check_words,
)
from erp_bridge.mapping_write_back import (
    DispatchJobTable,
    IssueTable,
    WriteBackTable,
    check_write_back,
)
from erp_bridge.wishes import FIELD, LINKED, NO_FIELD
from erp_bridge.words import fold, meaning

DEFAULT_NAME = "mapping.toml"


class MappingError(ValueError):
    """The mapping file cannot be used; the text names the place and the fix."""


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Field names of the equipment doctype by our own names; "" where the site has none."""

    equipment_type: str
    status: str
    cwmp_serial: str
    serial_number: str
    barcode: str
    gpon_serial: str
    mac_address: str
    customer: str
    service_location: str
    service_subscription: str
    wifi_ssid: str
    wifi_password: str
    wifi_ssid_guest: str
    wifi_password_guest: str
    sip_username: str
    sip_auth_username: str
    sip_password: str
    sip_display_name: str
    sip_registrar: str
    sip_domain: str


IDENTIFIERS = ("cwmp_serial", "serial_number", "barcode", "gpon_serial", "mac_address")
"""Our names of the fields a device is looked up by."""

PASSWORDS = ("wifi_password", "wifi_password_guest", "sip_password", *wishes.SECRETS)
"""Our names of the fields of type Password."""

LINKS = ("customer", "service_location", "service_subscription")
"""Our names of the fields that lead to other documents."""

REQUIRED = ("serial_number", "mac_address", "status")
"""Our names of the fields a site cannot do without."""


class StatusWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words of the status field."""

    inventory: tuple[str, ...]
    active: tuple[str, ...]
    defective: tuple[str, ...]
    returned: tuple[str, ...]


class EquipmentTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The equipment doctype."""

    doctype: str
    types: tuple[str, ...]
    fields: Fields
    status: StatusWords
    treatment: Treatments


class CustomerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a customer is called and reached; doctype "" reads no customers."""

    doctype: str
    name: str
    """Field of the name for people, which is not the name of the document."""
    phone: tuple[str, ...]
    email: tuple[str, ...]
    """Fields in order: the first one that is filled counts."""


class MacSpelling(StrEnum):
    """How a MAC address may be written."""

    COLONS = "colons"
    DASHES = "dashes"
    DOTS = "dots"
    PLAIN = "plain"


class LookupTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to look for."""

    mac_spellings: tuple[MacSpelling, ...]
    both_cases: bool


class PasswordsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How passwords are read."""

    script: str
    bulk: bool
    system_manager: bool


class BandRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A band that gets the network, with what is put behind its name there."""

    band: Band
    suffix: str = ""


class WifiTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the two Wi-Fi fields become networks."""

    security: Security
    bands: tuple[BandRule, ...]


class VoiceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Constants of the telephone line; "" and 0 are left to the device."""

    line: int
    registrar: str
    registrar_port: int
    proxy: str
    proxy_port: int
    outbound_proxy: str
    outbound_proxy_port: int
    domain: str
    digit_map: str


class ManagementTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Constants of how devices report."""

    periodic_inform_interval: int


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    equipment: EquipmentTable
    subscription: SubscriptionTable
    swap: SwapTable
    neutral: NeutralTable
    customer: CustomerTable
    lookup: LookupTable
    passwords: PasswordsTable
    wifi: WifiTable
    voice: VoiceTable
    management: ManagementTable
    write_back: WriteBackTable
    dispatch_job: DispatchJobTable
    issue: IssueTable
    wishes: dict[str, str]
    """Field of the site by the name of the setting (`erp_bridge.wishes.SETTINGS`)."""
    constants: dict[str, Any]
    """Value for all devices, in its type, by the name of the setting."""

    def status_of(self, word: str) -> EquipmentStatus:
        """Return the status a word of the site means."""
        return EquipmentStatus(meaning(word, self.equipment.status) or EquipmentStatus.UNKNOWN)

    def treatment_of(self, status: EquipmentStatus) -> Treatment:
        """Return what a status of equipment means for the device."""
        treatment: Treatment = getattr(self.equipment.treatment, status.value)
        return treatment

    def is_ours(self, equipment_type: str) -> bool:
        """Tell whether equipment of this type is ours to provision; no type counts as ours."""
        types = self.equipment.types
        return not types or not fold(equipment_type) or fold(equipment_type) in map(fold, types)


def fields(mapping: Mapping, *, without: frozenset[str] = frozenset()) -> list[str]:
    """Return what to ask a list of equipment for, ``name`` and ``modified`` included.

    ``without`` are our names of fields the site refused. A field of a linked document comes
    back under our own name (``service_location.customer as customer``).
    """
    asked = ["name", "modified"]
    for ours, theirs in site_fields(mapping).items():
        if ours not in without:
            name = answered_as(ours, theirs)
            asked.append(f"{theirs} as {name}" if "." in theirs else theirs)
    links = wished_links(mapping)
    return asked + [f"{link}.modified as {name}" for link, name in links.items()]


def site_fields(mapping: Mapping) -> dict[str, str]:
    """Return the site's field names by ours, those it has.

    Ours of a setting of ``[wishes]`` is the name of the setting: ``wan.vlan``.
    """
    own = msgspec.structs.asdict(mapping.equipment.fields) | mapping.wishes
    return {ours: theirs for ours, theirs in own.items() if theirs}


def answered_as(ours: str, theirs: str) -> str:
    """Return the name a field has in the rows of a list."""
    return ours.replace(".", "_") if "." in theirs else theirs


def wished_links(mapping: Mapping) -> dict[str, str]:
    """Return the link fields whose documents hold wishes, with where their ``modified`` comes.

    A change there is a change of the wish, which the equipment's own ``modified`` does not tell.
    """
    links = {t.partition(".")[0] for t in mapping.wishes.values() if "." in t}
    return {link: f"{link}_modified" for link in sorted(links)}


def customer_fields(mapping: Mapping) -> list[tuple[str, str]]:
    """Return the fields of a customer as pairs of our name and the site's, those it has."""
    table = mapping.customer
    names = (table.name,) if table.name else ()
    listed = {"name": names, "phone": table.phone, "email": table.email}
    return [(ours, theirs) for ours in listed for theirs in listed[ours]]


def load(path: Path | None = None) -> Mapping:
    """Read the mapping: the default, and the site's own file over it.

    Raises `MappingError`.
    """
    default = (files(__package__) / DEFAULT_NAME).read_text("utf-8")
    if path is None:
        return parse("", DEFAULT_NAME, default)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(
            f"{path}: cannot be read ({error}). Correct the path, or leave the setting out to"
            " use the default mapping"
        ) from error
    return parse(text, str(path), default)


def parse(text: str, origin: str, default: str) -> Mapping:
    """Check the TOML ``text`` laid over ``default``; ``origin`` names it in errors.

    Raises `MappingError`.
    """
    base = tomllib.loads(default)
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{origin}: not TOML: {error}. Correct that line") from error
    whole = _laid_over(base, own)
    for table, read in (("wishes", wishes.field_of), ("constants", wishes.constant_of)):
        # These name settings, of which the default file spells out but a few.
        given = _read_settings(own.pop(table, {}), (table,), origin, text, read)
        usual = _read_settings(base.pop(table), (table,), DEFAULT_NAME, default, read)
        merged = {**usual, **given}
        whole[table] = {name: value for name, value in merged.items() if value not in ("", None)}
    _check_keys(own, base, origin, text, ())
    try:
        mapping = msgspec.convert(whole, Mapping)
    except msgspec.ValidationError as error:
        raise MappingError(_located(str(error), origin, text)) from error
    _check_values(mapping, origin, text)
    return mapping


_Read = Callable[[str, object], Any]


def _read_settings(
    table: Any, path: tuple[str, ...], origin: str, text: str, read: _Read
) -> dict[str, Any]:
    """Read a table of settings, however its dotted keys are spelled."""
    if not isinstance(table, dict):
        raise MappingError(f"{_place(origin, text, path)}: {path[0]}: must be a table")
    found: dict[str, Any] = {}
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict):
            found |= _read_settings(value, here, origin, text, read)
            continue
        name = ".".join(here[1:])
        try:
            found[name] = read(name, value)
        except ValueError as error:
            place = _place(origin, text, here)
            raise MappingError(f"{place}: {'.'.join(here)}: {error}") from None
    return found


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _laid_over(below, value)
        else:
            merged[key] = value
    return merged


def _check_keys(
    own: dict[str, Any], base: dict[str, Any], origin: str, text: str, above: tuple[str, ...]
) -> None:
    """Refuse a key the default has not: the default names them all."""
    for key, value in own.items():
        path = (*above, key)
        if key not in base:
            near = get_close_matches(key, base, n=1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(base)}"
            raise MappingError(
                f"{_place(origin, text, path)}: unknown key {'.'.join(path)!r}. {fix}"
            )
        if isinstance(value, dict) and isinstance(base[key], dict):
            _check_keys(value, base[key], origin, text, path)


_SCRIPT = re.compile(r"[A-Za-z0-9_.]+\Z")


def _check_values(mapping: Mapping, origin: str, text: str) -> None:
    def refuse(path: tuple[str, ...], why: str) -> None:
        raise MappingError(f"{_place(origin, text, path)}: {'.'.join(path)}: {why}")

    names = site_fields(mapping)
    for ours in REQUIRED:
        if ours not in names:
            refuse(("equipment", "fields", ours), "is needed. Name the field of the site")
    for ours, theirs in names.items():
        linked = (ours in LINKS or ours in mapping.wishes) and LINKED.match(theirs)
        if not FIELD.match(theirs) and not linked:
            refuse(("equipment", "fields", ours), NO_FIELD.format(theirs))
    seen: dict[str, str] = {}
    for ours, theirs in names.items():
        if theirs in seen:
            table = ("wishes",) if ours in mapping.wishes else ("equipment", "fields")
            refuse((*table, ours), f"is the same field as {seen[theirs]}")
        seen[theirs] = ours
    if not mapping.equipment.doctype.strip():
        refuse(("equipment", "doctype"), "is empty. Name the doctype of the equipment")
    check_words(mapping.equipment.status, ("equipment", "status"), refuse)
    check_services(mapping, refuse)
    _check_customer(mapping, refuse)
    check_write_back(mapping.write_back, mapping.dispatch_job, mapping.issue, seen, refuse)
    if not mapping.lookup.mac_spellings:
        refuse(("lookup", "mac_spellings"), "is empty. Keep at least one spelling")
    if mapping.passwords.script and not _SCRIPT.match(mapping.passwords.script):
        refuse(("passwords", "script"), "is no method name. Use letters, digits, _ and dots")
    bands = [rule.band for rule in mapping.wifi.bands]
    if len(bands) != len(set(bands)):
        refuse(("wifi", "bands"), "names a band twice. Keep one rule per band")
    if mapping.voice.line < 1:
        refuse(("voice", "line"), "counts from 1")
    for port in ("registrar_port", "proxy_port", "outbound_proxy_port"):
        if not 0 <= getattr(mapping.voice, port) <= 65535:
            refuse(("voice", port), "is no port. Use 1 to 65535, or 0 to leave it to the device")
    interval = mapping.management.periodic_inform_interval
    if interval and not 30 <= interval <= 604_800:
        refuse(("management", "periodic_inform_interval"), "must be 0, or 30 s to a week")


def _check_customer(mapping: Mapping, refuse: Callable[[tuple[str, ...], str], None]) -> None:
    doctype = mapping.customer.doctype
    if doctype and not doctype.strip():
        refuse(("customer", "doctype"), 'is blank. Name the doctype, or write "" for none')
    seen: dict[str, str] = {}
    for ours, theirs in customer_fields(mapping):
        if not FIELD.match(theirs):
            refuse(("customer", ours), NO_FIELD.format(theirs))
        if theirs in seen:
            refuse(("customer", ours), f"{theirs!r} is named twice (in {seen[theirs]})")
        seen[theirs] = ours


_PATH = re.compile(r"(.*) - at `\$\.?([^`]*)`\Z", re.DOTALL)


def _located(message: str, origin: str, text: str) -> str:
    """Bring an error of msgspec into our words: place, key, what is wrong."""
    found = _PATH.match(message)
    if not found:
        return f"{origin}: {message}"
    path = tuple(part for part in re.split(r"[.\[\]]+|\.\.\.", found[2]) if part)
    return (
        f"{_place(origin, text, path)}: {'.'.join(path)}: {found[1]}."
        f" See the default {DEFAULT_NAME} for the form"
    )


def _place(origin: str, text: str, path: tuple[str, ...]) -> str:
    """Name the line of ``path``, as far as the site's own file spells it out."""
    lines = key_lines(text)
    # A setting's name may be one key in quotes, or several.
    spelled = next((each for each in lines if ".".join(each) == ".".join(path)), path)
    return f"{origin}, line {line_of(lines, spelled)}" if path[:1] in lines else origin
