"""`acs device show`: all that is known of one device."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import click

from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.blueprint_firmware import firmware_word
from acs.cli.database import opened
from acs.cli.documents import device_document, fault_document, job_document, proof_document
from acs.cli.failures import Amiss
from acs.cli.lookup import device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.cli.usp_agent import agent_document, presence_words, proof_words
from acs.cli.wake_words import Waking, news, waking_thd
from acs.devices.agents import Agent
from acs.devices.identity import Equipment, Treatment
from acs.devices.ledger import facts_of
from acs.devices.record import Device, FaultRecord, Job, JobState, Proof
from acs.devices.source import MirrorRow
from acs.devices.vocabulary import model_key
from acs.profiles import Library
from acs.store import (
    devices,
    equipment,
    faults,
    jobs,
    proofs,
    tags,
    usp_agents,
    usp_models,
)
from acs.store.usp_models import KeptModel

_JOBS = 5
_VALUES = 10
"""Values that are shown in the outcome of a job; of more, their number."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store holds of one device."""

    device: Device
    wish: MirrorRow | None
    proof: Proof | None
    faults: list[FaultRecord]
    jobs: list[Job]
    tags: frozenset[str]
    masks: Masks
    firmware: str
    """What the operator's rules want of its firmware; empty: no rule fits."""
    agent: Agent | None = None
    """The USP agent on it that was seen last."""
    supported: KeptModel | None = None
    """What the model of its agent supports."""
    waking: Waking | None = None


@click.command()
@device_argument
@click.option("--customer", is_flag=True, help="Ask ERPNext who has it, with phone and e-mail.")
@render.json_option
@pass_context
def show(context: Context, device: str, customer: bool, as_json: bool) -> None:
    """Show who DEVICE is, where it stands and why, its equipment, proof, faults and jobs.

    \b
    Examples:
      acs device show 22275A7000001
      acs device show EQP-00001 --json
      acs device show EQP-00001 --customer
    """
    with opened(context) as database:
        found = find_device(database, device)
        with database.read() as conn:
            agents = usp_agents.of_devices_thd(conn, [found.id]).get(found.id, [])
            agent = agents[0] if agents else None
            known = _Known(
                devices.get_thd(conn, found.id) or found,
                equipment.wish_thd(conn, [found.equipment]).get(found.equipment),
                proofs.latest_thd(conn, found.id),
                faults.list_thd(conn, found.id),
                jobs.list_thd(conn, found.id, limit=_JOBS),
                tags.of_thd(conn, [found.id]).get(found.id, frozenset()),
                masks_of(context, found),
                firmware_word(facts_of(found), context.settings.provisioning.firmware_rules),
                agent,
                usp_models.get_thd(conn, model_key(agent)) if agent else None,
                waking_thd(conn, found.id, context.settings.provisioning.periodic_inform_interval),
            )
    if customer:
        _show_with_customer(context, known, as_json)
    elif as_json:
        render.emit(_document(known))
    else:
        _print(known, time.time())


def _show_with_customer(context: Context, known: _Known, as_json: bool) -> None:
    # Imported here only: most looks at a device need nothing that speaks to ERPNext.
    from acs.cli import customer

    answer = customer.ask(context.settings.erp, known.wish)
    if as_json:
        render.emit({**_document(known), "customer": customer.document(answer)})
    else:
        _print(known, time.time())
        customer.print_card(answer)
    if answer.problem:
        raise Amiss(render.plain(answer.problem))


def masks_of(context: Context, device: Device) -> Masks:
    """Say what must not be shown of this device."""
    library = Library.load(context.settings.provisioning.blueprint_dir or None)
    return Masks.of(library.get(device.blueprint))


def _document(known: _Known) -> dict[str, Any]:
    wish = known.wish
    box = wish.equipment if wish else None
    return {
        "device": {**device_document(known.device), "tags": sorted(known.tags)},
        "equipment": {
            "name": box.name,
            "status": box.status.value,
            "customer": box.customer,
            "service_location": box.service_location,
            "service_subscription": box.service_subscription,
            "treatment": box.treatment.value,
            "services": [
                {"name": one.name, "category": one.category.value, "status": one.status.value}
                for one in box.services
            ],
            "fetched_at": iso(wish.fetched_at),
        }
        if wish and box
        else None,
        "proof": proof_document(known.proof) if known.proof else None,
        "firmware": known.firmware or None,
        "usp": _usp_document(known),
        "faults": [fault_document(fault) for fault in known.faults],
        "jobs": [job_document(job, known.masks) for job in known.jobs],
    }


def _usp_document(known: _Known) -> dict[str, Any] | None:
    if known.agent is None:
        return None
    kept = known.supported
    model = {"uri": kept.uri or None, "asked_at": iso(kept.at)} if kept else None
    return {**agent_document(known.agent, known.device.key), "supported": model}


