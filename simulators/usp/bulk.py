"""Bulk data: the reports of the profiles of one unit (TR-369 Annex A; TR-181 Device.BulkData.)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from urllib.parse import urlencode, urlsplit, urlunsplit

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.backoff import retry_wait
from .bulk_text import CSV_TYPE, JSON_TYPE, CsvForm, Item, Sample, csv_report, json_report
from .errors import Refusal
from .outgoing import BulkReport, Collect
from .paths import Every, Follow, Search, parse
from .periodic import next_interval
from .reading import get
from .reporting import Reporter
from .timers import Timer
from .unit import Unit

BULK = "Device.BulkData."
PROFILES = f"{BULK}Profile."
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_MOST_RETAINED = 32
"""Failed reports of a profile that a device has room for."""


@dataclass(slots=True)
class _Profile:
    """What is under way of a profile that is enabled."""

    settings: tuple[str, str]
    """ReportingInterval and TimeReference it was planned by."""
    timer: Timer
    encoding: str = ""
    """EncodingType of what is in ``unsent``."""
    unsent: list[Sample] = field(default_factory=list)
    """What no collector has taken, the latest last."""
    report: BulkReport | None = None
    """Waits for the collector's answer, or to be sent again."""
    tries: int = 0
    retry: Timer | None = None


