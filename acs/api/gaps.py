"""Where this server and the business system do not agree, as other systems see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from acs.api.routes import Call, Route
from acs.api.scopes import Scope
from acs.devices.reconcile import Finding, Gap

MOST = 10_000
"""Findings of one answer; the counts are of all."""


class Suggested(Struct, frozen=True):
    """An equipment that may be meant; never applied by itself."""

    equipment: str
    why: str


class GapFound(Struct, frozen=True):
    """One gap."""

    gap: str
    devices: list[str]
    equipment: list[str]
    text: str
    fix: str
    suggestions: list[Suggested]


class Reconciliation(Struct, frozen=True):
    """All gaps, the heaviest first, with their number by kind."""

    counts: dict[str, int]
    findings: list[GapFound]
    complete: bool
    """False: there are more than the answer holds."""


class Which(Struct, frozen=True):
    """Which gaps are asked for."""

    gap: str = ""
    """One kind; empty: all."""


def routes(found: Callable[[], Awaitable[Sequence[Finding]]]) -> tuple[Route, ...]:
    """The routes; ``found`` finds all gaps there are now."""

    async def show(call: Call) -> Reconciliation:
        findings = await found()
        counts = Counter(finding.gap for finding in findings)
        wanted = [each for each in findings if call.query.gap in ("", each.gap.value)]
        return Reconciliation(
            {gap.value: counts[gap] for gap in Gap},
            [_found(each) for each in wanted[:MOST]],
            len(wanted) <= MOST,
        )

    return (
        Route(
            "GET",
            "/api/reconcile",
            show,
            query=Which,
            answer=Reconciliation,
            scope=Scope.RECONCILE_READ,
            summary="Show where the devices and ERPNext do not agree",
        ),
    )


def _found(finding: Finding) -> GapFound:
    near = [Suggested(each.equipment, each.why) for each in finding.suggestions]
    return GapFound(
        finding.gap.value,
        list(finding.devices),
        list(finding.equipment),
        finding.text,
        finding.fix,
        near,
    )
