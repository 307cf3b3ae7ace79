"""Who asks, and what they may do."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest

from simulators.erpnext.errors import FRAPPE, Message, Refusal
from simulators.erpnext.schema import DocType, Right

SYSTEM_MANAGER = "System Manager"
BRIDGE = "ACS Bridge"


@dataclass(frozen=True, slots=True)
class User:
    """A user with the key pair of the REST interface."""

    name: str
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    roles: frozenset[str] = frozenset()
    enabled: bool = True

    @property
    def manages_system(self) -> bool:
        """True for a System Manager, who may do everything."""
        return SYSTEM_MANAGER in self.roles

    def may(self, right: Right, doctype: DocType) -> bool:
        """Return whether a role of this user has the right on the doctype."""
        granted = (doctype.permissions.get(role, frozenset()) for role in self.roles)
        return self.manages_system or any(right in rights for rights in granted)


GUEST = User("Guest")
DEMO_USERS = (
    User("acs.bridge@fibre.test", "demo-key", "demo-secret", frozenset({BRIDGE})),
    User("acs.setup@fibre.test", "setup-key", "setup-secret", frozenset({SYSTEM_MANAGER})),
    User("acs.nobody@fibre.test", "nobody-key", "nobody-secret"),
)
"""The bridge's user, a System Manager, and one without any right."""


def authenticate(header: str | None, find: Callable[[str], User | None]) -> User:
    """Return the user of an ``Authorization`` header; ``find`` knows them by their key.

    ``token KEY:SECRET`` and ``Basic base64(KEY:SECRET)`` are known.  A header that is
    not exactly two words counts as none, and none is Guest: such requests end in 403.
    Raises the 401 refusal for an unknown key, a wrong secret, a missing colon, or a
    user who is switched off.
    """
    words = (header or "").split(" ")
    if len(words) != 2:
        return GUEST
    scheme, credentials = words
    match scheme.lower():
        case "token":
            pair = credentials
        case "basic":
            pair = _decode_basic(credentials)
        case _:
            raise _unauthenticated()
    key, colon, secret = pair.partition(":")
    user = find(key) if key else None
    if not colon or user is None or not user.enabled:
        raise _unauthenticated()
    if not compare_digest(user.api_secret.encode(), secret.encode()):
        raise _unauthenticated()
    return user


def _decode_basic(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _unauthenticated() from None


def _unauthenticated() -> Refusal:
    return Refusal(FRAPPE + "AuthenticationError")


def forbidden(*messages: Message, summary: str | None = None) -> Refusal:
    """Return the refusal for a missing right."""
    return Refusal(FRAPPE + "PermissionError", messages=messages, summary=summary)


def lacks_role(user: User, doctype: str) -> str:
    """Return Frappe's words for a user without any right on a doctype."""
    return (
        f"User <strong>{user.name}</strong> does not have doctype access via role permission"
        f" for document <strong>{doctype}</strong>"
    )


def require_list(user: User, doctype: DocType) -> None:
    """Raise the refusal for listing a doctype without the right to read it."""
    if not user.may(Right.READ, doctype):
        raise list_refused(user, doctype.name)


def list_refused(user: User, doctype: str) -> Refusal:
    """Return the refusal for listing a doctype that is closed, or does not exist."""
    return forbidden(Message(lacks_role(user, doctype)), summary=f"No permission for {doctype}")


def require_read(user: User, doctype: DocType) -> None:
    """Raise the refusal for reading a document without the right."""
    if not user.may(Right.READ, doctype):
        raise forbidden(_lacks_document(user, doctype.name))


def require_change(user: User, right: Right, doctype: DocType) -> None:
    """Raise the refusal for creating or writing without the right."""
    if not user.may(right, doctype):
        summary = f"Insufficient Permission for {doctype.name} (<strong>{right}</strong>)"
        raise forbidden(_lacks_document(user, doctype.name), summary=summary)


def require_delete(user: User, doctype: DocType, name: str) -> None:
    """Raise the refusal for deleting a document without the right."""
    if not user.may(Right.DELETE, doctype):
        document = f"{doctype.name} - {name}"
        text = f"User not allowed to delete {doctype.name}: {name}"
        raise Refusal(
            FRAPPE + "PermissionError",
            text,
            messages=(
                Message(
                    f"User <strong>{user.name}</strong> does not have access to this"
                    f" document: {document}"
                ),
                Message(text, indicator="red", raised=True),
            ),
        )


def require_system_manager(user: User) -> None:
    """Raise the bare refusal of ``frappe.only_for``."""
    if not user.manages_system:
        raise forbidden()


def _lacks_document(user: User, doctype: str) -> Message:
    return Message(
        f"{lacks_role(user, doctype)}<br>User <strong>{user.name}</strong> does not have"
        " access to this document"
    )
