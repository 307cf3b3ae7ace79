"""The file server of one process: its parts, its listeners, and what it does by itself."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from acs.api import Metrics, Part, State
from acs.cwmp.digest import Challenger
from acs.devices.files import Offer, Refused
from acs.devices.record import Device, Job
from acs.files.folder import Folder
from acs.files.inbox import Inbox
from acs.files.links import Links
from acs.files.offers import Offers
from acs.files.site import FileSite, SiteLimits, Transfer
from acs.files.upkeep import prune
from acs.log import OncePer, get_logger
from acs.server.place import OpenPort
from acs.server.watch import EdgeWatcher
from acs.settings import Settings
from acs.store import Database
from acs.store.queues import Queues

log = get_logger("acs.files")

NONCE_SECONDS = 7200.0
"""A device may take long to send what it was asked for."""
_BACKLOG = 128
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not listened on


class FileServer:
    """Serves files where the settings say so; `offer` tells jobs of them in any case."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        queues: Queues,
        reactor: Any,
        metrics: Metrics,
        watcher: EdgeWatcher,
        algorithms: tuple[str, ...],
    ) -> None:
        """Take the parts; nothing listens yet. ``algorithms``: of Digest, as devices are asked."""
        self._settings = settings.files
        self._reactor = reactor
        self._queues = queues
        self._ports: dict[str, Any] = {}
        self._folder = Folder(settings.files_folder)
        vault = database.vault
        links = Links(bytes.fromhex(vault.digest(b"links", "acs.files")))
        challenger = Challenger(
            settings.auth.realm,
            bytes.fromhex(vault.digest(b"nonces", "acs.files")),
            algorithms,
            NONCE_SECONDS,
        )
        self._offers = Offers(
            queues,
            links,
            base=self._base,
            seconds=settings.files.link_seconds,
            clock=time.time,
            token=lambda: secrets.token_hex(12),
        )
        self._site = FileSite(
            queues,
            links,
            self._folder,
            Inbox(
                queues,
                self._folder,
                challenger,
                basic_on_http=settings.auth.allow_basic_on_http,
                clock=time.time,
                random=secrets.token_bytes,
                in_thread=deferToThread,
            ),
            _FileWatcher(metrics, OncePer(60.0, time.monotonic), watcher),
            SiteLimits(
                transfers=settings.files.transfers,
                octets_per_second=settings.files.bytes_per_second,
                upload_octets=settings.files.max_upload_bytes,
            ),
            reactor,
            clock=time.time,
            spread=random.random,
        )
        metrics.watch("file_transfers_open", "Transfers under way.", lambda: self._site.transfers)

    @property
    def is_wanted(self) -> bool:
        """True when the settings name an address to listen on."""
        return bool(self._settings.listen or self._settings.tls_listen)

    @property
    def offer(self) -> Callable[[Job, Device], Awaitable[Offer | Refused]]:
        """What a job is told of its file."""
        return self._offers.offer

    def listen(self, tls: Callable[[], Any], open_port: OpenPort) -> dict[str, Any]:
        """Open the listeners: ``files``, ``files_tls``. ``tls`` makes the context of the second.

        Raises OSError for a folder that cannot be made, `CannotListenError` and `TlsError`.
        """
        if self.is_wanted:
            self._folder.prepare()
        if self._settings.listen:
            at, factory = self._settings.listen, self._site.factory()
            self._ports["files"] = open_port("files", at, factory, _BACKLOG)
        if self._settings.tls_listen:
            plain: Any = self._site.factory()
            secured = TLSMemoryBIOFactory(tls(), False, plain, self._reactor)
            secured.protocol = TLSMemoryBIOProtocol
            at = self._settings.tls_listen
            self._ports["files_tls"] = open_port("files_tls", at, secured, _BACKLOG)
        return self._ports

    @property
    def transfers(self) -> int:
        """Transfers under way."""
        return self._site.transfers

    def _base(self) -> str:
        """The URL by which devices reach us; "" while we do not know one."""
        if not self._ports:
            return ""
        if self._settings.url:
            return self._settings.url
        name, scheme = ("files", "http") if "files" in self._ports else ("files_tls", "https")
        at = self._ports[name].getHost()
        if at.host in _ANYWHERE:
            return ""
        host = f"[{at.host}]" if ":" in at.host else at.host
        return f"{scheme}://{host}:{at.port}"

    def health(self) -> Part:
        """How it is, as far as is known without a try."""
        if not os.access(self._folder.root, os.W_OK | os.X_OK):
            return Part(State.DEGRADED, f"{self._folder.root} cannot be written")
        base = self._base()
        if not base:
            return Part(State.DEGRADED, "devices cannot be told where it is: set files.url")
        return Part(State.OK, urlsplit(base).netloc)

    def prune(self) -> Deferred[None] | None:
        """Forget files that devices sent long ago, and what a crash left behind."""
        if not self.is_wanted:
            return None
        keep_days = self._settings.keep_days
        return Deferred.fromCoroutine(
            prune(self._queues, self._folder, time.time(), keep_days, deferToThread)
        )


class _FileWatcher:
    """Implements `acs.files.site.Watcher`: a line for each transfer, and counters."""

    def __init__(self, metrics: Metrics, once: OncePer, watcher: EdgeWatcher) -> None:
        self._metrics = metrics
        self._once = once
        self._watcher = watcher

    def transferred(self, transfer: Transfer) -> None:
        """One line, without the address of the file, which is a permission."""
        ticket = transfer.ticket
        direction = "in" if transfer.result == "received" else "out"
        self._metrics.file_transfer(transfer.result, direction, transfer.octets)
        write = log.warning if transfer.result == "cut" else log.info
        write(
            "transfer",
            result=transfer.result,
            device_id=ticket.device_id,
            job=ticket.job_id,
            file=ticket.name,
            octets=transfer.octets,
            of=transfer.of,
            ms=round(transfer.seconds * 1000),
            address=transfer.address,
        )

    def refused(self, reason: str, address: str) -> None:
        """A flood from one address is one line."""
        self._metrics.file_refusal(reason)
        missed = self._once((reason, address))
        if missed is not None:
            log.warning("file refused", reason=reason, address=address, unsaid=missed)

    def trouble(self, problem: str) -> None:
        """Once a while for each problem."""
        missed = self._once(problem)
        if missed is not None:
            log.error("files", problem=problem, fix="acs file verify; acs doctor", unsaid=missed)

    def bug(self, where: str, error: BaseException | None) -> None:
        """A failure of ours."""
        self._watcher.bug(where, error)
