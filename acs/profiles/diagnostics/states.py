"""Words of `DiagnosticsState`, and what they mean (TR-098, TR-143, TR-181)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

REQUESTED = "Requested"


class Stage(Enum):
    """How far a diagnostic is."""

    IDLE = "idle"
    """Nothing was asked, or what was asked is forgotten: it was reset, started anew, stopped."""
    RUNNING = "running"
    ENDED = "ended"
    """It has a result."""
    FAILED = "failed"


_MEANINGS: Mapping[str, str] = {
    "Error_CannotResolveHostName": "the name could not be resolved to an address",
    "Error_NoRouteToHost": "there is no route to the address",
    "Error_MaxHopCountExceeded": "the target was not reached within the most hops",
    "Error_InitConnectionFailed": "no connection to the server",
    "Error_NoResponse": "the server did not answer",
    "Error_TransferFailed": "the transfer broke off",
    "Error_PasswordRequestFailed": "the server asked for no password where one was expected",
    "Error_LoginFailed": "the server refused the login",
    "Error_NoTransferMode": "the server knows no transfer mode that the device knows",
    "Error_NoPASV": "the server does not know passive FTP",
    "Error_NoCWD": "the server has no such directory",
    "Error_NoSTOR": "the server does not take the file",
    "Error_NoTransferComplete": "the server did not confirm the transfer",
    "Error_IncorrectSize": "the length of what was received is not what was announced",
    "Error_Timeout": "it took too long",
    "Error_DNSServerNotResolved": "the address of the DNS server could not be resolved",
    "Error_DNSServerNotAvailable": "the DNS server did not answer",
    "Error_HostNameNotResolved": "the DNS server does not know the name",
    "Error_Internal": "an error inside the device",
    "Error_Other": "an error the device has no word for",
    "Error": "an error the device has no word for",
}
_WITH_RESULT = frozenset(("error_maxhopcountexceeded",))


def stage(word: str) -> Stage:
    """Say how far a diagnostic is. Both `Complete` and `Completed` are written, by both roots."""
    folded = word.strip().casefold()
    if folded in ("complete", "completed") or folded in _WITH_RESULT:
        return Stage.ENDED
    if folded == REQUESTED.casefold():
        return Stage.RUNNING
    if folded in ("", "none", "canceled"):
        return Stage.IDLE
    # A word no standard knows is an end too: it must not be waited for.
    return Stage.FAILED


def meaning(word: str) -> str:
    """Say in plain words what a state of failure means, and name it."""
    word = word.strip()
    known = {name.casefold(): text for name, text in _MEANINGS.items()}
    text = known.get(word.casefold())
    return f"{text} ({word})" if text else f"the device says {word}"
