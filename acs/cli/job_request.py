"""Asking for a job: what all commands that make one have in common."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from acs.cli import render
from acs.cli.ages import Duration
from acs.cli.confirming import confirm
from acs.cli.database import opened
from acs.cli.device_show import masks_of
from acs.cli.documents import job_document
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.job_print import is_well, print_job
from acs.cli.lookup import find_device
from acs.cli.main import Context
from acs.cli.masking import Masks
from acs.cli.waiting import follow
from acs.cli.wake_words import news, waking_thd
from acs.cli.wanted import Refusal, Wanted, nothing_against
from acs.devices.jobs.kind import Unsound
from acs.devices.jobs.run import KINDS
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import Database, jobs

F = TypeVar("F", bound=Callable[..., Any])
Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What all jobs have in common."""

    priority: int
    expires: float
    wait: float
    as_json: bool


Show = Callable[[Job, Device, Masks, JobOptions], bool]
"""Prints how a job stands; tells whether all is well."""


def job_options(command: F) -> F:
    """Add the common options to a command, which is handed them as one value."""
    return handed_as_one(
        command,
        click.option(
            "--wait",
            type=Duration(),
            default=0.0,
            metavar="SECONDS",
            help="Wait so long for the outcome, and print it.",
        ),
        click.option(
            "--expires",
            type=Duration(),
            default=0.0,
            metavar="TIME",
            help="Give up when the device has not called for so long: 90s, 15m, 24h, 7d.",
        ),
        click.option(
            "--priority",
            type=click.IntRange(-1000, 1000),
            default=0,
            help="Higher ones go first.",
        ),
    )


def handed_as_one(command: F, *options: Callable[[Any], Any]) -> F:
    """Add `--json` and ``options``: `wait`, `expires`, and `priority` if one may choose it."""

    @wraps(command)
    def with_options(
        *args: Any, expires: float, wait: float, as_json: bool, priority: int = 0, **kwargs: Any
    ) -> Any:
        return command(*args, options=JobOptions(priority, expires, wait, as_json), **kwargs)

    every: list[Callable[[Any], Any]] = [render.json_option, *options]
    for option in every:
        with_options = option(with_options)
    return with_options  # type: ignore[return-value]


def ask_secret(path: str) -> str:
    """Ask for a secret, or take it from standard input where that is no terminal."""
    given = sys.stdin
    if given.isatty():
        typed: str = click.prompt(path, hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = given.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"standard input has no line with the value of {path}")
    return line


def show_job(job: Job, device: Device, masks: Masks, options: JobOptions) -> bool:
    """Print how a job stands. One that nobody waits for is well in its queue."""
    if options.as_json:
        render.emit({"device": device.key, "job": job_document(job, masks)})
    else:
        print_job(job, device, masks, waited=bool(options.wait))
    return is_well(job) or (not options.wait and job.state is JobState.QUEUED)


def ask(
    context: Context,
    name: str,
    kind: JobKind,
    options: JobOptions,
    payload: Callable[[Device, Masks], Payload],
    question: str = "",
    show: Show = show_job,
    refusal: Refusal = nothing_against,
) -> None:
    """Keep the job, follow it if that is wished, print how it stands, and end accordingly.

    One that ``refusal`` speaks against is not kept: raises `Amiss` with the reason.

    Asked of many devices at once, it is handed to whoever asks so (`Context.collect`) instead.
    """
    if context.collect is not None:
        context.collect(Wanted(kind, payload, options.priority, options.expires, refusal))
        return
    with opened(context) as database:
        device = find_device(database, name)
        masks = masks_of(context, device)
        asked = sound(kind, payload(device, masks))
        if reason := refusal(device):
            raise Amiss(f"{device.key}: {reason}")
        if question:
            confirm(question.format(render.plain(device.key)))
        now = time.time()
        job = Job(
            id=0,
            device_id=device.id,
            kind=kind,
            payload=asked,
            priority=options.priority,
            created_at=now,
            created_by=asked_by(),
            expires_at=now + options.expires if options.expires else 0.0,
        )
        job_id = database.run("enqueue", jobs.enqueue_thd, job)
        job, device = followed(database, job_id, device, options.wait)
        called = _called(database, job, context) if options.wait else ""
    is_shown_well = show(job, device, masks, options)
    if called and not options.as_json:
        render.say(f"The device {called}.")
    leave(0 if is_shown_well else DIFFERENT)


def _called(database: Database, job: Job, context: Context) -> str:
    """Say what came of calling the device of a job that still waits for it."""
    if job.state is not JobState.QUEUED:
        return ""
    with database.read() as conn:
        interval = context.settings.provisioning.periodic_inform_interval
        waking = waking_thd(conn, job.device_id, interval)
    return news(waking, time.time(), job.created_at)


def sound(kind: JobKind, payload: Payload) -> Payload:
    """Return ``payload``. Raises `click.UsageError` when no device could do anything with it."""
    try:
        KINDS[kind].check(payload)
    except Unsound as why:
        raise click.UsageError(str(why)) from None
    return payload


def followed(database: Database, job_id: int, device: Device, seconds: float) -> tuple[Job, Device]:
    """Follow a job for so long, with a line of progress, and return how it stands then.

    Raises `Amiss` when the wait is interrupted, or the device is forgotten meanwhile.
    """
    try:
        with render.progress(f"Job {job_id}") as told:
            found = follow(database, job_id, seconds, lambda text: told(f"Job {job_id} {text}"))
    except KeyboardInterrupt:
        # It was asked for and stays so; only the waiting ends.
        raise Amiss(f"job {job_id} stays as it is; see `acs device jobs {device.key}`") from None
    if found is None:
        raise Amiss(f"job {job_id} is gone: the device was forgotten meanwhile")
    return found


def asked_by() -> str:
    """Say who asks, as a job keeps it."""
    try:
        return f"acs {getpass.getuser()}"
    except (KeyError, OSError):
        return "acs ?"
