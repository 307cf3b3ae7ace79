"""The link to ERPNext as one part of the server: built, started, stopped and asked how it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from acs.api import Metrics, Part, State
from acs.devices.identity import Terms
from acs.devices.source import MirrorRow
from acs.log import get_logger
from acs.server.inbox import Inbox
from acs.server.reacting import let_go_thd, take_in_thd
from acs.server.sweeping import Sweeping
from acs.settings import ErpSettings
from acs.store import equipment
from acs.store.queues import Queues
from erp_bridge import mapping
from erp_bridge.asking import Asker, Turns
from erp_bridge.breaker import Breaker
from erp_bridge.breaker import State as BreakerState
from erp_bridge.budget import Budget, Turn
from erp_bridge.check import schema_findings
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpError
from erp_bridge.forgetting import WINDOW, Forgetting
from erp_bridge.lookup import Lookup
from erp_bridge.schema import Finding, Level
from erp_bridge.source import ErpSource, Hooks, Limits, mirror_row
from erp_bridge.threads import Threads

log = get_logger("acs.erp")


class QueuesMirror:
    """The mirror the bridge keeps, in our store."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def find(self, terms: Sequence[Terms], /) -> tuple[MirrorRow, ...]:
        """Rows that fit any of ``terms``."""
        rows: dict[str, MirrorRow] = {}
        for one in terms:
            rows |= {row.equipment.name: row for row in await self._queues.find(one)}
        return tuple(rows.values())

    async def wish(self, name: str, /) -> MirrorRow | None:
        """The row of the equipment of this name."""
        return await self._queues.wish(name)

    async def known(self, names: Sequence[str], /) -> dict[str, MirrorRow]:
        """The rows of the equipments of these names."""
        return await self._queues.run("mirror", equipment.wish_thd, names)

    async def store(self, rows: Sequence[MirrorRow], /, *, on_line: Collection[str] = ()) -> None:
        """Insert or replace ``rows``, and have devices called that they change something for."""
        await self._queues.run("mirror", take_in_thd, rows, time.time(), on_line=on_line)

    async def forget(self, names: Sequence[str], /) -> None:
        """Delete the rows of these names, and have devices called in whose way they stood."""
        await self._queues.run("mirror", let_go_thd, names, time.time())

    async def size(self) -> int:
        """How many rows there are."""
        return await self._queues.run("mirror", equipment.size_thd)


def make_client(settings: ErpSettings, **options: Any) -> ErpClient:
    """The client of these settings. Raises `ValueError` with the fix named."""
    return ErpClient(
        settings.url,
        settings.api_key,
        settings.api_secret,
        timeout=settings.timeout,
        connections=settings.connections,
        verify=settings.verify_tls,
        **options,
    )


def load_mapping(settings: ErpSettings) -> mapping.Mapping:
    """The mapping of these settings. Raises `mapping.MappingError` with the line named."""
    return mapping.load(Path(settings.mapping).expanduser() if settings.mapping else None)


def misfits(settings: ErpSettings) -> list[Finding]:
    """What in the mapping does not fit the live site, each with its fix. Blocking.

    Empty also when the site cannot be asked: a server that restarts while ERPNext is down must
    still serve devices from its mirror.
    """
    client = make_client(settings)
    try:
        found = schema_findings(client, load_mapping(settings))
        return [finding for finding in found if finding.level is Level.ERROR]
    except ErpError as error:
        log.warning("the mapping could not be checked", error=error.text, fix=error.fix)
        return []
    finally:
        client.close()


