"""Provisioning simulated USP agents of three families through the messages on the wire."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from usp_desk import Desk

from acs.devices.record import Snapshot, Verdict
from acs.model import Add, DataModel, Delete, Operation, Secret, Set
from acs.profiles import (
    Band,
    Intent,
    Library,
    Outcome,
    OutcomeKind,
    Radio,
    Role,
    Security,
    Task,
    VoiceLine,
    Wan,
    WifiNetwork,
    converge,
    fingerprint,
)
from acs.usp import codec, messages, rpc
from acs.usp.known import Known
from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.supported import SupportedModel
from simulators.usp.options import Role as AgentRole

LIBRARY = Library.load()
KEY = b"k" * 32
HOME = WifiNetwork(Band.GHZ_5, Role.MAIN, "Maison", Secret("motdepasse"), Security.WPA2, True)
WIFI = Intent(
    wifi=(HOME, replace(HOME, band=Band.GHZ_2_4)), radios=(Radio(Band.GHZ_5, channel=44),)
)
VOICE = (VoiceLine(username="4505550101", password=Secret("sip-secret"), registrar="sip.isp"),)
PPPOE = Wan("pppoe", 40, "abo@isp.example", Secret("geheim-77"))


class Line:
    """Carries operations to a simulated agent as USP messages."""

    def __init__(self, model: str, *, typed: bool = False, **options: Any) -> None:
        self.desk = Desk(model, **options)
        self.known = Known(version="1.3")
        self.operations: list[Operation] = []
        if typed:
            answer = self.ask(messages.GetSupportedDM(("Device.",)))
            assert isinstance(answer, messages.GetSupportedDMResp)
            objects = [each for result in answer.results for each in result.objects]
            self.known.supported = SupportedModel(objects)

    def ask(self, request: messages.Request) -> Any:
        """Send one request as octets, and read the octets of its answer."""
        octets = codec.encode(messages.Message(f"m{len(self.operations)}", request))
        self.desk.replies.clear()
        self.desk.send(pb.Msg.FromString(octets))
        self.desk.collect()
        (reply,) = self.desk.replies
        return codec.decode(reply.SerializeToString()).body

    def run(self, flow: Coroutine[Operation, Any, Any]) -> Any:
        """Drive ``flow`` to its end and return what it returns."""
        outcome: Any = None
        while True:
            try:
                operation = flow.send(outcome)
            except StopIteration as stop:
                return stop.value
            self.operations.append(operation)
            exchange = rpc.perform(operation, self.known)  # type: ignore[arg-type]
            answer: Any = None
            while True:
                try:
                    answer = self.ask(exchange.send(answer))
                except StopIteration as stop:
                    outcome = stop.value
                    break

    @property
    def writes(self) -> list[Operation]:
        return [each for each in self.operations if isinstance(each, Set | Add | Delete)]


def provisioned(line: Line, name: str, intent: Intent, known: Snapshot | None = None) -> Outcome:
    blueprint = LIBRARY.get(name, "usp")
    assert blueprint is not None
    print_ = fingerprint(intent, blueprint, KEY)
    task = Task(intent, blueprint, known or Snapshot(), KEY, print_, now=5.0, shows_all=False)
    line.operations.clear()
    outcome = line.run(converge(DataModel(), task))
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize("typed", [False, True], ids=["texts alone", "supported model known"])
@pytest.mark.parametrize(
    ("model", "name", "intent"),
    [
        ("tplink-a-xx230v", "tplink-a", replace(WIFI, voice=VOICE)),
        ("tplink-b-ec220-g5-v3", "tplink-b", WIFI),
        ("generic-tr181-full", "tr181", replace(WIFI, voice=VOICE, wan=PPPOE)),
    ],
)
def test_an_agent_is_provisioned_proven_and_then_left_alone(
    model: str, name: str, intent: Intent, typed: bool
) -> None:
    line = Line(model, typed=typed)
    first = provisioned(line, name, intent)
    assert (first.kind, first.problems) == (OutcomeKind.PROVEN, ()), first.text
    assert {each.verdict for each in first.lines} <= {Verdict.PROVEN, Verdict.WRITTEN}
    assert "motdepasse" not in repr(first)
    again = provisioned(line, name, intent, first.snapshot)
    assert (again.kind, again.text) == (OutcomeKind.IN_ORDER, "everything is as wanted")
    assert line.writes == []


def test_rows_we_built_carry_our_name() -> None:
    line = Line("generic-tr181-full")
    assert provisioned(line, "tr181", Intent(wan=PPPOE)).kind is OutcomeKind.PROVEN
    told = line.desk.read('Device.PPP.Interface.[Alias=="gigafibre_pppoe"].')
    (row,) = {path.rpartition(".")[0] for path in told if path.endswith(".Username")}
    assert told[f"{row}.Username"] == "abo@isp.example"
    assert told[f"{row}.Enable"] == "true"
    assert told[f"{row}.Password"] == ""


def test_a_role_that_sees_nothing_is_named_and_nothing_is_written() -> None:
    line = Line("tplink-a-xx230v", role=AgentRole.UNTRUSTED)
    outcome = provisioned(line, "tplink-a", replace(WIFI, wan=PPPOE))
    assert outcome.kind is OutcomeKind.FAILED
    assert "give the role of our Controller access" in outcome.text
    assert line.writes == []


def test_a_role_that_may_write_wifi_alone_leaves_the_rest_as_it_is() -> None:
    line = Line("generic-tr181-full", role=AgentRole.LIMITED)
    before = line.desk.read("Device.PPP.")
    wifi = provisioned(line, "tr181", WIFI)
    assert wifi.kind is OutcomeKind.PROVEN, wifi.text
    refused = provisioned(line, "tr181", Intent(wan=PPPOE), wifi.snapshot)
    assert refused.kind is OutcomeKind.FAILED
    assert refused.fault is not None
    assert line.desk.read("Device.PPP.") == before


def test_a_role_that_reads_secrets_has_none_of_them_kept() -> None:
    line = Line("tplink-a-xx230v", role=AgentRole.SECURED)
    first = provisioned(line, "tplink-a", WIFI)
    again = provisioned(line, "tplink-a", WIFI, first.snapshot)
    assert again.kind is OutcomeKind.IN_ORDER
    assert "motdepasse" not in repr((first, again))
    assert line.desk.read("Device.WiFi.AccessPoint.3.Security.KeyPassphrase") == {
        "Device.WiFi.AccessPoint.3.Security.KeyPassphrase": "motdepasse"
    }