def _print(known: _Known, now: float) -> None:
    device, wish = known.device, known.wish
    standing = device.standing.value
    hardware = " ".join(filter(None, (device.manufacturer, device.model, device.hardware)))
    render.print_facts(
        (
            ("Device", f"{device.key}  (id {device.id})"),
            ("Standing", standing),
            ("Why", device.reason),
            ("Tried again", age(device.retry_at, now) if device.retry_at > now else ""),
            ("Hardware", hardware),
            ("Software", device.software),
            ("Firmware", known.firmware),
            ("Serial", device.serial_number),
            ("MAC", ":".join(device.mac[i : i + 2] for i in range(0, len(device.mac), 2))),
            ("Address", device.address),
            ("Speaks", f"{device.protocol}, {device.root}"),
            *_usp_facts(known, now),
            ("Blueprint", device.blueprint or "none"),
            ("Password", _password(device)),
            ("Seen", f"{age(device.last_seen, now)}, first {age(device.first_seen, now)}"),
            ("Called", news(known.waking, now)),
            ("Booted", age(device.last_boot, now)),
            ("Reset", age(device.last_bootstrap, now)),
            ("Tags", " ".join(sorted(known.tags))),
            ("Compared", age(device.checked_at, now)),
        )
    )
    if device.equipment:
        box = wish.equipment if wish else None
        render.heading("Equipment")
        render.print_facts(
            (
                ("Name", device.equipment),
                ("Matched by", device.matched_by),
                ("Status", _status(box) if box else "not in the mirror"),
                ("Customer", box.customer if box else ""),
                ("Location", box.service_location if box else ""),
                ("Subscription", box.service_subscription if box else ""),
                ("Services", _services(box) if box else ""),
                ("Asked", age(wish.fetched_at, now) if wish else ""),
            )
        )
    elif device.suggestion:
        render.say(f"\nPlease check {device.suggestion}: its MAC is close to this device's.")
    if known.proof:
        _print_proof(known.proof, device, now)
    if known.faults:
        render.heading("Open faults")
        print_faults(known.faults, now)
    if known.jobs:
        render.heading("Latest jobs")
        print_jobs(known.jobs, known.masks, now)


def _status(box: Equipment) -> str:
    """Its status, and what that means where it is not provisioned as usual."""
    match box.treatment:
        case Treatment.PROVISION:
            return box.status.value
        case Treatment.HOLD:
            return f"{box.status.value}: nothing is pushed"
        case Treatment.NEUTRAL:
            return f"{box.status.value}: no customer's settings are to be on it"


def _services(box: Equipment) -> str:
    """Which part of the wish each subscription is about, and how it stands (docs/statuses.md)."""
    return ", ".join(f"{one.category} {one.status} ({one.name})" for one in box.services)


def _password(device: Device) -> str:
    """Whose password it shows over CWMP; the account of an agent is its broker's."""
    if device.protocol == "usp":
        return ""
    return "its own" if device.own_credentials else "the shared one, so far"


def _usp_facts(known: _Known, now: float) -> list[tuple[str, str]]:
    agent, kept = known.agent, known.supported
    if agent is None:
        return []
    mtp = f" over {agent.mtp}" if agent.mtp else ""
    model = f"{kept.uri or 'known'}, asked {age(kept.at, now)}" if kept else "not asked yet"
    return [
        ("USP agent", f"{agent.endpoint}{mtp}"),
        ("Presence", presence_words(agent, now)),
        ("Shows", proof_words(agent)),
        ("Model", model),
    ]


def _print_proof(proof: Proof, device: Device, now: float) -> None:
    counts = Counter(line.verdict for line in proof.lines)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    end = "complete" if proof.complete else "not complete"
    render.heading("Proof")
    render.say(f"{end}, {age(proof.at, now)}: {summary}.  Lines: acs device proof {device.key}")


def print_faults(found: list[FaultRecord], now: float) -> None:
    """Print faults, each refused parameter on a line of its own."""
    for fault in found:
        again = f", tried again {age(fault.retry_at, now)}" if fault.retry_at > now else ""
        code = f" {fault.code}" if fault.code else ""
        render.say(
            f"{fault.subject}{code}: {fault.text}  ({age(fault.at, now)}, {fault.count}×{again})"
        )
        for parameter in fault.parameters:
            render.say(f"    {parameter}")


def print_jobs(found: list[Job], masks: Masks, now: float) -> None:
    """Print jobs, newest first."""
    render.print_table(
        ("Job", "What", "State", "Asked", "By", "Ended", "Tries", "Outcome"),
        (
            (
                job.id,
                job.kind.value,
                job.state.value,
                age(job.created_at, now),
                job.created_by,
                age(job.finished_at, now) if job.finished_at else "",
                job.attempts,
                outcome(job, masks, now),
            )
            for job in found
        ),
        "No job.",
    )


def outcome(job: Job, masks: Masks, now: float) -> str:
    """Say in a few words what came of a job."""
    result = masks.result(job.result)
    if job.state in (JobState.QUEUED, JobState.SENT):
        ends = "has expired" if job.expires_at <= now else f"expires {age(job.expires_at, now)}"
        # What was sent is under way; its own time limits tell how it ends.
        expires = ends if job.expires_at and job.state is JobState.QUEUED else ""
        waits = str(result.get("text", "")) if job.state is JobState.QUEUED else ""
        return ", ".join(filter(None, (waits, expires)))
    if error := result.get("error"):
        return str(error)
    values = result.get("values")
    if isinstance(values, dict) and len(values) > _VALUES:
        return f"read {len(values)} values"
    if isinstance(values, dict) and not values and (missing := result.get("missing")):
        return f"nothing: the device does not have {', '.join(map(str, missing))}"
    if isinstance(values, dict):
        return ", ".join(f"{path} = {text}" for path, text in values.items())
    if row := result.get("row"):
        return f"created {row}"
    if written := result.get("written"):
        later = " (takes effect later)" if result.get("applied_later") else ""
        return f"wrote {', '.join(written)}{later}"
    return str(result.get("text", ""))
