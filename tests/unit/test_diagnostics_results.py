"""What a device tells of a diagnostic, as typed results: both roots, states, nonsense."""

from __future__ import annotations

import pytest

from acs.profiles import Library
from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.reading import result_of
from acs.profiles.diagnostics.request import request_of
from acs.profiles.diagnostics.results import Lookup, Neighbours, Ping, Result, Speed, Trace
from acs.profiles.diagnostics.states import Stage, meaning, stage
from acs.profiles.diagnostics.words import in_words

LIBRARY = Library.load()
ROOTS = ("tr181", "tr098")


def read(
    blueprint: str, diagnostic: Diagnostic, told: dict[str, str], **arguments: object
) -> Result:
    """Make sense of ``told``, leaves below the diagnostic's object."""
    family = LIBRARY.get(blueprint)
    assert family is not None
    places = family.diagnostics[diagnostic]
    values = {places.object + leaf: text for leaf, text in told.items()}
    return result_of(diagnostic, places, values, arguments)


def ping(told: dict[str, str], blueprint: str = "tr181") -> Ping:
    result = read(blueprint, Diagnostic.PING, told, host="h")
    assert isinstance(result, Ping)
    return result


def trace(told: dict[str, str], blueprint: str = "tr181", host: str = "198.51.100.9") -> Trace:
    result = read(blueprint, Diagnostic.TRACE, told, host=host)
    assert isinstance(result, Trace)
    return result


def speed(
    told: dict[str, str],
    diagnostic: Diagnostic = Diagnostic.SPEED_DOWNLOAD,
    blueprint: str = "tr181",
    **arguments: object,
) -> Speed:
    result = read(blueprint, diagnostic, told, **arguments)
    assert isinstance(result, Speed)
    return result


# --- ping


@pytest.mark.parametrize("blueprint", ROOTS)
def test_a_ping_has_counts_and_milliseconds(blueprint: str) -> None:
    told = {
        "DiagnosticsState": "Complete",
        "SuccessCount": "3",
        "FailureCount": "1",
        "AverageResponseTime": "12",
        "MinimumResponseTime": "9",
        "MaximumResponseTime": "20",
    }
    assert ping(told, blueprint) == Ping(4, 3, 25.0, 9, 12, 20)


def test_microseconds_win_over_milliseconds() -> None:
    told = {
        "SuccessCount": "4",
        "FailureCount": "0",
        "AverageResponseTime": "1",
        "AverageResponseTimeDetailed": "1234",
        "MinimumResponseTime": "1",
        "MinimumResponseTimeDetailed": "0",
        "IPAddressUsed": "9.9.9.9",
    }
    found = ping(told)
    assert (found.average, found.least, found.most) == (1.234, 1.0, None)
    assert (found.loss, found.address) == (0.0, "9.9.9.9")


def test_a_ping_without_an_answer_has_no_times() -> None:
    told = {"SuccessCount": "0", "FailureCount": "4", "MinimumResponseTime": "4294967295"}
    assert ping(told) == Ping(4, 0, 100.0, None, None, None)


def test_a_ping_that_tells_nothing_claims_nothing() -> None:
    assert ping({"SuccessCount": "many"}) == Ping(None, None, None, None, None, None)


# --- trace


@pytest.mark.parametrize(
    ("blueprint", "prefix"), [("tr181", ""), ("tr098", "Hop"), ("tplink-a", "")]
)
def test_a_trace_has_its_hops_in_order(blueprint: str, prefix: str) -> None:
    told = {
        "DiagnosticsState": "Complete",
        "ResponseTime": "31",
        f"RouteHops.10.{prefix}Host": "end",
        f"RouteHops.10.{prefix}HostAddress": "198.51.100.9",
        f"RouteHops.10.{prefix}ErrorCode": "0",
        f"RouteHops.10.{prefix}RTTimes": "30,31,",
        f"RouteHops.2.{prefix}Host": "",
        f"RouteHops.2.{prefix}HostAddress": "192.0.2.1",
        f"RouteHops.2.{prefix}RTTimes": "1, 2, x",
    }
    found = trace(told, blueprint)
    assert [(h.number, h.address, h.times) for h in found.hops] == [
        (1, "192.0.2.1", (1.0, 2.0)),
        (2, "198.51.100.9", (30.0, 31.0)),
    ]
    assert (found.reached, found.time, found.hops[1].error) == (True, 31.0, 0)


@pytest.mark.parametrize(
    ("state", "last", "host", "reached"),
    [
        ("Error_MaxHopCountExceeded", "198.51.100.9", "198.51.100.9", False),
        ("Completed", "192.0.2.77", "198.51.100.9", False),
        ("Complete", "2001:db8::1", "2001:0db8:0::1", True),
        ("Complete", "192.0.2.77", "example.net", None),
        ("Complete", "", "example.net", False),
    ],
)
def test_running_out_of_hops_is_not_reaching(
    state: str, last: str, host: str, reached: bool | None
) -> None:
    told = {"DiagnosticsState": state, "RouteHops.1.HostAddress": last}
    assert trace(told, host=host).reached is reached


