"""Server TLS contexts that follow their files: new certificates without a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

_VERSIONS = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!MD5"
_OLD_CIPHERS = b"ECDHE+AES:RSA+AES:RSA+3DES:!aNULL:!eNULL:!MD5:@SECLEVEL=0"
"""RSA key exchange and SHA-1 signatures: OpenSSL 3 lets TLS 1.0 through at level 0 only."""

_Stamp = tuple[tuple[int, int, int] | None, ...]

_log = Logger()


class TlsError(ValueError):
    """Certificate, key or CA file cannot be used; the message names the file and the cause."""


def _log_error(error: TlsError) -> None:
    _log.error("{error}", error=error)


def tls_context_factory(
    certificate_path: str | Path,
    key_path: str | Path,
    client_ca_path: str | Path | None = None,
    minimum: str = "TLSv1.2",
    *,
    required: bool = False,
    check_seconds: float = 30.0,
    seconds: Callable[[], float] = time.monotonic,
    on_error: Callable[[TlsError], None] = _log_error,
) -> FileTls:
    """TLS for `listen`, from PEM files: certificate chain, unencrypted key, CA of client
    certificates.

    With `client_ca_path` clients are asked for a certificate: none is fine unless `required`; one
    that this CA did not sign ends the handshake. `minimum` is TLSv1.2, TLSv1.3, or, for old
    stacks, TLSv1.0 or TLSv1.1, which also brings back their ciphers.

    The files are looked at, at most every `check_seconds` by the clock `seconds`, when a
    connection comes. New files that cannot be used are given to `on_error` once, and the old
    ones serve on. Raises TlsError when the files are bad from the start, ValueError for an
    unknown `minimum`.
    """
    if minimum not in _VERSIONS:
        raise ValueError(f"unknown TLS version {minimum!r}: use one of {', '.join(_VERSIONS)}")
    return FileTls(
        _Settings(
            Path(certificate_path),
            Path(key_path),
            Path(client_ca_path) if client_ca_path is not None else None,
            minimum,
            required,
        ),
        check_seconds=check_seconds,
        seconds=seconds,
        on_error=on_error,
    )


@dataclass(frozen=True, slots=True)
class _Settings:
    certificate: Path
    key: Path
    client_ca: Path | None
    minimum: str
    required: bool

    def stamp(self) -> _Stamp:
        """What changes when a file is written or replaced."""
        return tuple(
            _file_stamp(path) for path in (self.certificate, self.key, self.client_ca) if path
        )


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@implementer(IOpenSSLServerConnectionCreator)
class FileTls:
    """Makes the OpenSSL side of each connection from the newest usable files."""

    def __init__(
        self,
        settings: _Settings,
        *,
        check_seconds: float,
        seconds: Callable[[], float],
        on_error: Callable[[TlsError], None],
    ) -> None:
        self._settings = settings
        self._check_seconds = check_seconds
        self._seconds = seconds
        self._on_error = on_error
        self._checked = seconds()
        self._stamp = settings.stamp()
        self._context = _context(settings)

    def reload(self) -> bool:
        """Read the files now; True when they are in use for the next connections."""
        self._checked = self._seconds()
        self._stamp = self._settings.stamp()
        try:
            self._context = _context(self._settings)
        except TlsError as error:
            self._on_error(error)
            return False
        return True

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802
        """IOpenSSLServerConnectionCreator: called by Twisted for each connection."""
        now = self._seconds()
        if now - self._checked >= self._check_seconds:
            self._checked = now
            if self._settings.stamp() != self._stamp:
                self.reload()
        return SSL.Connection(self._context, None)


def _context(settings: _Settings) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    old = settings.minimum in ("TLSv1.0", "TLSv1.1")
    context.set_min_proto_version(_VERSIONS[settings.minimum])
    context.set_cipher_list(_OLD_CIPHERS if old else _CIPHERS)
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 34 KiB less for each idle connection
    context.set_alpn_select_callback(_choose_http11)
    try:
        settings.certificate.read_bytes()  # OpenSSL does not say why a file cannot be read
        context.use_certificate_chain_file(str(settings.certificate))
    except (SSL.Error, OSError) as error:
        raise TlsError(
            f"cannot use certificate file {settings.certificate}: {_cause(error)}"
        ) from error
    try:
        key = load_pem_private_key(settings.key.read_bytes(), password=None)
        context.use_privatekey(key)  # type: ignore[arg-type]
        context.check_privatekey()
    except (SSL.Error, OSError, ValueError, TypeError) as error:
        raise TlsError(
            f"cannot use key file {settings.key} with {settings.certificate}: {_cause(error)}"
        ) from error
    if settings.client_ca is not None:
        try:
            settings.client_ca.read_bytes()
            context.load_verify_locations(str(settings.client_ca))
            context.load_client_ca(bytes(settings.client_ca))
        except (SSL.Error, OSError) as error:
            raise TlsError(f"cannot use CA file {settings.client_ca}: {_cause(error)}") from error
        demand = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if settings.required else 0
        context.set_verify(SSL.VERIFY_PEER | demand)
        # OpenSSL resumes no session of a client with a certificate unless it is named
        context.set_session_id(b"gigafibre-acs")
    return context


def _choose_http11(
    connection: SSL.Connection, offered: list[bytes]
) -> bytes | SSL._NoOverlappingProtocols:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _cause(error: Exception) -> str:
    if isinstance(error, SSL.Error):
        reasons = error.args[0] if error.args else []
        return "; ".join(reason[-1] for reason in reasons) or "not PEM, or empty"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
