"""Trying a blueprint on a dump: what it finds, what it would write, how the device is."""

from __future__ import annotations

from dataclasses import dataclass

from acs.devices.record import Snapshot
from acs.model import Secret, Value
from acs.profiles.blueprint import Blueprint
from acs.profiles.coverage import Found, Uncovered, lines, networks, uncovered
from acs.profiles.dump import Dump
from acs.profiles.health.look import health_of
from acs.profiles.health.report import Health
from acs.profiles.intent import (
    Intent,
    Management,
    Role,
    Security,
    VoiceLine,
    WifiNetwork,
)
from acs.profiles.plan import Plan, make_plan
from acs.profiles.secrets import Masks
from acs.profiles.tree import Tree

_KEY = b"trial"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    networks: tuple[Found, ...]
    lines: tuple[str, ...]
    uncovered: tuple[Uncovered, ...]
    intent: Intent
    plan: Plan
    health: Health | None


def try_on(
    blueprint: Blueprint, dump: Dump, intent: Intent | None = None, at: float = 0.0
) -> Trial:
    """Try ``blueprint`` on a dump with ``intent``, or with one made for what the device has.

    ``at``: when the dump was read, in epoch seconds.
    """
    masks = Masks.of(blueprint)
    # As a session takes it: what a secret reads as is nothing to go by.
    known = {
        path: Value("", value.type) if masks.hides(path) else value
        for path, value in dump.values.items()
    }
    tree = Tree(blueprint, known)
    found, sockets = networks(blueprint, tree), lines(blueprint, tree)
    wanted = sample_intent(blueprint, found, sockets) if intent is None else intent
    texts = {path: value.text for path, value in known.items()}
    return Trial(
        found,
        sockets,
        tuple(uncovered(blueprint, tree)),
        wanted,
        make_plan(wanted, blueprint, Snapshot(at, known), key=_KEY),
        health_of(texts, blueprint, at),
    )


def sample_intent(
    blueprint: Blueprint, found: tuple[Found, ...], sockets: tuple[str, ...]
) -> Intent:
    """Make a wish for each network and the first line, as a subscriber would have it."""
    rule = blueprint.wifi.security if blueprint.wifi else None
    security = Security.WPA2 if rule and Security.WPA2 in rule.words else None
    return Intent(
        wifi=tuple(
            WifiNetwork(
                network.band,
                network.role,
                ssid="Sample" if network.role is Role.MAIN else f"Sample-{network.role}",
                passphrase=Secret("sample passphrase"),
                security=security,
                enabled=True,
            )
            for network in found
            if network.role in (Role.MAIN, Role.GUEST)
        ),
        voice=(
            (
                VoiceLine(
                    enabled=True,
                    username="4185550100",
                    password=Secret("sample password"),
                    registrar="sip.example.net",
                ),
            )
            if sockets
            else ()
        ),
        management=Management(periodic_inform=True, periodic_inform_interval=3600),
    )
