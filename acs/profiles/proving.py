"""What became of each written leaf, as lines of a proof and as words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acs.devices.record import ProofLine, Verdict
from acs.model import ParameterFault, Value
from acs.profiles.changes import PlannedChange

MOST_NAMED = 3
"""Names in one sentence."""
_LONGEST = 256
"""Characters of a value in words for people."""


def shows(change: PlannedChange, values: Mapping[str, Value]) -> bool:
    """Tell whether the device was seen to hold ``change``."""
    return change.path in values and change.holds(values[change.path])


def line_of(change: PlannedChange, read_value: Value | None, read_back: bool) -> ProofLine:
    """Say what became of ``change``; ``read_back``: the device was asked for it."""
    if change.secret:
        return ProofLine(change.path, change.shown, None, Verdict.WRITTEN)
    if not read_back:
        return ProofLine(change.path, change.shown, None, Verdict.AWAITED)
    if read_value is None:
        return ProofLine(change.path, change.shown, None, Verdict.MISMATCH)
    verdict = Verdict.PROVEN if change.holds(read_value) else Verdict.MISMATCH
    return ProofLine(change.path, change.shown, read_value.text, verdict)


def quoted(text: str) -> str:
    """Quote what a device holds, in words for people; it may hold anything, of any length."""
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def as_fault(change: PlannedChange) -> ParameterFault:
    """Say of a leaf that holds something else what was wanted and what is there."""
    if change.secret:
        return ParameterFault(change.path, 0, "not known to be written")
    reads_now = quoted(change.current.text) if change.current else "nothing"
    return ParameterFault(change.path, 0, f"wanted {change.wanted.text!r}, reads {reads_now}")


def first_difference(differing: Sequence[PlannedChange]) -> str:
    """Name the first leaf that differs, and how many more do."""
    fault = as_fault(differing[0])
    more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
    return f"{fault.path}: {fault.text}{more}"


def by_role(unseen: Sequence[str]) -> str:
    """Say what may be there and kept from us, and what to do about it (TR-369, Role Definition)."""
    named = ", ".join(unseen[:MOST_NAMED])
    more = f" and {len(unseen) - MOST_NAMED} more" if len(unseen) > MOST_NAMED else ""
    return (
        f"our role on this agent shows us nothing of {named}{more}: "
        "where it is there, give the role of our Controller access to it"
    )


def how_many(changes: Sequence[PlannedChange]) -> str:
    """Count changes in words."""
    return how_many_changes(len(changes))


def how_many_changes(number: int) -> str:
    """Count what a plan has in it in words."""
    return "1 change" if number == 1 else f"{number} changes"


def how_many_differ(number: int) -> str:
    """Count differing parameters in words."""
    return "1 parameter differs" if number == 1 else f"{number} parameters differ"
