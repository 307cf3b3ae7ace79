"""Tests a unit runs for its ACS (TR-181 and TR-098 diagnostics objects).

A test is asked for by DiagnosticsState = Requested; after a pause `finish` fills plausible
results in.  They depend only on the unit, the test and its arguments.  Host names that end
in ``.invalid`` cannot be resolved (RFC 6761).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlsplit

from .model import Tree

STATE = "DiagnosticsState"
NO_RESULT = "None"
_COMPLETE = "Complete"
_UNRESOLVED = "Error_CannotResolveHostName"
_NEIGHBOURS = ("Voisin", "Chez Nous", "BELL402", "VIDEOTRON7731", "Cafe du Coin", "HP-Print")

Run = Callable[["_Test"], str]
"""Fills results in and returns the state at the end."""


def touched(tree: Tree, names: Iterable[str]) -> list[str]:
    """Take note of written parameters; return the tests that are asked for.

    Writing an argument stops a test and voids its results.
    """
    objects = {name.rpartition(".")[0] + "." for name in names}
    asked = []
    for path in sorted(objects):
        if _kind(path) is None or path + STATE not in tree:
            continue
        if tree.get(path + STATE) == "Requested" and path + STATE in names:
            asked.append(path)
        else:
            tree.put(path + STATE, NO_RESULT)
    return asked


def finish(tree: Tree, path: str, now: float) -> bool:
    """End the test at ``path`` at epoch second ``now``; False when it was called off."""
    run = _kind(path)
    if run is None or tree.find(path + STATE) != "Requested":
        return False
    tree.put(path + STATE, run(_Test(tree, path, now)))
    return True


class _Test:
    """One test that runs: its arguments, its results, and a die of its own."""

    def __init__(self, tree: Tree, path: str, now: float) -> None:
        self._tree = tree
        self._path = path
        self.old = path.startswith("InternetGatewayDevice.")
        self.now = datetime.fromtimestamp(now, UTC)
        given = "|".join(text for _, _, text in tree.read([path]))
        self.random = Random(f"{tree.identity.serial}|{given}")

    def text(self, leaf: str) -> str:
        """Return an argument."""
        return self._tree.find(self._path + leaf)

    def number(self, leaf: str, default: int) -> int:
        """Return an argument that is a number."""
        return int(self.text(leaf) or default)

    def put(self, **results: object) -> None:
        """Fill results in, those the unit has."""
        for leaf, value in results.items():
            if self._path + leaf in self._tree:
                self._tree.put(self._path + leaf, str(value))

    def rows(self, table: str, rows: list[dict[str, object]]) -> None:
        """Fill a table of results in."""
        at = f"{self._path}{table}."
        if not self._tree.has_table(at):
            return
        for number in self._tree.rows(at):
            self._tree.drop_row(at, number)
        for number, row in enumerate(rows, 1):
            path = self._tree.make_row(at, number)
            for leaf, value in row.items():
                if path + leaf in self._tree:
                    self._tree.put(path + leaf, str(value))

    def moment(self, seconds: float) -> str:
        """Write a moment ``seconds`` ago, in microseconds."""
        return f"{self.now - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def _ping(test: _Test) -> str:
    if _unknown(test.text("Host")):
        return _UNRESOLVED
    count = test.number("NumberOfRepetitions", 4)
    times = sorted(test.random.uniform(8, 24) for _ in range(min(count, 1000)))
    average = sum(times) / len(times)
    test.put(SuccessCount=count, FailureCount=0)
    for leaf, value in (("Average", average), ("Minimum", times[0]), ("Maximum", times[-1])):
        test.put(**{
            f"{leaf}ResponseTime": round(value),
            f"{leaf}ResponseTimeDetailed": round(value * 1000),
        })  # fmt: skip
    return _COMPLETE


def _trace(test: _Test) -> str:
    host = test.text("Host")
    if _unknown(host):
        return _UNRESOLVED
    wanted, allowed = 7, test.number("MaxHopCount", 30)
    tries = test.number("NumberOfTries", 3)
    hops: list[dict[str, object]] = []
    for hop in range(1, min(wanted, allowed) + 1):
        last = hop == wanted
        name = host if last else f"hop{hop}.core.example"
        address = f"203.0.113.{hop}"
        times = ",".join(str(round(test.random.uniform(hop, 4 * hop))) for _ in range(tries))
        hops.append({
            "Host": name, "HostAddress": address, "ErrorCode": 0, "RTTimes": times,
            "HopHost": name, "HopHostAddress": address, "HopErrorCode": 0, "HopRTTimes": times,
        })  # fmt: skip
    test.rows("RouteHops", hops)
    test.put(ResponseTime=round(test.random.uniform(20, 30)))
    return _COMPLETE if allowed >= wanted else "Error_MaxHopCountExceeded"


def _download(test: _Test) -> str:
    return _speed(test, test.text("DownloadURL"), "Received", 40_000_000)


def _upload(test: _Test) -> str:
    return _speed(test, test.text("UploadURL"), "Sent", test.number("TestFileLength", 0))


def _speed(test: _Test, url: str, direction: str, size: int) -> str:
    if _unknown(urlsplit(url).hostname or ""):
        return "Error_InitConnectionFailed" if test.old else _UNRESOLVED
    seconds = size * 8 / test.random.uniform(300e6, 900e6) + 0.01
    test.put(**{
        "ROMTime": test.moment(seconds + 0.05),
        "BOMTime": test.moment(seconds),
        "EOMTime": test.moment(0),
        "TCPOpenRequestTime": test.moment(seconds + 0.07),
        "TCPOpenResponseTime": test.moment(seconds + 0.06),
        f"TestBytes{direction}": size,
        f"TotalBytes{direction}": size + 2048,
        "PeriodOfFullLoading": round(seconds * 1e6),
    })  # fmt: skip
    return "Completed" if test.old else _COMPLETE


def _lookup(test: _Test) -> str:
    host, server = test.text("HostName"), test.text("DNSServer") or "192.0.2.53"
    if _unknown(server):
        return "Error_DNSServerNotResolved"
    known = not _unknown(host)
    result = {
        "Status": "Success" if known else "Error_HostNameNotResolved",
        "AnswerType": "NonAuthoritative" if known else "None",
        "HostNameReturned": host if known else "",
        "IPAddresses": f"203.0.113.{test.random.randint(10, 200)}" if known else "",
        "DNSServerIP": server,
        "ResponseTime": round(test.random.uniform(3, 15)),
    }
    count = test.number("NumberOfRepetitions", 1)
    test.rows("Result", [dict(result) for _ in range(min(count, 16))])
    test.put(SuccessCount=count if known else 0)
    return _COMPLETE


def _neighbours(test: _Test) -> str:
    found: list[dict[str, object]] = []
    for number, name in enumerate(_NEIGHBOURS[: test.random.randint(3, len(_NEIGHBOURS))]):
        five = bool(number % 2)
        found.append({
            "Radio": f"Device.WiFi.Radio.{2 if five else 1}",
            "SSID": name,
            "BSSID": ":".join(f"{octet:02X}" for octet in (2, *test.random.randbytes(5))),
            "Mode": "Infrastructure",
            "Channel": test.random.choice((36, 44, 149) if five else (1, 6, 11)),
            "SignalStrength": test.random.randint(-90, -45),
            "SecurityModeEnabled": "WPA2",
            "EncryptionMode": "AES",
            "OperatingFrequencyBand": "5GHz" if five else "2.4GHz",
            "OperatingStandards": "a,n,ac" if five else "b,g,n",
            "OperatingChannelBandwidth": "80MHz" if five else "20MHz",
            "BeaconPeriod": 100,
            "Noise": -95,
            "DTIMPeriod": 1,
        })  # fmt: skip
    test.rows("Result", found)
    return _COMPLETE


def _unknown(host: str) -> bool:
    return not host or host.rstrip(".").endswith("invalid")


_KINDS: dict[str, Run] = {
    "IPPing.": _ping,
    "IPPingDiagnostics.": _ping,
    "TraceRoute.": _trace,
    "TraceRouteDiagnostics.": _trace,
    "DownloadDiagnostics.": _download,
    "UploadDiagnostics.": _upload,
    "NSLookupDiagnostics.": _lookup,
    "NeighboringWiFiDiagnostic.": _neighbours,
}


def _kind(path: str) -> Run | None:
    return _KINDS.get(path.removesuffix(".").rpartition(".")[2] + ".")
