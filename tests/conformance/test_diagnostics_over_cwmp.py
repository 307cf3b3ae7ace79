"""TR-098 and TR-181 diagnostics over real sockets: one write, then 8 DIAGNOSTICS COMPLETE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from acs_fixtures import NewCpe
from raw_cpe import Answer, RawCpe
from running_acs import RunningAcs

from acs.devices.record import JobKind, JobState

TR181 = "Device."
TR098 = "InternetGatewayDevice."
Told = dict[str, str]


@dataclass
class Unit:
    """A CPE with one diagnostic below ``place``; it remembers what it was asked to write."""

    cpe: RawCpe
    root: str
    place: str
    leaves: Told
    written: list[Told] = field(default_factory=list)
    refuses: str = ""

    def call(self, *events: str) -> list[str]:
        """Run a session; which methods were about the diagnostic."""
        told = {
            f"{self.root}DeviceInfo.HardwareVersion": ("1.0", "string"),
            f"{self.root}DeviceInfo.SoftwareVersion": ("7.1", "string"),
            f"{self.root}ManagementServer.ParameterKey": ("", "string"),
        }
        answer = self.cpe.open(*events, values=told)
        assert answer.name == "InformResponse"
        asked = self.cpe.finish(self.cpe.post(), self.respond)
        return [one.name for one in asked[:-1] if self.concerns(one)]

    def concerns(self, asked: Answer) -> bool:
        """Tell whether a request is about the diagnostic; others ask who the unit is."""
        return bool(asked.names) and asked.names[0].startswith(self.place)

    def respond(self, asked: Answer) -> bytes:
        """Answer for all below the diagnostic, with objects as GetParameterValues has them."""
        mine = [name for name in asked.names if name.startswith(self.place)]
        if asked.name == "GetParameterValues" and mine == asked.names:
            found = {
                self.place + leaf: (text, "string")
                for leaf, text in self.leaves.items()
                if any(self._covers(name, self.place + leaf) for name in mine)
            }
            return self.cpe.form.call(
                "GetParameterValuesResponse", self.cpe.form.values(found), asked.id
            )
        if asked.name == "SetParameterValues" and mine:
            texts = [value.text or "" for value in asked.elements("Value")]
            wanted = dict(zip((n.removeprefix(self.place) for n in mine), texts, strict=True))
            self.written.append(wanted)
            if self.refuses in wanted:
                return self._refusal(asked)
            self.leaves |= wanted
            return self.cpe.form.call("SetParameterValuesResponse", "<Status>0</Status>", asked.id)
        return self.cpe.respond(asked)

    def _covers(self, asked: str, name: str) -> bool:
        return name == asked or (asked.endswith(".") and name.startswith(asked))

    def _refusal(self, asked: Answer) -> bytes:
        path = self.place + self.refuses
        detail = (
            f"<SetParameterValuesFault><ParameterName>{path}</ParameterName>"
            "<FaultCode>9008</FaultCode><FaultString>no</FaultString></SetParameterValuesFault>"
        )
        return self.cpe.form.fault(9003, "Invalid arguments", asked.id, detail)

    def ends(self, word: str = "Complete", **told: str) -> None:
        """The test has been run."""
        self.leaves |= {"DiagnosticsState": word}
        self.leaves |= {leaf.replace("__", "."): text for leaf, text in told.items()}


@pytest.fixture
def tester(acs: RunningAcs, new_cpe: NewCpe) -> Callable[..., Unit]:
    def make(root: str, place: str, **leaves: str) -> Unit:
        made = Unit(new_cpe(), root, root + place, {"DiagnosticsState": "None", **leaves})
        made.call("0 BOOTSTRAP", "1 BOOT")
        return made

    return make


def asked(acs: RunningAcs, unit: Unit, diagnostic: str, **arguments: object) -> int:
    device = acs.device(unit.cpe.serial)
    payload: dict[str, object] = {"diagnostic": diagnostic, "arguments": arguments}
    return acs.enqueue(device, JobKind.DIAGNOSTIC, **payload)


PINGS = [(TR181, "IP.Diagnostics.IPPing."), (TR098, "IPPingDiagnostics.")]


@pytest.mark.parametrize(("root", "place"), PINGS)
def test_a_ping_is_one_write_and_is_read_after_event_8(
    acs: RunningAcs, tester: Callable[..., Unit], root: str, place: str
) -> None:
    unit = tester(root, place, Host="", NumberOfRepetitions="1", Timeout="100")
    job = asked(acs, unit, "ping", host="9.9.9.9", count=4, timeout=2000)
    assert unit.call("6 CONNECTION REQUEST") == ["GetParameterValues", "SetParameterValues"]
    assert unit.written == [
        {
            "Host": "9.9.9.9",
            "NumberOfRepetitions": "4",
            "Timeout": "2000",
            "DiagnosticsState": "Requested",
        }
    ]
    assert acs.job(job).state is JobState.SENT
    unit.ends("Complete", SuccessCount="4", FailureCount="0", AverageResponseTime="12")
    assert unit.call("8 DIAGNOSTICS COMPLETE") == ["GetParameterValues"]
    done = acs.job(job)
    assert done.state is JobState.DONE
    assert done.result["text"] == "ping 9.9.9.9: 4 of 4 came back, 12 ms"
    assert unit.call("2 PERIODIC") == [], "nothing is left to ask"


@pytest.mark.parametrize(
    ("root", "place", "prefix"),
    [(TR181, "IP.Diagnostics.TraceRoute.", ""), (TR098, "TraceRouteDiagnostics.", "Hop")],
)
def test_the_hops_of_a_trace_are_read_as_rows(
    acs: RunningAcs, tester: Callable[..., Unit], root: str, place: str, prefix: str
) -> None:
    unit = tester(root, place, Host="", MaxHopCount="30")
    job = asked(acs, unit, "trace", host="198.51.100.9", max_hops=12)
    unit.call("2 PERIODIC")
    hops = {
        f"RouteHops__{n}__{prefix}{leaf}": text
        for n, address in ((1, "192.0.2.1"), (2, "198.51.100.9"))
        for leaf, text in (("HostAddress", address), ("RTTimes", "1,2,3"))
    }
    unit.ends("Complete", **hops)
    unit.call("8 DIAGNOSTICS COMPLETE")
    result = acs.job(job).result["result"]
    assert isinstance(result, dict)
    assert [hop["address"] for hop in result["hops"]] == ["192.0.2.1", "198.51.100.9"]
    assert result["reached"] is True


@pytest.mark.parametrize(
    ("root", "place"),
    [(TR181, "IP.Diagnostics.DownloadDiagnostics."), (TR098, "DownloadDiagnostics.")],
)
@pytest.mark.parametrize("word", ["Complete", "Completed"])
def test_the_rate_of_a_download_is_worked_out(
    acs: RunningAcs, tester: Callable[..., Unit], root: str, place: str, word: str
) -> None:
    unit = tester(root, place, DownloadURL="")
    job = asked(acs, unit, "speed-download", url="http://h/f")
    unit.call("2 PERIODIC")
    unit.ends(
        word,
        BOMTime="2026-05-01T10:00:00.000000",
        EOMTime="2026-05-01T10:00:04.000000",
        TestBytesReceived="50000000",
    )
    unit.call("8 DIAGNOSTICS COMPLETE")
    assert acs.job(job).result["text"] == "speed-download http://h/f: 100 Mbit/s"


def test_a_scan_for_neighbours(acs: RunningAcs, tester: Callable[..., Unit]) -> None:
    unit = tester(TR181, "WiFi.NeighboringWiFiDiagnostic.")
    job = asked(acs, unit, "neighbours")
    unit.call("2 PERIODIC")
    assert unit.written == [{"DiagnosticsState": "Requested"}]
    unit.ends(Result__1__SSID="Voisin", Result__1__Channel="6", Result__1__SignalStrength="-61")
    unit.call("8 DIAGNOSTICS COMPLETE")
    result = acs.job(job).result["result"]
    assert isinstance(result, dict)
    assert [(n["ssid"], n["channel"], n["signal"]) for n in result["networks"]] == [
        ("Voisin", 6, -61.0)
    ]


def test_a_refused_argument_is_left_out_in_the_same_session(
    acs: RunningAcs, tester: Callable[..., Unit]
) -> None:
    unit = tester(TR181, "IP.Diagnostics.IPPing.", Host="", Timeout="1")
    unit.refuses = "Timeout"
    job = asked(acs, unit, "ping", host="h", timeout=500)
    unit.call("2 PERIODIC")
    assert [sorted(written) for written in unit.written] == [
        ["DiagnosticsState", "Host", "Timeout"],
        ["DiagnosticsState", "Host"],
    ]
    assert acs.job(job).result["left_out"] == ["timeout"]


def test_an_error_of_the_device_is_told_in_plain_words(
    acs: RunningAcs, tester: Callable[..., Unit]
) -> None:
    unit = tester(TR098, "NSLookupDiagnostics.", HostName="", DNSServer="")
    job = asked(acs, unit, "lookup", name="nowhere.example")
    unit.call("2 PERIODIC")
    unit.ends("Error_DNSServerNotResolved")
    unit.call("8 DIAGNOSTICS COMPLETE")
    failed = acs.job(job)
    assert failed.state is JobState.FAILED
    assert "address of the DNS server could not be resolved" in str(failed.result["error"])
    assert any(
        "could not be resolved" in text for text in acs.told(acs.device(unit.cpe.serial), "job")
    )


def test_a_session_cut_while_asking_does_not_ask_twice(
    acs: RunningAcs, tester: Callable[..., Unit]
) -> None:
    unit = tester(TR181, "IP.Diagnostics.IPPing.", Host="")
    job = asked(acs, unit, "ping", host="h")
    assert unit.cpe.open("2 PERIODIC").name == "InformResponse"
    asking = unit.cpe.post()
    while asking.name != "SetParameterValues":
        asking = unit.cpe.post(unit.respond(asking))
    unit.respond(asking)
    unit.cpe.close()
    unit.cpe.cookie = ""
    assert acs.job(job).state is JobState.SENT
    unit.ends("Complete", SuccessCount="1", FailureCount="0")
    assert unit.call("8 DIAGNOSTICS COMPLETE") == ["GetParameterValues"]
    assert acs.job(job).state is JobState.DONE
    assert len(unit.written) == 1
