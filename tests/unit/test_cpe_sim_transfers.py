"""The simulated CPE's transfers: asked for, queued, cancelled, told; the errand over HTTP."""

from __future__ import annotations

import json
import re

import pytest
from test_cpe_sim_session import HOLD, NOW, ask, envelope, inform_response, ont, text_of

from simulators.cpe import asking
from simulators.cpe.content import (
    Reader,
    make_image,
    read_configuration,
    read_image,
    version_in_name,
)
from simulators.cpe.device import Ont
from simulators.cpe.errand import Errand, Next
from simulators.cpe.files import begin, file_to_send, finish
from simulators.cpe.misbehaviour import Misbehaviour, parse_draw
from simulators.cpe.report import End, SessionReport
from simulators.cpe.session import Session
from simulators.cpe.transfers import State, Transfer

FIRMWARE = "1 Firmware Upgrade Image"
VERSION = "Device.DeviceInfo.SoftwareVersion"
SSID = "Device.WiFi.SSID.1.SSID"
GENERIC = "urn:dslforum-org:cwmp-1-2"


def known() -> Ont:
    """A unit that has met its ACS."""
    unit = ont()
    unit.finish(SessionReport(unit.next_events(), end=End.COMPLETE), unit.acs_url)
    return unit


def opened(unit: Ont | None = None) -> Session:
    """A session in which the unit may not yet tell what it has to."""
    session = Session(unit or ont(), [], NOW)
    assert session.receive(inform_response(session.start(), header=HOLD)) == b""
    return session


def download(
    key: str = "k1", file_type: str = FIRMWARE, url: str = "http://files/a.bin", delay: int = 0
) -> str:
    return (
        f"<cwmp:Download><CommandKey>{key}</CommandKey><FileType>{file_type}</FileType>"
        f"<URL>{url}</URL><Username></Username><Password></Password><FileSize>0</FileSize>"
        f"<TargetFileName></TargetFileName><DelaySeconds>{delay}</DelaySeconds>"
        "<SuccessURL></SuccessURL><FailureURL></FailureURL></cwmp:Download>"
    )


def upload(file_type: str, key: str = "u1") -> str:
    return (
        f"<cwmp:Upload><CommandKey>{key}</CommandKey><FileType>{file_type}</FileType>"
        "<URL>http://files/up</URL><Username></Username><Password></Password>"
        "<DelaySeconds>0</DelaySeconds></cwmp:Upload>"
    )


def schedule(*windows: tuple[int, int]) -> str:
    listed = "".join(
        f"<TimeWindowStruct><WindowStart>{start}</WindowStart><WindowEnd>{end}</WindowEnd>"
        "<WindowMode>1 At Any Time</WindowMode><UserMessage></UserMessage>"
        "<MaxRetries>0</MaxRetries></TimeWindowStruct>"
        for start, end in windows
    )
    return (
        f"<cwmp:ScheduleDownload><CommandKey>s1</CommandKey><FileType>{FIRMWARE}</FileType>"
        "<URL>http://files/a.bin</URL><Username></Username><Password></Password>"
        "<FileSize>9</FileSize><TargetFileName>a</TargetFileName>"
        f'<TimeWindowList e:arrayType="cwmp:TimeWindowStruct[{len(windows)}]">{listed}'
        "</TimeWindowList></cwmp:ScheduleDownload>"
    )


def cancel(key: str) -> str:
    return f"<cwmp:CancelTransfer><CommandKey>{key}</CommandKey></cwmp:CancelTransfer>"


def carry(unit: Ont, transfer: Transfer, *answers: tuple[int, dict[str, list[str]], bytes]) -> None:
    """Carry a transfer against scripted answers, without a socket."""
    errand = begin(unit, transfer, NOW, lambda: "c")
    step, script = Next.AGAIN, list(answers)
    while step is Next.AGAIN:
        errand.request()
        status, headers, body = script.pop(0)
        step = errand.answered(status, headers)
        if step is Next.BODY:
            step = errand.ended() if errand.received(body) else errand.broken("cut")
    finish(unit, transfer, errand, NOW + 5)


def length(data: bytes) -> dict[str, list[str]]:
    return {"content-length": [str(len(data))]}


def fetched(unit: Ont, key: str = "k1", body: bytes = b"x" * 100, url: str = "") -> Transfer:
    """Ask for a firmware image and fetch it."""
    ask(opened(unit), download(key, url=url or "http://files/a.bin"))
    transfer = unit.transfers.within(State.WAITING)[-1]
    carry(unit, transfer, (200, length(body), body))
    return transfer


