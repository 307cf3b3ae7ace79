"""The site: one Frappe request in, one answer out; a request is a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from simulators.erpnext.call import Call
from simulators.erpnext.controllers import require_scripts_allowed
from simulators.erpnext.customizing import additions, delivered
from simulators.erpnext.database import Change
from simulators.erpnext.documents import Documents, Work
from simulators.erpnext.errors import (
    Message,
    Refusal,
    crash,
    thrown,
    v1_error,
    v1_messages,
    v2_error,
    v2_message,
)
from simulators.erpnext.http import (
    BAD_REQUEST,
    SERVER_ERROR,
    Request,
    Response,
    json_response,
    not_found,
)
from simulators.erpnext.methods import Method
from simulators.erpnext.queueing import QueueUnavailable
from simulators.erpnext.rest import run_v1, run_v2
from simulators.erpnext.schema import DocTypes, FieldType, system_doctypes
from simulators.erpnext.scripts import (
    DISABLED,
    EVENT_SCRIPTS,
    SCRIPTS,
    KnownEventScript,
    find_event_scripts,
    find_script,
    script_documents,
)
from simulators.erpnext.users import BRIDGE, DEMO_USERS, SYSTEM_MANAGER, User, authenticate
from simulators.erpnext.validation import Draft

MAX_REQUEST_LINE = 4094
LOGGED = 1000
"""Rows of the Webhook Request Log that are kept."""
_LOG = "Webhook Request Log"
ADMINISTRATOR = User("Administrator", roles=frozenset({SYSTEM_MANAGER}))


def _ignore(changes: tuple[Change, ...]) -> None:
    """Tell nobody what was committed."""


class Site:
    """An ERPNext site in memory; does no I/O.

    ``now`` gives the time as an aware datetime; ``hosts`` are the names the site answers
    to in ``Host`` or ``X-Frappe-Site-Name`` (empty: any); ``committed`` hears every
    committed change, and may raise `QueueUnavailable`: the answer is then a 500 page.

    ``scripts`` and ``event_scripts`` are those the stand-in knows; they are installed from
    the start, as are the custom fields and the role of the bridge, unless the site is ``bare``.
    ``scripts_allowed`` is ``server_script_enabled`` of the bench.
    """

    def __init__(
        self,
        doctypes: DocTypes,
        now: Callable[[], datetime],
        *,
        users: Iterable[User] = DEMO_USERS,
        hosts: Iterable[str] = (),
        time_zone: str = "America/Toronto",
        scripts: Mapping[str, Method] = SCRIPTS,
        event_scripts: Mapping[str, KnownEventScript] = EVENT_SCRIPTS,
        scripts_allowed: bool = True,
        bare: bool = False,
        committed: Callable[[tuple[Change, ...]], None] = _ignore,
    ) -> None:
        kinds = {name: delivered(kind) for name, kind in doctypes.items()}
        self.documents = Documents({**system_doctypes(), **kinds})
        self.shift = timedelta()
        self.committed = committed
        self.scripts_allowed = scripts_allowed
        self._hosts = frozenset(hosts)
        self._scripts = scripts
        self._event_scripts = event_scripts
        self._seeding = False
        self.set_zone(time_zone)
        self._now = now
        self.documents.before_validate = self._run_event_scripts
        self._furnish(doctypes, users, bare)

    def set_zone(self, time_zone: str) -> None:
        """Change the time zone; times that are stored stay as they are, as in Frappe.

        Raises `ZoneInfoNotFoundError` or `ValueError` for a name that is none.
        """
        self._zone = ZoneInfo(time_zone)
        self.time_zone = time_zone

    def now(self) -> str:
        """Return the site's time as text, without offset, as Frappe stores it.

        ``shift`` is by how much its clock is wrong.
        """
        local = (self._now() + self.shift).astimezone(self._zone).replace(tzinfo=None)
        return local.isoformat(" ", "microseconds")

    def date(self) -> str:
        """Return the same time as the ``Date`` of its answers."""
        return format_datetime(self._now() + self.shift, usegmt=True)

    def seed(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Insert documents (each with its ``doctype``) as Administrator, names as given.

        All or nothing; as with an import nobody hears of it and no script runs.  Raises
        `Refusal` for a bad document.
        """
        work = Work(ADMINISTRATOR, self.now, "")
        self._seeding = True
        try:
            for document in documents:
                name = document.get("name")
                self.documents.insert(
                    document, work, doctype=str(document["doctype"]), forced_name=name
                )
        except Refusal:
            self.documents.db.rollback()
            raise
        finally:
            self._seeding = False
        self.documents.db.commit()

    def act(
        self, user: str, action: str, doctype: str, name: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Let a person at the desk ``save``, ``create`` or ``delete``; return the document.

        All that a save by REST brings about happens here, too.  Raises `Refusal`, and
        `QueueUnavailable` when it is saved but its webhooks are lost.
        """
        work = Work(User(user, roles=frozenset({SYSTEM_MANAGER})), self.now, "")
        shown: dict[str, Any] = {}
        try:
            match action:
                case "create":
                    row = self.documents.insert(
                        {"name": name} | dict(fields), work, doctype=doctype
                    )
                    shown = self.documents.shown(doctype, row, nulls=False)
                case "delete":
                    self.documents.delete(doctype, name, work)
                case _:
                    row = self.documents.update(doctype, name, fields, work)
                    shown = self.documents.shown(doctype, row, nulls=False)
        except Refusal:
            self.documents.db.rollback()
            raise
        self.committed(self.documents.db.commit())
        return shown

    def overwrite(self, doctype: str, name: str, fields: Mapping[str, Any], *, touch: bool) -> None:
        """Change a row as SQL does: unasked, untold, and undated unless ``touch``.

        Raises `Refusal` for a row or a field that does not exist.
        """
        work = Work(ADMINISTRATOR, self.now, "")
        self.documents.set_values(doctype, name, fields, work, touch=touch)
        self.committed(self.documents.db.commit())

    def log_webhook(self, **values: str) -> None:
        """Keep a Webhook Request Log, the only place where a site tells of a lost webhook."""
        table = self.documents.db.table(_LOG)
        if len(table) >= LOGGED:
            self.documents.db.delete(_LOG, next(iter(table)))
        work = Work(ADMINISTRATOR, self.now, "")
        self.documents.insert(values, work, doctype=_LOG)
        self.documents.db.commit()

    def handle(self, request: Request) -> Response:
        """Answer a request; commit what it wrote, unless it failed or was a GET."""
        if request.line_length > MAX_REQUEST_LINE:
            return BAD_REQUEST
        host = request.headers.get("host", "")
        name = request.headers.get("x-frappe-site-name") or host.partition(":")[0]
        if self._hosts and name not in self._hosts:
            return not_found(f"{name} does not exist")
        segments = request.path.strip("/").split("/")
        match segments:
            case ["api", "v2", *rest]:
                return self._answer(request, host, rest, version=2)
            case ["api", "v1", *rest] | ["api", *rest]:
                return self._answer(request, host, rest, version=1)
            case _:
                return not_found(f"Page {request.path} not found")

    def _answer(
        self, request: Request, host: str, segments: list[str], *, version: int
    ) -> Response:
        work: Work | None = None
        try:
            user = authenticate(request.headers.get("authorization"), self._user)
            work = Work(user, self.now, f"http://{host}")
            call = Call(
                verb="GET" if request.method == "HEAD" else request.method,
                arguments=read_arguments(request),
                documents=self.documents,
                work=work,
                time_zone=self.time_zone,
            )
            run = run_v2 if version == 2 else run_v1
            status, body = run(segments, call, self._script)
        except Refusal as refusal:
            self.documents.db.rollback()
            return refused(refusal, version, work.messages if work else ())
        except Exception as error:  # as in Frappe: a Python error is a 500 with its name
            self.documents.db.rollback()
            return refused(crash(type(error).__name__, str(error)), version)
        if request.method in ("GET", "HEAD"):
            self.documents.db.rollback()
        else:
            try:
                self.committed(self.documents.db.commit())
            except QueueUnavailable:  # after the commit, and out of reach of any handler
                return SERVER_ERROR
        if work.messages and version == 2:
            body["messages"] = [v2_message(message) for message in work.messages]
        elif work.messages:
            body["_server_messages"] = v1_messages(work.messages)
        return json_response(status, body)

    def _user(self, api_key: str) -> User | None:
        for row in self.documents.db.table("User").find("api_key", [api_key]):
            roles = row.values.get("roles")
            return User(
                row.name,
                api_key,
                row.secrets.get("api_secret", ""),
                frozenset(str(one.get("role")) for one in roles)
                if isinstance(roles, list)
                else frozenset(),
                bool(row.values.get("enabled")),
            )
        return None

    def _script(self, name: str) -> Method | None:
        found = find_script(self.documents.db, self._scripts, name)
        return found if found is None or self.scripts_allowed else DISABLED

    def _run_event_scripts(self, doctype: str, draft: Draft) -> None:
        if self._seeding:
            return
        for script in find_event_scripts(self.documents.db, self._event_scripts, doctype):
            require_scripts_allowed(self.scripts_allowed)
            script(draft)

    def _furnish(self, doctypes: DocTypes, users: Iterable[User], bare: bool) -> None:
        """Insert what a site has from the start; ``bare``: nothing that was made for us."""
        ours = frozenset({BRIDGE}) if bare else frozenset()
        if bare:
            self.documents.withdraw(BRIDGE)
        self.documents.insert_doctypes(self.now())
        kinds = self.documents.doctypes.values()
        people = [replace(user, roles=user.roles - ours) for user in users]
        roles = {role for user in people for role in user.roles}
        roles |= {role for kind in kinds for role in kind.permissions}
        self.seed({"doctype": "Role", "role_name": role} for role in sorted(roles))
        self.seed(_user_document(user) for user in people)
        for kind in list(kinds):
            names = [f.name for f in kind.fields if f.mandatory and f.type is FieldType.DATA]
            self.seed(
                {"doctype": kind.name, "name": record} | dict.fromkeys(names, record)
                for record in kind.records
            )
        if not bare:
            self.seed(document for kind in doctypes.values() for document in additions(kind))
            self.seed(script_documents(self._scripts, self._event_scripts, doctypes))


def _user_document(user: User) -> dict[str, Any]:
    return {
        "doctype": "User",
        "email": user.name,
        "first_name": user.name.partition("@")[0],
        "enabled": int(user.enabled),
        "roles": [{"role": role} for role in sorted(user.roles)],
        "api_key": user.api_key,
        "api_secret": user.api_secret,
    }


def refused(
    refusal: Refusal,
    version: int,
    messages: Iterable[Message] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """Return the answer to a refused request; ``messages`` are those that came before."""
    said = (*messages, *refusal.messages)
    body = v2_error(refusal, said) if version == 2 else v1_error(refusal, said)
    return json_response(refusal.status, body, headers)


def read_arguments(request: Request) -> dict[str, Any]:
    """Return the arguments of a request.

    A JSON object in the body replaces the query string; a form is added to it.  A JSON
    body on a GET is the 500 it is on the real site.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not request.body:
        return request.arguments
    if kind == "application/x-www-form-urlencoded":
        form = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return request.arguments | dict(form)
    if kind != "application/json":
        return request.arguments
    if request.method in ("GET", "HEAD"):
        raise crash("TypeError", "a GET request takes no JSON body")
    try:
        value = json.loads(request.body)
    except json.JSONDecodeError as error:
        raise crash("json.decoder.JSONDecodeError", str(error)) from None
    except UnicodeDecodeError as error:
        raise crash("UnicodeDecodeError", str(error)) from None
    if not isinstance(value, dict):
        raise thrown("ValidationError", "Invalid request arguments")
    return value
