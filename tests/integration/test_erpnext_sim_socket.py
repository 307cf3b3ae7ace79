"""The stand-in as a process of its own, over a real socket."""

import base64
import hmac
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from simulators.erpnext.running import running_simulator

TOKEN = {"Authorization": "token demo-key:demo-secret"}


@pytest.fixture(scope="module")
def simulator():
    with running_simulator("--customers", "3", "--host", "127.0.0.1") as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def fresh(simulator):
    simulator.reset()


def equipment(simulator, name=""):
    return f"{simulator.url}/api/resource/Service Equipment/{name}".rstrip("/")


def test_documents_over_a_kept_connection(simulator):
    with requests.Session() as session:
        session.headers.update(TOKEN)
        body = {"name": "SE/é 1", "equipment_type": "ONT", "wifi_password": "motdepasse"}
        made = session.post(equipment(simulator), json=body, timeout=10)
        assert made.status_code == 200
        path = equipment(simulator, requests.utils.quote("SE/é 1", safe=""))
        read = session.get(path, timeout=10).json()["data"]
        assert read["wifi_password"] == "**********"
        changed = session.put(path, json={"model": "X", "modified": read["modified"]}, timeout=10)
        assert changed.json()["data"]["model"] == "X"
        again = session.put(path, json={"model": "Y", "modified": read["modified"]}, timeout=10)
        assert (again.status_code, again.json()["exc_type"]) == (417, "TimestampMismatchError")
        form = session.post(
            f"{simulator.url}/api/method/frappe.client.get_count",
            data={"doctype": "Service Equipment"},
            timeout=10,
        )
        assert form.json() == {"message": 10}
        head = session.head(path, timeout=10)
        assert (head.status_code, head.content) == (200, b"")
    assert simulator.state()["statistics"]["routes"]["insert Service Equipment"] == 1


def test_pages_instead_of_json(simulator):
    ping = f"{simulator.url}/api/method/ping"
    wrong = requests.get(ping, headers={"Host": "wrong.example"}, timeout=10)
    assert (wrong.status_code, wrong.headers["Content-Type"][:9]) == (404, "text/html")
    long = requests.get(ping, params={"x": "y" * 4100}, timeout=10)
    assert (long.status_code, long.headers["Content-Type"][:9]) == (400, "text/html")


def test_a_paused_site_answers_when_it_resumes(simulator):
    simulator.pause()
    answers = []
    asked = threading.Thread(
        target=lambda: answers.append(
            requests.get(equipment(simulator, "EQP-00001"), headers=TOKEN, timeout=30)
        )
    )
    asked.start()
    with pytest.raises(requests.ReadTimeout):
        requests.get(equipment(simulator), headers=TOKEN, timeout=0.3)
    assert answers == []
    simulator.resume()
    asked.join(30)
    assert answers[0].json()["data"]["serial_number"] == "22275A7000001"


def test_a_dropped_connection_has_saved(simulator):
    simulator.order("drop", count=1, match="POST /api/resource")
    body = {"name": "SE-1", "equipment_type": "ONT"}
    with pytest.raises(requests.ConnectionError):
        requests.post(equipment(simulator), json=body, headers=TOKEN, timeout=10)
    read = requests.get(equipment(simulator, "SE-1"), headers=TOKEN, timeout=10)
    assert read.status_code == 200


def test_a_slow_answer_comes(simulator):
    simulator.order("slow", count=1, delay=60)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{simulator.url}/api/method/ping", timeout=0.3)
    simulator.order("slow", count=1, delay=0.05)
    answer = requests.get(f"{simulator.url}/api/method/ping", timeout=30)
    assert answer.json() == {"message": "pong"}


def test_a_bad_seed_file_is_reported(tmp_path):
    seeds = tmp_path / "seeds.toml"
    seeds.write_text('[[document]]\ndoctype = "Service Equipment"\nname = "X"\n')
    with (
        pytest.raises(RuntimeError, match="before it listened"),
        running_simulator("--seed-file", str(seeds)),
    ):
        pass


def test_a_webhook_arrives_with_its_signature(simulator):
    received = queue.Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((body, self.headers["X-Frappe-Webhook-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = {
            "name": "equipment",
            "webhook_doctype": "Service Equipment",
            "webhook_docevent": "on_update",
            "request_url": f"http://127.0.0.1:{server.server_port}/hook",
            "request_structure": "JSON",
            "webhook_json": '{"name": {{ doc.name|tojson }}}',
            "enable_security": 1,
            "webhook_secret": "secret",
        }
        setup = {"Authorization": "token setup-key:setup-secret"}
        path = f"{simulator.url}/api/resource/Webhook"
        assert requests.post(path, json=hook, headers=setup, timeout=10).status_code == 200
        change = {"model": "XX230v"}
        requests.put(equipment(simulator, "EQP-00001"), json=change, headers=TOKEN, timeout=10)
        body, signature = received.get(timeout=30)
        server.shutdown()
    assert body == b'{"name": "EQP-00001"}'
    expected = hmac.digest(b"secret", body, "sha256")
    assert base64.b64decode(signature) == expected


def test_an_address_that_is_taken_is_named(simulator):
    address = simulator.url.removeprefix("http://")
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.erpnext", "serve", "--listen", address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert f"cannot listen on {address}" in ended.stderr
    assert "Traceback" not in ended.stderr
