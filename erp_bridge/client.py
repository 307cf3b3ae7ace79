"""Speak to one ERPNext site over REST: blocking, bounded, with typed errors.

Made for a few worker threads that share it. It knows Frappe's REST conventions
and nothing of our doctypes.
"""

from __future__ import annotations

import json
import random as random_module
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar

from acs.model import Secret
from erp_bridge.errors import (
    LOCK_WAIT,
    ErpBusy,
    ErpError,
    ErpMisconfigured,
    ErpRejected,
    ErpUnavailable,
    error_of,
    error_of_write,
    server_messages,
    unknown,
)

LONGEST_GET = 3500
"""Octets of an address; gunicorn refuses a request line over 4094."""

LONGEST_WAIT = 5.0
"""Seconds a retry may wait inside a request; longer pauses are the circuit breaker's."""

_UNFIT = re.compile(
    rb"""(?<!\\)((?:\\\\)*)\\u(?:
        0000
      | [dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])
      | (?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})""",
    re.VERBOSE,
)
"""NUL and halves of characters, as JSON escapes them: no database of ours takes them, and one such
text would keep all that is stored with it from being stored."""

Filters = Sequence[Sequence[object]]
_Judge = Callable[[int, Mapping[str, str], bytes], ErpError]


class _Token(AuthBase):
    """Frappe's token header. As an auth object it also keeps ``.netrc`` out of the way."""

    def __init__(self, key: str, secret: Secret) -> None:
        self._key = key
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self._key}:{self._secret.reveal()}"
        return request