# --- asked for


def test_a_download_is_taken_up_with_status_1() -> None:
    unit = ont()
    session = opened(unit)
    answer = ask(session, download())
    assert text_of(answer, "Status") == "1"
    assert text_of(answer, "StartTime") == "0001-01-01T00:00:00Z"
    (transfer,) = unit.transfers.queue
    assert (transfer.key, transfer.state, transfer.url) == (
        "k1",
        State.WAITING,
        "http://files/a.bin",
    )
    assert (session.report.rpcs[0].status, session.report.rpcs[0].key) == (1, "k1")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (download(url="ftp://files/a"), "9013"),
        (download(url="http://me:secret@files/a"), "9003"),
        (download(url="http:///a"), "9003"),
        (download(key="k" * 33), "9003"),
        (download(file_type="7 Nothing"), "9003"),
        (download(delay=-1), "9003"),
        (upload("4 Tone File"), "9003"),
        (upload("3 Vendor Configuration File x"), "9003"),
        (schedule(), "9003"),
        (schedule((10, 5)), "9003"),
        (schedule((0, 10), (5, 20)), "9003"),
        (schedule((0, 1), (2, 3), (4, 5)), "9003"),
    ],
)
def test_what_it_cannot_carry_is_refused_at_once(body: str, code: str) -> None:
    unit = ont()
    assert text_of(ask(opened(unit), body), "FaultCode") == code
    assert unit.transfers.queue == []


@pytest.mark.parametrize(
    "file_type",
    ["3 Vendor Configuration File", "3 Vendor Configuration File 2", "4 Vendor Log File 1"],
)
def test_uploads_it_knows(file_type: str) -> None:
    assert text_of(ask(opened(), upload(file_type)), "Status") == "1"


def test_the_queue_holds_sixteen() -> None:
    session = opened()
    for number in range(16):
        ask(session, download(f"k{number}"))
    assert text_of(ask(session, download("more")), "FaultCode") == "9004"


def test_queued_transfers_are_listed_with_their_state() -> None:
    unit = ont()
    session = opened(unit)
    ask(session, download("a"))
    ask(session, upload("2 Vendor Log File", "b"))
    unit.transfers.queue[0].state = State.RUNNING
    short = ask(session, "<cwmp:GetQueuedTransfers/>").decode()
    assert re.findall(r"<CommandKey>(\w)</CommandKey><State>(\d)<", short) == [
        ("a", "2"),
        ("b", "1"),
    ]
    assert "cwmp:QueuedTransferStruct[2]" in short
    full = ask(session, "<cwmp:GetAllQueuedTransfers/>").decode()
    assert re.findall(r"<IsDownload>(\d)</IsDownload><FileType>([^<]+)<", full) == [
        ("1", FIRMWARE),
        ("0", "2 Vendor Log File"),
    ]


def test_a_waiting_transfer_can_be_cancelled_and_a_running_one_cannot() -> None:
    unit = ont()
    session = opened(unit)
    ask(session, download("a"))
    ask(session, download("b"))
    unit.transfers.queue[1].state = State.RUNNING
    assert b"CancelTransferResponse" in ask(session, cancel("a"))
    answer = ask(session, cancel("b"))
    assert (text_of(answer, "FaultCode"), text_of(answer, "faultcode")) == ("9021", "Client")
    assert [transfer.key for transfer in unit.transfers.queue] == ["b"]


# --- told


def test_firmware_restarts_the_unit_and_is_told_after_it() -> None:
    unit = known()
    fetched(unit, body=make_image("0.7.0 Build 230101", "XX230v", b"payload"))
    assert unit.restart_due
    unit.settle()
    assert unit.tree.get(VERSION) == "0.7.0 Build 230101"
    assert [event.code for event in unit.next_events()] == [
        "4 VALUE CHANGE",
        "1 BOOT",
        "7 TRANSFER COMPLETE",
        "M Download",
    ]
    session = Session(unit, unit.next_events(), NOW)
    told = session.receive(inform_response(session.start()))
    assert isinstance(told, bytes)
    assert text_of(told, "CommandKey") == "k1"
    assert text_of(told, "FaultCode") == "0"
    assert text_of(told, "CompleteTime") > text_of(told, "StartTime") > "2026"
    answer = envelope("<cwmp:TransferCompleteResponse/>", text_of(told, "cwmp:ID"))
    assert session.receive(answer) == b""
    assert [(one.method, one.key) for one in session.report.told] == [("TransferComplete", "k1")]
    assert unit.transfers.queue == []


