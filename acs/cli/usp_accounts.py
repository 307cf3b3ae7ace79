"""`acs usp account`: accounts of agents at the MQTT broker, bound to their endpoint ids."""

from __future__ import annotations

import secrets

import click

from acs.address import split_address
from acs.cli import render
from acs.cli.failures import Amiss, Failure
from acs.cli.job_request import ask_secret
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.model import Secret
from acs.settings import Settings
from acs.usp.mqtt.accounts import (
    AccountError,
    Door,
    add_account,
    list_accounts,
    remove_account,
)
from acs.usp.mqtt.broker import BROKER_FOLDER, BrokerError, answering_at, read_passwords
from acs.usp.mqtt.mosquitto import ACCOUNTS
from acs.usp.mqtt.remote import Trust
from acs.usp.mqtt.topics import Address, Topics

COMMANDS = {
    "add": Lazy("acs.cli.usp_accounts:add", "Give an agent an account, or a new password."),
    "list": Lazy("acs.cli.usp_accounts:list_all", "List the agents that have an account."),
    "remove": Lazy("acs.cli.usp_accounts:remove", "Take an agent's account away."),
}
_endpoint = click.argument("endpoint", metavar="ENDPOINT")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def accounts() -> None:
    """Accounts of agents at the MQTT broker; each is bound to its endpoint id.

    The broker must be running: the embedded one, or a Mosquitto with the dynamic security
    plugin where `mqtt.username` may use it.

    \b
    Examples:
      acs usp account add ops::00259E-EX220-2212345678901
      acs usp account list
      acs usp account remove ops::00259E-EX220-2212345678901
    """


@click.command()
@_endpoint
@click.option("--ask", is_flag=True, help="Ask for the password; else one is made and shown.")
@render.json_option
@pass_context
def add(context: Context, endpoint: str, ask: bool, as_json: bool) -> None:
    """Give the agent ENDPOINT an account, or a new password, and show what it must be told.

    \b
    Examples:
      acs usp account add ops::00259E-EX220-2212345678901
      acs usp account add os::00259E-2212345678901 --ask
      acs usp account add os::00259E-2212345678901 --json
    """
    settings = context.settings
    password = ask_secret("password") if ask else secrets.token_urlsafe(18)
    try:
        made = add_account(_door(settings), endpoint, Secret(password))
    except AccountError as error:
        raise Failure(str(error)) from None
    topics = Topics(settings.mqtt.topic)
    here = Address(topics.agent(endpoint))
    told = {
        "ClientID": endpoint,
        "Username": endpoint,
        "Password": "***" if ask else password,
        "ResponseTopicConfigured": here.topic,
        "Controller topic": topics.reply_to(here),
    }
    if as_json:
        render.emit({"endpoint": endpoint, "new": made, "agent": told})
        return
    render.say(f"{endpoint}: {'has an account now' if made else 'has a new password'}")
    render.print_facts(told.items())


@click.command("list")
@render.json_option
@pass_context
def list_all(context: Context, as_json: bool) -> None:
    """List the agents that have an account of their own.

    \b
    Examples:
      acs usp account list
      acs usp account list --json | jq -r '.accounts[].endpoint'
    """
    try:
        found = list_accounts(_door(context.settings))
    except AccountError as error:
        raise Failure(str(error)) from None
    if as_json:
        rows = [{"endpoint": each.endpoint, "disabled": each.disabled} for each in found]
        render.emit({"accounts": rows})
        return
    empty = "No agent has an account of its own: acs usp account add ENDPOINT gives it one."
    rows_of = [(each.endpoint, "disabled" if each.disabled else "") for each in found]
    render.print_table(("Endpoint", "State"), rows_of, empty)


@click.command()
@_endpoint
@render.json_option
@pass_context
def remove(context: Context, endpoint: str, as_json: bool) -> None:
    """Take the account of the agent ENDPOINT away, and end its connection.

    With the password that new devices share it can still come back; `mqtt.bootstrap = false`
    shuts that door.

    \b
    Example:
      acs usp account remove ops::00259E-EX220-2212345678901
    """
    try:
        removed = remove_account(_door(context.settings), endpoint)
    except AccountError as error:
        raise Failure(str(error)) from None
    if not removed:
        raise Amiss(f"{endpoint}: has no account; acs usp account list shows who has")
    if as_json:
        render.emit({"endpoint": endpoint, "removed": True})
    else:
        render.say(f"{endpoint}: has no account any more")


def _door(settings: Settings) -> Door:
    """Where accounts are changed under these settings."""
    mqtt = settings.mqtt
    if mqtt.broker == "off":
        raise Failure('mqtt.broker is "off": there are no accounts')
    if mqtt.broker == "embedded":
        try:
            _, password = read_passwords(settings.data_dir / BROKER_FOLDER)
        except BrokerError as error:
            raise Failure(str(error)) from None
        host, port = split_address(mqtt.listen)
        return Door(answering_at(host), port, ACCOUNTS, password)
    scheme, _, place = mqtt.broker.partition("://")
    host, port = split_address(place)
    try:
        trust = Trust(mqtt.tls_ca, mqtt.tls_certificate, mqtt.tls_key)
        tls = trust.context() if scheme == "mqtts" else None
    except OSError as error:
        raise Failure(f"mqtt.tls_ca, tls_certificate, tls_key: {error}") from None
    return Door(host, port, mqtt.username, mqtt.password, tls)