class ErpClient:
    """One ERPNext site and one API user.

    ``timeout`` bounds a whole answer, ``connect_timeout`` the connection, in seconds;
    ``connections`` is the number of requests at a time (four is what one ERPNext core can spare);
    ``verify`` is True, False or the path of a CA file; ``retries`` is how often a read is
    made again. ``clock`` gives seconds, ``now`` epoch seconds. ``observe`` hears
    ``(outcome, seconds)`` of every request, ``warn`` the warnings a site sends along with a good
    answer; both are called in the asking thread.

    Raises `ValueError` for an address or key that can never work.
    """

    def __init__(
        self,
        url: str,
        api_key: str | Secret,
        api_secret: Secret,
        *,
        timeout: float = 10.0,
        connect_timeout: float = 3.0,
        connections: int = 4,
        verify: bool | str = True,
        retries: int = 1,
        max_bytes: int = 16 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_module.random,
        observe: Callable[[str, float], None] = lambda outcome, seconds: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.origin = _checked_url(url)
        key = api_key.reveal() if isinstance(api_key, Secret) else api_key
        _check_token(key, api_secret)
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._retries = retries
        self._max_bytes = max_bytes
        self._clock = clock
        self._now = now
        self.clock_ahead = 0.0
        """Seconds that the site's clock was ahead of ours in its last answer, by its Date."""
        self._sleep = sleep
        self._random = random
        self._observe = observe
        self._warn = warn
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = _Token(key, api_secret)
        self._session.verify = verify
        self._session.headers["Accept"] = "application/json"
        # Every answer sets sid=Guest; sending it back would take the token's place.
        self._session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
        self.mount(adapter)

    def mount(self, adapter: BaseAdapter) -> None:
        """Send all requests through ``adapter``."""
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    # --- reads, made again when that may help ---------------------------------------------

    def ping(self) -> None:
        """Return when the site is alive; needs no rights."""
        if self.ask("ping") != "pong":
            raise _not_frappe("/api/method/ping did not answer pong")

    def whoami(self) -> str:
        """Return the name of the user the key belongs to."""
        return str(self.ask("frappe.auth.get_logged_user"))

    def time_zone(self) -> str:
        """Return the site's time zone, such as ``America/Toronto``, or ""."""
        found = self.ask("frappe.client.get_time_zone")
        zone = found.get("time_zone") if isinstance(found, dict) else found
        return zone if isinstance(zone, str) else ""

    def meta(self, doctype: str) -> dict[str, Any]:
        """Return the schema of ``doctype``; its ``fields`` have names, types and flags."""
        found = self._get(f"/api/v2/doctype/{_segment(doctype)}/meta", {}, "data")
        if not isinstance(found, dict):
            raise _not_frappe("the schema is not an object")
        return found

    def get_list(
        self,
        doctype: str,
        fields: Sequence[str],
        filters: Filters = (),
        or_filters: Filters = (),
        order_by: str = "name asc",
        limit: int = 20,
        start: int = 0,
    ) -> list[dict[str, Any]]:
        """Return rows of ``doctype``; all ``filters`` and one of ``or_filters`` must hold.

        Goes by POST where the address would be too long for gunicorn. ``limit`` 0 is all.
        """
        query: dict[str, object] = {"fields": list(fields), "order_by": order_by}
        query |= {"limit_start": start, "limit_page_length": limit}
        if filters:
            query["filters"] = filters
        if or_filters:
            query["or_filters"] = or_filters
        path = f"/api/resource/{_segment(doctype)}"
        texts = {k: v if isinstance(v, str) else _compact(v) for k, v in query.items()}
        address = requests.Request("GET", self.origin + path, params=texts).prepare().url or ""
        if len(address) <= LONGEST_GET:
            rows = self._get(path, texts, "data")
        else:
            rows = self.ask("frappe.client.get_list", doctype=doctype, **query)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _not_frappe("the list is not a list of rows")
        return rows

    def read(self, doctype: str, name: str) -> dict[str, Any]:
        """Return one document. Fields without a value are left out, passwords are asterisks."""
        path = f"/api/resource/{_segment(doctype)}/{_segment(name)}"
        return _document(self._get(path, {}, "data"))

    def ask(self, method: str, /, **args: object) -> Any:
        """Call a method that only reads; made again when that may help."""
        path = f"/api/method/{_segment(method)}"
        return self._retried(lambda: self._send("POST", path, "message", json=args))

    # --- writes, made once: `ErpUnknown` says that one may have been saved or not -------------

    def call(self, method: str, /, **args: object) -> Any:
        """Call a method or API Server Script by POST, once, and return its ``message``.

        Arguments travel in the body, so that they stay out of access logs.
        """
        path = f"/api/method/{_segment(method)}"
        return self._send("POST", path, "message", writes=True, json=args)

    def update(
        self, doctype: str, name: str, fields: Mapping[str, object], modified: str | None = None
    ) -> dict[str, Any]:
        """Change fields of a document and return it as it is now.

        ``modified`` is the document's own, to the letter, where the change is based on a read:
        `ErpStale` when somebody was faster. None: the last one who writes wins. A field that the
        doctype lacks is ignored by the site without a word; it is missing in the answer.
        """
        body = {**fields} if modified is None else {**fields, "modified": modified}
        path = f"/api/resource/{_segment(doctype)}/{_segment(name)}"
        return _document(self._send("PUT", path, "data", writes=True, json=body))

    def insert(self, doctype: str, doc: Mapping[str, object]) -> dict[str, Any]:
        """Make a document and return it.

        Give it a name of ours, or a unique field: only then does a second try answer `ErpTaken`
        instead of making another.
        """
        path = f"/api/resource/{_segment(doctype)}"
        return _document(self._send("POST", path, "data", writes=True, json={**doc}))

    # --- one exchange ---------------------------------------------------------------------

    def _get(self, path: str, params: Mapping[str, str], key: str) -> Any:
        return self._retried(lambda: self._send("GET", path, key, params=params))

    def _retried(self, attempt: Callable[[], Any]) -> Any:
        for tried in range(self._retries):
            try:
                return attempt()
            except ErpBusy as error:
                pause = error.retry_after
                if pause > LONGEST_WAIT:
                    raise
            except ErpUnavailable:
                pause = 0.2
            self._sleep(min(pause * 2**tried, LONGEST_WAIT) * (0.5 + self._random()))
        return attempt()

    def _send(self, method: str, path: str, key: str, *, writes: bool = False, **body: Any) -> Any:
        began = self._clock()
        outcome = "ok"
        try:
            return self._exchange(method, path, key, began, writes, **body)
        except ErpError as error:
            outcome = type(error).__name__
            raise
        finally:
            self._observe(outcome, self._clock() - began)

    def _exchange(
        self, method: str, path: str, key: str, began: float, writes: bool, **body: Any
    ) -> Any:
        # The library's own errors hold the request with its token: none may become our cause.
        try:
            response = self._session.request(
                method,
                self.origin + path,
                timeout=(self._connect_timeout, self._timeout),
                allow_redirects=False,
                stream=True,
                **body,
            )
            with response:
                content = self._content(response, began)
            self._look_at_clock(response.headers.get("Date", ""))
        except requests.exceptions.SSLError:
            failure: ErpError = ErpMisconfigured(
                f"The certificate of {self.origin} is not trusted",
                "Install a valid certificate, or name the CA file in the settings",
            )
        except requests.ConnectTimeout:
            failure = self._too_slow()
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            late = self._too_slow()
            # The site goes on, and may be waiting for a lock.
            failure = unknown(late, settled_in=LOCK_WAIT) if writes else late
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            cut = ErpUnavailable(
                f"{self.origin} cannot be reached ({type(error).__name__})",
                "Check the address, the network and that the site runs",
            )
            sent = writes and not _never_connected(error)
            failure = unknown(cut, settled_in=5.0) if sent else cut
        except ErpUnavailable as error:
            failure = unknown(error, settled_in=LOCK_WAIT) if writes else error
        else:
            return self._answer(response, content, key, error_of_write if writes else error_of)
        raise failure

    def _look_at_clock(self, date: str) -> None:
        with suppress(ValueError):
            self.clock_ahead = parsedate_to_datetime(date).timestamp() - self._now()

    def _content(self, response: requests.Response, began: float) -> bytes:
        """Read the body within its bounds; the library's time-out is per read only."""
        parts: list[bytes] = []
        size = 0
        # One read of the socket at a time: a whole piece may take for ever to trickle in.
        while part := response.raw.read1(65536, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > self._max_bytes:
                raise ErpUnavailable(
                    f"An answer of {self.origin} is over {self._max_bytes} octets",
                    "Ask for fewer rows at a time",
                )
            if self._clock() - began > self._timeout:
                raise self._too_slow()
        return b"".join(parts)

    def _too_slow(self) -> ErpUnavailable:
        return ErpUnavailable(
            f"{self.origin} did not answer within {self._timeout:g} s",
            "See how busy the site is; a longer time-out is a setting",
        )

    def _answer(self, response: requests.Response, content: bytes, key: str, judged: _Judge) -> Any:
        if not 200 <= response.status_code < 300:
            raise judged(response.status_code, response.headers, content)
        try:
            answer = json.loads(_UNFIT.sub(rb"\1\\ufffd", content))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _not_frappe("the answer is not a JSON object")
        for text in server_messages(answer):
            self._warn(text)
        return answer.get(key, answer.get("data" if key == "message" else "message"))


def _not_frappe(why: str) -> ErpMisconfigured:
    return ErpMisconfigured(
        f"What answers at the ERPNext address is not Frappe's API: {why}",
        "Check the address; a login page of a proxy in front looks like this",
    )


def _document(found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _not_frappe("the document is not an object")
    return found


def _never_connected(error: Exception) -> bool:
    """Tell whether a request failed before any of it was sent."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, urllib3.exceptions.NewConnectionError)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _segment(name: str) -> str:
    """Encode a name for a path. An empty one would turn a read into a list.

    Raises `ErpRejected` for one that cannot be sent: it is a fault of that row, and of no other.
    """
    if not name.strip() or name in (".", ".."):
        raise ErpRejected(f"{name!r} cannot be the name of a document", "Rename it in ERPNext")
    return quote(name, safe="")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the ERPNext address must look like https://erp.example.net")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the ERPNext address must not hold a user, a query or a fragment")
    return url.rstrip("/")


def _check_token(key: str, secret: Secret) -> None:
    # A header of more than two words is ignored, and the request runs as Guest.
    for what, text in (("key", key), ("secret", secret.reveal())):
        if not text or not text.isascii() or any(not " " < sign < "\x7f" for sign in text):
            raise ValueError(f"the API {what} must be plain characters without blanks")
    if ":" in key:
        raise ValueError("the API key must not contain a colon: key and secret are two settings")
