"""What is kept of devices, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from sqlalchemy import select, text

from acs.devices.effects import (
    AddTimeline,
    ClearFault,
    Effect,
    EnqueueJob,
    ForgetMissing,
    RaiseFault,
    RestoreCredentials,
    SaveCredentials,
    SaveDevice,
    SaveJob,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.identity import (
    Equipment,
    EquipmentStatus,
    Service,
    ServiceCategory,
    ServiceStatus,
    Terms,
    Treatment,
)
from acs.devices.record import (
    Device,
    FaultRecord,
    Job,
    JobKind,
    JobState,
    Opened,
    Proof,
    ProofLine,
    Snapshot,
    Standing,
    TimelineEntry,
    Verdict,
)
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId, Event, EventKind, Secret, Value, ValueType
from acs.profiles.intent import Band, Intent, Security, VoiceLine, WifiNetwork
from acs.store import (
    BadEffect,
    Database,
    Vault,
    VaultError,
    credentials,
    devices,
    equipment,
    facts,
    faults,
    jobs,
    prepare,
    proofs,
    retention,
    sealing,
    snapshots,
    timeline,
)
from acs.store.apply import apply_thd, commit
from acs.store.opening import open_thd
from acs.store.tables import devices as devices_table
from acs.store.tables import metadata
from acs.store.tables import snapshots as snapshots_table

ROOT = "InternetGatewayDevice."


def contact(serial: str = "S1", *kinds: EventKind, at: float = 1000.0) -> Contact:
    return Contact(
        device=DeviceId("00259E", "XC220-G3", serial),
        manufacturer="TP-Link",
        protocol="cwmp",
        root=ROOT,
        events=tuple(Event(kind) for kind in kinds or (EventKind.PERIODIC,)),
        values={
            f"{ROOT}DeviceInfo.HardwareVersion": Value("v1"),
            f"{ROOT}DeviceInfo.SoftwareVersion": Value("1.2.3"),
            f"{ROOT}ManagementServer.ConnectionRequestURL": Value("http://192.0.2.1:7547/x"),
        },
        at=at,
        address="192.0.2.1",
    )


def call(database: Database, *contacts: Contact) -> list[Opened]:
    return database.run("open", open_thd, contacts)


def new_device(database: Database, serial: str = "S1") -> int:
    return call(database, contact(serial))[0].device.id


def apply(database: Database, *effects: Effect) -> None:
    database.run("apply", apply_thd, effects)


def load(database: Database, device_id: int) -> Device:
    device = database.run("get", devices.get_thd, device_id)
    assert device is not None
    return device


# --- a device calls -------------------------------------------------------------------------


def test_the_first_contact_creates_the_device_from_what_it_tells(database: Database) -> None:
    [opened] = call(database, contact("S1", at=1234.5))
    device = opened.device
    assert opened.created
    assert (opened.jobs, opened.wish) == ((), "")
    assert device == Device(
        id=device.id,
        key="00259E-XC220%2DG3-S1",
        oui="00259E",
        product_class="XC220-G3",
        serial_number="S1",
        manufacturer="TP-Link",
        protocol="cwmp",
        root=ROOT,
        hardware="v1",
        software="1.2.3",
        address="192.0.2.1",
        connection_request_url="http://192.0.2.1:7547/x",
        standing=Standing.WAITING,
        first_seen=1234.5,
        last_seen=1234.5,
    )
    [again] = call(database, contact("S1", at=2000.0))
    assert (again.created, again.device) == (False, device)


def test_a_batch_is_answered_in_its_order_with_duplicates(database: Database) -> None:
    new_device(database, "B")
    serials = ["C", "B", "A", "C", "B"]
    opened = call(database, *map(contact, serials))
    assert [o.device.serial_number for o in opened] == serials
    assert [o.created for o in opened] == [True, False, True, False, False]
    assert opened[0].device.id == opened[3].device.id
    assert opened[0].device is not opened[3].device  # each visit changes its own


def test_a_device_with_its_own_password_keeps_its_record_under_a_new_product_class(
    database: Database,
) -> None:
    device_id = new_device(database, "S1")
    before = load(database, device_id).key
    renamed = DeviceId("00259E", "XC220-G3v2", "S1")
    calling = replace(contact("S1"), device=renamed, credential="own", account=before)
    [opened] = call(database, calling)
    assert (opened.created, opened.device.id) == (False, device_id)
    assert (opened.device.key, opened.device.product_class) == (renamed.key, "XC220-G3v2")
    [again] = call(database, calling)
    assert (again.created, again.device.id) == (False, device_id)
    [stranger] = call(database, replace(contact("S1"), credential="bootstrap"))
    assert stranger.created, "the old name alone opens nothing"


def test_boot_and_bootstrap_are_kept_by_the_opening_itself(database: Database) -> None:
    device_id = new_device(database)
    apply(database, SaveDevice(device_id, {"marker": "acs-17"}))
    [booted] = call(database, contact("S1", EventKind.BOOT, at=2000.0))
    assert (booted.device.last_boot, booted.device.marker) == (2000.0, "acs-17")
    reset, after = call(
        database,
        contact("S1", EventKind.BOOTSTRAP, EventKind.BOOT, at=3000.0),
        contact("S1", at=3001.0),
    )
    assert (reset.device.last_bootstrap, reset.device.last_boot) == (3000.0, 3000.0)
    assert (reset.device.marker, after.device.marker) == ("", "")
    assert load(database, device_id) == reset.device == after.device


def test_opening_brings_open_jobs_and_the_wish(database: Database) -> None:
    device_id = new_device(database)
    other = new_device(database, "S2")
    store(database, mirror_row("EQ-1"))
    apply(
        database,
        SaveDevice(device_id, {"equipment": "EQ-1"}),
        EnqueueJob(Job(0, device_id, JobKind.READ, {"paths": ["A."]}, created_at=1.0)),
        EnqueueJob(Job(0, device_id, JobKind.REBOOT, priority=5, created_at=2.0)),
        EnqueueJob(Job(0, device_id, JobKind.READ, expires_at=1500.0)),
        EnqueueJob(Job(0, device_id, JobKind.SET, state=JobState.SENT, expires_at=9999.0)),
        EnqueueJob(Job(0, device_id, JobKind.ADD, state=JobState.DONE)),
    )
    opened, nothing = call(database, contact("S1", at=1600.0), contact("S2"))
    assert [job.kind for job in opened.jobs] == [JobKind.REBOOT, JobKind.READ, JobKind.SET]
    assert opened.jobs[1].payload == {"paths": ["A."]}
    assert opened.wish == "digest of EQ-1"
    assert (nothing.device.id, nothing.jobs, nothing.wish) == (other, (), "")
    states = {job.id: job for job in database.run("list", jobs.list_thd, device_id)}
    expired = [job for job in states.values() if job.state is JobState.EXPIRED]
    assert [(job.expires_at, job.finished_at) for job in expired] == [(1500.0, 1600.0)]


def test_the_number_of_statements_does_not_grow_with_the_batch(database: Database) -> None:
    from sqlalchemy import event

    counted: list[str] = []
    with database.begin() as conn:
        event.listen(conn, "before_cursor_execute", lambda *a: counted.append(a[2]))
        sizes = []
        for size in (2, 60):
            kinds = (EventKind.BOOTSTRAP, EventKind.BOOT)
            open_thd(conn, [contact(f"{size}-{n}", *kinds) for n in range(size)])
            sizes.append(len(counted))
            counted.clear()
    assert sizes[0] == sizes[1] <= 6


# --- devices --------------------------------------------------------------------------------


def test_columns_stand_in_the_order_of_the_fields() -> None:
    assert tuple(devices_table.c.keys()) == tuple(field.name for field in fields(Device))


def test_saved_columns_come_back(database: Database) -> None:
    device_id = new_device(database)
    changes = {"standing": Standing.LIVE, "failures": 2, "own_credentials": True, "retry_at": 5.5}
    apply(
        database,
        SaveDevice(device_id, {"reason": "a", "failures": 1}),
        SaveDevice(device_id, changes),
    )
    device = load(database, device_id)
    assert device.standing is Standing.LIVE
    assert (device.reason, device.failures, device.own_credentials) == ("a", 2, True)
    assert device.retry_at == 5.5


@pytest.mark.parametrize("column", ["id", "key", "serial_number", "first_seen", "no_such"])
def test_columns_that_cannot_change_are_refused(database: Database, column: str) -> None:
    device_id = new_device(database)
    with pytest.raises(BadEffect, match=column):
        apply(database, SaveDevice(device_id, {column: "x", "reason": "y"}))
    assert load(database, device_id).reason == ""


@pytest.mark.parametrize(
    "spelling",
    [
        "00259E-XC220%2DG3-S1a",
        "S1a",
        "s1A",
        "98:25:4a:00:00:01",
        "98-25-4A-00-00-01",
        "9825.4a00.0001",
        "EQ-7",
        " EQ-7 ",
    ],
)
def test_a_device_is_found_by_any_of_its_names(database: Database, spelling: str) -> None:
    device_id = new_device(database, "S1A" if spelling in ("S1a", "s1A") else "S1a")
    new_device(database, "other")
    apply(database, SaveDevice(device_id, {"mac": "98254A000001", "equipment": "EQ-7"}))
    found = database.run("resolve", devices.resolve_thd, spelling)
    assert [device.id for device in found] == [device_id]


def test_resolving_leaves_a_choice_to_the_person(database: Database) -> None:
    first = new_device(database, "AAA")
    second = new_device(database, str(first))  # its serial reads like the other's id
    resolve = devices.resolve_thd
    assert [d.id for d in database.run("r", resolve, str(first))] == [first, second]
    assert database.run("r", resolve, "") == []
    assert database.run("r", resolve, "9" * 30) == []


def test_devices_are_listed_by_page_standing_and_text(database: Database) -> None:
    ids = [new_device(database, f"SN{n}") for n in range(5)]
    apply(
        database,
        SaveDevice(ids[1], {"standing": Standing.LIVE, "model": "Archer_50%"}),
        SaveDevice(ids[3], {"standing": Standing.LIVE, "mac": "98254A0000FF"}),
    )

    def listed(**filters: object) -> list[int]:
        return [d.id for d in database.run("l", devices.list_thd, **filters)]  # type: ignore[arg-type]

    assert listed(limit=2) == ids[:2]
    assert listed(limit=2, after=ids[1]) == ids[2:4]
    assert listed(standing=Standing.LIVE) == [ids[1], ids[3]]
    assert listed(search="archer_50%") == [ids[1]]
    assert listed(search="5_%") == []
    assert listed(search="4a:00:00:ff") == [ids[3]]
    assert listed(search="sn2") == [ids[2]]
    assert listed(search="sn", standing=Standing.LIVE, after=ids[1]) == [ids[3]]
    counts = database.run("c", devices.standings_thd)
    assert counts[Standing.LIVE] == 2
    assert counts[Standing.WAITING] == 3
    assert counts[Standing.FAULTED] == 0


def test_devices_of_equipment_are_found(database: Database) -> None:
    ids = [new_device(database, f"SN{n}") for n in range(3)]
    apply(database, *(SaveDevice(i, {"equipment": "EQ-1"}) for i in ids[:2]))
    found = database.run("b", devices.by_equipment_thd, ["EQ-1", "EQ-2", ""])
    assert {name: [d.id for d in some] for name, some in found.items()} == {"EQ-1": ids[:2]}


def test_deleting_a_device_deletes_all_that_is_kept_of_it(database: Database) -> None:
    device_id = new_device(database)
    apply(database, *one_of_each(device_id))
    assert database.run("d", devices.delete_thd, device_id)
    assert not database.run("d", devices.delete_thd, device_id)
    with database.begin() as conn:
        for table in metadata.sorted_tables:
            if "device_id" in table.c:
                assert conn.execute(select(table)).all() == [], table.name
    assert new_device(database) > device_id  # an id is never given again


# --- effects --------------------------------------------------------------------------------


def one_of_each(device_id: int) -> list[Effect]:
    proof = Proof(device_id, 5.0, "s", "p", "f", (ProofLine("A.B", "***", None, Verdict.WRITTEN),))
    return [
        SaveDevice(device_id, {"reason": "x"}),
        SaveSnapshot(device_id, Snapshot(5.0, {"A.B": Value("v")})),
        AddTimeline(TimelineEntry(device_id, 5.0, "boot", "1 BOOT", "s", {"n": 1})),
        SaveProof(proof),
        RaiseFault(FaultRecord(device_id, "provision", 5.0, 9007, "no", ("A.B: 9007",))),
        EnqueueJob(Job(0, device_id, JobKind.SET, {"changes": [{"path": "A", "value": "pw"}]})),
        SaveCredentials(device_id, f"user-{device_id}", "pw"),
    ]


def test_snapshots_come_back_whole_and_only_the_last_stands(database: Database) -> None:
    device_id = new_device(database)
    values = {
        "A.é": Value("Maison d’été", ValueType.STRING),
        "A.n": Value("7", ValueType.UNSIGNED_INT),
    }
    snapshot = Snapshot(7.5, values, {"A.key": "digest"})
    apply(database, SaveSnapshot(device_id, Snapshot(1.0, {})), SaveSnapshot(device_id, snapshot))
    assert database.run("l", snapshots.load_thd, [device_id, 999]) == {device_id: snapshot}
    found = database.run("l", snapshots.load_thd, [device_id])[device_id].values["A.n"]
    assert (type(found), found.type) == (Value, ValueType.UNSIGNED_INT)


def test_timeline_comes_back_newest_first_by_page_with_secrets_masked(database: Database) -> None:
    device_id = new_device(database)
    entries = [
        TimelineEntry(device_id, float(n), "boot", f"n {n}", "s", {"pw": Secret("hunter2"), "n": n})
        for n in range(5)
    ]
    apply(database, *map(AddTimeline, entries))
    page = database.run("t", timeline.list_thd, device_id, limit=2)
    assert [line.entry.at for line in page] == [4.0, 3.0]
    assert page[0].entry.detail == {"pw": "***", "n": 4}
    rest = database.run("t", timeline.list_thd, device_id, before=page[-1].id)
    assert [line.entry.at for line in rest] == [2.0, 1.0, 0.0]


def test_proofs_come_back_latest_and_history(database: Database) -> None:
    device_id = new_device(database)
    lines = (
        ProofLine("A.SSID", "Maison", "Maison", Verdict.PROVEN),
        ProofLine("A.Key", "***", None, Verdict.WRITTEN),
    )
    first = Proof(device_id, 1.0, "s1", "p1", "f1", lines)
    second = Proof(device_id, 2.0, "s2", "p2", "f2", ())
    apply(database, SaveProof(first), SaveProof(second))
    assert database.run("p", proofs.latest_thd, device_id) == second
    assert database.run("p", proofs.list_thd, device_id) == [second, first]
    assert database.run("p", proofs.latest_thd, device_id + 1) is None


def test_a_fault_code_no_device_should_have_is_kept_all_the_same(database: Database) -> None:
    device_id = new_device(database)
    apply(database, RaiseFault(FaultRecord(device_id, "provision", 1.0, 2**32 - 1, "strange")))
    (kept,) = database.run("f", faults.list_thd, device_id)
    assert (kept.code, kept.text) == (2**31 - 1, "strange")


def test_faults_are_counted_while_they_last(database: Database) -> None:
    device_id = new_device(database)
    fault = FaultRecord(device_id, "provision", 1.0, 9005, "no such", ("A.B: 9005",), 1, 60.0)
    again = replace(fault, at=2.0, code=9007, retry_at=120.0)
    apply(database, RaiseFault(fault))
    apply(database, RaiseFault(fault), RaiseFault(again))
    assert database.run("f", faults.list_thd, device_id) == [replace(again, count=3)]
    apply(database, ClearFault(device_id, "provision"), RaiseFault(fault))
    assert database.run("f", faults.list_thd) == [fault]
    apply(database, RaiseFault(fault), ClearFault(device_id, "provision"))
    assert database.run("f", faults.list_thd, device_id) == []


def test_jobs_keep_state_attempts_and_result(database: Database) -> None:
    device_id = new_device(database)
    payload = {"changes": [{"path": "A.B", "value": "v", "secret": True}]}
    job = Job(
        0, device_id, JobKind.SET, payload, 3, created_at=9.0, created_by="ana", expires_at=99.0
    )
    job_id = database.run("e", jobs.enqueue_thd, job)
    assert database.run("g", jobs.get_thd, job_id) == replace(job, id=job_id)
    sent = SaveJob(job_id, JobState.SENT, 10.0, 1, {"sent_at": 10.0})
    apply(database, sent)
    found = database.run("g", jobs.get_thd, job_id)
    assert found is not None
    assert (found.state, found.finished_at, found.result) == (JobState.SENT, 0.0, {"sent_at": 10.0})
    assert isinstance(found.result["sent_at"], float)
    apply(database, sent, SaveJob(job_id, JobState.FAILED, 12.0, 2, {"error": "no"}))
    found = database.run("g", jobs.get_thd, job_id)
    expected = replace(
        job,
        id=job_id,
        state=JobState.FAILED,
        attempts=2,
        finished_at=12.0,
        result={"error": "no"},
    )
    assert found == expected
    assert database.run("g", jobs.get_thd, job_id + 1) is None


def test_a_job_that_was_cancelled_is_not_put_back_into_its_queue(database: Database) -> None:
    made = [Job(0, new_device(database), JobKind.READ, {"paths": []}) for _ in range(2)]
    waits, goes_out = (database.run("e", jobs.enqueue_thd, job) for job in made)
    for job_id in (waits, goes_out):
        assert database.run("c", jobs.cancel_thd, job_id, 5.0)
    # A session that was open then is lost, and one has sent what it had loaded before.
    apply(
        database,
        SaveJob(waits, JobState.QUEUED, 6.0, 1, {"error": "session lost"}),
        SaveJob(goes_out, JobState.SENT, 6.0, 1, {"sent_at": 6.0}),
    )
    kept, sent = (database.run("g", jobs.get_thd, job_id) for job_id in (waits, goes_out))
    assert kept is not None
    assert (kept.state, kept.finished_at, kept.result) == (JobState.CANCELLED, 5.0, {})
    assert sent is not None
    assert sent.state is JobState.SENT, "what a device was told cannot be hidden"


def test_what_models_lack_is_merged(database: Database) -> None:
    apply(database, ForgetMissing("m1", ("A", "B")), ForgetMissing("m2", ("C",)))
    apply(database, ForgetMissing("m1", ("B", "D")))
    known = {"m1": frozenset("ABD"), "m2": frozenset("C")}
    assert database.run("m", facts.missing_thd) == known
    database.run("m", facts.forget_thd, "m1")
    assert database.run("m", facts.missing_thd) == {"m2": frozenset("C")}


def test_a_bad_callers_effects_harm_nobody_else(database: Database) -> None:
    good, other = new_device(database, "G"), new_device(database, "O")
    stranger = TimelineEntry(999_999, 1.0, "k", "of no device")
    groups: list[list[Effect]] = [
        [SaveDevice(good, {"reason": "first"})],
        [SaveDevice(other, {"reason": "never"}), AddTimeline(stranger)],
        [SaveDevice(other, {"nonsense": 1})],
        [AddTimeline(replace(stranger, device_id=good))],
    ]
    outcomes = commit(database, groups)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "NoneType",
        "IntegrityError",
        "BadEffect",
        "NoneType",
    ]
    assert load(database, good).reason == "first"
    assert load(database, other).reason == ""  # a caller's effects are kept whole or not at all
    assert len(database.run("t", timeline.list_thd, good)) == 1


# --- credentials ----------------------------------------------------------------------------


def test_ha1_digests_are_those_of_rfc_7616() -> None:
    # RFC 7616 3.9.1
    found = credentials.ha1("Mufasa", "http-auth@example.org", "Circle of Life")
    assert found["MD5"] == "3d78807defe7de2157e2b0b6573a855f"
    assert found["SHA-256"].startswith(
        "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
    )


def test_the_password_is_kept_only_until_the_device_has_used_it(database: Database) -> None:
    device_id = new_device(database)
    apply(database, SaveCredentials(device_id, "user", "hunter2"))
    expected = credentials.ha1("user", "gigafibre-acs", "hunter2")
    key = load(database, device_id).key
    found = database.run("h", credentials.ha1_thd, ["user", "nobody"])
    assert found == {"user": (key, expected, True, {})}
    assert database.run("p", credentials.pending_password_thd, device_id) == "hunter2"
    apply(database, SaveCredentials(device_id, "user", None))
    assert database.run("p", credentials.pending_password_thd, device_id) is None
    found = database.run("h", credentials.ha1_thd, ["user"])
    assert found == {"user": (key, expected, False, {})}


def test_the_password_before_holds_until_the_new_one_is_used(database: Database) -> None:
    device_id = new_device(database)

    def account() -> credentials.Account:
        return database.run("ha1", credentials.ha1_thd, ["user"])["user"]

    apply(database, SaveCredentials(device_id, "user", "first"))
    assert account().earlier == {}
    apply(database, SaveCredentials(device_id, "user", None))
    used = account().ha1
    for password in ("second", "third"):
        apply(database, SaveCredentials(device_id, "user", password))
        assert account().earlier == used, "only a password that was used holds on"
    apply(database, RestoreCredentials(device_id))
    assert (account().ha1, account().earlier, account().pending) == (used, {}, False)
    apply(database, SaveCredentials(device_id, "user", "fourth"))
    apply(database, SaveCredentials(device_id, "user", None))
    assert account().earlier == {}
    assert account().ha1 != used


def test_of_several_credentials_in_one_batch_the_order_counts(database: Database) -> None:
    device_id = new_device(database)
    new, used = SaveCredentials(device_id, "u", "pw"), SaveCredentials(device_id, "u", None)
    apply(database, new, used)
    assert database.run("p", credentials.pending_password_thd, device_id) is None
    apply(database, used, new)
    assert database.run("p", credentials.pending_password_thd, device_id) == "pw"


# --- the mirror -----------------------------------------------------------------------------

INTENT = Intent(
    wifi=(
        WifiNetwork(Band.GHZ_5, ssid="Été", passphrase=Secret("hunter2"), security=Security.WPA2),
    ),
    voice=(VoiceLine(2, username="5145551234", password=Secret("sip"), registrar_port=5060),),
)


def mirror_row(name: str, **identifiers: str) -> MirrorRow:
    box = Equipment(name, status=EquipmentStatus.ACTIVE, customer="C-1", **identifiers)  # type: ignore[arg-type]
    return MirrorRow(box, INTENT, f"digest of {name}", 100.0)


def store(database: Database, *rows: MirrorRow) -> None:
    database.run("s", equipment.store_thd, rows)


def names(rows: tuple[MirrorRow, ...]) -> list[str]:
    return [row.equipment.name for row in rows]


def test_equipment_is_named_by_what_it_is_linked_to(database: Database) -> None:
    store(
        database,
        mirror_row("EQ-1", service_location="LOC-1"),
        mirror_row("EQ-2", service_location="LOC-2", service_subscription="SUB-2"),
        mirror_row("EQ-3", service_location="LOC-1"),
        mirror_row("EQ-4"),
    )
    database.run("s", equipment.forget_thd, ["EQ-3"])
    with database.read() as conn:
        assert equipment.names_at_thd(conn, ["LOC-1", "LOC-2"]) == ("EQ-1", "EQ-2")
        assert equipment.names_at_thd(conn, ["LOC-1"], ["SUB-2"]) == ("EQ-1", "EQ-2")
        assert equipment.names_at_thd(conn, customers=["C-1"]) == ("EQ-1", "EQ-2", "EQ-4")
        assert equipment.names_at_thd(conn, [""], [""], [""]) == ()


def test_what_surrounds_equipment_is_kept_with_it(database: Database) -> None:
    services = (Service("SUB-1", ServiceCategory.VOICE, ServiceStatus.SUSPENDED),)
    row = mirror_row("EQ-1")
    box = replace(row.equipment, services=services, treatment=Treatment.NEUTRAL)
    store(database, replace(row, equipment=box))
    with database.read() as conn:
        assert equipment.wish_thd(conn, ["EQ-1"])["EQ-1"].equipment == box


def test_equipment_is_found_by_each_identifier_in_one_batch(database: Database) -> None:
    rows = [
        mirror_row("by-cwmp", cwmp_serial="S1"),
        mirror_row("by-serial", serial_number="S1"),
        mirror_row("by-barcode", barcode="S2"),
        mirror_row("by-gpon", gpon_serial="54504C4700000001"),
        mirror_row("by-mac", mac="98254A000001"),
        mirror_row("blank"),
    ]
    store(database, *rows)
    found = database.run(
        "f",
        equipment.find_thd,
        [
            Terms(serials=("S1", "S2", "")),
            Terms(gpon_serials=("54504C4700000001",), macs=("98254A000001", "")),
            Terms(serials=("unknown",)),
            Terms(),
        ],
    )
    assert [names(some) for some in found] == [
        ["by-barcode", "by-cwmp", "by-serial"],
        ["by-gpon", "by-mac"],
        [],
        [],
    ]
    assert found[0][0] == rows[2]  # the intent with its secrets included


def test_wishes_come_back_and_the_newest_row_stands(database: Database) -> None:
    store(database, mirror_row("EQ"), mirror_row("OTHER"))
    newer = replace(mirror_row("EQ", mac="98254A000009"), digest="d2", fetched_at=200.0)
    store(database, newer)
    assert database.run("w", equipment.wish_thd, ["EQ", "none"]) == {"EQ": newer}


def test_forgotten_equipment_is_not_found_and_its_secrets_are_gone(database: Database) -> None:
    store(database, mirror_row("EQ", mac="98254A000001"))
    database.run("f", equipment.forget_thd, ["EQ", "none"])
    assert database.run("w", equipment.wish_thd, ["EQ"]) == {}
    assert database.run("f", equipment.find_thd, [Terms(macs=("98254A000001",))]) == [()]
    store(database, mirror_row("EQ"))
    assert set(database.run("w", equipment.wish_thd, ["EQ"])) == {"EQ"}


def test_stale_equipment_is_named_oldest_first(database: Database) -> None:
    times = {"a": 30.0, "b": 10.0, "c": 20.0, "fresh": 90.0}
    store(database, *(replace(mirror_row(name), fetched_at=at) for name, at in times.items()))
    assert database.run("s", equipment.stale_thd, 2, 50.0) == ("b", "c")
    wanted = ["fresh", "a", "new", "a", ""]
    assert database.run("s", equipment.stale_thd, wanted, 50.0) == ("a", "new")


# --- secrets at rest ------------------------------------------------------------------------


def test_no_secret_lies_in_the_database_in_clear(database: Database) -> None:
    device_id = new_device(database)
    apply(
        database,
        EnqueueJob(Job(0, device_id, JobKind.SET, {"changes": [{"value": "hunter2"}]})),
        SaveCredentials(device_id, "user", "hunter2"),
        SaveSnapshot(device_id, Snapshot(1.0, {"A.KeyPassphrase": Value("hunter2")})),
    )
    job_id = database.run("l", jobs.list_thd, device_id)[0].id
    apply(database, SaveJob(job_id, JobState.DONE, 1.0, 1, {"values": {"A": "hunter2"}}))
    store(database, mirror_row("EQ"))
    digests = credentials.ha1("user", "gigafibre-acs", "hunter2").values()
    with database.begin() as conn:
        content = [
            repr(tuple(row))
            for table in metadata.sorted_tables
            for row in conn.execute(select(table))
        ]
    assert len(content) == 6  # a row in each of the tables above, and the digest root
    for secret in ("hunter2", "sip", *digests):
        assert not any(secret in row for row in content)


def test_a_blob_moved_to_another_row_does_not_open(database: Database) -> None:
    first, second = new_device(database, "1"), new_device(database, "2")
    apply(database, SaveSnapshot(first, Snapshot()), SaveSnapshot(second, Snapshot()))
    with database.begin() as conn:
        body = conn.scalar(
            select(snapshots_table.c.body).where(snapshots_table.c.device_id == first)
        )
        conn.execute(snapshots_table.update().values(body=body))
    with pytest.raises(VaultError, match=f"snapshots.body/{second}"):
        database.run("l", snapshots.load_thd, [second])


@pytest.mark.parametrize("in_batches", [False, True])
def test_rotation_seals_everything_anew_and_keeps_digests(
    database: Database, database_url: str, in_batches: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_BATCH", 2)  # several batches with a partial last one
    ids = [new_device(database, f"S{n}") for n in range(5)]
    for device_id in ids:
        apply(database, *one_of_each(device_id))
    store(database, *(mirror_row(f"EQ-{n}") for n in range(3)))
    digest = database.vault.digest(b"text", "wish")
    before = database.run("l", snapshots.load_thd, ids)

    both = {"first": bytes(range(32)), "second": bytes(range(32, 64))}
    rotating = Database(database_url, Vault(both, "second"), realm="gigafibre-acs")
    seen: dict[str, int] = {}
    if in_batches:
        changed = sealing.rotate(rotating, seen.__setitem__)
    else:
        changed = rotating.run("r", sealing.rotate_thd, rotating.vault, seen.__setitem__)
    assert {column: rows for column, rows in seen.items() if rows} == {
        "snapshots.body": 5,
        "jobs.payload": 5,
        "jobs.result": 5,
        "credentials.ha1": 5,
        "credentials.pending": 5,
        "credentials.earlier": 5,
        "equipment.intent": 3,
        "meta.value": 1,
    }
    assert changed == 5 * 4 + 3 + 1  # no job has a result yet
    assert sealing.rotate(rotating) == 0
    rotating.dispose()

    only_new = Database(database_url, Vault({"second": both["second"]}, "second"), realm="x")
    prepare(only_new)
    assert only_new.vault.digest(b"text", "wish") == digest
    assert only_new.run("l", snapshots.load_thd, ids) == before
    assert only_new.run("p", credentials.pending_password_thd, ids[0]) == "pw"
    assert len(only_new.run("j", jobs.list_thd, ids[0])) == 1
    assert only_new.run("w", equipment.wish_thd, ["EQ-1"])["EQ-1"].intent == INTENT
    only_new.dispose()


# --- retention ------------------------------------------------------------------------------

DAY = 86400.0


def test_old_history_goes_in_bounded_pieces(database: Database) -> None:
    device_id = new_device(database)
    entries = [TimelineEntry(device_id, n * DAY, "k", str(n)) for n in range(10)]
    apply(database, *map(AddTimeline, entries))
    now = 10 * DAY  # entries 0 to 6 are older than three days
    pruned = [database.run("p", retention.prune_thd, now, 3, 100, 4) for _ in range(3)]
    assert [(some.timeline, some.more) for some in pruned] == [(4, True), (3, False), (0, False)]
    left = database.run("t", timeline.list_thd, device_id)
    assert [line.entry.text for line in left] == ["9", "8", "7"]


def test_the_oldest_go_first_where_a_device_has_too_many(database: Database) -> None:
    busy, quiet = new_device(database, "busy"), new_device(database, "quiet")
    apply(database, *(AddTimeline(TimelineEntry(busy, 1.0, "k", str(n))) for n in range(7)))
    apply(database, AddTimeline(TimelineEntry(quiet, 1.0, "k", "q")))
    database.run("p", retention.prune_thd, 2.0, 30, 3)
    left = database.run("t", timeline.list_thd, busy)
    assert [line.entry.text for line in left] == ["6", "5", "4"]
    assert len(database.run("t", timeline.list_thd, quiet)) == 1


def test_the_latest_proof_and_open_jobs_stay_however_old(database: Database) -> None:
    device_id = new_device(database)
    kept = Proof(device_id, 2.0, "s", "p", "f", ())
    job = Job(0, device_id, JobKind.READ, created_at=1.0)
    done = replace(job, state=JobState.DONE, finished_at=1.0)
    apply(
        database,
        SaveProof(replace(kept, at=1.0)),
        SaveProof(kept),
        EnqueueJob(job),
        EnqueueJob(done),
    )
    pruned = database.run("p", retention.prune_thd, 1000 * DAY, 1, 100)
    assert (pruned.timeline, pruned.proofs, pruned.jobs, pruned.more) == (0, 1, 1, False)
    assert database.run("p", proofs.list_thd, device_id) == [kept]
    assert [j.state for j in database.run("j", jobs.list_thd, device_id)] == [JobState.QUEUED]


def test_a_queued_job_expires_though_its_device_never_calls(database: Database) -> None:
    device_id = new_device(database)
    job = Job(0, device_id, JobKind.READ, created_at=1.0, expires_at=2 * DAY)
    apply(database, EnqueueJob(job), EnqueueJob(replace(job, expires_at=0.0)))
    apply(database, EnqueueJob(replace(job, state=JobState.SENT)))
    for now, state in ((2 * DAY - 1, JobState.QUEUED), (2 * DAY, JobState.EXPIRED)):
        database.run("p", retention.prune_thd, now, 30, 100)
        kept = {j.id: j.state for j in database.run("j", jobs.list_thd, device_id)}
        assert list(kept.values()) == [JobState.SENT, JobState.QUEUED, state]
    assert database.run("p", retention.prune_thd, 40 * DAY, 30, 100).jobs == 1


def test_what_was_refused_of_jobs_long_ago_is_forgotten(database: Database) -> None:
    device_id = new_device(database)
    old = [FaultRecord(device_id, subject, 1.0, 9001, "no") for subject in ("provision", "set job")]
    new = FaultRecord(device_id, "read job", 999 * DAY, 9001, "no")
    apply(database, *map(RaiseFault, (*old, new)))
    pruned = database.run("p", retention.prune_thd, 1000 * DAY, 30, 100)
    assert (pruned.faults, pruned.more) == (1, False)
    left = [fault.subject for fault in database.run("f", faults.list_thd, device_id)]
    assert left == ["read job", "provision"]


def test_connections_bound_what_they_wait_for(database: Database) -> None:
    with database.begin() as conn:
        if database.dialect == "postgresql":
            assert conn.scalar(text("SHOW statement_timeout")) == "30s"
            assert conn.scalar(text("SHOW application_name")) == "gigafibre-acs"
        else:
            assert conn.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_several_jobs_expire_or_wait_on_together(database: Database) -> None:
    device_id = new_device(database)
    job = Job(0, device_id, JobKind.READ, created_at=1.0, expires_at=1500.0)
    lasting = replace(job, expires_at=0.0)
    apply(database, *(EnqueueJob(each) for each in (job, job, lasting, lasting)))
    (opened,) = call(database, contact("S1", at=1600.0))
    waiting = [SaveJob(each.id, JobState.QUEUED, 1601.0, 1, {}) for each in opened.jobs]
    apply(database, *waiting)
    kept = database.run("list", jobs.list_thd, device_id)
    assert [(each.state, each.attempts) for each in kept] == [
        (JobState.QUEUED, 1),
        (JobState.QUEUED, 1),
        (JobState.EXPIRED, 0),
        (JobState.EXPIRED, 0),
    ]
