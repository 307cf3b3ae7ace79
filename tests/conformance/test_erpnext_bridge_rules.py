"""The rules of a bridge to Frappe, a named test for each; numbered as in its test list.

Charges and invoices are nobody's yet: 9 and 13 are tried as far as webhooks and orders go.
Rows, or parts of rows, that are tried elsewhere:

 3 dead letter         test_erp_outbox_worker.py::test_what_is_refused_is_a_dead_letter...
 4 on a live server    test_erpnext_chaos.py::test_erpnext_slow_by_30_s
 5 on a live server    test_erpnext_chaos.py::test_a_page_with_500_after_saving
 5 many rows at once   test_erp_outbox_worker.py::test_many_rows_of_which_nothing_is_known...
 7 what Frappe does    test_erpnext_sim_documents.py::test_only_asterisks_change_nothing...
 9 vectors, one octet  test_webhook_signature.py::test_the_signature_of_the_octets_that_were_sent
 9 older after newer   test_webhook_to_device.py::test_webhooks_that_are_doubled_and_mixed...
 9 own write           test_erpnext_chaos.py::test_erpnext_slow_by_30_s
 9 its condition       test_erpnext_sim_webhooks.py::test_own_writes_can_be_left_out
10 each class          test_erp_errors.py::test_the_class_frappe_names_decides
10 pages               test_erp_errors.py::test_pages_are_judged_by_status
11 in an address       test_erp_client.py::test_names_are_encoded_in_paths
12 any warning         test_erp_client.py::test_warnings_on_a_good_answer_are_told_and_harmless
14 200 devices         test_erp_lookup.py::test_200_devices_cost_one_list...
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import covered
import pytest
import requests
from acs_fixtures import ERP_SETTINGS, StartAcs
from erp_in_memory import DOCTYPE, Erp, keyed
from running_acs import RunningAcs
from twisted.internet.defer import Deferred, maybeDeferred

from acs.devices.identity import Hints, Terms, terms
from acs.model import DeviceId, Secret
from acs.store import inbox
from acs.store.inbox import InboxRow
from erp_bridge import mapping
from erp_bridge.asking import Asker
from erp_bridge.breaker import Breaker, State
from erp_bridge.client import ErpClient
from erp_bridge.errors import (
    LOCK_WAIT,
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpMisconfigured,
    ErpNotFound,
    ErpRejected,
    ErpStale,
    ErpTaken,
    ErpUnauthorized,
    ErpUnknown,
)
from erp_bridge.lookup import Lookup, Read
from erp_bridge.outbox.delivery import change, tell_of_trouble
from erp_bridge.outbox.planner import Trouble
from erp_bridge.signature import HEADER, sign
from simulators.erpnext.running import RunningSimulator

SETUP = "acs.setup"
JOB = "Dispatch Job"


@pytest.mark.parametrize(("file", "test"), covered.named(__doc__))
def test_what_is_said_to_be_tried_elsewhere_is(file: str, test: str) -> None:
    assert covered.exists(file, test)


# --- 1 to 3: orders ---------------------------------------------------------------------------

ORDERED = ("Customer", "Service Location", "Service Subscription", DOCTYPE, JOB)


def an_order(number: str, **more: Any) -> dict[str, Any]:
    order = {
        "order_id": number,
        "customer_name": "Jean Tremblay",
        "customer_group": "Résidentiel",
        "territory": "Canada",
        "location": {"address_line": "5 rue des Ormes"},
        "subscriptions": [{"plan_name": "Fibre 1G", "service_category": "Internet"}],
        "equipment": ["ONT"],
    }
    return order | more


def counts(client: ErpClient) -> dict[str, int]:
    return {kind: len(client.get_list(kind, ["name"], limit=0)) for kind in ORDERED}


def test_1_the_same_order_twice_and_six_at_once_is_one_set_of_documents(
    erpnext: RunningSimulator,
) -> None:
    client = ErpClient(erpnext.url, "setup-key", Secret("setup-secret"), connections=6)
    before = counts(client)

    def place(_: int) -> dict[str, Any]:
        answer: dict[str, Any] = client.call("acs_create_order", **an_order("R-1"))
        return answer

    with ThreadPoolExecutor(6) as pool:
        answers = [place(0), place(1), *pool.map(place, range(6))]
    assert [answer.pop("created") for answer in answers] == [1] + [0] * 7
    assert all(answer == answers[0] for answer in answers)
    assert counts(client) == {kind: count + 1 for kind, count in before.items()}
    client.close()


def test_2_two_orders_of_one_customer_name_are_two_customers_each_with_its_own_location() -> None:
    client = Erp().client(SETUP)
    first, second = (client.call("acs_create_order", **an_order(n)) for n in ("R-1", "R-2"))
    assert first["customer"] != second["customer"]
    for made in (first, second):
        for kind, name in (
            ("Service Location", made["service_location"]),
            ("Service Subscription", made["subscriptions"][0]),
            (JOB, made["dispatch_job"]),
        ):
            assert client.read(kind, name)["customer"] == made["customer"]


def test_3_a_bad_fourth_document_leaves_nothing_and_its_class_is_known() -> None:
    client = Erp().client(SETUP)
    before = counts(client)
    bad = an_order("R-3", equipment=[{"equipment_type": "Grille-pain"}])
    with pytest.raises(ErpRejected, match="Grille-pain") as caught:
        client.call("acs_create_order", **bad)
    assert caught.value.exc_type == "ValidationError"
    assert "ValidationError" in str(caught.value), "as it stands in the list of dead letters"
    assert counts(client) == before


# --- 4 to 6: writes ----------------------------------------------------------------------------

TROUBLE = Trouble(device="D", customer="", since=1_795_500_000.0, is_over=False, text="Fault 9002")
ISSUE = mapping.load().issue
TORONTO = ZoneInfo("America/Toronto")


def tell(client: ErpClient) -> None:
    tell_of_trouble(client, ISSUE, TROUBLE, "EQP-1", TORONTO)


@pytest.mark.parametrize("kind", ["timeout", "500html", "504", "drop", "queue"])
def test_4_and_5_a_write_that_was_saved_though_nobody_was_told_is_recognised_as_done(
    kind: str,
) -> None:
    """A read time-out, a page, a proxy that gave up, a broken line, a queue without Redis."""
    erp = Erp()
    hook = {"webhook_doctype": "Issue", "webhook_docevent": "on_update", "enabled": 1}
    how = {"request_url": "http://acs.test/", "request_structure": "JSON", "webhook_json": "{}"}
    erp.client(SETUP).insert("Webhook", {"name": "W", **hook, **how})
    erp.order(kind, match="POST /api/resource/Issue", count=1)
    client = erp.client()
    with pytest.raises(ErpUnknown):
        tell(client)
    tell(client)
    assert len(client.get_list("Issue", ["name"], limit=0)) == 1


def test_5_max_queued_jobs_reached_with_the_worker_stopped_is_recognised_as_done() -> None:
    erp = Erp([{"name": "EQP-1"}])
    hook = {"webhook_doctype": DOCTYPE, "webhook_docevent": "on_update", "enabled": 1}
    how = {"request_url": "http://acs.test/", "request_structure": "JSON", "webhook_json": "{}"}
    erp.client(SETUP).insert("Webhook", {"name": "W", **hook, **how})
    erp.simulator.queue.set(stopped=True, limit=0)
    client, fields = erp.client(), {"firmware_version": "5.0"}
    with pytest.raises(ErpUnknown) as caught:
        change(client, DOCTYPE, "EQP-1", fields)
    assert caught.value.settled_in <= 5.0, "no lock can hold it: it was answered"
    assert client.read(DOCTYPE, "EQP-1")["firmware_version"] == "5.0"


def test_6_a_stale_modified_is_merged_and_takes_nothing_back() -> None:
    erp = Erp([{"name": "EQP-1"}])
    client = erp.client()
    read = client.read(DOCTYPE, "EQP-1")["modified"]
    erp.change("EQP-1", model="XC220-G3v")
    with pytest.raises(ErpStale):
        client.update(DOCTYPE, "EQP-1", {"firmware_version": "5.0"}, read)
    saved = change(client, DOCTYPE, "EQP-1", {"firmware_version": "5.0"}, read)
    document = client.read(DOCTYPE, "EQP-1")
    assert (document["model"], document["firmware_version"]) == ("XC220-G3v", "5.0")
    assert saved.after == document["modified"]


@pytest.mark.parametrize(("patience", "kind"), [(60.0, ErpBusy), (10.0, ErpUnknown)])
def test_6_a_wait_of_50_s_for_a_lock_saves_nothing_and_is_waited_out(
    patience: float, kind: type[ErpError]
) -> None:
    """Who has no patience for the answer must not look before the site has given up."""
    erp = Erp([{"name": "EQP-1"}])
    client = erp.client(timeout=patience)
    erp.order("lockwait", count=1)
    with pytest.raises(kind) as caught:
        change(client, DOCTYPE, "EQP-1", {"firmware_version": "5.0"})
    if isinstance(caught.value, ErpUnknown):
        assert caught.value.settled_in == LOCK_WAIT > 50
    assert "firmware_version" not in client.read(DOCTYPE, "EQP-1")
    change(client, DOCTYPE, "EQP-1", {"firmware_version": "5.0"})


# --- 7 and 8: what is looked up ------------------------------------------------------------------


def looked_up(erp: Erp, asked: Terms) -> list[Read]:
    found = Lookup(erp.client(), mapping.load(), digest=keyed).search([asked])
    return [one for one in found if isinstance(one, Read)]


@pytest.mark.parametrize(
    ("typed", "wished"),
    [
        ("s<b>cr3t-é", "s<b>cr3t-é"),
        ("***", "Avant-12345"),
        ("", None),
        ("Apres-12345", "Apres-12345"),
    ],
    ids=["tag", "asterisks", "empty", "same length"],
)
def test_7_a_wifi_password_comes_as_it_was_typed(typed: str, wished: str | None) -> None:
    erp = Erp([{"name": "EQP-1", "serial_number": "S1", "wifi_ssid": "Maison"}])
    erp.change("EQP-1", wifi_password="Avant-12345")
    [first] = looked_up(erp, Terms(serials=("S1",)))
    erp.change("EQP-1", wifi_password=typed)
    lookup = Lookup(erp.client(), mapping.load(), digest=keyed)
    [second] = lookup.by_name({"EQP-1": first.equipment.modified})
    assert isinstance(second, Read), "a change of it is a change"
    for one in (second, *looked_up(erp, Terms(serials=("S1",)))):
        passphrase = one.intent.wifi[0].passphrase
        assert (passphrase.reveal() if passphrase else None) == wished


@pytest.mark.parametrize("typed", ["1c:61:b4:fa:11:c8", "1C-61-B4-FA-11-C8", "1c61.b4fa.11c8"])
def test_8_a_mac_in_any_spelling_is_one_mac(typed: str) -> None:
    erp = Erp()
    setup = erp.client(SETUP)
    setup.insert(DOCTYPE, {"name": "EQP-1", "equipment_type": "ONT", "mac_address": typed})
    asked = terms(Hints(DeviceId("1C61B4", "Device2", "S9"), mac="1C61B4FA11C8"))
    assert [one.equipment.name for one in looked_up(erp, asked)] == ["EQP-1"]
    with pytest.raises(ErpTaken):
        twin = {"name": "EQP-2", "equipment_type": "ONT", "mac_address": "1C:61:B4:FA:11:C8"}
        setup.insert(DOCTYPE, twin)


def test_8_two_templates_without_a_mac_are_nobodys() -> None:
    erp = Erp([{"name": "EQP-1", "mac_address": ""}, {"name": "EQP-2"}])
    asked = terms(Hints(DeviceId("1C61B4", "Device2", "S9"), mac="1C61B4FA11C8"))
    assert looked_up(erp, asked) == []


# --- 9: webhooks ---------------------------------------------------------------------------------

SECRET = "wh-secret-é-1"


@pytest.fixture(scope="module")
def hooked(start_acs: StartAcs, erpnext: RunningSimulator) -> Iterator[RunningAcs]:
    """A server that takes webhooks."""
    yield start_acs(ERP_URL=erpnext.url, ERP_WEBHOOK_SECRET=SECRET, **ERP_SETTINGS)


def post(acs: RunningAcs, body: bytes, signature: str, doctype: str = "Service Equipment") -> int:
    return requests.post(
        f"http://127.0.0.1:{acs.port('api')}/hooks/erpnext/{doctype}",
        data=body,
        headers={HEADER: signature} if signature else {},
        timeout=30,
    ).status_code


def rows(acs: RunningAcs, name: str) -> list[InboxRow]:
    with acs.database.read() as conn:
        return [row for row in inbox.recent_thd(conn, limit=1000) if row.name == name]


@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "indented"])
@pytest.mark.parametrize("is_ascii", [True, False], ids=["escaped", "not ASCII"])
def test_9_a_webhook_is_believed_by_its_octets(
    hooked: RunningAcs, indent: int | None, is_ascii: bool
) -> None:
    name = f"EQP-été {indent} {is_ascii}"
    event = {"name": name, "modified": "2026-11-22 04:53:40.123456"}
    body = json.dumps(event, indent=indent, sort_keys=True, ensure_ascii=is_ascii).encode()
    assert post(hooked, body, sign(SECRET, body)) == 200
    assert len(rows(hooked, name)) == 1


@pytest.mark.parametrize("fault", ["wrong", "missing", "changed"])
def test_9_a_webhook_with_a_wrong_or_no_signature_or_another_octet_leaves_nothing(
    hooked: RunningAcs, fault: str
) -> None:
    body = b'{"name": "EQP-F", "modified": "2026-11-22 04:53:40.123456"}'
    signature = {"wrong": sign("another", body), "missing": ""}.get(fault, sign(SECRET, body))
    sent = body.replace(b"EQP-F", b"EQP-f") if fault == "changed" else body
    assert post(hooked, sent, signature) == 401
    assert rows(hooked, "EQP-F") + rows(hooked, "EQP-f") == []


def test_9_a_job_reopened_and_completed_again_is_two_events_however_often_each_comes(
    hooked: RunningAcs,
) -> None:
    for at in ("10:30:00", "11:30:00"):
        body = f'{{"name": "FT-00001", "modified": "2026-12-01 {at}.000001"}}'.encode()
        assert [post(hooked, body, sign(SECRET, body), JOB) for _ in range(5)] == [200] * 5
    assert [row.modified[11:13] for row in rows(hooked, "FT-00001")] == ["11", "10"]


# --- 10 to 12: answers and names --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "more", "error", "state", "alarm", "pause"),
    [
        ("401", {}, ErpUnauthorized, State.OPEN, True, 300.0),
        ("403", {}, ErpForbidden, State.OPEN, True, 300.0),
        ("404html", {}, ErpMisconfigured, State.OPEN, True, 300.0),
        ("429", {"retry_after": 39}, ErpBusy, State.OPEN, False, 39.0),
        ("503", {}, ErpBusy, State.OPEN, False, 30.0),
        ("", {}, ErpNotFound, State.CLOSED, False, 0.0),
    ],
    ids=["401", "403", "404 page", "429", "503", "404"],
)
def test_10_each_refusal_has_its_own_reaction(
    fault: str,
    more: dict[str, int],
    error: type[ErpError],
    state: State,
    alarm: bool,
    pause: float,
) -> None:
    """A person is called, or the site is left alone for as long as it asks, or nothing is wrong."""
    erp, now = Erp(), [0.0]
    if fault:
        erp.order(fault, **more)
    breaker = Breaker(lambda: now[0])
    asker = Asker(breaker, maybeDeferred)
    heard: list[Any] = []
    asking = asker.ask(lambda: erp.client(retries=0).read(DOCTYPE, "EQP-NONE"))
    Deferred.fromCoroutine(asking).addErrback(heard.append)
    assert type(heard[0].value) is error
    assert (breaker.state, breaker.alarm) == (state, alarm)
    now[0] = pause - 0.1
    assert asker.is_ready is (pause == 0.0)
    now[0] = pause
    assert asker.is_ready


@pytest.mark.parametrize("name", ["EQP/1", "EQP#1", "EQP 100%", "EQP%2F1", "EQP?é ü", "a&b=c"])
def test_11_a_document_of_any_name_is_read_written_and_found(name: str) -> None:
    erp = Erp([{"name": name, "serial_number": "S1"}])
    client = erp.client()
    assert client.read(DOCTYPE, name)["name"] == name
    assert change(client, DOCTYPE, name, {"firmware_version": "5.0"}).after
    [found] = Lookup(client, mapping.load(), digest=keyed).by_name({name: ""})
    assert isinstance(found, Read)
    assert found.equipment.name == name


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_11_an_empty_name_is_refused_before_it_lists_the_table(name: str) -> None:
    erp = Erp([{"name": "EQP-1"}])
    with pytest.raises(ErpRejected, match="cannot be the name"):
        erp.client().read(DOCTYPE, name)
    assert not erp.routes


def test_12_a_second_customer_of_a_name_is_a_warning_on_a_good_answer() -> None:
    """It is the 200 whose messages tell that a customer's name was changed."""
    told: list[str] = []
    client = Erp().client(SETUP, warn=told.append)
    for number in ("R-1", "R-2"):
        client.call("acs_create_order", **an_order(number))
    assert [text for text in told if "already exists" in text]


# --- 14: long lists ---------------------------------------------------------------------------


def test_14_a_list_of_more_than_100_macs_goes_by_post() -> None:
    erp = Erp(customers=150)
    macs = [one["mac_address"] for one in erp.client().get_list(DOCTYPE, ["mac_address"], limit=0)]
    assert len(macs) == 150
    asked = [Terms(macs=(mac.replace(":", ""),)) for mac in macs]
    before = dict(erp.routes)
    found = Lookup(erp.client(), mapping.load(), digest=keyed).search(asked)
    assert len(found) == 150
    assert erp.routes[f"frappe.client.get_list {DOCTYPE}"] == 1
    assert erp.routes[f"list {DOCTYPE}"] == before[f"list {DOCTYPE}"], "none by GET"
