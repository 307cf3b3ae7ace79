"""`acs bulk start`: preview a job for many devices, ask, and begin."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import click

from acs.cli import render
from acs.cli.asked import in_words
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.device import device as device_group
from acs.cli.device_show import masks_of
from acs.cli.failures import Amiss, UnknownDevice
from acs.cli.job_request import asked_by, sound
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.queries import query_option, read_query
from acs.cli.wanted import Wanted
from acs.devices.files import FIRMWARE
from acs.devices.record import Device, JobKind
from acs.profiles.diagnostics.names import Diagnostic
from acs.store import campaigns, selection
from acs.store.campaigns import Campaign

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}\Z")
_SHOWN = 20
_LIFETIME = 7 * 86_400.0
_FILLS_LINES = (Diagnostic.SPEED_DOWNLOAD, Diagnostic.SPEED_UPLOAD)
_DEFAULT_RATE = "60/min"
_DEFAULT_SHARE = "10%"
# Commands of `acs device` that make a job which means the same on every device.
KINDS = (
    "provision", "read", "set", "add", "delete", "reboot", "factory-reset", "names", "attributes",
    "notify", "schedule-inform", "download", "upload", "schedule-download", "methods", "options",
    "software", "operate", "activate", "tree", "ping", "trace", "speed-download", "speed-upload",
    "lookup", "neighbours",
)  # fmt: skip


class Rate(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """Jobs per time, as people write it: ``60/min``, ``2/s``, ``600/h``, ``all``."""

    name = "rate"
    _FORM = re.compile(r"(\d{1,6})(?:/(s|min|m|h))?\Z")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return it per minute; 0: all at once."""
        text = str(value).strip().lower()
        if text == "all":
            return 0
        found = self._FORM.match(text)
        per_minute = int(found[1]) * {"s": 60, "h": 1 / 60}.get(found[2], 1) if found else 0.0
        if per_minute < 1 or per_minute != int(per_minute):
            least = "the least is 1/min, which is 60/h"
            self.fail(f"{value!r} is no whole number of jobs per minute; {least}; or write all")
        return int(per_minute)


