"""USP as it is used: the program with its own Mosquitto, ERPNext's stand-in, simulated agents."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import SIP_PASSWORD, Home, new_home
from running_acs import RunningAcs, wait_for
from usp_crew import AgentAtHome, Crew

from acs.devices.agents import Presence
from acs.devices.record import JobState, Standing
from simulators.cpe.content import make_image
from simulators.demo.upgraded import agent_of
from simulators.erpnext.running import RunningSimulator
from simulators.usp.mischief import Mischief

NEWER = "0.9.1 3.0.0 v6066.0 Build 250101 Rel.1n"
PPP = "Device.PPP.Interface.3."


MAPPING = """\
[wishes]
wan.username = "pppoe_username"
wan.password = "pppoe_password"
"""


@pytest.fixture(scope="module")
def acs(
    start_acs: StartAcs, erpnext: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> RunningAcs:
    mapping = tmp_path_factory.mktemp("mapping") / "mapping.toml"
    mapping.write_text(MAPPING)
    return start_acs(
        ERP_URL=erpnext.url,
        ERP_MAPPING=str(mapping),
        **ERP_SETTINGS,
        MQTT_BROKER="embedded",
        MQTT_LISTEN="127.0.0.1:0",
        WEBSOCKET_LISTEN="127.0.0.1:0",
        WEBSOCKET_AUTH="basic",
        AUTH_ALLOW_BASIC_ON_HTTP="true",
        FILES_LISTEN="127.0.0.1:0",
    )


@pytest.fixture(scope="module")
def crew(acs: RunningAcs) -> Iterator[Crew]:
    made = Crew(acs)
    yield made
    made.close()


@pytest.fixture
def home(acs: RunningAcs, erpnext: RunningSimulator) -> Home:
    made = new_home(acs, erpnext.url)
    made.scan(pppoe_username=f"maison{made.number}@isp.test", pppoe_password="Ruisseau-5")
    return made


def told(acs: RunningAcs, *words: str) -> Any:
    """What a command says."""
    ended = acs.command(*words, "--json")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return json.loads(ended.stdout)


def broker_of(acs: RunningAcs) -> int | None:
    """The process of its broker; None: there is none now."""
    children = Path(f"/proc/{acs.pid}/task/{acs.pid}/children").read_text().split()
    for child in map(int, children):
        try:
            if Path(f"/proc/{child}/comm").read_text().strip() == "mosquitto":
                return child
        except OSError:
            continue
    return None


@pytest.mark.parametrize("mtp", ["mqtt5", "mqtt3", "websocket"])
def test_an_agent_is_provisioned_and_proven(
    acs: RunningAcs, crew: Crew, home: Home, mtp: str
) -> None:
    unit = crew.begin(home, crew.way(mtp))
    device = unit.live()
    assert device.protocol == "usp"
    assert unit.shows(SIP_PASSWORD) == home.sip_password
    assert unit.shows(f"{PPP}Username") == f"maison{home.number}@isp.test"
    assert unit.shows(f"{PPP}Password") == "Ruisseau-5"
    assert acs.proof(device).complete
    agent = acs.agent(unit.endpoint)
    assert (agent.presence, agent.credential) == (Presence.ONLINE, "bootstrap")
    assert agent.mtp == ("websocket" if mtp == "websocket" else "mqtt")


def settled(crew: Crew, home: Home, **options: Any) -> AgentAtHome:
    """An agent that is live, with an account of its own."""
    name = f"ops::{home.mac.replace(':', '')[:6]}-{home.product_class}-{home.serial}"
    made = crew.begin(home, crew.way("mqtt5", crew.account(name)), **options)
    made.live()
    return made


@pytest.fixture
def unit(crew: Crew, home: Home) -> AgentAtHome:
    return settled(crew, home)


def test_a_wish_that_changed_is_applied_at_the_next_contact(
    acs: RunningAcs, unit: AgentAtHome
) -> None:
    home = unit.home
    home.ssid = "Maison du lac"
    home.change(wifi_ssid=home.ssid)
    shown = acs.command("plan", home.serial, "--refresh")
    assert home.ssid in shown.stdout, shown.stderr
    unit.restart()
    unit.live()
    assert unit.counted("boots") == 2
    assert told(acs, "plan", home.serial)["changes"] == []


def test_a_factory_reset_provisions_again(acs: RunningAcs, unit: AgentAtHome) -> None:
    unit.restart("LocalFactoryReset")
    device = unit.live()
    assert acs.told(device, "bootstrap") == ["Boot! LocalFactoryReset"] * 2
    assert len(acs.told(device, "first contact")) == 1


@pytest.mark.parametrize("request_kind", ["get", "set", "add"])
def test_a_reset_in_the_middle_of_work(crew: Crew, home: Home, request_kind: str) -> None:
    unit = crew.begin(home, crew.way("mqtt5"), mischief=Mischief(slow=0.02))
    wait_for("work", lambda: unit.counted(f"request.{request_kind}"))
    unit.restart("LocalFactoryReset")
    unit.live()


def test_a_job_is_done_at_once(acs: RunningAcs, unit: AgentAtHome) -> None:
    path = "Device.DeviceInfo.SerialNumber"
    read = told(acs, "device", "read", unit.home.serial, path, "--wait", "20")
    assert read["job"]["state"] == "done"
    assert unit.home.serial in json.dumps(read["job"]["result"])
    known = {each["endpoint"]: each for each in told(acs, "usp", "agents")["agents"]}
    assert known[unit.endpoint]["credential"] == "own"


def test_a_notify_that_comes_twice_is_stored_once(acs: RunningAcs, crew: Crew, home: Home) -> None:
    unit = crew.begin(home, crew.way("websocket"), mischief=Mischief(twice=1.0))
    unit.live()
    wait_for("the repeat", lambda: acs.metric('acs_usp_repeats_total{kind="Event"}') >= 1)
    wait_for("the agent", lambda: acs.command("usp", "notifies", home.serial).returncode == 0)
    stored = told(acs, "usp", "notifies", home.serial)["notifies"]
    assert sorted(each["kind"] for each in stored) == ["Event", "OnBoardRequest"]


def test_a_broker_that_is_killed_at_work_comes_back(
    acs: RunningAcs, crew: Crew, home: Home
) -> None:
    killed = wait_for("the broker", lambda: broker_of(acs))
    unit = crew.begin(home, crew.way("mqtt5"), mischief=Mischief(slow=0.04))
    wait_for("work", lambda: unit.counted("request.get"))
    os.kill(killed, signal.SIGKILL)
    device = unit.live()
    assert broker_of(acs) not in (None, killed)
    assert acs.proof(device).complete


def test_an_ont_known_over_cwmp_is_the_same_device_over_usp(
    acs: RunningAcs, crew: Crew, home: Home
) -> None:
    home.settle_in()
    before = home.device
    assert (before.standing, before.protocol) == (Standing.LIVE, "cwmp")
    agent = agent_of(home.ont, 0.2, crew.now(), seed=1)
    unit = crew.begin(home, crew.way("mqtt5", crew.account(agent.endpoint)), agent)
    wait_for("the look at it", lambda: acs.told(before, "live")[1:])
    after = unit.live()
    assert (after.id, after.protocol) == (before.id, "usp")
    assert acs.told(after, "protocol") == ["cwmp → usp"]
    assert acs.told(after, "live") == ["what was written is seen", "everything is as wanted"]
    assert unit.shows("Device.WiFi.SSID.1.SSID") == home.ssid


def test_a_download_goes_on_when_the_server_was_killed(
    acs: RunningAcs, crew: Crew, home: Home, tmp_path: Path
) -> None:
    unit = settled(crew, home, transfer_time=1.0, firmware=NEWER)
    image = tmp_path / "XX230v.bin"
    image.write_bytes(make_image(NEWER, "XX230v", bytes(1000)))
    fits = ("--fits", "model=XX230v*")
    told(acs, "file", "add", str(image), "--type", "firmware", "--version", NEWER, *fits)
    wished = told(acs, "device", "download", home.serial, "--file", image.name, "--yes")
    job = wished["job"]["id"]
    wait_for("the download", lambda: unit.counted("request.operate"))
    acs.kill9()
    assert acs.job(job).state is JobState.SENT
    acs.start()
    wait_for("the job to end", lambda: acs.job(job).state not in (JobState.QUEUED, JobState.SENT))
    assert acs.job(job).state is JobState.DONE, acs.job(job).result
    assert acs.device(home.serial).software == NEWER
