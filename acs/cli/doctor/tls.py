"""TLS files: there, fitting, valid for a while, and private."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from acs.settings import Settings
from erp_bridge.schema import Finding, Level

SOON = timedelta(days=30)
_RENEW = "Renew it; the server takes up new files by itself"


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the files of the TLS listeners; nothing is said while all of them are off."""
    cwmp, websocket, mqtt = settings.cwmp, settings.websocket, settings.mqtt
    if not cwmp.tls_listen:
        yield Finding(Level.OK, "cwmp.tls_listen is off: devices call over plain HTTP")
    over_mqtt = mqtt.tls_listen if mqtt.broker == "embedded" else ""
    if not (cwmp.tls_listen or websocket.tls_listen or over_mqtt):
        return
    now = datetime.now(UTC)
    yield from check_pair(Path(cwmp.tls_certificate), Path(cwmp.tls_key), now)
    authorities = {}
    if cwmp.tls_listen:
        authorities["cwmp.tls_client_ca"] = cwmp.tls_client_ca
    if websocket.tls_listen:
        authorities["websocket.tls_client_ca"] = websocket.tls_client_ca
    for setting, path in authorities.items():
        for authority in (yield from _certificates(Path(path), setting)) if path else ():
            yield from _validity(authority, f"The authority of devices in {path}", now)


def check_pair(certificate: Path, key: Path, now: datetime) -> Iterator[Finding]:
    """Look at a certificate with its chain and at the key that should belong to it."""
    chain = yield from _certificates(certificate, "cwmp.tls_certificate")
    secret = yield from _key(key)
    if not chain:
        return
    first = chain[0]
    yield from _validity(first, f"The certificate {certificate}", now)
    for other in chain[1:]:
        yield from _validity(other, f"A certificate of the chain in {certificate}", now)
    if secret is None:
        return
    if _spki(first.public_key()) != _spki(secret.public_key()):
        yield Finding(
            Level.ERROR,
            f"The key {key} does not belong to the first certificate in {certificate}",
            "Name the key it was made with; the server's own certificate must be the first",
        )
    else:
        yield from _strength(secret)


def _certificates(path: Path, setting: str) -> Generator[Finding, None, list[x509.Certificate]]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        yield Finding(
            Level.ERROR,
            f"{setting}: {path} cannot be read: {error.strerror}",
            "Name the right file, and let the server's user read it",
        )
    except ValueError:
        yield Finding(Level.ERROR, f"{setting}: {path} holds no certificate in PEM", "Convert it")
    return []


def _key(path: Path) -> Generator[Finding, None, PrivateKeyTypes | None]:
    try:
        content = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        yield Finding(
            Level.ERROR,
            f"cwmp.tls_key: {path} cannot be read: {error.strerror}",
            "Name the right file, and let the server's user read it",
        )
        return None
    if mode & 0o007:
        yield Finding(
            Level.WARNING,
            f"The key {path} may be read by everybody on this machine ({mode:04o})",
            f"chmod 600 {path}",
        )
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        yield Finding(
            Level.ERROR,
            f"cwmp.tls_key: {path} is encrypted with a password",
            f"Take the password off: openssl pkey -in {path} -out KEY, readable by the server only",
        )
    except ValueError:
        yield Finding(
            Level.ERROR, f"cwmp.tls_key: {path} holds no private key in PEM", "Convert it"
        )
    return None


def _validity(certificate: x509.Certificate, what: str, now: datetime) -> Iterator[Finding]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        yield Finding(Level.ERROR, f"{what} expired on {ends:%Y-%m-%d}", _RENEW)
    elif begins > now:
        yield Finding(
            Level.ERROR,
            f"{what} is valid from {begins:%Y-%m-%d} only",
            "Look at the clock of this machine, or wait",
        )
    elif ends - now < SOON:
        yield Finding(Level.WARNING, f"{what} expires in {(ends - now).days} days", _RENEW)
    else:
        yield Finding(Level.OK, f"{what} is valid until {ends:%Y-%m-%d}")


def _strength(key: PrivateKeyTypes) -> Iterator[Finding]:
    match key:
        case rsa.RSAPrivateKey() if key.key_size < 2048:
            yield Finding(
                Level.WARNING,
                f"The key is RSA with {key.key_size} bits",
                "Make one with 2048 bits or more",
            )
        case rsa.RSAPrivateKey():
            yield Finding(Level.OK, f"The key fits; RSA, {key.key_size} bits")
        case ec.EllipticCurvePrivateKey():
            yield Finding(
                Level.WARNING,
                f"The key fits; it is of an elliptic curve ({key.curve.name}), which old firmware "
                "may not know",
                "Use an RSA key if devices fail in the handshake",
            )
        case _:
            yield Finding(
                Level.WARNING,
                "The key fits, but is of a kind that devices seldom know",
                "Use an RSA key with 2048 bits or more",
            )


def _spki(key: PublicKeyTypes | CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
