"""A storm of new ONTs, and all that ERPNext is called for meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil

from bench.figures import Figure, Kind
from bench.place import Place
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.storm import told_of, weather
from bench.telling import Say

_READS = {
    "list": "list",
    "frappe.client.get_list": "list",
    "read": "read",
    "acs_equipment_secrets": "secrets",
}
"""What calls of the stand-in are to us; all others are writes, or questions about the site."""
_WRITES = {"acs_write_back": "write", "insert": "write", "update": "write", "delete": "write"}


def measure_storm(figure: Figure, place: Place, size: Size, echo: Server, say: Say) -> Measured:
    """Let ``size.storm_units`` new ONTs arrive; ``place`` is made for it. Raises `BenchError`."""
    cold = figure.kind is Kind.COLD_STORM
    seen = weather(place, size.storm_units, size, echo, say, cold=cold, subscribed=True)
    measured = told_of(figure, seen, size, say)
    # Of equipment alone, and the filling of the mirror included: that is for the storm of CWMP.
    for name in [name for name in measured.fields if name.startswith("erpnext_")]:
        del measured.fields[name]
    kinds = by_kind(seen.calls)
    reads = sum(kinds[name] for name in set(_READS.values()))
    measured.fields |= {f"erpnext_{name}_calls": kinds[name] for name in sorted(kinds)}
    measured.fields["erpnext_reads_per_device"] = round(reads / seen.units, 5)
    for percent in (50, 99):
        if at := reached_at(measured.at, seen.units, percent):
            measured.fields[f"seconds_until_{percent}_percent"] = at
    return measured


def reached_at(at: Sequence[float], units: int, percent: int) -> float:
    """When that share of ``units`` was served; 0: never. ``at`` are their times, in order."""
    wanted = ceil(units * percent / 100)
    return at[wanted - 1] if 0 < wanted <= len(at) else 0.0


def by_kind(calls: Mapping[str, int]) -> Counter[str]:
    """How many calls listed, read a document, read passwords, wrote, and did anything else.

    ``calls`` are counts by "what doctype", as the stand-in keeps them.
    """
    found: Counter[str] = Counter()
    for route, count in calls.items():
        what = route.partition(" ")[0]
        found[_READS.get(what) or _WRITES.get(what) or "other"] += count
    return found
