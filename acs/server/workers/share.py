"""What of the bounds on the whole server falls to one of its workers."""

from __future__ import annotations

from dataclasses import replace as with_parts

from msgspec.structs import replace

from acs.settings import Settings


def share_of(settings: Settings, number: int, workers: int) -> Settings:
    """The settings of worker ``number`` (from 1) of ``workers``.

    Bounds on memory, on calls to ERPNext and on what rules do are divided; all shares together
    are the bound, but nobody is left without room.  Bounds of one device or one address hold in
    each worker.
    """

    def part(whole: int, least: int = 1) -> int:
        each, rest = divmod(whole, workers)
        return max(least, each + (number <= rest))

    return with_parts(
        settings,
        cwmp=replace(settings.cwmp, max_sessions=part(settings.cwmp.max_sessions)),
        http=replace(settings.http, connections=part(settings.http.connections)),
        files=replace(settings.files, transfers=part(settings.files.transfers)),
        erp=replace(settings.erp, connections=part(settings.erp.connections)),
        # A bound for safety: rather none in this worker than one too many in all.
        rules=replace(settings.rules, per_hour=part(settings.rules.per_hour, least=0)),
    )
