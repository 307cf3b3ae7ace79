"""TP-Link's family A, and the other public clients, against the running program (TP-Link reference
3, 13, 16 and 17)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from acs_fixtures import NewCpe, NewHome, StartAcs
from homes import KEY, MAIN, SIP_PASSWORD, SSID, Home
from raw_cpe import TRANSFER_COMPLETE, Answer, DigestForm, Form, RawCpe
from running_acs import RunningAcs, wait_for

from acs.devices.record import JobKind, JobState, Standing, Verdict
from simulators.cpe import Misbehaviour, SessionReport

TPLINK_VALUES = {
    "Device.RootDataModelVersion": ("2.4", "string"),
    "Device.DeviceInfo.HardwareVersion": ("XC220-G3 v1.0 00000000", "string"),
    "Device.DeviceInfo.SoftwareVersion": ("1.7.0 0.8.0 v6062.0 Build 250630", "string"),
    "Device.DeviceInfo.ProvisioningCode": ("", "string"),
    "Device.ManagementServer.ConnectionRequestURL": ("http://100.64.0.7:7547/tr069", "string"),
    "Device.ManagementServer.ParameterKey": ("", "string"),
    "Device.ManagementServer.AliasBasedAddressing": ("0", "boolean"),
    "Device.ManagementServer.UDPConnectionRequestAddress": ("", "string"),
    "Device.IP.Interface.4.IPv4Address.1.IPAddress": ("100.64.0.7", "string"),
}
IDENTITY_TREE = {
    "Device.Ethernet.Interface.1.MACAddress": ("1C:61:B4:00:10:00", "string"),
    "Device.Ethernet.Interface.2.MACAddress": ("1C:61:B4:00:10:00", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("1C:61:B4:00:10:00", "string"),
    "Device.Optical.Interface.1.GponAuth.GponSn": ("54504C47B4001000", "string"),
    "Device.DeviceInfo.ModelName": ("XC220-G3", "string"),
}


# --- 3.1 and 3.2: HTTP and Inform as captured -----------------------------------------------


@dataclass
class CapturedCpe(RawCpe):
    """Writes its requests octet by octet as the captured XC220-G3 does."""

    def render(self, body: bytes, *headers: str) -> bytes:
        lines = [
            f"POST {self.target} HTTP/1.1",
            "Host: 127.0.0.1",
            "User-Agent: TR069_AGENT/1.0",
            "Connection: keep-alive",
        ]
        if self.cookie:
            lines += [f"Cookie: {self.cookie}", 'Cookie2: $Version="1"']
        if body:
            lines += ["SOAPAction: ", "Content-Type: text/xml; charset=utf-8"]
            lines.append(f"Content-Length:{len(body)}".ljust(30))
        else:
            lines.append("Content-Length: 0")
        return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def test_the_captured_client_runs_to_the_end(acs: RunningAcs) -> None:
    cpe = CapturedCpe(
        acs.port(),
        "2250000000001",
        oui="1C61B4",
        product_class="XC220-G3",
        manufacturer="TP-Link",
        target="/path",
        digest=DigestForm(uri="/path"),
        tree=dict(IDENTITY_TREE),
    )
    inform = cpe.inform(
        "0 BOOTSTRAP", id="1000", values=TPLINK_VALUES, time="2025-06-30T00:01:12", retry=3
    )
    answer = cpe.authorized(inform)
    assert (answer.name, answer.id) == ("InformResponse", "1000")
    asked = cpe.finish(cpe.post())
    assert [one.name for one in asked[:-1]] == ["GetParameterValues"]
    assert asked[-1].status == 204
    device = acs.device(cpe.serial)
    assert (device.standing, device.model) == (Standing.QUARANTINED, "XC220-G3")
    assert device.mac == "1C61B4001000"
    assert device.connection_request_url == "http://100.64.0.7:7547/tr069"
    # Ordered by our clock: the device's is its build date before NTP.
    assert abs(device.first_seen - acs.timeline(device)[0].at) < 60
    cpe.close()


def test_booleans_are_1_and_0_and_no_listing_begins_above_the_root(home: Home) -> None:
    home.scan()
    first = home.call()
    booleans = {
        value
        for rpc in first.named("SetParameterValues")
        for path, value in rpc.values.items()
        if path.endswith(("Enable", "Enabled")) and "Line." not in path
    }
    assert booleans
    assert booleans <= {"0", "1"}
    assert all(rpc.names[0].startswith("Device.") for rpc in first.named("GetParameterNames"))


def test_a_parameter_key_that_is_not_kept_changes_nothing(home: Home) -> None:
    home.scan()
    home.settle_in()
    home.ont.tree.put("Device.ManagementServer.ParameterKey", "")
    for events in (("2 PERIODIC",), ("1 BOOT",)):
        assert not home.call(*events).written
    assert home.device.standing is Standing.LIVE


# --- 2: who is it ---------------------------------------------------------------------------


class TestIdentity:
    """Section 17: the same unit by each of its names."""

    def test_by_serial(self, home: Home) -> None:
        home.scan()
        home.settle_in()
        assert home.device.matched_by == "serial_number"
        assert home.device.standing is Standing.LIVE

    def test_by_cwmp_serial(self, home: Home) -> None:
        home.scan(serial_number=f"LABEL{home.number}", cwmp_serial=home.serial)
        home.call()
        assert home.device.matched_by == "cwmp_serial"

    def test_by_a_serial_that_is_the_mac(self, make_home: NewHome) -> None:
        home = make_home(serial="1C61B7000010", mac="1C:61:B7:00:00:10", product_class="XC220-G3v")
        home.scan_by_mac(mac_address="1c:61:b7:00:00:10")
        home.settle_in()
        assert home.device.matched_by == "mac_address (announced as serial)"
        assert home.device.standing is Standing.LIVE

    @pytest.mark.parametrize(
        "spelled", ["{0}:{1}:{2}:{3}:{4}:{5}", "{0}-{1}-{2}-{3}-{4}-{5}", "{0}{1}.{2}{3}.{4}{5}"]
    )
    @pytest.mark.parametrize("lower", [True, False])
    def test_by_mac_after_one_read(self, home: Home, spelled: str, lower: bool) -> None:
        mac = spelled.format(*home.mac.split(":"))
        home.scan_by_mac(mac_address=mac.lower() if lower else mac)
        first = home.settle_in()
        assert home.device.matched_by == "mac_address"
        assert home.device.standing is Standing.LIVE
        assert first.methods[0] == "GetParameterValues"
        assert "Device.Ethernet.Interface.1.MACAddress" in first.rpcs[0].names

    @pytest.mark.parametrize("spelled", ["TPLG{}", "54504C47{}", "tplg{}"])
    def test_by_gpon_serial(self, home: Home, spelled: str) -> None:
        tail = home.mac.replace(":", "")[4:]
        home.scan_by_mac(gpon_serial=spelled.format(tail))
        home.settle_in()
        assert home.device.matched_by == "gpon_serial"
        assert home.device.standing is Standing.LIVE

    @pytest.mark.parametrize("above", [1, 2, 3])
    def test_a_wan_mac_alone_gives_a_warning_and_nothing_is_pushed(
        self, home: Home, above: int
    ) -> None:
        digits = f"{int(home.mac.replace(':', ''), 16) + above:012X}"
        home.scan_by_mac(mac_address=":".join(re.findall("..", digits)))
        first = home.call()
        device = home.device
        assert (device.standing, device.equipment) == (Standing.QUARANTINED, "")
        assert device.suggestion == home.equipment
        assert not first.named("SetParameterValues")

    def test_two_equipments_on_one_serial_go_to_quarantine(self, home: Home) -> None:
        home.scan()
        home.scan(name=f"{home.equipment}-B")
        first = home.call()
        assert home.device.standing is Standing.QUARANTINED
        assert home.equipment in home.device.reason
        assert f"{home.equipment}-B" in home.device.reason
        assert not first.named("SetParameterValues")

    @pytest.mark.parametrize(
        ("product_class", "root", "blueprint"),
        [
            ("Device2", "Device.", "tplink-a"),
            ("XC220-G3", "Device.", "tplink-a"),
            ("EX820v", "Device.", "tplink-a"),
            ("EC220-G5", "Device.", "tplink-b"),
            ("IGD", "InternetGatewayDevice.", "tplink-c"),
        ],
    )
    def test_the_family_is_told_by_root_and_versions(
        self,
        live_acs: RunningAcs,
        home: Home,
        new_cpe: NewCpe,
        product_class: str,
        root: str,
        blueprint: str,
    ) -> None:
        """The blueprint is noted when there is something to compare: on a matched device."""
        home.scan()
        hardware = "EC220-G5 3.0" if blueprint == "tplink-b" else f"{product_class} v1.0 00000000"
        cpe = new_cpe(
            port=live_acs.port(),
            serial=home.serial,
            oui="1C61B6",
            manufacturer="TP-Link",
            product_class=product_class,
            tree={},
        )
        values = {
            f"{root}DeviceInfo.HardwareVersion": (hardware, "string"),
            f"{root}DeviceInfo.SoftwareVersion": ("0.6.0 3.0.0 v6066.0 Build 220630", "string"),
        }
        assert cpe.open("0 BOOTSTRAP", values=values).name == "InformResponse"
        cpe.finish(cpe.post())
        assert home.device.blueprint == blueprint

    def test_a_root_that_changes_drops_the_old_tree(
        self, live_acs: RunningAcs, home: Home, new_cpe: NewCpe
    ) -> None:
        home.scan()
        home.settle_in()
        assert any(path.startswith("Device.WiFi.") for path in live_acs.values(home.device))
        username, password = home.ont.credentials
        cpe = new_cpe(
            port=live_acs.port(),
            serial=home.serial,
            oui="1C61B6",
            manufacturer="TP-Link",
            product_class="Device2",
            account=(username, password),
        )
        values = {
            "InternetGatewayDevice.DeviceInfo.HardwareVersion": ("XX230v v1.0", "string"),
            "InternetGatewayDevice.DeviceInfo.SoftwareVersion": ("9 Build 260101", "string"),
        }
        assert cpe.open("1 BOOT", values=values).name == "InformResponse"
        cpe.finish(cpe.post())
        device = home.device
        assert device.root == "InternetGatewayDevice."
        assert live_acs.told(device, "root changed") == ["Device. → InternetGatewayDevice."]
        assert not any(path.startswith("Device.") for path in live_acs.values(device))


# --- 13 and 3.3: writing --------------------------------------------------------------------


def written(report: SessionReport) -> set[str]:
    return {path for rpc in report.named("SetParameterValues") for path in rpc.values}


class TestWriting:
    def test_status_1_and_the_old_value_are_not_a_failure_and_proven_next_time(
        self, live_acs: RunningAcs, home: Home
    ) -> None:
        home.scan()
        first = home.call()
        assert {rpc.status for rpc in first.named("SetParameterValues")} == {1}
        assert home.device.standing is Standing.VERIFYING
        assert Verdict.AWAITED in {line.verdict for line in live_acs.proof(home.device).lines}
        second = home.call()
        assert not second.named("SetParameterValues")
        assert home.device.standing is Standing.LIVE
        assert live_acs.proof(home.device).complete
        assert home.is_served

    def test_mesh_hotspot_and_spare_networks_are_never_written(self, home: Home) -> None:
        home.scan()
        first = home.settle_in()
        numbers = {
            int(found[1])
            for path in written(first)
            if (found := re.match(r"Device\.WiFi\.(?:SSID|AccessPoint)\.(\d+)\.", path))
        }
        assert numbers == set(MAIN)

    def test_write_only_values_are_not_written_again_without_a_reason(self, home: Home) -> None:
        home.scan()
        home.settle_in()
        for events in (("2 PERIODIC",), ("1 BOOT",), ("4 VALUE CHANGE",)):
            assert not home.call(*events).named("SetParameterValues")

    def test_write_only_values_are_written_again_after_a_factory_reset(self, home: Home) -> None:
        home.scan()
        home.settle_in()
        home.ont.factory_reset()
        assert not home.is_served
        again = home.call()
        assert {KEY.format(1), KEY.format(3), SIP_PASSWORD} <= written(again)
        home.call()
        assert home.is_served
        assert home.shows(SIP_PASSWORD) == home.sip_password
        assert home.device.standing is Standing.LIVE

    def test_write_only_values_are_written_again_after_a_change_of_profile(
        self, home: Home
    ) -> None:
        home.scan()
        home.settle_in()
        before = home.mirrored().digest
        home.key = "Nouveau-mot-de-passe"
        home.change(wifi_password=home.key)
        home.call()  # has the mirror look
        wait_for("the new wish", lambda: home.mirrored().digest != before)
        changed = written(home.call())
        assert changed >= {KEY.format(i) for i in MAIN}
        assert SSID.format(1) not in changed, "only what differs"
        home.call()
        assert home.is_served

    def test_an_optional_leaf_that_is_not_there_is_remembered_for_the_firmware(
        self, make_home: NewHome
    ) -> None:
        """9005 on one name fails a whole request: it is looked for once, and not by each unit."""
        reports = []
        for _ in range(2):
            home = make_home(model="tplink-a-xc220-g3v", product_class="XC220-G3v")
            home.scan()
            reports.append(home.settle_in())
            assert home.is_served
            assert home.device.standing is Standing.LIVE
        first, second = ([rpc.fault for rpc in report.faults] for report in reports)
        assert set(first) <= {9005}
        assert second == []

    def test_a_vendor_fault_is_shown_with_code_and_names(
        self, live_acs: RunningAcs, home: Home
    ) -> None:
        home.scan()
        home.misbehave(Misbehaviour(refuse={SSID.format(3): 9814}))
        home.call()
        device = home.device
        assert device.standing is Standing.FAULTED
        (fault,) = live_acs.faults(device)
        assert "9814" in f"{fault.code} {fault.text} {fault.parameters}"

    def test_a_session_cut_in_the_middle_ends_proven(self, home: Home) -> None:
        home.scan()
        home.misbehave(Misbehaviour(hang_up_after=2))
        assert not home.call(complete=False).complete
        home.misbehave()
        home.call()
        home.call()
        assert home.is_served
        assert home.device.standing is Standing.LIVE

    def test_voice_on_a_device_without_sockets_is_said_and_the_rest_applied(
        self, live_acs: RunningAcs, make_home: NewHome
    ) -> None:
        home = make_home(model="tplink-a-ex220", product_class="EX220")
        home.scan()
        home.settle_in()
        assert home.is_served
        assert home.device.standing is Standing.LIVE
        told = " ".join(live_acs.told(home.device, "not possible"))
        assert "voice" in told.lower() or "telephone" in told.lower() or "line" in told.lower()


# --- 16: other public clients ---------------------------------------------------------------


@dataclass(frozen=True)
class Public:
    """A public client: its habits, as far as they show on the wire."""

    name: str
    form: Form = field(default_factory=Form)
    digest: DigestForm = field(default_factory=DigestForm)
    headers: tuple[str, ...] = ("Host: a", "Content-Type: text/xml")
    first_empty: bool = False
    """Posts nothing before its Inform, to be challenged (libcurl)."""
    first_basic: bool = False
    """Offers Basic before it is asked."""
    returns_cookie: bool = True
    whole_cookie: bool = False
    """Sends the attributes of Set-Cookie back."""
    refuses_declaration: bool = False
    """Says nothing more after a body that begins with an XML declaration."""
    time: str = "2026-05-01T10:00:00Z"
    transfers: int = 0
    """Reports so many transfers right after its Inform."""
    trailing: int = 0
    """Empty POSTs after the end."""
    drops_unknown: bool = False
    """Leaves names it does not know out of its answer."""


CLIENTS = (
    Public(
        "netcwmp",
        Form(count="{:02d}", schema="http://www.w3.org/1999/XMLSchema"),
        DigestForm(qop=None, opaque=False),
        whole_cookie=True,
        refuses_declaration=True,
        transfers=1,
        drops_unknown=True,
    ),
    Public("Orange tr069agent", Form(count="{:02d}"), refuses_declaration=True),
    Public("cwmp-sim", returns_cookie=False, first_basic=True),
    Public("genieacs-sim", whole_cookie=True, first_basic=True),
    Public(
        "easycwmp",
        Form(namespace="urn:dslforum-org:cwmp-1-2", env="soap_env", enc="soap_enc"),
        first_empty=True,
    ),
    Public(
        "gSOAP",
        Form(header=False),
        headers=("Host: a", 'SOAPAction: "Inform"'),
        time="Sun Nov 22 10:00:00 2026",
    ),
    Public("honeyclient", first_empty=True),
    Public("FreeACS, first issue of TR-069", trailing=2),
)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_public_clients_are_served(
    acs: RunningAcs, plain: RunningAcs, new_cpe: NewCpe, client: Public
) -> None:
    server = plain if client.refuses_declaration else acs
    cpe = new_cpe(
        port=server.port(),
        form=client.form,
        digest=client.digest,
        headers=client.headers,
        returns_cookie=client.returns_cookie,
        tree={
            "Device.Ethernet.Interface.1.MACAddress": ("A4:B1:C2:00:00:02", "string"),
            "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:02", "string"),
            "Device.DeviceInfo.ModelName": ("Public", "string"),
        },
    )

    def respond(asked: Answer) -> bytes:
        if client.drops_unknown and asked.name == "GetParameterValues":
            values = {name: cpe.tree[name] for name in asked.names if name in cpe.tree}
            return cpe.form.call("GetParameterValuesResponse", cpe.form.values(values), asked.id)
        return cpe.respond(asked)

    def talk(body: bytes = b"") -> Answer:
        answer = cpe.post(body)
        if client.refuses_declaration:
            assert not answer.body.startswith(b"<?xml"), "it would close now"
        return answer

    for number in range(2):
        inform = cpe.inform("0 BOOTSTRAP" if number == 0 else "2 PERIODIC", time=client.time)
        if client.first_basic:
            refused = cpe.post(inform, "Authorization: Basic Ym9vdHN0cmFwOmJvb3RzdHJhcA==")
            assert refused.status == 401
            assert refused.header("connection").lower() != "close"
        if client.first_empty:
            assert cpe.post().status == 401
        answer = cpe.authorized(inform)
        assert (answer.status, answer.name) == (200, "InformResponse"), answer
        assert answer.namespace == client.form.namespace
        assert answer.header("connection").lower() != "close"
        if client.whole_cookie:
            cpe.cookie = answer.header("set-cookie") or cpe.cookie
        for _ in range(client.transfers):
            told = TRANSFER_COMPLETE.format(key="", code=0)
            assert talk(cpe.form.call("TransferComplete", told)).name == "TransferCompleteResponse"
        answer = talk()
        while answer.status == 200:
            assert not answer.all("transfer-encoding")
            answer = talk(respond(answer))
        assert answer.status == 204
        for _ in range(client.trailing):
            assert talk().status == 204
        cpe.connect()
        cpe.cookie = ""
    device = server.device(cpe.key)
    assert (device.standing, device.model) == (Standing.QUARANTINED, "Public")


@pytest.fixture(scope="module")
def plain(start_acs: StartAcs) -> RunningAcs:
    """A server that begins no message with an XML declaration."""
    return start_acs(CWMP_XML_DECLARATION="false")


def test_a_client_that_twice_leaves_right_away_is_sent_no_declaration(
    start_acs: StartAcs, new_cpe: NewCpe
) -> None:
    acs = start_acs(CWMP_SESSION_TIMEOUT="0.2")
    cpe = new_cpe(port=acs.port())
    for lost in (1, 2):
        assert cpe.open().body.startswith(b"<?xml")
        cpe.close()
        wait_for(
            "the end of its session",
            lambda lost=lost: len(acs.told(acs.device(cpe.key), "session lost")) == lost,
        )
        cpe.cookie = ""
    assert not cpe.open().body.startswith(b"<?xml")


@pytest.fixture
def known(acs: RunningAcs, new_cpe: NewCpe) -> RawCpe:
    cpe = new_cpe(tree=dict(IDENTITY_TREE))
    cpe.session("0 BOOTSTRAP")
    return cpe


def test_names_left_out_of_an_answer_are_counted_as_missing(acs: RunningAcs, known: RawCpe) -> None:
    """netcwmp drops unknown names silently."""
    paths = ["Device.DeviceInfo.ModelName", "Device.X_Unknown"]
    job = acs.enqueue(acs.device(known.key), JobKind.READ, paths=paths)

    def respond(asked: Answer) -> bytes:
        values = {name: known.tree[name] for name in asked.names if name in known.tree}
        return known.form.call("GetParameterValuesResponse", known.form.values(values), asked.id)

    known.session(respond=respond)
    result = acs.job(job).result
    assert result["values"] == {"Device.DeviceInfo.ModelName": "XC220-G3"}
    assert result["missing"] == ["Device.X_Unknown"]


def test_a_client_that_closes_at_a_method_it_does_not_know_comes_back_in_order(
    acs: RunningAcs, known: RawCpe
) -> None:
    """honeyclient closes; its job is kept, its next session starts anew."""
    job = acs.enqueue(acs.device(known.key), JobKind.READ, paths=["Device.DeviceInfo.ModelName"])
    known.open()
    assert known.post().name == "GetParameterValues"
    known.close()
    assert known.session() == ["GetParameterValues"]
    assert acs.job(job).state is JobState.DONE


def test_get_rpc_methods_is_never_sent_first(acs: RunningAcs, known: RawCpe) -> None:
    """One public simulator dies on it."""
    fresh = known.sibling(serial=f"{known.serial}F")
    assert "GetRPCMethods" not in fresh.session("0 BOOTSTRAP", "1 BOOT")
    fresh.close()


def test_a_connection_without_an_octet_leaves_no_line_in_the_log(acs: RunningAcs) -> None:
    cpe = RawCpe(acs.port(), "NONE")
    before = acs.log
    for _ in range(3):
        cpe.connect()
    cpe.close()
    assert acs.health()["status"] == "ok"
    assert acs.log == before


def test_an_inform_every_few_seconds_that_never_finishes_is_one_session_at_a_time(
    acs: RunningAcs, known: RawCpe
) -> None:
    """The TD-W8980 of 2014: each Inform ends the session before, and none is finished."""
    job = acs.enqueue(acs.device(known.key), JobKind.READ, paths=["Device.DeviceInfo.ModelName"])
    for retry in range(5):
        known.connect()
        known.cookie = ""
        answer = known.authorized(known.inform("2 PERIODIC", retry=retry))
        assert answer.name == "InformResponse"
    wait_for("one session", lambda: acs.metric("acs_sessions_open") == 1)
    assert acs.job(job).state is JobState.QUEUED
    assert acs.job(job).attempts == 0, "its work was never begun"
    known.finish(known.post())
    assert acs.job(job).state is JobState.DONE
