"""Certificates and keys out of PEM files."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import crypto
from twisted.internet.error import VerifyError
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate


class PemError(ValueError):
    """A file holds no certificate or key, or not one that goes with the other."""


def read_certificate(file: str) -> Certificate:
    """Return the certificate in a file. Raises `PemError`."""
    try:
        return Certificate.loadPEM(Path(file).read_bytes())
    except (OSError, crypto.Error):
        raise PemError(f"{file}: no certificate can be read from it (PEM)") from None


def read_own(certificate: str, key: str | None) -> PrivateCertificate:
    """Return a certificate with its key, which without ``key`` stands beside it.

    Raises `PemError`.
    """
    shown, file = read_certificate(certificate), key or certificate
    try:
        pair = KeyPair.load(Path(file).read_bytes(), crypto.FILETYPE_PEM)
    except (OSError, crypto.Error):
        raise PemError(f"{file}: no key can be read from it (PEM)") from None
    try:
        own: PrivateCertificate = PrivateCertificate.fromCertificateAndKeyPair(shown, pair)
    except (VerifyError, crypto.Error):
        raise PemError(f"{file}: the key is not that of {certificate}") from None
    return own
