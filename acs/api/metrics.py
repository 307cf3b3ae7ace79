"""What the server counts, by prometheus_client, in a registry of its own.

One object, handed to whoever has something to count; nothing here is global.  Labels are
drawn from small sets, whatever a device says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
# TR-069 A.5: ours, the device's, and those a vendor may choose.
_FAULTS = frozenset((*range(8000, 8010), *range(9000, 9040)))
_VENDOR_FAULTS = range(9800, 9900)


class Metrics:
    """Counters, gauges and histograms of one server."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._registry = registry

        def counter(name: str, text: str, *labels: str) -> LabelledCounter:
            return LabelledCounter(Counter(f"acs_{name}", text, labels, registry=registry))

        self._sessions = counter("sessions", "Device sessions that ended, by result.", "result")
        self._rpcs = counter("rpcs", "Requests and their answers, by method.", "method")
        self._faults = counter("faults", "Faults that devices answered, by code.", "code")
        self._auth_failures = counter(
            "auth_failures", "Devices refused before their session, by reason.", "reason"
        )
        self._http_rejections = counter(
            "http_rejections", "Connections and requests refused, by reason.", "reason"
        )
        self._devices = Gauge(
            "acs_devices", "Devices by where they stand.", ["standing"], registry=registry
        )
        self._erp_errors = counter("erp_errors", "Calls to ERPNext that failed, by kind.", "kind")
        self._erp_lookups = counter(
            "erp_lookups", "Look-ups of equipment in ERPNext, by answer.", "answer"
        )
        self._erp_sweeps = counter(
            "erp_sweeps", "Sweeps of ERPNext that ended, by result.", "result"
        )
        self._erp_swept = counter("erp_swept", "Rows that sweeps met, by what came of it.", "what")
        self._file_transfers = counter(
            "file_transfers", "Transfers of files that ended, by result.", "result"
        )
        self._file_octets = counter("file_octets", "Octets of files, by direction.", "direction")
        self._file_refusals = counter(
            "file_refusals", "Requests that the file server refused, by reason.", "reason"
        )
        self._rules_capped = counter(
            "rules_capped", "Hours in which a rule came to its bound, by rule.", "rule"
        )
        self._campaigns_ended = counter(
            "campaigns_ended", "Campaigns that ended by themselves, by state.", "state"
        )
        self._session_seconds = Histogram(
            "acs_session_seconds", "Length of a session.", buckets=_SECONDS, registry=registry
        )
        self._erp_batch_size = Histogram(
            "acs_erp_batch_size", "Look-ups in one call.", buckets=_BATCH, registry=registry
        )
        self._erp_seconds = Histogram(
            "acs_erp_call_seconds", "Time of one call.", buckets=_SECONDS, registry=registry
        )
        self._store_batch = Histogram(
            "acs_store_batch_size", "Visits in one commit.", buckets=_BATCH, registry=registry
        )
        self._store_seconds = Histogram(
            "acs_store_commit_seconds", "Time of one commit.", buckets=_SECONDS, registry=registry
        )

    def session_over(self, result: str, seconds: float) -> None:
        """A session ended: ``done``, ``lost``, ``refused`` …"""
        self._sessions.add(result)
        self._session_seconds.observe(seconds)

    def rpc(self, method: str) -> None:
        """A request of ours or of a device's; ``method`` from the methods we know."""
        self._rpcs.add(method)

    def fault(self, code: int) -> None:
        """A device answered a fault; unknown codes are counted together."""
        if code in _VENDOR_FAULTS:
            self._faults.add("vendor")
        else:
            self._faults.add(str(code) if code in _FAULTS else "other")

    def auth_failure(self, reason: str) -> None:
        """A device was refused: ``wrong password``, ``stale nonce`` …"""
        self._auth_failures.add(reason)

    def http_rejection(self, reason: str) -> None:
        """A connection or request was refused: ``header too large`` …"""
        self._http_rejections.add(reason)

    def devices(self, counts: Mapping[str, int]) -> None:
        """How many devices stand where: ``live``, ``quarantined`` …"""
        for standing, count in counts.items():
            self._devices.labels(standing).set(count)

    def erp_lookup(self, answer: str, count: int = 1) -> None:
        """Equipment was looked up ``count`` times: ``found``, ``absent``."""
        self._erp_lookups.add(answer, count)

    def erp_batch(self, size: int) -> None:
        """ERPNext was asked for ``size`` look-ups in one call."""
        self._erp_batch_size.observe(size)

    def erp_call(self, seconds: float) -> None:
        """ERPNext answered one call, or failed to, within ``seconds``."""
        self._erp_seconds.observe(seconds)

    def erp_error(self, kind: str) -> None:
        """A call to ERPNext failed: ``time-out``, ``refused`` …"""
        self._erp_errors.add(kind)

    def erp_sweep(self, result: str, rows: Mapping[str, int] = MappingProxyType({})) -> None:
        """A sweep ended: ``done``, ``doubted``, ``cut``; its rows ``listed``, ``changed`` …"""
        self._erp_sweeps.add(result)
        for what, count in rows.items():
            self._erp_swept.add(what, count)

    def file_transfer(self, result: str, direction: str, octets: int) -> None:
        """A transfer ended: ``sent``, ``part sent``, ``cut``, ``received``; ``out`` or ``in``."""
        self._file_transfers.add(result)
        self._file_octets.add(direction, octets)

    def file_refusal(self, reason: str) -> None:
        """The file server refused a request: ``address``, ``busy`` …"""
        self._file_refusals.add(reason)

    def rule_capped(self, rule: str) -> None:
        """A rule acts no more in this hour."""
        self._rules_capped.add(rule)

    def campaign_ended(self, state: str) -> None:
        """A campaign ended by itself: ``finished``, or ``stopped`` as too many jobs failed."""
        self._campaigns_ended.add(state)

    def store_commit(self, batch: int, seconds: float) -> None:
        """The store committed ``batch`` visits together."""
        self._store_batch.observe(batch)
        self._store_seconds.observe(seconds)

    def counter(self, name: str, text: str, label: str) -> LabelledCounter:
        """A counter that a room of its own keeps, such as that of USP."""
        return LabelledCounter(Counter(f"acs_{name}", text, [label], registry=self._registry))

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a figure that is read when it is asked for: ``sessions_open``, ``quarantined`` …"""
        gauge = Gauge(f"acs_{name}", text, registry=self._registry)
        gauge.set_function(read)

    def render(self) -> bytes:
        """All figures in the text format of Prometheus (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)


class LabelledCounter:
    """A counter of one label that remembers its children and bounds their number.

    Belongs to one thread.
    """

    __slots__ = ("_children", "_counter")

    MOST = 100

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._children: dict[str, Counter] = {}

    def add(self, label: str, count: int = 1) -> None:
        """Count ``count`` more of ``label``."""
        child = self._children.get(label)
        if child is None:
            if len(self._children) >= self.MOST:
                label = "other"
            child = self._children[label] = self._counter.labels(label)
        child.inc(count)
