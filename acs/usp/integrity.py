"""Integrity of records that their transport does not protect (TR-369, R-E2E.28 to R-E2E.34).

The sender signs what stands around the payload: ECDSA on P-256 with SHA-256, DER encoded, in
``mac_signature``, with its certificate chain in ``sender_cert``. The other method, a MAC keyed
by a TLS handshake within the session context, does not exist here as that TLS does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from acs.usp import endpoint
from acs.usp.records import Record, Segment

_LONGEST_CHAIN = 6
_LARGEST_CHAIN = 32 * 1024
_SIGNATURE = ec.ECDSA(SHA256())


class IntegrityError(ValueError):
    """A record is not shown to be as its sender made it; the message says why not."""


def sign(
    record: Record, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]
) -> Record:
    """The record with its signature. ``chain`` begins with the certificate of ``key``.

    Raises `ValueError` for a key that is not on P-256 or not of that certificate.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("records are signed with a key on P-256")
    if not chain or chain[0].public_key() != key.public_key():
        raise ValueError("the chain does not begin with the certificate of the key")
    certificates = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    named = replace(record, sender_cert=certificates)
    return replace(named, mac_signature=key.sign(_signed(named), _SIGNATURE))


def verify(record: Record, authorities: Sequence[x509.Certificate], at: datetime) -> frozenset[str]:
    """Endpoint ids of whoever signed the record; ``from_id`` has to be among them (R-SEC.0a).

    The chain has to lead to one of the ``authorities`` and be valid ``at`` a time. Raises
    `IntegrityError`.
    """
    if not record.mac_signature or not record.sender_cert:
        raise IntegrityError("the record is not signed")
    signer = _signer(_chain(record.sender_cert), authorities, at)
    key = signer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IntegrityError("the key of the certificate is not on P-256")
    try:
        key.verify(record.mac_signature, _signed(record), _SIGNATURE)
    except InvalidSignature:
        raise IntegrityError("the signature is not of this record and certificate") from None
    found = frozenset(endpoint.of_certificate(signer))
    if record.from_id not in found:
        raise IntegrityError("the certificate is not for the endpoint that the record is from")
    return found


def _chain(pem: bytes) -> list[x509.Certificate]:
    if len(pem) > _LARGEST_CHAIN:
        raise IntegrityError("the certificate chain is too large")
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise IntegrityError("sender_cert holds no PEM certificates") from None
    if len(chain) > _LONGEST_CHAIN:
        raise IntegrityError("the certificate chain is too long")
    return chain


def _signer(
    chain: list[x509.Certificate], authorities: Sequence[x509.Certificate], at: datetime
) -> x509.Certificate:
    if not authorities:
        raise IntegrityError("no authority is trusted")
    verifier = PolicyBuilder().store(Store(list(authorities))).time(at).build_client_verifier()
    try:
        verifier.verify(chain[0], chain[1:])
    except (VerificationError, ValueError) as problem:
        raise IntegrityError(f"the certificate is not trusted: {problem}") from None
    return chain[0]


def _signed(record: Record) -> bytes:
    """What is signed: fields by number, of the record and then of its session context, without
    signature and payload (R-E2E.32). Numbers are big endian, enumerations of four octets."""
    parts = [
        record.version.encode(),
        record.to_id.encode(),
        record.from_id.encode(),
        int(record.tls).to_bytes(4),
        record.sender_cert,
    ]
    if isinstance(record.content, Segment):
        segment = record.content
        numbers = (
            segment.session_id,
            segment.sequence_id,
            segment.expected_id,
            segment.retransmit_id,
        )
        parts += [number.to_bytes(8) for number in numbers]
        parts += [segment.sar.to_bytes(4), segment.rec_sar.to_bytes(4)]
    return b"".join(parts)
