"""Tags of devices, and when rules did something for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select

from acs.devices.effects import SaveRuleRun, SaveTags
from acs.store.tables import rule_runs, tags
from acs.store.upsert import insert_missing, upsert

_CHUNK = 500
_REMOVE = delete(tags).where(tags.c.device_id == bindparam("of"), tags.c.tag == bindparam("old"))


def save_thd(conn: Connection, saves: Iterable[SaveTags]) -> None:
    """Give and take tags, as if one after the other."""
    last: dict[tuple[int, str], bool] = {}
    for save in saves:
        last |= {(save.device_id, tag): False for tag in save.remove}
        last |= {(save.device_id, tag): True for tag in save.add}
    gone = sorted(place for place, kept in last.items() if not kept)
    if gone:
        conn.execute(_REMOVE, [{"of": device_id, "old": tag} for device_id, tag in gone])
    new = sorted(place for place, kept in last.items() if kept)
    insert_missing(conn, tags, [{"device_id": device_id, "tag": tag} for device_id, tag in new])


def of_thd(conn: Connection, device_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """The tags of devices; those without any are not in the answer."""
    found: dict[int, set[str]] = defaultdict(set)
    ids = sorted(device_ids)
    for start in range(0, len(ids), _CHUNK):
        query = select(tags).where(tags.c.device_id.in_(ids[start : start + _CHUNK]))
        for device_id, tag in conn.execute(query):
            found[device_id].add(tag)
    return {device_id: frozenset(some) for device_id, some in found.items()}


def counts_thd(conn: Connection) -> dict[str, int]:
    """How many devices have each tag, by its name."""
    counted = select(tags.c.tag, func.count()).group_by(tags.c.tag).order_by(tags.c.tag)
    return {row[0]: row[1] for row in conn.execute(counted)}


def keep_runs_thd(conn: Connection, runs: Sequence[SaveRuleRun]) -> None:
    """Keep when rules last did something; of several times the last one counts."""
    last = {(run.device_id, run.rule): run.at for run in runs}
    rows = [{"device_id": d, "rule": rule, "at": at} for (d, rule), at in sorted(last.items())]
    upsert(conn, rule_runs, rows, ("device_id", "rule"), ("at",))


def runs_thd(conn: Connection, device_ids: Collection[int]) -> dict[int, Mapping[str, float]]:
    """When each rule last did something, for devices for which one did."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    query = select(rule_runs).where(rule_runs.c.device_id.in_(bindparam("ids", expanding=True)))
    for device_id, rule, at in conn.execute(query, {"ids": list(device_ids)}):
        found[device_id][rule] = at
    return dict(found)


def latest_runs_thd(conn: Connection) -> dict[str, tuple[int, float]]:
    """For how many devices each rule did something, and when last, by the name it is kept under."""
    query = select(rule_runs.c.rule, func.count(), func.max(rule_runs.c.at))
    return {row[0]: (row[1], row[2]) for row in conn.execute(query.group_by(rule_runs.c.rule))}
