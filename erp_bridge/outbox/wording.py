"""What is told, in the site's fields, words and time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from acs.devices.record import Standing
from erp_bridge.mapping_write_back import WriteBackTable
from erp_bridge.outbox.facts import Facts

LONGEST = 140
"""Characters of a field of type Data; more would be refused (CharacterLengthExceededError)."""
# Frappe rewrites what looks like HTML; what is written would not be what is read back.
_PLAIN = str.maketrans({"<": "‹", ">": "›"})


def fields_of(facts: Facts, table: WriteBackTable, zone: ZoneInfo) -> dict[str, object]:
    """Return the fields to write. What is not known is left as the site has it.

    Only the note is taken back where there is none: it would tell of what is over.
    """
    told: dict[str, object] = {
        "last_seen": site_time(facts.last_seen, zone),
        "firmware_version": plain(facts.firmware_version),
        "model": plain(facts.model),
        "ip_address": plain(facts.ip_address),
        "optical_rx_dbm": facts.optical_rx_dbm,
        "provisioning_status": table.words.of(facts.standing),
        "provisioned_on": site_time(facts.provisioned_at, zone),
        "provisioning_note": note(facts, zone),
    }
    given = table.fields
    return {
        given[ours]: value
        for ours, value in told.items()
        if ours in given and (value not in ("", None) or ours == "provisioning_note")
    }


def note(facts: Facts, zone: ZoneInfo) -> str:
    """Return one line that proves a standing, or says why it is not better."""
    if not facts.proven or (facts.reason and facts.standing != Standing.LIVE):
        return plain(facts.reason)
    proof = proof_line(facts.proven, facts.provisioned_at, facts.session, zone)
    # What could not be met is told with what was proven.
    return plain(f"{proof}; {facts.reason}") if facts.reason else proof


def proof_line(proven: int, at: float, session: str, zone: ZoneInfo) -> str:
    """Say how many parameters were proven, when and in which session."""
    what = "1 parameter" if proven == 1 else f"{proven} parameters"
    line = f"{what} proven {site_time(at, zone)}"
    return plain(f"{line}, session {session}" if session else line)


def site_time(at: float, zone: ZoneInfo) -> str:
    """Write epoch seconds as Frappe does: the site's time, no offset. "" for 0, which is never."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}" if at else ""


def plain(text: str) -> str:
    """Return a text that Frappe stores as it is sent."""
    return " ".join(text.translate(_PLAIN).split())[:LONGEST]


def holds(document: Mapping[str, object], fields: Mapping[str, object]) -> bool:
    """Tell whether a document has all ``fields``, however the site spells numbers and times."""
    return all(_same(document.get(name), value) for name, value in fields.items())


def _same(there: object, ours: object) -> bool:
    if there is None or there == "":
        return ours in (None, "")
    if isinstance(ours, float | int):
        try:
            return abs(float(str(there)) - ours) < 0.005
        except ValueError:
            return False
    # A Datetime comes with fractions of a second from some versions.
    return str(there).removesuffix(".000000") == str(ours)
