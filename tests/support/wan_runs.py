"""A wish for a connection, brought to a device in memory session by session."""

from __future__ import annotations

from dataclasses import replace

from device_in_memory import MemoryDevice

from acs.devices.record import Snapshot
from acs.model import Secret
from acs.profiles import (
    Intent,
    Library,
    Outcome,
    OutcomeKind,
    Plan,
    Task,
    Wan,
    WriteLost,
    converge,
    fingerprint,
    make_plan,
)

LIBRARY = Library.load()
KEY = b"k" * 32
PASSWORD = "geheim-77"
PPPOE = Wan("pppoe", 40, "abo@isp.example", Secret(PASSWORD))
IPOE = Wan("ipoe", 40)
ELSEWHERE = "Device.IP.Interface.1."
"""A carrier that is none of the connections in question: the LAN."""


def task(name: str, wish: Wan, carrier: str = ELSEWHERE, **options: object) -> Task:
    blueprint = LIBRARY.get(name)
    assert blueprint is not None
    intent = Intent(wan=wish)
    print_ = fingerprint(intent, blueprint, KEY)
    return Task(intent, blueprint, Snapshot(), KEY, print_, carrier=carrier, now=5.0, **options)  # type: ignore[arg-type]


def run(device: MemoryDevice, wanted: Task) -> Outcome:
    outcome = device.run(converge(device.model, wanted))
    assert isinstance(outcome, Outcome)
    return outcome


def next_task(before: Task, outcome: Outcome) -> Task:
    """The task of the session that follows, as a visit makes it."""
    awaiting = outcome.kind is OutcomeKind.AWAITING
    settled = awaiting or outcome.kind in (OutcomeKind.PROVEN, OutcomeKind.IN_ORDER)
    return replace(before, snapshot=outcome.snapshot, verifying=awaiting, fresh=not settled)


def session(device: MemoryDevice, wanted: Task) -> tuple[Outcome | None, Task]:
    """One session, then the task of the next; no outcome when the line was cut in writing."""
    try:
        outcome = run(device, wanted)
    except WriteLost as lost:
        device.next_session()
        return None, replace(wanted, snapshot=lost.snapshot, fresh=True, verifying=False)
    device.next_session()
    return outcome, next_task(wanted, outcome)


def to_the_end(device: MemoryDevice, wanted: Task, sessions: int = 6) -> Outcome:
    """Session after session until nothing is awaited."""
    for _ in range(sessions):
        outcome, wanted = session(device, wanted)
        if outcome is not None and outcome.kind is not OutcomeKind.AWAITING:
            return outcome
    raise AssertionError("it never comes to an end")


def planned(device: MemoryDevice, name: str, wish: Wan, **options: object) -> Plan:
    """The plan on what the device holds, nothing asked of it."""
    blueprint = LIBRARY.get(name)
    assert blueprint is not None
    known = {path: device._shown(path) for path in device.values}
    return make_plan(
        Intent(wan=wish),
        blueprint,
        Snapshot(1.0, known),
        key=KEY,
        **{"carrier": ELSEWHERE, **options},  # type: ignore[arg-type]
    )


def below(device: MemoryDevice, row: str) -> dict[str, str]:
    """What ``row`` holds, by leaf."""
    found = {n: v.text for n, v in device.values.items() if n.startswith(row)}
    return {name.removeprefix(row): text for name, text in found.items()}
