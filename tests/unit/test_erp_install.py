"""What an installation on an ERPNext site plans, sends and leaves to people; and its scripts."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from RestrictedPython.compile import compile_restricted

from acs.model import Secret
from erp_bridge import mapping as mappings
from erp_bridge.client import ErpClient
from erp_bridge.install.apply import Outcome, apply
from erp_bridge.install.difference import Difference, Hidden, Plan, Seen, Verb
from erp_bridge.install.look import look, scripts_run, wanted
from erp_bridge.install.plan import compare
from erp_bridge.install.script_plan import SWITCH_ON
from erp_bridge.install.scripts import with_names
from erp_bridge.install.wanted import ROLE, Schema, Wanted
from simulators.erpnext.adapter import SimulatorAdapter
from simulators.erpnext.faults import Fault, FaultKind
from simulators.erpnext.schema import DocType, describe, standard_doctypes
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site

USER = "acs.bridge@fibre.test"
URL = "https://acs.example.net"
SECRET = Secret("of-webhooks")
MAPPING = mappings.load()
KINDS = standard_doctypes()
EQUIPMENT = "Service Equipment"


class Erp:
    """A site without any of ours, and its two users."""

    def __init__(self, **options: Any) -> None:
        self._time = datetime(2026, 11, 22, 12, tzinfo=UTC)
        options = {"bare": True} | options
        self.simulator = Simulator(lambda: Site(KINDS, self._now, **options), self._now)

    def _now(self) -> datetime:
        self._time += timedelta(milliseconds=1)
        return self._time

    def client(self, who: str = "setup") -> ErpClient:
        client = ErpClient(
            "http://erp.test", f"{who}-key", Secret(f"{who}-secret"), sleep=lambda _: None
        )
        client.mount(SimulatorAdapter(self.simulator))
        return client

    def seen(self, who: str = "setup") -> Seen:
        return look(self.client(who), MAPPING, user=USER)

    def plan(self, who: str = "setup") -> Plan:
        seen = self.seen(who)
        return compare(want(seen), seen)

    def apply(self, steps: Iterable[Difference] | None = None) -> list[Outcome]:
        client = self.client()
        return list(
            apply(
                client,
                self.plan().steps if steps is None else steps,
                role=ROLE,
                scripts_run=lambda: scripts_run(client, MAPPING),
            )
        )


def want(seen: Seen, mapping: mappings.Mapping = MAPPING, url: str = URL) -> Wanted:
    return wanted(mapping, seen, user=USER, url=url, secret=SECRET)


def own(text: str) -> mappings.Mapping:
    """The mapping of a site that differs."""
    default = (files("erp_bridge") / mappings.DEFAULT_NAME).read_text("utf-8")
    return mappings.parse(text, "own", default)


def schemas(**fields: Mapping[str, Any] | None) -> dict[str, Schema]:
    """Those of the demo site, as its own; fields of equipment changed, or taken away by None."""
    found = {name: Schema.of(describe(kind)) for name, kind in KINDS.items()}
    rows = dict(found[EQUIPMENT].fields)
    for name, change in fields.items():
        if change is None:
            rows.pop(name)
        else:
            rows[name] = {**rows.get(name, {}), "is_custom_field": 0, **change}
    found[EQUIPMENT] = replace(found[EQUIPMENT], fields=rows)
    return found


def full(**fields: Mapping[str, Any] | None) -> Seen:
    """A site that has all of it, but for changed fields of equipment."""
    seen = Seen(
        schemas(**fields),
        role_exists=True,
        user_roles=({"role": ROLE},),
        scripts_run=True,
    )
    needs = want(seen)
    scripts = [
        {
            "name": one.name,
            "script_type": "DocType Event" if one.doctype else "API",
            "api_method": "" if one.doctype else one.name,
            "reference_doctype": one.doctype,
            "doctype_event": one.event,
            "script": one.text.replace("\n", "\r\n"),
        }
        for one in needs.scripts
    ]
    hooks = [
        {
            # A site may name them by a rule of its own.
            "name": f"HOOK-{number}",
            "webhook_doctype": one.doctype,
            "webhook_docevent": one.event,
            "enabled": 1,
            "condition": one.condition or None,
            "request_url": one.url,
            "request_method": "POST",
            "request_structure": "JSON",
            "webhook_json": one.body,
            "webhook_headers": [{"key": "Content-Type", "value": "application/json", "idx": 1}],
            "enable_security": 1,
            "timeout": 5,
            "webhook_secret": SECRET,
        }
        for number, one in enumerate(needs.hooks)
    ]
    return replace(seen, scripts=tuple(scripts), webhooks=tuple(hooks))


def plan_of(seen: Seen, mapping: mappings.Mapping = MAPPING) -> Plan:
    return compare(want(seen, mapping), seen)


# --- what is planned ------------------------------------------------------------------------


def test_a_site_that_has_all_of_it_is_left_alone() -> None:
    assert plan_of(full()) == Plan(())


def test_on_a_bare_site_rights_come_first_and_webhooks_last() -> None:
    plan = Erp().plan()
    targets = [step.requests[0].target.rpartition(".")[2] for step in plan.steps]
    order = ["Role", "User", "add", "Custom Field", "Server Script", "Webhook"]
    assert list(dict.fromkeys(targets)) == order
    assert plan.by_hand == ()
    everything = json.dumps([str(step) for step in plan.steps])
    assert '"delete"' not in everything
    assert "System Manager" not in everything.replace("as System Manager", "")
    assert SECRET.reveal() not in everything


@pytest.mark.parametrize(
    ("fields", "doing", "request_"),
    [
        (
            {"gpon_serial": None},
            "Add the field gpon_serial (Data, Index) to Service Equipment",
            (Verb.INSERT, "Custom Field", "Service Equipment-gpon_serial"),
        ),
        (
            {"sip_password": None},
            "Add the field sip_password (Password, Ignore XSS Filter) to Service Equipment",
            (Verb.INSERT, "Custom Field", "Service Equipment-sip_password"),
        ),
        (
            {"mac_address": {"unique": 0}},
            "Tick Unique on Service Equipment.mac_address",
            (Verb.INSERT, "Property Setter", "Service Equipment-mac_address-unique"),
        ),
        (
            {"wifi_ssid": {"ignore_xss_filter": 0}},
            "Tick Ignore XSS Filter on Service Equipment.wifi_ssid",
            (Verb.INSERT, "Property Setter", "Service Equipment-wifi_ssid-ignore_xss_filter"),
        ),
        (
            {"barcode": {"search_index": 0, "is_custom_field": 1}},
            "Tick Index on Service Equipment.barcode",
            (Verb.UPDATE, "Custom Field", "Service Equipment-barcode"),
        ),
        # What the site's own data decides is for a person to name.
        ({"status": None}, "", None),
        ({"service_location": None}, "", None),
        # The type of a field is never changed.
        ({"wifi_password": {"fieldtype": "Data"}}, "", None),
        ({"last_seen": {"fieldtype": "Check"}}, "", None),
    ],
)
def test_a_field(
    fields: dict[str, Any], doing: str, request_: tuple[Verb, str, str] | None
) -> None:
    (one,) = (d for d in plan_of(full(**fields)).differences if next(iter(fields)) in d.what)
    assert one.doing == doing
    sent = [(each.verb, each.target, each.name) for each in one.requests]
    assert sent == ([request_] if request_ else [])
    assert one.by_hand


def test_a_field_of_nearly_that_name_is_asked_about() -> None:
    plan = plan_of(full(gpon_serial=None, custom_gpon_serial={"fieldtype": "Data"}))
    assert "'custom_gpon_serial'" in plan.steps[0].doing


def test_a_site_with_names_of_its_own() -> None:
    mapping = own('[equipment.fields]\nwifi_password = "guest_password"\ngpon_serial = ""\n')
    seen = full(gpon_serial=None)
    plan = plan_of(seen, mapping)
    assert [step.doing for step in plan.steps] == [
        "Bring the Server Script acs_equipment_secrets up to date"
    ]
    assert "'guest_password'" in str(plan.steps[0].requests[0].fields["script"])


def test_who_may_too_little_or_too_much() -> None:
    seen = full()
    rights = {**seen.schemas, EQUIPMENT: replace(seen.schemas[EQUIPMENT], rights={
        ROLE: frozenset({"read", "delete"})
    })}  # fmt: skip
    managed = replace(seen, schemas=rights, user_roles=({"role": "System Manager"},))
    plan = plan_of(managed)
    assert [step.doing for step in plan.steps] == [
        f"Give {USER} the role {ROLE}",
        f"Let {ROLE} write, create {EQUIPMENT}",
    ]
    # Roles that the user has are kept, and nothing is taken away by itself.
    assert plan.steps[0].requests[0].fields["roles"][0] == {"role": "System Manager"}
    assert [one.by_hand.partition(":")[0] for one in plan.by_hand] == [
        f"User {USER}, Roles",
        f"Role Permission Manager, {EQUIPMENT}",
    ]


def test_without_server_scripts_no_event_script_is_installed_that_would_refuse_every_save() -> None:
    seen = full()
    scripts = tuple(row for row in seen.scripts if row["script_type"] == "API")
    plan = plan_of(replace(seen, scripts=scripts, scripts_run=False))
    assert plan.steps == ()
    assert all(SWITCH_ON in one.by_hand for one in plan.by_hand)
    assert len(plan.by_hand) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"enabled": 0}, "enabled"),
        ({"condition": "doc.mac_address"}, "condition"),
        ({"webhook_headers": []}, "webhook_headers"),
        ({"request_url": "https://old.example.net/hooks/erpnext/x"}, "request_url"),
        ({"webhook_secret": Secret("another")}, "webhook_secret"),
        ({"webhook_json": '{"password": "x"}'}, "webhook_json"),
    ],
)
def test_a_webhook_that_was_changed_is_put_right(change: dict[str, Any], named: str) -> None:
    seen = full()
    first = {**seen.webhooks[0], "name": "acs-service-equipment-on-update", **change}
    plan = plan_of(replace(seen, webhooks=(first, *seen.webhooks[1:])))
    (step,) = plan.steps
    (request,) = step.requests
    assert (request.verb, list(request.fields)) == (Verb.UPDATE, [named])


def test_without_the_equipment_nothing_is_tried() -> None:
    seen = full()
    kinds = {name: kind for name, kind in seen.schemas.items() if name != EQUIPMENT}
    plan = plan_of(replace(seen, schemas=kinds))
    assert [one.what for one in plan.differences] == [f"The site has no doctype {EQUIPMENT!r}"]
    assert plan.steps == ()


def test_what_a_key_is_not_shown_is_said_and_not_guessed() -> None:
    everything = frozenset(Hidden)
    blind = replace(full(), hidden=everything, scripts=(), webhooks=(), user_roles=())
    assert plan_of(blind) == Plan((), ("Role", "User", "Server Script", "Webhook"))


# --- what is done ---------------------------------------------------------------------------


def test_all_is_done_and_a_second_time_nothing() -> None:
    erp = Erp()
    assert [outcome.why for outcome in erp.apply() if outcome.why] == []
    assert erp.plan() == Plan(())
    assert erp.apply() == []
    # The role has what it needs and no more.
    bridge = Schema.of(erp.client("demo").meta(EQUIPMENT)).rights[ROLE]
    assert bridge == {"read", "write", "create"}


def test_the_servers_own_key_sees_less_and_may_change_nothing() -> None:
    erp = Erp()
    plan = erp.plan("demo")
    assert plan.hidden == ("Role", "User", "Server Script", "Webhook")
    assert plan.differences
    outcomes = list(apply(erp.client("demo"), plan.steps, role=ROLE, scripts_run=lambda: True))
    assert len(outcomes) == 1
    assert outcomes[0].ends
    assert "PermissionError" in outcomes[0].why


def test_on_a_bench_without_scripts_the_rest_is_done() -> None:
    erp = Erp(scripts_allowed=False)
    refused = [outcome for outcome in erp.apply() if outcome.why]
    assert [outcome.step.doing for outcome in refused] == [
        "Install the Server Script acs_mac_normaliser"
    ]
    assert SWITCH_ON in refused[0].why
    assert erp.plan().steps == ()
    assert len(erp.plan().by_hand) == 2


def test_doubles_keep_a_flag_away_and_nothing_else() -> None:
    erp = Erp()
    plain = {"equipment_type": "ONT", "status": "active"}
    for name in ("EQP-1", "EQP-2"):
        erp.client().insert(EQUIPMENT, {"name": name, "serial_number": "X", **plain})
    erp.apply()
    twin = compare(want(erp.seen()), erp.seen())
    assert twin.steps == ()
    step = plan_of(full(serial_number={"unique": 0, "search_index": 0})).steps[0]
    unique = replace(step.requests[0], fields={**step.requests[0].fields, "property": "unique"})
    after = plan_of(full(barcode={"search_index": 0})).steps
    outcomes = erp.apply([replace(step, requests=(unique,)), *after])
    assert "NonUniqueError" in outcomes[0].why
    assert [outcome.ends for outcome in outcomes] == [False, False]
    assert outcomes[1].why == ""


@pytest.mark.parametrize("kind", [FaultKind.SAVED_HTML_ERROR, FaultKind.DROP])
def test_what_was_saved_without_an_answer_is_read_back_and_not_sent_again(kind: FaultKind) -> None:
    erp = Erp()
    erp.simulator.order(Fault(kind=kind, match="POST /api/resource/Custom Field", count=1))
    assert [outcome.why for outcome in erp.apply() if outcome.why] == []
    assert erp.plan() == Plan(())


def test_a_write_that_was_lost_ends_the_run_and_the_next_one_does_the_rest() -> None:
    erp = Erp()
    steps = erp.plan().steps
    match = "POST /api/resource/Server Script"
    erp.simulator.order(Fault(kind=FaultKind.BAD_GATEWAY, match=match, count=1))
    last = erp.apply(steps)[-1]
    assert (last.ends, last.why) == (True, "Server Script acs_equipment_secrets was not saved")
    left = len(erp.plan().steps)
    assert 0 < left < len(steps)
    assert [outcome.why for outcome in erp.apply()] == [""] * left


# --- the scripts ----------------------------------------------------------------------------


def test_names_are_put_in_whatever_lines_they_stand_on() -> None:
    text = 'A = "x"\nB = {\n    "y": [1],\n}\n\nif A:\n    C = A\n'
    changed = with_names(text, {"B": {"z": ["un", "é"]}, "A": "it's"})
    scope: dict[str, Any] = {}
    exec(changed, scope)
    assert (scope["A"], scope["B"], scope["C"]) == ("it's", {"z": ["un", "é"]}, "it's")
    with pytest.raises(KeyError):
        with_names(text, {"D": 1})


@pytest.mark.parametrize("script", want(full()).scripts, ids=lambda script: script.name)
def test_a_script_is_of_what_frappe_lets_scripts_do(script: Any) -> None:
    compile_restricted(script.text, script.name, "exec")
    # Neither of these sees the variables of a script, and imports are refused.
    blind = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
    never = (*blind, ast.FunctionDef, ast.Import, ast.ImportFrom, ast.AugAssign)
    assert not [node for node in ast.walk(ast.parse(script.text)) if isinstance(node, never)]


class ThrownError(Exception):
    pass


class Document(dict[str, Any]):
    def __init__(self, site: Frappe, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._site = site

    @property
    def name(self) -> str:
        return str(self["name"])

    def insert(self, set_name: str = "") -> Document:
        kind: DocType = KINDS[self["doctype"]]
        assert set(self) - {"doctype"} <= set(kind.columns)
        self["name"] = set_name or f"{self['customer_name']} - {len(self._site.documents)}"
        key = (kind.name, self.name)
        assert key not in self._site.documents
        self._site.documents[key] = self
        return self

    def check_permission(self, right: str) -> None:
        assert right in ("read", "write")

    def set(self, name: str, value: str) -> None:
        self[name] = value


class Frappe:
    """As much of Frappe as the script for orders asks for."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.response: dict[str, Any] = {}
        self.form_dict: Mapping[str, Any] = {}
        self.request = self
        self.method = "POST"
        self.db = self

    def exists(self, doctype: str, name: str) -> bool:
        return (doctype, name) in self.documents

    def get_value(self, doctype: str, name: str, field: str) -> Any:
        return self.documents[doctype, name][field]

    def get_doc(self, what: Any, name: str = "") -> Document:
        return Document(self, what) if isinstance(what, dict) else self.documents[what, name]

    def get_meta(self, doctype: str) -> Any:
        columns = KINDS[doctype].columns
        return type("Meta", (), {"has_field": staticmethod(lambda name: name in columns)})

    def throw(self, text: str) -> None:
        raise ThrownError(text)

    def order(self, **order: Any) -> dict[str, Any]:
        """Run the script as Frappe does: with two name spaces, of which functions see one."""
        self.form_dict = order
        text = next(one.text for one in want(full()).scripts if one.name == "acs_create_order")
        exec(text, {"frappe": self, "json": json}, {})
        answer: dict[str, Any] = self.response["message"]
        return answer

    def named(self, doctype: str) -> list[str]:
        return [name for kind, name in self.documents if kind == doctype]


