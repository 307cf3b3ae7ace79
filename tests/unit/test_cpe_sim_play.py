"""Recorded sessions played again by the simulator: same, otherwise, elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulators.cpe.cli import main
from simulators.cpe.play import Difference, Player, unit_of
from simulators.cpe.recorded import Recording, RecordingError, Turn, message, read_recording
from simulators.cpe.report import End
from simulators.cpe.session import SessionError

DIRECTORY = Path(__file__).parents[1] / "recordings"
FILES = sorted(path.name for path in DIRECTORY.glob("*.jsonl"))
FIRST_BOOT = (DIRECTORY / "tplink-a-first-boot.jsonl").read_bytes()
ONE = "Device.WiFi.SSID.1.SSID"


def recording(content: bytes = FIRST_BOOT) -> Recording:
    return read_recording(content)


def player(of: Recording | None = None, scale: float = 0.0) -> Player:
    taken = of or recording()
    return Player(unit_of([taken]), taken, 0.0, scale)


def run(play: Player, answers: list[bytes]) -> list[bytes]:
    """Give each answer in turn; what the device said."""
    said = [play.start()]
    for answer in answers:
        step = play.receive(answer)
        assert not isinstance(step, type(None)) or answer is answers[-1], "it ended too soon"
        if isinstance(step, bytes):
            said.append(step)
    return said


def heard(of: Recording) -> list[bytes]:
    return [turn.heard for turn in of.turns]


def number_of(of: Recording, method: str) -> int:
    return next(i for i, turn in enumerate(of.turns) if f"<cwmp:{method}>".encode() in turn.heard)


@pytest.mark.parametrize("name", FILES)
def test_an_acs_that_says_the_same_hears_the_same(name: str) -> None:
    taken = recording((DIRECTORY / name).read_bytes())
    play = player(taken)
    assert run(play, heard(taken)) == [turn.said for turn in taken.turns]
    assert play.differences == []
    assert (play.report.end, play.report.events) == (End.COMPLETE, taken.events)


def test_ids_order_and_secrets_do_not_count_and_the_id_is_returned() -> None:
    taken = recording()
    at = number_of(taken, "SetParameterValues")
    answers = heard(taken)
    entries = re.findall(rb"<ParameterValueStruct>.*?</ParameterValueStruct>", answers[at])
    joined = b"".join(entries)
    assert joined in answers[at]
    assert b"secret-" in joined
    answers[at] = (
        answers[at]
        .replace(joined, b"".join(reversed(entries)))
        .replace(b"gf-current", b"gf-other")
        .replace(b">9</cwmp:ID>", b">x-77</cwmp:ID>")
    )
    answers[at] = re.sub(rb">secret-\d+<", b">Another one!<", answers[at])
    play = player(taken)
    said = run(play, answers)
    assert play.differences == []
    assert b">x-77</cwmp:ID>" in said[at + 1]
    assert b"<Status>1</Status>" in said[at + 1]


def test_another_value_is_told_by_its_name_and_answered_by_the_device_itself() -> None:
    taken = recording()
    at = number_of(taken, "SetParameterValues")
    answers = heard(taken)
    answers[at] = answers[at].replace(b">Maison 1<", b">Chalet 1<", 1)
    play = player(taken)
    said = run(play, answers)
    [difference] = play.differences
    assert (difference.turn, difference.details) == (at + 1, (f"{ONE} has another value",))
    assert "Chalet" not in str(difference)
    answered = message(said[at + 1])
    assert answered is not None
    assert (answered.name, answered.value("Status")) == ("SetParameterValuesResponse", "1")
    assert play.report.written[ONE] == "Chalet 1"
    assert play.report.complete


ASKED = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:c="urn:dslforum-org:cwmp-1-0"><s:Header>'
    '<c:ID s:mustUnderstand="1">new</c:ID></s:Header><s:Body><c:GetParameterValues>'
    '<ParameterNames e:arrayType="x:string[1]"><string>{}</string></ParameterNames>'
    "</c:GetParameterValues></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("path", "answered"),
    [(ONE, b">TP-Link_0110</Value>"), ("Device.Never.Seen", b"<FaultCode>9005</FaultCode>")],
)
def test_a_new_question_is_answered_from_what_was_seen_and_the_play_goes_on(
    path: str, answered: bytes
) -> None:
    taken = recording()
    answers = heard(taken)
    answers.insert(2, ASKED.format(path).encode())
    play = player(taken)
    said = run(play, answers)
    assert answered in said[3]
    assert b">new</cwmp:ID>" in said[3]
    assert [one.heard for one in play.differences] == [f"GetParameterValues {path}"]
    assert said[4:] == [turn.said for turn in taken.turns][3:]
    assert play.report.complete


def test_what_the_acs_leaves_out_is_told_once() -> None:
    taken = recording()
    answers = heard(taken)
    left_out = answers.pop(3)
    play = player(taken)
    run(play, answers)
    [difference] = play.differences
    expected = message(left_out)
    assert expected is not None
    assert difference.expected.startswith(expected.name)
    assert play.report.complete


def test_an_acs_that_ends_early() -> None:
    taken = recording()
    play = player(taken)
    run(play, [*heard(taken)[:2], b""])
    assert [one.heard for one in play.differences] == ["nothing more"]
    assert play.report.complete


def test_an_inform_that_is_refused_fails() -> None:
    taken = recording()
    play = player(taken)
    play.start()
    fault = heard(taken)[0].replace(b"InformResponse", b"TransferCompleteResponse")
    with pytest.raises(SessionError):
        play.receive(fault)
    assert play.report.end is End.FAILED


def test_the_time_it_took_then_scaled() -> None:
    taken = recording()
    at = number_of(taken, "SetParameterValues")
    assert taken.turns[at + 1].thought > 0
    play = player(taken, scale=0.5)
    play.start()
    for answer in heard(taken)[: at + 1]:
        play.receive(answer)
    assert play.thought == taken.turns[at + 1].thought * 0.5


def test_another_serial_number() -> None:
    other = recording().renamed("TEST0001")
    assert other.device_id[3] == "TEST0001"
    assert all(b"22275B0000001" not in turn.said for turn in other.turns)


def test_a_refused_inform_is_told_with_its_code() -> None:
    taken = recording()
    soap = b"http://schemas.xmlsoap.org/soap/envelope/"
    fault = (
        b'<s:Envelope xmlns:s="%b"><s:Body><s:Fault><detail><x:Fault xmlns:x="urn:x">'
        b"<FaultCode>8001</FaultCode></x:Fault></detail></s:Fault></s:Body></s:Envelope>" % soap
    )
    play = player(taken)
    with pytest.raises(SessionError, match="Inform refused with fault 8001"):
        play.receive(fault)
    [difference] = play.differences
    assert (difference.expected, difference.heard) == ("InformResponse", "Fault 8001")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "less than three"),
        (b"{}\n{}\n{}", "version None"),
        (b'{"version":1}\nx\n{}', "line 2"),
        (b'{"version":1}\n[]\n{}', "line 2: no object"),
        (b'{"version":1}\n{"at":0}\n{}', "line 2: no message"),
        (b'{"version":1}\n{"at":0,"from":"cpe","unreadable":7}\n{}', "not kept"),
        (b'{"version":1}\n{"at":0,"from":"cpe"}\n{"at":0,"from":"acs","status":200}\n{}', "Inform"),
        (b'{"version":1}\n' + b"[" * 100_000 + b"\n{}", "nested too deeply"),
        (b'{"version":1}\n{"at":NaN,"from":"cpe"}\n{}', "line 2: no message"),
        (b'{"version":1}\n{"at":0,"from":"cpe","headers":[1]}\n{}', "line 2: no message"),
        (
            b'{"version":1}\n{"at":0,"from":"cpe","headers":{"user-agent":"x\\r\\ny: 1"}}\n{}',
            "a header with",
        ),
    ],
)
def test_what_is_no_recording(content: bytes, reason: str) -> None:
    with pytest.raises(RecordingError, match=reason):
        read_recording(content)


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("{}\n{}\n{}\n")
    ran = CliRunner().invoke(main, ["play", str(file), "--acs", "http://127.0.0.1:1/"])
    assert ran.exit_code == 1
    assert f"{file}: it has version None" in ran.output


def test_what_was_challenged_counts_once() -> None:
    lines = [json.loads(line) for line in FIRST_BOOT.splitlines()]
    inform = lines[1]
    refused = {"at": 0.0, "from": "acs", "status": 401}
    content = "\n".join(map(json.dumps, [lines[0], inform, refused, *lines[1:]])).encode()
    assert recording(content).turns == recording().turns
    assert isinstance(recording().turns[0], Turn)
    assert Difference(1, "a", "b").details == ()


@pytest.mark.parametrize(
    "name",
    [
        "Device.A.1",
        "Device." + "a." * 3000 + "b",
        "InternetGatewayDevice.DeviceInfo.SoftwareVersion",
        "no name",
    ],
)
def test_odd_names_of_a_device_do_not_keep_it_from_playing(name: str) -> None:
    content = FIRST_BOOT.replace(b"Device.DeviceInfo.HardwareVersion", name.encode())
    assert content != FIRST_BOOT
    taken = recording(content.replace(b"xsd:string", b"foo:bar"))
    assert unit_of([taken]).identity.serial == taken.device_id[3]
