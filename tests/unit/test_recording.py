"""Recordings: what is kept of a session, that no secret is, and what a replay finds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from device_trees import xx230v
from house_in_memory import EQUIPMENT, HOME, LIBRARY, SSID, MemoryHouse, served
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acs.cwmp import announcement, soap
from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import (
    AddObjectResponse,
    Download,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Inform,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.recording import (
    Recording,
    SessionFacts,
    Speaker,
    Tape,
    UnreadableRecording,
    replay,
)
from acs.cwmp.recording.masking import MOST, Secrets, TooManySecrets
from acs.cwmp.recording.transcript import transcript
from acs.cwmp.session import Finish, Limits, Send, Session
from acs.cwmp.structures import ParameterInfoStruct, ParameterValue
from acs.devices.record import Job, JobKind
from acs.devices.visit import Visit
from acs.model import Change, DataModel, Fault, Get, List, Names, Secret, Set, Value, Values
from acs.profiles import VoiceLine
from acs.profiles.secrets import Masks

FACTS = SessionFacts(rpcs=500, requests=100, hold_requests=False, max_bytes=1_000_000)
NAMESPACE = "urn:dslforum-org:cwmp-1-0"


class Cpe:
    """Answers our RPCs from a tree in memory, as SOAP text."""

    def __init__(self, device: MemoryDevice) -> None:
        self.device = device

    def inform(self, *codes: str) -> bytes:
        told = ("DeviceInfo.HardwareVersion", "DeviceInfo.SoftwareVersion")
        told += ("DeviceInfo.ProvisioningCode", "ManagementServer.ConnectionRequestURL")
        values = "".join(
            f"<ParameterValueStruct><Name>Device.{leaf}</Name>"
            f"<Value>{self.device.values[f'Device.{leaf}'].text}</Value></ParameterValueStruct>"
            for leaf in told
            if f"Device.{leaf}" in self.device.values
        )
        events = "".join(
            f"<EventStruct><EventCode>{code}</EventCode><CommandKey/></EventStruct>"
            for code in codes
        )
        return self._envelope(
            "<cwmp:Inform><DeviceId><Manufacturer>TP-Link</Manufacturer><OUI>1C61B4</OUI>"
            "<ProductClass>Device2</ProductClass><SerialNumber>22275A7000001</SerialNumber>"
            f"</DeviceId><Event>{events}</Event><MaxEnvelopes>1</MaxEnvelopes>"
            "<CurrentTime>2026-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>"
            f"<ParameterList>{values}</ParameterList></cwmp:Inform>"
        )

    @staticmethod
    def _envelope(body: str) -> bytes:
        return (
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
            f'xmlns:cwmp="{NAMESPACE}"><soap:Body>{body}</soap:Body></soap:Envelope>'
        ).encode()

    def answer(self, asked: bytes) -> bytes:
        message = soap.decode(asked, "text/xml").message
        answer: Message
        match message:
            case GetParameterValues(names):
                read = self.device.perform(Get(names))
                assert isinstance(read, Values)
                answer = (
                    SoapFault(9005, "Invalid parameter name")
                    if read.missing
                    else GetParameterValuesResponse(
                        tuple(ParameterValue(name, value) for name, value in read.values.items())
                    )
                )
            case GetParameterNames(path, next_level):
                names = self.device.perform(List(path, next_level))
                answer = (
                    GetParameterNamesResponse(
                        tuple(ParameterInfoStruct(e.path, e.writable) for e in names.entries)
                    )
                    if isinstance(names, Names)
                    else SoapFault(9005, "Invalid parameter name")
                )
            case SetParameterValues(wanted):
                done = self.device.perform(Set(tuple(Change(p.name, p.value) for p in wanted)))
                answer = (
                    SoapFault(done.code, done.text, done.parameters)
                    if isinstance(done, Fault)
                    else SetParameterValuesResponse(1 if done.pending else 0)
                )
            case _:
                answer = AddObjectResponse(1)
        return soap.encode(answer, id="1", namespace=NAMESPACE)


def record(
    house: MemoryHouse,
    device: MemoryDevice,
    *codes: str,
    credential: str = "own",
    facts: SessionFacts = FACTS,
) -> Recording:
    """Let ``device`` call over SOAP and record it."""
    cpe = Cpe(device)
    house.time += 300
    body = cpe.inform(*codes)
    first = soap.decode(body, "text/xml")
    assert isinstance(first.message, Inform)
    contact = announcement.contact_of(
        first.message, at=house.time, address="192.0.2.7", credential=credential, session="s1"
    )
    ended: list[Tape] = []
    tape = Tape(contact, house, facts, ended.append)
    visit = Visit(contact, tape.house)
    blueprint = LIBRARY.get("tplink-a")
    dialect = Dialect(**dict(blueprint.dialect)) if blueprint else Dialect()  # type: ignore[arg-type]
    session = Session(
        first,
        visit.run(DataModel()),
        visit.notice,
        root=contact.root,
        dialect=dialect,
        limits=Limits(facts.rpcs, facts.requests),
    )
    headers = {"content-type": "text/xml", "authorization": "Digest sekret", "cookie": "acs=1"}
    step = session.begin()
    while True:
        tape.heard(headers, body)
        if not isinstance(step, Send):
            assert isinstance(step, Finish)
            tape.said(204, b"")
            break
        said = soap.encode(step.message, id=step.id, namespace=session.namespace, dialect=dialect)
        tape.said(200, said)
        if session.rpcs == 0:
            body, step = b"", session.empty_post()
        else:
            body = cpe.answer(said)
            step = session.message(soap.decode(body, "text/xml"))
    assert session.fault is None, session.fault
    tape.end(visit.result)
    tape.end("twice")
    assert ended == [tape]
    return Recording.load(tape.recording().dump())


def methods(recording: Recording, speaker: Speaker) -> list[str]:
    said = [each for each in recording.exchanges if each.speaker is speaker and each.body]
    return [type(soap.decode(each.body.encode(), "").message).__name__ for each in said]


@pytest.fixture
def first_boot() -> Recording:
    return record(served(), xx230v(), "0 BOOTSTRAP", "1 BOOT", credential="bootstrap")


def test_both_sides_and_the_answers_of_the_house_are_kept(first_boot: Recording) -> None:
    assert methods(first_boot, Speaker.CPE)[0] == "Inform"
    assert methods(first_boot, Speaker.ACS)[0] == "InformResponse"
    assert "SetParameterValues" in methods(first_boot, Speaker.ACS)
    assert first_boot.exchanges[-1].status == 204
    assert first_boot.ended in ("live", "verifying")
    header = first_boot.header
    assert header.device == "1C61B4-Device2-22275A7000001"
    assert header.blueprint
    assert {"open", "source.find", "source.wish", "missing"} <= set(header.answers)
    assert header.policy["max_changes"] == 200


def test_what_a_device_proves_itself_with_is_not_kept(first_boot: Recording) -> None:
    assert {name for each in first_boot.exchanges for name in each.headers} == {"content-type"}


def test_no_secret_of_the_wish_is_in_it(first_boot: Recording) -> None:
    text = first_boot.dump().decode()
    for secret in ("motdepasse", "sip-secret", "generated-password"):
        assert secret not in text
    assert "secret-1" in text
    assert "Maison" in text


@pytest.mark.parametrize("credential", ["own", "bootstrap"])
def test_a_first_boot_plays_again(credential: str) -> None:
    recording = record(served(), xx230v(), "0 BOOTSTRAP", credential=credential)
    played = replay(recording, LIBRARY)
    assert played.difference is None, str(played.difference)
    assert len(played.said) == sum(each.speaker is Speaker.ACS for each in recording.exchanges)
    assert played.effects


def test_a_reboot_with_nothing_to_do_plays_again() -> None:
    house, device = served(), xx230v()
    record(house, device, "0 BOOTSTRAP")
    device.next_session()
    record(house, device, "2 PERIODIC")
    recording = record(house, device, "1 BOOT")
    assert "SetParameterValues" not in methods(recording, Speaker.ACS)
    played = replay(recording, LIBRARY)
    assert played.difference is None, str(played.difference)
    assert "GetParameterValues" in played.said


def test_a_refusal_plays_again() -> None:
    house = served()
    recording = record(house, xx230v(refuse={SSID: 9007}), "0 BOOTSTRAP")
    assert house.faults
    assert replay(recording, LIBRARY).difference is None


def test_jobs_play_again() -> None:
    house = served()
    change = {"path": "Device.Time.NTPServer1", "value": "ntp.isp", "secret": True}
    house.jobs = [Job(7, 1, JobKind.READ, {"paths": ["Device.DeviceInfo."]})]
    house.jobs += [Job(8, 1, JobKind.SET, {"changes": [change]})]
    recording = record(house, xx230v(), "2 PERIODIC")
    assert "ntp.isp" not in recording.dump().decode()
    assert replay(recording, LIBRARY).difference is None


def altered(recording: Recording, service: str, change: Any) -> Recording:
    content = json.loads(recording.dump().splitlines()[0])
    change(content["answers"][service][0])
    rest = recording.dump().split(b"\n", 1)[1]
    return Recording.load(json.dumps(content).encode() + b"\n" + rest)


def test_the_first_difference_names_the_message_and_the_parameter(first_boot: Recording) -> None:
    def rename(wish: dict[str, Any]) -> None:
        wish["Wish"]["intent"]["wifi"][0]["ssid"] = "Autre"

    played = replay(altered(first_boot, "source.wish", rename), LIBRARY)
    assert played.difference is not None
    assert played.difference.then == played.difference.now == "SetParameterValues"
    lines = [line for line in played.difference.detail if line.startswith(SSID)]
    assert lines == [f"{SSID}: then Maison string, now Autre string"]
    assert len(played.said) == played.difference.exchange - 1


def test_another_message_is_a_difference(first_boot: Recording) -> None:
    def gone(wish: dict[str, Any]) -> None:
        wish["Wish"]["equipment"]["treatment"] = "hold"

    played = replay(altered(first_boot, "source.wish", gone), LIBRARY)
    assert played.difference is not None
    assert "end of the session" in played.difference.now


def test_a_service_that_was_not_asked_then_is_a_difference(first_boot: Recording) -> None:
    lines = first_boot.dump().split(b"\n", 1)
    header = json.loads(lines[0])
    del header["answers"]["source.find"]
    played = replay(Recording.load(json.dumps(header).encode() + b"\n" + lines[1]), LIBRARY)
    assert played.difference is not None
    assert "source.find" in str(played.difference)


def test_a_longer_session_than_allowed_is_cut() -> None:
    facts = replace(FACTS, max_bytes=4000)
    recording = record(served(), xx230v(), "0 BOOTSTRAP", facts=facts)
    assert recording.cut
    assert sum(len(each.body) for each in recording.exchanges) < 10_000


@pytest.mark.parametrize("odd", [object(), {"count": 2**64}])
def test_an_answer_that_cannot_be_recorded_harms_nobody(odd: object) -> None:
    house, device = served(), xx230v()
    contact = house.visited(device).contact
    tape = Tape(contact, house, FACTS, lambda _tape: None)
    tape.answered("odd", odd)
    assert tape.recording().cut
    assert "odd" not in tape.recording().header.answers


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "two lines"),
        (b"{}\n{}\n", "line 1"),
        (b'{"version":99,"device":"d","at":1}\n{}\n', "version 99"),
        (b'{"device":"d","at":1}\n{"from":"nobody"}\n{"ended":"live","cut":false}\n', "line 2"),
    ],
)
def test_a_file_that_is_no_recording_says_where(content: bytes, where: str) -> None:
    with pytest.raises(UnreadableRecording, match=where):
        Recording.load(content)


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (0, {"policy": {"heal": "perhaps"}}),
        (0, {"answers": {"source.wish": [{"Wish": {}}]}}),
        (1, {"body": "<x"}),
        (2, {"body": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}),
        (3, {"body": "\0"}),
    ],
)
def test_a_recording_that_somebody_changed_is_shown_and_refused(
    first_boot: Recording, line: int, change: dict[str, object]
) -> None:
    lines = [json.loads(each) for each in first_boot.dump().splitlines()]
    lines[line] |= change
    changed = Recording.load("\n".join(map(json.dumps, lines)).encode())
    with pytest.raises(UnreadableRecording):
        replay(changed, LIBRARY)
    assert list(transcript(changed, bodies=True))[-1].startswith("Ended")


# --- secrets --------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=6
).filter(lambda text: text.strip() == text and not any(0x7F <= ord(c) < 0xA0 for c in text))


def strings(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case dict():
            for key, value in data.items():
                yield key
                yield from strings(value)
        case list():
            for each in data:
                yield from strings(each)


def unescaped(recording: Recording) -> Iterator[str]:
    """Every text of a recording, those of its XML as an XML reader sees them."""
    from lxml import etree

    for line in recording.dump().splitlines():
        for text in strings(json.loads(line)):
            if text.startswith("<"):
                root = etree.fromstring(text.encode())
                for element in root.iter():
                    yield element.text or ""
                    yield from map(str, element.attrib.values())
            else:
                yield text


@settings(max_examples=40, deadline=None)
@given(secrets=st.lists(TEXTS, min_size=3, max_size=3, unique=True), quoted=st.booleans())
def test_no_secret_of_an_intent_is_ever_in_a_recording(
    secrets: Sequence[str], quoted: bool
) -> None:
    passphrase, sip, admin = secrets
    intent = replace(
        HOME,
        wifi=tuple(replace(each, passphrase=Secret(passphrase)) for each in HOME.wifi),
        voice=(VoiceLine(username="4505550101", password=Secret(sip), registrar="sip.isp"),),
        admin_password=Secret(admin),
    )
    house = MemoryHouse()
    house.source.put(EQUIPMENT, intent)
    device = xx230v()
    if quoted:
        # A device that keeps secrets readable, in places nobody calls secret too.
        device.write_only = []
        device.values["Device.DeviceInfo.ProvisioningCode"] = Value(f"code {sip}")
        house.jobs = [Job(1, 1, JobKind.READ, {"paths": ["Device."]})]
    recording = record(house, device, "0 BOOTSTRAP", credential="bootstrap")
    for secret in secrets:
        # What a session says when its secrets are others is no leak.
        assume(secret not in PLAIN)
    for text in unescaped(recording):
        for secret in secrets:
            assert secret not in text


def plain(*jobs: Job) -> str:
    house = served()
    house.jobs = list(jobs)
    recording = record(house, xx230v(), "0 BOOTSTRAP", credential="bootstrap")
    return "\n".join(unescaped(recording))


PLAIN = plain() + plain(Job(1, 1, JobKind.READ, {"paths": ["Device."]}))


def masked(message: Message, *, hides: Masks | None = None) -> str:
    secrets = Secrets((hides or Masks()).hides)
    body = soap.encode(message, id="1", namespace=NAMESPACE)
    return secrets.swept_message(secrets.message(body, "text/xml"))


def test_credentials_of_a_transfer_are_masked() -> None:
    text = masked(
        Download(
            command_key="job-1",
            file_type="1 Firmware Upgrade Image",
            url="http://user:pw@files.isp/f/0123456789abcdef0123456789abcdef/fw.bin",
            username="fetcher",
            password=Secret("pw"),
        )
    )
    for secret in ("fetcher", "user:pw", "0123456789abcdef"):
        assert secret not in text
    assert ">pw<" not in text
    assert "files.isp" in text
    assert "fw.bin" in text


def test_a_short_secret_is_masked_in_its_place_and_is_no_word_elsewhere() -> None:
    wanted = (
        ParameterValue("Device.Users.User.2.Password", Value("1234")),
        ParameterValue("Device.WiFi.SSID.1.SSID", Value("Maison 1234")),
        ParameterValue("Device.ManagementServer.ConnectionRequestUsername", Value("who")),
    )
    text = masked(SetParameterValues(wanted, ""))
    assert ">1234<" not in text
    assert "Maison 1234" in text
    assert ">who<" not in text


def told(secrets: Secrets, *pairs: tuple[str, str]) -> str:
    """A message of the device with these names and values, as XML, after it was masked."""
    listed = "".join(
        f"<ParameterValueStruct><Name>{name}</Name><Value>{value}</Value></ParameterValueStruct>"
        for name, value in pairs
    )
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"<GetParameterValuesResponse><ParameterList>{listed}</ParameterList>"
        "</GetParameterValuesResponse></s:Body></s:Envelope>"
    )
    return secrets.swept_message(secrets.message(body.encode(), ""))


@pytest.mark.parametrize(
    "value", ["<b>hunter22</b>", "x<b/>hunter22", "<![CDATA[hunter22]]>", "  hunter22\n"]
)
def test_a_secret_is_found_however_it_is_written(value: str) -> None:
    secrets = Secrets(Masks().hides)
    message = told(secrets, ("Device.A.1.Password", value), ("Device.Echo", "is xhunter22"))
    assert "<Value>hunter22" not in message and "<b>hunter22" not in message
    if value.strip() == "hunter22":
        assert "hunter22" not in message


def test_names_of_elements_in_another_case_hide_no_secret() -> None:
    secrets = Secrets(Masks().hides)
    body = b"<e><p><name>A.Password</name><value>hunter22</value></p></e>"
    assert "hunter22" not in secrets.swept_message(secrets.message(body, ""))


def test_the_longest_of_secrets_that_begin_alike_is_replaced() -> None:
    secrets = Secrets(Masks().hides)
    short, long = secrets.word("hunter22"), secrets.word("hunter22-and-more")
    assert secrets.sweep("ahunter22-and-more, hunter22.hunter2") == f"a{long}, {short}.hunter2"


def test_a_device_with_secrets_without_end_is_not_recorded() -> None:
    secrets = Secrets(Masks().hides)
    with pytest.raises(TooManySecrets):
        told(secrets, *((f"Device.A.{n}.Password", f"secret of {n}") for n in range(MOST + 1)))


@pytest.mark.parametrize(
    ("secret", "kept"),
    [
        ("0" * 63 + "f", lambda word: len(word) == 64 and int(word, 16)),
        ("short", lambda word: len(word) < 8),
        ("x" * 70, lambda word: len(word) > 63),
        ("motdepasse-é", lambda word: not word.isascii()),
        ("motdepasse", lambda word: word == "secret-1"),
        ("true", lambda word: word == "true"),
    ],
)
def test_a_word_keeps_what_rules_look_at(secret: str, kept: Any) -> None:
    secrets = Secrets(Masks().hides)
    assert kept(secrets.word(secret))
    assert secrets.word(secret) == secrets.word(secret)
    assert secrets.word(secrets.word(secret)) == secrets.word(secret)


def test_the_fingerprint_of_another_key_means_the_same_wish() -> None:
    house, device = served(), xx230v()
    record(house, device, "0 BOOTSTRAP")
    assert house.device is not None
    device.next_session()
    recording = record(house, device, "1 BOOT")
    kept = recording.header.answers["open"][0]["Opened"]["device"]
    assert kept["fingerprint"] == "current"
    assert house.device.fingerprint not in recording.dump().decode()
