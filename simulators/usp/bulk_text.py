"""Reports on bulk data as text, JSON or CSV (TR-369 Annex A.6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..cpe.schema import INTEGERS

JSON_TYPE = "application/json; charset=UTF-8"
CSV_TYPE = "text/csv; charset=UTF-8; header=present"


@dataclass(frozen=True, slots=True)
class Item:
    """One parameter in a report: its name there, its value, its base type."""

    name: str
    text: str
    type: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What was collected at a moment, in epoch seconds."""

    at: float
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How fields and rows are set apart."""

    separator: str = ","
    end: str = "\r\n"
    quote: str = '"'


def json_report(samples: Iterable[Sample], *, nested: bool, timestamp: str) -> str:
    """Write samples as JSON: ``nested`` ObjectHierarchy, else NameValuePair.

    ``timestamp`` is ``Unix-Epoch``, ``ISO-8601`` or ``None``.
    """
    reports = []
    for sample in samples:
        report: dict[str, Any] = {}
        if timestamp != "None":
            report["CollectionTime"] = _time(sample.at, timestamp)
        # Short names first: a name that goes on below a value is written as it is.
        for item in sorted(sample.items, key=lambda each: each.name.count(".")):
            if nested:
                _nest(report, item)
            else:
                report[item.name] = _json_value(item)
        reports.append(report)
    return json.dumps({"Report": reports}, ensure_ascii=False)


def csv_report(
    samples: Sequence[Sample], *, per_row: bool, timestamp: str, form: CsvForm | None = None
) -> str:
    """Write samples as CSV with a header: ParameterPerRow, else ParameterPerColumn (R-BULK.11)."""
    form = form or CsvForm()
    stamped = timestamp != "None"
    head = ["ReportTimestamp"] if stamped else []
    # A sample that was retained may lack what there is now.
    names = list(dict.fromkeys(item.name for sample in samples for item in sample.items))
    rows = [
        [*head, "ParameterName", "ParameterValue", "ParameterType"] if per_row else head + names
    ]
    for sample in samples:
        first = [str(_time(sample.at, timestamp))] if stamped else []
        if per_row:
            rows += ([*first, item.name, item.text, item.type] for item in sample.items)
        else:
            values = {item.name: item.text for item in sample.items}
            rows.append([*first, *(values.get(name, "") for name in names)])
    return "".join(
        form.separator.join(_field(text, form) for text in row) + form.end for row in rows
    )


def _field(text: str, form: CsvForm) -> str:
    special = form.separator, form.end, form.quote, "\r", "\n"
    if not any(each in text for each in special):
        return text
    return form.quote + text.replace(form.quote, form.quote * 2) + form.quote


def _time(at: float, form: str) -> int | str:
    if form == "ISO-8601":
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return int(at)


def _nest(report: dict[str, Any], item: Item) -> None:
    *steps, leaf = item.name.split(".")
    at = report
    for step in steps:
        below = at.setdefault(step, {})
        if not isinstance(below, dict):
            report[item.name] = _json_value(item)
            return
        at = below
    at[leaf] = _json_value(item)


def _json_value(item: Item) -> bool | int | str:
    if item.type == "boolean":
        return item.text in ("true", "1")
    if item.type in INTEGERS and item.text:
        return int(item.text)
    return item.text
