"""TP-469, section 10: bulk data, set up by the controller and reported by a simulated agent.

What goes past the controller, over HTTP or to a topic of MQTT, is taken by a collector of the test;
what comes as Push! is kept by the controller like any event. Numbers are those of TP-469.
"""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from twisted.internet.task import Clock
from usp_simulated import Line
from usp_world import CONTROLLER

from acs.devices.record import Job, JobKind, JobState
from acs.usp.mqtt.edge import EdgeOptions, MqttEdge
from acs.usp.mqtt.packets import Published
from acs.usp.mqtt.remote import Broker
from acs.usp.mqtt.topics import Topics
from simulators.usp.bulk_text import CsvForm, Item, Sample, csv_report, json_report
from simulators.usp.options import Role
from simulators.usp.outgoing import BulkReport

BULK = "Device.BulkData."
PROFILES = f"{BULK}Profile."
UPTIME = "Device.DeviceInfo.UpTime"
OWN_ROW = "Device.LocalAgent.Controller.1."
INTERVAL = 60
TWICE = 2 * INTERVAL + 10


class Collector:
    """Takes reports as they come, each with its time; answers with ``status``, 0: is not there."""

    def __init__(self, line: Line, status: int = 200) -> None:
        self.status = status
        self.taken: list[tuple[float, BulkReport]] = []
        self._line = line
        line.agent.collect = self._take

    def _take(self, report: BulkReport) -> None:
        now = self._line.world.now
        self.taken.append((now, report))
        if report.method:
            self._line.agent.reported(report.number, self.status, now)

    @property
    def reports(self) -> list[BulkReport]:
        return [report for _, report in self.taken]

    @property
    def waits(self) -> list[float]:
        """Seconds between two reports."""
        return [after - before for (before, _), (after, _) in pairwise(self.taken)]


def add(line: Line, table: str, values: dict[str, str]) -> str:
    """Have the controller add a row; return its path."""
    job = line.do(JobKind.ADD, {"table": table, "values": values})
    assert job.state is JobState.DONE, job.result
    return line.agent.rows(table)[-1]


def change(line: Line, values: dict[str, str]) -> Job:
    changes = [{"path": path, "value": value} for path, value in values.items()]
    job: Job = line.do(JobKind.SET, {"changes": changes})
    return job


def profile(line: Line, *parameters: tuple[str, str], **settings: str) -> str:
    """Have the controller make a profile and enable it; return its row.

    ``parameters`` are (name, reference); ``HTTP__URL`` stands for ``HTTP.URL``.
    """
    settings = {"HTTP__URL": "http://collector.example.net/bulk", **settings}
    values = {name.replace("__", "."): value for name, value in settings.items()}
    row = add(line, PROFILES, {"ReportingInterval": str(INTERVAL), **values})
    for name, reference in parameters or (("UpTime", UPTIME),):
        add(line, f"{row}Parameter.", {"Name": name, "Reference": reference})
    job = change(line, {f"{BULK}Enable": "true", f"{row}Enable": "true"})
    assert job.state is JobState.DONE, job.result
    return row


def content(report: BulkReport) -> dict[str, Any]:
    """Read the latest sample of a report in JSON, without its time."""
    sample: dict[str, Any] = json.loads(report.body)["Report"][-1]
    sample.pop("CollectionTime", None)
    return sample


def pushed(line: Line) -> list[str]:
    """Return what came as Push! and is kept by the controller."""
    kept = line.world.keeping.notifies.values()
    return [each.detail["Data"] for each in kept if each.path.endswith(".Push!")]


