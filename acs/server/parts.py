"""Parts made from the settings that the server and the command line both need."""

from __future__ import annotations

from pathlib import Path

from acs.devices.house import Policy, StunWish
from acs.devices.safety import Mode, Safety
from acs.devices.vocabulary import KnownNames, Vocabulary, optional_names
from acs.profiles import Library
from acs.settings import Settings, SettingsError
from acs.store import schema
from acs.store.engine import Database
from acs.store.trees import all_names_thd
from acs.store.vault import Vault, decode_key


def open_database(settings: Settings) -> Database:
    """Open the database of these settings, with its schema brought up to date.

    Raises `acs.store.errors.StoreError` with the fix named.
    """
    keys = {name: decode_key(key.reveal()) for name, key in settings.secrets.keys.items()}
    vault = Vault(keys, settings.secrets.current)
    database = Database(settings.database_url.reveal(), vault, realm=settings.auth.realm)
    schema.upgrade(database)
    schema.prepare(database)
    return database


def load_library(settings: Settings) -> Library:
    """Read the blueprints. Raises `SettingsError` for a directory that is not there."""
    own = settings.provisioning.blueprint_dir
    if own and not Path(own).is_dir():
        problem = f"{own} is no directory; make it, or leave the setting out"
        raise SettingsError((f"provisioning.blueprint_dir: {problem}",))
    return Library.load(own or None)


def policy_of(settings: Settings) -> Policy:
    """How visits behave under these settings."""
    wanted = settings.provisioning
    return Policy(
        heal=wanted.drift == "heal",
        check_interval=wanted.check_interval_hours * 3600,
        max_changes=wanted.max_changes,
        settle=wanted.settle_seconds,
        transfer_timeout=wanted.transfer_timeout_seconds,
        backoff=wanted.backoff_seconds,
        backoff_max=wanted.backoff_max_seconds,
        marker=wanted.marker,
        own_credentials=settings.auth.own_credentials and settings.auth.mode != "none",
        rebootstrap=settings.auth.rebootstrap == "allow",
        periodic_inform_interval=wanted.periodic_inform_interval,
        change_carrier=wanted.change_carrier,
        discover=settings.discovery.automatic,
        discovery_rpcs=settings.discovery.max_rpcs,
        wake_accounts=settings.wakeup.enabled and settings.wakeup.own_accounts,
        stun=stun_of(settings),
        safety=safety_of(settings),
        hold_foreign=settings.safety.taken_over == "dry-run",
    )


def safety_of(settings: Settings) -> Safety:
    """What may leave under these settings."""
    wanted = settings.safety
    mode = Mode(wanted.mode.value)
    return Safety(mode, wanted.devices, wanted.customers, wanted.tags)


def stun_of(settings: Settings) -> StunWish | None:
    """Where devices are told that the STUN server is; None: they are told nothing."""
    stun = settings.stun
    return StunWish(stun.server, stun.port, *stun.keepalive) if stun.server else None


def known_names(database: Database, library: Library) -> KnownNames:
    """What is known of the names that models have."""
    blueprints = filter(None, map(library.get, library.names()))
    listed = database.run("names of models", all_names_thd)
    known = {key: Vocabulary.of(each.names, each.unlisted) for key, each in listed.items()}
    return KnownNames(optional_names(blueprints), known)


def fingerprint_key(database: Database) -> bytes:
    """Key of fingerprints and digests: the same for all processes on one database."""
    return bytes.fromhex(database.vault.digest(b"fingerprints", "acs.profiles"))
