"""From the options of the command line to ways and agents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from simulators.cpe.alarms import Alarms
from simulators.cpe.fleet import Unit
from simulators.cpe.modelfile import Identity, ModelFileError

from .agent import Agent
from .dialling import Dialler, parse_address
from .files import Files
from .links import Way
from .mischief import Mischief, parse_mischief
from .model import usp_model
from .mqtt_client import MqttWay
from .mqtt_session import MqttOptions
from .mqtt_wire import Version
from .options import AgentOptions, FirmwareOrder, OnBoarding, Role
from .websocket_client import WebSocketOptions, WebSocketWay

BOOTSTRAP = "bootstrap"
PASSWORD_VARIABLE = "USP_SIM_PASSWORD"  # noqa: S105 - its name
_OWN_TOPIC = "usp/v1/controller/{endpoint}"
_ONBOARD_TOPIC = "usp/v1/onboard/{endpoint}"


class SetUpError(ValueError):
    """Options do not go together, or a file cannot be read."""


def make_way(given: Mapping[str, Any], mtp: str, reactor: Any, alarms: Alarms) -> Way:
    """Return the way of the link options.

    Raises `SetUpError`, `dialling.AddressError` and `simulators.cpe.pem.PemError`.
    """
    username, password = _account(given)
    websocket = mtp == "websocket"
    schemes = ("ws", "wss") if websocket else ("mqtt", "mqtts")
    address = parse_address(given["websocket" if websocket else "broker"], schemes)
    dial = Dialler(
        reactor,
        address,
        ca_file=given["ca_file"],
        certificate=given["certificate"],
        key=given["key"],
    )
    if websocket:
        options = WebSocketOptions(address, username, password, float(given["keep_alive"]))
        return WebSocketWay(options, dial, reactor)
    return MqttWay(
        MqttOptions(
            version=Version.V5 if mtp == "mqtt5" else Version.V3_1_1,
            username=username,
            password=password,
            client_id=given["client_id"],
            topic=given["topic"],
            controller=controller_topic(given),
            keep_alive=given["keep_alive"],
            qos=given["qos"],
            response_information=given["response_information"],
            will=given["will"],
        ),
        dial,
        reactor,
        alarms,
    )


def make_files(given: Mapping[str, Any], reactor: Any) -> Files | None:
    """Return what carries files; None: that is pretended.

    Raises `simulators.cpe.pem.PemError`.
    """
    if given["pretend_files"]:
        return None
    return Files(reactor, ca_file=given["ca_file"], seed=given["seed"])


def controller_topic(given: Mapping[str, Any]) -> str:
    """Return where the controller listens, ``{endpoint}`` for the agent's id."""
    if given["controller_topic"]:
        return str(given["controller_topic"])
    return _ONBOARD_TOPIC if given["bootstrap_password_file"] is not None else _OWN_TOPIC


def make_agent_options(given: Mapping[str, Any], endpoint: str = "") -> AgentOptions:
    """Return what the agent options say. Raises `SetUpError`."""
    versions = tuple(text.strip() for text in given["versions"].split(",") if text.strip())
    if not versions:
        raise SetUpError("--versions wants a list such as 1.2,1.3")
    return AgentOptions(
        endpoint=endpoint,
        controller=given["controller"],
        controller_topic=controller_topic(given),
        versions=versions,
        role=Role(given["role"]),
        onboarding=OnBoarding(given["onboarding"]),
        boot_subscription=not given["no_boot_subscription"],
        periodic=given["periodic"],
        poll=given["poll"],
        keep_cwmp=given["keep_cwmp"],
        session_context=given["session_context"],
        max_record=given["max_record"],
        boot_time=given["boot_time"],
        transfer_time=given["transfer_time"],
        flash_time=given["flash_time"],
        test_time=given["test_time"],
        firmware_order=FirmwareOrder(given["firmware_order"]),
        firmware=given["firmware"],
        hardened=given["hardened"],
    )


def make_mischief(words: Iterable[str]) -> Mischief:
    """Return what the words of `usp-sim faults` order. Raises `SetUpError`."""
    try:
        return parse_mischief(words)
    except ValueError as error:
        raise SetUpError(str(error)) from None


def make_agent(unit: Unit, options: AgentOptions, *, seed: int, now: float) -> Agent:
    """Make one agent out of a row's unit; its ``serial`` seeds what is random in it.

    Raises `simulators.cpe.modelfile.ModelFileError`, and `SetUpError` for a model that USP
    cannot have.
    """
    try:
        model = usp_model(unit.model, keep_cwmp=options.keep_cwmp)
    except ModelFileError:
        raise
    except ValueError as error:
        raise SetUpError(str(error)) from None
    identity = Identity(
        oui=(unit.oui or unit.mac.replace(":", "")[:6]).upper(),
        product_class=unit.product_class or model.base.product_class,
        serial=unit.serial,
        mac=unit.mac,
        ip=unit.ip,
    )
    return Agent(model, identity, options, random=Random(f"{seed}/{unit.serial}/{now}"), now=now)


def _account(given: Mapping[str, Any]) -> tuple[str, str]:
    shared: Path | None = given["bootstrap_password_file"]
    own: Path | None = given["password_file"]
    if shared is not None and own is not None:
        raise SetUpError("give --password-file or --bootstrap-password-file, not both")
    file = shared or own
    password = _first_line(file) if file else os.environ.get(PASSWORD_VARIABLE, "")
    return given["user"] or (BOOTSTRAP if shared is not None else ""), password


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SetUpError(f"{file}: no password can be read from it: {error}") from None