class Share(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A share in percent, ``10%``, or ``never``."""

    name = "share"
    _FORM = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%?\Z")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it from 0 to 1; 0: never."""
        text = str(value).strip().lower()
        if text == "never":
            return 0.0
        found = self._FORM.match(text)
        if not found or not 0 < float(found[1]) <= 100:
            self.fail(f"{value!r} is no share; write 10%, or never")
        return float(found[1]) / 100


class Moment(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A time of this machine's clock: ``02:00`` (the next one) or ``2026-10-01T02:00``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it in epoch seconds."""
        if isinstance(value, float):
            return value
        now = datetime.now()
        try:
            if re.fullmatch(r"\d\d:\d\d", str(value)):
                hour, minute = map(int, str(value).split(":"))
                at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
                return (at if at > now else at + timedelta(days=1)).timestamp()
            moment = datetime.fromisoformat(str(value)).timestamp()
        except ValueError:
            self.fail(f"{value!r} is no time; write 02:00 or 2026-10-01T02:00")
        if moment < now.timestamp():
            self.fail(f"{value} is over; leave it out to begin at once")
        return moment


@dataclass(frozen=True, slots=True)
class _Plan:
    """A campaign that may begin, and the devices it is for."""

    campaign: Campaign
    devices: Sequence[Device]
    masks: Masks
    unfit: Mapping[str, str]
    """Keys of the devices on which the job would fail, with the reason."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@query_option(required=True, help="Which devices.")
@click.argument("job", nargs=-1, required=True, type=click.UNPROCESSED, metavar="KIND [ARGS]...")
@click.option("--rate", type=Rate(), default=_DEFAULT_RATE, show_default=True, help="Or all.")
@click.option(
    "--stop-share",
    type=Share(),
    default=_DEFAULT_SHARE,
    show_default=True,
    help="Stop when so many of the jobs that are over failed (5 at least); or never.",
)
@click.option("--at", "starts_at", type=Moment(), default=0.0, help="Begin then: 02:00, or a date.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--interrupt-customers",
    is_flag=True,
    help="Needed for a reboot, a factory reset, firmware and speed tests: customers notice.",
)
@render.json_option
@pass_context
def start(
    context: Context,
    name: str,
    query: str,
    job: tuple[str, ...],
    rate: int,
    stop_share: float,
    starts_at: float,
    dry_run: bool,
    yes: bool,
    interrupt_customers: bool,
    as_json: bool,
) -> None:
    """Have one job done on all devices that fit a query now.

    KIND and what follows it are those of `acs device KIND`, without DEVICE, and take its options
    --expires (7d unless told) and --priority. Shows first which devices are meant, then asks.
    Devices that come to fit later are not in it; those that are forgotten are skipped.

    \b
    Examples:
      acs bulk start uptime --query "model=XX230v*" read Device.DeviceInfo.UpTime
      acs bulk start look-again --query "standing=faulted" --rate 120/min provision
      acs bulk start channel --query "group=field" --dry-run set Device.WiFi.Radio.1.Channel=11
      acs bulk start trees --query "group=field" --rate 10/min tree --refresh
      acs bulk start night --query "tag=lab" --at 02:00 --interrupt-customers reboot
    """
    if not _NAME.match(name):
        raise click.UsageError(f"{name!r}: a name is up to 60 letters, digits, blanks, . _ -")
    wanted = _wanted(context, job)
    now = time.time()
    campaign = Campaign(
        name,
        wanted.kind,
        query=query,
        priority=wanted.priority,
        lifetime=wanted.lifetime or _LIFETIME,
        rate=rate,
        stop_share=stop_share,
        starts_at=starts_at,
        created_at=now,
        created_by=asked_by(),
    )
    with opened(context) as database:
        with database.read() as conn:
            if campaigns.find_thd(conn, name) is not None:
                raise _taken(name)
            found = selection.list_thd(conn, read_query(conn, query), now, limit=None)
        if not found:
            raise Amiss("no device fits the query; see acs device list --query")
        plan = _plan(context, campaign, wanted, found)
        if (harm := _harm(plan.campaign)) and not interrupt_customers:
            raise click.UsageError(f"{harm}; add --interrupt-customers if that is meant")
        if not as_json:
            _print(plan)
        if not dry_run:
            if not yes:
                confirm(f"Begin, on {len(found)} devices?")
            ids = [device.id for device in found]
            if database.run("campaign", campaigns.add_thd, plan.campaign, ids) is None:
                raise _taken(name)
    if as_json:
        render.emit({**_document(plan), "started": not dry_run})
    elif not dry_run:
        render.say(f"{name} has begun. How far it is: acs bulk show {name}")


def rate_text(rate: int) -> str:
    """Write a rate."""
    return f"{rate} a minute" if rate else "all at once"


def _wanted(context: Context, job: Sequence[str]) -> Wanted:
    """Have the command of a job say what it is told, without doing it."""
    kind, *arguments = job
    if kind not in KINDS:
        raise click.UsageError(f"{kind!r} cannot be done in bulk; there are: {', '.join(KINDS)}")
    collected: list[Wanted] = []
    here = click.get_current_context()
    command = device_group.get_command(here, kind)
    assert command is not None
    # No device has the empty name: were it looked for, nothing would be found and nothing done.
    try:
        made = command.make_context(kind, ["", *arguments], parent=here, obj=context)
        made.obj = replace(context, collect=collected.append)
        with made:
            command.invoke(made)
    except UnknownDevice:
        raise click.UsageError(f"{kind!r} can be asked of one device only") from None
    except click.UsageError as error:
        # It would show the usage of `acs device`, which has a DEVICE.
        told = f"{kind}: {error.format_message()}"
        raise click.UsageError(f"{told}\nWrite it so: {_words(command)}", here) from None
    if not collected:
        raise click.UsageError(f"{kind!r} can be asked of one device only")
    return collected[0]


def _words(command: click.Command) -> str:
    """Say what is written after the kind of a job; DEVICE is not."""
    made = click.Context(command, info_name=command.name)
    pieces = [piece for piece in command.collect_usage_pieces(made) if piece != "DEVICE"]
    return " ".join([str(command.name), *pieces])


def _plan(context: Context, campaign: Campaign, wanted: Wanted, found: Sequence[Device]) -> _Plan:
    first = found[0]
    masks = masks_of(context, first)
    payload = sound(wanted.kind, wanted.payload(first, masks))
    roots = Counter(device.root for device in found)
    if len(roots) > 1 and first.root and any(first.root in text for text in _texts(payload)):
        told = ", ".join(f"{root or 'unknown'} ({count})" for root, count in roots.items())
        raise click.UsageError(
            f"the devices have different data models: {told}; add root={first.root} to the query"
        )
    reasons = ((device.key, wanted.refusal(device)) for device in found)
    unfit = {key: reason for key, reason in reasons if reason}
    return _Plan(replace(campaign, payload=payload), found, masks, unfit)


def _harm(campaign: Campaign) -> str:
    """Say what every customer will notice of it; empty: nothing."""
    told = campaign.payload
    match campaign.kind:
        case JobKind.REBOOT | JobKind.FACTORY_RESET | JobKind.ACTIVATE:
            return f"a {campaign.kind} leaves each of these customers without service for minutes"
        case JobKind.DOWNLOAD | JobKind.SCHEDULE_DOWNLOAD if told.get("file_type") == FIRMWARE:
            return "new firmware leaves each of these customers without service for minutes"
        case JobKind.DIAGNOSTIC if told.get("diagnostic") in _FILLS_LINES:
            return "a speed test fills the line of each of these customers"
        case _:
            return ""


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _print(plan: _Plan) -> None:
    campaign, count = plan.campaign, len(plan.devices)
    stops = f"{campaign.stop_share:.0%} of the jobs fail" if campaign.stop_share else ""
    minutes = count / campaign.rate if campaign.rate else 0
    takes = f", {minutes:.0f} minutes for all" if minutes >= 1 else ""
    starts = datetime.fromtimestamp(campaign.starts_at) if campaign.starts_at else None
    render.print_facts(
        (
            ("Campaign", campaign.name),
            ("What", asked(campaign, plan.masks)),
            ("Devices", count),
            ("Rate", rate_text(campaign.rate) + takes),
            ("Stops when", stops or "never by itself"),
            ("Begins", f"{starts:%Y-%m-%d %H:%M}" if starts else "at once"),
        )
    )
    for heading, counts in _counts(plan.devices).items():
        shown = ", ".join(f"{name or 'unknown'} {number}" for name, number in counts.items())
        render.say(f"By {heading}: {shown}")
    if plan.unfit:
        render.say(f"On {len(plan.unfit)} of {count} it would fail; narrow the query:")
        for reason, number in Counter(plan.unfit.values()).most_common():
            render.say(f"  {number}: {reason}")
    for device in plan.devices[:_SHOWN]:
        render.say(f"  {device.key}  {device.standing}  {device.equipment}".rstrip())
    if count > _SHOWN:
        render.say(f"  … and {count - _SHOWN} more")


def asked(campaign: Campaign, masks: Masks) -> str:
    """Say what a campaign asks of each device."""
    told = in_words(masks.payload(campaign.payload))
    return f"{campaign.kind}" + (f" ({told})" if told else "")


def _counts(found: Sequence[Device]) -> dict[str, dict[str, int]]:
    counters = {
        "model": Counter(device.model or device.product_class for device in found),
        "standing": Counter(device.standing.value for device in found),
        "software": Counter(device.software for device in found),
    }
    return {heading: dict(counter.most_common()) for heading, counter in counters.items()}


def _document(plan: _Plan) -> dict[str, Any]:
    campaign = plan.campaign
    return {
        "name": campaign.name,
        "kind": campaign.kind.value,
        "payload": plan.masks.payload(campaign.payload),
        "query": campaign.query,
        "devices": len(plan.devices),
        "by": _counts(plan.devices),
        "unfit": dict(plan.unfit),
        "first": [device.key for device in plan.devices[:_SHOWN]],
        "rate_per_minute": campaign.rate or None,
        "stop_share": campaign.stop_share or None,
        "expires_seconds": campaign.lifetime,
    }


def _taken(name: str) -> Amiss:
    return Amiss(f"there is a campaign {name!r} already; choose another name")
