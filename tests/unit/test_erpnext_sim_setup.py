"""What an installer does on the stand-in: fields, rights, keys, scripts, webhooks; and who may."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import quote

import pytest

from simulators.erpnext.http import Request
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.seeding import demo_documents
from simulators.erpnext.site import Site

BRIDGE = "token demo-key:demo-secret"
SETUP = "token setup-key:setup-secret"
EQUIPMENT = "/api/resource/Service Equipment"
WRITE_BACK = "/api/method/acs_write_back"


class Client:
    def __init__(self, **options):
        ticks = count()
        start = datetime(2026, 7, 1, 16, tzinfo=UTC)
        self.site = Site(
            standard_doctypes(), lambda: start + timedelta(seconds=next(ticks)), **options
        )
        self.site.seed(demo_documents())

    def ask(self, method, path, body=None, auth=SETUP):
        sent = {"host": "erp.test", "authorization": auth, "content-type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.site.handle(Request(method, quote(path), sent, data))
        return answer.status, answer.json()

    def post(self, doctype, auth=SETUP, **values):
        return self.ask("POST", f"/api/resource/{doctype}", values, auth)

    def equipment(self, name):
        return self.ask("GET", f"{EQUIPMENT}/{name}")[1]["data"]

    def meta(self, doctype):
        fields = self.ask("GET", f"/api/v2/doctype/{doctype}/meta")[1]["data"]["fields"]
        return {field["fieldname"]: field for field in fields}


@pytest.fixture
def demo():
    return Client()


@pytest.fixture
def bare():
    return Client(bare=True)


FIELD = {
    "dt": "Service Equipment",
    "fieldname": "acs_slot",
    "label": "Slot",
    "fieldtype": "Data",
    "insert_after": "model",
}


@pytest.mark.parametrize(
    ("doctype", "values"),
    [
        ("Custom Field", FIELD),
        ("Role", {"role_name": "X"}),
        ("Webhook", {"name": "W", "webhook_doctype": "Issue", "request_url": "http://a.test"}),
        ("Server Script", {"name": "S", "script_type": "API", "script": "x = 1"}),
        ("Comment", {"comment_type": "Comment", "content": "x"}),
        ("Item", {"item_code": "X", "item_group": "Internet"}),
        ("DocType", {"name": "X"}),
    ],
)
def test_the_bridge_may_not_change_the_site(demo, doctype, values):
    status, body = demo.post(doctype, BRIDGE, **values)
    assert (status, body["exc_type"]) == (403, "PermissionError")


def test_the_bridge_reads_no_users(demo):
    assert demo.ask("GET", "/api/resource/User", auth=BRIDGE)[0] == 403
    assert demo.ask("GET", "/api/resource/User/acs.bridge@fibre.test")[1]["data"]["roles"] == [
        {"role": "ACS Bridge"}
    ]


def test_a_custom_field_is_there_at_once(demo):
    assert demo.post("Custom Field", **FIELD)[1]["data"]["name"] == "Service Equipment-acs_slot"
    fields = demo.meta("Service Equipment")
    assert list(fields).index("acs_slot") == list(fields).index("model") + 1
    assert fields["acs_slot"]["is_custom_field"] == 1
    path = f"{EQUIPMENT}/EQP-00001"
    assert demo.ask("PUT", path, {"acs_slot": "7"}, BRIDGE)[1]["data"]["acs_slot"] == "7"
    status, body = demo.post("Custom Field", **FIELD)
    assert (status, body["exc_type"]) == (417, "ValidationError")


def test_a_number_is_zero_in_old_rows(demo):
    demo.post("Custom Field", **FIELD | {"fieldtype": "Int"})
    assert demo.equipment("EQP-00001")["acs_slot"] == 0


def test_a_unique_index_over_twins_is_refused(demo):
    twins = FIELD | {"fieldname": "barcode", "dt": "Customer"}
    assert demo.post("Custom Field", **twins)[0] == 200
    for name in ("Jean Tremblay", "Marie-Ève Gagnon"):
        demo.ask("PUT", f"/api/resource/Customer/{name}", {"barcode": "é1"})
    path = "/api/resource/Custom Field/Customer-barcode"
    status, body = demo.ask("PUT", path, {"unique": 1})
    assert (status, body["exc_type"]) == (417, "NonUniqueError")
    demo.ask("PUT", "/api/resource/Customer/Jean Tremblay", {"barcode": ""})
    assert demo.ask("PUT", path, {"unique": 1})[0] == 200
    again = demo.ask("PUT", "/api/resource/Customer/Jean Tremblay", {"barcode": "E1"})
    assert again[1]["exc_type"] == "UniqueValidationError"


def test_a_property_setter_counts_and_the_newest_replaces(demo):
    setter = {
        "doctype_or_field": "DocField",
        "doc_type": "Service Location",
        "field_name": "address_line",
        "property": "ignore_xss_filter",
        "property_type": "Check",
    }
    for value, stored in (("1", "<b>x"), ("0", "<b>x</b>")):
        assert demo.post("Property Setter", **setter, value=value)[0] == 200
        demo.ask("PUT", "/api/resource/Service Location/LOC-00001", {"address_line": "<b>x"})
        read = demo.ask("GET", "/api/resource/Service Location/LOC-00001")[1]["data"]
        assert read["address_line"] == stored
    listed = demo.ask("GET", "/api/resource/Property Setter")[1]["data"]
    assert listed == [{"name": "Service Location-address_line-ignore_xss_filter"}]


def test_a_customer_can_be_named_by_a_field(demo):
    setter = {"doctype_or_field": "DocType", "doc_type": "Customer", "property": "autoname"}
    demo.post("Property Setter", **setter, value="field:legacy_customer_id")
    customer = {
        "customer_name": "Jean Tremblay",
        "customer_group": "Résidentiel",
        "territory": "Canada",
        "legacy_customer_id": "L-77",
    }
    assert demo.post("Customer", BRIDGE, **customer)[1]["data"]["name"] == "L-77"
    assert demo.post("Customer", BRIDGE, **customer)[0] == 409


def test_a_bare_site_has_nothing_of_ours(bare):
    assert "provisioning_status" not in bare.meta("Service Equipment")
    assert bare.ask("GET", EQUIPMENT, auth=BRIDGE)[0] == 403
    assert bare.ask("POST", WRITE_BACK, {"rows": []})[0] == 417
    for doctype in ("Custom Field", "Server Script", "Webhook", "Custom DocPerm"):
        assert bare.ask("GET", f"/api/resource/{doctype}")[1] == {"data": []}
    assert bare.ask("GET", "/api/resource/Role/ACS Bridge")[0] == 404


def test_role_rights_and_user_are_set_up_over_rest(bare):
    manager = "/api/method/frappe.core.page.permission_manager.permission_manager."
    grant = {"doctype": "Service Equipment", "role": "ACS Bridge", "permlevel": 0}
    assert bare.post("Role", role_name="ACS Bridge")[0] == 200
    added = grant | {"parent": grant["doctype"]}
    assert bare.ask("POST", f"{manager}add", added)[0] == 200
    user = "/api/resource/User/acs.bridge@fibre.test"
    assert bare.ask("PUT", user, {"roles": [{"role": "ACS Bridge"}]})[0] == 200
    path = f"{EQUIPMENT}/EQP-00001"
    assert bare.ask("GET", path, auth=BRIDGE)[0] == 200
    assert bare.ask("PUT", path, {"model": "X"}, BRIDGE)[0] == 403
    bare.ask("POST", f"{manager}update", grant | {"ptype": "write", "value": 1})
    assert bare.ask("PUT", path, {"model": "X"}, BRIDGE)[0] == 200


def test_the_first_custom_permission_replaces_the_standard_ones(demo):
    demo.post("Role", role_name="Other")
    assert demo.post("Custom DocPerm", parent="Item", role="Other", read=1)[0] == 200
    assert demo.ask("GET", "/api/resource/Item", auth=BRIDGE)[0] == 403


def test_new_keys_end_the_old_secret(demo):
    path = "/api/method/frappe.core.doctype.user.user.generate_keys"
    user = {"user": "acs.bridge@fibre.test"}
    assert demo.ask("POST", path, user, BRIDGE)[0] == 403
    keys = demo.ask("POST", path, user)[1]["message"]
    assert demo.ask("GET", EQUIPMENT, auth=BRIDGE)[0] == 401
    token = f"token {keys['api_key']}:{keys['api_secret']}"
    assert demo.ask("GET", EQUIPMENT, auth=token)[0] == 200


# Server Scripts


def test_a_script_works_only_while_it_is_installed_and_enabled(bare):
    script = {"name": "acs_write_back", "script_type": "API", "api_method": "acs_write_back"}
    assert bare.post("Server Script", **script, script="x = 1")[0] == 200
    assert bare.ask("POST", WRITE_BACK, {"rows": []})[1] == {"message": []}
    path = "/api/resource/Server Script/acs_write_back"
    bare.ask("PUT", path, {"disabled": 1})
    assert bare.ask("POST", WRITE_BACK, {"rows": []})[0] == 417


def test_a_script_that_does_not_parse_is_saved_with_a_warning(bare):
    script = {"name": "s", "script_type": "API", "api_method": "s", "script": "if:"}
    status, body = bare.post("Server Script", **script)
    assert status == 200
    assert "Compilation warning" in body["_server_messages"]


def test_a_script_of_others_is_not_made_up(bare):
    bare.post("Server Script", name="s", script_type="API", api_method="s", script="x = 1")
    status, body = bare.ask("POST", "/api/method/s", {})
    assert (status, body["exc_type"]) == (500, "NotImplementedError")


def test_a_bench_without_server_scripts_says_so():
    client = Client(scripts_allowed=False)
    status, body = client.ask("POST", WRITE_BACK, {"rows": []}, BRIDGE)
    assert (status, body["exc_type"]) == (403, "ServerScriptNotEnabled")


@pytest.mark.parametrize("mac", ["aabbcc001001", "AA-BB-CC-00-10-01", "aabb.cc00.1001"])
def test_the_normaliser_makes_the_unique_index_catch_every_spelling(demo, mac):
    box = {"equipment_type": "ONT", "mac_address": mac}
    assert demo.post("Service Equipment", BRIDGE, name="A", **box)[0] == 200
    assert demo.equipment("A")["mac_address"] == "AA:BB:CC:00:10:01"
    taken = {"name": "B", "equipment_type": "ONT", "mac_address": "AA:BB:CC:00:10:01"}
    assert demo.post("Service Equipment", BRIDGE, **taken)[1]["exc_type"] == "UniqueValidationError"


def test_rows_from_before_the_normaliser_stay_until_they_are_saved(demo):
    assert demo.equipment("EQP-00002")["mac_address"] == "1c-61-b4-fa-22-10"
    demo.ask("PUT", f"{EQUIPMENT}/EQP-00002", {"model": "X"})
    assert demo.equipment("EQP-00002")["mac_address"] == "1C:61:B4:FA:22:10"


def test_write_back_leaves_modified_alone_and_answers_row_by_row(demo):
    before = demo.equipment("EQP-00001")
    told = []
    demo.site.committed = lambda changes: told.extend(c for c in changes if not c.silent)

    def row(name, doctype="Service Equipment", **fields):
        return {"doctype": doctype, "name": name, "fields": fields}

    rows = [
        row("EQP-00001", optical_rx_dbm=-19.5, last_seen="2026-07-01 12:00:00"),
        row("EQP-9", ip_address="192.0.2.1"),
        row("EQP-00002", nonsense=1),
        row("EQP-00002", wifi_password="x"),
        row("FTTH500I", doctype="Item", item_name="free"),
        row("DJ-1", doctype="Nothing"),
        row("EQP-00002", last_seen="yesterday"),
        row("EQP-00003", ip_address="192.0.2.3"),
    ]
    status, body = demo.ask("POST", WRITE_BACK, {"rows": rows}, BRIDGE)
    assert status == 200
    assert [answer["ok"] for answer in body["message"]] == [True, *[False] * 6, True]
    assert body["message"][1]["error"] == "DoesNotExistError: Service Equipment EQP-9 not found"
    assert body["message"][4]["error"].startswith("PermissionError")
    after = demo.equipment("EQP-00001")
    changed = {key for key, value in after.items() if before.get(key) != value}
    assert changed == {"optical_rx_dbm", "last_seen"}
    assert demo.equipment("EQP-00003")["ip_address"] == "192.0.2.3"
    assert told == []


def test_write_back_by_get_is_refused(demo):
    status, body = demo.ask("GET", WRITE_BACK, auth=BRIDGE)
    assert (status, body["exc_type"], body["_exc_source"]) == (
        417,
        "ValidationError",
        "Server Script",
    )


# What the bridge writes back


def test_an_issue_has_its_series_and_its_fault_once(demo):
    issue = {"subject": "ONT offline", "customer": "Jean Tremblay", "acs_fault_key": "los:1"}
    year = "2026"
    status, body = demo.post("Issue", BRIDGE, **issue)
    assert status == 200
    assert body["data"]["name"] == f"ISS-{year}-00001"
    assert body["data"]["raised_by"] == "acs.bridge@fibre.test"
    assert body["data"]["status"] == "Open"
    again = demo.post("Issue", BRIDGE, **issue)
    assert again[1]["exc_type"] == "UniqueValidationError"
    path = f"/api/resource/Issue/ISS-{year}-00001"
    assert demo.ask("PUT", path, {"status": "Closed"}, BRIDGE)[0] == 200


@pytest.mark.parametrize("word", ["Suspendu", "Suspended", "Annulé", "Cancelled"])
def test_status_words_of_both_languages(demo, word):
    path = "/api/resource/Service Subscription/SUB-0000000001"
    assert demo.ask("PUT", path, {"status": word})[1]["data"]["status"] == word