class NotingMqttWatcher:
    """A `Watcher` of the MQTT edge: what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def rejected(self, reason: str, address: str) -> None:
        self.told.append((reason, address))

    def bug(self, where: str, error: BaseException) -> None:
        raise AssertionError(where) from error


def subscribe(line: Line, path: str) -> None:
    """Subscribe in one message: what it is on is written once."""
    values = {"Enable": "true", "NotifType": "Event", "ReferenceList": path, "NotifRetry": "true"}
    settings = [{"param": n, "value": v, "required": True} for n, v in values.items()]
    row = {"obj_path": "Device.LocalAgent.Subscription.", "param_settings": settings}
    line.send({"add": {"allow_partial": False, "create_objs": [row]}})


# --- over HTTP ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_10_1_10_2_json_names_the_parameter_and_who_reports(scheme: str) -> None:
    line = Line()
    collector = Collector(line)
    url = f"{scheme}://collector.example.net/bulk"
    profile(line, EncodingType="JSON", HTTP__URL=url)
    line.world.wait(TWICE)
    first, second = collector.reports
    assert (first.method, first.content_type) == ("POST", "application/json; charset=UTF-8")
    assert first.report_format == "ObjectHierarchy"
    assert list(content(first)) == ["UpTime"]
    assert content(second)["UpTime"] - content(first)["UpTime"] == pytest.approx(INTERVAL, abs=1)
    who = line.agent.identity
    query = [("oui", who.oui), ("pc", who.product_class), ("sn", who.serial)]
    for report in (first, second):
        assert report.address.partition("?")[0] == url
        assert parse_qsl(urlsplit(report.address).query) == query


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_10_3_10_4_csv_has_a_header_and_the_parameter_in_a_column(scheme: str) -> None:
    line = Line()
    collector = Collector(line)
    profile(line, EncodingType="CSV", HTTP__URL=f"{scheme}://collector.example.net/bulk")
    line.world.wait(TWICE)
    assert len(collector.reports) == 2
    report = collector.reports[0]
    assert report.content_type == "text/csv; charset=UTF-8; header=present"
    assert report.report_format == "ParameterPerColumn"
    (row,) = csv.DictReader(io.StringIO(report.body.decode(), newline=""))
    assert list(row) == ["ReportTimestamp", "UpTime"]
    assert abs(int(row["ReportTimestamp"]) - collector.taken[0][0]) <= 1
    assert row["UpTime"].isdigit()


def test_10_3_csv_may_have_a_row_for_each_parameter_with_its_type() -> None:
    line = Line()
    collector = Collector(line)
    names = ("", UPTIME), ("on", f"{OWN_ROW}Enable")
    layout = {"CSVEncoding__ReportFormat": "ParameterPerRow", "CSVEncoding__RowTimestamp": "None"}
    profile(line, *names, EncodingType="CSV", **layout)
    line.world.wait(INTERVAL + 5)
    header, *rows = csv.reader(io.StringIO(collector.reports[0].body.decode(), newline=""))
    assert header == ["ParameterName", "ParameterValue", "ParameterType"]
    assert [(name, kind) for name, _, kind in rows] == [
        (UPTIME, "unsignedInt"),
        ("on", "boolean"),
    ]


@pytest.mark.parametrize("encoding", ["JSON", "CSV"])
def test_10_5_10_6_values_may_be_in_the_query(encoding: str) -> None:
    line = Line()
    collector = Collector(line)
    url = "https://collector.example.net/bulk?house=7"
    row = profile(line, EncodingType=encoding, HTTP__URL=url)
    for name, leaf in (("UpTime", "UpTime"), ("eid", "EndpointID")):
        values = {"Name": name, "Reference": f"Device.LocalAgent.{leaf}"}
        add(line, f"{row}HTTP.RequestURIParameter.", values)
    line.world.wait(TWICE)
    assert len(collector.reports) == 2
    for report in collector.reports:
        query = parse_qs(urlsplit(report.address).query, strict_parsing=True)
        assert list(query) == ["house", "oui", "pc", "sn", "UpTime", "eid"]
        assert query["eid"] == [line.agent.endpoint]
        assert query["UpTime"][0].isdigit()


@pytest.mark.parametrize("status", [0, 401, 500])
def test_10_7_a_report_is_sent_again_until_it_is_taken(status: int) -> None:
    line = Line()
    collector = Collector(line, status)
    interval = 600
    profile(line, ReportingInterval=str(interval), HTTP__RetryEnable="true")
    line.world.wait(interval + 5)
    while len(collector.taken) < 3:
        line.world.wait(1)
    collector.status = 202
    line.world.wait(45)
    assert len(collector.taken) == 4
    for wait, least in zip(collector.waits, (5, 10, 20), strict=True):
        assert least <= wait <= 2 * least + 1
    assert len({(report.body, report.address) for report in collector.reports}) == 1
    line.world.wait(200)
    assert len(collector.taken) == 4, "it was taken"


def test_10_7_without_retries_a_report_is_sent_once() -> None:
    line = Line()
    collector = Collector(line, 500)
    profile(line)
    line.world.wait(TWICE)
    assert [round(wait) for wait in collector.waits] == [INTERVAL]
    assert len(json.loads(collector.reports[1].body)["Report"]) == 1


@pytest.mark.parametrize(("retained", "samples"), [("1", 2), ("-1", 3)])
@pytest.mark.parametrize("encoding", ["JSON", "CSV"])
def test_10_7_reports_that_failed_come_with_the_next(
    encoding: str, retained: str, samples: int
) -> None:
    line = Line()
    collector = Collector(line, 503)
    settings = {"NumberOfRetainedFailedReports": retained, "EncodingType": encoding}
    profile(line, **settings)
    line.world.wait(TWICE)
    collector.status = 200
    line.world.wait(TWICE)
    third, fourth = (report.body.decode() for report in collector.reports[2:4])
    if encoding == "JSON":
        counts = [len(json.loads(each)["Report"]) for each in (third, fourth)]
    else:
        counts = [len(each.splitlines()) - 1 for each in (third, fourth)]
    assert counts == [samples, 1]


def test_10_8_a_wildcard_adds_the_instances_to_the_name() -> None:
    line = Line()
    collector = Collector(line)
    for path in (UPTIME, "Device.DeviceInfo.ProvisioningCode"):
        add(line, f"{OWN_ROW}BootParameter.", {"Enable": "true", "ParameterName": path})
    reference = "Device.LocalAgent.Controller.*.BootParameter.*.Enable"
    profile(line, ("Enabled", reference), JSONEncoding__ReportFormat="NameValuePair")
    line.world.wait(TWICE)
    assert len(collector.reports) == 2
    found = content(collector.reports[0])
    assert len(found) >= 2
    assert all(re.fullmatch(r"Enabled\.[1-9]\d*\.[1-9]\d*", name) for name in found)
    assert found["Enabled.1.1"] is True


def test_10_9_an_object_adds_the_rest_of_the_path_to_the_name() -> None:
    line = Line()
    collector = Collector(line)
    profile(line, ("TestController", OWN_ROW), JSONEncoding__ReportFormat="NameValuePair")
    line.world.wait(TWICE)
    assert len(collector.reports) == 2
    found = content(collector.reports[0])
    assert all(name.startswith("TestController.") for name in found)
    assert found["TestController.EndpointID"] == line.agent.value(f"{OWN_ROW}EndpointID")
    assert "TestController.E2ESession.SessionMode" in found


# --- Push! ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["JSON", "CSV"])
def test_10_10_what_is_pushed_is_kept_by_the_controller(encoding: str) -> None:
    line = Line()
    collector = Collector(line)
    row = profile(line, Protocol="USPEventNotif", EncodingType=encoding)
    subscribe(line, f"{row}Push!")
    line.world.wait(TWICE)
    told = pushed(line)
    assert len(told) == 2
    assert collector.reports == []
    for each in told:
        if encoding == "JSON":
            assert list(json.loads(each)["Report"][0]) == ["CollectionTime", "UpTime"]
        else:
            (values,) = csv.DictReader(io.StringIO(each, newline=""))
            assert list(values) == ["ReportTimestamp", "UpTime"]
    assert line.agent.counters["notify.retried"] == 0, "each was answered"
    line.world.check()


def test_10_11_a_wildcard_is_pushed_by_its_instances() -> None:
    line = Line()
    row = profile(line, ("name", "Device.WiFi.SSID.*.SSID"), Protocol="USPEventNotif")
    subscribe(line, f"{PROFILES}*.Push!")
    line.world.wait(INTERVAL + 5)
    (sample,) = json.loads(pushed(line)[0])["Report"]
    rows = line.agent.rows("Device.WiFi.SSID.")
    expected = {each.split(".")[-2]: line.agent.value(f"{each}SSID") for each in rows}
    assert sample["name"] == expected
    assert row.startswith(PROFILES)


def test_10_12_an_object_is_pushed_as_a_hierarchy() -> None:
    line = Line()
    row = profile(line, ("", "Device.LocalAgent.MTP."), Protocol="USPEventNotif")
    subscribe(line, f"{row}Push!")
    line.world.wait(INTERVAL + 5)
    (sample,) = json.loads(pushed(line)[0])["Report"]
    assert sample["Device"]["LocalAgent"]["MTP"]["1"]["Enable"] is True


# --- MQTT -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("JSON", "application/json; charset=UTF-8"),
        ("CSV", "text/csv; charset=UTF-8; header=present"),
    ],
)
def test_10_13_what_is_published_is_no_record_to_the_controller(encoding: str, kind: str) -> None:
    line = Line()
    collector = Collector(line)
    topic = f"usp/v1/controller/{line.agent.endpoint}"
    where = {"MQTT__Reference": "Device.MQTT.Client.1", "MQTT__PublishTopic": topic}
    profile(line, Protocol="MQTT", EncodingType=encoding, **where)
    line.world.wait(TWICE)
    assert [(r.method, r.address, r.content_type) for r in collector.reports] == [
        ("", topic, kind)
    ] * 2
    watcher = NotingMqttWatcher()
    broker = Broker("127.0.0.1", 1883, CONTROLLER, CONTROLLER)
    topics = EdgeOptions(Topics(controller=CONTROLLER))
    edge = MqttEdge(broker, topics, line.world.controller, Clock(), watcher)
    before = len(line.world.keeping.notifies)
    for report in collector.reports:
        edge.published(Published(report.address, report.body, report.content_type))
    line.world.wait(5)
    assert watcher.told == [("content type is not of USP", topic)] * 2
    assert len(line.world.keeping.notifies) == before
    line.world.check()


# --- profiles -------------------------------------------------------------------------------


def test_an_interval_below_the_least_one_is_refused() -> None:
    line = Line()
    row = profile(line)
    assert line.agent.value(f"{BULK}MinReportingInterval") == str(INTERVAL)
    job = change(line, {f"{row}ReportingInterval": "59"})
    assert job.state is JobState.FAILED
    assert "7012" in str(job.result), job.result


@pytest.mark.parametrize("url", ["", "nowhere", "ftp://host/x", "http://[::1/x", "http://a b/"])
def test_what_is_no_url_of_a_collector_is_a_failed_report(url: str) -> None:
    line = Line()
    collector = Collector(line)
    profile(line, HTTP__URL=url)
    line.world.wait(INTERVAL + 5)
    assert collector.reports == []
    assert line.agent.counters["bulk.failed"] == 1


def test_intervals_are_counted_from_the_time_reference() -> None:
    line = Line()
    collector = Collector(line)
    profile(line, TimeReference="2023-11-14T00:00:07Z")
    line.world.wait(TWICE)
    assert {round(at) % INTERVAL for at, _ in collector.taken} == {7}


@pytest.mark.parametrize("switch", ["Device.BulkData.Enable", "row"])
def test_a_profile_that_is_switched_off_reports_nothing_more(switch: str) -> None:
    line = Line()
    collector = Collector(line, 500)
    row = profile(line, HTTP__RetryEnable="true")
    line.world.wait(INTERVAL)
    assert collector.taken
    change(line, {f"{row}Enable" if switch == "row" else switch: "false"})
    collector.taken.clear()
    line.world.wait(TWICE)
    assert collector.taken == []


def test_profiles_go_on_after_a_reboot_and_failed_reports_do_not() -> None:
    line = Line()
    collector = Collector(line, 500)
    profile(line, NumberOfRetainedFailedReports="-1")
    line.world.wait(INTERVAL + 5)
    line.agent.reboot(line.world.now)
    line.world.wait(30 + INTERVAL + 10)
    assert len(collector.reports) == 2
    assert len(json.loads(collector.reports[1].body)["Report"]) == 1


def test_what_its_controller_may_not_read_and_what_is_not_there_is_not_reported() -> None:
    line = Line(role=Role.FULL)
    collector = Collector(line)
    secret = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    change(line, {secret: "a new secret"})
    nowhere = "Device.Nothing.Here"
    profile(line, ("key", secret), ("none", nowhere), ("row", "Device.WiFi.SSID.99.SSID"))
    line.world.wait(INTERVAL + 5)
    assert content(collector.reports[0]) == {"key": ""}


# --- the text of reports --------------------------------------------------------------------


def test_csv_quotes_what_would_break_its_rows() -> None:
    texts = 'say "x"', "a,b", "two\r\nlines", "plain"
    items = tuple(Item(f"n{n}", text, "string") for n, text in enumerate(texts))
    written = csv_report([Sample(1.0, items)], per_row=False, timestamp="ISO-8601")
    header, row = csv.reader(io.StringIO(written, newline=""))
    assert header == ["ReportTimestamp", "n0", "n1", "n2", "n3"]
    assert row == ["1970-01-01T00:00:01Z", *texts]


def test_csv_is_set_apart_as_it_is_told() -> None:
    items = Item("a", "1;2", "string"), Item("b", "3", "int")
    form = CsvForm(";", "\n", "'")
    written = csv_report([Sample(1.0, items)], per_row=False, timestamp="None", form=form)
    assert written == "a;b\n'1;2';3\n"


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_stand_in_each_others_way_lose_nothing(order: int) -> None:
    items = (Item("a", "1", "int"), Item("a.b", "2", "int"))[::order]
    written = json_report([Sample(1.0, items)], nested=True, timestamp="None")
    (report,) = json.loads(written)["Report"]
    assert report == {"a": 1, "a.b": 2}
