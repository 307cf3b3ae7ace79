"""Firmware rules: readable, and each with an image in the catalogue that brings its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from acs.cli.database import as_it_is, file_of
from acs.devices.files import FIRMWARE, CatalogueFile
from acs.devices.rules.folder import load
from acs.devices.rules.rule import FirmwareDue
from acs.profiles.firmware import FirmwareRule, load_rules
from acs.settings import Settings
from acs.store import files, groups
from erp_bridge.schema import Finding, Level


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the rules, their files, and whether anything acts on them."""
    path = settings.provisioning.firmware_rules
    if not path:
        yield Finding(Level.OK, "provisioning.firmware_rules is off: no version is wanted")
        return
    rules, issues = load_rules(path)
    for issue in issues:
        yield Finding(
            Level.ERROR,
            f"provisioning.firmware_rules: {path}:{issue.line}: {issue.message}",
            "Correct that line; until then no rule sends any firmware",
        )
    known, queries = _stored(settings)
    for rule in rules:
        yield from _image(rule, known)
    yield from _acting(settings, queries, len(rules))


def _stored(settings: Settings) -> tuple[Mapping[str, CatalogueFile], Mapping[str, str]]:
    """Return the files of the catalogue by name, and the queries of the groups."""
    database_file = file_of(settings)
    if database_file is not None and not database_file.exists():
        return {}, {}
    with as_it_is(settings) as database, database.read() as conn:
        return {file.name: file for file in files.list_thd(conn)}, groups.queries_thd(conn)


def _image(rule: FirmwareRule, known: Mapping[str, CatalogueFile]) -> Iterator[Finding]:
    file = known.get(rule.file)
    models = " or ".join(rule.patterns["model"])
    if file is None:
        yield Finding(
            Level.ERROR,
            f"The firmware rule for {models} names {rule.file}, which the catalogue has not",
            f"acs file add PATH --name {rule.file} --type firmware; or correct the rule",
        )
    elif file.file_type != FIRMWARE:
        yield Finding(
            Level.ERROR,
            f"The firmware rule for {models} names {rule.file}, which is of type {file.file_type}",
            "Name a firmware image, or add the file again with --type firmware",
        )
    elif file.version != rule.version:
        yield Finding(
            Level.ERROR,
            f"The firmware rule for {models} wants {rule.version}, and {rule.file} brings"
            f" {file.version or 'a version that was not told'}",
            "Make both the SoftwareVersion that a device with this image reports",
        )
    else:
        yield Finding(Level.OK, f"{rule.file} is there for {models}, and brings {rule.version}")


def _acting(settings: Settings, queries: Mapping[str, str], count: int) -> Iterator[Finding]:
    folder = settings.rules.folder
    acting = [
        rule.name
        for rule in (load(Path(folder), queries).rules if folder else ())
        if any(isinstance(action, FirmwareDue) for action in rule.do)
    ]
    if acting:
        yield Finding(Level.OK, f"Firmware that is due is sent by the rule {', '.join(acting)}")
    elif count:
        yield Finding(Level.OK, 'Firmware rules are shown only: no rule has { firmware = "due" }')
