"""Telephone lines of a unit: one that is switched on and has an account registers at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .model import Tree

_FAMILY_A = "Device.X_TP_Services.X_TP_VoiceService."
_TR104 = "InternetGatewayDevice.Services.VoiceService."
_NO_SERVER = ("", "0.0.0.0")  # noqa: S104 - no registrar, nothing is bound


def follow(tree: Tree, written: Iterable[str]) -> None:
    """Let the Status of each line follow its settings, where ``written`` are any of them."""
    if not any(path.startswith((_FAMILY_A, _TR104)) for path in written):
        return
    for service in (_FAMILY_A, _TR104):
        for profile in _rows(tree, service, "VoiceProfile."):
            for number in tree.rows(profile + "Line."):
                line = f"{profile}Line.{number}."
                if line + "Status" not in tree:
                    continue
                account = f"{profile}MultiIsp.{number}." if service == _FAMILY_A else line
                registered = _is_on(tree, profile, line) and _has_account(tree, profile, account)
                tree.put(line + "Status", "Up" if registered else "Disabled")


def _rows(tree: Tree, table: str, below: str) -> Iterator[str]:
    for outer in tree.rows(table):
        for inner in tree.rows(f"{table}{outer}.{below}"):
            yield f"{table}{outer}.{below}{inner}."


def _is_on(tree: Tree, *objects: str) -> bool:
    return all(tree.find(each + "Enable") == "Enabled" for each in objects)


def _has_account(tree: Tree, profile: str, account: str) -> bool:
    """Tell whether there are a user and a registrar; ``account``: a MultiIsp, or a TR-104 line."""
    if account + "MultiAccountEnable" in tree:
        user = tree.find(account + "MultiAuthUserName")
        server = tree.find(account + "MultiRegistrarServer")
        return tree.get(account + "MultiAccountEnable") == "1" and _named(user, server)
    user = tree.find(account + "SIP.AuthUserName")
    return _named(user, tree.find(profile + "SIP.RegistrarServer"))


def _named(user: str, server: str) -> bool:
    return bool(user) and server not in _NO_SERVER
