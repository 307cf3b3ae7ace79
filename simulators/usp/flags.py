"""Options that several commands have: who the agents are, where and how they connect."""

from __future__ import annotations

from pathlib import Path

import click

from simulators.cpe.flags import seconds_option, together

from .options import FirmwareOrder, OnBoarding, Role

MTPS = ("mqtt5", "mqtt3", "websocket")

link_options = together(
    click.option(
        "--mtp",
        type=click.Choice(MTPS),
        default="mqtt5",
        show_default=True,
        help="How records travel: MQTT 5, MQTT 3.1.1 or WebSocket.",
    ),
    click.option(
        "--broker",
        default="mqtt://127.0.0.1:7883",
        show_default=True,
        metavar="URL",
        help="The broker, mqtt://HOST:PORT or mqtts://HOST:PORT.",
    ),
    click.option(
        "--websocket",
        default="ws://127.0.0.1:7588/usp",
        show_default=True,
        metavar="URL",
        help="The controller's WebSocket, ws://HOST:PORT/PATH or wss://….",
    ),
    click.option(
        "--user",
        default="",
        metavar="NAME",
        help="Account of the agent; {endpoint} in it stands for the endpoint id.",
    ),
    click.option(
        "--password-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Its password, the first line of the file; else the variable USP_SIM_PASSWORD.",
    ),
    click.option(
        "--bootstrap-password-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Come with the account that new devices share: user `bootstrap` unless --user names "
        "another, and the topic usp/v1/onboard/ENDPOINT unless --controller-topic says otherwise.",
    ),
    click.option(
        "--topic",
        default="usp/v1/agent/{endpoint}",
        show_default=True,
        help="Where the agent listens; empty: the broker tells (MQTT 5).",
    ),
    click.option(
        "--controller-topic",
        metavar="TEXT",
        help="Where the controller listens.  [default: usp/v1/controller/{endpoint}]",
    ),
    click.option(
        "--client-id",
        default="{endpoint}",
        show_default=True,
        help="MQTT client id; empty: the broker assigns one (MQTT 5).",
    ),
    click.option(
        "--response-information",
        is_flag=True,
        help="Ask the broker for the topic to listen at (MQTT 5).",
    ),
    click.option(
        "--qos",
        type=click.IntRange(0, 1),
        default=1,
        show_default=True,
        help="Of what the agent sends, and of its subscription. Many real agents use 0.",
    ),
    click.option(
        "--will",
        default="",
        metavar="TOPIC",
        help="Have the broker tell there of a silent end; real agents have no Will.",
    ),
    click.option(
        "--keep-alive",
        type=click.IntRange(0, 65535),
        default=60,
        show_default=True,
        metavar="SECONDS",
        help="MQTT keep-alive, or time between two WebSocket pings; 0: none.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False),
        help="Certificate authority to trust for mqtts and wss (PEM).",
    ),
    click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False),
        help="Certificate of the agent itself (PEM).",
    ),
    click.option(
        "--key",
        type=click.Path(exists=True, dir_okay=False),
        help="Its key, if it is not in the same file.",
    ),
    click.option(
        "--retry",
        type=click.FloatRange(min=0.01),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="Least wait after a lost link (between that and twice as much, then doubling).",
    ),
)
"""Where and how agents connect."""

agent_options = together(
    click.option(
        "--controller",
        default="self::gigafibre-acs",
        show_default=True,
        metavar="ENDPOINT",
        help="Endpoint id of the controller (the server's usp.endpoint_id).",
    ),
    click.option(
        "--role",
        type=click.Choice([role.value for role in Role]),
        default=Role.FULL.value,
        show_default=True,
        help="What the controller may see and do.",
    ),
    click.option(
        "--versions",
        default="1.0,1.1,1.2,1.3",
        show_default=True,
        metavar="LIST",
        help="Versions of USP it speaks; 1.0 and 1.1 alone: no Connect record.",
    ),
    click.option(
        "--onboarding",
        type=click.Choice([when.value for when in OnBoarding]),
        default=OnBoarding.UNTIL_COMPLETE.value,
        show_default=True,
        help="When it sends OnBoardRequest by itself.",
    ),
    click.option(
        "--no-boot-subscription",
        is_flag=True,
        help="Leaves the factory without a subscription to Boot!.",
    ),
    click.option(
        "--periodic",
        type=click.IntRange(min=1),
        default=300,
        show_default=True,
        metavar="SECONDS",
        help="Factory value of PeriodicNotifInterval.",
    ),
    seconds_option("--poll", 0.0, "How often it looks for changed values; 0: told at once."),
    click.option(
        "--session-context",
        is_flag=True,
        help="Speak within a session context (SessionMode Require).",
    ),
    click.option(
        "--max-record",
        type=click.IntRange(min=0),
        default=0,
        metavar="OCTETS",
        help="Largest record it sends within a session context; 0: no limit.",
    ),
    seconds_option("--boot-time", 30.0, "From a reboot until it connects again."),
    seconds_option("--transfer-time", 10.0, "How long a pretended transfer takes."),
    seconds_option("--flash-time", 5.0, "Validating and writing a firmware image."),
    seconds_option("--test-time", 5.0, "How long a diagnostic takes."),
    click.option(
        "--firmware-order",
        type=click.Choice([order.value for order in FirmwareOrder]),
        default=FirmwareOrder.BEFORE_REBOOT.value,
        show_default=True,
        help="When OperationComplete of an upgrade is sent.",
    ),
    click.option(
        "--firmware",
        default="",
        metavar="VERSION",
        help="SoftwareVersion after the next image that does not tell its own.",
    ),
    click.option(
        "--pretend-files",
        is_flag=True,
        help="Pretend that files come or go after --transfer-time; else they are really carried.",
    ),
    click.option("--keep-cwmp", is_flag=True, help="The agent also has Device.ManagementServer."),
    click.option(
        "--hardened",
        is_flag=True,
        help="Survive messages without a body, or of unknown type; real agents crash.",
    ),
)
"""What agents are."""
