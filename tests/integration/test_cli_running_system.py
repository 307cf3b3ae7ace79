"""The `acs` command beside a running server, simulated ONTs and the stand-in of ERPNext."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any
from urllib.request import Request, urlopen

import forked
import pytest

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
XX230V = "22275A7000001"
BOOTSTRAP = "boot-Secret-77"
CUSTOMER = ("Erable-47-rouge", "Kq7-vert-8821")
"""Wi-Fi and SIP password of the demonstration's first customer."""
UP_TIME = "Device.DeviceInfo.UpTime"
CHANNEL = "Device.WiFi.Radio.1.Channel"


@dataclass(frozen=True)
class System:
    """Where things run; `acs` runs a command beside them."""

    environment: dict[str, str]

    def acs(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return forked.run("acs", *arguments, env={**self.environment, **more}, timeout=120)

    def json(self, *arguments: str, code: int = 0) -> Any:
        ended = self.acs(*arguments, "--json")
        assert ended.returncode == code, ended.stdout + ended.stderr
        return json.loads(ended.stdout)


def start(environment: dict[str, str], *command: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def lines(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("ACS_")}
    started: list[subprocess.Popen[str]] = []
    try:
        site = start(clean, BIN / "erpnext-sim", "serve", "--port", "0")
        started.append(site)
        url = next(line for line in lines(site) if line.startswith("listening ")).split()[1]
        environment = {
            **clean,
            "ACS_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("cli") / "data"),
            "ACS_CWMP_LISTEN": "127.0.0.1:0",
            "ACS_ADMIN_LISTEN": "127.0.0.1:0",
            "ACS_API_LISTEN": "127.0.0.1:0",
            "ACS_MQTT_BROKER": "off",
            "ACS_ERP_URL": url,
            "ACS_ERP_API_KEY": "demo-key",
            "ACS_ERP_API_SECRET": "demo-secret",
            "ACS_AUTH_BOOTSTRAP_PASSWORD": BOOTSTRAP,
        }
        server = start(environment, BIN / "acs", "serve", "--ready")
        started.append(server)
        ready = json.loads(lines(server).readline())
        environment["ACS_CWMP_LISTEN"] = ready["http"]
        environment["ACS_ADMIN_LISTEN"] = ready["admin"]
        fleet = start(
            {**clean, "CPE_SIM_PASSWORD": BOOTSTRAP},
            *(BIN / "cpe-sim", "demo", "--acs", f"http://{ready['http']}/"),
            *("--username", "bootstrap", "--periodic", "1", "--apply-delay", "0.2", "--json"),
        )
        started.append(fleet)
        called: set[str] = set()
        for line in lines(fleet):
            event = json.loads(line)
            if event["event"] == "session-end":
                called.add(event["serial"])
                if len(called) == 3:
                    break
        # Nobody reads on: a full pipe would make the devices stand still.
        Thread(target=lambda: deque(lines(fleet), 0), daemon=True).start()
        yield System(environment)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=20)


def test_a_read_is_done_at_the_next_contact_and_waited_for(system: System) -> None:
    answer = system.json("device", "read", XX230V, UP_TIME, "Device.No.Such", "--wait", "60")
    assert answer["job"]["state"] == "done"
    assert answer["job"]["result"]["values"][UP_TIME].isdecimal()
    assert answer["job"]["result"]["missing"] == ["Device.No.Such"]


def test_a_provisioned_device_has_an_empty_plan_and_a_changed_wish_shows(system: System) -> None:
    done = system.json("device", "provision", XX230V, "--wait", "60")
    assert done["job"]["result"]["standing"] == "live"
    assert system.json("plan", XX230V)["changes"] == []
    ended = system.acs("plan", XX230V, ACS_PROVISIONING_PERIODIC_INFORM_INTERVAL="777")
    assert ended.returncode == 1
    assert "Device.ManagementServer.PeriodicInformInterval" in ended.stdout
    assert system.json("plan", XX230V, "--refresh")["result"] == "in order"


def test_the_plan_shown_is_the_plan_that_a_session_writes(system: System) -> None:
    site = f"{system.environment['ACS_ERP_URL']}/api/resource/Service%20Equipment/EQP-00001"
    body = json.dumps({"wifi_ssid": "Chez Tremblay"}).encode()
    headers = {"Authorization": "token setup-key:setup-secret", "Content-Type": "application/json"}
    urlopen(Request(site, body, headers, method="PUT"), timeout=10).close()
    shown = system.json("plan", XX230V, "--refresh", code=1)
    wanted = {change["path"]: change["wanted"] for change in shown["changes"]}
    assert wanted["Device.WiFi.SSID.1.SSID"] == "Chez Tremblay"
    system.json("device", "provision", XX230V, "--wait", "60")
    proofs = system.json("device", "proof", XX230V, "--all")["proofs"]
    assert proofs[0]["complete"]
    (written,) = [proof for proof in proofs if proof["plan"] == shown["digest"]][-1:]
    assert [line["path"] for line in written["lines"]] == list(wanted)


def test_a_value_that_is_set_is_read_back(system: System) -> None:
    written = system.json("device", "set", XX230V, f"{CHANNEL}=11", "--wait", "60")
    assert written["job"]["result"]["written"] == [CHANNEL]
    read = system.acs("device", "read", XX230V, CHANNEL, "--wait", "60")
    assert (read.returncode, CHANNEL in read.stdout) == (0, True)


def test_a_refusal_ends_with_1_and_names_the_parameter(system: System) -> None:
    refused = system.acs("device", "set", XX230V, f"{UP_TIME}=1", "--wait", "60")
    assert refused.returncode == 1
    assert UP_TIME in refused.stdout
    assert "failed" in refused.stdout


def test_the_health_of_a_device_is_asked_and_kept(system: System) -> None:
    answer = system.json("device", "health", XX230V, "--wait", "60")
    assert (answer["source"], answer["job"], answer["missing"]) == ("job", answer["asked"], [])
    optics = answer["health"]["optics"]
    assert [optics[name]["value"] for name in ("rx", "tx", "temperature")] == [-21.02, 1.73, 47.9]
    assert optics["light"] == "good"
    assert [radio["band"] for radio in answer["health"]["radios"]] == ["2.4GHz", "5GHz"]
    assert {host["name"] for host in answer["health"]["hosts"]} == {"laptop", "phone"}
    assert "optical" not in {found["subject"] for found in answer["health"]["findings"]}
    kept = system.acs("device", "health", XX230V, "--stored")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert f"kept from job {answer['job']}" in kept.stdout
    assert "-21.02" in kept.stdout


def test_doctor_finds_the_running_server_and_the_site(system: System) -> None:
    found = system.json("doctor")
    texts = [finding["text"] for finding in found["findings"]]
    assert found["errors"] == 0
    assert f"cwmp.listen: {system.environment['ACS_CWMP_LISTEN']} is served" in texts
    assert "The server runs, and says that all is well" in texts
    assert any(text.startswith("The clock agrees with that of ERPNext") for text in texts)


def test_no_listing_shows_a_secret(system: System) -> None:
    shown = "".join(
        system.acs(*command.split()).stdout
        for command in (
            f"device show {XX230V} --json",
            f"device snapshot {XX230V}",
            f"device proof {XX230V} --all",
            f"device health {XX230V} --stored",
            f"plan {XX230V}",
            "settings show",
            "doctor",
        )
    )
    assert "Device.WiFi.SSID.1.SSID" in shown
    for secret in (BOOTSTRAP, "demo-secret", *CUSTOMER):
        assert secret not in shown
