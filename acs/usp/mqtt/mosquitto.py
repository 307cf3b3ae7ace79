"""What the embedded Mosquitto is told: its configuration, who may write where, its accounts.

An agent has an account whose user name is its endpoint id, bound to the same client id; new
agents share one. Accounts are kept by Mosquitto's dynamic security plugin (its password file
refuses the ``:`` of endpoint ids), topics by patterns of its ACL file, which know the client id
(``%c``) and the user (``%u``).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acs.model import Secret

CONTROLLER = "gigafibre-acs"
"""User name of the controller."""
ACCOUNTS = "gigafibre-acs-accounts"
"""User name of whoever adds and removes accounts: the controller itself may not."""
_SHARED = "shared by new agents"
"""How the shared account is told from those of agents: its text name."""
_GUESTS = "new-agents"
"""Role of the shared account: what it may not."""
_NOT_FOR_GUESTS = ("$SYS/#", "$CONTROL/#", "$share/#")
"""Mosquitto grants a subscription whatever the ACL file says, and asks it at each delivery.  But
2.0 says in its log that it denies a client id with a ``+`` or ``#``, and delivers the log: who
listens to the log under such a name would bring it down.  Own accounts have no such names."""
_ITERATIONS = 101
"""Of PBKDF2, as the plugin itself has them."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the broker listens with TLS, and its PEM files."""

    host: str
    port: int
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Paths in one directory, and the plugin."""

    directory: str
    plugin: str

    @property
    def configuration(self) -> str:
        """Mosquitto's configuration."""
        return f"{self.directory}/mosquitto.conf"

    @property
    def acl(self) -> str:
        """Who may write and read which topics."""
        return f"{self.directory}/acl"

    @property
    def accounts(self) -> str:
        """The plugin's own file, which it writes too."""
        return f"{self.directory}/accounts.json"

    @property
    def passwords(self) -> str:
        """Passwords of our own two accounts."""
        return f"{self.directory}/passwords.json"


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """What the broker is to be."""

    host: str = "127.0.0.1"
    """Of IPv6 without brackets."""
    port: int = 7883
    """0: any that is free."""
    tls: Tls | None = None
    topic: str = "usp/v1"
    largest_record: int = 2_097_152
    bootstrap_username: str = ""
    """"": new agents have no account."""
    bootstrap_password: Secret = field(default_factory=lambda: Secret(""))


def configuration(options: BrokerOptions, files: BrokerFiles, *, user: str) -> str:
    """Write Mosquitto's configuration; ``user``: whose rights it has when started by root."""
    tls = options.tls
    encrypted = (
        f"\nlistener {tls.port} {tls.host}\n"
        f"certfile {tls.certificate}\nkeyfile {tls.key}\ntls_version tlsv1.2\n"
        if tls
        else ""
    )
    return f"""\
# Written by Gigafibre ACS at each start: what is changed here is lost.
user {user}
per_listener_settings false
allow_anonymous false
plugin {files.plugin}
plugin_opt_config_file {files.accounts}
acl_file {files.acl}

persistence true
persistence_location {files.directory}/
autosave_interval 300
persistent_client_expiration 1d

# Bounds: of one message, of what waits for one client, of what all may take.
message_size_limit {options.largest_record}
max_packet_size {options.largest_record + 65_536}
max_inflight_messages 200
max_queued_messages 20000
max_queued_bytes 67108864
queue_qos0_messages true
max_keepalive 300
memory_limit 1073741824

# Presence is read from the log topic. No debug lines: they show what is published where.
log_dest stderr
log_dest topic
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
sys_interval 0

# An answer is one small packet: it does not wait for company.
set_tcp_nodelay true

listener {options.port} {options.host}
{encrypted}"""


def acl(topic: str) -> str:
    """Write the ACL of agents; below each topic comes the ``/reply-to=`` of MQTT 3.1.1."""
    rules = [
        ("write", "onboard/%c"),
        ("write", "onboard-reply/+/%c"),
        ("write", "controller/%u"),
        ("write", "reply/+/%u"),
        ("read", "agent/%c"),
    ]
    return "".join(
        f"pattern {access} {topic}/{place}{below}\n"
        for access, place in rules
        for below in ("", "/#")
    )


def accounts(
    kept: Mapping[str, Any],
    options: BrokerOptions,
    passwords: Mapping[str, str],
    salts: Iterable[bytes],
) -> dict[str, Any]:
    """Return the accounts file: those of agents as they are in ``kept``, and ours.

    ``passwords`` are by user name, in clear; ``salts`` gives 12 random octets for each.
    Raises `ValueError` when ``kept`` is not of the plugin's form.
    """
    clients = kept.get("clients", [])
    if not isinstance(clients, list) or not all(isinstance(each, dict) for each in clients):
        raise ValueError("its clients are no list of accounts")
    bootstrap = options.bootstrap_username
    ours = {CONTROLLER, ACCOUNTS, *filter(None, (bootstrap,))}
    agents = [
        each
        for each in clients
        if each.get("username") not in ours and each.get("textname") != _SHARED
    ]
    fresh = iter(salts)
    made: list[dict[str, Any]] = [
        {
            **_account(name, passwords[name], next(fresh)),
            "roles": [{"rolename": name, "priority": 0}],
        }
        for name in (CONTROLLER, ACCOUNTS)
    ]
    if bootstrap:
        shared = _account(bootstrap, options.bootstrap_password.reveal(), next(fresh))
        roles = [{"rolename": _GUESTS, "priority": 0}]
        made.append({**shared, "textname": _SHARED, "roles": roles})
    own = [f"{options.topic}/#", "$SYS/broker/log/#"]
    control = ["$CONTROL/dynamic-security/#"]
    return {
        "clients": [*agents, *made],
        "groups": [],
        "roles": [_role(CONTROLLER, own), _role(ACCOUNTS, control), _no_subscription(_GUESTS)],
        # What an agent may do is in the ACL file.
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
    }


def parse_accounts(text: str) -> Mapping[str, Any]:
    """Read an accounts file. Raises `ValueError`."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no table")
    return found


def _account(username: str, password: str, salt: bytes) -> dict[str, Any]:
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    return {
        "username": username,
        "password": base64.b64encode(key).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": _ITERATIONS,
    }


def _role(name: str, topics: list[str]) -> dict[str, Any]:
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    return {
        "rolename": name,
        "acls": [
            {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
            for kind in kinds
            for topic in topics
        ],
    }


def _no_subscription(name: str) -> dict[str, Any]:
    return {
        "rolename": name,
        "acls": [
            {"acltype": "subscribePattern", "topic": topic, "priority": 0, "allow": False}
            for topic in _NOT_FOR_GUESTS
        ],
    }
