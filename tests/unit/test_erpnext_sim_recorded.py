"""The stand-in gives the answers that were recorded from a real Frappe 15 site.

The doctypes here are those of the recorded site, so the texts can be compared whole.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import requests

from simulators.erpnext.adapter import SimulatorAdapter
from simulators.erpnext.schema import read_doctypes
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site
from simulators.erpnext.users import BRIDGE, SYSTEM_MANAGER, User

DOCTYPES = """
[[doctype]]
name = "Customer Group"
autoname = "field:customer_group_name"
records = ["Résidentiel"]
fields = [{ name = "customer_group_name", label = "Customer Group Name", mandatory = true }]

[[doctype]]
name = "Territory"
autoname = "field:territory_name"
records = ["Canada"]
fields = [{ name = "territory_name", label = "Territory Name", mandatory = true }]

[[doctype]]
name = "Customer"
autoname = "title:customer_name"
permissions = { "ACS Bridge" = ["read", "write", "create"] }
fields = [
  { name = "customer_name", label = "Customer Name", mandatory = true },
  { name = "customer_type", label = "Customer Type", type = "Select", options = ["Company", "Individual"], mandatory = true },
  { name = "customer_group", label = "Customer Group", type = "Link", target = "Customer Group" },
  { name = "territory", label = "Territory", type = "Link", target = "Territory" },
  { name = "legacy_customer_id", label = "Legacy Customer ID", unique = true },
]

[[doctype]]
name = "Service Location"
autoname = "prompt"
permissions = { "ACS Bridge" = ["read", "write", "create"] }
fields = [
  { name = "customer", label = "Customer", type = "Link", target = "Customer", mandatory = true },
  { name = "address_line1", label = "Address" },
  { name = "city", label = "City" },
  { name = "pincode", label = "Postal Code" },
  { name = "connection", label = "Connection" },
  { name = "olt_port", label = "OLT Port" },
]

[[doctype]]
name = "Service Subscription"
autoname = "prompt"
permissions = { "ACS Bridge" = ["read", "write", "create"] }
fields = [
  { name = "customer", label = "Customer", type = "Link", target = "Customer" },
  { name = "service_location", label = "Service Location", type = "Link", target = "Service Location" },
  { name = "service_type", label = "Service Type" },
  { name = "plan", label = "Plan" },
]

[[doctype]]
name = "Service Equipment"
autoname = "prompt"
permissions = { "ACS Bridge" = ["read", "write", "create"] }
fields = [
  { name = "service_location", label = "Service Location", type = "Link", target = "Service Location" },
  { name = "service_subscription", label = "Service Subscription", type = "Link", target = "Service Subscription" },
  { name = "equipment_type", label = "Type", type = "Select", options = ["", "ONT", "Router", "TV", "ATA"], mandatory = true },
  { name = "mac_address", label = "MAC", unique = true, length = 17 },
  { name = "serial_no", label = "Serial No", indexed = true },
  { name = "model", label = "Model" },
  { name = "custom_wifi_ssid", label = "SSID", ignore_xss_filter = true },
  { name = "custom_wifi_password", label = "WiFi Password", type = "Password", ignore_xss_filter = true },
  { name = "custom_sip_password", label = "SIP Password", type = "Password", ignore_xss_filter = true },
  { name = "xss_demo_password", label = "Demo Password", type = "Password" },
  { name = "status", label = "Status", type = "Select", options = ["Template", "Assigned"] },
]

