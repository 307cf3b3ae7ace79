"""Bring the device on the line to what its equipment should have, when there is reason to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from acs.devices.effects import (
    ClearFault,
    ForgetMissing,
    RaiseFault,
    SaveLayout,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.house import Policy
from acs.devices.identity import Equipment, Treatment
from acs.devices.ledger import Ledger
from acs.devices.management import needs_password, with_management, with_server_settings
from acs.devices.matching import read_identity, still_fits, unmatch_gone
from acs.devices.news import NewsKind
from acs.devices.record import (
    Custody,
    FaultRecord,
    Job,
    JobKind,
    JobState,
    Proof,
    Seen,
    Snapshot,
    Standing,
)
from acs.devices.source import Pending, Wish
from acs.devices.vocabulary import model_key
from acs.devices.withholding import may_not, withheld
from acs.model import DataModel, EventKind, Fault, Values
from acs.profiles import (
    Blueprint,
    Intent,
    Outcome,
    OutcomeKind,
    Task,
    WriteLost,
    check,
    converge,
    fingerprint,
)
from acs.profiles.glance import glance, is_as_before, reading_of, seen_in
from acs.profiles.intent import Problem

REASONS_TO_LOOK = (
    EventKind.BOOTSTRAP,
    EventKind.BOOT,
    EventKind.VALUE_CHANGE,
    EventKind.ON_BOARD_REQUEST,
)
UNPROVEN = (Standing.PENDING, Standing.WAITING, Standing.FAULTED, Standing.QUARANTINED)
AT_REST = (Standing.LIVE, Standing.NEUTRAL)
SETTLED = (*AT_REST, Standing.DRIFTED, Standing.VERIFYING)
SUBJECT = "provision"
MOST_SHOWN = 100
"""Lines of a withheld plan that are kept."""


FREE_TRIES = 2
"""Times a device may be lost, or be reset, around its provisioning before it has to wait."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a device, and why."""

    blueprint: Blueprint
    reset: bool
    hasty: bool
    """It was reset so soon after the last look that the two may hang together."""
    asked: Job | None


async def provision(ledger: Ledger, line: DataModel) -> None:
    """Compare the device with its wish and converge, if there is reason to and no pause runs."""
    blueprint = ledger.blueprint()
    if blueprint is None:
        ledger.change(checked_at=ledger.contact.at)
        ledger.stand(Standing.FAULTED, "no blueprint fits this model: see acs blueprint list")
        return
    ledger.change(blueprint=blueprint.name)
    reset = _was_reset(ledger, blueprint) or await _lost_its_mark(ledger, line, blueprint)
    look = _look(ledger, blueprint, reset=reset)
    if look is None:
        return
    wish = await ledger.house.source.wish(ledger.device.equipment)
    match wish:
        case None:
            unmatch_gone(ledger, "its equipment no longer exists in ERPNext")
        case Pending(reason):
            ledger.say("waiting", reason)
        case Wish(equipment) if not still_fits(ledger, equipment):
            reason = f"{equipment.name} has another serial or MAC now"
            unmatch_gone(ledger, reason, lost=equipment.name)
        case Wish(equipment, _, digest) if equipment.treatment is Treatment.HOLD:
            key = wish_key(digest, blueprint, ledger.house.policy)
            ledger.change(wish=key, checked_at=ledger.contact.at)
            reason = f"{equipment.name} is {equipment.status}: nothing is pushed"
            ledger.stand(Standing.HELD, reason)
        case Wish():
            try:
                await _converge(ledger, line, look, wish)
            except Exception:
                # Whatever it is, a device that never gets through must not cost a look each time.
                _count_in_vain(ledger)
                raise


def wish_key(digest: str, blueprint: Blueprint, policy: Policy) -> str:
    """Name what a device is compared with (`Device.wish`).

    It changes with the mirrored wish (``digest``), the blueprint and our own settings.
    """
    return f"{digest}:{blueprint.digest}:{policy.digest}"


