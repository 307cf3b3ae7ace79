"""The edge of the file server, on `twisted.web`: devices GET images here and PUT what they send.

An address is its own permission to fetch (`acs.files.links`).  To send, the device also shows the
account of its slot.  Who has no good address learns nothing but 403.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from acs.devices.files import CatalogueFile
from acs.files.body import LINGER, Body
from acs.files.connections import Connections
from acs.files.folder import Folder
from acs.files.inbox import Answer, Inbox, Sent
from acs.files.links import Links, Purpose, Ticket
from acs.files.ranges import Other, Part, select
from acs.files.request import IDLE_SECONDS, FileRequest
from acs.files.sending import LONGEST_SECONDS, Sending
from acs.files.throttle import Throttle
from acs.store import files
from acs.store.errors import StoreError
from acs.store.queues import Queues

CONNECTIONS = 1000
PER_ADDRESS = 200
"""Connections of one address at least; twice the transfers, where that is more: behind a proxy
all devices have one address."""
PER_DEVICE = 4
"""Transfers of one device at once: it may begin anew before we notice that it was cut."""
RETRY_SECONDS = 30
_GET = (b"GET", b"HEAD")
_PUT = (b"PUT", b"POST")


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """Bounds of all transfers."""

    transfers: int = 50
    """At the same time."""
    octets_per_second: int = 0
    """Of one transfer to a device; 0: as fast as it goes."""
    upload_octets: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Transfer:
    """What became of one transfer, for the log and the counters."""

    result: str
    """``sent``, ``part sent``, ``cut`` or ``received``."""
    ticket: Ticket
    octets: int
    of: int
    """Octets that were to go."""
    seconds: float
    address: str


class Watcher(Protocol):
    """Is told what happens."""

    def transferred(self, transfer: Transfer) -> None:
        """A transfer ended."""

    def refused(self, reason: str, address: str) -> None:
        """A request was refused; ``reason`` is one of a few."""

    def trouble(self, problem: str) -> None:
        """The folder does not hold what it should."""

    def bug(self, where: str, error: BaseException | None) -> None:
        """Something failed that should not."""


class FileSite:
    """What all connections of the file server share; `factory` is for its listeners."""

    def __init__(
        self,
        queues: Queues,
        links: Links,
        folder: Folder,
        inbox: Inbox,
        watcher: Watcher,
        limits: SiteLimits,
        reactor: Any,
        *,
        clock: Callable[[], float],
        spread: Callable[[], float],
    ) -> None:
        """Take the parts. ``clock`` is of the wall; ``spread`` gives numbers in [0, 1)."""
        self.links = links
        self.limits = limits
        self.clock = clock
        self._by_device: Counter[int] = Counter()
        self._queues = queues
        self._folder = folder
        self._inbox = inbox
        self._watcher = watcher
        self._reactor = reactor
        self._spread = spread

    def factory(self) -> Connections:
        """Protocols for one listener."""
        most = self.limits.upload_octets + LINGER
        site = Site(
            _Pages(self),
            requestFactory=lambda channel, _queued=0: FileRequest(channel, self.expect, most),
            parsePOSTFormSubmission=False,
            timeout=IDLE_SECONDS,
            reactor=self._reactor,
        )
        site.displayTracebacks = False
        site.noisy = False
        site.log = _say_nothing  # type: ignore[assignment,method-assign] # it would log signatures
        per_address = max(PER_ADDRESS, 2 * self.limits.transfers)
        return Connections(
            site,
            self._reactor,
            most=max(CONNECTIONS, 2 * per_address),
            per_address=per_address,
            seconds=IDLE_SECONDS,
        )

    # --- one request ------------------------------------------------------------------------

    def answer(self, request: FileRequest) -> Deferred[None] | None:
        """Answer a request whose body has come; a Deferred fires when it is answered."""
        ticket = self.links.read(request.target, self.clock())
        sends = request.method in _PUT
        if not sends and request.method not in _GET:
            request.put_header("allow", "GET, HEAD, PUT, POST")
            self._refuse(request, 405, "method")
        elif ticket is None or (ticket.purpose is Purpose.PUT) is not sends:
            self._refuse(request, 403, "address")
        elif sends and request.body.size > self.limits.upload_octets:
            self._refuse(request, 413, "too large")
        elif request.finds_no_room or (request.method == b"GET" and not self.has_room(ticket)):
            request.put_header("retry-after", str(round(RETRY_SECONDS * (1 + self._spread()))))
            self._refuse(request, 503, "busy")
        elif sends:
            return Deferred.fromCoroutine(self._receive(request, ticket))
        else:
            return Deferred.fromCoroutine(self._send(request, ticket))
        return None

    def expect(self, request: FileRequest, target: str, length: int | None) -> Body:
        """Say, before the body of a request comes, what of it is kept."""
        request.began = self._reactor.seconds()
        ticket = self.links.read(target, self.clock())
        if ticket is None or ticket.purpose is Purpose.GET or length == 0:
            return Body(0)
        # Some send all of it before they are asked who they are.
        request.allow(LONGEST_SECONDS)
        if not request.field("authorization"):
            return Body(0)
        if not self.has_room(ticket):
            request.finds_no_room = True
            return Body(0)
        self._begin(request, ticket)
        return Body(self.limits.upload_octets)

    def has_room(self, ticket: Ticket) -> bool:
        """True when a transfer of this device may begin: no device takes the place of others."""
        under_way = self._by_device[ticket.device_id]
        return self.transfers < self.limits.transfers and under_way < PER_DEVICE

    @property
    def transfers(self) -> int:
        """Transfers under way."""
        return self._by_device.total()

    def _begin(self, request: Request, ticket: Ticket) -> None:
        """Count a transfer until its request has ended, however that happens."""
        self._by_device[ticket.device_id] += 1

        def ended(_result: object) -> None:
            self._by_device[ticket.device_id] -= 1
            if not self._by_device[ticket.device_id]:
                del self._by_device[ticket.device_id]

        request.notifyFinish().addBoth(ended)

    def failed(self, request: FileRequest, failure: Failure) -> None:
        """Answer for what went wrong on our side."""
        if isinstance(failure.value, OSError):
            self._watcher.trouble(str(failure.value))
        elif not isinstance(failure.value, StoreError):
            self._watcher.bug("files", failure.value)
        if not request.has_gone:
            request.put_header("retry-after", str(RETRY_SECONDS))
            self._refuse(request, 503, "failure")

    async def _send(self, request: FileRequest, ticket: Ticket) -> None:
        if request.method == b"GET":
            self._begin(request, ticket)
        file = await self._queues.run(
            "fetched", files.fetched_thd, ticket.name, ticket.device_id, ticket.job_id
        )
        if request.has_gone:
            return
        if file is None:
            self._refuse(request, 403, "no file")
            return
        etag = f'"{file.sha256}"'
        request.put_header("etag", etag)
        request.put_header("accept-ranges", "bytes")
        request.put_header("cache-control", "private, no-transform")
        chosen = select(
            file.size,
            etag,
            wanted=request.field("range") if request.method == b"GET" else "",
            if_range=request.field("if-range"),
            if_none_match=request.field("if-none-match"),
        )
        match chosen:
            case Other.UNCHANGED:
                request.end(304)
            case Other.UNSATISFIABLE:
                request.put_header("content-range", f"bytes */{file.size}")
                self._refuse(request, 416, "range")
            case Other.WHOLE:
                self._stream(request, ticket, file, Part(0, file.size))
            case Part(first, length):
                request.setResponseCode(206)
                last = first + length - 1
                request.put_header("content-range", f"bytes {first}-{last}/{file.size}")
                self._stream(request, ticket, file, chosen)

    def _stream(
        self, request: FileRequest, ticket: Ticket, file: CatalogueFile, part: Part
    ) -> None:
        request.put_header("content-type", "application/octet-stream")
        request.put_header("content-length", str(part.length))
        opened = self._folder.open(file.sha256)
        held = os.fstat(opened.fileno()).st_size
        if held != file.size or request.method == b"HEAD":
            opened.close()
            if held != file.size:
                raise OSError(f"{file.name} has {held} octets on disk instead of {file.size}")
            request.end()
            return
        opened.seek(part.first)
        request.allow(None)  # `Sending` has bounds of its own.
        throttle = Throttle(self.limits.octets_per_second)
        sending = Sending(request, opened, part.length, throttle, self._reactor)
        began = self._reactor.seconds()
        done = "sent" if part.length == file.size else "part sent"

        def ended(result: object) -> None:
            self._watcher.transferred(
                Transfer(
                    "cut" if isinstance(result, Failure) else done,
                    ticket,
                    sending.sent,
                    part.length,
                    self._reactor.seconds() - began,
                    request.address,
                )
            )

        request.notifyFinish().addBoth(ended)
        sending.start()

    async def _receive(self, request: FileRequest, ticket: Ticket) -> None:
        authorization = request.field("authorization")
        secure = request.is_secure
        if not authorization:
            answer = self._inbox.challenge(secure)
        else:
            sent = Sent(
                ticket,
                request.method.decode("latin-1"),
                request.target,
                authorization,
                secure,
                request.body.content(),
            )
            answer = await self._inbox.receive(sent)
        if answer.result == "received":
            size = request.body.size
            seconds = self._reactor.seconds() - request.began
            self._watcher.transferred(
                Transfer("received", ticket, size, size, seconds, request.address)
            )
        if not request.has_gone:
            self._tell(request, answer)

    def _tell(self, request: FileRequest, answer: Answer) -> None:
        if answer.challenges:
            request.responseHeaders.setRawHeaders("www-authenticate", list(answer.challenges))
        if answer.status == 200:
            request.end_empty(200)
        elif answer.result == "challenged":
            request.end_empty(answer.status)
        else:
            self._refuse(request, answer.status, answer.result)

    def _refuse(self, request: FileRequest, status: int, reason: str) -> None:
        self._watcher.refused(reason, request.address)
        request.end_empty(status)


def _say_nothing(_request: object) -> None:
    pass


class _Pages(Resource):
    """Hands every request to the site."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, site: FileSite) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._site = site

    def render(self, request: Request) -> int:
        """Answer one request."""
        assert isinstance(request, FileRequest)
        answered = self._site.answer(request)
        if answered is not None:
            answered.addErrback(lambda failure: self._site.failed(request, failure))
        return NOT_DONE_YET
