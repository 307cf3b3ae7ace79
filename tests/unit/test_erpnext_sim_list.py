"""What a bridge has to withstand, shown from the side of the site: one test per case."""

import base64
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import requests

from simulators.erpnext.adapter import SimulatorAdapter
from simulators.erpnext.controls import CONTROL
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.seeding import demo_documents
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site
from simulators.erpnext.webhooks import SIGNATURE_HEADER, BodyForm

BASE = "http://erp.test"
EQUIPMENT = f"{BASE}/api/resource/Service Equipment"
METHOD = f"{BASE}/api/method"
SECRET = "wh-secret-é-1"
ORDER = {
    "order_id": "2001",
    "customer_name": "Jean Tremblay",
    "customer_group": "Résidentiel",
    "territory": "Canada",
    "location": {"address_line": "5 rue Z"},
    "subscriptions": [{"plan_name": "Fibre 1G", "service_category": "Internet"}],
    "equipment": ["ONT", "Router"],
}
HOOK = {
    "doctype": "Webhook",
    "name": "equipment",
    "webhook_doctype": "Service Equipment",
    "webhook_docevent": "on_update",
    "condition": 'doc.modified_by != "acs.bridge@fibre.test"',
    "request_url": "http://acs.test/hooks/erpnext/service-equipment",
    "request_structure": "JSON",
    "webhook_json": '{"name": {{ doc.name|tojson }}, "ssid": {{ doc.wifi_ssid|tojson }},'
    ' "modified": {{ doc.modified|tojson }}}',
    "enable_security": 1,
    "webhook_secret": SECRET,
}


