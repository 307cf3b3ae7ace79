"""What a subscriber asks for: where it is told, and of which kinds of news."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2000
MOST_KINDS = 50
_KIND = re.compile(r"[a-z0-9_.*]{1,64}")
_PRINTABLE = re.compile(r"[!-~]+")


class SubscriptionError(ValueError):
    """What was asked for cannot be; the text names the fix."""


def check_url(url: str, *, allow_http: bool = False) -> str:
    """Return the URL of a subscriber as it is kept. Raises `SubscriptionError`.

    Plain HTTP needs an address that is loopback or private, or ``allow_http``. What a name stands
    for is known when something is sent, and is looked at then.
    """
    if not _PRINTABLE.fullmatch(url) or len(url) > LONGEST_URL:
        raise SubscriptionError(
            f"a URL has at most {LONGEST_URL} characters of ASCII, and no spaces"
        )
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise SubscriptionError("the URL begins with https://, or with http:// in your own network")
    if not parts.hostname:
        raise SubscriptionError("the URL names no host")
    if parts.username is not None or parts.password is not None:
        raise SubscriptionError(
            "the URL holds a user name or password; leave it out, events are signed instead"
        )
    if parts.fragment:
        raise SubscriptionError("the URL has a part behind #, which is never sent; leave it out")
    is_outside = _is_address(parts.hostname) and not is_private(parts.hostname)
    if parts.scheme == "http" and is_outside and not allow_http:
        raise SubscriptionError(
            f"{parts.hostname} is not in a private network, and HTTP is not encrypted; "
            "use https://, or --allow-http if you must"
        )
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def is_private(address: str) -> bool:
    """Tell whether an IP address is loopback, link-local or of a private network."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return (found.is_private or found.is_loopback) and not found.is_unspecified


def host_of(url: str) -> str:
    """Return the host of a URL: as much of it as may be logged, since paths may be secret."""
    return urlsplit(url).hostname or ""


def check_kinds(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return patterns of kinds (``device.*``), each once. Raises `SubscriptionError`."""
    found = tuple(dict.fromkeys(patterns))
    if not found or len(found) > MOST_KINDS:
        raise SubscriptionError(f"name 1 to {MOST_KINDS} kinds, for instance 'device.*'")
    for pattern in found:
        if not _KIND.fullmatch(pattern):
            raise SubscriptionError(
                f"{pattern!r} is no kind: use small letters, digits, dots, _ and *, "
                "for instance 'device.*'"
            )
    return found


def wants(patterns: Sequence[str], kind: str) -> bool:
    """Tell whether news of a kind is asked for."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SubscriptionError("the URL cannot be read; see its brackets and its port") from None
    return parts


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
