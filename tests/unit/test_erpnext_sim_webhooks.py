"""Webhooks of the stand-in: which changes fire, what is sent, how it is signed and tried."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from simulators.erpnext import worker
from simulators.erpnext.http import Request
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.site import Site
from simulators.erpnext.webhooks import SIGNATURE_HEADER, Delivery, deliveries, signature

SECRET = "wh-secret-é-1"
HOOK = {
    "doctype": "Webhook",
    "webhook_doctype": "Dispatch Job",
    "webhook_docevent": "on_update",
    "condition": 'doc.status == "Completed" and doc.has_value_changed("status")',
    "request_url": "http://acs.test/hooks/dispatch",
    "request_structure": "JSON",
    "webhook_json": '{"name": {{ doc.name|tojson }}, "on": {{ doc.completed_on | tojson }}}',
    "webhook_headers": [{"key": "Content-Type", "value": "application/json"}],
    "enable_security": 1,
    "webhook_secret": SECRET,
}


class Hooked:
    """A site with one webhook, and what it would send."""

    def __init__(self, **hook):
        ticks = itertools.count()
        start = datetime(2026, 1, 1, tzinfo=UTC)
        self.sent = []
        self.failed = []
        self.site = Site(
            standard_doctypes(),
            lambda: start + timedelta(seconds=next(ticks)),
            committed=self.committed,
        )
        self.site.seed([HOOK | {"name": "W"} | hook])

    def committed(self, changes):
        db = self.site.documents.db
        self.sent += deliveries(db, changes, lambda name, error: self.failed.append(name))

    def ask(self, method, path, body=None):
        headers = {
            "authorization": "token setup-key:setup-secret",
            "content-type": "application/json",
        }
        data = json.dumps(body).encode() if body is not None else b""
        return self.site.handle(Request(method, path.replace(" ", "%20"), headers, data)).status

    def job(self, method="PUT", **fields):
        path = "/api/resource/Dispatch Job" + ("" if method == "POST" else "/DJ-é1")
        body = fields | ({"name": "DJ-é1"} if method == "POST" else {})
        return self.ask(method, path, body if method != "DELETE" else None)


def test_completion_fires_once_and_again_when_reopened():
    hooked = Hooked()
    assert hooked.job("POST") == 200
    assert hooked.job(status="In Progress") == 200
    assert hooked.sent == []
    hooked.job(status="Completed")
    hooked.job(notes="saved again")
    assert len(hooked.sent) == 1
    hooked.job(status="In Progress")
    hooked.job(status="Completed")
    assert len(hooked.sent) == 2


def test_inserting_a_completed_job_fires():
    hooked = Hooked()
    hooked.job("POST", status="Completed")
    assert len(hooked.sent) == 1


def test_body_and_signature():
    hooked = Hooked()
    hooked.job("POST", status="Completed")
    [delivery] = hooked.sent
    assert delivery.body == b'{"name": "DJ-\\u00e91", "on": null}'
    assert delivery.headers == {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: signature(SECRET, delivery.body),
    }
    assert (delivery.method, delivery.url, delivery.timeout) == (
        "POST",
        "http://acs.test/hooks/dispatch",
        5.0,
    )


@pytest.mark.parametrize(
    ("secret", "body", "value"),
    [
        (
            "test-vector-secret",
            '{"event": "equipment.updated", "name": "SE-1001-1", "mac_address":'
            ' "AA:BB:CC:00:10:01", "ssid": "Maison \\u00e9t\\u00e9", "modified":'
            ' "2026-11-22 04:53:40.123456"}',
            "hF1i7RhZJLYbdSaxldXobeXDXujRTFSMwjBVg1T4X7w=",
        ),
        (
            SECRET,
            '{"event": "dispatch.completed", "name": "DJ-1001", "modified":'
            ' "2026-11-22 04:53:45.139664", "customer": "Jean Tremblay", "service_location":'
            ' "SL-1001", "completed_on": "2026-12-01 10:30:00"}',
            "xy2qwsQyAKfKaGnEzSXgqMQDb83wpcGGFcqvy0+QXOA=",
        ),
    ],
)
def test_signature_vectors(secret, body, value):
    assert signature(secret, body.encode()) == value


def test_nothing_leaves_a_call_that_failed():
    hooked = Hooked(condition="")
    documents = [
        {"doctype": "Dispatch Job", "name": "DJ-1"},
        {"doctype": "Dispatch Job", "name": "DJ-2", "status": "Nowhere"},
    ]
    path = "/api/method/frappe.client.insert_many"
    assert hooked.ask("POST", path, {"docs": documents}) == 417
    assert hooked.sent == []
    assert hooked.ask("POST", path, {"docs": documents[:1]}) == 200
    assert len(hooked.sent) == 1


def test_one_event_per_document_and_transaction_with_the_last_state():
    hooked = Hooked(condition="", webhook_json='{"notes": {{ doc.notes|tojson }}}')
    hooked.job("POST")
    hooked.sent.clear()
    changes = [
        {"doctype": "Dispatch Job", "docname": "DJ-é1", "notes": notes} for notes in ("a", "b")
    ]
    path = "/api/method/frappe.client.bulk_update"
    assert hooked.ask("POST", path, {"docs": json.dumps(changes)}) == 200
    assert [delivery.body for delivery in hooked.sent] == [b'{"notes": "b"}']


@pytest.mark.parametrize(
    ("event", "fired"),
    [("after_insert", 1), ("on_update", 2), ("on_change", 2), ("on_trash", 1)],
)
def test_events(event, fired):
    hooked = Hooked(condition="", webhook_docevent=event)
    hooked.job("POST")
    hooked.job(notes="x")
    hooked.job("DELETE")
    assert len(hooked.sent) == fired


def test_own_writes_can_be_left_out():
    hooked = Hooked(condition='doc.name and doc.modified_by != "acs.setup@fibre.test"')
    hooked.job("POST")
    assert hooked.sent == []


def test_disabled_webhooks_are_silent():
    hooked = Hooked(condition="", enabled=0)
    hooked.job("POST")
    assert hooked.sent == []


def test_what_cannot_be_rendered_is_not_sent():
    hooked = Hooked(webhook_json='{"on": "{{ doc.notes }}"}', condition="")
    assert hooked.job("POST", notes='so "quoted"') == 200
    assert hooked.sent == []
    assert hooked.failed == ["W"]


@pytest.mark.parametrize(
    "hook",
    [
        {"webhook_json": "{{ frappe.get_doc(doc) }}"},
        {"condition": "__import__('os').getcwd()"},
        {"condition": "doc.status =="},
        {"condition": "doc.notes > 3"},
        {"request_url": "acs.test/hooks"},
        {"webhook_docevent": "on_submit"},
        {"webhook_secret": ""},
    ],
    ids=["template", "call", "syntax", "type", "address", "not submittable", "no secret"],
)
def test_a_webhook_that_makes_no_sense_is_refused(hook):
    hooked = Hooked()
    bad = HOOK | {"name": "W2"} | hook
    assert hooked.ask("POST", "/api/resource/Webhook", bad) == 417


def test_a_form_goes_out_as_json():
    rows = [{"fieldname": "name", "key": "job"}, {"fieldname": "notes", "key": "text"}]
    hooked = Hooked(condition="", request_structure="Form URL-Encoded", webhook_data=rows)
    hooked.job("POST")
    assert hooked.sent[0].body == b'{"job": "DJ-\\u00e91", "text": null}'


def test_a_bare_null_prints_none():
    hooked = Hooked(condition="", webhook_json='{"on": "{{ doc.notes }}"}')
    hooked.job("POST")
    assert hooked.sent[0].body == b'{"on": "None"}'


def test_passwords_leave_as_asterisks():
    hooked = Hooked(
        webhook_doctype="Service Equipment",
        condition="doc.wifi_password",
        webhook_json='{"key": {{ doc.wifi_password|tojson }}}',
    )
    box = {"name": "SE-1", "equipment_type": "ONT", "wifi_password": "motdepasse"}
    assert hooked.ask("POST", "/api/resource/Service Equipment", box) == 200
    assert hooked.sent[0].body == b'{"key": "**********"}'


# Sending

DELIVERY = Delivery("W", "POST", "http://acs.test/hook", {}, b"{}", 5.0)


def outcomes(monkeypatch, *planned):
    """Let the tries end as planned: with a status, or an exception."""
    tries = []

    def request(method, url, **sent):
        tries.append(sent["data"])
        outcome = planned[len(tries) - 1]
        if isinstance(outcome, type):
            raise outcome
        answer = requests.Response()
        answer.status_code = outcome
        return answer

    monkeypatch.setattr(worker.requests, "request", request)
    pauses = []
    return worker.send(DELIVERY, pauses.append), tries, pauses


def test_good_answers_end_it(monkeypatch):
    assert outcomes(monkeypatch, 200) == ("sent, 200", [b"{}"], [])
    assert outcomes(monkeypatch, 500, 302) == ("sent, 302", [b"{}"] * 2, [1.0])


def test_three_tries_then_lost(monkeypatch):
    failed = outcomes(monkeypatch, 500, requests.ConnectionError, 404)
    assert failed == ("lost", [b"{}"] * 3, [1.0, 4.0])


def test_a_read_timeout_is_tried_again_at_once(monkeypatch):
    assert outcomes(monkeypatch, *[requests.ReadTimeout] * 3) == ("lost", [b"{}"] * 3, [])
