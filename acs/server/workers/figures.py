"""The metrics of several processes as one: what Prometheus sees does not depend on their number.

Counters and histograms are added up, those of processes that have ended too, so that they never
fall.  Gauges are added up as well, but where a sum says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_LARGEST = frozenset(
    {
        "acs_admission_holds_back",
        "acs_devices",
        "acs_disk_free_bytes",
        "acs_disk_level",
        "acs_session_delay_seconds",
        "acs_store_delay_seconds",
        "process_max_fds",
        "python_info",
    }
)
"""Gauges of which the largest counts."""
_KEPT = ("counter", "histogram")

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Figures:
    """Adds metrics up."""

    def __init__(self) -> None:
        self._ended: dict[str, Metric] = {}

    def keep(self, text: str) -> None:
        """Take what a process that has ended had counted, in the text format of Prometheus."""
        families = (each for each in _families(text) if each.type in _KEPT)
        self._ended = _together([*self._ended.values(), *families])

    def together(self, texts: Iterable[str]) -> bytes:
        """The metrics of ``texts``, one of each process, and of those that have ended."""
        families = [family for text in texts for family in _families(text)]
        found = _together([*self._ended.values(), *families])
        return generate_latest(cast("CollectorRegistry", _Collected(found)))


class _Collected:
    """As much of a registry as is read."""

    def __init__(self, found: dict[str, Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found.values())


def _families(text: str) -> Iterable[Metric]:
    families = text_string_to_metric_families(text)
    # When each process made its counters is of no use for their sum.
    return (family for family in families if not family.name.endswith("_created"))


def _together(families: Iterable[Metric]) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    values: dict[str, dict[_Key, float]] = {}
    for family in families:
        if family.name not in found:
            found[family.name] = Metric(family.name, family.documentation, family.type)
        known = values.setdefault(family.name, {})
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            known[key] = (
                _one(family.name, known[key], sample.value) if key in known else sample.value
            )
    for name, metric in found.items():
        metric.samples = [
            Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()
        ]
    return found


def _one(name: str, one: float, other: float) -> float:
    if name in _LARGEST:
        return max(one, other)
    if name == "process_start_time_seconds":
        return min(one, other)
    return one + other
