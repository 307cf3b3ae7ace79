"""Lists of the stand-in: filters in all forms, fields, order, pages."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlencode

import pytest

from simulators.erpnext.http import Request
from simulators.erpnext.schema import standard_doctypes
from simulators.erpnext.site import Site

HEADERS = {"authorization": "token demo-key:demo-secret", "content-type": "application/json"}
START = datetime(2026, 1, 10, 17, 0, tzinfo=UTC)  # noon at the site


@pytest.fixture(scope="module")
def site():
    """Five boxes, saved an hour apart: two active, one without MAC, one at a location."""
    ticks = count()
    site = Site(standard_doctypes(), lambda: START + timedelta(minutes=next(ticks)))
    ticks = count(0, 60)
    box = {"doctype": "Service Equipment", "equipment_type": "ONT"}
    site.seed(
        [
            {
                "doctype": "Customer",
                "name": "Zoé",
                "customer_name": "Zoé",
                "customer_type": "Individual",
                "customer_group": "Résidentiel",
                "territory": "Canada",
            },
            {
                "doctype": "Service Location",
                "name": "LOC-1",
                "customer": "Zoé",
                "address_line": "1, rue X",
            },
            box | {"name": "E1", "serial_number": "S-1", "mac_address": "AA:00", "model": "élan"},
            box | {"name": "E2", "serial_number": "S-2", "mac_address": "AA:01", "model": "Elan"},
            box | {"name": "E3", "serial_number": "S-3", "status": "active", "model": "b_b"},
            box | {"name": "E4", "mac_address": "AA:03", "status": "active", "model": ""},
            box | {"name": "E5", "mac_address": "AA:04", "service_location": "LOC-1"},
        ]
    )
    return site


def get_list(site, **arguments):
    body = {"doctype": "Service Equipment", "order_by": "name asc"} | arguments
    answer = site.handle(
        Request("POST", "/api/method/frappe.client.get_list", HEADERS, json.dumps(body).encode())
    )
    return answer.status, answer.json()


def names(site, **arguments):
    status, body = get_list(site, **arguments)
    assert status == 200, body
    return [row["name"] for row in body["message"]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"serial_number": "s-1 "}, ["E1"]),
        ({"serial_number": ["=", "S-1"]}, ["E1"]),
        ([["serial_number", "=", "S-1"]], ["E1"]),
        ([["Service Equipment", "serial_number", "=", "S-1"]], ["E1"]),
        ('[["serial_number","=","S-1"]]', ["E1"]),
        ('{"serial_number": "S-1", "mac_address": "AA:00"}', ["E1"]),
        ([["serial_number", "=", "S-1"], ["mac_address", "=", "AA:01"]], []),
        ({"model": "ELAN"}, ["E1", "E2"]),
        ({"serial_number": ["!=", "S-1"]}, ["E2", "E3", "E4", "E5"]),
        ({"serial_number": [">", "S-1"]}, ["E2", "E3"]),
        ({"serial_number": [">=", "S-2"]}, ["E2", "E3"]),
        ({"serial_number": ["<=", "S-2"]}, ["E1", "E2", "E4", "E5"]),
        ({"serial_number": ["<", "S-2"]}, ["E1", "E4", "E5"]),
        ({"mac_address": ["like", "aa:%"]}, ["E1", "E2", "E4", "E5"]),
        ({"model": ["like", "_lan"]}, ["E1", "E2"]),
        ({"mac_address": ["not like", "%:0%"]}, ["E3"]),
        ({"mac_address": ["in", ["aa:00", "AA:03", "AA0000"]]}, ["E1", "E4"]),
        ({"mac_address": ["in", "AA:00, AA:01"]}, ["E1", "E2"]),
        ({"mac_address": ["in", []]}, ["E3"]),
        ({"mac_address": ["not in", ["AA:00", "AA:01"]]}, ["E3", "E4", "E5"]),
        ({"serial_number": ["between", ["S-2", "S-3"]]}, ["E2", "E3"]),
        ({"mac_address": ["is", "set"]}, ["E1", "E2", "E4", "E5"]),
        ({"mac_address": ["is", "not set"]}, ["E3"]),
        ({"model": ["is", "set"]}, ["E1", "E2", "E3"]),
        ({"name": ["in", ["e5", "E1", "E1"]]}, ["E1", "E5"]),
        ({"docstatus": "0"}, ["E1", "E2", "E3", "E4", "E5"]),
        ({"modified": [">", "2099-01-01"]}, []),
        ({"modified": ["between", ["2026-01-10", "2026-01-10"]]}, ["E1", "E2", "E3", "E4", "E5"]),
    ],
)
def test_filters(site, filters, found):
    assert names(site, filters=filters) == found


def test_or_filters_make_one_group(site):
    found = names(
        site,
        filters={"status": "inventory"},
        or_filters=[["serial_number", "=", "S-1"], ["mac_address", "=", "AA:04"]],
    )
    assert found == ["E1", "E5"]


def test_modified_pages_without_gap(site):
    fields = ["name", "modified"]
    order = "modified asc, name asc"
    rows = get_list(site, fields=fields, order_by=order)[1]["message"]
    rest = names(site, filters=[["modified", ">", rows[1]["modified"]]], order_by=order)
    assert rest == [row["name"] for row in rows[2:]]


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ("serial_number asc, name desc", ["E5", "E4", "E1", "E2", "E3"]),
        ("serial_number desc, name", ["E3", "E2", "E1", "E4", "E5"]),
        ("`tabService Equipment`.`name` DESC", ["E5", "E4", "E3", "E2", "E1"]),
    ],
)
def test_order(site, order_by, found):
    assert names(site, order_by=order_by) == found


def test_without_order_by_rows_are_not_in_order(site):
    unordered = names(site, order_by=None)
    assert sorted(unordered) == ["E1", "E2", "E3", "E4", "E5"]
    assert unordered != sorted(unordered)


def test_lists_keep_nulls_and_follow_links(site):
    fields = ["name", "mac_address", "service_location.customer as customer"]
    rows = get_list(site, fields=fields, filters={"name": ["in", ["E3", "E5"]]})[1]["message"]
    assert rows == [
        {"name": "E3", "mac_address": None, "customer": None},
        {"name": "E5", "mac_address": "AA:04", "customer": "Zoé"},
    ]


def test_linked_fields_cannot_be_filtered(site):
    status, body = get_list(site, filters=[["service_location.customer", "=", "Zoé"]])
    assert (status, body["exc_type"]) == (500, "OperationalError")


def test_unknown_operator(site):
    status, body = get_list(site, filters=[["name", "~", "E1"]])
    assert (status, body["exc_type"]) == (417, "ValidationError")


def resource(site, version, **query):
    path = {1: "/api/resource", 2: "/api/v2/document"}[version]
    headers = {"authorization": HEADERS["authorization"]}
    target = f"{path}/Service%20Equipment?{urlencode({'order_by': 'name asc'} | query)}"
    answer = site.handle(Request("GET", target, headers))
    return [row["name"] for row in answer.json()["data"]]


def test_pages(site):
    assert resource(site, 1, limit_start=1, limit_page_length=2) == ["E2", "E3"]
    assert resource(site, 1, limit=1) == ["E1"]
    assert len(resource(site, 1, limit_page_length=0)) == 5
    assert resource(site, 2, start=3, limit=5) == ["E4", "E5"]


def test_default_page_is_20_and_0_means_all():
    site = Site(standard_doctypes(), lambda: START)
    box = {"doctype": "Service Equipment", "equipment_type": "ONT"}
    site.seed([box | {"name": f"E{n:02d}"} for n in range(25)])
    assert len(names(site)) == 20
    assert len(names(site, limit_page_length=0)) == 25
    assert len(names(site, limit=25)) == 20  # frappe.client.get_list does not know it


def test_get_value_get_and_count(site):
    def call(method, **arguments):
        target = f"/api/method/frappe.client.{method}?" + urlencode(
            {"doctype": "Service Equipment"} | arguments
        )
        answer = site.handle(Request("GET", target, {"authorization": HEADERS["authorization"]}))
        return answer.status, answer.json().get("message")

    assert call("get_value", filters="E1", fieldname="model") == (200, {"model": "élan"})
    assert call("get_count", filters='{"status": "active"}') == (200, 2)
    status, document = call("get", filters='{"serial_number": "S-3"}')
    assert (status, document["name"], document["mac_address"]) == (200, "E3", None)
    assert call("get", filters='{"serial_number": "S-9"}')[0] == 404


def test_expand_embeds_the_linked_document(site):
    fields = json.dumps(["name", "service_location"])
    query = urlencode(
        {"fields": fields, "filters": '{"name": "E5"}', "expand": '["service_location"]'}
    )
    headers = {"authorization": HEADERS["authorization"]}
    answer = site.handle(Request("GET", f"/api/resource/Service%20Equipment?{query}", headers))
    assert answer.json()["data"][0]["service_location"]["customer"] == "Zoé"


def test_indexed_lookup_touches_only_what_it_finds(site, monkeypatch):
    table = site.documents.db.table("Service Equipment")
    monkeypatch.setattr(type(table), "__iter__", lambda _: pytest.fail("the table was scanned"))
    assert names(site, filters={"mac_address": ["in", ["AA:00", "AA:01"]]}) == ["E1", "E2"]
    assert names(site, filters={"serial_number": "S-3"}) == ["E3"]


def test_a_sweep_pages_through_all_in_the_order_of_change(site, monkeypatch):
    sorted_by_hand = names(site, order_by="modified asc, name asc, idx asc")
    table = site.documents.db.table("Service Equipment")
    monkeypatch.setattr(type(table), "__iter__", lambda _: pytest.fail("the table was scanned"))
    order = {"order_by": "modified asc, name asc", "limit_page_length": 2}
    found, filters = [], {}
    while page := get_list(site, fields=["name", "modified"], **order, **filters)[1]["message"]:
        found += [row["name"] for row in page]
        filters = {
            "filters": [["modified", ">=", page[-1]["modified"]]],
            "or_filters": [
                ["modified", ">", page[-1]["modified"]],
                ["name", ">", page[-1]["name"]],
            ],
        }
    assert found == sorted_by_hand == ["E1", "E2", "E3", "E4", "E5"]


def test_alternatives_are_found_by_their_indexes(site, monkeypatch):
    table = site.documents.db.table("Service Equipment")
    monkeypatch.setattr(type(table), "__iter__", lambda _: pytest.fail("the table was scanned"))
    either = [["serial_number", "in", ["S-1", "S-3"]], ["mac_address", "in", ["aa:00", "AA:04"]]]
    assert names(site, or_filters=either) == ["E1", "E3", "E5"]
