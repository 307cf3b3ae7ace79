"""`acs device health`: what it asks for, what it shows, and how honest it is about age."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cli_on_disk import KEY, PASSPHRASE, SEEN, SERIAL, SSID, House

from acs.cli.health_source import known
from acs.cli.masking import Masks
from acs.cli.waiting import follow
from acs.devices.effects import SaveDevice, SaveJob, SaveSnapshot
from acs.devices.record import Job, JobKind, JobState, Snapshot
from acs.model import Value

RX = "Device.Optical.Interface.1.X_TP_GPON_Config.RXPower"
RADIO = "Device.WiFi.Radio.1."
HOST = "Device.Hosts.Host.1."
STATION = "Device.WiFi.AccessPoint.1.AssociatedDevice.1."
ANSWER = {
    "Device.DeviceInfo.UpTime": "86400",
    RX: "1000",
    f"{RADIO}OperatingFrequencyBand": "2.4GHz",
    f"{RADIO}Status": "Up",
    f"{RADIO}Channel": "11",
    f"{STATION}MACAddress": "A4:83:E7:00:10:02",
    f"{STATION}SignalStrength": "-81",
    f"{HOST}HostName": "evil\x1b[31m\u202ename",
    f"{HOST}PhysAddress": "3C:7C:3F:00:10:01",
    f"{HOST}Active": "1",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    return house


@pytest.fixture
def answering(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose device answers as soon as somebody waits."""
    done(house, monkeypatch, JobState.DONE, {"values": ANSWER, "missing": ["Device.No."]})
    return house


def done(
    house: House, monkeypatch: pytest.MonkeyPatch, state: JobState, result: dict[str, object]
) -> None:
    def end(_seconds: float) -> None:
        house.apply(SaveJob(1, state, time.time(), 1, result))

    monkeypatch.setattr("acs.cli.job_request.follow", lambda *args: follow(*args, sleep=end))


def test_the_device_is_asked_for_what_its_family_tells(house: House) -> None:
    answer = house.json("device", "health", SERIAL, "--wait", "0", code=1)
    assert (answer["device"], answer["asked"], answer["blueprint"]) == (KEY, 1, "tplink-a")
    job = house.job(1)
    assert (job.kind, job.state, job.payload["purpose"]) == (
        JobKind.READ,
        JobState.QUEUED,
        "health",
    )
    paths = job.payload["paths"]
    assert isinstance(paths, list)
    assert "Device.Hosts.Host." in paths
    # The access point is known, so that the keys beside its clients are not read.
    assert "Device.WiFi.AccessPoint.1.AssociatedDevice." in paths
    assert "Device.WiFi.AccessPoint." not in paths


def test_asking_twice_makes_one_job(house: House) -> None:
    first = house.json("device", "health", SERIAL, "--wait", "0", code=1)
    second = house.json("device", "health", SERIAL, "--wait", "0", code=1)
    assert first["asked"] == second["asked"] == 1


def test_no_answer_in_time_says_so_and_shows_what_was_last_read(house: House) -> None:
    shown = house.run("device", "health", SERIAL, "--wait", "0.1s")
    assert shown.exit_code == 1
    assert "No answer within 0 s: job 1 queued: waits for the device's next contact" in shown.stdout
    assert "no health read is kept: from the latest comparison" in shown.stdout
    assert "2.4GHz" in shown.stdout


