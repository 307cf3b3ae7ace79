"""Defects seen in other servers, and what their users complain of: each is a test for ours."""

from __future__ import annotations

import tomllib
from pathlib import Path
from threading import Thread

import pytest
import requests
from acs_fixtures import NewCpe, NewHome, StartAcs
from certificates import Certificates
from homes import SSID, Home
from lxml import etree
from raw_cpe import INFORM_VALUES, SOAP, TRANSFER_COMPLETE, Answer, RawCpe
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import JobKind, JobState, Standing
from simulators.cpe import Misbehaviour

MODEL = "Device.DeviceInfo.ModelName"
TREE = {
    "Device.Ethernet.Interface.1.MACAddress": ("A4:B1:C2:00:00:03", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:03", "string"),
    MODEL: ("Gate 3000", "string"),
}


@pytest.fixture
def known(acs: RunningAcs, new_cpe: NewCpe) -> RawCpe:
    """A CPE that had its first session."""
    cpe = new_cpe(tree=dict(TREE))
    cpe.session("0 BOOTSTRAP")
    return cpe


# --- requests that kill, faults that are none -----------------------------------------------


def test_request_download_is_answered_and_the_process_lives(acs: RunningAcs, known: RawCpe) -> None:
    known.open("9 REQUEST DOWNLOAD")
    inner = (
        '<FileType>1 Firmware Upgrade Image</FileType><FileTypeArg SOAP-ENC:arrayType="'
        'cwmp:ArgStruct[1]"><ArgStruct><Name>Version</Name><Value>2</Value></ArgStruct>'
        "</FileTypeArg>"
    )
    assert known.post(known.form.call("RequestDownload", inner)).name == "RequestDownloadResponse"
    assert known.post().status == 204
    assert known.session() == []
    assert acs.health()["status"] == "ok"
    assert acs.told(acs.device(known.key), "request download")


def test_acs_fault_is_a_legal_soap_fault(known: RawCpe) -> None:
    known.open()
    answer = known.post(known.form.call("X_ACME_Unknown", id="f"))
    body = answer.root.find(f"{{{SOAP}}}Body")
    assert body is not None
    (fault,) = body
    assert etree.QName(fault).namespace == SOAP
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
    assert fault.findtext("faultcode") in ("Server", "soap-env:Server")
    assert fault.findtext("faultstring") == "CWMP fault"
    (detail,) = fault.iterfind("detail/*")
    assert detail.tag == f"{{{known.form.namespace}}}Fault"
    assert [child.tag for child in detail][:2] == ["FaultCode", "FaultString"]


# --- what is told of a job is true ----------------------------------------------------------


def test_a_job_that_has_expired_is_not_carried_out_and_one_that_has_not_is(
    acs: RunningAcs, known: RawCpe
) -> None:
    device = acs.device(known.key)
    old = acs.enqueue(device, JobKind.READ, expires_at=device.last_seen - 1, paths=[MODEL])
    young = acs.enqueue(device, JobKind.READ, expires_at=device.last_seen + 3600, paths=[MODEL])
    assert known.session() == ["GetParameterValues"]
    assert (acs.job(old).state, acs.job(young).state) == (JobState.EXPIRED, JobState.DONE)


def test_set_on_read_only_reports_the_parameter(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.settle_in()
    path = "Device.DeviceInfo.SoftwareVersion"
    job = live_acs.enqueue(
        home.device, JobKind.SET, changes=[{"path": path, "value": "9.9", "type": "string"}]
    )
    home.call()
    failed = live_acs.job(job)
    assert failed.state is JobState.FAILED
    assert failed.result["parameters"] == [f"{path}: 9008 Attempt to set a non-writable parameter"]
    assert home.shows(path) != "9.9"


def test_add_on_a_fixed_table_reports_the_failure(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.settle_in()
    job = live_acs.enqueue(home.device, JobKind.ADD, table="Device.WiFi.Radio.")
    home.call()
    failed = live_acs.job(job)
    assert failed.state is JobState.FAILED
    assert int(str(failed.result["code"])) >= 9000


def test_forty_jobs_of_one_session_are_all_done(acs: RunningAcs, known: RawCpe) -> None:
    device = acs.device(known.key)
    jobs = [acs.enqueue(device, JobKind.READ, paths=[MODEL]) for _ in range(40)]
    assert known.session() == ["GetParameterValues"] * 40
    assert {acs.job(job).state for job in jobs} == {JobState.DONE}


def test_the_whole_tree_can_be_read_from_its_root(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.settle_in()
    job = live_acs.enqueue(home.device, JobKind.READ, paths=["Device."])
    home.call()
    read = live_acs.job(job)
    assert read.state is JobState.DONE
    values = read.result["values"]
    assert isinstance(values, dict)
    assert len(values) > 100
    assert values["Device.WiFi.SSID.1.SSID"] == home.ssid
    assert home.key not in values.values()


def test_status_1_is_not_taken_for_done(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    first = home.call()
    assert {rpc.status for rpc in first.named("SetParameterValues")} == {1}
    assert home.device.standing is Standing.VERIFYING
    home.call()
    change = {"path": "Device.WiFi.Radio.1.Channel", "value": "6", "type": "unsignedInt"}
    job = live_acs.enqueue(home.device, JobKind.SET, changes=[change])
    home.call()
    assert live_acs.job(job).result["applied_later"] is True


def test_a_value_left_out_is_not_stored_as_empty(acs: RunningAcs, known: RawCpe) -> None:
    device = acs.device(known.key)
    job = acs.enqueue(device, JobKind.READ, paths=[MODEL, "Device.DeviceInfo.Description"])

    def respond(asked: Answer) -> bytes:
        values = {MODEL: ("Gate 3000", "string")}
        return known.form.call("GetParameterValuesResponse", known.form.values(values), asked.id)

    known.session(respond=respond)
    result = acs.job(job).result
    assert result["values"] == {MODEL: "Gate 3000"}
    assert result["missing"] == ["Device.DeviceInfo.Description"]


def test_one_name_a_device_refuses_costs_only_itself(acs: RunningAcs, known: RawCpe) -> None:
    known.tree |= {f"Device.X_A.P{n}": (str(n), "string") for n in range(16)}
    paths = [*(f"Device.X_A.P{n}" for n in range(16)), "Device.X_A.Listed_But_Refused"]
    job = acs.enqueue(acs.device(known.key), JobKind.READ, paths=paths)
    assert len(known.session()) <= 12, "by halves"
    result = acs.job(job).result
    assert len(result["values"]) == 16  # type: ignore[arg-type]
    assert result["missing"] == ["Device.X_A.Listed_But_Refused"]


# --- values on the wire ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ssid", "key"),
    [
        ('Chez "Léa" & <Fils>', "a&b<c>d'e\"f"),
        ("]]>&amp;", "&#65;&lt;%00"),
        ("deux  espaces", "  huit espaces  "),
        ("Café ☕ 中文", "passe-partout"),
    ],
)
def test_values_reach_the_device_as_they_were_meant(home: Home, ssid: str, key: str) -> None:
    home.ssid, home.key = ssid, key
    home.scan()
    home.settle_in()
    assert home.shows(SSID.format(1)) == ssid
    assert home.is_served
    assert home.device.standing is Standing.LIVE


# --- passwords ------------------------------------------------------------------------------


def test_a_generated_password_cannot_be_computed_from_the_identity(
    live_acs: RunningAcs, make_home: NewHome
) -> None:
    homes = [make_home(serial="2227SAME00001", mac="1C:61:B8:00:00:10") for _ in range(2)]
    homes[0].scan()
    passwords = []
    for home in homes:
        home.settle_in()
        username, password = home.ont.credentials
        assert username == home.device.key
        passwords.append(password)
        # The same device begins a new life, at a server that has forgotten it.
        live_acs.forget(home.device)
    assert passwords[0] != passwords[1]
    assert all(len(password) >= 20 for password in passwords)


def test_there_is_no_password_that_everybody_knows(start_acs: StartAcs) -> None:
    acs = start_acs(AUTH_BOOTSTRAP_PASSWORD="")
    file = acs.data_dir / "secrets.toml"
    kept = tomllib.loads(file.read_text("utf-8"))
    assert len(kept["auth"]["bootstrap_password"]) >= 20
    assert file.stat().st_mode & 0o077 == 0
    for account in (("bootstrap", ""), ("admin", "admin"), ("bootstrap", "bootstrap")):
        cpe = RawCpe(acs.port(), "SNDEFAULT", account=account)
        assert cpe.open().status == 401
        cpe.close()


def test_the_bootstrap_secret_does_not_hold_for_a_device_that_has_its_own(home: Home) -> None:
    home.scan()
    home.settle_in()
    assert home.ont.credentials[0] == home.device.key
    assert home.device.own_credentials
    thief = RawCpe(
        home.acs.port(),
        home.serial,
        oui="1C61B6",
        product_class="Device2",
        manufacturer="TP-Link",
        account=BOOTSTRAP,
    )
    answer = thief.open("2 PERIODIC")
    assert (answer.status, answer.fault) == (200, 8001)
    assert not home.acs.told(home.device, "session lost")
    thief.close()


def test_a_device_cannot_speak_for_another(home: Home, make_home: NewHome) -> None:
    victim = make_home()
    for one in (home, victim):
        one.scan()
        one.settle_in()
    thief = RawCpe(
        home.acs.port(),
        victim.serial,
        oui="1C61B6",
        product_class="Device2",
        manufacturer="TP-Link",
        account=home.ont.credentials,
    )
    seen = victim.device.last_seen
    assert thief.open("0 BOOTSTRAP").status == 403
    assert victim.device.last_seen == seen
    assert not victim.acs.told(victim.device, "session lost")
    thief.close()


def test_session_cookie_is_unguessable(new_cpe: NewCpe) -> None:
    tokens = []
    for _ in range(5):
        cpe = new_cpe()
        told = cpe.open().header("set-cookie")
        assert cpe.serial not in told
        assert "HttpOnly" in told
        tokens.append(cpe.cookie.partition("=")[2])
    assert len(set(tokens)) == 5
    assert all(len(token) >= 20 for token in tokens), "128 bits and more"
    # No two share a beginning or an end, as counters and clocks would.
    assert len({token[:6] for token in tokens}) == len({token[-6:] for token in tokens}) == 5


# --- loops, locks and load ------------------------------------------------------------------


def test_a_periodic_session_of_a_proven_device_asks_nothing(home: Home) -> None:
    home.scan()
    home.settle_in()
    assert home.call("2 PERIODIC").rpcs == []


def test_a_device_that_never_obeys_is_not_asked_over_and_over(
    live_acs: RunningAcs, home: Home
) -> None:
    home.scan()
    home.misbehave(Misbehaviour(refuse={"SetParameterValues": 9001}))
    assert home.call().named("SetParameterValues")
    assert home.device.standing is Standing.FAULTED
    for events in (("2 PERIODIC",), ("1 BOOT",), ("4 VALUE CHANGE",), ("2 PERIODIC",)):
        assert home.call(*events).rpcs == []
    (fault,) = live_acs.faults(home.device)
    assert fault.retry_at > fault.at


def test_a_crash_leaves_no_device_locked(start_acs: StartAcs, new_cpe: NewCpe) -> None:
    acs = start_acs()
    cpe = new_cpe(port=acs.port(), tree=dict(TREE))
    cpe.session("0 BOOTSTRAP")
    job = acs.enqueue(acs.device(cpe.key), JobKind.READ, paths=[MODEL])
    cpe.open()
    assert cpe.post().name == "GetParameterValues"
    acs.kill9()
    acs.restart()
    cpe.connect()
    assert cpe.session() == ["GetParameterValues"], "at once, with its old cookie"
    assert acs.job(job).state is JobState.DONE


def test_a_device_is_known_after_a_restart(start_acs: StartAcs, new_cpe: NewCpe) -> None:
    acs = start_acs()
    cpe = new_cpe(port=acs.port(), tree=dict(TREE))
    cpe.session("0 BOOTSTRAP")
    before = acs.device(cpe.key)
    assert acs.stop() == 0
    acs.restart()
    cpe.connect()
    assert cpe.session() == [], "what was read of it is known"
    after = acs.device(cpe.key)
    assert (after.id, after.mac, after.model) == (before.id, before.mac, before.model)


def test_overload_is_answered_503_and_open_sessions_go_on(
    start_acs: StartAcs, new_cpe: NewCpe
) -> None:
    acs = start_acs(CWMP_MAX_SESSIONS="1")
    first = new_cpe(port=acs.port(), tree=dict(TREE))
    first.open("0 BOOTSTRAP")
    waits = []
    for _ in range(6):
        other = new_cpe(port=acs.port())
        answer = other.post(other.inform())
        assert (answer.status, answer.header("connection")) == (503, "close")
        waits.append(int(answer.header("retry-after")))
    assert min(waits) >= 1
    assert len(set(waits)) > 1, "spread, so that they do not come back together"
    assert first.finish(first.post())[-1].status == 204
    assert new_cpe(port=acs.port()).open().name == "InformResponse"


def test_many_devices_at_once_do_not_mix(acs: RunningAcs, new_cpe: NewCpe) -> None:
    """Two dozen sessions at the same time, each with a value of its own."""
    cpes = [new_cpe(tree=dict(TREE)) for _ in range(24)]
    for number, cpe in enumerate(cpes):
        cpe.tree[MODEL] = (f"Model {number}", "string")
    opened = [cpe.open("0 BOOTSTRAP") for cpe in cpes]
    assert {answer.name for answer in opened} == {"InformResponse"}
    asked = [cpe.post() for cpe in cpes]
    ended = [cpe.post(cpe.respond(answer)) for cpe, answer in zip(cpes, asked, strict=True)]
    assert {answer.status for answer in ended} == {204}
    models = [acs.device(cpe.key).model for cpe in cpes]
    assert models == [f"Model {number}" for number in range(24)]


def test_one_device_in_many_threads_is_one_device(acs: RunningAcs, new_cpe: NewCpe) -> None:
    """Informs of one identity at the same moment: none is answered 500, one row is made."""
    first = new_cpe(tree=dict(TREE))
    cpes = [first, *(first.sibling() for _ in range(5))]
    answers: list[int] = []
    threads = [Thread(target=lambda c=cpe: answers.append(c.open().status)) for cpe in cpes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert set(answers) <= {200, 400}
    for cpe in cpes[1:]:
        cpe.close()
    first.connect()
    first.cookie = ""
    first.session()
    assert acs.device(first.key).standing is Standing.QUARANTINED


# --- what a device says is kept -------------------------------------------------------------


def test_a_new_connection_request_url_is_kept(acs: RunningAcs, known: RawCpe) -> None:
    name = "Device.ManagementServer.ConnectionRequestURL"
    for url in ("http://100.64.7.7:7547/a", "http://100.64.8.8:7547/b"):
        known.open("4 VALUE CHANGE", values={**INFORM_VALUES, name: (url, "string")})
        known.finish(known.post())
        assert acs.device(known.key).connection_request_url == url


def test_events_and_values_of_an_inform_are_kept(acs: RunningAcs, known: RawCpe) -> None:
    name = "Device.DeviceInfo.SoftwareVersion"
    known.open("1 BOOT", values={**INFORM_VALUES, name: ("8.0", "string")})
    known.post(known.form.call("TransferComplete", TRANSFER_COMPLETE.format(key="k", code=0)))
    known.finish(known.post())
    device = acs.device(known.key)
    assert device.software == "8.0"
    assert acs.told(device, "software") == ["7.1 → 8.0"]
    assert acs.told(device, "boot")
    assert acs.told(device, "transfer complete")


# --- running it -----------------------------------------------------------------------------


def test_http_and_https_at_once(
    start_acs: StartAcs, new_cpe: NewCpe, certificates: Certificates
) -> None:
    acs = start_acs(
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(certificates.server),
        CWMP_TLS_KEY=str(certificates.server_key),
    )
    plain = new_cpe(port=acs.port(), tree=dict(TREE))
    secure = new_cpe(port=acs.port("https"), context=certificates.client(), tree=dict(TREE))
    assert plain.open("0 BOOTSTRAP").name == secure.open("0 BOOTSTRAP").name == "InformResponse"
    for cpe in (plain, secure):
        assert cpe.finish(cpe.post())[-1].status == 204


def test_the_log_cannot_fill_the_disk(start_acs: StartAcs, new_cpe: NewCpe) -> None:
    limit, backups = 4096, 2
    acs = start_acs(
        LOG_LEVEL="debug",
        LOG_MAX_BYTES=str(limit),
        LOG_BACKUPS=str(backups),
        CWMP_SESSIONS_PER_MINUTE="1000",
    )
    cpe = new_cpe(port=acs.port(), tree=dict(TREE))
    cpe.session("0 BOOTSTRAP")
    for _ in range(150):
        cpe.session()
    assert acs.metric("acs_sessions_open") == 0
    sizes = [file.stat().st_size for file in Path(acs.data_dir, "logs").iterdir()]
    assert 1 < len(sizes) <= backups + 1
    assert sum(sizes) <= (backups + 1) * (limit + 1024)


def test_a_flood_of_refused_requests_is_few_lines(acs: RunningAcs) -> None:
    before = acs.log.count("\n")
    for number in range(50):
        cpe = RawCpe(acs.port(), "FLOOD", account=("flood", f"guess-{number}"))
        assert cpe.open().status == 401
        cpe.close()
    wait_for("the failures to be counted", lambda: "authentication failed" in acs.log)
    assert acs.log.count("\n") - before < 10
    assert "guess-" not in acs.log


def test_the_admin_pages_give_no_device_away(acs: RunningAcs, known: RawCpe) -> None:
    for page in ("/", "/health", "/metrics", "/devices", "/users", "/config"):
        answer = requests.get(f"{acs.admin_url}{page}", timeout=30)
        assert known.serial not in answer.text
        assert BOOTSTRAP[1] not in answer.text
    assert requests.post(f"{acs.admin_url}/health", timeout=30).status_code == 405
