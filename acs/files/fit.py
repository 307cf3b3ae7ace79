"""Is a file made for a device?  Asked before anything is sent: a wrong image ends a device.

The patterns are those of a blueprint's match.  ProductClass is not among the fields: one word may
stand for dozens of models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from acs.devices.files import CatalogueFile
from acs.devices.ledger import facts_of
from acs.devices.record import Device

FIELDS = ("manufacturer", "oui", "model", "hardware", "software")
TELLING = ("model", "hardware")
"""Fields of which a firmware image must name one."""

Fits = Mapping[str, tuple[str, ...]]


def read_fits(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read patterns written ``field=pattern``; several of one field are alternatives.

    Raises ValueError, with what is right, for another field or a pattern that says nothing.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        name, equals, pattern = (part.strip() for part in text.partition("="))
        if not equals or name not in FIELDS:
            raise ValueError(f"{text!r}: write FIELD=PATTERN, with a field of {', '.join(FIELDS)}")
        if not pattern.strip("*? "):
            raise ValueError(f"{text!r}: the pattern fits anything; name a part of the {name}")
        found[name].append(pattern)
    return {name: tuple(patterns) for name, patterns in found.items()}


def tells_a_model(fits: Fits) -> bool:
    """Tell whether the patterns are narrow enough for firmware."""
    return any(name in fits for name in TELLING)


def misfit(
    file: CatalogueFile, device: Device, *, force: bool = False, told_only: bool = False
) -> str:
    """Say why ``file`` must not be sent to ``device``; empty: it may.

    ``force`` sends an image that the device runs already.  Nothing forces one that does not fit.
    ``told_only`` passes over what the device has not told yet: its next contact may tell it.
    """
    facts = facts_of(device)
    if file.is_firmware and not tells_a_model(file.fits):
        return f"{file.name} is firmware and does not say for which model; add it again with --fits"
    for name, patterns in file.fits.items():
        if name not in FIELDS:
            return f"{file.name} is bound to {name}, which this release does not know"
        value = facts.likely_model if name == "model" else str(getattr(facts, name))
        if told_only and not value:
            continue
        if not any(fnmatchcase(value.casefold(), each.casefold()) for each in patterns):
            wanted = " or ".join(patterns)
            has = f"the device has {value!r}" if value else "the device has not told it yet"
            return f"{file.name} is for {name} {wanted}; {has}"
    if file.is_firmware and not force and _same(file.version, device.software):
        return f"the device runs {device.software} already; --force sends the image again"
    return ""


def _same(one: str, other: str) -> bool:
    """Whole versions are compared: nobody has written down how vendors order theirs."""
    return bool(one) and " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