ORDER = {
    "order_id": "W-12",
    "customer_name": "Jean Tremblay",
    "customer_group": "Résidentiel",
    "territory": "Canada",
    "phone": "514 555 0100",
    "location": {"address_line": "5 rue Z", "city": "Laval"},
    "subscriptions": [{"plan_name": "Fibre 1G"}, {"status": "Actif"}],
    "equipment": ["ONT", {"equipment_type": "Router", "wifi_ssid": "Maison"}],
}


def test_an_order_is_made_once() -> None:
    site = Frappe()
    made = site.order(**ORDER)
    assert made == {
        "created": 1,
        "customer": "Jean Tremblay - 0",
        "service_location": "SL-W-12",
        "subscriptions": ["SUB-W-12-1", "SUB-W-12-2"],
        "equipment": ["SE-W-12-1", "SE-W-12-2"],
        "dispatch_job": "DJ-W-12",
        "dispatch_jobs": ["DJ-W-12"],
    }
    assert site.order(**ORDER) == made | {"created": 0}
    assert len(site.documents) == 7
    assert site.documents["Customer", made["customer"]]["cell_phone"] == "514 555 0100"
    waiting, active = (site.documents["Service Subscription", one] for one in made["subscriptions"])
    assert (waiting["status"], active["status"]) == ("En attente", "Actif")
    router = site.documents[EQUIPMENT, "SE-W-12-2"]
    assert (router["status"], router["wifi_ssid"]) == ("inventory", "Maison")
    assert router["service_location"] == "SL-W-12"
    job = site.documents["Dispatch Job", "DJ-W-12"]
    assert (job["job_type"], job["status"], job["order_id"]) == (
        "Installation",
        "Scheduled",
        "W-12",
    )


