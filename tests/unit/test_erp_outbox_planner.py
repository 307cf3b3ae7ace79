"""What goes into the outbox, and in which words: tables without a clock or a database."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

import msgspec
import pytest

from acs.devices.field_report import FieldReport
from acs.devices.identity import Equipment
from acs.devices.news import NewsKind
from acs.devices.outgoing import Outgoing, OutgoingState
from acs.devices.record import Device, FaultRecord, Proof, ProofLine, Standing, Verdict
from erp_bridge import mapping as mappings
from erp_bridge import scripts
from erp_bridge.errors import ErpForbidden
from erp_bridge.mapping_write_back import StandingWords
from erp_bridge.outbox.facts import Facts, facts_of, fault_text
from erp_bridge.outbox.fitting import write_back_findings
from erp_bridge.outbox.planner import Planned, Rhythm, Trouble, keys_of, plan
from erp_bridge.outbox.wording import fields_of, holds, site_time

MAPPING = mappings.load()
TORONTO = ZoneInfo("America/Toronto")
NOW = 1_795_500_000.0
HOUR = 3600.0
RHYTHM = Rhythm(6 * HOUR, issue_after=4 * HOUR)
DEVICE = Device(
    1,
    "1C61B6-Device2-S1",
    "1C61B6",
    "Device2",
    "S1",
    model="XX230v",
    software="1.2.3",
    address="10.0.0.7",
    standing=Standing.LIVE,
    equipment="EQP-1",
    last_seen=NOW - 60.7,
)
LINE = ProofLine("Device.X", "1", "1", Verdict.PROVEN)
PROOF = Proof(1, NOW - 100.0, "s-17", "p", "f", (LINE, LINE, LINE))
REPORT = FieldReport(
    "EQP-1",
    DEVICE,
    Equipment("EQP-1", customer="Jean", service_location="LOC-1"),
    proof=PROOF,
    light=-18.24,
)
FAULT = FaultRecord(1, "provision", NOW - HOUR, 9007, "Invalid value", ("Device.X: 9007 (no)",))
TOLD = Facts(
    device=DEVICE.key,
    last_seen=NOW - 61.0 + 0.0,
    ip_address="10.0.0.7",
    optical_rx_dbm=-18.2,
    firmware_version="1.2.3",
    model="XX230v",
    standing="live",
    provisioned_at=NOW - 100.0,
    proven=3,
    session="s-17",
)
KEYS = keys_of("EQP-1")


def kept(kind: str, body: object, **more: object) -> dict[str, Outgoing]:
    key = KEYS[kind]  # type: ignore[index]
    row = Outgoing(key, kind, "Service Equipment", "EQP-1", msgspec.json.encode(body))
    return {key: replace(row, **more)}  # type: ignore[arg-type]


def planned(
    report: FieldReport = REPORT, held: Mapping[str, Outgoing] | None = None, *news: NewsKind
) -> Planned:
    return plan(report, held or {}, news, NOW, RHYTHM, MAPPING)


def told(written_ago: float = 0.0, **changes: object) -> dict[str, Outgoing]:
    facts = msgspec.structs.replace(TOLD, **changes)
    return kept("facts", facts, state=OutgoingState.DONE, ended_at=NOW - written_ago)


def test_every_standing_has_a_word() -> None:
    assert set(StandingWords.__struct_fields__) == {standing.value for standing in Standing}


@pytest.mark.parametrize(
    ("held", "is_put"),
    [
        ({}, True),
        (told(), False),
        (told(written_ago=100 * HOUR), False),
        # What is always changing waits until half of the period is over.
        (told(last_seen=1.0), False),
        (told(written_ago=2.9 * HOUR, last_seen=1.0, ip_address="10.0.0.9"), False),
        (told(written_ago=3 * HOUR, last_seen=1.0), True),
        (told(written_ago=3 * HOUR, optical_rx_dbm=-25.0), True),
        # Changes of state do not.
        (told(standing="faulted"), True),
        (told(firmware_version="1.2.2"), True),
        (told(proven=2), True),
        (told(reason="why"), True),
    ],
)
def test_facts_are_put_only_where_they_differ_from_what_was_told(
    held: dict[str, Outgoing], is_put: bool
) -> None:
    put = planned(REPORT, held).put
    assert [row.key for row in put] == (["equipment/EQP-1/facts"] if is_put else [])
    if is_put:
        facts = msgspec.json.decode(put[0].body, type=Facts)
        assert msgspec.structs.replace(facts, lately=0.0) == TOLD
        assert put[0].next_at == NOW + 5.0, "others of the same moment are waited for"


def test_a_device_that_changes_all_the_time_is_written_ever_less_often() -> None:
    held, at, writes = dict[str, Outgoing](), NOW, list[float]()
    while at < NOW + 10 * HOUR:
        report = replace(REPORT, device=replace(DEVICE, software=f"1.{at}"))
        (row,) = plan(report, held, [NewsKind.ONLINE], at, RHYTHM, MAPPING).put
        at = row.next_at
        writes.append(at)
        held = {row.key: replace(row, state=OutgoingState.DONE, ended_at=at)}
    first_hour = sum(at < NOW + HOUR for at in writes)
    assert 20 <= first_hour <= 30
    assert len(writes) - first_hour <= 9 * 6 + 1, "then no more than one in ten minutes"
    quiet = replace(held[KEYS["facts"]], ended_at=NOW - 10 * HOUR)  # type: ignore[index]
    (row,) = planned(REPORT, {quiet.key: quiet}).put
    assert row.next_at == NOW + 5.0, "who was quiet is written at once again"


def test_light_that_was_not_looked_at_is_not_taken_back() -> None:
    assert planned(replace(REPORT, light=None), told()).put == ()


def test_facts_in_the_sites_fields_words_and_time() -> None:
    fields = fields_of(TOLD, MAPPING.write_back, TORONTO)
    assert fields == {
        "last_seen": site_time(NOW - 61.0, TORONTO),
        "firmware_version": "1.2.3",
        "model": "XX230v",
        "ip_address": "10.0.0.7",
        "optical_rx_dbm": -18.2,
        "provisioning_status": "live",
        "provisioned_on": site_time(NOW - 100.0, TORONTO),
        "provisioning_note": f"3 parameters proven {site_time(NOW - 100.0, TORONTO)}, session s-17",
    }
    # What is not known is left as it is, but for a note that is over.
    assert fields_of(Facts(standing="pending"), MAPPING.write_back, TORONTO) == {
        "provisioning_status": "pending",
        "provisioning_note": "",
    }


def test_what_a_living_device_could_not_be_given_is_told_with_its_proof() -> None:
    reason = "everything is as wanted; 1 wish is refused: wifi 5 main: passphrase: is too short"
    facts = facts_of(replace(REPORT, device=replace(DEVICE, standing=Standing.LIVE, reason=reason)))
    assert facts is not None and facts.reason.startswith("1 wish is refused")
    written = fields_of(facts, MAPPING.write_back, TORONTO)
    assert "parameters proven" in written["provisioning_note"]
    assert "passphrase: is too short" in written["provisioning_note"]


def test_only_mapped_fields_are_written_in_the_sites_own_words() -> None:
    default = (mappings.files("erp_bridge") / "mapping.toml").read_text("utf-8")
    own = '[write_back]\nlast_seen=""\nprovisioning_note=""\n[write_back.words]\nlive="En service"'
    table = mappings.parse(own, "own", default).write_back
    fields = fields_of(TOLD, table, TORONTO)
    assert fields["provisioning_status"] == "En service"
    assert not {"last_seen", "provisioning_note"} & fields.keys()


@pytest.mark.parametrize(
    ("own", "complaint"),
    [
        ('[write_back]\nmodel = "Model"', "write_back.model: 'Model' is no field name"),
        ('[write_back]\nmodel = "last_seen"', "is the same field as last_seen"),
        ('[write_back]\nmodel = "serial_number"', "is read elsewhere in the mapping"),
        ('[issue]\nfault_key = ""', "issue.fault_key: '' is no field name"),
        ("[dispatch_job]\nopen = []", "dispatch_job: needs words"),
        ('[write_back]\nfirmware = "x"', "unknown key 'write_back.firmware'"),
    ],
)
def test_a_mapping_that_cannot_be_written_to_is_refused_with_the_place(
    own: str, complaint: str
) -> None:
    default = (mappings.files("erp_bridge") / "mapping.toml").read_text("utf-8")
    with pytest.raises(mappings.MappingError, match=complaint):
        mappings.parse(own, "own.toml", default)


def test_times_are_the_sites_without_offset_in_summer_and_winter() -> None:
    assert site_time(1_795_500_000.0, TORONTO) == "2026-11-24 01:00:00"
    assert site_time(1_783_404_000.0, TORONTO) == "2026-07-07 02:00:00"
    assert site_time(0.0, TORONTO) == ""


@pytest.mark.parametrize(
    ("document", "is_same"),
    [
        ({"a": "x", "b": "-18.20", "c": "2026-11-22 01:40:00.000000"}, True),
        ({"a": "x", "b": -18.2, "c": "2026-11-22 01:40:00", "d": None}, True),
        ({"a": "x", "b": -18.3, "c": "2026-11-22 01:40:00"}, False),
        ({"a": "x", "c": "2026-11-22 01:40:00"}, False),
        ({"a": "y", "b": -18.2, "c": "2026-11-22 01:40:00"}, False),
    ],
)
def test_a_document_is_compared_by_meaning(document: dict[str, object], is_same: bool) -> None:
    ours = {"a": "x", "b": -18.2, "c": "2026-11-22 01:40:00", "d": ""}
    assert holds(document, ours) is is_same


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (("Device.WiFi.SSID.1.SSID: 9007 (bad <b>)",), "Device.WiFi.SSID.1.SSID: 9007 (bad <b>)"),
        (("Device.A: 9007 (x)", "Device.B: 9008 (y)"), "Device.A and 1 more: 9007 (x)"),
        # Devices repeat values in their words.
        (
            ("Device.A.KeyPassphrase: 9007 ('s3cret' is short)",),
            "Device.A.KeyPassphrase: fault 9007",
        ),
        ((), "9007 Invalid value"),
    ],
)
def test_a_fault_names_its_parameter_and_no_secret(parameters: tuple[str, ...], text: str) -> None:
    assert fault_text(replace(FAULT, parameters=parameters)) == text


def test_a_note_is_stored_as_it_is_sent() -> None:
    facts = Facts(standing="faulted", reason="Device.A: 9007 (bad <b>)" + 300 * "x")
    note = str(fields_of(facts, MAPPING.write_back, TORONTO)["provisioning_note"])
    assert "<" not in note
    assert len(note) == 140


# --- the proof of an installation ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "news", "is_put"),
    [
        (REPORT, NewsKind.PROVISIONED, True),
        (REPORT, NewsKind.ONLINE, False),
        (
            replace(REPORT, box=replace(REPORT.box, service_location="")),
            NewsKind.PROVISIONED,
            False,
        ),  # type: ignore[type-var]
        (replace(REPORT, proof=None), NewsKind.PROVISIONED, False),
        (
            replace(REPORT, device=replace(DEVICE, standing=Standing.FAULTED)),
            NewsKind.PROVISIONED,
            False,
        ),
    ],
)
def test_an_installation_is_proven_when_it_is_news(
    report: FieldReport, news: NewsKind, is_put: bool
) -> None:
    put = planned(report, told(), news).put
    assert ("equipment/EQP-1/installation" in {row.key for row in put}) is is_put


def test_an_installation_is_proven_once() -> None:
    first = [row for row in planned(REPORT, {}, NewsKind.PROVISIONED).put if row.kind != "facts"]
    held = told() | {row.key: replace(row, state=OutgoingState.DONE) for row in first}
    assert planned(REPORT, held, NewsKind.PROVISIONED).put == ()


def test_an_equipment_that_nothing_holds_any_more_is_said_to_be_in_quarantine() -> None:
    gone = FieldReport("EQP-1", box=REPORT.box)
    assert planned(gone, told()).put == ()
    [row] = planned(gone, told(), NewsKind.QUARANTINED).put
    facts = msgspec.json.decode(row.body, type=Facts)
    assert facts.standing == "quarantined"
    assert facts.last_seen == TOLD.last_seen


# --- an Issue for a lasting fault ---------------------------------------------------------------

FAULTED = replace(REPORT, device=replace(DEVICE, standing=Standing.FAULTED), fault=FAULT)
OPEN = Trouble(device="d", customer="Jean", since=NOW - HOUR, is_over=False, text="t")
OVER = msgspec.structs.replace(OPEN, is_over=True)
WAITS = {"state": OutgoingState.WAITING, "next_at": NOW + HOUR}
DONE = {"state": OutgoingState.DONE}


@pytest.mark.parametrize(
    ("report", "held", "since", "is_over", "at"),
    [
        (FAULTED, {}, FAULT.at, False, NOW + 4 * HOUR),
        # It lasts: one Issue, whose time is not put off.
        (FAULTED, kept("issue", OPEN, **WAITS), None, None, None),
        (FAULTED, kept("issue", OPEN, **DONE), None, None, None),
        # It is over once the Issue is there, or may be there.
        (REPORT, kept("issue", OPEN, **DONE), OPEN.since, True, NOW),
        (REPORT, kept("issue", OPEN, state=OutgoingState.DOUBTED), OPEN.since, True, NOW),
        (REPORT, kept("issue", OVER, **DONE), None, None, None),
        # Another fault is another Issue, but for one whose end is not told yet.
        (FAULTED, kept("issue", OVER, **DONE), FAULT.at, False, NOW + 4 * HOUR),
        (
            FAULTED,
            kept("issue", OVER, state=OutgoingState.WAITING),
            OVER.since,
            False,
            NOW + 4 * HOUR,
        ),
    ],
)
def test_a_lasting_fault_is_one_issue(
    report: FieldReport,
    held: dict[str, Outgoing],
    since: float | None,
    is_over: bool | None,
    at: float | None,
) -> None:
    put = [row for row in planned(report, held).put if row.kind == "issue"]
    if since is None:
        assert put == []
        return
    [row] = put
    trouble = msgspec.json.decode(row.body, type=Trouble)
    assert (trouble.since, trouble.is_over, row.next_at) == (since, is_over, at)


def test_a_fault_that_was_short_is_no_issue() -> None:
    done = planned(REPORT, kept("issue", OPEN, **WAITS))
    assert done.drop == ("equipment/EQP-1/issue",)


def test_without_a_time_for_it_no_issue_is_opened() -> None:
    rows = plan(FAULTED, {}, (), NOW, Rhythm(6 * HOUR), MAPPING).put
    assert [row.kind for row in rows] == ["facts"]


def test_the_server_script_takes_what_the_default_mapping_writes() -> None:
    text = scripts.text("acs_write_back")
    named = re.search(r"^FIELDS = (\{.*?^\})", text, re.MULTILINE | re.DOTALL)
    assert named is not None
    fields = ast.literal_eval(named[1])
    assert fields == {MAPPING.equipment.doctype: list(MAPPING.write_back.fields.values())}


def test_the_server_script_is_python() -> None:
    compile(scripts.text("acs_write_back"), "acs_write_back", "exec")


# --- what the doctor says ---------------------------------------------------------------------

FITTING = {
    "Service Equipment": {
        "last_seen": "Datetime",
        "firmware_version": "Data",
        "model": "Data",
        "ip_address": "Data",
        "optical_rx_dbm": "Float",
        "provisioning_status": "Select",
        "provisioned_on": "Datetime",
        "provisioning_note": "Small Text",
    },
    "Dispatch Job": {"acs_proof": "Small Text", "acs_proven_on": "Datetime"},
    "Issue": {"acs_fault_key": "Data"},
}


class Schemas:
    """A site that tells its schemas."""

    def __init__(self, doctypes: dict[str, dict[str, str]]) -> None:
        self._doctypes = doctypes

    def meta(self, doctype: str) -> dict[str, object]:
        if doctype not in self._doctypes:
            raise ErpForbidden("no right", "give it")
        rows = self._doctypes[doctype].items()
        return {"fields": [{"fieldname": n, "fieldtype": t, "unique": 1} for n, t in rows]}


def said(**changes: dict[str, str] | None) -> list[str]:
    doctypes = {**FITTING}
    for doctype, fields in changes.items():
        name = doctype.replace("_", " ")
        if fields is None:
            del doctypes[name]
        else:
            doctypes[name] = {k: v for k, v in {**doctypes[name], **fields}.items() if v}
    found = write_back_findings(Schemas(doctypes), MAPPING)  # type: ignore[arg-type]
    return [f"{finding.level}: {finding.text}" for finding in found]


def test_the_doctor_names_what_the_site_lacks_for_it() -> None:
    assert said() == ["ok: The site has the fields that are written back"]
    [lacks] = said(Service_Equipment={"optical_rx_dbm": ""})
    assert "warning: Service Equipment has no field 'optical_rx_dbm'" in lacks
    [typed] = said(Service_Equipment={"last_seen": "Date"})
    assert "Service Equipment.last_seen is a Date" in typed
    [hidden] = said(Issue=None)
    assert "Nothing is written to Issue: no right" in hidden