def test_a_trace_without_hops_does_not_know() -> None:
    assert trace({"DiagnosticsState": "Complete"}).reached is None


# --- speed

TIMES = {
    "ROMTime": "2026-05-01T10:00:00.000000Z",
    "BOMTime": "2026-05-01T10:00:00.050000Z",
    "EOMTime": "2026-05-01T10:00:08.050000Z",
    "TCPOpenRequestTime": "2026-05-01T09:59:59.990000Z",
    "TCPOpenResponseTime": "2026-05-01T10:00:00.000000Z",
}


@pytest.mark.parametrize("blueprint", ROOTS)
def test_the_rate_is_what_was_moved_between_begin_and_end(blueprint: str) -> None:
    found = speed(
        {**TIMES, "TestBytesReceived": "100000000", "TotalBytesReceived": "101000000"},
        blueprint=blueprint,
    )
    assert (found.mbit_s, found.seconds, found.bytes) == (100.0, 8.0, 100_000_000)
    assert (found.wait, found.connect, found.all_bytes, found.note) == (50, 10, 101_000_000, "")


def test_several_connections_count_while_all_were_busy() -> None:
    found = speed(
        {
            **TIMES,
            "TestBytesReceived": "100000000",
            "TestBytesReceivedUnderFullLoading": "90000000",
            "PeriodOfFullLoading": "6000000",
            "PerConnectionResult.1.BOMTime": TIMES["BOMTime"],
            "PerConnectionResult.1.EOMTime": TIMES["EOMTime"],
            "PerConnectionResult.1.TestBytesReceived": "50000000",
        }
    )
    assert found.mbit_s == 120.0
    assert [(c.number, c.mbit_s) for c in found.connections] == [(1, 50.0)]


@pytest.mark.parametrize("blueprint", ROOTS)
def test_an_upload_that_tells_no_octets_has_moved_its_file(blueprint: str) -> None:
    told = {**TIMES, "TestFileLength": "8000000", "TotalBytesSent": "8100000"}
    found = speed(told, Diagnostic.SPEED_UPLOAD, blueprint, url="http://h/", bytes=1)
    assert (found.bytes, found.mbit_s, found.all_bytes) == (8_000_000, 8.0, 8_100_000)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"BOMTime": "0001-01-01T00:00:00Z"}, "does not tell when"),
        ({"EOMTime": "2026-05-01T10:00:08.05"}, "does not tell when"),
        ({"EOMTime": "soon"}, "does not tell when"),
        ({"EOMTime": TIMES["BOMTime"]}, "refused: begin and end are 0 s apart"),
        ({"TestBytesReceived": "0"}, "does not tell how much"),
    ],
)
def test_a_rate_that_cannot_be_is_not_shown(changes: dict[str, str], note: str) -> None:
    found = speed({**TIMES, "TestBytesReceived": "1000", **changes})
    assert found.mbit_s is None
    assert note in found.note


# --- lookup and neighbours


@pytest.mark.parametrize("blueprint", ROOTS)
def test_a_lookup_has_an_answer_for_each_try(blueprint: str) -> None:
    told = {
        "SuccessCount": "1",
        "Result.1.Status": "Success",
        "Result.1.AnswerType": "NonAuthoritative",
        "Result.1.HostNameReturned": "example.net",
        "Result.1.IPAddresses": "192.0.2.1, 2001:db8::1",
        "Result.1.DNSServerIP": "192.0.2.53",
        "Result.1.ResponseTime": "7",
        "Result.2.Status": "Error_HostNameNotResolved",
    }
    found = read(blueprint, Diagnostic.LOOKUP, told, name="example.net")
    assert isinstance(found, Lookup)
    good, bad = found.answers
    assert (good.ok, good.addresses, good.authoritative, good.time) == (
        True, ("192.0.2.1", "2001:db8::1"), False, 7.0,
    )  # fmt: skip
    assert (bad.ok, bad.addresses) == (False, ())
    assert "does not know the name" in bad.status


def test_neighbours_come_strongest_first_and_in_dbm() -> None:
    told = {
        "Result.1.SSID": "weak",
        "Result.1.SignalStrength": "-88",
        "Result.2.SSID": "",
        "Result.2.BSSID": "aa:bb:cc:00:00:01",
        "Result.2.Channel": "36",
        "Result.2.SignalStrength": "-40",
        "Result.2.OperatingFrequencyBand": "5GHz",
        "Result.2.SecurityModeEnabled": "WPA2",
        "Result.3.SSID": "rcpi",
        "Result.3.SignalStrength": "120",
        "Result.4.SSID": "unknown",
    }
    found = read("tplink-a", Diagnostic.NEIGHBOURS, told)
    assert isinstance(found, Neighbours)
    assert [(n.ssid, n.signal) for n in found.networks] == [
        ("", -40.0),
        ("rcpi", -50.0),
        ("weak", -88.0),
        ("unknown", None),
    ]
    assert (found.networks[0].bssid, found.networks[0].channel) == ("AA:BB:CC:00:00:01", 36)


