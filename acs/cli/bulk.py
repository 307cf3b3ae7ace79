"""`acs bulk`: one thing done on many devices, at a bounded rate, stopping when it fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.bulk_start import asked, rate_text, start
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.devices.record import JobState
from acs.store import campaigns
from acs.store.campaigns import Campaign, CampaignState, Progress

__all__ = ["start"]

COMMANDS = {
    "start": Lazy("acs.cli.bulk:start", "Preview one job for many devices, then begin."),
    "list": Lazy("acs.cli.bulk:list_campaigns", "List campaigns and how far they are."),
    "show": Lazy("acs.cli.bulk:show", "Show how far a campaign is, and why jobs failed."),
    "pause": Lazy("acs.cli.bulk:pause", "Make no further jobs for now."),
    "resume": Lazy("acs.cli.bulk:resume", "Go on after a pause or a stop."),
    "stop": Lazy("acs.cli.bulk:stop", "Hold it, and take back the jobs that no device was given."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def bulk() -> None:
    """Bulk: one job for many devices, given to them at a bounded rate.

    A campaign stops by itself when too large a share of its jobs fails. The running server does
    it; it goes on after a restart.

    \b
    Examples:
      acs bulk start uptime --query "model=XX230v*" read Device.DeviceInfo.UpTime
      acs bulk show uptime
      acs bulk stop uptime
    """


@click.command("list")
@render.json_option
@pass_context
def list_campaigns(context: Context, as_json: bool) -> None:
    """List campaigns, newest first, and how far they are.

    \b
    Example:
      acs bulk list
    """
    now = time.time()
    with opened(context) as database, database.read() as conn:
        found = [(each, campaigns.progress_thd(conn, each.id)) for each in campaigns.list_thd(conn)]
    if as_json:
        render.emit({"campaigns": [_document(each, progress) for each, progress in found]})
        return
    render.print_table(
        ("Campaign", "What", "State", "Progress", "Began", "By", "Reason"),
        (
            (
                each.name,
                each.kind.value,
                each.state.value,
                _in_short(progress),
                age(each.starts_at or each.created_at, now),
                each.created_by,
                each.reason,
            )
            for each, progress in found
        ),
        "No campaign: acs bulk start --help shows how to begin one.",
    )


@click.command()
@click.argument("name")
@render.json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show how far the campaign NAME is, and why jobs failed.

    \b
    Example:
      acs bulk show uptime
    """
    now = time.time()
    with opened(context) as database, database.read() as conn:
        found = campaigns.find_thd(conn, name)
        if found is None:
            raise _unknown(name)
        progress = campaigns.progress_thd(conn, found.id)
        failures = campaigns.failures_thd(conn, found.id)
    if as_json:
        render.emit({**_document(found, progress), "failures": dict(failures.most_common())})
        return
    stops = f"when {found.stop_share:.0%} of the jobs fail" if found.stop_share else "never"
    render.print_facts(
        (
            ("Campaign", found.name),
            ("State", found.state.value),
            ("Why", found.reason),
            ("What", asked(found, Masks())),
            ("Devices", found.query or "all"),
            ("Rate", rate_text(found.rate)),
            ("Stops", stops),
            ("Began", age(found.starts_at or found.created_at, now)),
            ("By", found.created_by),
            ("Ended", age(found.finished_at, now) if found.finished_at else ""),
        )
    )
    render.heading("Progress")
    states = [(state.value, count) for state, count in progress.jobs.items() if count]
    rows = [("waiting", progress.waiting), *states, ("over and forgotten", progress.gone)]
    render.print_table(("State", "Devices"), [row for row in rows if row[1]], "No device is left.")
    _print_failures(failures)


@click.command()
@click.argument("name")
@pass_context
def pause(context: Context, name: str) -> None:
    """Make no further jobs for the campaign NAME, until it is resumed.

    Jobs that are in the queues of devices are still done: `acs bulk stop` takes them back.

    \b
    Example:
      acs bulk pause uptime
    """
    _change(context, name, (CampaignState.RUNNING,), CampaignState.PAUSED)
    render.say(f"{name} makes no further jobs. Go on: acs bulk resume {name}")


@click.command()
@click.argument("name")
@pass_context
def resume(context: Context, name: str) -> None:
    """Go on with the campaign NAME after a pause or a stop, of a person or because jobs failed.

    It goes on with the devices that still wait; jobs that were taken back stay so. One that
    stopped by itself stops again unless its failures are fewer by then.

    \b
    Example:
      acs bulk resume uptime
    """
    _change(context, name, (CampaignState.PAUSED, CampaignState.STOPPED), CampaignState.RUNNING)
    render.say(f"{name} goes on. How far it is: acs bulk show {name}")


@click.command()
@click.argument("name")
@pass_context
def stop(context: Context, name: str) -> None:
    """Make no further jobs for the campaign NAME; take back those that no device was given yet.

    `acs bulk resume` has it go on with the devices that had no job yet.

    \b
    Example:
      acs bulk stop uptime
    """
    before = (CampaignState.RUNNING, CampaignState.PAUSED)
    _change(context, name, before, CampaignState.STOPPED, "stopped by a person")
    render.say(f"{name} is stopped. What was done: acs bulk show {name}")
    render.say(f"The devices that had no job yet can still be given one: acs bulk resume {name}")


def _change(
    context: Context,
    name: str,
    before: Sequence[CampaignState],
    after: CampaignState,
    reason: str = "",
) -> None:
    with opened(context) as database:
        found = database.run("campaign", campaigns.find_thd, name)
        if found is None:
            raise _unknown(name)
        now = time.time()
        change = (found.id, now, before, after, reason)
        if not database.run("campaign", campaigns.change_thd, *change):
            raise Amiss(f"the campaign {name!r} is {found.state}")


def _unknown(name: str) -> Amiss:
    return Amiss(f"there is no campaign {name!r}; see acs bulk list")


def _in_short(progress: Progress) -> str:
    over = progress.total - progress.waiting - progress.open
    failed = progress.jobs[JobState.FAILED]
    return f"{over} of {progress.total}" + (f", {failed} failed" if failed else "")


def _print_failures(failures: Counter[str]) -> None:
    if failures:
        render.heading("Why jobs failed")
        rows = [(count, reason) for reason, count in failures.most_common()]
        render.print_table(("Jobs", "Reason"), rows)


def _document(found: Campaign, progress: Progress) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind.value,
        "payload": Masks().payload(found.payload),
        "query": found.query,
        "state": found.state.value,
        "reason": found.reason,
        "rate_per_minute": found.rate or None,
        "stop_share": found.stop_share or None,
        "priority": found.priority,
        "expires_seconds": found.lifetime or None,
        "starts_at": iso(found.starts_at),
        "created_at": iso(found.created_at),
        "created_by": found.created_by,
        "finished_at": iso(found.finished_at),
        "progress": {
            "total": progress.total,
            "waiting": progress.waiting,
            **{state.value: count for state, count in progress.jobs.items()},
            "forgotten": progress.gone,
        },
    }
