"""Sessions of the running program, rule by rule (TR-069 3.4 and 3.7)."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from dataclasses import replace

import pytest
from acs_fixtures import NewCpe, StartAcs
from certificates import Certificates
from raw_cpe import (
    CWMP,
    TRANSFER_COMPLETE,
    Account,
    Answer,
    DigestForm,
    Form,
    RawCpe,
    challenges,
)
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import JobKind, JobState, Standing

MAC = "Device.Ethernet.Interface.1.MACAddress"
NAME = "Device.DeviceInfo.ModelName"
TREE = {
    MAC: ("A4:B1:C2:00:00:01", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:01", "string"),
    NAME: ("Gate 3000", "string"),
}
"""What the server reads of a device that no equipment is known for."""


@pytest.fixture
def cpe(new_cpe: NewCpe) -> RawCpe:
    """A CPE that answers what the server reads of it."""
    return new_cpe(tree=dict(TREE))


@pytest.fixture
def known(acs: RunningAcs, cpe: RawCpe) -> RawCpe:
    """A CPE that had its first session: it is quarantined, and nothing is asked of it by itself."""
    cpe.session("0 BOOTSTRAP", "1 BOOT")
    assert acs.device(cpe.key).standing is Standing.QUARANTINED
    return cpe


def basic(account: Account) -> str:
    return f"Authorization: Basic {base64.b64encode(':'.join(account).encode()).decode()}"


def read_job(acs: RunningAcs, cpe: RawCpe, *paths: str) -> int:
    return acs.enqueue(acs.device(cpe.key), JobKind.READ, paths=list(paths or (NAME,)))


# --- Inform ---------------------------------------------------------------------------------


class TestInform:
    @pytest.mark.parametrize(
        "namespace",
        [
            "urn:dslforum-org:cwmp-1-0",
            "urn:dslforum-org:cwmp-1-1",
            "urn:dslforum-org:cwmp-1-2",
            "urn:dslforum-org:cwmp-1-3",
            "urn:dslforum-org:cwmp-1-4",
            "urn:dslforum-org:cwmp-9-9",
        ],
    )
    def test_every_namespace_is_answered_in_itself(self, new_cpe: NewCpe, namespace: str) -> None:
        cpe = new_cpe(form=Form(namespace=namespace))
        answer = cpe.open("0 BOOTSTRAP", id="ab-7")
        assert (answer.status, answer.name, answer.namespace) == (200, "InformResponse", namespace)
        assert (answer.id, answer.text("MaxEnvelopes")) == ("ab-7", "1")
        assert cpe.post().namespace == namespace

    @pytest.mark.parametrize(
        "form",
        [
            Form(env="soap", enc="soapenc"),
            Form(env="soapenv", enc="soap-enc", cwmp="dsl"),
            Form(env="SOAP-ENV", cwmp="ns1", declaration=False),
            Form(quote="'"),
            Form(count="{:04d}"),
            Form(encoding="http://schemas.xmlsoap.org/soap/encoding"),
            Form(
                schema="http://www.w3.org/1999/XMLSchema",
                instance="http://www.w3.org/1999/XMLSchema-instance",
            ),
        ],
        ids=["soap", "soapenv", "no declaration", "quotes", "zero padded", "slash", "1999"],
    )
    def test_every_prefix_form(self, acs: RunningAcs, new_cpe: NewCpe, form: Form) -> None:
        cpe = new_cpe(form=form, tree=dict(TREE))
        assert cpe.session("0 BOOTSTRAP") == ["GetParameterValues"]
        assert acs.device(cpe.key).model == "Gate 3000"

    def test_an_inform_without_header_and_id(self, new_cpe: NewCpe) -> None:
        cpe = new_cpe(form=Form(header=False))
        answer = cpe.open()
        assert (answer.status, answer.name) == (200, "InformResponse")
        assert not answer.id

    def test_answers_are_text_xml_with_a_length(self, cpe: RawCpe) -> None:
        answer = cpe.open()
        assert answer.header("content-type").startswith("text/xml")
        assert answer.header("content-length") == str(len(answer.body))
        assert not answer.all("transfer-encoding")

    def test_xml_characters_and_accents_in_an_identity(
        self, acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        cpe = new_cpe(manufacturer="Télé &amp; Fils", product_class="Box v2.0")
        assert cpe.open().status == 200
        device = acs.device(cpe.serial)
        assert device.manufacturer == "Télé & Fils"
        assert device.key == f"A4B1C2-Box%20v2%2E0-{cpe.serial}"

    @pytest.mark.parametrize("missing", ["oui", "serial"])
    def test_an_inform_without_identity_is_invalid(self, new_cpe: NewCpe, missing: str) -> None:
        answer = new_cpe(**{missing: ""}).open()
        assert (answer.status, answer.fault) == (200, 8003)

    def test_every_event_is_on_the_timeline(self, acs: RunningAcs, known: RawCpe) -> None:
        known.session("1 BOOT", "4 VALUE CHANGE", "M Reboot", "X A4B1C2 Odd", "13 WAKEUP")
        kinds = {entry.kind for entry in acs.timeline(acs.device(known.key))}
        assert {"boot", "value change", "command done", "other", "wakeup"} <= kinds


class TestVersions:
    """Versions (TR-069 3.7.4)."""

    SUPPORTED = (
        '<cwmp:SupportedCWMPVersions SOAP-ENV:mustUnderstand="0">{}</cwmp:SupportedCWMPVersions>'
    )

    @pytest.mark.parametrize(
        ("offered", "chosen"),
        [("1.0,1.1,1.2,1.3,1.4", "1.4"), ("1.0, 1.1", "1.1"), ("1.4,1.9", "1.4"), ("1.2", "1.2")],
    )
    def test_the_highest_common_version_is_used(
        self, cpe: RawCpe, offered: str, chosen: str
    ) -> None:
        answer = cpe.open(more=self.SUPPORTED.format(offered))
        assert (answer.name, answer.text("UseCWMPVersion")) == ("InformResponse", chosen)
        (header,) = answer.elements("UseCWMPVersion")
        assert "1" in header.attrib.values(), "mustUnderstand"
        assert cpe.post().text("UseCWMPVersion") is None, "with the InformResponse only"

    def test_no_such_header_to_a_cpe_that_sent_none(self, cpe: RawCpe) -> None:
        assert cpe.open().text("UseCWMPVersion") is None

    def test_no_version_in_common_is_8006(self, acs: RunningAcs, cpe: RawCpe) -> None:
        answer = cpe.open(id="v", more=self.SUPPORTED.format("2.0,3.1"))
        assert (answer.fault, answer.id) == (8006, "v")
        assert acs.find(cpe.key) is None, "no session was opened"


# --- who may say what, and when -------------------------------------------------------------


class TestOrder:
    """Turns (TR-069 3.7)."""

    @pytest.mark.parametrize(
        "body",
        [
            Form().call("GetRPCMethods"),
            Form().call("TransferComplete", TRANSFER_COMPLETE.format(key="k", code=0)),
            Form().call("GetParameterValuesResponse", "<ParameterList/>"),
            Form().fault(9001),
        ],
        ids=["request", "TransferComplete", "response", "fault"],
    )
    def test_a_first_post_that_is_no_inform_is_rejected(self, cpe: RawCpe, body: bytes) -> None:
        answer = cpe.authorized(body)
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert not answer.all("set-cookie")

    def test_a_first_post_that_is_empty_opens_no_session(self, cpe: RawCpe) -> None:
        assert cpe.post().status == 401
        assert cpe.authorized(b"").status == 400

    def test_a_second_inform_ends_the_old_session(self, acs: RunningAcs, known: RawCpe) -> None:
        job = read_job(acs, known)
        known.open()
        assert known.post().name == "GetParameterValues"
        first = known.cookie
        answer = known.open()
        assert answer.name == "InformResponse"
        assert known.cookie != first
        assert known.finish(known.post())[0].name == "GetParameterValues", "the job is kept"
        assert acs.job(job).state is JobState.DONE
        lost = acs.told(acs.device(known.key), "session lost")
        assert lost == ["a new Inform in the session"]

    def test_a_newer_inform_on_another_connection_wins(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        read_job(acs, known)
        known.open()
        assert known.post().name == "GetParameterValues"
        again = known.sibling()
        assert again.session() == ["GetParameterValues"]
        # The old session is over: its answer is out of turn now.
        assert known.post(known.form.call("GetParameterValuesResponse")).status in (400, 401)
        again.close()

    def test_requests_before_the_empty_post_are_answered_one_by_one(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job = read_job(acs, known)
        known.open("7 TRANSFER COMPLETE")
        form = known.form
        for number, code in enumerate((0, 9010)):
            told = TRANSFER_COMPLETE.format(key=f"k{number}", code=code)
            answer = known.post(form.call("TransferComplete", told, id=f"t{number}"))
            assert (answer.name, answer.id) == ("TransferCompleteResponse", f"t{number}")
        answer = known.post(form.call("GetRPCMethods", id="g"))
        assert (answer.name, answer.id) == ("GetRPCMethodsResponse", "g")
        assert "TransferComplete" in [node.text for node in answer.method.iter("string")]
        assert known.finish(known.post())[-1].status == 204
        assert acs.job(job).state is JobState.DONE
        kept = acs.told(acs.device(known.key), "transfer complete")
        assert any("k0" in text and "success" in text for text in kept)
        assert any("k1" in text and "9010" in text for text in kept)

    @pytest.mark.parametrize(
        "events",
        [
            ("7 TRANSFER COMPLETE", "M Download"),
            ("M Download", "7 TRANSFER COMPLETE"),
            ("7 TRANSFER COMPLETE",),
            ("M Download",),
            ("2 PERIODIC",),
        ],
        ids=", ".join,
    )
    def test_a_transfer_is_told_whatever_events_announced_it(
        self, acs: RunningAcs, known: RawCpe, events: tuple[str, ...]
    ) -> None:
        """Empty keys in the events, a key nobody knows in the call, times that are none."""
        known.open(*events)
        told = TRANSFER_COMPLETE.format(key="unheard-of", code=0)
        told = told.replace("2026-05-01T10:00:00Z", "soon")
        assert known.post(known.form.call("TransferComplete", told)).status == 200
        assert known.post().status == 204
        (text,) = acs.told(acs.device(known.key), "transfer complete")[-1:]
        assert "unheard-of" in text

    @pytest.mark.parametrize("method", ["X_ACME_Report", "Download", "GetOptions"])
    def test_an_unknown_method_is_8000_and_the_session_lives(
        self, known: RawCpe, method: str
    ) -> None:
        known.open()
        answer = known.post(known.form.call(method, "<A>1</A>", id="x"))
        assert (answer.status, answer.fault, answer.id) == (200, 8000, "x")
        assert known.post().status == 204

    @pytest.mark.parametrize(
        ("method", "inner"),
        [
            ("TransferComplete", TRANSFER_COMPLETE.format(key="unknown", code=0)),
            (
                "AutonomousTransferComplete",
                "<AnnounceURL></AnnounceURL><TransferURL></TransferURL><IsDownload>1</IsDownload>"
                "<FileType>1 Firmware Upgrade Image</FileType><FileSize>0</FileSize>"
                "<TargetFileName></TargetFileName><FaultStruct><FaultCode>0</FaultCode>"
                "<FaultString></FaultString></FaultStruct>"
                "<StartTime>2026-05-01T10:00:00Z</StartTime>"
                "<CompleteTime>2026-05-01T10:00:00Z</CompleteTime>",
            ),
            ("RequestDownload", "<FileType>1 Firmware Upgrade Image</FileType><FileTypeArg/>"),
            ("DUStateChangeComplete", "<CommandKey>du</CommandKey>"),
            ("AutonomousDUStateChangeComplete", ""),
            ("GetRPCMethods", ""),
            ("Kicked", "<Command>c</Command><Referer>r</Referer><Arg>a</Arg><Next>n</Next>"),
        ],
    )
    def test_every_request_of_a_cpe_has_its_response(
        self, known: RawCpe, method: str, inner: str
    ) -> None:
        known.open()
        answer = known.post(known.form.call(method, inner, id="m"))
        assert (answer.name, answer.id) == (f"{method}Response", "m")
        assert answer.namespace == CWMP
        assert known.post().status == 204

    def test_an_answer_nobody_asked_for_is_rejected(self, known: RawCpe) -> None:
        known.open()
        answer = known.post(known.form.call("SetParameterValuesResponse", "<Status>0</Status>"))
        assert (answer.status, answer.header("connection")) == (400, "close")

    def test_204_has_no_body_and_200_always_an_envelope(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        read_job(acs, known)
        opened = known.open()
        asked = known.finish(known.post())
        for answer in (opened, *asked[:-1]):
            assert (answer.status, bool(answer.name)) == (200, True)
        assert (asked[-1].status, asked[-1].body) == (204, b"")
        assert not asked[-1].all("content-type")

    def test_trailing_empty_posts_are_answered_204(self, known: RawCpe) -> None:
        known.session()
        for _ in range(3):
            assert known.post().status == 204
        known.connect()
        assert known.post().status == 204, "known by its cookie on a new connection"
        known.returns_cookie = False
        known.connect()
        assert known.post().status == 401, "a stranger"

    def test_the_empty_post_as_answer_fails_the_job_step_and_ends_with_204(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job = read_job(acs, known)
        known.open()
        assert known.post().name == "GetParameterValues"
        assert known.post().status == 204
        wait_for("the attempt", lambda: acs.job(job).attempts)
        assert acs.job(job).state is JobState.QUEUED, "it is repeated at the next contact"
        assert known.session() == ["GetParameterValues"]
        assert acs.job(job).state is JobState.DONE

    def test_an_answer_is_matched_by_the_only_open_request(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job = read_job(acs, known)
        known.open()
        known.post()
        wrong = known.form.call(
            "GetParameterValuesResponse", known.form.values({NAME: ("M", "string")}), id="other"
        )
        assert known.post(wrong).status == 204
        assert acs.job(job).result["values"] == {NAME: "M"}

    def test_other_http_methods_are_405(self, known: RawCpe) -> None:
        answer = known.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (answer.status, answer.header("allow")) == (405, "POST")


class TestConnections:
    """Sections 2 and 14."""

    def test_a_session_goes_on_over_new_connections_with_its_cookie(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job = read_job(acs, known)
        known.open()
        known.connect()
        asked = known.post()
        assert asked.name == "GetParameterValues"
        known.connect()
        assert known.post(known.respond(asked)).status == 204
        assert acs.job(job).state is JobState.DONE

    def test_a_session_goes_on_over_its_connection_without_the_cookie(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        known.returns_cookie = False
        job = read_job(acs, known)
        assert known.session() == ["GetParameterValues"]
        assert acs.job(job).state is JobState.DONE

    def test_a_new_connection_without_the_cookie_is_a_stranger_and_may_inform_anew(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        known.returns_cookie = False
        known.open()
        known.connect()
        assert known.authorized(b"").status == 400, "never 500"
        assert known.session() == []

    @pytest.mark.parametrize(
        "form",
        [
            "{}",
            '{0}; $Path="/"',
            '$Version="1"; {0}',
            "other=1, {}",
            "a=b; {}; c=d",
            "{}; Path=/; HttpOnly",
        ],
    )
    def test_cookies_in_every_form(self, acs: RunningAcs, known: RawCpe, form: str) -> None:
        read_job(acs, known)
        known.open()
        known.cookie = form.format(known.cookie)
        known.connect()
        assert known.finish(known.post())[-1].status == 204

    def test_a_quoted_cookie(self, acs: RunningAcs, known: RawCpe) -> None:
        read_job(acs, known)
        known.open()
        known.cookie = re.sub("=(.*)", r'="\1"', known.cookie)
        known.connect()
        assert known.finish(known.post())[-1].status == 204

    def test_one_short_cookie_for_every_path(self, known: RawCpe) -> None:
        answer = known.open()
        (told,) = answer.all("set-cookie")
        assert "Path=/" in told
        assert len(told) < 128
        assert not known.post().all("set-cookie")

    def test_the_connection_is_kept_to_the_end(self, acs: RunningAcs, known: RawCpe) -> None:
        read_job(acs, known)
        for answer in (known.open(), *known.finish(known.post())):
            assert answer.header("connection").lower() != "close"

    def test_an_unknown_cookie_neither_helps_nor_harms(self, known: RawCpe) -> None:
        known.session()
        known.connect()
        known.cookie = "acs=AAAAAAAAAAAAAAAAAAAAAA"
        assert known.session() == []

    def test_a_proxy_that_pools_connections_mixes_up_nobody(
        self, acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        """Two CPEs behind a proxy that sends their requests over one connection, in turns."""
        one, two = new_cpe(tree=dict(TREE)), new_cpe(tree=dict(TREE))
        for cpe in (one, two):
            cpe.session("0 BOOTSTRAP")
            cpe.cookie = ""
        jobs = [read_job(acs, cpe) for cpe in (one, two)]
        shared = one.connect()
        two.close()
        two.connection = shared
        assert one.open().name == "InformResponse"
        assert two.open().name == "InformResponse"
        asked = [cpe.post() for cpe in (one, two)]
        assert [answer.name for answer in asked] == ["GetParameterValues"] * 2
        for cpe, answer in zip((one, two), asked, strict=True):
            assert cpe.post(cpe.respond(answer)).status == 204
        assert [acs.job(job).state for job in jobs] == [JobState.DONE] * 2
        two.connection = None

    @pytest.mark.parametrize("content", ["text/html", "application/soap+xml", "application/xml"])
    def test_any_content_type(self, new_cpe: NewCpe, content: str) -> None:
        cpe = new_cpe(headers=("Host: a", f"Content-Type: {content}"))
        assert cpe.open().name == "InformResponse"

    @pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
    def test_compressed_bodies(self, new_cpe: NewCpe, coding: str) -> None:
        cpe = new_cpe()
        compress = zlib.compress if coding == "deflate" else gzip.compress
        body = compress(cpe.inform("0 BOOTSTRAP"))
        answer = cpe.authorized(body, f"Content-Encoding: {coding}")
        assert answer.name == "InformResponse"
        assert not answer.all("content-encoding")

    def test_chunked_bodies(self, new_cpe: NewCpe) -> None:
        cpe = new_cpe()
        inform = cpe.inform("0 BOOTSTRAP")
        parts = [inform[start : start + 100] for start in range(0, len(inform), 100)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        assert cpe.authorized(body, "Transfer-Encoding: chunked").name == "InformResponse"

    def test_no_content_type(self, new_cpe: NewCpe) -> None:
        assert new_cpe(headers=("Host: a",)).open().name == "InformResponse"

    def test_a_body_that_cannot_be_read_is_not_an_empty_post(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job = read_job(acs, known)
        known.open()
        assert known.post(b"hello").status == 400
        assert acs.job(job).state is JobState.QUEUED
        assert known.session() == ["GetParameterValues"]

    def test_retry_count_in_the_thousands(self, new_cpe: NewCpe) -> None:
        cpe = new_cpe()
        for retry in range(1490, 1494):
            answer = cpe.authorized(cpe.inform("1 BOOT", retry=retry))
            assert answer.name == "InformResponse"
            cpe.connect()


# --- faults of a CPE ------------------------------------------------------------------------


class TestFaults:
    TWO = "".join(
        f"<SetParameterValuesFault><ParameterName>{name}</ParameterName>"
        f"<FaultCode>{code}</FaultCode><FaultString>{text}</FaultString></SetParameterValuesFault>"
        for name, code, text in (
            ("Device.Time.NTPServer1", 9007, "too long"),
            ("Device.Time.NTPServer2", 9008, ""),
        )
    )

    def set_job(self, acs: RunningAcs, cpe: RawCpe) -> int:
        changes = [
            {"path": f"Device.Time.NTPServer{number}", "value": "ntp.example.net", "type": "string"}
            for number in (1, 2)
        ]
        return acs.enqueue(acs.device(cpe.key), JobKind.SET, changes=changes)

    def test_a_fault_names_each_parameter_it_is_about(self, acs: RunningAcs, known: RawCpe) -> None:
        job = self.set_job(acs, known)
        more = read_job(acs, known)

        def respond(asked: Answer) -> bytes:
            if asked.name == "SetParameterValues":
                return known.form.fault(9003, "Invalid arguments", asked.id, self.TWO)
            return known.respond(asked)

        assert known.session(respond=respond) == ["SetParameterValues", "GetParameterValues"]
        failed = acs.job(job)
        assert (failed.state, failed.result["code"]) == (JobState.FAILED, 9003)
        assert failed.result["parameters"] == [
            "Device.Time.NTPServer1: 9007 Invalid parameter value: too long",
            "Device.Time.NTPServer2: 9008 Attempt to set a non-writable parameter",
        ]
        assert acs.job(more).state is JobState.DONE, "the session goes on after a fault"

    @pytest.mark.parametrize(
        "fault",
        [
            '<e:Fault xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
            "<faultcode>Client</faultcode><faultstring>Odd</faultstring><detail/></e:Fault>",
            "<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>CWMP fault"
            "<detail><cwmp:Fault><FaultCode>9814</FaultCode><FaultString>Odd</FaultString>"
            "</cwmp:Fault></detail></faultstring></SOAP-ENV:Fault>",
        ],
        ids=["no inner fault", "detail inside faultstring, vendor code"],
    )
    def test_faults_in_odd_forms_fail_the_job_with_their_text(
        self, acs: RunningAcs, known: RawCpe, fault: str
    ) -> None:
        job = self.set_job(acs, known)
        known.session(respond=lambda asked: known.form.envelope(fault, None))
        failed = acs.job(job)
        assert failed.state is JobState.FAILED
        assert "Odd" in str(failed.result["error"])
        assert failed.result["code"] == (9814 if "9814" in fault else 9002)


# --- what the server sends ------------------------------------------------------------------


class TestRequests:
    """What we ask, and how."""

    def test_all_prefixes_are_declared_on_the_envelope_and_there_is_no_default_namespace(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        read_job(acs, known)
        for answer in (known.open(), *known.finish(known.post())[:-1]):
            assert {"soap-env", "soap-enc", "xsd", "xsi", "cwmp"} <= set(answer.root.nsmap)
            assert None not in answer.root.nsmap
            for node in answer.root.iter():
                assert node.nsmap == answer.root.nsmap
            assert answer.body.isascii()
            assert answer.body.startswith(b"<?xml")

    def test_large_reads_are_split_and_small_enough_for_any_cpe(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        paths = [f"Device.X_A4B1C2_Table.{n}.{'LongName' * 12}.Value" for n in range(250)]
        known.tree |= {path: (str(n), "unsignedInt") for n, path in enumerate(paths)}
        job = read_job(acs, known, *paths)
        known.open()
        asked = known.finish(known.post())
        assert len(asked) > 3
        assert all(len(answer.body) < 32 * 1024 for answer in asked)
        assert len(acs.job(job).result["values"]) == 250  # type: ignore[arg-type]

    def test_ids_of_our_requests_differ(self, acs: RunningAcs, known: RawCpe) -> None:
        for _ in range(3):
            read_job(acs, known)
        known.open()
        ids = [answer.id for answer in known.finish(known.post())[:-1]]
        assert len(set(ids)) == len(ids) == 3


# --- who may come in ------------------------------------------------------------------------


class TestDigest:
    """The default: MD5 alone, qop auth (TR-069 3.4.4)."""

    def test_nothing_is_known_of_a_device_that_has_not_proven_itself(
        self, acs: RunningAcs, cpe: RawCpe
    ) -> None:
        answer = cpe.post(cpe.inform("0 BOOTSTRAP"))
        assert (answer.status, answer.body) == (401, b"")
        assert not answer.all("set-cookie")
        (challenge,) = challenges(answer)
        assert challenge.values["qop"] == "auth"
        assert challenge.values["domain"] == "/"
        assert not challenge.stale
        assert acs.find(cpe.key) is None

    @pytest.mark.parametrize(
        "form",
        [
            DigestForm(),
            DigestForm(algorithm="MD5-sess"),
            DigestForm(qop=None),
            DigestForm(qop=None, opaque=False),
            DigestForm(uri="http://127.0.0.1/"),
            DigestForm(separator=" "),
            DigestForm(told="{name} = {value}"),
        ],
        ids=["qop", "MD5-sess", "RFC 2069", "no opaque", "absolute uri", "no commas", "blanks"],
    )
    def test_forms_that_are_taken(self, new_cpe: NewCpe, form: DigestForm) -> None:
        cpe = new_cpe(digest=form)
        assert cpe.open().name == "InformResponse"
        assert cpe.post().name == "GetParameterValues", "not challenged again in the session"

    def test_nc_that_stays_at_1(self, known: RawCpe) -> None:
        challenge = challenges(known.post(known.inform()))[0]
        for cnonce in ("aaaa", "bbbb"):
            proof = replace(known.digest, cnonce=cnonce).authorization(challenge, BOOTSTRAP)
            answer = known.post(known.inform(), f"Authorization: {proof}")
            assert answer.name == "InformResponse"

    def test_a_wrong_nonce_is_stale_and_the_right_one_then_taken(self, cpe: RawCpe) -> None:
        challenge = challenges(cpe.post(cpe.inform()))[0]
        for nonce in ("n0t-0urs", challenge.values["nonce"][::-1]):
            proof = replace(cpe.digest, nonce=nonce).authorization(challenge, BOOTSTRAP)
            answer = cpe.post(cpe.inform(), f"Authorization: {proof}")
            assert (answer.status, challenges(answer)[0].stale) == (401, True)
            assert answer.header("connection").lower() != "close", "it has the secret"
        assert cpe.open().name == "InformResponse"

    def test_the_same_proof_is_not_taken_twice(self, cpe: RawCpe) -> None:
        challenge = challenges(cpe.post(cpe.inform()))[0]
        proof = cpe.digest.authorization(challenge, BOOTSTRAP)
        assert cpe.post(cpe.inform(), f"Authorization: {proof}").status == 200
        thief = cpe.sibling()
        answer = thief.post(thief.inform(), f"Authorization: {proof}")
        assert answer.status == 401
        assert challenges(answer)[0].stale, "a CPE that has the secret only needs another nonce"
        thief.close()

    @pytest.mark.parametrize(
        "account", [("bootstrap", "wrong"), ("nobody", BOOTSTRAP[1]), ("", "")]
    )
    def test_a_second_wrong_password_closes_the_connection(
        self, acs: RunningAcs, cpe: RawCpe, account: tuple[str, str]
    ) -> None:
        challenge = challenges(cpe.post(cpe.inform()))[0]
        for number, last in ((1, False), (2, True)):
            proof = replace(cpe.digest, nc=f"0000000{number}").authorization(challenge, account)
            answer = cpe.post(cpe.inform(), f"Authorization: {proof}")
            assert (answer.status, bool(answer.all("www-authenticate"))) == (401, True)
            assert not challenges(answer)[0].stale
            assert (answer.header("connection").lower() == "close") is last
        assert acs.find(cpe.key) is None

    @pytest.mark.parametrize(
        "header",
        ["Basic !!!", "Digest", "Digest username", "Bearer x", "", "Digest " + "a=b," * 500],
    )
    def test_headers_that_make_no_sense_are_challenged(self, cpe: RawCpe, header: str) -> None:
        assert cpe.post(cpe.inform(), f"Authorization: {header}").status == 401

    def test_basic_first_is_answered_with_a_digest_challenge(self, cpe: RawCpe) -> None:
        answer = cpe.post(cpe.inform(), "Authorization: Basic Ym9vdHN0cmFwOng=")
        assert answer.status == 401
        assert challenges(answer)
        assert not any(v.startswith("Basic") for v in answer.all("www-authenticate"))
        assert cpe.open().name == "InformResponse"

    def test_a_digest_for_another_target_is_refused(self, cpe: RawCpe) -> None:
        cpe.digest = DigestForm(uri="/elsewhere")
        cpe.target = "/acs"
        assert cpe.open().status == 401


# --- settings of their own ------------------------------------------------------------------


def test_hold_requests_is_raised_with_the_inform_and_released_in_time(
    start_acs: StartAcs, new_cpe: NewCpe
) -> None:
    acs = start_acs(CWMP_HOLD_REQUESTS="true")
    cpe = new_cpe(port=acs.port(), tree=dict(TREE))
    assert cpe.open().text("HoldRequests") == "true"
    asked = cpe.post()
    assert (asked.name, asked.text("HoldRequests")) == ("GetParameterValues", "false")
    assert cpe.finish(asked)[-1].status == 204
    # Nothing is asked now, so that a harmless question carries the release.
    assert cpe.open().text("HoldRequests") == "true"
    asked = cpe.post()
    assert (asked.name, asked.text("HoldRequests")) == ("GetParameterValues", "false")
    assert cpe.finish(asked)[-1].status == 204


def test_only_the_path_that_is_set_is_served(start_acs: StartAcs, new_cpe: NewCpe) -> None:
    acs = start_acs(CWMP_PATH="/cwmp")
    for target in ("/", "/cwmpx", "/cwmp/x", "/acs"):
        answer = new_cpe(port=acs.port(), target=target, digest=DigestForm(uri=target)).open()
        assert (answer.status, answer.header("connection")) == (404, "close")
    for target in ("/cwmp", "/cwmp/", "/cwmp?unit=1"):
        cpe = new_cpe(port=acs.port(), target=target, digest=DigestForm(uri=target))
        assert cpe.open().name == "InformResponse"


@pytest.fixture(scope="module")
def bounded(start_acs: StartAcs) -> RunningAcs:
    """A server with the tightest bounds."""
    return start_acs(CWMP_MAX_RPCS="3", CWMP_MAX_EXCHANGES="6", CWMP_SESSION_TIMEOUT="2")


class TestBounds:
    """Ends (TR-069 3.7.2.4)."""

    @pytest.fixture
    def cpe(self, bounded: RunningAcs, new_cpe: NewCpe) -> RawCpe:
        return new_cpe(port=bounded.port(), tree=dict(TREE))

    def test_our_requests_are_bounded(self, bounded: RunningAcs, cpe: RawCpe) -> None:
        cpe.session("0 BOOTSTRAP")
        jobs = [read_job(bounded, cpe) for _ in range(5)]
        assert cpe.session() == ["GetParameterValues"] * 3
        wait_for("the fourth attempt", lambda: bounded.job(jobs[3]).attempts)
        cpe.session()
        assert [bounded.job(job).state for job in jobs] == [JobState.DONE] * 5

    def test_its_requests_are_bounded(self, cpe: RawCpe) -> None:
        cpe.open()
        answers = [cpe.post(cpe.form.call("GetRPCMethods")).status for _ in range(3)]
        assert answers == [200] * 3
        answer = cpe.post(cpe.form.call("GetRPCMethods"))
        assert (answer.status, answer.header("connection")) == (400, "close")

    def test_a_silent_cpe_loses_its_session_and_no_job(
        self, bounded: RunningAcs, cpe: RawCpe
    ) -> None:
        cpe.session("0 BOOTSTRAP")
        job = read_job(bounded, cpe)
        cpe.open()
        assert cpe.post().name == "GetParameterValues"
        device = bounded.device(cpe.key)
        assert bounded.await_told(device, "session lost") == ["the CPE fell silent"]
        wait_for("no open session", lambda: bounded.metric("acs_sessions_open") == 0)
        assert bounded.job(job).state is JobState.QUEUED
        assert cpe.session() == ["GetParameterValues"]
        assert bounded.job(job).state is JobState.DONE

    def test_session_timeout_of_the_cpe_is_kept(
        self, bounded: RunningAcs, cpe: RawCpe, new_cpe: NewCpe
    ) -> None:
        patient = "<cwmp:SessionTimeout>30</cwmp:SessionTimeout>"
        cpe.open("0 BOOTSTRAP", more=patient)
        impatient = new_cpe(port=bounded.port())
        impatient.open("0 BOOTSTRAP")
        # The one that came later and asked for nothing is swept away, the first is still there.
        bounded.await_told(bounded.device(impatient.key), "session lost")
        assert bounded.metric("acs_sessions_open") == 1
        assert cpe.post().name == "GetParameterValues"


@pytest.fixture(scope="module")
def both(start_acs: StartAcs, certificates: Certificates) -> RunningAcs:
    """A server that offers all it can."""
    return start_acs(
        AUTH_DIGEST="both",
        AUTH_MODE="any",
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(certificates.server),
        CWMP_TLS_KEY=str(certificates.server_key),
        CWMP_TLS_CLIENT_CA=str(certificates.authority),
    )


class TestManyAlgorithms:
    """Both algorithms on offer, Basic too, and TLS beside plain HTTP."""

    @pytest.mark.parametrize("qop", ["auth", "auth-int", None])
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"])
    def test_each_algorithm_with_each_quality_of_protection(
        self, both: RunningAcs, new_cpe: NewCpe, algorithm: str, qop: str | None
    ) -> None:
        cpe = new_cpe(port=both.port(), digest=DigestForm(algorithm=algorithm, qop=qop))
        assert cpe.open().name == "InformResponse"

    def test_a_body_that_was_changed_on_its_way_is_refused_with_auth_int(
        self, both: RunningAcs, new_cpe: NewCpe
    ) -> None:
        cpe = new_cpe(port=both.port(), digest=DigestForm(qop="auth-int"))
        sent = cpe.inform("0 BOOTSTRAP")
        challenge = challenges(cpe.post(sent))[0]
        proof = cpe.digest.authorization(challenge, BOOTSTRAP, sent)
        changed = sent.replace(b"0 BOOTSTRAP", b"2 PERIODIC")
        assert cpe.post(changed, f"Authorization: {proof}").status == 401
        assert both.find(cpe.key) is None

    def test_md5_is_challenged_first(self, both: RunningAcs, new_cpe: NewCpe) -> None:
        cpe = new_cpe(port=both.port())
        offered = [c.values["algorithm"] for c in challenges(cpe.post(cpe.inform()))]
        assert offered == ["MD5", "SHA-256"]

    def test_basic_is_not_taken_on_plain_http(self, both: RunningAcs, new_cpe: NewCpe) -> None:
        cpe = new_cpe(port=both.port())
        answer = cpe.post(cpe.inform(), basic(BOOTSTRAP))
        assert answer.status == 401
        assert not any(v.startswith("Basic") for v in answer.all("www-authenticate"))

    def test_basic_over_tls(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates
    ) -> None:
        cpe = new_cpe(port=both.port("https"), context=certificates.client())
        refused = cpe.post(cpe.inform(), basic(("bootstrap", "wrong")))
        assert refused.status == 401
        assert any(v.startswith("Basic") for v in refused.all("www-authenticate"))
        assert cpe.post(cpe.inform(), basic(BOOTSTRAP)).name == "InformResponse"

    def test_digest_over_tls(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates
    ) -> None:
        cpe = new_cpe(port=both.port("https"), context=certificates.client(), tree=dict(TREE))
        assert cpe.session("0 BOOTSTRAP") == ["GetParameterValues"]

    @pytest.mark.parametrize("with_class", [True, False])
    def test_a_client_certificate_names_its_device(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates, with_class: bool
    ) -> None:
        cpe = new_cpe(port=both.port("https"), tree=dict(TREE))
        name = cpe.key if with_class else f"{cpe.oui}-{cpe.serial}"
        cpe.context = certificates.client(name)
        assert cpe.post(cpe.inform("0 BOOTSTRAP")).name == "InformResponse", "without a challenge"
        assert both.device(cpe.key).standing is not Standing.LIVE

    def test_a_client_certificate_speaks_for_no_other_device(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates
    ) -> None:
        cpe = new_cpe(port=both.port("https"), context=certificates.client("A4B1C2-Gateway-OTHER"))
        assert cpe.post(cpe.inform("0 BOOTSTRAP")).status == 403
        assert both.find(cpe.key) is None

    def test_a_certificate_of_a_product_needs_a_password_too(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates
    ) -> None:
        cpe = new_cpe(port=both.port("https"), context=certificates.client("Acme Gateways"))
        assert cpe.post(cpe.inform("0 BOOTSTRAP")).status == 401
        assert cpe.open("0 BOOTSTRAP").name == "InformResponse"

    def test_a_session_begun_over_tls_goes_on_over_tls_with_its_cookie(
        self, both: RunningAcs, new_cpe: NewCpe, certificates: Certificates
    ) -> None:
        cpe = new_cpe(port=both.port("https"), context=certificates.client(), tree=dict(TREE))
        cpe.open()
        cpe.connect()
        assert cpe.finish(cpe.post())[-1].status == 204


def test_without_authentication_a_lab_device_is_let_in(
    start_acs: StartAcs, new_cpe: NewCpe
) -> None:
    acs = start_acs(AUTH_MODE="none")
    cpe = new_cpe(port=acs.port(), tree=dict(TREE))
    assert cpe.post(cpe.inform("0 BOOTSTRAP")).name == "InformResponse"
    assert cpe.finish(cpe.post())[-1].status == 204