[[doctype]]
name = "Dispatch Job"
autoname = "prompt"
permissions = { "ACS Bridge" = ["read", "write", "create"] }
fields = [
  { name = "customer", label = "Customer", type = "Link", target = "Customer" },
  { name = "service_location", label = "Service Location", type = "Link", target = "Service Location" },
  { name = "status", label = "Status", type = "Select", options = ["Scheduled", "In Progress", "Completed", "Cancelled"], mandatory = true },
  { name = "scheduled_on", label = "Scheduled On", type = "Datetime" },
]
"""  # noqa: E501

USERS = (
    User("acs.bridge@fibre.test", "bridge", "secret", frozenset({BRIDGE})),
    User("acs.setup@fibre.test", "setup", "secret", frozenset({SYSTEM_MANAGER})),
    User("acs.nobody@fibre.test", "nobody", "secret"),
)
BASE = "http://erp.test"
EQUIPMENT = "/api/resource/Service Equipment"


class Client:
    """A session on the recorded site; answers come as (status, body without traceback)."""

    def __init__(self):
        ticks = count()
        start = datetime(2026, 11, 22, 9, 52, 54, 931698, UTC)

        def now():
            return start + timedelta(milliseconds=137 * next(ticks))

        def build():
            return Site(
                read_doctypes(DOCTYPES), now, users=USERS, hosts=["erp.test"], event_scripts={}
            )

        self.session = requests.Session()
        self.session.mount("http://", SimulatorAdapter(Simulator(build, now)))

    def ask(self, method, path, body=None, *, user="bridge", **params):
        headers = {"Authorization": f"token {user}:secret"} if user else {}
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}
        answer = self.session.request(
            method, BASE + path, json=body, params=texts, headers=headers, timeout=5
        )
        return answer.status_code, plain(answer.json())


def plain(body):
    """Decode the doubly encoded messages; leave out what differs between two runs."""
    if "exc" in body:
        assert json.loads(body.pop("exc"))[0].startswith("Traceback (most recent call last):")
    if "_server_messages" in body:
        messages = [json.loads(text) for text in json.loads(body["_server_messages"])]
        for message in messages:
            assert message.pop("__frappe_exc_id", "…")
        body["_server_messages"] = messages
    for error in body.get("errors", ()):
        if "exception" in error:
            assert error["exception"].startswith("Traceback (most recent call last):")
            error["exception"] = "…"
    return body


def raised(text, title="Message"):
    return {"message": text, "title": title, "indicator": "red", "raise_exception": 1}


def thrown(exc_type, text, title="Message"):
    return {
        "exception": f"frappe.exceptions.{exc_type}: {text}",
        "exc_type": exc_type,
        "_server_messages": [raised(text, title)],
    }


def order(number, customer, legacy_id, **equipment):
    """The five documents of an order, as they were sent when the answers were recorded."""
    location, subscription = f"SL-{number}", f"SUB-{number}"
    return {
        "docs": [
            {
                "doctype": "Customer",
                "customer_name": customer,
                "customer_type": "Individual",
                "customer_group": "Résidentiel",
                "territory": "Canada",
                "legacy_customer_id": legacy_id,
            },
            {
                "doctype": "Service Location",
                "name": location,
                "customer": customer,
                "address_line1": "12 rue Principale",
                "city": "Saint-Jérôme",
                "pincode": "J7Z 1A1",
                "connection": "GPON",
                "olt_port": "olt1/1/3/7",
            },
            {
                "doctype": "Service Subscription",
                "name": subscription,
                "customer": customer,
                "service_location": location,
                "service_type": "Internet",
                "plan": "Fibre 500",
            },
            {
                "doctype": "Service Equipment",
                "name": f"SE-{number}-1",
                "service_location": location,
                "service_subscription": subscription,
                "equipment_type": "ONT",
            }
            | equipment,
            {
                "doctype": "Dispatch Job",
                "name": f"DJ-{number}",
                "customer": customer,
                "service_location": location,
                "scheduled_on": "2026-12-01 09:00:00",
            },
        ]
    }


INSERT_MANY = "/api/method/frappe.client.insert_many"
NAMES_1001 = ["Jean Tremblay", "SL-1001", "SUB-1001", "SE-1001-1", "DJ-1001"]


@pytest.fixture
def site():
    """The recorded site after its first order and the update of its equipment."""
    client = Client()
    ordered = client.ask("POST", INSERT_MANY, order("1001", "Jean Tremblay", "L-1001"))
    assert ordered == (200, {"message": NAMES_1001})
    status, _ = client.ask(
        "PUT",
        f"{EQUIPMENT}/SE-1001-1",
        {
            "mac_address": "AA:BB:CC:00:10:01",
            "serial_no": "ALCL0001",
            "custom_wifi_ssid": "Maison <5G>",
            "custom_wifi_password": "s<b>cr3t",
            "xss_demo_password": "s<b>cr3t",
            "status": "Assigned",
        },
    )
    assert status == 200
    return client


def rows(site, doctype):
    answer = site.ask("GET", f"/api/resource/{doctype}", user="setup", limit_page_length="0")
    return sorted(row["name"] for row in answer[1]["data"])


# Authentication


def test_good_token(site):
    answer = site.ask("GET", "/api/method/frappe.auth.get_logged_user")
    assert answer == (200, {"message": "acs.bridge@fibre.test"})


def test_no_header(site):
    assert site.ask("GET", "/api/resource/Customer", user=None) == (
        403,
        {
            "exception": "frappe.exceptions.PermissionError",
            "exc_type": "PermissionError",
            "_server_messages": [
                {
                    "message": "User <strong>Guest</strong> does not have doctype access via role"
                    " permission for document <strong>Customer</strong>",
                    "title": "Message",
                }
            ],
            "_error_message": "No permission for Customer",
        },
    )


def test_unknown_key(site):
    assert site.ask("GET", "/api/resource/Customer", user="stranger") == (
        401,
        {
            "exception": "frappe.exceptions.AuthenticationError",
            "exc_type": "AuthenticationError",
        },
    )


def test_unknown_site_is_a_page(site):
    answer = site.session.get("http://wrong.example/api/method/ping", timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<p>wrong.example does not exist</p>" in answer.text


# Order by insert_many


def test_fourth_document_fails_and_nothing_stays(site):
    before = {kind: rows(site, kind) for kind in ("Customer", "Service Location", "Dispatch Job")}
    bad = order("1002", "Luc Roy", "L-1002", service_location="SL-9999")
    assert site.ask("POST", INSERT_MANY, bad) == (
        417,
        thrown("LinkValidationError", "Could not find Service Location: SL-9999"),
    )
    assert {kind: rows(site, kind) for kind in before} == before


def test_same_order_again(site):
    assert site.ask("POST", INSERT_MANY, order("1001", "Jean Tremblay", "L-1001")) == (
        417,
        {
            "exception": "frappe.exceptions.UniqueValidationError: ('Customer',"
            " 'Jean Tremblay - 1', IntegrityError(1062, \"Duplicate entry 'L-1001' for key"
            " 'legacy_customer_id'\"))",
            "exc_type": "UniqueValidationError",
            "_server_messages": [
                {
                    "message": "Changed customer name to 'Jean Tremblay - 1' as 'Jean Tremblay'"
                    " already exists.",
                    "title": "Note",
                    "indicator": "yellow",
                },
                {"message": "Legacy Customer ID must be unique", "title": "Message"},
            ],
        },
    )


def test_trap_of_two_customers_with_one_name(site):
    status, body = site.ask("POST", INSERT_MANY, order("1003", "Jean Tremblay", "L-1003"))
    assert status == 200
    names = ["Jean Tremblay - 1", "SL-1003", "SUB-1003", "SE-1003-1", "DJ-1003"]
    assert body["message"] == names
    assert body["_server_messages"][0]["title"] == "Note"
    location = site.ask("GET", "/api/resource/Service Location/SL-1003")[1]["data"]
    assert location["customer"] == "Jean Tremblay"


def test_more_than_200(site):
    documents = [{"doctype": "Service Equipment", "name": f"X-{n}"} for n in range(201)]
    assert site.ask("POST", INSERT_MANY, {"docs": documents}) == (
        417,
        thrown("ValidationError", "Only 200 inserts allowed in one request"),
    )


# Order by our server method

OUR_ORDER = {
    "order_id": "2001",
    "customer_name": "Jean Tremblay",
    "customer_group": "Résidentiel",
    "territory": "Canada",
    "customer_fields": {"legacy_customer_id": "L-2001"},
    "location": {"address_line1": "5 rue Z", "city": "Laval"},
    "subscriptions": [{"service_type": "Internet", "plan": "Fibre 1G"}],
    "equipment": ["ONT", "Router", "TV"],
}


def test_order_by_our_method_and_again(site):
    status, body = site.ask("POST", "/api/method/acs_create_order", OUR_ORDER)
    assert status == 200
    made = {
        "customer": "Jean Tremblay - 1",
        "service_location": "SL-2001",
        "subscriptions": ["SUB-2001-1"],
        "equipment": ["SE-2001-1", "SE-2001-2", "SE-2001-3"],
        "dispatch_job": "DJ-2001",
        "dispatch_jobs": ["DJ-2001"],
    }
    assert body["message"] == {"created": 1, **made}
    again = site.ask("POST", "/api/method/acs_create_order", OUR_ORDER)
    assert again == (200, {"message": {"created": 0, **made}})


def test_order_of_a_known_customer_with_two_jobs(site):
    order = {key: OUR_ORDER[key] for key in ("order_id", "location", "equipment")}
    more = {"customer": "Jean Tremblay", "jobs": [{}, {}]}
    status, body = site.ask("POST", "/api/method/acs_create_order", order | more)
    assert status == 200, body
    assert body["message"]["customer"] == "Jean Tremblay"
    assert body["message"]["dispatch_jobs"] == ["DJ-2001", "DJ-2001.2"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"order_id": "2001; drop"}, "order_id"),
        ({"location": {}}, "location must name"),
        ({"location": {"adress": "5 rue Z"}}, "Service Location has no field adress"),
        ({"customer": "Nobody"}, "there is no Nobody"),
        ({"customer_name": ""}, "customer_name is required"),
    ],
)
def test_what_is_wrong_with_an_order_is_said_before_anything_is_made(site, more, said):
    before = rows(site, "Customer")
    status, body = site.ask("POST", "/api/method/acs_create_order", OUR_ORDER | more)
    assert (status, body["exc_type"]) == (417, "ValidationError")
    assert said in body["exception"]
    assert rows(site, "Customer") == before


def test_order_by_our_method_fails_whole(site):
    before = rows(site, "Customer")
    bad = OUR_ORDER | {"order_id": "2002", "jobs": [{"status": "Finished"}]}
    text = (
        ' Status cannot be "Finished". It should be one of "Scheduled", "In Progress",'
        ' "Completed", "Cancelled"'
    )
    status, body = site.ask("POST", "/api/method/acs_create_order", bad)
    assert status == 417
    assert body["exception"] == f"frappe.exceptions.ValidationError: {text}"
    assert body["_exc_source"] == "Server Script"
    assert [message["title"] for message in body["_server_messages"]] == ["Note", "Message"]
    assert rows(site, "Customer") == before


# Lookup and read


def test_by_mac(site):
    status, body = site.ask(
        "GET",
        EQUIPMENT,
        filters=[["mac_address", "=", "AA:BB:CC:00:10:01"]],
        fields=[
            "name",
            "service_location",
            "service_location.customer as customer",
            "status",
            "modified",
        ],
        limit_page_length="2",
    )
    modified = body["data"][0].pop("modified")
    assert (status, body["data"]) == (
        200,
        [
            {
                "name": "SE-1001-1",
                "service_location": "SL-1001",
                "customer": "Jean Tremblay",
                "status": "Assigned",
            }
        ],
    )
    assert datetime.strptime(modified, "%Y-%m-%d %H:%M:%S.%f").year == 2026


def test_lower_case_matches(site):
    assert site.ask(
        "GET",
        EQUIPMENT,
        filters=[["mac_address", "=", "aa:bb:cc:00:10:01"]],
        fields=["name", "mac_address"],
        limit_page_length="2",
    ) == (200, {"data": [{"name": "SE-1001-1", "mac_address": "AA:BB:CC:00:10:01"}]})


def test_no_match(site):
    filters = {"mac_address": "AA:BB:CC:FF:FF:FF"}
    assert site.ask("GET", EQUIPMENT, filters=filters) == (200, {"data": []})
    answer = site.ask(
        "GET",
        "/api/method/frappe.client.get_value",
        doctype="Service Equipment",
        filters=filters,
        fieldname="name",
    )
    assert answer == (200, {"message": {}})


def test_get_value(site):
    status, body = site.ask(
        "GET",
        "/api/method/frappe.client.get_value",
        doctype="Service Equipment",
        filters={"mac_address": "AA:BB:CC:00:10:01"},
        fieldname=["name", "modified"],
    )
    assert status == 200
    assert list(body["message"]) == ["name", "modified"]
    assert body["message"]["name"] == "SE-1001-1"


def test_read_leaves_out_nulls_and_masks_passwords(site):
    status, body = site.ask("GET", f"{EQUIPMENT}/SE-1001-1")
    document = body["data"]
    assert status == 200
    assert document.pop("creation") < document.pop("modified")
    assert list(document.items()) == [
        ("name", "SE-1001-1"),
        ("owner", "acs.bridge@fibre.test"),
        ("modified_by", "acs.bridge@fibre.test"),
        ("docstatus", 0),
        ("idx", 0),
        ("service_location", "SL-1001"),
        ("service_subscription", "SUB-1001"),
        ("equipment_type", "ONT"),
        ("mac_address", "AA:BB:CC:00:10:01"),
        ("serial_no", "ALCL0001"),
        ("custom_wifi_ssid", "Maison <5G>"),
        ("custom_wifi_password", "********"),
        ("xss_demo_password", "************"),
        ("status", "Assigned"),
        ("doctype", "Service Equipment"),
    ]


def test_missing_document(site):
    text = "Service Equipment NOPE not found"
    assert site.ask("GET", f"{EQUIPMENT}/NOPE") == (
        404,
        {"exc_type": "DoesNotExistError", "_server_messages": [raised(text)]},
    )
    error = {"type": "DoesNotExistError", "message": text, "title": "Message", "indicator": "red"}
    answer = site.ask("GET", "/api/v2/document/Service Equipment/NOPE")
    assert answer == (404, {"errors": [error]})


def test_no_right_to_read(site):
    assert site.ask("GET", f"{EQUIPMENT}/SE-1001-1", user="nobody") == (
        403,
        {
            "exception": "frappe.exceptions.PermissionError",
            "exc_type": "PermissionError",
            "_server_messages": [
                {
                    "message": "User <strong>acs.nobody@fibre.test</strong> does not have doctype"
                    " access via role permission for document <strong>Service Equipment</strong>"
                    "<br>User <strong>acs.nobody@fibre.test</strong> does not have access to this"
                    " document",
                    "title": "Message",
                }
            ],
        },
    )


# Insert, update, delete


def test_update_with_current_and_with_stale_modified(site):
    path = f"{EQUIPMENT}/SE-1001-1"
    first = site.ask("GET", path)[1]["data"]["modified"]
    status, body = site.ask("PUT", path, {"model": "G-240", "modified": first})
    second = body["data"]["modified"]
    assert (status, body["data"]["model"]) == (200, "G-240")
    assert second > first
    status, body = site.ask("PUT", path, {"model": "G-241", "modified": first})
    now = body["exception"].partition(", ")[2].partition(")")[0]
    assert (status, body) == (
        417,
        thrown(
            "TimestampMismatchError",
            "Error: Document has been modified after you have opened it"
            f" ({second}, {now}). Please refresh to get the latest document.",
        ),
    )
    assert now > second
    assert site.ask("GET", path)[1]["data"]["model"] == "G-240"


def test_name_taken(site):
    body = {"name": "SE-1001-1", "equipment_type": "ONT"}
    text = "Service Equipment <strong>SE-1001-1</strong> already exists"
    message = {"message": text, "title": "Duplicate Name", "indicator": "red"}
    assert site.ask("POST", EQUIPMENT, body) == (
        409,
        {
            "exception": "frappe.exceptions.DuplicateEntryError: ('Service Equipment', 'SE-1001-1',"
            " IntegrityError(1062, \"Duplicate entry 'SE-1001-1' for key 'PRIMARY'\"))",
            "exc_type": "DuplicateEntryError",
            "_server_messages": [message],
        },
    )
    assert site.ask("POST", "/api/v2/document/Service Equipment", body) == (
        409,
        {"errors": [{"type": "DuplicateEntryError", "exception": "…"} | message]},
    )


def test_mac_taken(site):
    body = {"name": "SE-X", "equipment_type": "ONT", "mac_address": "aa:bb:cc:00:10:01"}
    assert site.ask("POST", EQUIPMENT, body) == (
        417,
        {
            "exception": "frappe.exceptions.UniqueValidationError: ('Service Equipment', 'SE-X',"
            " IntegrityError(1062, \"Duplicate entry 'aa:bb:cc:00:10:01' for key 'mac_address'\"))",
            "exc_type": "UniqueValidationError",
            "_server_messages": [{"message": "MAC must be unique", "title": "Message"}],
        },
    )


def test_mandatory_field_missing(site):
    assert site.ask("POST", EQUIPMENT, {"name": "SE-X"}) == (
        417,
        {
            "exception": "frappe.exceptions.MandatoryError: [Service Equipment, SE-X]:"
            " equipment_type",
            "exc_type": "MandatoryError",
            "_server_messages": [
                {
                    "message": "Error: Value missing for Service Equipment: Type",
                    "title": "Message",
                }
            ],
        },
    )


@pytest.mark.parametrize(
    ("extra", "refusal"),
    [
        pytest.param(
            {"name": "SE-X", "service_location": "SL-9999"},
            thrown("LinkValidationError", "Could not find Service Location: SL-9999"),
            id="link target missing",
        ),
        pytest.param(
            {"name": "SE-X", "equipment_type": "Toaster"},
            thrown(
                "ValidationError",
                ' Type cannot be "Toaster". It should be one of "", "ONT", "Router", "TV", "ATA"',
            ),
            id="option not in the list",
        ),
        pytest.param(
            {"name": "SE-X", "mac_address": "A" * 30},
            thrown(
                "CharacterLengthExceededError",
                f"Service Equipment SE-X: '<strong>MAC</strong>' ({'A' * 30}) will get truncated,"
                " as max characters allowed is 17",
                "Value too big",
            ),
            id="too long",
        ),
        pytest.param(
            {},
            thrown("ValidationError", "Please set the document name"),
            id="no name on a prompt doctype",
        ),
    ],
)
def test_refused_insert(site, extra, refusal):
    assert site.ask("POST", EQUIPMENT, {"equipment_type": "ONT"} | extra) == (417, refusal)
    assert rows(site, "Service Equipment") == ["SE-1001-1"]


def test_delete_without_right(site):
    text = "User not allowed to delete Service Location: SL-1001"
    assert site.ask("DELETE", "/api/resource/Service Location/SL-1001") == (
        403,
        {
            "exception": f"frappe.exceptions.PermissionError: {text}",
            "exc_type": "PermissionError",
            "_server_messages": [
                {
                    "message": "User <strong>acs.bridge@fibre.test</strong> does not have access"
                    " to this document: Service Location - SL-1001",
                    "title": "Message",
                },
                raised(text),
            ],
        },
    )


def test_delete_of_a_linked_document(site):
    text = (
        "Cannot delete or cancel because Service Location"
        f' <a href="{BASE}/app/service-location/SL-1001">SL-1001</a> is linked with'
        f' Service Subscription <a href="{BASE}/app/service-subscription/SUB-1001">SUB-1001</a> '
    )
    answer = site.ask("DELETE", "/api/resource/Service Location/SL-1001", user="setup")
    assert answer == (417, thrown("LinkExistsError", text))


def test_delete_and_again(site):
    site.ask("POST", EQUIPMENT, {"name": "SE-TMP", "equipment_type": "ONT"})
    assert site.ask("DELETE", f"{EQUIPMENT}/SE-TMP", user="setup") == (202, {"data": "ok"})
    assert site.ask("DELETE", f"{EQUIPMENT}/SE-TMP", user="setup")[0] == 404


# Bad requests


def test_unknown_field(site):
    text = "Field not permitted in query: nofield"
    answer = site.ask("GET", EQUIPMENT, filters={"nofield": 1})
    assert answer == (417, thrown("DataError", text))
    answer = site.ask("GET", EQUIPMENT, fields=["nofield"])
    assert answer == (417, thrown("DataError", text))


def test_broken_json(site):
    assert site.ask("GET", EQUIPMENT, filters="{bad") == (
        500,
        {
            "exception": "json.decoder.JSONDecodeError: Expecting property name enclosed in double"
            " quotes: line 1 column 2 (char 1)",
            "exc_type": "JSONDecodeError",
        },
    )


def test_unknown_column_in_order_by(site):
    assert site.ask("GET", EQUIPMENT, order_by="nofield desc") == (
        500,
        {
            "exception": "pymysql.err.OperationalError: (1054, \"Unknown column 'nofield' in"
            " 'ORDER BY'\")",
            "exc_type": "OperationalError",
        },
    )


def test_unknown_method(site):
    text = (
        "Failed to get method for command frappe.client.nope with module 'frappe.client' has no"
        " attribute 'nope'"
    )
    answer = site.ask("GET", "/api/method/frappe.client.nope")
    assert answer == (417, thrown("ValidationError", text))


def test_wrong_verb(site):
    answer = site.ask("GET", "/api/method/frappe.client.insert", doc="{}")
    assert answer == (403, thrown("PermissionError", "Not permitted"))


def test_unknown_path(site):
    assert site.ask("GET", "/api/nonsense") == (404, {"exc_type": "DoesNotExistError"})


# Passwords


def get_password(site, field, user="setup"):
    return site.ask(
        "GET",
        "/api/method/frappe.client.get_password",
        user=user,
        doctype="Service Equipment",
        name="SE-1001-1",
        fieldname=field,
    )


def test_password_for_the_bridge_user(site):
    assert get_password(site, "custom_wifi_password", "bridge") == (
        403,
        {"exception": "frappe.exceptions.PermissionError", "exc_type": "PermissionError"},
    )


def test_password_for_a_system_manager(site):
    assert get_password(site, "custom_wifi_password") == (200, {"message": "s<b>cr3t"})


def test_password_spoilt_by_the_xss_filter(site):
    assert get_password(site, "xss_demo_password") == (200, {"message": "s<b>cr3t</b>"})


def test_password_never_set(site):
    text = "Password not found for Service Equipment SE-1001-1 custom_sip_password"
    assert get_password(site, "custom_sip_password") == (417, thrown("ValidationError", text))


def test_our_server_method(site):
    modified = site.ask("GET", f"{EQUIPMENT}/SE-1001-1")[1]["data"]["modified"]
    answer = site.ask("POST", "/api/method/acs_equipment_secrets", {"name": "SE-1001-1"})
    assert answer == (
        200,
        {
            "message": {
                "name": "SE-1001-1",
                "modified": modified,
                "custom_wifi_password": "s<b>cr3t",
                "custom_sip_password": None,
            }
        },
    )


# Others


def test_bulk_update_is_not_atomic(site):
    changes = [
        {"doctype": "Service Equipment", "docname": "SE-1001-1", "model": "B1"},
        {"doctype": "Service Equipment", "docname": "NOPE", "model": "B2"},
    ]
    method = "/api/method/frappe.client.bulk_update"
    status, body = site.ask("POST", method, {"docs": json.dumps(changes)})
    assert status == 200
    [failed] = body["message"]["failed_docs"]
    assert failed["doc"] == {"doctype": "Service Equipment", "docname": "NOPE", "model": "B2"}
    assert failed["exc"].startswith("Traceback")
    assert body["_server_messages"] == [raised("Service Equipment NOPE not found")]
    assert site.ask("GET", f"{EQUIPMENT}/SE-1001-1")[1]["data"]["model"] == "B1"
    assert site.ask("POST", method, {"docs": changes})[0] == 500
