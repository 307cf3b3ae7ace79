"""The northbound interface as one part of the server: webhooks in, and REST."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

from twisted.internet.defer import Deferred

from acs.api import Metrics, Part, devices, gaps, openapi, reprovision, webhooks
from acs.api.access import Access
from acs.api.intake import Intake
from acs.api.limits import RateLimit
from acs.api.router import Router
from acs.api.routes import Route
from acs.api.site import Site
from acs.api.webhooks import Sender
from acs.devices.reconcile import Finding
from acs.devices.safety import Safety
from acs.http import Bounds, HttpFactory
from acs.http.listen import BACKLOG, prompt, secured
from acs.log import get_logger
from acs.server.bridge import load_mapping
from acs.server.inbox import kinds_of
from acs.server.place import OpenPort
from acs.server.signed import Signatures
from acs.settings import ErpSettings, Settings
from acs.store import idempotency, inbox
from acs.store.queues import Queues
from erp_bridge import signature

log = get_logger("acs.api")

INBOX_DAYS = 8.0
"""So long a webhook that was worked off is known when it is sent again."""
STOP_SECONDS = 5.0
"""For requests under way to be answered when the server stops."""
SHARES = 5
"""One address may have that part of the connections, lest it have them all."""
_PRUNE_ROWS = 1000


class ApiServer:
    """`listen`, and `finish` before the store is closed.

    ``found`` finds where devices and equipment differ, ``digest`` is a keyed digest of octets,
    ``bug`` is told of failures of ours.
    """

    def __init__(
        self,
        settings: Settings,
        queues: Queues,
        reactor: Any,
        metrics: Metrics,
        safety: Safety,
        *,
        found: Callable[[], Deferred[list[Finding]]],
        digest: Callable[[bytes], str],
        bug: Callable[[str, BaseException], None],
    ) -> None:
        self._settings = settings.api
        self._queues = queues
        self._reactor = reactor
        self._bug = bug
        answers = metrics.counter("api_requests", "Requests of other systems.", "status")
        self._signatures = Signatures(settings.erp.webhook_secret.reveal(), reactor.seconds)
        sender = _sender(settings.erp, self._signatures)
        self._site = Site(
            Router(_routes(settings, queues, safety, sender, found, digest)),
            Access(queues, time.time),
            RateLimit(self._settings.requests_per_minute),
            seconds=reactor.seconds,
            new_id=lambda: secrets.token_hex(8),
            answered=lambda status: answers.add(str(status)),
        )

    def listen(self, tls: Callable[[], Any], open_port: OpenPort) -> dict[str, Any]:
        """Open the listeners: ``api``, ``api_tls``. ``tls`` makes the context of the second.

        Raises `CannotListenError` and `TlsError`.
        """
        settings, ports = self._settings, {}
        factory = HttpFactory(
            self._site.handle,
            reactor=self._reactor,
            bounds=Bounds(
                body_bytes=settings.body_bytes,
                decompressed_bytes=settings.body_bytes,
                max_connections=settings.connections,
                max_connections_per_address=max(1, settings.connections // SHARES),
            ),
            on_error=partial(self._bug, "api"),
        )
        if settings.listen:
            ports["api"] = prompt(open_port("api", settings.listen, factory, BACKLOG))
        if settings.tls_listen:
            safe = secured(factory, tls(), self._reactor)
            ports["api_tls"] = prompt(open_port("api_tls", settings.tls_listen, safe, BACKLOG))
        return ports

    @property
    def is_wanted(self) -> bool:
        """Whether the settings give it an address."""
        return bool(self._settings.listen or self._settings.tls_listen)

    def health(self) -> Part:
        """Degraded while webhooks are refused, since nobody else would tell."""
        return self._signatures.health()

    @property
    def under_way(self) -> int:
        """Requests that are not answered yet."""
        return self._site.under_way

    def finish(self) -> Deferred[None]:
        """Fires once all requests are answered, or have had time enough."""
        over: Deferred[None] = self._site.finished()
        over.addTimeout(STOP_SECONDS, self._reactor, onTimeoutCancel=lambda _failure, _time: None)
        return over

    def prune(self) -> Deferred[int]:
        """Forget a piece of what nobody asks for any more."""
        return self._queues.run("prune api", _prune_thd, time.time())


def _prune_thd(conn: Any, now: float) -> int:
    gone = inbox.prune_thd(conn, now - INBOX_DAYS * 86_400, _PRUNE_ROWS)
    return gone + idempotency.prune_thd(conn, now - idempotency.KEEP_SECONDS, _PRUNE_ROWS)


def _routes(
    settings: Settings,
    queues: Queues,
    safety: Safety,
    sender: Sender,
    found: Callable[[], Deferred[list[Finding]]],
    digest: Callable[[bytes], str],
) -> tuple[Route, ...]:
    """All there is; a new resource is a module of `acs.api` and a line here."""
    equipment = load_mapping(settings.erp).equipment.doctype
    return openapi.described(
        (
            *webhooks.routes(sender, Intake(queues, time.time)),
            *reprovision.routes(queues, time.time, digest, equipment),
            *devices.routes(queues, time.time, safety),
            *gaps.routes(found),
        ),
        version("gigafibre-acs"),
    )


def _sender(erp: ErpSettings, signatures: Signatures) -> Sender:
    return Sender(
        doctypes=[name for name in kinds_of(load_mapping(erp)) if name],
        signature_field=signature.HEADER,
        is_signed=signatures.fits if erp.webhook_secret else None,
    )
