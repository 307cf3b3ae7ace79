"""`acs device wake`: have a device called, and hear what honestly came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import Duration, iso
from acs.cli.database import opened
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_request import asked_by
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.wake_words import Waking, is_open, is_withheld, waking_thd, words
from acs.devices.waking import WakeState
from acs.store import Database, wakes

_EVERY = 0.2


@click.command()
@device_argument
@click.option(
    "--wait",
    type=Duration(),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for what comes of it, and print it.",
)
@render.json_option
@pass_context
def wake(context: Context, device: str, wait: float, as_json: bool) -> None:
    """Have DEVICE called now: over USP, by connection request, or by datagram through its NAT.

    Jobs have their devices called by themselves; this is for whoever wants to know whether a
    device can be called. Nothing is lost where it cannot: what waits for it stays queued.

    \b
    Examples:
      acs device wake 22275A7000001 --wait 60
      acs device wake EQP-00001 --wait 2m --json
    """
    if not context.settings.wakeup.enabled:
        raise Amiss("no device is called: set wakeup.enabled to true, and restart the server")
    with opened(context) as database:
        found = find_device(database, device)
        interval = context.settings.provisioning.periodic_inform_interval
        reason = f"asked by {asked_by()}"
        database.run("wake", wakes.ask_thd, [found.id], reason, time.time())
        try:
            with render.progress(f"{found.key} is about to be called") as told:
                waking = follow(database, found.id, wait, told, interval=interval)
        except KeyboardInterrupt:
            raise Amiss(f"it is called all the same; see `acs device show {found.key}`") from None
    if waking is None or waking.wake is None:
        raise Amiss(f"{found.key} was forgotten meanwhile")
    state = waking.wake.state
    if as_json:
        render.emit(document(waking))
    else:
        render.say(f"{found.key} {words(waking, time.time())}.")
    is_well = state is WakeState.WOKEN or (not wait and is_open(waking.wake, time.time()))
    leave(0 if is_well else DIFFERENT)


def follow(
    database: Database,
    device_id: int,
    seconds: float,
    told: Callable[[str], None],
    *,
    interval: float = 0.0,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Waking | None:
    """Look at a wake until it ends or ``seconds`` are over, and return how it stands then.

    ``told`` hears how it stands meanwhile. ``interval`` is that of `waking_thd`. None: the device
    was deleted.
    """
    until = clock() + seconds
    while True:
        with database.read() as conn:
            waking = waking_thd(conn, device_id, interval)
        now = clock()
        if waking is None or waking.wake is None:
            return waking
        if not is_open(waking.wake, now) or now >= until:
            return waking
        told(words(waking, now))
        sleep(min(_EVERY, max(until - now, 0.0)))


def document(waking: Waking) -> dict[str, Any]:
    """How a wake stands, for machines."""
    wake = waking.wake
    shown = wake and {
        "state": "withheld" if is_withheld(wake) else wake.state.value,
        "way": wake.way.value or None,
        "detail": wake.detail,
        "reason": wake.reason,
        "attempts": wake.attempts,
        "asked_at": iso(wake.asked_at),
        "sent_at": iso(wake.sent_at),
        "next_at": iso(wake.next_at),
        "ended_at": iso(wake.ended_at),
    }
    return {
        "device": waking.device.key,
        "wake": shown,
        "next_inform_by": iso(waking.next_inform),
    }
