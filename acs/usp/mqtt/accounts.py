"""Agents' accounts at a Mosquitto with the dynamic security plugin, added while it runs.

An account's user name is the agent's endpoint id, and it works with that client id only. For
the embedded broker, and for any other that lets us at ``$CONTROL/dynamic-security/v1``.
Everything here blocks: call it from a command, or in a thread.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from acs.model import Secret
from acs.usp.mqtt.topics import is_endpoint

TOPIC = "$CONTROL/dynamic-security/v1"
ANSWER_SECONDS = 10.0
_PAGE = 500


class AccountError(Exception):
    """The broker did not do it; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where accounts are kept, and who may change them."""

    host: str
    port: int
    username: str
    password: Secret
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One agent's account."""

    endpoint: str
    disabled: bool = False


def add_account(door: Door, endpoint: str, password: Secret) -> bool:
    """Give an agent an account, or a new password; True: it had none.

    An agent that is connected stays so. Raises `AccountError`.
    """
    _check(endpoint)
    created = {
        "command": "createClient",
        "username": endpoint,
        "clientid": endpoint,
        "password": password.reveal(),
    }
    changed = {
        "command": "setClientPassword",
        "username": endpoint,
        "password": password.reveal(),
    }
    with _session(door) as ask:
        fault = ask(created).get("error", "")
        if fault == "Client already exists":
            fault = ask(changed).get("error", "")
            if not fault:
                return False
    if fault:
        raise AccountError(f"{endpoint}: the broker says: {fault}")
    return True


def remove_account(door: Door, endpoint: str) -> bool:
    """Take an agent's account away, and end its connection; False: it had none.

    Raises `AccountError`.
    """
    _check(endpoint)
    with _session(door) as ask:
        fault = ask({"command": "deleteClient", "username": endpoint}).get("error", "")
    if fault and fault != "Client not found":
        raise AccountError(f"{endpoint}: the broker says: {fault}")
    return not fault


def list_accounts(door: Door) -> tuple[Account, ...]:
    """All agents' accounts, by endpoint id. Raises `AccountError`."""
    found: list[Account] = []
    with _session(door) as ask:
        offset = 0
        while True:
            page = {"command": "listClients", "verbose": True, "count": _PAGE, "offset": offset}
            data = ask(page).get("data", {})
            clients = data.get("clients", [])
            found += (
                Account(each["username"], bool(each.get("disabled")))
                for each in clients
                if is_endpoint(each.get("username", ""))
            )
            offset += len(clients)
            if not clients or offset >= data.get("totalCount", 0):
                return tuple(sorted(found, key=lambda each: each.endpoint))


def _check(endpoint: str) -> None:
    if not is_endpoint(endpoint):
        raise AccountError(f"{endpoint!r} is no endpoint id, such as os::00259E-S1")


class _Asking:
    """Asks one command at a time, over a connection that paho's own thread serves."""

    def __init__(self, client: Client, answers: SimpleQueue[bytes]) -> None:
        self._client = client
        self._answers = answers

    def __call__(self, command: Mapping[str, object]) -> Mapping[str, Any]:
        self._client.publish(TOPIC, json.dumps({"commands": [command]}), qos=1)
        try:
            answer = json.loads(self._answers.get(timeout=ANSWER_SECONDS))
            (response,) = answer["responses"]
        except Empty:
            raise AccountError(
                f"the broker does not answer at {TOPIC}: has it the dynamic security plugin, and "
                "may this account use it?"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise AccountError(f"the broker's answer at {TOPIC} cannot be read") from None
        return dict(response)


@contextmanager
def _session(door: Door) -> Iterator[_Asking]:
    client = Client(
        CallbackAPIVersion.VERSION2,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = ANSWER_SECONDS
    client.username_pw_set(door.username, door.password.reveal())
    if door.tls is not None:
        client.tls_set_context(door.tls)
    events: SimpleQueue[str] = SimpleQueue()
    answers: SimpleQueue[bytes] = SimpleQueue()
    client.on_connect = lambda _c, _u, _f, reason, _p: events.put(
        f"the broker refused us: {reason}" if reason.is_failure else ""
    )
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: events.put(
        f"the broker lets {door.username} not use {TOPIC}" if reasons[0].is_failure else ""
    )
    client.on_message = lambda _c, _u, message: answers.put(bytes(message.payload))
    where = f"{door.host}:{door.port}"
    try:
        client.connect(door.host, door.port)
    except OSError as error:
        raise AccountError(f"no broker at {where}: {error.strerror or error}") from None
    client.loop_start()
    try:
        _wait(events, where)
        result, _packet_id = client.subscribe(f"{TOPIC}/response", qos=1)
        if result is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise AccountError(f"the broker at {where} went away")
        _wait(events, where)
        yield _Asking(client, answers)
    finally:
        client.disconnect()
        client.loop_stop()


def _wait(events: SimpleQueue[str], where: str) -> None:
    try:
        fault = events.get(timeout=ANSWER_SECONDS)
    except Empty:
        raise AccountError(f"the broker at {where} does not answer") from None
    if fault:
        raise AccountError(fault)