def test_the_answer_is_shown_with_unit_verdict_age_and_source(answering: House) -> None:
    shown = answering.run("device", "health", SERIAL)
    assert shown.exit_code == 0, shown.output
    (light,) = [line for line in shown.stdout.splitlines() if "receive power" in line]
    assert light.split() == ["receive", "power", "-10.0", "dBm", "good", *_age(light), RX]
    assert "Wi-Fi clients: 1" in shown.stdout
    assert "1 of 1 clients below -75 dBm" in shown.stdout
    assert "Check the fibre, then the Wi-Fi, before you swap hardware." in shown.stdout
    assert "yes, it says" in shown.stdout
    assert "who is active is known to be stale" in shown.stdout
    assert "Running for" in shown.stdout and "24 h then" in shown.stdout
    (uptime,) = [line for line in shown.stdout.splitlines() if line.split()[:1] == ["uptime"]]
    assert uptime.split()[1:3] == ["86400", "s"]
    assert uptime.split()[-1] == "Device.DeviceInfo.UpTime"
    assert "too strong above -8 dBm, weak below -23, too weak below -25." in shown.stdout


def test_the_limits_are_settings(answering: House) -> None:
    shown = answering.run(
        "device", "health", SERIAL, ACS_HEALTH_LIGHT_HIGH="-12", ACS_HEALTH_SIGNAL_WEAK="-90"
    )
    assert "receives -10.0 dBm, above -12: too strong" in shown.stdout
    assert "clients below" not in shown.stdout
    wrong = answering.run("device", "health", SERIAL, ACS_HEALTH_LIGHT_LOW="-1")
    assert wrong.exit_code != 0
    assert "each must be below the one before it" in wrong.output


def test_exchanged_counters_and_a_signal_from_an_rcpi_are_marked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = "Device.WiFi.MultiAP.APDevice.2."
    client = f"{node}Radio.1.AP.1.AssociatedDevice.1."
    answer = {
        "Device.IP.Interface.1.Stats.BytesSent": "111",
        "Device.IP.Interface.1.Stats.BytesReceived": "222",
        f"{node}X_TP_HostName": "attic",
        f"{client}MACAddress": "A4:83:E7:00:10:02",
        f"{client}SignalStrength": "120",
        f"{HOST}HostName": "tablet",
        f"{HOST}PhysAddress": "A4:83:E7:00:10:02",
    }
    folder = house.directory / "blueprints"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(
        '[blueprint]\nname = "mine"\nextends = "tplink-a"\n[health.wan]\nswapped = true\n'
    )
    house.apply(SaveDevice(1, {"blueprint": "mine"}))
    done(house, monkeypatch, JobState.DONE, {"values": answer, "missing": []})
    shown = house.run("device", "health", SERIAL, ACS_PROVISIONING_BLUEPRINT_DIR=str(folder))
    (wan,) = [line for line in shown.stdout.splitlines() if "Device.IP.Interface.1." in line]
    assert "sent and received exchanged" in wan
    assert wan.index("222 bytes") < wan.index("111 bytes")
    lines = [line for line in shown.stdout.splitlines() if "A4:83:E7:00:10:02" in line]
    assert len(lines) == 2
    assert "-50 dBm" in lines[0] and "from RCPI 120" in lines[0] and "attic" in lines[0]
    assert "attic" in lines[1], "the host stands with its node"


def _age(line: str) -> list[str]:
    words = line.split()
    return words[words.index("good") + 1 : -1]


def test_what_a_device_says_cannot_harm_a_terminal(answering: House) -> None:
    shown = answering.run("device", "health", SERIAL)
    assert "\x1b" not in shown.stdout and "\u202e" not in shown.stdout
    assert "evil\\x1b[31m\\x202ename" in shown.stdout
    document = answering.run("device", "health", SERIAL, "--stored", "--json").stdout
    assert "\x1b" not in document and "\u202e" not in document


def test_a_document_has_everything_with_its_time(answering: House) -> None:
    answer = answering.json("device", "health", SERIAL)
    assert (answer["source"], answer["job"], answer["missing"]) == ("job", 1, ["Device.No."])
    rx = answer["health"]["optics"]["rx"]
    assert {name: rx[name] for name in ("value", "unit", "path", "raw")} == {
        "value": -10.0, "unit": "dBm", "path": RX, "raw": "1000",
    }  # fmt: skip
    assert rx["at"] == answer["read_at"]
    assert answer["health"]["optics"]["light"] == "good"
    # The name of the network is of the latest comparison: it is not in the answer.
    assert answer["health"]["stations"][0]["network"] == "TP-Link_0001"
    (weak,) = answer["health"]["findings"]
    assert (weak["severity"], weak["subject"]) == ("warning", "wifi")


