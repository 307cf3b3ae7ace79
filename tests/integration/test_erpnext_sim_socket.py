"""The stand-in as a process of its own, over a real socket."""

import base64
import hmac
import json
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from click.testing import CliRunner

from simulators.erpnext.cli import main
from simulators.erpnext.running import running_simulator

TOKEN = {"Authorization": "token demo-key:demo-secret"}


@pytest.fixture(scope="module")
def simulator():
    options = ("--customers", "3", "--host", "127.0.0.1", "--time-scale", "0.02")
    with running_simulator(*options) as simulator:
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


class Receiver:
    """Takes webhooks; answers with the ``statuses`` in turn, then 200."""

    def __init__(self):
        self.received = queue.Queue()
        self.statuses = []
        receiver = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()
                receiver.received.put((body, self.headers["X-Frappe-Webhook-Signature"]))

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)

    def next(self):
        return self.received.get(timeout=30)


@pytest.fixture
def receiver(simulator):
    receiver = Receiver()
    with receiver.server as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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
        yield receiver
        server.shutdown()


def test_a_webhook_arrives_with_its_signature(simulator, receiver):
    change = {"model": "XX230v"}
    requests.put(equipment(simulator, "EQP-00001"), json=change, headers=TOKEN, timeout=10)
    body, signature = receiver.next()
    assert body == b'{"name": "EQP-00001"}'
    expected = hmac.digest(b"secret", body, "sha256")
    assert base64.b64decode(signature) == expected


def test_a_webhook_is_tried_three_times_with_the_same_bytes(simulator, receiver):
    receiver.statuses = [500, 404, 200]
    simulator.save("Service Equipment", "EQP-00001", model="A")
    first, *others = [receiver.next() for _ in range(3)]
    assert others == [first, first]


def test_webhooks_wait_for_a_stopped_worker(simulator, receiver):
    simulator.webhooks(worker="stopped")
    simulator.save("Service Equipment", "EQP-00001", model="A")
    assert len(simulator.webhooks()["waiting"]) == 1
    assert receiver.received.empty()
    simulator.webhooks(worker="running")
    receiver.next()


def test_the_commands_reach_a_running_stand_in(simulator, receiver):
    def run(*words):
        ended = CliRunner().invoke(main, [*words, "--at", simulator.url])
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.output) if ended.output else None

    saved = run("set", "Service Equipment", "EQP-00001", "wifi_ssid=Sapin=12", "model=")
    assert (saved["wifi_ssid"], saved["model"]) == ("Sapin=12", "")
    assert receiver.next()[0] == b'{"name": "EQP-00001"}'
    run("sql", "Service Equipment", "EQP-00001", "status=returned")
    assert run("fault", "503", "--count", "2")[0]["left"] == 2
    assert run("fault", "--clear") == []
    assert run("clock", "--zone", "America/Vancouver")["time_zone"] == "America/Vancouver"
    run("webhook", "redis", "down")
    assert run("set", "Service Equipment", "EQP-00001", "model=B")["webhooks"] == "lost"
    assert run("webhook", "list")["done"][-1]["fate"] == "lost: no queue"
    assert run("webhook", "twist", "late", "--seconds", "1")[0]["kind"] == "late"
    assert run("state")["documents"]["Service Equipment"] == 9


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["set", "Service Equipment", "NOPE", "model=A"], "Service Equipment NOPE not found"),
        (["set", "Service Equipment", "EQP-00001", "model"], "is not FIELD=VALUE"),
        (["fault"], "name a KIND, or --clear"),
    ],
)
def test_a_command_that_fails_says_why(simulator, words, told):
    ended = CliRunner().invoke(main, [*words, "--at", simulator.url])
    assert ended.exit_code != 0
    assert told in ended.output


def test_a_command_without_a_stand_in_names_the_fix():
    ended = CliRunner().invoke(main, ["state", "--at", "http://127.0.0.1:1"])
    assert ended.exit_code == 1
    assert "erpnext-sim serve" in ended.output


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
