"""The northbound interface of the real program, over its socket."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from acs_fixtures import NewCpe, StartAcs
from running_acs import RunningAcs

from acs.devices.record import JobKind
from acs.store import inbox, jobs, tokens, wakes
from acs.store.inbox import InboxRow
from erp_bridge.signature import sign

SECRET = "hook-secret-1"
LIMIT = 30.0
PER_MINUTE = 100


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs) -> RunningAcs:
    """No ERPNext: what is taken stays in the inbox, where the tests look at it."""
    return start_acs(ERP_WEBHOOK_SECRET=SECRET, API_REQUESTS_PER_MINUTE=str(PER_MINUTE))


def made_token(acs: RunningAcs, name: str, *scopes: str) -> dict[str, str]:
    text = acs.database.run("token", tokens.create_thd, name, scopes, time.time())
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def hub(acs: RunningAcs) -> dict[str, str]:
    """The header of a token that may do everything."""
    return made_token(acs, "hub", "*")


def url(acs: RunningAcs, path: str) -> str:
    return f"http://127.0.0.1:{acs.port('api')}{path}"


def send(
    acs: RunningAcs, name: str, modified: str, *, doctype: str = "service-equipment", **headers: str
) -> requests.Response:
    """Send a webhook as Frappe does: no Content-Type, signed over its octets."""
    body = json.dumps({"name": name, "modified": modified, "event": "on_update"}).encode()
    fields = {"X-Frappe-Webhook-Signature": sign(SECRET, body), **headers}
    at = url(acs, f"/hooks/erpnext/{doctype}")
    return requests.post(at, data=body, headers=fields, timeout=LIMIT)


def taken(acs: RunningAcs, *names: str) -> list[InboxRow]:
    """What is in the inbox of these documents, newest first."""
    with acs.database.read() as conn:
        rows = inbox.recent_thd(conn, limit=2000)
    return [row for row in rows if row.name in names]


def test_a_webhook_is_kept_once_however_often_it_is_delivered(acs: RunningAcs) -> None:
    answers = [send(acs, "EQ-1", "2026-11-22 04:53:40.123456") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json() for answer in answers] == [{"new": True}, {"new": False}]
    (row,) = taken(acs, "EQ-1")
    assert (row.doctype, row.modified) == ("Service Equipment", "2026-11-22 04:53:40.123456")
    newer = send(acs, "EQ-1", "2026-11-22 04:53:41.000000", doctype="Service%20Equipment")
    assert newer.json() == {"new": True}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Frappe-Webhook-Signature": sign("another", b"{}")}, 401),
        ({"X-Frappe-Webhook-Signature": ""}, 401),
    ],
    ids=["of another body", "missing"],
)
def test_a_webhook_that_is_not_signed_leaves_nothing(
    acs: RunningAcs, headers: dict[str, str], status: int
) -> None:
    answer = send(acs, "EQ-FORGED", "2026-11-22 04:53:40", **headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert taken(acs, "EQ-FORGED") == []


def test_refused_webhooks_are_told_of_until_a_good_one_comes(acs: RunningAcs) -> None:
    def part() -> dict[str, str]:
        health = f"http://127.0.0.1:{acs.port('admin')}/health"
        told: dict[str, str] = requests.get(health, timeout=LIMIT).json()["parts"]["api"]
        return told

    another = {"X-Frappe-Webhook-Signature": sign("another", b"{}")}
    assert send(acs, "EQ-LATE", "2026-11-22 04:53:40", **another).status_code == 401
    assert part()["state"] == "degraded"
    assert "erp.webhook_secret" in part()["detail"]
    assert acs.log.count("webhooks are refused") == 1
    assert send(acs, "EQ-LATE", "2026-11-22 04:53:41").status_code == 200
    assert part()["state"] == "ok"


@pytest.mark.parametrize("field", ["name", "modified", "event"])
def test_a_nul_is_refused_before_it_spoils_what_is_written_with_it(
    acs: RunningAcs, field: str
) -> None:
    event = {"name": "EQ-NUL", "modified": "2026-11-22 04:53:40", "event": "on_update"}
    body = json.dumps(event | {field: "EQ-NUL\0"}).encode()
    at = url(acs, "/hooks/erpnext/service-equipment")
    signed = {"X-Frappe-Webhook-Signature": sign(SECRET, body)}
    answer = requests.post(at, data=body, headers=signed, timeout=LIMIT)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_document_nobody_asked_for_is_not_taken(acs: RunningAcs) -> None:
    answer = send(acs, "INV-1", "2026-11-22 04:53:40", doctype="sales-invoice")
    assert answer.status_code == 404
    assert "Service Equipment" in answer.json()["detail"]


def test_reprovisioning_is_carried_out_once_for_a_key(
    acs: RunningAcs, hub: dict[str, str], new_cpe: NewCpe
) -> None:
    cpe = new_cpe()
    cpe.session()
    device = acs.device(cpe.serial)
    wanted: dict[str, Any] = {"serial": cpe.serial, "reason": "new key"}

    def ask(key: str, **body: Any) -> requests.Response:
        headers = hub | {"Idempotency-Key": key}
        return requests.post(
            url(acs, "/hooks/reprovision"), json=body, headers=headers, timeout=LIMIT
        )

    first = ask("0b9f", **wanted)
    assert first.status_code == 202
    (asked,) = first.json()["devices"]
    again = ask('"0b9f"', **wanted)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = ask("0b9f", **wanted | {"rewrite": True})
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    with acs.database.read() as conn:
        (job,) = jobs.list_thd(conn, device.id)
        wake = wakes.get_thd(conn, device.id)
    assert (job.id, job.kind, job.created_by) == (asked["job"], JobKind.PROVISION, "hub")
    assert asked["device"] == device.key
    assert wake is not None
    assert acs.told(device, "asked") == ["reprovision asked by hub: new key"]
    # Under another key the same wish joins the job that waits.
    assert ask("77aa", **wanted).json()["devices"][0]["job"] == job.id


def test_equipment_that_has_no_device_yet_is_read_again(
    acs: RunningAcs, hub: dict[str, str]
) -> None:
    at = url(acs, "/hooks/reprovision")
    french = hub | {"Accept-Language": "fr-CA, fr;q=0.9, en;q=0.5"}
    answer = requests.post(at, json={"equipment": "EQ-NEW"}, headers=french, timeout=LIMIT)
    assert answer.status_code == 404
    assert "Aucun appareil n'est connu par equipment EQ-NEW" in answer.json()["detail"]
    assert [row.source for row in taken(acs, "EQ-NEW")] == ["reprovision"]


def test_a_token_is_good_for_what_it_was_made_for_until_it_is_revoked(acs: RunningAcs) -> None:
    reader = made_token(acs, "reader", "devices:read")
    at = url(acs, "/hooks/reprovision")
    stranger = requests.post(at, json={"serial": "X"}, timeout=LIMIT)
    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"].startswith("Bearer")
    lacking = requests.post(at, json={"serial": "X"}, headers=reader, timeout=LIMIT)
    assert lacking.status_code == 403
    assert "reprovision" in lacking.json()["detail"]
    shown = url(acs, "/api/devices/none")
    assert requests.get(shown, headers=reader, timeout=LIMIT).status_code == 404
    with acs.database.read() as conn:
        used = {each.name: each.last_used_at for each in tokens.list_thd(conn)}
    assert used["reader"] > 0
    assert acs.database.run("revoke", tokens.revoke_thd, "reader")
    assert requests.get(shown, headers=reader, timeout=LIMIT).status_code == 401
    assert reader["Authorization"].split()[1] not in acs.log


def test_a_device_is_shown_and_asked_to_call(
    acs: RunningAcs, hub: dict[str, str], new_cpe: NewCpe
) -> None:
    cpe = new_cpe()
    cpe.session()
    at = url(acs, f"/api/devices/{cpe.serial}")
    shown = requests.get(at, headers=hub | {"X-Request-Id": "trace-1"}, timeout=LIMIT)
    assert shown.headers["X-Request-Id"] == "trace-1"
    summary = shown.json()
    assert summary["device"] == acs.device(cpe.serial).key
    assert summary["standing"] == "quarantined"
    assert summary["last_seen"].endswith("Z")
    assert requests.get(f"{at}/wake", headers=hub, timeout=LIMIT).status_code == 404
    asked = requests.post(f"{at}/wake", headers=hub, timeout=LIMIT)
    assert (asked.status_code, asked.json()["device"]) == (202, summary["device"])
    assert requests.get(f"{at}/wake", headers=hub, timeout=LIMIT).json()["asked"] is not None


def test_the_document_of_the_interface_needs_no_token(acs: RunningAcs) -> None:
    document = requests.get(url(acs, "/api/openapi.json"), timeout=LIMIT).json()
    assert document["openapi"].startswith("3.1")
    reprovision = document["paths"]["/hooks/reprovision"]["post"]
    assert reprovision["security"] == [{"token": ["reprovision"]}]


def test_gaps_are_those_that_the_command_shows(
    acs: RunningAcs, hub: dict[str, str], new_cpe: NewCpe
) -> None:
    new_cpe().session()
    found = requests.get(url(acs, "/api/reconcile"), headers=hub, timeout=LIMIT).json()
    told = json.loads(acs.command("reconcile", "--json").stdout)
    assert found["counts"] == told["counts"]
    assert found["counts"]["in ACS only"] >= 1
    only = {"gap": "in ACS only"}
    lone = requests.get(url(acs, "/api/reconcile"), params=only, headers=hub, timeout=LIMIT).json()
    assert {each["gap"] for each in lone["findings"]} == {"in ACS only"}
    few = made_token(acs, "few", "devices:read")
    assert requests.get(url(acs, "/api/reconcile"), headers=few, timeout=LIMIT).status_code == 403


def test_a_burst_is_taken_whole_though_it_exceeds_the_limit_of_an_address(
    acs: RunningAcs,
) -> None:
    names = [f"EQ-BURST-{number}" for number in range(2 * PER_MINUTE)]

    def worker(some: list[str]) -> list[int]:
        with requests.Session() as session:
            answers = []
            for name in some:
                body = json.dumps({"name": name, "modified": "2026-11-22 04:53:40"}).encode()
                signed = {"X-Frappe-Webhook-Signature": sign(SECRET, body)}
                at = url(acs, "/hooks/erpnext/service-equipment")
                answers.append(session.post(at, data=body, headers=signed, timeout=LIMIT))
            return [answer.status_code for answer in answers]

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(worker, [names[start::10] for start in range(10)]))
    assert [status for some in statuses for status in some] == [200] * len(names)
    assert len(taken(acs, *names)) == len(names)
    # Whoever guesses is not let go on.
    guess = {"X-Frappe-Webhook-Signature": "guess"}
    forged = [send(acs, "EQ-FORGED", "", **guess) for _ in range(PER_MINUTE // 10 + 1)]
    assert {answer.status_code for answer in forged} == {401, 429}
    assert (forged[0].status_code, forged[-1].status_code) == (401, 429)
    assert int(forged[-1].headers["Retry-After"]) >= 1


def test_what_was_acknowledged_is_there_after_a_kill(acs: RunningAcs) -> None:
    assert send(acs, "EQ-LAST", "2026-11-22 04:53:40").status_code == 200
    acs.kill9()
    assert len(taken(acs, "EQ-LAST")) == 1
    acs.start()
    assert send(acs, "EQ-LAST", "2026-11-22 04:53:40").json() == {"new": False}
