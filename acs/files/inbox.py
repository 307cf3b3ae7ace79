"""Takes what a device sends: once, with the account of its slot, encrypted before it is written.

Nothing of it is on disk in clear, and nothing at all until it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from twisted.internet.defer import Deferred

from acs.cwmp import digest
from acs.cwmp.digest import Challenger, Verdict
from acs.devices.files import ReceivedFile, Slot
from acs.files.folder import Folder
from acs.files.links import Ticket
from acs.files.sealed import seal_file
from acs.store import files
from acs.store.queues import Queues
from acs.store.vault import KEY_OCTETS


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that brings a file, whole."""

    ticket: Ticket
    method: str
    target: str
    authorization: str
    secure: bool
    """It came over TLS."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the device is told; ``result`` is for the log and the counters."""

    status: int
    result: str
    challenges: tuple[str, ...] = ()


class Inbox:
    """Judges and keeps files of devices."""

    def __init__(
        self,
        queues: Queues,
        folder: Folder,
        challenger: Challenger,
        *,
        basic_on_http: bool,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        in_thread: Callable[..., Deferred[None]],
    ) -> None:
        """Take the parts; ``in_thread(f, *args)`` calls ``f`` where it may wait for the disk."""
        self._queues = queues
        self._folder = folder
        self._challenger = challenger
        self._basic_on_http = basic_on_http
        self._clock = clock
        self._random = random
        self._in_thread = in_thread

    def challenge(self, secure: bool, *, stale: bool = False) -> Answer:
        """Ask for the account of the slot: by Digest, and by Basic where that is safe."""
        asked = self._challenger.challenge(self._clock(), self._random(16), stale=stale)
        if self._takes_basic(secure):
            asked += (f'Basic realm="{self._challenger.realm}", charset="UTF-8"',)
        return Answer(401, "challenged", asked)

    async def receive(self, sent: Sent) -> Answer:
        """Keep the file of ``sent``, if it is the one that its slot waits for."""
        given = digest.parse_authorization(sent.authorization)
        if given is None or not given.username.isascii():
            return self.challenge(sent.secure)
        slot = await self._queues.run("slot", files.slot_thd, given.username)
        verdict = self._judge(given, slot, sent)
        if verdict is Verdict.STALE:
            return self.challenge(sent.secure, stale=True)
        if slot is None or verdict is not Verdict.OK:
            return Answer(401, "wrong password", self.challenge(sent.secure).challenges)
        belongs = (slot.device_id, slot.job_id) == (sent.ticket.device_id, sent.ticket.job_id)
        if not belongs or slot.expires_at <= self._clock():
            return Answer(403, "wrong slot")
        if slot.used:
            return Answer(410, "sent before")
        if not sent.body:
            # libcurl sends an empty body first, to be challenged; this one was not.
            return Answer(400, "empty")
        return await self._keep(slot, sent.body)

    async def _keep(self, slot: Slot, body: bytes) -> Answer:
        key, stored = self._random(KEY_OCTETS), self._random(16).hex()
        await self._in_thread(lambda: self._folder.keep(stored, seal_file(key, stored, body)))
        received = ReceivedFile(
            id=0,
            device_id=slot.device_id,
            job_id=slot.job_id,
            file_type=slot.file_type,
            size=len(body),
            sha256=sha256(body).hexdigest(),
            stored=stored,
            at=self._clock(),
        )
        upload_id = None
        try:
            upload_id = await self._queues.run("receive", files.receive_thd, slot, received, key)
        finally:
            if upload_id is None:
                self._folder.drop(stored)
        # Clients exist that take no other status of 2xx for success.
        return Answer(410, "sent before") if upload_id is None else Answer(200, "received")

    def _judge(self, given: digest.Digest | digest.Basic, slot: Slot | None, sent: Sent) -> Verdict:
        if isinstance(given, digest.Basic) and not self._takes_basic(sent.secure):
            return Verdict.MALFORMED
        known = {} if slot is None else self._digests(slot)
        if isinstance(given, digest.Basic):
            return self._challenger.verify_basic(given, known)
        return self._challenger.verify(
            given,
            method=sent.method,
            target=sent.target,
            body=sent.body,
            ha1=known,
            now=self._clock(),
        )

    def _digests(self, slot: Slot) -> dict[str, str]:
        realm, password = self._challenger.realm, slot.password.reveal()
        return {
            algorithm: digest.ha1(slot.username, realm, password, algorithm)
            for algorithm in self._challenger.algorithms
        }

    def _takes_basic(self, secure: bool) -> bool:
        return secure or self._basic_on_http
