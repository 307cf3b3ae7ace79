"""What a diagnostic found, in one line, as a timeline and a list of jobs show it."""

from __future__ import annotations

from acs.profiles.diagnostics.request import Request
from acs.profiles.diagnostics.results import Lookup, Neighbours, Ping, Result, Speed, Trace

SHOWN = 8
"""Addresses that are named."""


def in_words(request: Request, result: Result) -> str:
    """Say what was tested and what it found."""
    given = request.arguments
    subject = given.get("host") or given.get("url") or given.get("name") or ""
    return f"{request.diagnostic} {subject}".rstrip() + f": {_found(result)}"


def _found(result: Result) -> str:
    match result:
        case Ping(received=None):
            return "the device does not tell what came back"
        case Ping(sent, received, average=average):
            time = f", {average:g} ms" if average is not None else ""
            return f"{received} of {sent if sent is not None else '?'} came back{time}"
        case Trace(hops, reached):
            end = {True: "reached", False: "not reached", None: "the end is not known"}[reached]
            return f"{len(hops)} hops, {end}"
        case Speed(mbit_s=None, note=note):
            return f"no figure: {note}"
        case Speed(mbit_s=rate):
            return f"{rate:g} Mbit/s"
        case Lookup(answers=answers):
            found = dict.fromkeys(each for answer in answers for each in answer.addresses)
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            return ", ".join(list(found)[:SHOWN]) + more if found else "no address"
        case Neighbours(networks):
            return f"{len(networks)} networks"
