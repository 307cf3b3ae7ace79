"""What `acs doctor` finds, area by area; the running server and the site are tested elsewhere."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cli_on_disk import House
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from acs.cli.doctor import (
    blueprints,
    clock,
    configuration,
    database,
    disk,
    secrets_file,
    tls,
    usp,
)
from acs.settings import Settings
from acs.usp.mqtt.broker import find_programs
from erp_bridge.schema import Finding, Level

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
PASSWORD = "long-enough-secret"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def settings(house: House, **variables: str) -> Settings:
    return Settings.load(None, {**house.environment, **variables})


def bad(findings: Iterable[Finding]) -> list[tuple[Level, str]]:
    """What is not well; each must name its fix."""
    found = [finding for finding in findings if finding.level is not Level.OK]
    assert all(finding.fix for finding in found)
    return [(finding.level, finding.text) for finding in found]


def only(findings: Iterable[Finding]) -> tuple[Level, str]:
    found = bad(findings)
    assert len(found) == 1, found
    return found[0]


# --- settings -------------------------------------------------------------------------------


def test_values_that_somebody_gave_are_named_without_secrets(house: House) -> None:
    texts = [finding.text for finding in configuration.check(settings(house))]
    variable = "variable ACS_AUTH_BOOTSTRAP_PASSWORD"
    assert f"auth.bootstrap_password = *** ({variable})" in texts
    assert f"server.data_dir = {house.directory} (variable ACS_SERVER_DATA_DIR)" in texts
    assert not any("cwmp.listen" in text for text in texts)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"ACS_AUTH_MODE": "none"}, "auth.mode is none"),
        (
            {"ACS_AUTH_MODE": "any", "ACS_AUTH_ALLOW_BASIC_ON_HTTP": "true"},
            "Basic is accepted on plain HTTP",
        ),
        ({"ACS_AUTH_OWN_CREDENTIALS": "false"}, "share one password"),
        ({"ACS_AUTH_BOOTSTRAP_PASSWORD": "short"}, "is short"),
        ({"ACS_ADMIN_LISTEN": "0.0.0.0:7580"}, "ask for no password"),
        (
            {
                "ACS_ERP_URL": "https://erp.example",
                "ACS_ERP_API_KEY": "k",
                "ACS_ERP_API_SECRET": "s",
                "ACS_ERP_VERIFY_TLS": "false",
            },
            "pose as ERPNext",
        ),
    ],
)
def test_unwise_settings_are_warned_of(house: House, variables: dict[str, str], text: str) -> None:
    level, said = only(configuration.check(settings(house, **variables)))
    assert level is Level.WARNING
    assert text in said
    assert said != "short"


def test_a_generated_password_tells_how_to_see_it(house: House) -> None:
    house.environment.pop("ACS_AUTH_BOOTSTRAP_PASSWORD")
    secrets = house.directory / "secrets.toml"
    secrets.write_text(f'[auth]\nbootstrap_password = "{PASSWORD}"\n' + secrets.read_text())
    texts = [finding.text for finding in configuration.check(settings(house))]
    assert any("acs settings show --reveal bootstrap_password" in text for text in texts)
    assert not any(PASSWORD in text for text in texts)


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "level"), [(0o600, None), (0o640, Level.WARNING), (0o644, Level.ERROR)]
)
def test_who_may_read_the_secrets(house: House, mode: int, level: Level | None) -> None:
    (house.directory / "secrets.toml").chmod(mode)
    assert [found for found, _text in bad(secrets_file.check(settings(house)))] == (
        [level] if level else []
    )


def test_a_settings_file_with_a_secret_must_be_private(house: House, tmp_path: Path) -> None:
    file = tmp_path / "acs.toml"
    file.write_text('[database]\nurl = "postgresql://u:hunter2@h/d"\n')
    file.chmod(0o644)
    level, text = only(secrets_file.check(Settings.load(file, house.environment)))
    assert (level, str(file) in text, "hunter2" in text) == (Level.ERROR, True, False)


def test_a_database_without_its_key_is_an_error_before_a_new_key_is_made(house: House) -> None:
    house.call()
    (house.directory / "secrets.toml").unlink()
    level, text = only(secrets_file.check(settings(house)))
    assert level is Level.ERROR
    assert "is gone" in text


def test_little_room_is_warned_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        total: int
        used: int
        free: int

    for usage, warned in (
        (Usage(10**12, 0, 5 * 10**10), True),  # 5 %
        (Usage(5 * 10**9, 0, 9 * 10**8), True),  # 0.9 GB
        (Usage(10**11, 0, 5 * 10**10), False),
    ):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, usage=usage: usage)
        assert bool(bad(disk.check(settings(house)))) is warned


def test_a_directory_that_cannot_be_written_is_an_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert {level for level, _text in bad(disk.check(settings(house)))} == {Level.ERROR}


def test_blueprints_with_mistakes_are_errors(house: House, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[blueprint]\n")
    own = settings(house, ACS_PROVISIONING_BLUEPRINT_DIR=str(tmp_path))
    level, text = only(blueprints.check(own))
    assert level is Level.ERROR
    assert "mine.toml:1" in text
    missing = settings(house, ACS_PROVISIONING_BLUEPRINT_DIR=str(tmp_path / "none"))
    assert "is no directory" in only(blueprints.check(missing))[1]


# --- database -------------------------------------------------------------------------------


def test_a_sound_database_is_well(house: House) -> None:
    house.matched_device()
    assert bad(database.check(settings(house))) == []


def test_a_database_to_come_is_well_and_not_made(house: House) -> None:
    assert bad(database.check(settings(house))) == []
    assert not (house.directory / "acs.db").exists()


def test_the_wrong_key_is_an_error(house: House) -> None:
    house.call()
    secrets = house.directory / "secrets.toml"
    key = next(line for line in secrets.read_text().splitlines() if line.startswith("first"))
    other = 'first = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="'
    secrets.write_text(secrets.read_text().replace(key, other))
    level, text = next(iter(bad(database.check(settings(house)))))
    assert level is Level.ERROR
    assert "does not open" in text


def test_a_damaged_file_is_an_error(house: House) -> None:
    house.matched_device()
    file = house.directory / "acs.db"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xff" * 8192
    file.write_bytes(content)
    ended = house.json("doctor", code=1, ACS_CWMP_LISTEN="127.0.0.1:0", ACS_ADMIN_LISTEN="")
    found = [each["text"] for each in ended["findings"] if each["level"] == "error"]
    assert any("damaged" in text or "malformed" in text for text in found)


# --- TLS ------------------------------------------------------------------------------------


def certificate(
    directory: Path, key: Any, *, days: int = 365, begins: datetime.datetime | None = None
) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acs.example")])
    start = begins or NOW - datetime.timedelta(days=400)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path = directory / "cert.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def key_file(directory: Path, key: Any, *, password: bytes | None = None) -> Path:
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    path = directory / "key.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    )
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_a_good_pair_is_well(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    pair = certificate(tmp_path, rsa_key), key_file(tmp_path, rsa_key)
    assert bad(tls.check_pair(*pair, NOW)) == []


@pytest.mark.parametrize(
    ("days", "level", "text"),
    [(-1, Level.ERROR, "expired on"), (29, Level.WARNING, "expires in 29 days")],
)
def test_certificates_that_end(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, days: int, level: Level, text: str
) -> None:
    pair = certificate(tmp_path, rsa_key, days=days), key_file(tmp_path, rsa_key)
    found, said = only(tls.check_pair(*pair, NOW))
    assert (found, text in said) == (level, True)


def test_a_certificate_of_the_future(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    begins = NOW + datetime.timedelta(days=1)
    pair = certificate(tmp_path, rsa_key, begins=begins), key_file(tmp_path, rsa_key)
    assert "is valid from" in only(tls.check_pair(*pair, NOW))[1]


def test_a_key_of_another_certificate(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pair = certificate(tmp_path, rsa_key), key_file(tmp_path, other)
    level, text = only(tls.check_pair(*pair, NOW))
    assert level is Level.ERROR
    assert "does not belong" in text


def test_keys_that_old_devices_do_not_know(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pair = certificate(tmp_path, key), key_file(tmp_path, key)
    assert "elliptic curve" in only(tls.check_pair(*pair, NOW))[1]


def test_a_key_that_everybody_may_read(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    pair = certificate(tmp_path, rsa_key), key_file(tmp_path, rsa_key)
    pair[1].chmod(0o644)
    assert "may be read by everybody" in only(tls.check_pair(*pair, NOW))[1]


def test_a_key_with_a_password(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    pair = certificate(tmp_path, rsa_key), key_file(tmp_path, rsa_key, password=b"hunter2")
    level, text = only(tls.check_pair(*pair, NOW))
    assert level is Level.ERROR
    assert "encrypted with a password" in text


def test_files_that_are_missing_or_something_else(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no PEM")
    text.chmod(0o600)
    said = [said for _level, said in bad(tls.check_pair(tmp_path / "none", text, NOW))]
    assert "cannot be read" in said[0]
    assert "holds no private key" in said[1]


# --- clock ----------------------------------------------------------------------------------


def test_a_clock_that_went_back_is_an_error(house: House) -> None:
    assert bad(clock.check(settings(house))) == []
    ahead = house.directory / "secrets.toml"
    future = ahead.stat().st_mtime + 86_400
    os.utime(ahead, (future, future))
    level, text = only(clock.check(settings(house)))
    assert level is Level.ERROR
    assert "went back" in text


def test_a_clock_of_another_century_is_an_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acs.cli.doctor.clock.time.time", lambda: 1_000.0)
    assert "1970-01-01" in only(clock.check(settings(house)))[1]


# --- USP ------------------------------------------------------------------------------------


def test_a_machine_without_mosquitto_is_told_what_to_install(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usp, "find_programs", lambda: find_programs(path=""))
    given = settings(house, ACS_MQTT_BROKER="embedded")
    level, said = only(usp.check(given))
    assert level is Level.WARNING
    assert "mosquitto is not installed" in said
    assert not usp.brings_a_broker(given), "so its port is not looked for"


def test_ways_that_are_off_are_well(house: House) -> None:
    assert bad(usp.check(settings(house, ACS_MQTT_BROKER="off"))) == []


def test_agents_that_are_taken_at_their_word_are_warned_of(house: House) -> None:
    lab = {
        "ACS_MQTT_BROKER": "off",
        "ACS_WEBSOCKET_LISTEN": "127.0.0.1:7588",
        "ACS_WEBSOCKET_AUTH": "none",
        "ACS_USP_REQUIRE_IDENTITY": "false",
    }
    said = [text for _, text in bad(usp.check(settings(house, **lab)))]
    assert [text.partition(" ")[0] for text in said] == ["websocket.auth", "usp.require_identity"]


def test_the_authority_of_agents_is_looked_at(
    house: House, tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    pair = certificate(tmp_path, rsa_key), key_file(tmp_path, rsa_key)
    given = settings(
        house,
        ACS_CWMP_TLS_CERTIFICATE=str(pair[0]),
        ACS_CWMP_TLS_KEY=str(pair[1]),
        ACS_WEBSOCKET_TLS_LISTEN="127.0.0.1:7589",
        ACS_WEBSOCKET_TLS_CLIENT_CA=str(tmp_path / "nowhere.pem"),
    )
    assert any("websocket.tls_client_ca" in text for _, text in bad(tls.check(given)))


# --- the command ----------------------------------------------------------------------------


def test_settings_that_cannot_be_used_are_findings_too(house: House) -> None:
    found = house.json("doctor", code=1, ACS_CWMP_LISTEN="nonsense")
    assert found["errors"] == 1
    assert found["findings"][0]["area"] == "settings"
    assert "ACS_CWMP_LISTEN" in found["findings"][0]["text"]