def test_the_stored_answer_is_called_stored(answering: House) -> None:
    answering.run("device", "health", SERIAL)
    shown = answering.run("device", "health", SERIAL, "--stored")
    assert shown.exit_code == 0
    assert "kept from job 1: it may be otherwise now" in shown.stdout
    assert len(answering.json("device", "jobs", SERIAL)["jobs"]) == 1


def test_something_bad_ends_with_1(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    done(house, monkeypatch, JobState.DONE, {"values": {RX: "20"}, "missing": []})
    shown = house.run("device", "health", SERIAL)
    assert shown.exit_code == 1
    assert "Dirty connector or broken fibre, not the ONT" in shown.stdout


def test_a_failed_read_ends_with_1_and_its_reason(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(house, monkeypatch, JobState.FAILED, {"error": "fault 9002"})
    shown = house.run("device", "health", SERIAL)
    assert shown.exit_code == 1
    assert "Job 1 (read) failed: fault 9002" in shown.stdout


def test_nothing_stored_is_said(house: House) -> None:
    house.apply(SaveSnapshot(1, Snapshot()))
    shown = house.run("device", "health", SERIAL, "--stored")
    assert (shown.exit_code, shown.stdout) == (1, "Nothing was read of it yet.\n")


def test_a_device_that_no_blueprint_fits_is_told(house: House) -> None:
    house.apply(SaveDevice(1, {"blueprint": "", "root": "Other."}))
    shown = house.run("device", "health", SERIAL)
    assert shown.exit_code == 1
    assert "no blueprint fits" in shown.stderr
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


def test_a_long_read_is_a_number_in_the_list_of_jobs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"{HOST}{n}": "x" for n in range(20)}
    done(house, monkeypatch, JobState.DONE, {"values": many, "missing": []})
    house.run("device", "health", SERIAL)
    assert "read 20 values" in house.run("device", "jobs", SERIAL).stdout


# --- laying answer and snapshot together ----------------------------------------------------


def job(at: float, values: dict[str, str]) -> Job:
    return Job(
        7,
        1,
        JobKind.READ,
        {"paths": ["Device.WiFi.Radio."], "purpose": "health"},
        state=JobState.DONE,
        finished_at=at,
        result={"values": values},
    )


def test_the_newer_value_wins_and_each_keeps_its_time() -> None:
    snapshot = Snapshot(SEEN, {f"{RADIO}Channel": Value("6"), SSID: Value("Maison")})
    older = known(job(SEEN - 60, {f"{RADIO}Channel": "11"}), snapshot, Masks())
    assert older is not None
    assert older.values == {f"{RADIO}Channel": "6", SSID: "Maison"}
    assert older.times == {f"{RADIO}Channel": SEEN, SSID: SEEN}
    newer = known(job(SEEN + 60, {f"{RADIO}Channel": "11"}), snapshot, Masks())
    assert newer is not None
    assert newer.values[f"{RADIO}Channel"] == "11"
    assert newer.times == {SSID: SEEN}


def test_a_row_that_is_gone_does_not_come_back_from_the_snapshot() -> None:
    snapshot = Snapshot(SEEN, {"Device.WiFi.Radio.3.Channel": Value("1")})
    held = known(job(SEEN + 60, {f"{RADIO}Channel": "11"}), snapshot, Masks())
    assert held is not None
    assert held.values == {f"{RADIO}Channel": "11"}


def test_secrets_are_left_out() -> None:
    key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    assert known(job(SEEN, {key: PASSPHRASE}), Snapshot(), Masks()) is None