class World:
    def __init__(self, form=BodyForm.V15):
        self.time = datetime(2026, 7, 1, 16, tzinfo=UTC)
        self.ticks = itertools.count()
        self.simulator = Simulator(self.build, self.now, form=form, scale=0.1)
        self.session = requests.Session()
        self.session.headers["Authorization"] = "token demo-key:demo-secret"
        self.session.mount(BASE, SimulatorAdapter(self.simulator))

    def build(self):
        site = Site(standard_doctypes(), self.now)
        site.seed([*demo_documents(), HOOK])
        return site

    def now(self):
        return self.time + timedelta(milliseconds=next(self.ticks))

    def control(self, action, body=None, method="POST"):
        answer = self.session.request(method, f"{BASE}{CONTROL}/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind, **more):
        return self.control("faults", {"kind": kind, "count": 1, **more})

    def desk(self, name, doctype="Service Equipment", **fields):
        """Save a document as a person does; return what the control answers."""
        return self.control("set", {"doctype": doctype, "name": name, "fields": fields})

    def order(self, **more):
        answer = self.session.post(f"{METHOD}/acs_create_order", json=ORDER | more)
        return answer.status_code, answer.json()

    def put(self, name, timeout=None, **fields):
        return self.session.put(f"{EQUIPMENT}/{name}", json=fields, timeout=timeout)

    def read(self, name):
        return self.session.get(f"{EQUIPMENT}/{name}").json()["data"]

    def sent(self):
        return list(iter(self.simulator.queue.take, None))

    def count(self, doctype):
        return self.control("state", method="GET")["documents"][doctype]


@pytest.fixture
def world():
    return World()


def test_1_the_same_order_again_makes_one_set_of_documents(world):
    before = world.count("Dispatch Job")
    answers = [world.order() for _ in range(6)]
    assert [body["message"]["created"] for _, body in answers] == [1, 0, 0, 0, 0, 0]
    assert world.count("Dispatch Job") == before + 1


def test_2_two_customers_of_one_name_have_each_their_place(world):
    made = world.order()[1]["message"]
    assert made["customer"] == "Jean Tremblay - 1"
    other = world.order(order_id="2002")[1]["message"]
    assert other["customer"] == "Jean Tremblay - 2"
    place = world.session.get(f"{BASE}/api/resource/Service Location/SL-2002").json()
    assert place["data"]["customer"] == "Jean Tremblay - 2"


def test_3_a_bad_document_leaves_nothing(world):
    before = world.control("state", method="GET")["documents"]
    status, body = world.order(jobs=[{"status": "Finished"}])
    assert (status, body["exc_type"], body["_exc_source"]) == (
        417,
        "ValidationError",
        "Server Script",
    )
    assert world.control("state", method="GET")["documents"] == before


def test_4_a_read_time_out_has_saved(world):
    world.fault("timeout")
    with pytest.raises(requests.ReadTimeout):
        world.order()
    assert world.order()[1]["message"]["created"] == 0


@pytest.mark.parametrize("cause", ["queue down for a request", "redis down", "queue full"])
def test_5_a_500_page_has_saved_and_the_webhook_is_lost(world, cause):
    match cause:
        case "queue down for a request":
            world.fault("queue")
        case "redis down":
            world.control("webhooks", {"redis": "down"})
        case _:
            world.control("webhooks", {"limit": 0})
    headers = {"Authorization": "token setup-key:setup-secret"}
    answer = world.session.put(f"{EQUIPMENT}/EQP-00001", json={"model": "X"}, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (500, "text/html")
    assert world.read("EQP-00001")["model"] == "X"
    world.control("webhooks", {"redis": "up", "limit": 10})
    assert world.sent() == []


def test_5_without_a_webhook_the_queue_is_not_missed(world):
    world.control("webhooks", {"redis": "down"})
    assert world.put("EQP-00001", model="X").status_code == 200


def test_6_a_stale_modified_is_refused(world):
    modified = world.read("EQP-00001")["modified"]
    world.desk("EQP-00001", wifi_ssid="Maison")
    answer = world.put("EQP-00001", model="X", modified=modified)
    assert (answer.status_code, answer.json()["exc_type"]) == (417, "TimestampMismatchError")


def test_6_a_lock_is_waited_for_and_the_write_taken_back(world):
    world.fault("lockwait", match="EQP-00001")
    assert world.read("EQP-00001")["status"] == "active"  # reads do not wait
    answer = world.put("EQP-00001", model="X", timeout=6)
    assert (answer.status_code, answer.json()["exc_type"]) == (500, "QueryTimeoutError")
    assert "1205" in answer.json()["exception"]
    assert world.read("EQP-00001")["model"] == "XX230v"
    world.fault("lockwait", match="EQP-00001")
    with pytest.raises(requests.ReadTimeout):
        world.put("EQP-00001", model="X", timeout=4)


def test_7_passwords(world):
    def secret():
        answer = world.session.post(
            f"{METHOD}/acs_equipment_secrets", json={"names": ["EQP-00001"]}
        )
        return answer.json()["message"][0]["wifi_password"]

    world.put("EQP-00001", wifi_password="s<b>cr3t")
    assert secret() == "s<b>cr3t"
    assert world.read("EQP-00001")["wifi_password"] == "*" * 8
    world.put("EQP-00001", wifi_password="***")
    assert secret() == "s<b>cr3t"
    world.put("EQP-00001", wifi_password="")
    assert secret() is None
    assert "wifi_password" not in world.read("EQP-00001")


def test_7_a_new_password_of_the_same_length_is_not_noticed_by_a_condition(world):
    hook = {"condition": 'doc.has_value_changed("wifi_password")'}
    world.desk("equipment", "Webhook", **hook)
    world.desk("EQP-00001", wifi_password="Erable-74-rouge")
    assert world.sent() == []
    world.desk("EQP-00001", wifi_password="Erable-74-rouges")
    assert len(world.sent()) == 1


def test_8_a_mac_address_in_any_spelling_is_one(world):
    for spelling in ("aa-bb-cc-00-10-01", "AABBCC001001", "aa:bb:cc:00:10:01"):
        body = {"name": spelling, "equipment_type": "ONT", "mac_address": spelling}
        answer = world.session.post(EQUIPMENT, json=body)
        assert answer.status_code == (200 if spelling.startswith("aa-") else 417)
    for name in ("empty 1", "empty 2"):
        body = {"name": name, "equipment_type": "ONT", "mac_address": ""}
        assert world.session.post(EQUIPMENT, json=body).status_code == 200


@pytest.mark.parametrize("form", BodyForm)
def test_9_a_webhook_is_signed_over_its_bytes(form):
    world = World(form)
    world.desk("EQP-00001", wifi_ssid="Maison été")
    [sent] = world.sent()
    expected = base64.b64encode(hmac.digest(SECRET.encode(), sent.body, "sha256")).decode()
    assert sent.headers[SIGNATURE_HEADER] == expected
    assert json.loads(sent.body)["ssid"] == "Maison été"
    assert sent.body.isascii()
    assert sent.body.startswith(b'{"name"' if form is BodyForm.V15 else b'{\n "modified"')


def test_9_own_writes_do_not_come_back(world):
    world.put("EQP-00001", model="X")
    assert world.sent() == []


@pytest.mark.parametrize(
    ("twist", "names"),
    [
        ({"kind": "duplicate", "copies": 3}, ["old", "old", "old", "new"]),
        ({"kind": "reorder", "count": 2}, ["new", "old"]),
        ({"kind": "lose"}, ["new"]),
    ],
)
def test_9_webhooks_three_times_in_another_order_or_never(world, twist, names):
    world.control("webhooks/faults", twist)
    world.desk("EQP-00001", wifi_ssid="old")
    world.desk("EQP-00001", wifi_ssid="new")
    assert [json.loads(sent.body)["ssid"] for sent in world.sent()] == names


def test_9_sql_tells_nobody(world):
    before = world.read("EQP-00001")["modified"]
    row = {"doctype": "Service Equipment", "name": "EQP-00001"}
    world.control("sql", {**row, "fields": {"status": "returned"}})
    after = world.read("EQP-00001")
    assert (after["status"], after["modified"]) == ("returned", before)
    world.control("sql", {**row, "fields": {"status": "active"}, "touch": True})
    assert world.read("EQP-00001")["modified"] > before
    assert world.sent() == []


@pytest.mark.parametrize(
    ("fault", "status", "exc_type"),
    [
        ({"kind": "401"}, 401, "AuthenticationError"),
        ({"kind": "403"}, 403, "PermissionError"),
        ({"kind": "417", "exc_type": "MandatoryError"}, 417, "MandatoryError"),
        ({"kind": "417", "exc_type": "DocumentLockedError"}, 417, "DocumentLockedError"),
        ({"kind": "429", "retry_after": 3}, 429, "TooManyRequestsError"),
        ({"kind": "500json"}, 500, "QueryDeadlockError"),
        ({"kind": "503"}, 503, "SessionStopped"),
        ({"kind": "readonly"}, 503, "InReadOnlyMode"),
        ({"kind": "404html"}, 404, None),
        ({"kind": "dbdown"}, 500, None),
        ({"kind": "502"}, 502, None),
        ({"kind": "login"}, 200, None),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_10_every_refusal_saves_nothing(world, fault, status, exc_type):
    world.fault(**fault)
    answer = world.put("EQP-00001", model="X")
    page = answer.headers["Content-Type"].startswith("text/html")
    assert (answer.status_code, page) == (status, exc_type is None)
    if exc_type:
        assert answer.json()["exc_type"] == exc_type
    assert world.read("EQP-00001")["model"] == "XX230v"


def test_10_reads_pass_in_read_only_mode_and_the_database_down_speaks_json(world):
    world.fault("readonly")
    assert world.session.get(f"{EQUIPMENT}/EQP-00001").status_code == 200
    world.control("faults", method="DELETE")
    world.fault("dbdown")
    answer = world.session.get(f"{EQUIPMENT}/EQP-00001")
    assert (answer.status_code, answer.json()["exc_type"]) == (500, "OperationalError")


def test_10_the_proxy_gives_up_on_what_was_saved(world):
    world.fault("504")
    assert world.put("EQP-00001", model="X").status_code == 504
    assert world.read("EQP-00001")["model"] == "X"


@pytest.mark.parametrize("name", ["a/b", "a#b", "a%b", "deux mots", "été"])
def test_11_names_are_found_fully_encoded(world, name):
    world.session.post(EQUIPMENT, json={"name": name, "equipment_type": "ONT"})
    assert world.read(quote(name, safe=""))["name"] == name


def test_12_messages_travel_with_a_200(world):
    status, body = world.order()
    assert status == 200
    [message] = map(json.loads, json.loads(body["_server_messages"]))
    assert message["indicator"] == "yellow"


def test_one_field_is_refused_in_a_list(world):
    fields = json.dumps(["name", "barcode"])
    world.control("faults", {"kind": "field", "field": "barcode"})
    answer = world.session.get(EQUIPMENT, params={"fields": fields})
    assert (answer.status_code, answer.json()["exc_type"]) == (417, "DataError")
    assert world.session.get(EQUIPMENT, params={"fields": '["name"]'}).status_code == 200
    assert world.put("EQP-00001", barcode="1").status_code == 200
    fetched = {"fields": '["name", "customer_name"]'}  # never stored, hence not listed
    jobs = world.session.get(f"{BASE}/api/resource/Dispatch Job", params=fetched)
    assert jobs.json()["exc_type"] == "DataError"


def test_14_more_than_a_hundred_macs_go_by_post(world):
    macs = [f"AA:BB:CC:00:00:{n % 256:02X}" for n in range(200)]
    query = {"filters": json.dumps([["mac_address", "in", macs]])}
    assert world.session.get(EQUIPMENT, params=query).status_code == 400
    body = {"doctype": "Service Equipment", **query}
    assert world.session.post(f"{METHOD}/frappe.client.get_list", json=body).status_code == 200


# The clock, and what the controls refuse


def test_the_zone_and_the_clock_change_while_it_runs(world):
    assert world.read("EQP-00001")["modified"].startswith("2026-07-01 12:")
    world.control("clock", {"zone": "America/Vancouver", "shift": -600})
    assert world.desk("EQP-00001", model="X")["modified"].startswith("2026-07-01 08:50:")
    zone = world.session.get(f"{METHOD}/frappe.client.get_time_zone").json()["message"]
    assert zone == {"time_zone": "America/Vancouver"}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("clock", {"zone": "America/Nowhere"}),
        ("set", {"doctype": "Service Equipment", "name": "NOPE", "fields": {}}),
        ("set", {"doctype": "Service Equipment", "name": "EQP-00001", "fields": {"status": "x"}}),
        ("sql", {"doctype": "Service Equipment", "name": "EQP-00001", "fields": {"x": 1}}),
        ("webhooks", {"redis": "sideways"}),
        ("webhooks/faults", {"kind": "eat"}),
    ],
)
def test_a_control_that_makes_no_sense_is_refused_and_changes_nothing(world, action, body):
    before = world.read("EQP-00001")
    answer = world.session.post(f"{BASE}{CONTROL}/{action}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert world.read("EQP-00001") == before


def test_a_person_creates_and_deletes(world):
    act = {"doctype": "Service Equipment", "name": "EQP-9"}
    world.control("set", act | {"action": "create", "fields": {"equipment_type": "ONT"}})
    assert world.read("EQP-9")["owner"] == "bureau@fibre.test"
    assert [sent.name for sent in world.sent()] == ["EQP-9"]
    world.control("set", act | {"action": "delete"})
    assert world.session.get(f"{EQUIPMENT}/EQP-9").status_code == 404


def test_only_the_log_tells_of_a_webhook_that_has_no_body(world):
    world.desk("equipment", "Webhook", webhook_json='{"x": "{{ doc.wifi_ssid }}"}')
    world.desk("EQP-00001", wifi_ssid='so "quoted"')
    assert world.sent() == []
    headers = {"Authorization": "token setup-key:setup-secret"}
    rows = world.session.get(
        f"{BASE}/api/resource/Webhook Request Log",
        params={"fields": '["webhook", "error"]'},
        headers=headers,
    ).json()["data"]
    assert rows[0]["webhook"] == "equipment"
    assert "no JSON" in rows[0]["error"]
