"""What the embedded Mosquitto is told, and what is said where it cannot be."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from acs.model import Secret
from acs.usp.mqtt import broker
from acs.usp.mqtt.broker import (
    BrokerError,
    EmbeddedBroker,
    Programs,
    answering_at,
    find_programs,
    read_passwords,
)
from acs.usp.mqtt.mosquitto import (
    ACCOUNTS,
    CONTROLLER,
    BrokerFiles,
    BrokerOptions,
    Tls,
    accounts,
    acl,
    configuration,
    parse_accounts,
)

FILES = BrokerFiles("/data/mosquitto", "/lib/plugin.so")
PASSWORDS = {CONTROLLER: "one", ACCOUNTS: "two"}
SHARED = BrokerOptions(bootstrap_username="bootstrap", bootstrap_password=Secret("three"))
AGENT = {"username": "os::00259E-1", "clientid": "os::00259E-1", "password": "x", "salt": "y"}


def salts() -> Iterator[bytes]:
    return iter([b"salt of one..", b"salt of two..", b"salt of three"])


def test_the_configuration_is_bounded_and_says_little() -> None:
    lines = configuration(BrokerOptions(), FILES, user="mosquitto").splitlines()
    assert "listener 7883 127.0.0.1" in lines
    assert "allow_anonymous false" in lines
    assert "plugin_opt_config_file /data/mosquitto/accounts.json" in lines
    for bound in (
        "message_size_limit",
        "max_queued_messages",
        "max_queued_bytes",
        "max_inflight_messages",
        "max_keepalive",
        "memory_limit",
    ):
        assert any(line.startswith(f"{bound} ") for line in lines), bound
    assert not any(word in line for line in lines for word in ("log_type debug", "log_type all"))
    assert not any(line.startswith("certfile") for line in lines)


def test_a_listener_with_tls_has_the_servers_certificate() -> None:
    options = BrokerOptions(tls=Tls("0.0.0.0", 8883, "/cert.pem", "/key.pem"))
    text = configuration(options, FILES, user="root")
    listener = "listener 8883 0.0.0.0\ncertfile /cert.pem\nkeyfile /key.pem\ntls_version tlsv1.2\n"
    assert text.endswith(listener)


def test_agents_write_and_read_what_ends_in_their_own_name() -> None:
    lines = acl("p/q").splitlines()
    assert "pattern write p/q/controller/%u" in lines
    assert "pattern write p/q/onboard/%c/#" in lines
    assert "pattern read p/q/agent/%c" in lines
    assert all(line.removesuffix("/#")[-2:] in ("%u", "%c") for line in lines)


def test_passwords_are_kept_as_the_plugin_does() -> None:
    made = accounts({}, SHARED, PASSWORDS, salts())
    by_name = {each["username"]: each for each in made["clients"]}
    assert set(by_name) == {CONTROLLER, ACCOUNTS, "bootstrap"}
    shared = by_name["bootstrap"]
    key = hashlib.pbkdf2_hmac("sha512", b"three", b"salt of three", shared["iterations"], 64)
    assert base64.b64decode(shared["password"]) == key
    assert "clientid" not in shared
    assert shared["roles"] == [{"rolename": "new-agents", "priority": 0}]


def test_the_controller_may_not_change_accounts() -> None:
    made = accounts({}, SHARED, PASSWORDS, salts())
    topics = {role["rolename"]: {each["topic"] for each in role["acls"]} for role in made["roles"]}
    assert topics[CONTROLLER] == {"usp/v1/#", "$SYS/broker/log/#"}
    assert topics[ACCOUNTS] == {"$CONTROL/dynamic-security/#"}
    assert not any(
        made["defaultACLAccess"][each]
        for each in ("publishClientSend", "publishClientReceive", "subscribe")
    )


def test_new_agents_do_not_listen_to_the_broker_itself() -> None:
    made = accounts({}, SHARED, PASSWORDS, salts())
    (role,) = (each for each in made["roles"] if each["rolename"] == "new-agents")
    assert {each["topic"] for each in role["acls"]} == {"$SYS/#", "$CONTROL/#", "$share/#"}
    assert not any(each["allow"] for each in role["acls"])


def test_accounts_of_agents_outlive_a_start_and_ours_are_made_anew() -> None:
    first = accounts({"clients": [AGENT]}, SHARED, PASSWORDS, salts())
    renamed = BrokerOptions(bootstrap_username="newcomer", bootstrap_password=Secret("x"))
    second = accounts(first, renamed, PASSWORDS, salts())
    names = [each["username"] for each in second["clients"]]
    assert names == ["os::00259E-1", CONTROLLER, ACCOUNTS, "newcomer"]
    assert second["clients"][0] == AGENT
    none = accounts(second, BrokerOptions(), PASSWORDS, salts())
    assert [each["username"] for each in none["clients"]] == ["os::00259E-1", CONTROLLER, ACCOUNTS]


@pytest.mark.parametrize("text", ["", "{ torn", "[]", "7"])
def test_an_accounts_file_that_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_accounts(text)


@pytest.mark.parametrize("kept", [{"clients": 7}, {"clients": ["x"]}])
def test_accounts_of_another_form(kept: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no list of accounts"):
        accounts(kept, SHARED, PASSWORDS, salts())


@pytest.mark.parametrize(
    ("listens", "answers"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("10.0.0.7",) * 2],
)
def test_a_broker_that_listens_everywhere_answers_here(listens: str, answers: str) -> None:
    assert answering_at(listens) == answers


def test_without_mosquitto_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="mosquitto is not installed; apt install mosquitto, or"):
        find_programs(str(tmp_path))


def test_without_the_plugin_the_fix_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(broker, "_PLUGIN_PLACES", (f"{tmp_path}/",))
    with pytest.raises(BrokerError, match=r"it came with version 2\.0"):
        find_programs(str(tmp_path))


def test_a_broker_that_cannot_be_leaves_the_server_running(tmp_path: Path) -> None:
    def find() -> Programs:
        raise BrokerError("mosquitto is not installed; do this")

    embedded = EmbeddedBroker(BrokerOptions(), tmp_path, Clock(), find=find)
    failures: list[BaseException] = []
    embedded.start().addErrback(lambda failure: failures.append(failure.value))
    assert str(failures[0]) == embedded.condition == "mosquitto is not installed; do this"
    assert not embedded.running
    assert embedded.stop().called


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    directory = tmp_path / "file" / "mosquitto"
    programs = Programs("/bin/false", "/plugin.so")
    embedded = EmbeddedBroker(BrokerOptions(), directory, Clock(), find=lambda: programs)
    failures: list[BaseException] = []
    embedded.start().addErrback(lambda failure: failures.append(failure.value))
    assert str(directory) in str(failures[0])


@pytest.mark.parametrize("text", [None, "", "{}", '{"gigafibre-acs": "x"}', "[]"])
def test_passwords_that_are_not_there(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "passwords.json").write_text(text)
    with pytest.raises(BrokerError, match="start the server with the embedded broker once"):
        read_passwords(tmp_path)