class Bridge:
    """ERPNext, as the server sees it."""

    def __init__(
        self,
        settings: ErpSettings,
        reactor: Any,
        queues: Queues,
        *,
        digest: Callable[[bytes], str],
        metrics: Metrics,
        sharers: int = 1,
    ) -> None:
        """Build the parts; ``digest`` is a keyed hash, ``sharers`` servers share the reads."""
        self._metrics = metrics
        self._turns = Turns(
            reactor,
            Budget(
                settings.queries_per_second / sharers,
                settings.writes_per_second,
                settings.connections,
                reactor.seconds(),
            ),
        )
        self._client = make_client(
            settings,
            warn=lambda text: log.info("ERPNext warns", text=text),
            observe=lambda _outcome, seconds: self._called(seconds),
        )
        self._threads = Threads(reactor, settings.connections)
        self._breaker = Breaker(time.monotonic)
        self._kept = ""
        self._kept_at = 0.0
        self.mapping = site = load_mapping(settings)
        lookup = Lookup(self._client, site, dropped=self._dropped, digest=digest)
        forgetting = Forgetting(settings.forget_share, time.time)
        self.asker = asker = Asker(
            self._breaker,
            self._threads.run,
            failed=self._failed,
            changed=self._breaker_changed,
            turns=self._turns,
        )
        self.source = ErpSource(
            reactor,
            lookup,
            QueuesMirror(queues),
            asker,
            forgetting,
            digest=digest,
            neutral=lookup.neutral,
            clock=time.time,
            limits=Limits(
                hold_seconds=settings.hold_seconds,
                batch=settings.batch,
                batch_wait_ms=settings.batch_wait_ms,
                connections=settings.connections,
                negative_ttl=settings.negative_ttl,
                refresh_seconds=settings.refresh_seconds,
            ),
            hooks=Hooks(looked_up=self._looked_up, failed=self._failed, kept=self._not_believed),
        )
        self.sweeping = Sweeping(
            settings,
            reactor,
            queues,
            self.source,
            asker.as_turn(Turn.SWEEP),
            forgetting,
            lookup,
            self._client,
            site,
            row=lambda read, at: mirror_row(read, digest, at),
            metrics=metrics,
        )
        self.inbox = Inbox(settings, reactor, queues, self.source, asker, lookup, site, metrics)
        metrics.watch(
            "erp_waiting", "Questions that wait for their turn.", lambda: self._turns.waiting
        )
        metrics.watch(
            "erp_waiting_seconds",
            "How long one of them has waited at most.",
            lambda: self._turns.waited,
        )

    @property
    def client(self) -> ErpClient:
        """Speaks to the site; blocking, so it is asked by the `asker`."""
        return self._client

    def start(self) -> None:
        """Be ready to ask."""
        self._threads.start()

    async def stop(self) -> None:
        """Ask no more, and wait for what is under way."""
        self.sweeping.stop()
        self.inbox.stop()
        self.source.stop()
        await self._threads.stop()
        self._client.close()

    def health(self) -> Part:
        """Degraded while ERPNext is not asked: devices are served from the mirror."""
        if self._breaker.state is not BreakerState.CLOSED:
            return Part(State.DEGRADED, self._breaker.reason)
        if late := self.inbox.late:
            return Part(State.DEGRADED, late)
        swept = self.sweeping.progress
        lately = self._kept_at > max(swept.sure_at, time.time() - WINDOW)
        if doubt := swept.alarm or (self._kept if lately else ""):
            return Part(State.DEGRADED, doubt)
        return Part(State.OK, self._client.origin)

    def _called(self, seconds: float) -> None:
        """A call was made; in its thread."""
        self._turns.called()
        self._metrics.erp_call(seconds)

    def _looked_up(self, asked: int, found: int) -> None:
        self._metrics.erp_batch(asked)
        self._metrics.erp_lookup("found", min(found, asked))
        self._metrics.erp_lookup("absent", max(asked - found, 0))

    def _failed(self, error: Exception) -> None:
        self._metrics.erp_error(type(error).__name__)
        log.warning("ERPNext was asked in vain", error=str(error))

    def _not_believed(self, gone: int) -> None:
        self._kept = (
            f"ERPNext shows {gone} equipments no longer, and too little else; they are kept."
            " See whether the API user still has its rights"
        )
        self._kept_at = time.time()
        log.error("equipment kept that ERPNext does not show", gone=gone)

    def _breaker_changed(self, state: BreakerState, reason: str, alarm: bool) -> None:
        write = log.error if alarm else log.warning
        write("link to ERPNext", state=str(state), reason=reason)

    def _dropped(self, field: str) -> None:
        log.warning("ERPNext refuses a field; going on without it", field=field)