def test_a_model_without_a_scan_has_none() -> None:
    family = LIBRARY.get("tr098")
    assert family is not None and Diagnostic.NEIGHBOURS not in family.diagnostics


def test_a_device_with_endless_rows_is_read_to_a_bound() -> None:
    told = {f"Result.{n}.SSID": "x" for n in range(1, 3000)} | {f"Result.{'9' * 5000}.SSID": "y"}
    found = read("tr181", Diagnostic.NEIGHBOURS, told)
    assert isinstance(found, Neighbours) and len(found.networks) == 512


# --- states


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("None", Stage.IDLE),
        ("", Stage.IDLE),
        ("Canceled", Stage.IDLE),
        ("Requested", Stage.RUNNING),
        ("Complete", Stage.ENDED),
        ("Completed", Stage.ENDED),
        (" complete ", Stage.ENDED),
        ("Error_MaxHopCountExceeded", Stage.ENDED),
        ("Error", Stage.FAILED),
        ("Error_CannotResolveHostName", Stage.FAILED),
        ("X_ACME_Broken", Stage.FAILED),
    ],
)
def test_words_of_the_state(word: str, expected: Stage) -> None:
    assert stage(word) is expected


def test_failures_are_said_in_plain_words() -> None:
    text = meaning("Error_InitConnectionFailed")
    assert text == "no connection to the server (Error_InitConnectionFailed)"
    assert meaning("X_ACME_Broken") == "the device says X_ACME_Broken"


# --- requests


@pytest.mark.parametrize(
    ("diagnostic", "arguments", "words"),
    [
        ("pong", {}, "none of ping, trace"),
        ("ping", {}, "ping needs host"),
        ("ping", {"host": "a b"}, "host must be"),
        ("ping", {"host": "x" * 257}, "host must be"),
        ("ping", {"host": "h\n"}, "host must be"),
        ("ping", {"host": "h", "count": 0}, "count must be a whole number from 1 to 100"),
        ("ping", {"host": "h", "count": "4"}, "count must be"),
        ("ping", {"host": "h", "url": "http://x/"}, "ping takes no url"),
        ("speed-download", {"url": "file:///etc/passwd"}, "url must begin with"),
        ("speed-upload", {"url": "http://h/"}, "speed-upload needs bytes"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(
    diagnostic: str, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        request_of({"diagnostic": diagnostic, "arguments": arguments})


def test_a_url_with_a_password_is_refused_without_quoting_it() -> None:
    payload = {"diagnostic": "speed-download", "arguments": {"url": "http://u:geheim@h/"}}
    with pytest.raises(ValueError, match="must not hold") as refused:
        request_of(payload)
    assert "geheim" not in str(refused.value)


def test_the_limit_grows_with_what_is_asked() -> None:
    short = request_of({"diagnostic": "ping", "arguments": {"host": "h"}})
    long = {"host": "h", "count": 100, "timeout": 5000}
    assert short.limit == 120
    assert request_of({"diagnostic": "ping", "arguments": long}).limit == 620


@pytest.mark.parametrize(
    ("payload", "result", "text"),
    [
        ({"host": "h"}, Ping(4, 3, 25.0, 9, 12, 20), "ping h: 3 of 4 came back, 12 ms"),
        ({"host": "h"}, Ping(None, None, None, None, None, None), "ping h: the device does not"),
    ],
)
def test_one_line_says_what_was_found(
    payload: dict[str, object], result: Result, text: str
) -> None:
    request = request_of({"diagnostic": "ping", "arguments": payload})
    assert in_words(request, result).startswith(text)


# --- nonsense that looks like a figure


def test_times_and_counts_that_cannot_be_are_not_told() -> None:
    most = "4294967295"
    told = {"SuccessCount": "3", "FailureCount": "1", "AverageResponseTime": most}
    assert ping(told).average is None
    assert ping({"SuccessCount": most, "FailureCount": most}).sent is None


def test_a_rate_beyond_any_line_is_refused() -> None:
    found = speed(
        {
            "BOMTime": "2026-01-01T00:00:00.000000Z",
            "EOMTime": "2026-01-01T00:00:00.001002Z",
            "TestBytesReceived": "10000000000",
        }
    )
    assert found.mbit_s is None
    assert "faster than any line" in found.note


def test_a_switch_is_true_or_false() -> None:
    arguments = {"url": "http://h/f", "per_connection": "false"}
    with pytest.raises(ValueError, match="true or false"):
        request_of({"diagnostic": "speed-download", "arguments": arguments})


def test_thousands_of_addresses_are_one_short_line() -> None:
    rows = {f"Result.{n}.IPAddresses": f"192.0.2.{n}" for n in range(1, 200)}
    result = read("tr181", Diagnostic.LOOKUP, rows, name="n")
    request = request_of({"diagnostic": "lookup", "arguments": {"name": "n"}})
    assert in_words(request, result).endswith("192.0.2.8 and 191 more")
