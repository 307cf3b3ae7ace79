"""Files that agents fetch and send over HTTP, with resume, Basic and Digest."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet import defer
from twisted.internet.ssl import trustRootFromCertificates

from simulators.cpe.content import Reader
from simulators.cpe.errand import Errand
from simulators.cpe.fetching import Fetcher
from simulators.cpe.pem import read_certificate

from .errors import COMMAND_FAILED
from .outgoing import BulkReport, Transfer, Transferred

MOST_OCTETS = 256 * 1024 * 1024
"""Of one file: a device has no room for more."""
_USER_AGENT = "usp-sim"


class Files:
    """Carries the files of many agents.

    ``timeout`` bounds each connect, each answer and each pause in a body, in seconds;
    ``ca_file`` trusts a certificate authority (PEM) for https.  Raises
    `simulators.cpe.pem.PemError` for a file that holds none.
    """

    def __init__(
        self, reactor: Any, *, timeout: float = 30.0, ca_file: str | None = None, seed: int = 1
    ) -> None:
        trust = trustRootFromCertificates([read_certificate(ca_file)]) if ca_file else None
        self._fetcher = Fetcher(reactor, timeout, trust)
        self._random = Random(seed)

    def report(self, report: BulkReport, done: Callable[[bool], None]) -> None:
        """Begin to send bulk data; ``done`` is told once whether it was taken."""
        errand = Errand(
            report.address,
            report.username,
            report.password,
            self._nonce,
            body=report.body,
            method=report.method,
            headers={
                "Content-Type": report.content_type,
                "BBF-Report-Format": f'"{report.report_format}"',
            },
            user_agent=_USER_AGENT,
        )
        sending = defer.Deferred.fromCoroutine(self._fetcher.run(errand))
        sending.addCallback(lambda _: done(not errand.fault))

    def carry(self, transfer: Transfer, done: Callable[[Transferred], None]) -> None:
        """Begin a transfer; ``done`` is told once how it ended."""
        kept = _Kept()
        errand = Errand(
            transfer.url,
            transfer.username,
            transfer.password,
            self._nonce,
            body=transfer.upload,
            user_agent=_USER_AGENT,
            reader=kept.begin,
        )
        carrying = defer.Deferred.fromCoroutine(self._fetcher.run(errand))
        carrying.addCallback(lambda _: done(_result(errand, kept)))

    def _nonce(self) -> str:
        return f"{self._random.getrandbits(64):016x}"


class _Kept:
    """What came of a file: the last attempt from its beginning."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.too_large = False

    def begin(self) -> Reader:
        self.content.clear()
        return _Keeping(self)


class _Keeping(Reader):
    """Keeps the whole content, besides what a reader finds in it."""

    def __init__(self, kept: _Kept) -> None:
        super().__init__()
        self._kept = kept

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        super().feed(data)
        if self.size > MOST_OCTETS:
            self._kept.too_large = True
            self._kept.content.clear()
        else:
            self._kept.content += data


def _result(errand: Errand, kept: _Kept) -> Transferred:
    if errand.fault:
        return Transferred(code=COMMAND_FAILED, text=errand.text)
    if kept.too_large:
        return Transferred(code=COMMAND_FAILED, text=f"more than {MOST_OCTETS} octets came")
    return Transferred(bytes(kept.content))