class Bulk:
    """Sends the reports of one unit. Without `collect` every collector takes what it is sent."""

    __slots__ = ("_number", "_profiles", "_reporter", "_unit", "collect")

    def __init__(self, unit: Unit, reporter: Reporter) -> None:
        self._unit = unit
        self._reporter = reporter
        self._profiles: dict[str, _Profile] = {}
        """Those that are enabled, by their rows."""
        self._number = 0
        self.collect: Collect | None = None

    def clear(self) -> None:
        """Forget what was planned and what was not sent, as a reboot does (R-BULK.5)."""
        self._profiles.clear()

    def plan(self, now: float) -> None:
        """Plan anew for profiles that were added, or whose settings were changed."""
        wanted = self._wanted()
        for row, profile in list(self._profiles.items()):
            if wanted.get(row) != profile.settings:
                self._forget(row)
        for row, settings in wanted.items():
            if row not in self._profiles:
                self._profiles[row] = _Profile(settings, self._timer(row, settings, now))

    def _wanted(self) -> dict[str, tuple[str, str]]:
        data = self._unit.data
        if not data.is_on(f"{BULK}Enable"):
            return {}
        return {
            row: (data.value(row + "ReportingInterval"), data.value(row + "TimeReference"))
            for row in data.rows(PROFILES)
            if data.is_on(row + "Enable")
        }

    def _forget(self, row: str) -> None:
        profile = self._profiles.pop(row)
        profile.timer.cancel()
        if profile.retry is not None:
            profile.retry.cancel()

    def _timer(self, row: str, settings: tuple[str, str], now: float) -> Timer:
        moment = next_interval(int(settings[0]), settings[1], now)
        return self._unit.timers.at(moment, partial(self._due, row))

    # --- reports ----------------------------------------------------------------------------

    def _due(self, row: str, now: float) -> None:
        profile, data = self._profiles[row], self._unit.data
        if self._wanted().get(row) != profile.settings:  # The device itself has changed it.
            self._forget(row)
            return
        profile.timer = self._timer(row, profile.settings, now)
        self._unit.tell_time(now)
        protocol = data.value(row + "Protocol")
        self._unit.counters[f"bulk.{protocol}"] += 1
        self._collect(row, profile, now)
        match protocol:
            case "USPEventNotif":
                text = self._text(row, profile)
                profile.unsent.clear()
                self._reporter.event(row, "Push!", {"Data": text}, now)
            case "MQTT":
                report = self._report(row, profile)
                profile.unsent.clear()
                if self.collect is not None:
                    self.collect(report)
            case _:
                profile.report, profile.tries = self._report(row, profile), 0
                self._post(profile, now)

    def _collect(self, row: str, profile: _Profile, now: float) -> None:
        """Take a sample, beside the failed ones that are to be retained."""
        data = self._unit.data
        if profile.retry is not None:
            profile.retry.cancel()
        encoding = data.value(row + "EncodingType")
        retained = int(data.value(row + "NumberOfRetainedFailedReports"))
        keep = _MOST_RETAINED if retained < 0 else min(retained, _MOST_RETAINED)
        if encoding != profile.encoding or not keep:
            profile.unsent.clear()
        del profile.unsent[:-keep]
        profile.encoding = encoding
        profile.unsent.append(Sample(now, self._items(row)))

    def _items(self, row: str) -> tuple[Item, ...]:
        """Return what the profile is on, as its controller may read it."""
        data = self._unit.data
        found: list[Item] = []
        for each in data.rows(row + "Parameter."):
            name, reference = data.value(each + "Name"), data.value(each + "Reference")
            for path, text in self._read(row, reference).items():
                kind = data.tree.overlay.parameter(path)[1].type
                found.append(Item(_named(name, reference, path), text, kind))
        return tuple(found)

    def _read(self, row: str, reference: str) -> dict[str, str]:
        """Return what a reference leads to, by path; it may lead to nothing."""
        controller = self._unit.data.value(row + "Controller") + "."
        request = pb.Get(param_paths=[reference])
        answer = get(self._unit.data, self._unit.rights(controller), request)
        return {
            resolved.resolved_path + name: text
            for result in answer.req_path_results
            for resolved in result.resolved_path_results
            for name, text in sorted(resolved.result_params.items())
        }

    def _text(self, row: str, profile: _Profile) -> str:
        value = self._unit.data.value
        if profile.encoding == "JSON":
            return json_report(
                profile.unsent,
                nested=value(f"{row}JSONEncoding.ReportFormat") == "ObjectHierarchy",
                timestamp=value(f"{row}JSONEncoding.ReportTimestamp"),
            )
        csv = f"{row}CSVEncoding."
        # TR-181 writes control characters as XML does.
        leaves = "FieldSeparator", "RowSeparator", "EscapeCharacter"
        return csv_report(
            profile.unsent,
            per_row=value(csv + "ReportFormat") == "ParameterPerRow",
            timestamp=value(csv + "RowTimestamp"),
            form=CsvForm(*(unescape(value(csv + leaf)) for leaf in leaves)),
        )

    def _report(self, row: str, profile: _Profile) -> BulkReport:
        value = self._unit.data.value
        self._number += 1
        over_mqtt = value(row + "Protocol") == "MQTT"
        return BulkReport(
            number=self._number,
            address=value(f"{row}MQTT.PublishTopic") if over_mqtt else self._url(row),
            method="" if over_mqtt else value(f"{row}HTTP.Method"),
            content_type=JSON_TYPE if profile.encoding == "JSON" else CSV_TYPE,
            report_format=value(f"{row}{profile.encoding}Encoding.ReportFormat"),
            body=self._text(row, profile).encode(),
            username="" if over_mqtt else value(f"{row}HTTP.Username"),
            password="" if over_mqtt else value(f"{row}HTTP.Password"),
        )

    def _url(self, row: str) -> str:
        """Return the URL with who reports, and what else is to be in it (R-BULK.1).

        Empty: what was set is no URL of a collector.
        """
        data, identity = self._unit.data, self._unit.identity
        query = [("oui", identity.oui), ("pc", identity.product_class), ("sn", identity.serial)]
        for each in data.rows(f"{row}HTTP.RequestURIParameter."):
            read = self._read(row, data.value(each + "Reference"))
            query += ((data.value(each + "Name"), text) for text in read.values())
        try:
            parts = urlsplit(data.value(f"{row}HTTP.URL"))
        except ValueError:
            return ""
        joined = "&".join(filter(None, (parts.query, urlencode(query))))
        url = urlunsplit(parts._replace(query=joined))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        return url if usable and _PRINTABLE.fullmatch(url) else ""

    # --- delivery ---------------------------------------------------------------------------

    def _post(self, profile: _Profile, now: float) -> None:
        assert profile.report is not None
        profile.tries += 1
        if profile.tries > 1:
            self._unit.counters["bulk.retried"] += 1
        if not profile.report.address:
            self.answered(profile.report.number, 0, now)
        elif self.collect is None:
            self.answered(profile.report.number, 200, now)
        else:
            self.collect(profile.report)

    def answered(self, number: int, status: int, now: float) -> None:
        """Take the HTTP status of a report, 0: there was none; a former report's is nobody's."""
        for row, profile in self._profiles.items():
            if profile.report is not None and profile.report.number == number:
                self._settle(row, profile, status, now)
                return

    def _settle(self, row: str, profile: _Profile, status: int, now: float) -> None:
        if 200 <= status < 300:
            profile.report = None
            profile.unsent.clear()
            return
        self._unit.counters["bulk.failed"] += 1
        data, http = self._unit.data, f"{row}HTTP."
        if not data.is_on(http + "RetryEnable"):
            profile.report = None
            return
        wait = retry_wait(
            profile.tries,
            int(data.value(http + "RetryMinimumWaitInterval")),
            int(data.value(http + "RetryIntervalMultiplier")),
            self._unit.random,
        )
        profile.retry = self._unit.timers.at(now + wait, partial(self._post, profile))


def _named(name: str, reference: str, path: str) -> str:
    """Return the name in a report of the parameter at ``path`` (R-BULK.9, R-BULK.10)."""
    try:
        read = parse(reference)
    except Refusal:
        return path
    if not name or any(isinstance(step, Follow) for step in read.steps):
        return path
    found = path.split(".")
    rows = [found[n] for n, step in enumerate(read.steps) if isinstance(step, Every | Search)]
    rest = [] if read.leaf else found[len(read.steps) :]
    return ".".join([name, *rows, *rest])
