"""Writing what sessions learned: many sessions' effects in one transaction, grouped by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from acs.devices.agents import StoredNotify
from acs.devices.effects import (
    AddTimeline,
    ClearFault,
    Effect,
    EnqueueJob,
    ForgetMissing,
    PublishNews,
    RaiseFault,
    RestoreCredentials,
    SaveAgent,
    SaveCredentials,
    SaveDevice,
    SaveJob,
    SaveLayout,
    SaveModelNames,
    SaveNotify,
    SaveProof,
    SaveRuleRun,
    SaveSnapshot,
    SaveSupportedModel,
    SaveTags,
    SaveTree,
    SaveWakeAccount,
    SettleNotifies,
)
from acs.devices.news import News
from acs.devices.record import Job, Proof, Snapshot, TimelineEntry
from acs.store import (
    credentials,
    devices,
    facts,
    faults,
    jobs,
    layouts,
    news,
    proofs,
    snapshots,
    tags,
    timeline,
    trees,
    usp_agents,
    usp_models,
    usp_notifies,
    wake_accounts,
)
from acs.store.engine import Database
from acs.store.errors import StoreUnavailable


@dataclass(slots=True)
class _Sorted:
    """Effects by kind; within a kind, what comes later stands over what came before."""

    devices: dict[int, dict[str, object]] = field(default_factory=lambda: defaultdict(dict))
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    timeline: list[TimelineEntry] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    faults: list[RaiseFault | ClearFault] = field(default_factory=list)
    saved_jobs: list[SaveJob] = field(default_factory=list)
    new_jobs: list[Job] = field(default_factory=list)
    credentials: list[SaveCredentials | RestoreCredentials] = field(default_factory=list)
    missing: list[ForgetMissing] = field(default_factory=list)
    names: list[SaveModelNames] = field(default_factory=list)
    trees: list[SaveTree] = field(default_factory=list)
    layouts: list[SaveLayout] = field(default_factory=list)
    tags: list[SaveTags] = field(default_factory=list)
    rule_runs: list[SaveRuleRun] = field(default_factory=list)
    agents: list[SaveAgent] = field(default_factory=list)
    notifies: list[StoredNotify] = field(default_factory=list)
    settled: list[SettleNotifies] = field(default_factory=list)
    supported: list[SaveSupportedModel] = field(default_factory=list)
    wake_accounts: list[SaveWakeAccount] = field(default_factory=list)
    news: list[News] = field(default_factory=list)

    def take(self, effect: Effect) -> None:
        match effect:
            case SaveDevice(device_id, changes):
                self.devices[device_id].update(changes)
            case SaveSnapshot(device_id, snapshot):
                self.snapshots[device_id] = snapshot
            case AddTimeline(entry):
                self.timeline.append(entry)
            case SaveProof(proof):
                self.proofs.append(proof)
            case RaiseFault() | ClearFault():
                self.faults.append(effect)
            case SaveJob():
                self.saved_jobs.append(effect)
            case EnqueueJob(job):
                self.new_jobs.append(job)
            case SaveCredentials() | RestoreCredentials():
                self.credentials.append(effect)
            case ForgetMissing():
                self.missing.append(effect)
            case SaveModelNames():
                self.names.append(effect)
            case SaveTree():
                self.trees.append(effect)
            case SaveLayout():
                self.layouts.append(effect)
            case SaveTags():
                self.tags.append(effect)
            case SaveRuleRun():
                self.rule_runs.append(effect)
            case SaveAgent():
                self.agents.append(effect)
            case SaveNotify(notify):
                self.notifies.append(notify)
            case SettleNotifies():
                self.settled.append(effect)
            case SaveSupportedModel():
                self.supported.append(effect)
            case SaveWakeAccount():
                self.wake_accounts.append(effect)
            case PublishNews(told):
                self.news.append(told)


def apply_thd(conn: Connection, effects: Sequence[Effect]) -> None:
    """Write effects, of however many sessions, as if one after the other.

    Raises `acs.store.errors.BadEffect`, or what the database says of impossible ones.
    """
    kinds = _Sorted()
    for effect in effects:
        kinds.take(effect)
    devices.save_thd(conn, kinds.devices)
    snapshots.save_thd(conn, kinds.snapshots)
    credentials.save_thd(conn, kinds.credentials)
    jobs.save_thd(conn, kinds.saved_jobs)
    jobs.add_thd(conn, kinds.new_jobs)
    faults.apply_thd(conn, kinds.faults)
    proofs.add_thd(conn, kinds.proofs)
    timeline.add_thd(conn, kinds.timeline)
    facts.merge_thd(conn, kinds.missing)
    tags.save_thd(conn, kinds.tags)
    tags.keep_runs_thd(conn, kinds.rule_runs)
    trees.save_names_thd(conn, kinds.names)
    trees.add_thd(conn, kinds.trees)
    layouts.save_thd(conn, kinds.layouts)
    usp_agents.save_thd(conn, kinds.agents)
    usp_notifies.add_thd(conn, kinds.notifies)
    usp_notifies.settle_thd(conn, kinds.settled)
    usp_models.save_thd(conn, kinds.supported)
    wake_accounts.save_thd(conn, kinds.wake_accounts)
    news.add_thd(conn, kinds.news)


def commit(database: Database, groups: Sequence[Sequence[Effect]]) -> list[Exception | None]:
    """Commit the effects of several callers together; say for each whether it failed, and how.

    All go into one transaction. Should that fail, each caller's effects are tried in one of their
    own, so that a bad one harms nobody else. A group is kept whole or not at all.
    """
    together = _attempt(database, [effect for group in groups for effect in group])
    if together is None or isinstance(together, StoreUnavailable) or len(groups) == 1:
        return [together] * len(groups)
    failures: list[Exception | None] = []
    for group in groups:
        last = failures[-1] if failures else None
        lost = isinstance(last, StoreUnavailable)
        failures.append(last if lost else _attempt(database, group))
    return failures


def _attempt(database: Database, effects: Sequence[Effect]) -> Exception | None:
    try:
        database.run("commit", apply_thd, effects)
    except Exception as error:
        return error
    database.hindrance = ""
    return None
