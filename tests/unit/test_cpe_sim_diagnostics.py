"""Diagnostics of simulated CPEs: asked for, run after the session, told, read, called off."""

from __future__ import annotations

import pytest
from test_cpe_sim_session import NOW, ask, ont, opened, set_values

from simulators.cpe.device import Ont

PING = "Device.IP.Diagnostics.IPPing."
IP = "Device.IP.Diagnostics."


def request(unit: Ont, path: str, **arguments: str) -> None:
    """Ask for a test in a session, and let it run."""
    kinds = {"NumberOfRepetitions": "unsignedInt", "MaxHopCount": "unsignedInt",
             "TestFileLength": "unsignedLong"}  # fmt: skip
    changes = [(path + leaf, kinds.get(leaf, "string"), text) for leaf, text in arguments.items()]
    body = set_values(*changes, (path + "DiagnosticsState", "string", "Requested"))
    assert b"<Status>0</Status>" in ask(opened(unit), body)


def state(unit: Ont, path: str) -> str:
    return unit.tree.get(path + "DiagnosticsState")


def test_a_ping_runs_after_the_session_and_is_told() -> None:
    unit = ont()
    request(unit, PING, Host="example.net", NumberOfRepetitions="5")
    assert (state(unit, PING), unit.tree.get(PING + "SuccessCount")) == ("Requested", "0")
    assert unit.end_tests(NOW) == [PING]
    assert state(unit, PING) == "Complete"
    assert unit.tree.get(PING + "SuccessCount") == "5"
    times = [int(unit.tree.get(f"{PING}{which}ResponseTime")) for which in
             ("Minimum", "Average", "Maximum")]  # fmt: skip
    assert 0 < times[0] <= times[1] <= times[2]
    assert ("8 DIAGNOSTICS COMPLETE", "") in unit.next_events()
    assert unit.end_tests(NOW) == []


@pytest.mark.parametrize(
    ("path", "arguments", "end"),
    [
        (PING, {"Host": "nowhere.invalid"}, "Error_CannotResolveHostName"),
        (PING, {"Host": ""}, "Error_CannotResolveHostName"),
        (IP + "TraceRoute.", {"Host": "example.net"}, "Complete"),
        (IP + "TraceRoute.", {"Host": "x.y", "MaxHopCount": "3"}, "Error_MaxHopCountExceeded"),
        (IP + "DownloadDiagnostics.", {"DownloadURL": "http://example.net/f"}, "Complete"),
        (
            IP + "DownloadDiagnostics.",
            {"DownloadURL": "http://a.invalid/f"},
            "Error_CannotResolveHostName",
        ),
        (
            IP + "UploadDiagnostics.",
            {"UploadURL": "http://example.net/f", "TestFileLength": "1000000"},
            "Complete",
        ),
        ("Device.DNS.Diagnostics.NSLookupDiagnostics.", {"HostName": "example.net"}, "Complete"),
        (
            "Device.DNS.Diagnostics.NSLookupDiagnostics.",
            {"HostName": "x", "DNSServer": "dns.invalid"},
            "Error_DNSServerNotResolved",
        ),
        ("Device.WiFi.NeighboringWiFiDiagnostic.", {}, "Complete"),
    ],
)
def test_every_test_ends_in_its_own_word(path: str, arguments: dict[str, str], end: str) -> None:
    unit = ont()
    request(unit, path, **arguments)
    unit.end_tests(NOW)
    assert state(unit, path) == end


def test_rows_of_results_are_those_of_the_last_run() -> None:
    unit, path = ont(), IP + "TraceRoute."
    request(unit, path, Host="example.net")
    unit.end_tests(NOW)
    assert unit.tree.get(path + "RouteHopsNumberOfEntries") == "7"
    assert unit.tree.get(path + "RouteHops.7.Host") == "example.net"
    assert len(unit.tree.get(path + "RouteHops.1.RTTimes").split(",")) == 3
    request(unit, path, MaxHopCount="2")
    unit.end_tests(NOW)
    assert unit.tree.rows(path + "RouteHops.") == [1, 2]


def test_a_speed_can_be_computed() -> None:
    unit, path = ont(), IP + "DownloadDiagnostics."
    request(unit, path, DownloadURL="http://example.net/f")
    unit.end_tests(NOW)
    begun, ended = unit.tree.get(path + "BOMTime"), unit.tree.get(path + "EOMTime")
    assert begun < ended
    assert int(unit.tree.get(path + "TestBytesReceived")) > 1_000_000


def test_an_argument_stops_a_test_and_voids_its_results() -> None:
    unit = ont()
    request(unit, PING, Host="example.net")
    ask(opened(unit), set_values((PING + "Host", "string", "example.org")))
    assert state(unit, PING) == "None"
    assert unit.end_tests(NOW) == []
    assert ("8 DIAGNOSTICS COMPLETE", "") not in unit.next_events()


def test_a_cancelled_test_gives_no_event() -> None:
    unit = ont()
    request(unit, PING, Host="example.net")
    ask(opened(unit), set_values((PING + "DiagnosticsState", "string", "Canceled")))
    assert (unit.end_tests(NOW), state(unit, PING)) == ([], "None")


def test_the_same_unit_measures_the_same() -> None:
    results = []
    for _ in range(2):
        unit = ont()
        request(unit, PING, Host="example.net")
        unit.end_tests(NOW)
        results.append(unit.tree.read([PING]))
    assert results[0] == results[1]