def test_an_order_of_a_known_customer_with_two_jobs() -> None:
    site = Frappe()
    site.documents["Customer", "C-7"] = Document(site, {"name": "C-7"})
    made = site.order(
        order_id="W-13",
        customer="C-7",
        location=json.dumps({"address_line": "6 rue Z"}),
        jobs=[{}, {"job_type": "Repair", "depends_on": "DJ-W-13"}],
    )
    assert made["customer"] == "C-7"
    assert site.named("Customer") == ["C-7"]
    assert made["dispatch_jobs"] == ["DJ-W-13", "DJ-W-13.2"]
    assert site.order(order_id="W-13") == made | {"created": 0}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"order_id": "W 12"}, "letters, digits and dashes"),
        ({"order_id": ""}, "order_id is required"),
        ({"customer": "C-8"}, "there is no C-8"),
        ({"territory": ""}, "territory is required"),
        ({"location": {"adress_line": "x"}}, "Service Location has no field adress_line"),
        ({"location": None}, "location must name"),
        ({"equipment": [7]}, "each must be an object"),
        ({"jobs": [{"customer": "C-9"}]}, "customer follows from the order"),
        ({"subscriptions": [{}] * 51}, "at most 50"),
    ],
)
def test_what_is_wrong_with_an_order_is_said_before_anything_is_made(
    more: dict[str, Any], said: str
) -> None:
    site = Frappe()
    with pytest.raises(ThrownError, match=said):
        site.order(**ORDER | more)
    assert site.documents == {}


def test_an_order_by_get_is_refused() -> None:
    site = Frappe()
    site.method = "GET"
    with pytest.raises(ThrownError, match="POST only"):
        site.order(**ORDER)


@pytest.mark.parametrize(
    ("typed", "saved"),
    [
        ("aabbcc001001", "AA:BB:CC:00:10:01"),
        ("AA-BB-CC-00-10-01", "AA:BB:CC:00:10:01"),
        ("aabb.cc00.1001", "AA:BB:CC:00:10:01"),
        (" aa:bb:cc:00:10:01 ", "AA:BB:CC:00:10:01"),
        ("AA:BB:CC:00:10", "AA:BB:CC:00:10"),
        ("AA:BB:CC:00:10:0G", "AA:BB:CC:00:10:0G"),
        ("", ""),
        (None, None),
    ],
)
def test_a_mac_address_has_one_spelling(typed: str | None, saved: str | None) -> None:
    doc = Document(Frappe(), {"mac_address": typed})
    text = next(one.text for one in want(full()).scripts if one.name == "acs_mac_normaliser")
    exec(text, {"doc": doc}, {})
    assert doc["mac_address"] == saved
