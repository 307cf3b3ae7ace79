"""Failures of the stand-in on demand, its pause and its statistics."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from simulators.erpnext.adapter import SimulatorAdapter
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.seeding import demo_documents
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site

BASE = "http://erp.test"
EQUIPMENT = f"{BASE}/api/resource/Service Equipment"
BOX = {"name": "SE-1", "equipment_type": "ONT"}


class Clock:
    def __init__(self):
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def session(clock):
    def build():
        site = Site(standard_doctypes(), clock)
        site.seed(demo_documents())
        return site

    session = requests.Session()
    session.headers["Authorization"] = "token demo-key:demo-secret"
    session.mount(BASE, SimulatorAdapter(Simulator(build, clock)))
    return session


def order(session, **fault):
    answer = session.post(f"{BASE}/__sim__/faults", json=fault)
    assert answer.status_code == 200, answer.text


def exists(session):
    return session.get(f"{EQUIPMENT}/SE-1").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "exc_type"),
    [
        ("401", 401, "AuthenticationError"),
        ("429", 429, "TooManyRequestsError"),
        ("500json", 500, "QueryDeadlockError"),
        ("503", 503, "SessionStopped"),
    ],
)
def test_refusals_save_nothing(session, kind, status, exc_type):
    order(session, kind=kind, count=1)
    answer = session.post(EQUIPMENT, json=BOX)
    assert (answer.status_code, answer.json()["exc_type"]) == (status, exc_type)
    assert not exists(session)


def test_rate_limit_says_when_to_come_back(session):
    order(session, kind="429", retry_after=7)
    answer = session.get(EQUIPMENT)
    assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"] == "7"


def test_500_page_though_saved(session):
    order(session, kind="500html", count=1)
    answer = session.post(EQUIPMENT, json=BOX)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<title>Internal Server Error</title>" in answer.text
    assert exists(session)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"kind": "timeout"}, requests.ReadTimeout),
        ({"kind": "drop"}, requests.ConnectionError),
        ({"kind": "slow", "delay": 30}, requests.ReadTimeout),
    ],
)
def test_no_answer_though_saved(session, fault, raised):
    order(session, **fault, count=1)
    with pytest.raises(raised):
        session.post(EQUIPMENT, json=BOX, timeout=5)
    assert exists(session)


def test_a_fault_ends_after_its_count(session):
    order(session, kind="503", count=2)
    statuses = [session.get(EQUIPMENT).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_a_fault_ends_after_its_time(session, clock):
    order(session, kind="503", seconds=10)
    clock.time += timedelta(seconds=9.9)
    assert session.get(EQUIPMENT).status_code == 503
    clock.time += timedelta(seconds=0.1)
    assert session.get(EQUIPMENT).status_code == 200


def test_a_fault_without_limits_lasts_until_cleared(session):
    order(session, kind="503")
    assert [session.get(EQUIPMENT).status_code for _ in range(3)] == [503] * 3
    assert session.delete(f"{BASE}/__sim__/faults").json()["faults"] == []
    assert session.get(EQUIPMENT).status_code == 200


def test_a_fault_strikes_only_what_matches(session):
    order(session, kind="503", match="PUT /api/resource/Service Equipment/EQP-00002")
    assert session.put(f"{EQUIPMENT}/EQP-00001", json={"model": "A"}).status_code == 200
    assert session.get(f"{EQUIPMENT}/EQP-00002").status_code == 200
    assert session.put(f"{EQUIPMENT}/EQP-00002", json={"model": "A"}).status_code == 503


def test_v2_faults_speak_v2(session):
    order(session, kind="500json", count=1)
    body = session.get(f"{BASE}/api/v2/document/Item").json()
    assert body["errors"][0]["type"] == "QueryDeadlockError"


@pytest.mark.parametrize(
    "body", ['{"kind": "fire"}', '{"kind": "503", "cout": 1}', "{}", "nonsense"]
)
def test_a_fault_that_makes_no_sense_is_refused(session, body):
    answer = session.post(f"{BASE}/__sim__/faults", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert session.get(EQUIPMENT).status_code == 200


def test_pause_answers_nothing_but_the_controls(session):
    assert session.post(f"{BASE}/__sim__/pause").json()["paused"] is True
    with pytest.raises(requests.ReadTimeout):
        session.post(EQUIPMENT, json=BOX, timeout=1)
    assert session.post(f"{BASE}/__sim__/resume").json()["paused"] is False
    assert not exists(session)


def test_statistics_count_what_was_asked(session):
    lookup = {"doctype": "Service Equipment", "filters": json.dumps({"serial_number": "X"})}
    session.get(EQUIPMENT)
    session.get(f"{EQUIPMENT}/NOPE")
    session.post(f"{BASE}/api/method/frappe.client.get_list", json=lookup)
    session.get(f"{BASE}/api/method/frappe.client.get_count", params=lookup)
    session.post(f"{BASE}/api/method/acs_equipment_secrets", json={"name": "EQP-00001"})
    session.put(f"{EQUIPMENT}/EQP-00001", json={"model": "A"})
    session.get(f"{BASE}/api/v2/document/Item/FTTH500I")
    session.get(f"{BASE}/api/method/ping")
    seen = session.get(f"{BASE}/__sim__/statistics").json()
    assert seen == {
        "requests": 8,
        "routes": {
            "list Service Equipment": 1,
            "read Service Equipment": 1,
            "frappe.client.get_list Service Equipment": 1,
            "frappe.client.get_count Service Equipment": 1,
            "acs_equipment_secrets Service Equipment": 1,
            "update Service Equipment": 1,
            "read Item": 1,
            "ping": 1,
        },
        "lookups": {"Service Equipment": 5, "Item": 1},
        "statuses": {"200": 7, "404": 1},
    }


def test_reset_brings_back_the_start(session):
    session.post(EQUIPMENT, json=BOX)
    order(session, kind="503")
    state = session.post(f"{BASE}/__sim__/reset").json()
    assert state["faults"] == []
    assert state["statistics"]["requests"] == 0
    assert state["documents"]["Service Equipment"] == 6
    assert not exists(session)


def test_unknown_control(session):
    assert session.post(f"{BASE}/__sim__/explode").status_code == 404
