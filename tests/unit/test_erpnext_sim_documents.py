"""Rules of the stand-in beyond the recorded answers: writing, naming, passwords, rights."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import quote

import pytest

from simulators.erpnext.http import Request
from simulators.erpnext.sanitize import sanitize
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.seeding import bulk_documents, bulk_mac, bulk_serial, demo_documents
from simulators.erpnext.site import Site

TOKEN = "token demo-key:demo-secret"
SETUP = "token setup-key:setup-secret"
EQUIPMENT = "/api/resource/Service Equipment"


class Client:
    def __init__(self):
        ticks = count()
        start = datetime(2026, 7, 1, 16, 0, 0, 250000, UTC)
        self.commits = []
        self.site = Site(
            standard_doctypes(),
            lambda: start + timedelta(seconds=next(ticks)),
            committed=self.commits.append,
        )
        self.site.seed(demo_documents())

    def ask(self, method, path, body=None, *, auth=TOKEN, query="", headers=()):
        sent = {"host": "erp.test", "authorization": auth} | dict(headers)
        data = b""
        if body is not None:
            sent |= {"content-type": "application/json"}
            data = json.dumps(body).encode()
        target = quote(path) + (f"?{query}" if query else "")
        answer = self.site.handle(Request(method, target, sent, data))
        return answer.status, answer.json()

    def equipment(self, name, **fields):
        return self.ask("POST", EQUIPMENT, {"name": name, "equipment_type": "ONT"} | fields)

    def secrets(self, *names):
        answer = self.ask("POST", "/api/method/acs_equipment_secrets", {"names": names})
        return answer[1]["message"]


@pytest.fixture
def client():
    return Client()


def test_get_never_saves(client):
    before = client.ask("GET", f"{EQUIPMENT}/EQP-00001")
    filters = quote(json.dumps({"order_id": "7"}))
    assert client.ask("GET", "/api/method/acs_create_order", query=filters)[0] == 417
    assert client.ask("GET", "/api/method/frappe.client.set_value")[0] == 403
    assert client.ask("GET", f"{EQUIPMENT}/EQP-00001") == before
    assert client.commits == []


def test_put_changes_only_what_it_names_and_ignores_unknown_fields(client):
    before = client.ask("GET", f"{EQUIPMENT}/EQP-00001")[1]["data"]
    status, body = client.ask(
        "PUT", f"{EQUIPMENT}/EQP-00001", {"firmware_version": "1.2.3", "firmwear": "oops"}
    )
    changed = {k for k, v in body["data"].items() if before.get(k) != v}
    assert status == 200
    assert changed == {"firmware_version", "modified", "modified_by"}
    assert len(client.commits) == 1


def test_put_without_modified_lets_the_last_writer_win(client):
    for text in ("a", "b"):
        assert client.ask("PUT", f"{EQUIPMENT}/EQP-00001", {"model": text})[0] == 200
    assert client.ask("GET", f"{EQUIPMENT}/EQP-00001")[1]["data"]["model"] == "b"


@pytest.mark.parametrize("spoil", ["T", "Z", "short"])
def test_modified_is_compared_to_the_letter(client, spoil):
    modified = client.ask("GET", f"{EQUIPMENT}/EQP-00001")[1]["data"]["modified"]
    spelt = {"T": modified.replace(" ", "T"), "Z": modified + "Z", "short": modified[:-3]}[spoil]
    status, body = client.ask("PUT", f"{EQUIPMENT}/EQP-00001", {"modified": spelt})
    assert (status, body["exc_type"]) == (417, "TimestampMismatchError")


def test_times_are_those_of_the_site(client):
    modified = client.equipment("SE-1")[1]["data"]["modified"]
    assert modified.startswith("2026-07-01 12:0")  # 16:00 UTC is noon in Toronto in summer
    assert modified.endswith(".250000")


def test_name_in_a_put_looks_for_that_document(client):
    assert client.ask("PUT", f"{EQUIPMENT}/EQP-00001", {"name": "OTHER"})[0] == 404
    assert client.ask("PUT", f"{EQUIPMENT}/EQP-00001", {"name": "EQP-00001"})[0] == 200


@pytest.mark.parametrize("name", ["a/b", "a#b", "a?b", "a%2Fb", "deux mots", "été"])
def test_any_name_works_fully_encoded(client, name):
    assert client.equipment(name)[0] == 200
    answer = client.site.handle(
        Request("GET", f"{quote(EQUIPMENT)}/{quote(name, safe='')}", {"authorization": TOKEN})
    )
    assert answer.json()["data"]["name"] == name


def test_an_empty_name_lists_all(client):
    status, body = client.ask("GET", f"{EQUIPMENT}/")
    assert status == 200
    assert len(body["data"]) == 6


def test_names_collide_in_any_case_or_accent(client):
    assert client.equipment("SL-EA")[0] == 200
    assert client.equipment("sl-éa")[0] == 409


def test_macs_collide_by_case_but_not_by_separators(client):
    client.site.overwrite("Server Script", "acs_mac_normaliser", {"disabled": 1}, touch=False)
    assert client.equipment("A", mac_address="AA:BB:CC:00:10:01")[0] == 200
    assert client.equipment("B", mac_address="aa:bb:cc:00:10:01")[0] == 417
    assert client.equipment("C", mac_address="AABBCC001001")[0] == 200


def test_empty_macs_do_not_collide(client):
    assert [client.equipment(name, mac_address="")[0] for name in "AB"] == [200, 200]
    assert "mac_address" not in client.ask("GET", f"{EQUIPMENT}/A")[1]["data"]


def test_a_freed_mac_can_be_used_again(client):
    client.equipment("A", mac_address="AA:BB:CC:00:10:01")
    client.ask("PUT", f"{EQUIPMENT}/A", {"mac_address": None})
    assert client.equipment("B", mac_address="AA:BB:CC:00:10:01")[0] == 200


def test_v2_honours_names_where_v1_counts(client):
    lead = {"name": "L-1", "lead_name": "Zoé Roy"}
    assert client.ask("POST", "/api/resource/Lead", lead)[1]["data"]["name"] == (
        "CRM-LEAD-2026-00001"
    )
    assert client.ask("POST", "/api/v2/document/Lead", lead)[1]["data"]["name"] == "L-1"


def test_a_number_is_given_back_when_the_transaction_fails(client):
    lead = {"doctype": "Lead", "lead_name": "Zoé Roy"}
    bad = {"docs": [lead, lead | {"status": "Nowhere"}]}
    assert client.ask("POST", "/api/method/frappe.client.insert_many", bad)[0] == 417
    name = client.ask("POST", "/api/resource/Lead", lead)[1]["data"]["name"]
    assert name == "CRM-LEAD-2026-00001"


def test_missing_select_takes_the_first_option(client):
    assert client.equipment("A")[1]["data"]["status"] == "inventory"


def test_status_options_are_exact_but_lists_match_without_accents(client):
    path = "/api/resource/Service Subscription"
    assert client.ask("PUT", f"{path}/SUB-0000000001", {"status": "Annule"})[0] == 417
    assert client.ask("PUT", f"{path}/SUB-0000000001", {"status": "Annulé"})[0] == 200
    filters = quote(json.dumps({"status": "ANNULE"}))
    assert client.ask("GET", path, query=f"filters={filters}")[1]["data"] == [
        {"name": "SUB-0000000001"}
    ]


def test_negative_prices_are_kept(client):
    body = client.ask("GET", "/api/resource/Service Subscription/SUB-0000000003")[1]
    assert body["data"]["monthly_price"] == -10


def test_links_take_the_spelling_of_their_target(client):
    body = client.equipment("A", service_location="loc-00001")[1]
    assert body["data"]["service_location"] == "LOC-00001"


def test_fetched_fields_are_read_but_never_listed(client):
    job = {"name": "DJ-1", "customer": "Jean Tremblay"}
    assert client.ask("POST", "/api/resource/Dispatch Job", job)[0] == 200
    body = client.ask("GET", "/api/resource/Dispatch Job/DJ-1")[1]
    assert body["data"]["customer_name"] == "Jean Tremblay"
    fields = quote('["name","customer_name"]')
    status, body = client.ask("GET", "/api/resource/Dispatch Job", query=f"fields={fields}")
    assert (status, body["exc_type"]) == (417, "DataError")


# Passwords


def test_only_asterisks_change_nothing_and_empty_deletes(client):
    path = f"{EQUIPMENT}/EQP-00001"
    client.ask("PUT", path, {"wifi_password": "***"})
    assert client.ask("GET", path)[1]["data"]["wifi_password"] == "*" * len("Erable-47-rouge")
    assert client.secrets("EQP-00001")[0]["wifi_password"] == "Erable-47-rouge"
    client.ask("PUT", path, {"wifi_password": ""})
    assert "wifi_password" not in client.ask("GET", path)[1]["data"]
    assert client.secrets("EQP-00001")[0]["wifi_password"] is None


def test_read_modify_write_keeps_the_password(client):
    document = client.ask("GET", f"{EQUIPMENT}/EQP-00001")[1]["data"]
    answer = client.ask("POST", "/api/method/frappe.client.save", {"doc": document})
    assert answer[0] == 200
    assert client.secrets("EQP-00001")[0]["sip_password"] == "Kq7-vert-8821"


def test_save_without_modified_is_a_mismatch(client):
    document = client.ask("GET", f"{EQUIPMENT}/EQP-00001")[1]["data"]
    del document["modified"]
    status, body = client.ask("POST", "/api/method/frappe.client.save", {"doc": document})
    assert (status, body["exc_type"]) == (417, "TimestampMismatchError")


def test_secrets_of_many_come_in_order_without_the_missing(client):
    secrets = client.secrets("EQP-00003", "NOPE", "EQP-00001", "EQP-00006")
    assert [secret["name"] for secret in secrets] == ["EQP-00003", "EQP-00001", "EQP-00006"]
    assert secrets[0]["wifi_password"] == "pain<b>chaud</b>5h"
    assert secrets[2]["wifi_password"] is None
    text = client.ask("POST", "/api/method/acs_equipment_secrets", {"names": '["EQP-00001"]'})
    assert text[1]["message"][0]["sip_password"] == "Kq7-vert-8821"


def test_secrets_need_the_right_to_write_and_know_a_limit(client):
    ask = {"names": ["EQP-00001"]}
    nobody = "token nobody-key:nobody-secret"
    method = "/api/method/acs_equipment_secrets"
    assert client.ask("POST", method, ask, auth=nobody)[0] == 403
    assert client.ask("POST", method, {"names": ["X"] * 501})[0] == 417
    assert client.ask("POST", method, {"name": "NOPE"})[0] == 404


def test_no_answer_shows_a_password(client):
    words = quote('["name","wifi_password","sip_password"]')
    for path, query in ((f"{EQUIPMENT}/EQP-00001", ""), (EQUIPMENT, f"fields={words}")):
        text = json.dumps(client.ask("GET", path, query=query))
        assert "Erable-47-rouge" not in text
        assert "*" * len("Erable-47-rouge") in text


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("s<b>cr3t", "s<b>cr3t</b>"),
        ("<script>1", "&lt;script&gt;1"),
        ('p<a>ss&"w', 'p<a>ss&amp;"w</a>'),
        ("Maison <5G>", "Maison <5G>"),
        ("a < b & c", "a < b & c"),
        ("  «é\"'  ", "  «é\"'  "),
    ],
)
def test_xss_filter(sent, stored):
    assert sanitize(sent) == stored


# Who asks


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("token demo-key:demo-secret", 200),
        ("Basic " + base64.b64encode(b"demo-key:demo-secret").decode(), 200),
        ("token demo-key:wrong", 401),
        ("token demo-key", 401),
        ("token :", 401),
        ("Basic !!", 401),
        ("token demo-key:a secret", 403),
        ("demo-key:demo-secret", 403),
        ("", 403),
    ],
)
def test_authorization_headers(client, header, status):
    assert client.ask("GET", EQUIPMENT, auth=header)[0] == status


def test_ping_and_time_zone_need_no_login(client):
    assert client.ask("GET", "/api/method/ping", auth="") == (200, {"message": "pong"})
    assert client.ask("GET", "/api/v2/method/ping", auth="") == (200, {"data": "pong"})
    zone = client.ask("GET", "/api/method/frappe.client.get_time_zone", auth="")
    assert zone == (200, {"message": {"time_zone": "America/Toronto"}})


def test_bridge_user_cannot_touch_webhooks_or_unknown_doctypes(client):
    assert client.ask("GET", "/api/resource/Webhook")[0] == 403
    assert client.ask("POST", "/api/resource/Webhook", {"name": "W"})[0] == 403
    assert client.ask("GET", "/api/resource/Nonsense")[0] == 403
    status, body = client.ask("GET", "/api/resource/Nonsense/x")
    assert (status, body["exc_type"]) == (500, "ImportError")


def test_not_whitelisted(client):
    path = "/api/method/frappe.utils.password.get_decrypted_password"
    assert client.ask("GET", path, auth=SETUP)[0] == 403


# The edges of a request


def test_request_line_too_long(client):
    at_limit = "x" * (4094 - len("GET /api/method/ping? HTTP/1.1"))
    assert client.ask("GET", "/api/method/ping", query=at_limit)[0] == 200
    answer = client.site.handle(Request("GET", f"/api/method/ping?{at_limit}x"))
    assert answer.status == 400
    assert b"<title>Bad Request</title>" in answer.body


def test_json_body_replaces_the_query_and_fails_on_get(client):
    body = {"doctype": "Item", "limit_page_length": 1}
    status, answer = client.ask(
        "POST", "/api/method/frappe.client.get_list", body, query="doctype=Nonsense"
    )
    assert (status, len(answer["message"])) == (200, 1)
    assert client.ask("GET", "/api/resource/Item", {"limit": 1})[0] == 500
    assert client.ask("POST", "/api/method/frappe.client.get_list", [1])[0] == 417


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("insert_many", {"docs": [{"doctype": "Lead"}, 7]}),
        ("insert_many", {"docs": 7}),
        ("insert", {}),
        ("set_value", {"doctype": "Lead", "name": "X", "fieldname": [1]}),
        ("save", {"doc": "7"}),
    ],
)
def test_a_senseless_request_is_a_500_and_saves_nothing(client, method, body):
    status, answer = client.ask("POST", f"/api/method/frappe.client.{method}", body)
    assert (status, "exc_type" in answer) == (500, True)
    assert client.ask("GET", "/api/resource/Lead")[1]["data"] == []


def test_patch_is_for_v2_only(client):
    change = {"model": "X"}
    assert client.ask("PATCH", f"{EQUIPMENT}/EQP-00001", change)[0] == 404
    path = "/api/v2/document/Service Equipment/EQP-00001"
    assert client.ask("PATCH", path, change)[1]["data"]["model"] == "X"
    assert client.ask("GET", "/api/v1/resource/Item/FTTH500I")[0] == 200


def test_every_answer_sets_guest_cookies(client):
    answer = client.site.handle(Request("GET", "/api/method/ping"))
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert any(cookie.startswith("sid=Guest;") for cookie in cookies)


def test_meta_names_what_a_start_up_check_needs(client):
    status, body = client.ask("GET", "/api/v2/doctype/Service Equipment/meta")
    fields = {field["fieldname"]: field for field in body["data"]["fields"]}
    assert status == 200
    assert fields["mac_address"]["unique"] == 1
    assert fields["serial_number"]["unique"] == 0
    assert fields["wifi_password"]["fieldtype"] == "Password"
    assert fields["wifi_password"]["ignore_xss_filter"] == 1
    assert fields["service_location"]["options"] == "Service Location"
    assert fields["status"]["options"].split("\n")[0] == "inventory"
    assert client.ask("GET", "/api/v2/doctype/Nonsense/meta")[0] == 404
    assert client.ask("GET", "/api/v2/doctype/Item/meta", auth="")[0] == 403


# Seeds


def test_demo_equipment(client):
    first, second, third = (
        client.ask("GET", f"{EQUIPMENT}/EQP-0000{n}")[1]["data"] for n in (1, 2, 3)
    )
    assert first["serial_number"] == "22275A7000001"
    assert second["mac_address"] == "1c-61-b4-fa-22-10"
    assert "serial_number" not in second
    assert third["gpon_serial"] == "TPLGB4FA33C8"
    states = [client.ask("GET", f"{EQUIPMENT}/EQP-0000{n}")[1]["data"]["status"] for n in (4, 5)]
    assert states == ["defective", "returned"]
    assert "wifi_ssid" not in client.ask("GET", f"{EQUIPMENT}/EQP-00006")[1]["data"]


def test_generated_customers_are_the_same_for_the_same_seed():
    documents = list(bulk_documents(20, seed=7))
    assert documents == list(bulk_documents(20, seed=7))
    assert documents != list(bulk_documents(20, seed=8))
    site = Site(standard_doctypes(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    site.seed(documents)
    table = site.documents.db.table("Service Equipment")
    [found] = table.find("serial_number", [bulk_serial(20)])
    assert found.values["mac_address"] == bulk_mac(20) == "1C:61:B5:00:00:14"
    assert bulk_serial(20) == "2227000000020"
    assert all(len(row.values["wifi_ssid"].encode()) <= 32 for row in table)