def _look(ledger: Ledger, blueprint: Blueprint, *, reset: bool) -> _Look | None:
    """Say what to look at; None when there is no reason, or a pause after a failure runs."""
    device, contact, policy = ledger.device, ledger.contact, ledger.house.policy
    age = contact.at - device.checked_at
    # A time that lies ahead is that of a clock that was wrong: it counts as long past.
    rested = not 0 <= age < policy.backoff
    changed = device.wish != wish_key(ledger.opened.wish, blueprint, policy)
    asked = next((job for job in ledger.opened.jobs if _asks_for_it(job)), None)
    look = _Look(blueprint, reset=reset, hasty=reset and not rested, asked=asked)
    released = device.standing is Standing.PLANNED and not may_not(ledger)
    reason = (
        look.reset
        or look.asked is not None
        or changed
        or bool(device.plan)
        or device.standing in UNPROVEN
        or released
        or contact.has(*REASONS_TO_LOOK)
        or not 0 <= age < policy.check_interval
    )
    paused = contact.at < device.retry_at <= contact.at + policy.backoff_max
    # A reset or a new wish may end a pause, but not over and over.
    urgent = look.asked is not None or ((look.reset or changed) and rested)
    return look if reason and (urgent or not paused) else None


def _was_reset(ledger: Ledger, blueprint: Blueprint) -> bool:
    """A factory reset: announced, or seen by the marker we left being gone."""
    if ledger.contact.has(EventKind.BOOTSTRAP):
        return True
    told = ledger.contact.values.get(blueprint.marker)
    marker = ledger.device.marker
    return bool(marker) and told is not None and told.text != marker


async def _lost_its_mark(ledger: Ledger, line: DataModel, blueprint: Blueprint) -> bool:
    """A reset of an agent that only introduces itself: its subscription to Boot! went with it."""
    device, contact = ledger.device, ledger.contact
    marker = blueprint.marker
    if not device.marker or not contact.has(EventKind.ON_BOARD_REQUEST) or not marker:
        return False
    if marker in contact.values:
        return False
    answer = await line.get(marker)
    shown = answer.values.get(marker) if isinstance(answer, Values) else None
    return shown is not None and shown.text != device.marker


def _asks_for_it(job: Job) -> bool:
    return job.kind is JobKind.PROVISION and job.state is JobState.QUEUED