def told_in(unit: Ont, *, answered: bool = True) -> list[str]:
    """Keys of the TransferCompletes of one session."""
    session = Session(unit, unit.next_events(), NOW)
    body, keys = session.receive(inform_response(session.start())), []
    while body:
        assert isinstance(body, bytes)
        keys.append(text_of(body, "CommandKey"))
        if not answered:
            session.fail("the line broke")
            break
        answer = "<cwmp:TransferCompleteResponse></cwmp:TransferCompleteResponse>"
        body = session.receive(envelope(answer, text_of(body, "cwmp:ID")))
    unit.finish(session.report, unit.acs_url)
    return keys


def test_a_report_is_repeated_until_it_is_answered() -> None:
    unit = ont()
    fetched(unit)
    assert told_in(unit, answered=False) == ["k1"]
    assert [event.code for event in unit.next_events()][-2:] == [
        "7 TRANSFER COMPLETE",
        "M Download",
    ]
    assert told_in(unit) == ["k1"]
    assert told_in(unit) == []


def test_reports_can_be_lost_doubled_or_reversed() -> None:
    lost = ont(misbehaviour=Misbehaviour(transfer_complete="lost"))
    fetched(lost)
    assert (lost.transfers.queue, told_in(lost)) == ([], [])
    twice = ont(misbehaviour=Misbehaviour(transfer_complete="twice"))
    fetched(twice)
    assert [told_in(twice) for _ in range(3)] == [["k1"], ["k1"], []]
    back = ont(misbehaviour=Misbehaviour(reverse_transfers=True))
    fetched(back, "a")
    ask(opened(back), download("b"))
    assert told_in(back) == []
    carry(back, back.transfers.queue[1], (404, {}, b""))
    back.transfers.queue[1].complete += 1
    assert told_in(back) == ["b", "a"]


@pytest.mark.parametrize(
    ("forget", "event", "request_key"),
    [({"event"}, "", "k1"), ({"request"}, "k1", ""), ({"event", "request"}, "", "")],
)
def test_the_command_key_can_be_forgotten(forget: set[str], event: str, request_key: str) -> None:
    unit = ont(misbehaviour=Misbehaviour(forget_key=frozenset(forget)))
    fetched(unit)
    assert unit.next_events()[-1] == ("M Download", event)
    assert told_in(unit) == [request_key]


def test_a_refused_report_is_made_again() -> None:
    unit = ont()
    fetched(unit)
    session = Session(unit, unit.next_events(), NOW)
    told = session.receive(inform_response(session.start()))
    assert isinstance(told, bytes)
    fault = (
        "<s:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail>"
        "<cwmp:Fault><FaultCode>8002</FaultCode></cwmp:Fault></detail></s:Fault>"
    )
    assert session.receive(envelope(fault, text_of(told, "cwmp:ID"))) == b""
    assert session.report.told[0].fault == "8002"
    assert told_in(unit) == ["k1"]


def test_a_bootstrap_drops_reports_but_not_waiting_transfers() -> None:
    unit = known()
    fetched(unit)
    ask(opened(unit), download("later", delay=60))
    unit.acs_url = "http://another/"
    assert [event.code for event in unit.next_events()] == ["0 BOOTSTRAP"]
    assert [transfer.key for transfer in unit.transfers.queue] == ["later"]


def test_an_outcome_can_be_drawn() -> None:
    unit = ont(misbehaviour=Misbehaviour(faults=(parse_draw("TransferComplete=9019@once"),)))
    assert (fetched(unit, "a").fault, unit.restart_due) == (9019, False)
    assert (fetched(unit, "b").fault, unit.restart_due) == (0, True)


def test_the_queue_survives_a_power_cut() -> None:
    unit = known()
    fetched(unit, "done")
    ask(opened(unit), schedule((10, 20)))
    ask(opened(unit), download("running"))
    unit.transfers.queue[-1].state = State.RUNNING
    again = ont()
    again.load(json.loads(json.dumps(unit.dump())))
    assert [(t.key, t.state) for t in again.transfers.queue] == [
        ("done", State.DONE),
        ("s1", State.WAITING),
        ("running", State.WAITING),
    ]
    assert again.transfers.queue[1].windows[0].end == 20


# --- within the session (Status 0)


