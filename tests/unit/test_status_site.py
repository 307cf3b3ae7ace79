from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.server import Site

from acs.api import Health, Metrics, Part, State, status_site

Ask = Callable[[str], tuple[int, dict[str, str], bytes]]


def asking(site: Site) -> Ask:
    """Ask the site over a transport in memory; answers status, headers and body."""
    site.reactor = Clock()
    site.startFactory()

    def ask(request: str) -> tuple[int, dict[str, str], bytes]:
        transport = StringTransport()
        channel = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        channel.makeConnection(transport)
        channel.dataReceived(f"{request} HTTP/1.0\r\n\r\n".encode())
        head, _, body = transport.value().partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body

    return ask


@pytest.fixture
def health() -> Health:
    health = Health()
    health.watch("store", lambda: Part(State.OK))
    return health


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def ask(health: Health, metrics: Metrics) -> Ask:
    return asking(status_site(health, metrics))


def test_all_is_well(ask: Ask) -> None:
    status, headers, body = ask("GET /health")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert json.loads(body) == {"status": "ok", "parts": {"store": {"state": "ok", "detail": ""}}}


def test_a_degraded_part_leaves_the_server_in_the_balancer(ask: Ask, health: Health) -> None:
    health.watch("erp", lambda: Part(State.DEGRADED, "no answer for 40 s; the mirror serves"))
    status, _, body = ask("GET /health")
    assert status == 200
    assert json.loads(body)["status"] == "degraded"
    assert json.loads(body)["parts"]["erp"] == {
        "state": "degraded",
        "detail": "no answer for 40 s; the mirror serves",
    }


def test_a_part_that_is_down_takes_it_out(ask: Ask, health: Health) -> None:
    health.watch("erp", lambda: Part(State.DEGRADED))
    health.watch("store", lambda: Part(State.DOWN, "disk full"))
    status, _, body = ask("GET /health")
    assert status == 503
    assert json.loads(body)["status"] == "down"


def test_a_check_that_raises_is_a_part_that_is_down(ask: Ask, health: Health) -> None:
    health.watch("broken", lambda: Part(State(str(1 / 0))))
    status, _, body = ask("GET /health")
    assert status == 503
    assert json.loads(body)["parts"]["broken"]["detail"] == "its check failed; see the log"


def samples(body: bytes) -> dict[str, float]:
    lines = (line for line in body.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_what_was_counted_is_shown(ask: Ask, metrics: Metrics) -> None:
    open_sessions = [3]
    metrics.watch("sessions_open", "Open sessions.", lambda: open_sessions[0])
    metrics.session_over("done", 0.2)
    metrics.session_over("done", 7.0)
    metrics.session_over("lost", 60.0)
    metrics.rpc("SetParameterValues")
    metrics.auth_failure("wrong password")
    metrics.http_rejection("body too large")
    metrics.devices({"live": 7, "quarantined": 1})
    metrics.erp_lookup("found", 2)
    metrics.erp_batch(50)
    metrics.erp_call(0.3)
    metrics.erp_error("time-out")
    metrics.store_commit(20, 0.004)
    open_sessions[0] = 5

    status, headers, body = ask("GET /metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(body)
    assert found["acs_sessions_open"] == 5
    assert found['acs_sessions_total{result="done"}'] == 2
    assert found['acs_sessions_total{result="lost"}'] == 1
    assert found["acs_session_seconds_count"] == 3
    assert found['acs_session_seconds_bucket{le="0.25"}'] == 1
    assert found['acs_rpcs_total{method="SetParameterValues"}'] == 1
    assert found['acs_auth_failures_total{reason="wrong password"}'] == 1
    assert found['acs_http_rejections_total{reason="body too large"}'] == 1
    assert found['acs_devices{standing="quarantined"}'] == 1
    assert found['acs_erp_lookups_total{answer="found"}'] == 2
    assert found["acs_erp_batch_size_sum"] == 50
    assert found["acs_erp_call_seconds_count"] == 1
    assert found['acs_erp_errors_total{kind="time-out"}'] == 1
    assert found["acs_store_batch_size_sum"] == 20
    assert found["acs_store_commit_seconds_count"] == 1
    assert found["process_open_fds"] > 0


def test_two_servers_count_apart() -> None:
    one, two = Metrics(), Metrics()
    one.rpc("Inform")
    assert b'method="Inform"' in one.render()
    assert b'method="Inform"' not in two.render()


def test_a_devices_fault_codes_cannot_fill_the_registry(metrics: Metrics) -> None:
    for code in (*range(-50, 12_000, 7), 9005):
        metrics.fault(code)
    found = {name for name in samples(metrics.render()) if name.startswith("acs_faults_total")}
    assert 'acs_faults_total{code="9005"}' in found
    assert 'acs_faults_total{code="vendor"}' in found
    assert 'acs_faults_total{code="other"}' in found
    assert len(found) < 60


def test_labels_are_bounded_whatever_is_counted(metrics: Metrics) -> None:
    for number in range(500):
        metrics.rpc(f"Method{number}")
    metrics.rpc("Method0")
    found = samples(metrics.render())
    assert found['acs_rpcs_total{method="Method0"}'] == 2
    assert found['acs_rpcs_total{method="other"}'] == 400
    assert sum(name.startswith("acs_rpcs_total") for name in found) == 101


def test_the_first_page_says_what_there_is(ask: Ask) -> None:
    status, headers, body = ask("GET /")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert b"/health" in body
    assert b"/metrics" in body


@pytest.mark.parametrize("path", ["/nothing", "/health/", "/metrics/x", "//"])
def test_other_pages_do_not_exist(path: str, ask: Ask) -> None:
    assert ask(f"GET {path}")[0] == 404


def test_head_has_no_body(ask: Ask) -> None:
    status, headers, body = ask("HEAD /metrics")
    assert status == 200
    assert int(headers["content-length"]) > 1000
    assert body == b""


def test_nothing_can_be_written(ask: Ask) -> None:
    assert ask("POST /health")[0] == 405