async def _converge(ledger: Ledger, line: DataModel, look: _Look, wish: Wish) -> None:
    device, house, contact = ledger.device, ledger.house, ledger.contact
    if not (device.mac and device.model):
        await read_identity(ledger, line, look.blueprint)
        # Its model may have a blueprint of its own, and nothing was written by another one yet.
        look = replace(look, blueprint=ledger.blueprint() or look.blueprint)
        ledger.change(blueprint=look.blueprint.name)
    snapshot = Snapshot() if look.reset else await house.snapshot(device.id)
    key = wish_key(wish.digest, look.blueprint, house.policy)
    under = "|".join((device.root, device.model, device.hardware, device.software, device.wan))
    reading = None
    seen = snapshot.seen if device.wish == key else None
    if seen is not None and _may_glance(ledger, look, seen, under):
        glanced = await glance(line, seen)
        if glanced is not None and not device.plan and is_as_before(glanced, snapshot):
            ledger.change(checked_at=contact.at)
            return
        reading = reading_of(glanced, snapshot) if glanced is not None else None
    checked = check(wish.intent)
    for problem in checked.problems:
        ledger.say("refused wish", str(problem))
    mark = fingerprint(checked.intent, look.blueprint, house.key)
    asked = look.asked
    model, stored = model_key(device), snapshot

    async def keep(under_way: Snapshot) -> None:
        nonlocal stored
        stored = under_way
        ledger.learn(SaveSnapshot(device.id, under_way))
        await ledger.keep()

    task = Task(
        intent=await _whole(ledger, checked.intent, look.blueprint),
        blueprint=look.blueprint,
        snapshot=snapshot,
        key=house.key,
        fingerprint=mark,
        reset=look.reset,
        verifying=bool(device.plan) and device.fingerprint == mark,
        heal=house.policy.heal,
        fresh=device.fingerprint != mark or device.standing not in SETTLED or asked is not None,
        rewrite=asked is not None and bool(asked.payload.get("rewrite")),
        withheld=partial(withheld, ledger, look.blueprint),
        mark=house.policy.marker,
        max_changes=house.policy.max_changes,
        missing=house.missing(model),
        carrier=device.wan,
        change_carrier=house.policy.change_carrier,
        keep=keep,
        rows=house.layout(model) if look.reset and contact.shows_all else {},
        shows_all=contact.shows_all,
        reading=reading,
        now=contact.at,
        session=contact.session,
        device_id=device.id,
    )
    try:
        outcome = await converge(line, task)
    except WriteLost as lost:
        ledger.learn(SaveSnapshot(device.id, lost.snapshot))
        ledger.change(plan="")
        ledger.stand(Standing.PENDING, "the session was lost while it was written")
        raise
    if look.reset and outcome.listed and contact.shows_all:
        believed = house.learn_layout(model, outcome.listed)
        if believed:
            ledger.learn(SaveLayout(model, believed))
    written_ago = contact.at - device.checked_at
    early = task.verifying and not task.fresh and 0 <= written_ago < house.policy.settle
    if early and outcome.kind is OutcomeKind.MISMATCH:
        # It applies what it accepted in its own time: an old value is no failure yet.
        ledger.stand(Standing.VERIFYING, "not all of it is applied yet; looked at again")
        return
    if outcome.missing and not outcome.problems and contact.shows_all:
        # Where a wish finds no place the device may just not be ready; its model is not judged.
        ledger.learn(ForgetMissing(model, outcome.missing))
    looked_at = seen.at if seen is not None and reading is not None else contact.at
    now_seen = None if checked.problems else seen_in(outcome, at=looked_at, under=under)
    impossible = tuple(map(str, outcome.problems))
    kept = replace(outcome.snapshot, seen=now_seen, impossible=impossible)
    if replace(kept, at=stored.at) != stored:
        ledger.learn(SaveSnapshot(device.id, kept))
    for reason in impossible:
        if reason not in snapshot.impossible:
            ledger.say("not possible", reason)
    ledger.change(wish=key, checked_at=contact.at)
    if checked.problems:
        outcome = replace(outcome, text=f"{outcome.text}; {_refused(checked.problems)}")
    _conclude(ledger, look, outcome, mark, wish.equipment)


def _refused(problems: Sequence[Problem]) -> str:
    wishes = "1 wish is" if len(problems) == 1 else f"{len(problems)} wishes are"
    return f"{wishes} refused: {problems[0]}"


async def _whole(ledger: Ledger, intent: Intent, blueprint: Blueprint) -> Intent:
    """The intent with what the server itself wants; nothing is made up for what is not sent."""
    if may_not(ledger):
        return with_server_settings(intent, blueprint, ledger.house.policy)
    return await with_management(ledger, intent, blueprint)


def _may_glance(ledger: Ledger, look: _Look, seen: Seen, under: str) -> bool:
    """A short look may do, unless something else than before is wanted or asked."""
    device, contact = ledger.device, ledger.contact
    at_rest = device.standing in AT_REST and not device.plan
    written = device.standing is Standing.VERIFYING and bool(device.plan)
    return (
        seen.under == under
        and 0 <= contact.at - seen.at < ledger.house.policy.check_interval
        and (at_rest or written)
        and not (look.reset or look.asked)
        and not needs_password(ledger, look.blueprint)
    )


