"""What came of a job, for people: a table where it is one, else a sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from acs.cli import render
from acs.cli.device_show import outcome
from acs.cli.documents import order
from acs.cli.masking import Masks
from acs.cli.waiting import is_over, waits_for
from acs.devices.record import Device, Job, JobState
from acs.model import Notification
from acs.usp.paths import is_search

_OPEN = (JobState.QUEUED, JobState.SENT)


def print_job(job: Job, device: Device, masks: Masks, *, waited: bool) -> None:
    """Say how a job stands, and show what came of it when it is over."""
    now = time.time()
    if job.state in _OPEN:
        render.say(f"Job {job.id} ({job.kind}) {waits_for(job, device, now)}.")
        if not is_over(job, now):
            stays = waited and job.state is JobState.QUEUED
            still = "It stays in the queue. " if stays else ""
            render.say(f"{still}How it went: acs job show {job.id}")
        return
    result = masks.result(job.result)
    if not (job.state is JobState.DONE and _print_values(result)):
        said = outcome(job, masks, now)
        render.say(f"Job {job.id} ({job.kind}) {job.state}" + (f": {said}" if said else ""))
        parameters = _list(result, "parameters")
        for parameter in parameters if not _says_it_all(said, parameters) else ():
            render.say(f"    {parameter}")
    print_tables(result)


def _says_it_all(sentence: str, parameters: Sequence[Any]) -> bool:
    """Tell whether a sentence names the only parameter that was refused."""
    return len(parameters) == 1 and str(parameters[0]).partition(":")[0] in sentence


def _print_values(result: Mapping[str, Any]) -> bool:
    """Show what was read; false: this job has read nothing."""
    values = result.get("values")
    if not isinstance(values, dict):
        return False
    rows = sorted(values.items(), key=lambda item: order(item[0]))
    render.print_table(("Parameter", "Value"), rows, "Nothing was read.")
    missing = _list(result, "missing")
    for path in missing:
        why = "nothing matches it" if is_search(str(path)) else "the device does not have it"
        render.say(f"Missing: {path}: {why}")
    if missing and not values and not any(_stands_for_several(str(path)) for path in missing):
        render.say(f"For all below an object, end its path with a dot: {missing[0]}.")
    return True


def _stands_for_several(path: str) -> bool:
    return path.endswith(".") or is_search(path)


def is_well(job: Job) -> bool:
    """Tell whether a job did what was asked; one that read nothing of what it should did not."""
    read_nothing = job.result.get("missing") and not job.result.get("values")
    return job.state is JobState.DONE and not read_nothing


def print_tables(result: Mapping[str, Any]) -> None:
    """Show what a result lists: names, attributes, transfers, proof and the like."""
    if names := _mapping(result, "names"):
        listed = [(path, "yes" if writable else "no") for path, writable in _sorted(names)]
        render.print_table(("Name", "Writable"), listed)
    if attributes := _mapping(result, "attributes"):
        told = [
            (path, _notification(each.get("notification")), ", ".join(each.get("access_list", ())))
            for path, each in _sorted(attributes)
        ]
        render.print_table(("Parameter", "Notification", "May write too"), told)
    if outputs := _mapping(result, "outputs"):
        render.print_table(("Output", "Value"), _sorted(outputs))
    if methods := _list(result, "methods"):
        render.print_table(("Method",), [(name,) for name in methods])
    for name, headings in _TABLES.items():
        if rows := _list(result, name):
            render.print_table([title for title, _ in headings], _cells(rows, headings))


_TABLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "proof": (
        ("Parameter", "path"),
        ("Wanted", "wanted"),
        ("Read", "read"),
        ("Verdict", "verdict"),
    ),
    "transfers": (
        ("Key", "key"),
        ("State", "state"),
        ("Type", "file_type"),
        ("Octets", "size"),
        ("Target", "target"),
    ),
    "options": (
        ("Option", "name"),
        ("Voucher", "voucher"),
        ("State", "state"),
        ("Mode", "mode"),
        ("From", "start"),
        ("Until", "expiration"),
    ),
    "results": (
        ("What", "do"),
        ("UUID", "uuid"),
        ("Version", "version"),
        ("State", "state"),
        ("Error", "error"),
    ),
}
"""Heading and key of each column, by the name under which a result keeps the rows."""


def _cells(
    rows: Sequence[Mapping[str, Any]], headings: Sequence[tuple[str, str]]
) -> list[list[object]]:
    return [[row.get(key) for _, key in headings] for row in rows if isinstance(row, Mapping)]


def _notification(number: object) -> str:
    names = {each.value: each.name.lower().replace("_", " ") for each in Notification}
    return names.get(number, str(number)) if isinstance(number, int) else ""


def _sorted(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(found.items(), key=lambda item: order(item[0]))


def _mapping(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = result.get(name)
    return found if isinstance(found, dict) else {}


def _list(result: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = result.get(name)
    return found if isinstance(found, list) else []
