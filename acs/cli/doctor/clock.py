"""The clock: tokens, certificates, nonces and every record of what happened depend on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests

from acs.cli.ages import clock as written
from acs.cli.ages import span
from acs.settings import Settings
from erp_bridge.schema import Finding, Level

_RELEASED = 1_764_547_200.0
"""2025-12-01: no clock that is right shows an earlier time."""
_TOO_LATE = 4_102_444_800.0
"""2100-01-01."""
MOST_SKEW = 30.0
"""Seconds; HTTP dates have whole seconds and an answer takes its time."""
_FIX = "Let the machine keep its time: timedatectl set-ntp true, or chrony"


def check(settings: Settings) -> Iterator[Finding]:
    """Compare our clock with what can be compared with."""
    now = time.time()
    if not _RELEASED < now < _TOO_LATE:
        yield Finding(Level.ERROR, f"The clock shows {written(now)}, which cannot be", _FIX)
        return
    newest = _newest_file(settings.data_dir)
    if newest > now + 60:
        yield Finding(
            Level.ERROR,
            f"The clock went back: files of the server are {span(newest - now)} ahead of it",
            _FIX,
        )
    yield _against_site(settings)


def _against_site(settings: Settings) -> Finding:
    erp = settings.erp
    if not erp.url:
        return Finding(Level.OK, f"The clock shows {written(time.time())}; compared with nothing")
    try:
        with requests.Session() as session:
            session.trust_env = False
            before = time.time()
            answer = session.head(
                f"{erp.url.rstrip('/')}/api/method/ping",
                timeout=min(erp.timeout, 5.0),
                verify=erp.verify_tls,
                allow_redirects=False,
            )
            theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
            after = time.time()
    except (requests.RequestException, KeyError, ValueError, TypeError):
        return Finding(
            Level.WARNING,
            f"The clock shows {written(time.time())}; ERPNext tells no time to compare it with",
            "Compare it by eye",
        )
    skew = (before + after) / 2 - theirs
    if abs(skew) > MOST_SKEW:
        behind = "ahead of" if skew > 0 else "behind"
        return Finding(
            Level.WARNING,
            f"The clock is {span(abs(skew))} {behind} that of ERPNext's machine",
            _FIX + ", on both machines",
        )
    return Finding(Level.OK, f"The clock agrees with that of ERPNext's machine ({written(after)})")


def _newest_file(directory: Path) -> float:
    """When a file of the server was last written; 0 when there is none."""
    times = []
    for path in (*directory.glob("*"), *directory.glob("logs/*")):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)