def _conclude(
    ledger: Ledger, look: _Look, outcome: Outcome, mark: str, equipment: Equipment
) -> None:
    device = ledger.device
    # One that moved is proven anew, by what its other protocol shows.
    before = device.standing in AT_REST and device.fingerprint == mark and not ledger.moved
    if outcome.kind is OutcomeKind.PLANNED:
        _show(ledger, outcome)
        return
    if outcome.lines and not (outcome.kind is OutcomeKind.IN_ORDER and before):
        _prove(ledger, outcome, mark)
    match outcome.kind:
        case OutcomeKind.PROVEN | OutcomeKind.IN_ORDER | OutcomeKind.NOTHING:
            failures = device.failures if look.hasty else 0
            ledger.change(fingerprint=mark, plan="", failures=failures, retry_at=0.0)
            ledger.change(marker=outcome.marker, custody=Custody.OURS)
            _recover(ledger)
            standing, news, text = Standing.LIVE, NewsKind.PROVISIONED, outcome.text
            if equipment.treatment is Treatment.NEUTRAL:
                standing, news = Standing.NEUTRAL, NewsKind.NEUTRALISED
                text = f"{equipment.name} is {equipment.status}: no customer's settings are on it"
            ledger.stand(standing, text)
            if not (outcome.kind is OutcomeKind.IN_ORDER and before):
                ledger.tell(news, text)
        case OutcomeKind.AWAITING:
            # Until it is seen, nobody knows which mark the device shows: none is looked for.
            ledger.change(fingerprint=mark, plan=outcome.plan.digest, retry_at=0.0, marker="")
            ledger.change(custody=Custody.OURS)
            ledger.stand(Standing.VERIFYING, outcome.text)
        case OutcomeKind.DRIFTED:
            ledger.stand(Standing.DRIFTED, outcome.text)
        case OutcomeKind.MISMATCH | OutcomeKind.FAILED:
            ledger.change(marker="")
            _fail(ledger, outcome)
            return
    if look.hasty:
        _count_in_vain(ledger)


def _prove(ledger: Ledger, outcome: Outcome, mark: str) -> None:
    device, contact = ledger.device, ledger.contact
    plan = outcome.plan.digest if outcome.plan else device.plan
    proof = Proof(device.id, contact.at, contact.session, plan, mark, outcome.lines)
    ledger.learn(SaveProof(proof))


def _show(ledger: Ledger, outcome: Outcome) -> None:
    """Put a plan that is withheld where people see it."""
    if (ledger.device.standing, ledger.device.reason) != (Standing.PLANNED, outcome.text):
        lines = outcome.plan.render()
        ledger.say("plan", outcome.text, {"plan": lines[:MOST_SHOWN], "lines": len(lines)})
        ledger.change(standing=Standing.PLANNED, reason=outcome.text)


def _recover(ledger: Ledger) -> None:
    if ledger.device.standing is Standing.FAULTED:
        ledger.tell(NewsKind.RECOVERED, ledger.device.reason)
    ledger.learn(ClearFault(ledger.device.id, SUBJECT))


def _fail(ledger: Ledger, outcome: Outcome) -> None:
    """Open a fault that names the parameters, and pause: twice as long after each failure."""
    device, contact = ledger.device, ledger.contact
    retry_at = contact.at + _pause(ledger, device.failures)
    fault = outcome.fault or Fault(0, outcome.text)
    parameters = tuple(map(str, fault.parameters))
    record = FaultRecord(
        device.id, SUBJECT, contact.at, fault.code, outcome.text, parameters, retry_at=retry_at
    )
    # The plan is forgotten: what is verified next must have been written anew.
    ledger.change(plan="", failures=device.failures + 1, retry_at=retry_at)
    ledger.learn(RaiseFault(record))
    if device.failures > 1:
        again = f"failed again ({_ordinal(device.failures)} time): {outcome.text}"
        ledger.say(str(Standing.FAULTED), again)
        ledger.change(standing=Standing.FAULTED, reason=outcome.text)
    else:
        ledger.stand(Standing.FAULTED, outcome.text)


def _ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _pause(ledger: Ledger, failures: int) -> float:
    policy = ledger.house.policy
    return min(policy.backoff * 2.0 ** min(failures, 30), policy.backoff_max)


def _count_in_vain(ledger: Ledger) -> None:
    """A cut line or a reset is met at once; a device that has them all the time has to wait."""
    device = ledger.device
    ledger.change(failures=device.failures + 1)
    if device.failures > FREE_TRIES:
        pause = _pause(ledger, device.failures - FREE_TRIES - 1)
        ledger.change(retry_at=ledger.contact.at + pause, checked_at=ledger.contact.at)