def test_the_generic_device_fetches_small_files_within_the_session() -> None:
    unit = ont("generic-tr181")
    session = Session(unit, [], NOW)
    session.receive(inform_response(session.start(), namespace=GENERIC))
    transfer = session.receive(envelope(download(file_type="2 Web Content"), namespace=GENERIC))
    assert isinstance(transfer, Transfer)
    carry(unit, transfer, (200, length(b"page"), b"page"))
    answer = session.transferred()
    assert text_of(answer, "Status") == "0"
    assert text_of(answer, "CompleteTime").startswith("2026-")
    assert unit.transfers.queue == []
    second = session.receive(envelope(download(file_type="2 Web Content"), namespace=GENERIC))
    assert isinstance(second, Transfer)
    carry(unit, second, (404, {}, b""))
    assert text_of(session.transferred(), "FaultCode") == "9016"


# --- the errand


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ([(404, {}, b"")], 9016),
        ([(403, {}, b"")], 9016),
        ([(500, {}, b"")], 9010),
        ([(401, {"www-authenticate": ['Basic realm="x"']}, b"")], 9012),
        ([(302, {"location": ["ftp://x/"]}, b"")], 9015),
        ([(302, {"location": ["/b"]}, b""), (200, {"content-length": ["1"]}, b"x")], 0),
        (
            [(200, {"content-length": ["9"]}, b"x")] * 1
            + [(206, {"content-range": ["bytes 5-8/9"]}, b"")],
            9010,
        ),
    ],
)
def test_answers_of_the_file_server_become_fault_codes(
    answers: list[tuple[int, dict[str, list[str]], bytes]], fault: int
) -> None:
    unit = ont()
    ask(opened(unit), download())
    (transfer,) = unit.transfers.queue
    carry(unit, transfer, *answers)
    assert (transfer.fault, transfer.state) == (fault, State.DONE)


def test_a_broken_download_is_resumed_where_it_broke() -> None:
    errand = Errand("http://files/a", "", "", lambda: "c")
    errand.request()
    errand.answered(200, {"content-length": ["10"], "etag": ['"v1"']})
    errand.received(b"01234")
    assert errand.broken("reset") is Next.AGAIN
    headers = errand.request().headers
    assert (headers["Range"], headers["If-Range"]) == ("bytes=5-", '"v1"')
    assert errand.answered(206, {"content-range": ["bytes 5-9/10"]}) is Next.BODY
    errand.received(b"56789")
    assert errand.ended() is Next.OVER
    assert (errand.fault, errand.reader.head) == (0, b"0123456789")


def test_a_file_that_changed_meanwhile_is_read_from_its_start() -> None:
    errand = Errand("http://files/a", "", "", lambda: "c")
    errand.request()
    errand.answered(200, {"content-length": ["10"]})
    errand.received(b"01234")
    errand.broken("reset")
    errand.request()
    errand.answered(200, {"content-length": ["3"]})
    errand.received(b"new")
    errand.ended()
    assert errand.reader.head == b"new"


def test_three_broken_attempts_are_enough() -> None:
    started = Errand("http://files/a", "", "", lambda: "c")
    started.request()
    started.answered(200, {"content-length": ["10"]})
    started.received(b"0")
    steps = [started.broken("reset") for _ in range(3)]
    assert (steps[-1], started.fault) == (Next.OVER, 9017)
    never = Errand("http://files/a", "", "", lambda: "c")
    steps = [never.unreachable("refused") for _ in range(3)]
    assert (steps, never.fault) == ([Next.AGAIN, Next.AGAIN, Next.OVER], 9015)


def test_credentials_stay_with_the_host_they_were_given_for() -> None:
    errand = Errand("http://files/a", "me", "secret", lambda: "c")
    errand.request()
    errand.answered(302, {"location": ["http://elsewhere/a"]})
    errand.request()
    assert errand.answered(401, {"www-authenticate": ['Basic realm="x"']}) is Next.OVER
    assert errand.fault == 9012


def test_digest_is_computed_for_the_method_and_the_query() -> None:
    errand = Errand("http://files/a?sig=1", "me", "secret", lambda: "c", body=b"log")
    errand.request()
    challenge = 'Digest realm="f", nonce="n", qop="auth"'
    assert errand.answered(401, {"www-authenticate": [challenge]}) is Next.AGAIN
    request = errand.request()
    assert request.method == "PUT"
    assert 'uri="/a?sig=1"' in request.headers["Authorization"]
    assert errand.answered(201, {}) is Next.BODY


# --- what is in a file


def test_an_image_is_checked() -> None:
    image = make_image("1.0", "XX230v", b"payload")
    for data, fault in [
        (image, 0),
        (image[:-1] + b"!", 9018),
        (make_image("1.0", "EX220", b"payload"), 9018),
        (b"cpe-sim image {oops\n", 9018),
        (b"any other file", 0),
    ]:
        assert fetched(ont(), body=data).fault == fault


