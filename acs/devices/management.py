"""What the server itself wants of a device, beside the wish: how it reports and how it is called.

The device gets credentials of its own in place of the shared secret, an account by which it
believes our connection requests, and where the STUN server is.
"""

from __future__ import annotations

from dataclasses import replace

from acs.devices.effects import SaveCredentials, SaveWakeAccount
from acs.devices.house import Policy, WakeAccount
from acs.devices.ledger import Ledger
from acs.model import Secret
from acs.profiles import Blueprint, Intent, Management


def with_server_settings(intent: Intent, blueprint: Blueprint, policy: Policy) -> Intent:
    """Add our own settings that are no secret, where the wish names none and they have a place."""
    return _with_stun(_with_inform_interval(intent, blueprint, policy), blueprint, policy)


def _with_inform_interval(intent: Intent, blueprint: Blueprint, policy: Policy) -> Intent:
    management = intent.management or Management()
    if (
        not policy.periodic_inform_interval
        or management.periodic_inform_interval is not None
        or "periodic_inform_interval" in blueprint.ignored_management
    ):
        return intent
    ours = replace(
        management,
        periodic_inform=True,
        periodic_inform_interval=policy.periodic_inform_interval,
    )
    return replace(intent, management=ours)


def _with_stun(intent: Intent, blueprint: Blueprint, policy: Policy) -> Intent:
    management, stun = intent.management or Management(), policy.stun
    if stun is None or management.stun_server is not None or not has(blueprint, "stun_server"):
        return intent
    ours = replace(
        management,
        stun_enabled=True,
        stun_server=stun.server,
        stun_port=stun.port,
        stun_min_keepalive=stun.min_keepalive,
        stun_max_keepalive=stun.max_keepalive,
    )
    return replace(intent, management=ours)


def has(blueprint: Blueprint, setting: str) -> bool:
    """Tell whether devices of this family have a place for a management setting."""
    return setting in blueprint.management and setting not in blueprint.ignored_management


def needs_password(ledger: Ledger, blueprint: Blueprint) -> bool:
    """Tell whether the device is to be given a password in place of the bootstrap secret."""
    return (
        ledger.contact.credential == "bootstrap"
        and ledger.house.policy.own_credentials
        and "acs_password" not in blueprint.ignored_management
    )


async def with_management(ledger: Ledger, intent: Intent, blueprint: Blueprint) -> Intent:
    """Add what the server itself wants; credentials are kept before the device is told them."""
    intent = with_server_settings(intent, blueprint, ledger.house.policy)
    management = intent.management or Management()
    if needs_password(ledger, blueprint):
        password = await _own_password(ledger)
        management = replace(management, acs_username=ledger.device.key, acs_password=password)
    if _takes_calls(ledger, management, blueprint):
        account = await _wake_account(ledger)
        management = replace(
            management,
            connection_request_username=account.username,
            connection_request_password=account.password,
        )
        if management.stun_server is not None and management.stun_username is None:
            # A binding tells whose it is by the user name (TR-069 G.2.1.1).
            management = replace(
                management, stun_username=account.username, stun_password=account.password
            )
    return intent if management == Management() else replace(intent, management=management)


def _takes_calls(ledger: Ledger, management: Management, blueprint: Blueprint) -> bool:
    return (
        ledger.house.policy.wake_accounts
        and ledger.contact.protocol == "cwmp"
        and management.connection_request_username is None
        and has(blueprint, "connection_request_password")
    )


async def _own_password(ledger: Ledger) -> Secret:
    """The device's generated password; kept durably before the device is told it."""
    pending = await ledger.house.pending_password(ledger.device.id)
    if pending is not None:
        return pending
    password = ledger.house.new_password()
    ledger.learn(SaveCredentials(ledger.device.id, ledger.device.key, password.reveal()))
    await ledger.keep()
    return password


async def _wake_account(ledger: Ledger) -> WakeAccount:
    """By what the device believes that it is us who call; kept durably before it is told."""
    known = await ledger.house.wake_account(ledger.device.id)
    if known is not None:
        return known
    account = WakeAccount(ledger.device.key, ledger.house.new_password())
    ledger.learn(SaveWakeAccount(ledger.device.id, account.username, account.password.reveal()))
    await ledger.keep()
    return account
