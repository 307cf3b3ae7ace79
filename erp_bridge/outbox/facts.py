"""What is told of an equipment, and when it is worth telling."""

from __future__ import annotations

import msgspec

from acs.devices.field_report import FieldReport
from acs.devices.record import FaultRecord, Standing
from acs.profiles.secrets import Masks

FREE_WRITES = 20
"""So often in a short time is an equipment written as soon as there is something to tell."""
REGAINED = 600.0
"""Seconds after which one of them is regained, and the longest that one more is put off."""
_REASON = 100
"""Characters; what devices say may be long."""
_MASKS = Masks()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the field shows of an equipment. Times are epoch seconds, 0: never."""

    device: str = ""
    """Key of the device."""
    last_seen: float = 0.0
    ip_address: str = ""
    optical_rx_dbm: float | None = None
    firmware_version: str = ""
    model: str = ""
    standing: str = ""
    reason: str = ""
    """Why it stands there; holds no secret."""
    provisioned_at: float = 0.0
    proven: int = 0
    """Parameters of the latest proof."""
    session: str = ""
    lately: float = 0.0
    """How often it was written lately; of no interest to the site."""


_ALL_THE_TIME = {"last_seen": 0.0, "ip_address": "", "optical_rx_dbm": None}
"""What changes so often that it alone is told only now and then."""


def facts_of(report: FieldReport) -> Facts | None:
    """Return what is told of an equipment; None: no device holds it."""
    device = report.device
    if device is None:
        return None
    proof = report.proof
    return Facts(
        device=device.key,
        last_seen=float(int(device.last_seen)),
        ip_address=device.address,
        optical_rx_dbm=None if report.light is None else round(report.light, 1),
        firmware_version=device.software,
        model=device.model or device.product_class,
        standing=device.standing.value,
        reason=_reason(report),
        provisioned_at=float(int(proof.at)) if proof else 0.0,
        proven=len(proof.lines) if proof else 0,
        session=proof.session if proof else "",
    )


def is_due(
    facts: Facts, before: Facts | None, *, written_at: float, at: float, period: float
) -> bool:
    """Tell whether ``facts`` are to be written over those ``before``.

    A change of state at once; of what changes all the time at most twice in ``period`` seconds.
    """
    if before is None or _lasting(facts) != _lasting(before):
        return True
    return facts != before and at - written_at >= period / 2


MOST_LATELY = FREE_WRITES + 6
"""Beyond that many nothing is put off for longer, so they are not counted."""


def written_lately(before: Facts, *, written_at: float, at: float) -> float:
    """How often an equipment was written lately, fading with time."""
    return max(0.0, before.lately - max(0.0, at - written_at) / REGAINED)


def put_off(lately: float) -> float:
    """Seconds that another write waits, lest a device that reboots all the time keep us writing."""
    return min(REGAINED, 10.0 * 2 ** (lately - FREE_WRITES)) if lately >= FREE_WRITES else 0.0


def _lasting(facts: Facts) -> Facts:
    return msgspec.structs.replace(facts, **_ALL_THE_TIME)


def _reason(report: FieldReport) -> str:
    device = report.device
    if device is None:
        return ""
    if device.standing is Standing.LIVE:
        # What could not be met stands behind what was.
        return _short(device.reason.partition("; ")[2])
    if report.fault is not None and device.standing is Standing.FAULTED:
        return fault_text(report.fault)
    return _short(device.reason)


def fault_text(fault: FaultRecord) -> str:
    """Say what a fault is and which parameter it is about, without what a device says of secrets.

    Devices repeat values in their words: those about a secret are left out.
    """
    if not fault.parameters:
        return _short(f"{fault.code} {fault.text}".strip() if fault.code else fault.text)
    first = fault.parameters[0]
    path, _, said = first.partition(": ")
    secret = any(_MASKS.hides(one.partition(": ")[0]) for one in fault.parameters)
    more = f" and {len(fault.parameters) - 1} more" if len(fault.parameters) > 1 else ""
    told = f"fault {fault.code}" if secret or not said else said
    return _short(f"{path}{more}: {told}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON else line[: _REASON - 1] + "…"