def test_the_announced_size_must_be_right() -> None:
    unit = ont()
    ask(opened(unit), download().replace("<FileSize>0", "<FileSize>7"))
    (transfer,) = unit.transfers.queue
    carry(unit, transfer, (200, length(b"12345678"), b"12345678"))
    assert (transfer.fault, unit.restart_due) == (9018, False)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_the_checksum_does_not_depend_on_the_pieces(pieces: int) -> None:
    image = make_image("1.0", "XX230v", bytes(range(256)) * 20)
    reader = Reader()
    for at in range(0, len(image), pieces):
        reader.feed(image[at : at + pieces])
    found = read_image(reader.head)
    assert found is not None
    assert (found.crc, reader.size) == (reader.crc, len(image))


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("http://f/XX230v_0.7.0_3.0.0_Build_230815.bin", "0.7.0_3.0.0_Build_230815"),
        ("http://f/fw-3.2.2.img?sig=9.9.9", "3.2.2"),
        ("http://f/XX230v%201.2.3%20Build%201.bin", "1.2.3 Build 1"),
        ("http://f/firmware.bin", ""),
    ],
)
def test_the_version_in_a_file_name(url: str, version: str) -> None:
    assert version_in_name("", url) == version


def test_an_image_that_tells_nothing_is_the_next_version_of_the_model() -> None:
    unit = ont()
    fetched(unit, body=b"some other image")
    unit.settle()
    assert unit.tree.get(VERSION) == unit.model.upgrades[0]
    fetched(unit, "k2", body=b"some other image")
    unit.settle()
    assert unit.tree.get(VERSION) == unit.model.upgrades[-1]


def test_a_configuration_comes_back_as_it_went() -> None:
    unit = ont()
    unit.tree.put(SSID, 'Chalet "d\'été"\n=')
    saved = file_to_send(unit, "3 Vendor Configuration File", NOW)
    assert dict(read_configuration(saved))[SSID] == 'Chalet "d\'été"\n='
    other = ont()
    ask(opened(other), download(file_type="3 Vendor Configuration File"))
    data = saved + b'Device.Nothing.Here = "1"\nDevice.DeviceInfo.SerialNumber = "x"\n'
    carry(other, other.transfers.queue[0], (200, length(data), data))
    assert other.transfers.queue[0].fault == 0
    assert other.tree.get(SSID) == unit.tree.get(SSID)
    assert other.restored[1] == 2


@pytest.mark.parametrize("data", [b"\xff\xfe", b"no setting", b"a = 1\n", b"a = {\n"])
def test_what_is_no_configuration_is_corrupted(data: bytes) -> None:
    unit = ont()
    ask(opened(unit), download(file_type="3 Vendor Configuration File"))
    carry(unit, unit.transfers.queue[0], (200, length(data), data))
    assert unit.transfers.queue[0].fault == 9018


def test_a_log_names_the_unit_and_holds_no_secret() -> None:
    unit = ont(username="u", password="very-secret")
    log = file_to_send(unit, "2 Vendor Log File", NOW).decode()
    assert unit.identity.serial in log
    assert "very-secret" not in log


# --- on its own account


def test_the_unit_asks_for_a_download_and_tells_of_its_own_ones() -> None:
    unit = known()
    unit.announcements = [
        asking.request_download(FIRMWARE, [("Reason", "old & slow")], unit.dialect),
        asking.autonomous_transfer(
            FIRMWARE, "http://v/x", download=True, size=5, target="", fault=0,
            start=NOW, complete=NOW, dialect=unit.dialect,
        ),
    ]  # fmt: skip
    assert [event.code for event in unit.next_events()] == [
        "9 REQUEST DOWNLOAD",
        "10 AUTONOMOUS TRANSFER COMPLETE",
    ]
    session = Session(unit, unit.next_events(), NOW)
    first = session.receive(inform_response(session.start()))
    assert isinstance(first, bytes)
    assert b"<Name>Reason</Name><Value>old &amp; slow</Value>" in first
    second = session.receive(envelope("<cwmp:RequestDownloadResponse/>", text_of(first, "cwmp:ID")))
    assert isinstance(second, bytes)
    assert text_of(second, "TransferURL") == "http://v/x"
    last = envelope("<cwmp:AutonomousTransferCompleteResponse/>", text_of(second, "cwmp:ID"))
    assert session.receive(last) == b""
    assert unit.announcements == []
