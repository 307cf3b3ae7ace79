"""Signatures of records, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from acs.usp import endpoint, records
from acs.usp.integrity import IntegrityError, sign, verify
from acs.usp.records import Disconnect, NoSession, Record, Sar, Segment

NOW = datetime(2025, 6, 1, tzinfo=UTC)
AGENT = "os::012345-S1"
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def made(
    name: str, by: Pair | None = None, curve: ec.EllipticCurve | None = None, ids: str = ""
) -> Pair:
    """A certificate for an endpoint; or without one, that of an authority."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (by[0].subject, by[1]) if by else (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(not ids, None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if ids:
        names = [x509.UniformResourceIdentifier(endpoint.urn(ids))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    else:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return builder.sign(issuer_key, SHA256()), key


@cache
def authority() -> Pair:
    return made("Test authority")


@cache
def agent() -> Pair:
    return made("agent", authority(), ids=AGENT)


SEGMENT = Segment(2, 3, 4, 5, Sar.BEGIN, Sar.BEGIN, (b"payload",))


def record(content: records.Content = SEGMENT, from_id: str = AGENT) -> Record:
    return Record("1.3", "self::acs", from_id, content)


def signed(content: records.Content = SEGMENT) -> Record:
    certificate, key = agent()
    return sign(record(content), key, (certificate,))


def trusted(each: Record) -> frozenset[str]:
    return verify(each, (authority()[0],), NOW)


@pytest.mark.parametrize("content", [SEGMENT, NoSession(b"x"), Disconnect(7105, "over")])
def test_a_signed_record_is_of_its_sender(content: records.Content) -> None:
    sent = records.decode(records.encode(signed(content)))
    assert trusted(sent) == {AGENT}
    assert sent.content == content


def test_r_e2e_32_what_is_signed_goes_by_the_numbers_of_fields() -> None:
    certificate, key = agent()
    sent = signed()
    fields = b"1.3" + b"self::acs" + AGENT.encode() + bytes(4) + sent.sender_cert
    numbers = b"".join(each.to_bytes(8, "big") for each in (2, 3, 4, 5))
    states = b"\0\0\0\1\0\0\0\1"
    key.public_key().verify(sent.mac_signature, fields + numbers + states, ec.ECDSA(SHA256()))
    assert sent.sender_cert == certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1.4"},
        {"to_id": "self::other"},
        {"tls": True},
        {"content": replace(SEGMENT, session_id=9)},
        {"content": replace(SEGMENT, sequence_id=9)},
        {"content": replace(SEGMENT, expected_id=9)},
        {"content": replace(SEGMENT, retransmit_id=9)},
        {"content": replace(SEGMENT, sar=Sar.COMPLETE)},
        {"content": replace(SEGMENT, rec_sar=Sar.COMPLETE)},
        {"mac_signature": b"x"},
    ],
    ids=lambda change: str(*change),
)
def test_a_changed_record_is_noticed(change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="signature is not"):
        trusted(replace(signed(), **change))  # type: ignore[arg-type]


def test_r_sec_0a_the_certificate_has_to_be_for_the_sender() -> None:
    certificate, key = agent()
    forged = sign(record(from_id="os::012345-S2"), key, (certificate,))
    with pytest.raises(IntegrityError, match="not for the endpoint"):
        trusted(forged)


@pytest.mark.parametrize("change", [{"mac_signature": b""}, {"sender_cert": b""}])
def test_what_is_not_signed_is_refused(change: dict[str, bytes]) -> None:
    with pytest.raises(IntegrityError, match="not signed"):
        trusted(replace(signed(), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"no certificate", "no PEM"),
        (b"x" * 40_000, "too large"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"),
    ],
)
def test_a_chain_that_is_none_is_refused(pem: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        trusted(replace(signed(), sender_cert=pem))


def test_a_chain_that_is_too_long_is_refused() -> None:
    long = signed().sender_cert * 7
    with pytest.raises(IntegrityError, match="too long"):
        trusted(replace(signed(), sender_cert=long))


def test_a_certificate_of_an_unknown_authority_is_refused() -> None:
    stranger = made("Stranger")
    for authorities in ((), (stranger[0],)):
        with pytest.raises(IntegrityError, match="trusted"):
            verify(signed(), authorities, NOW)


def test_a_certificate_counts_in_its_time_only() -> None:
    for days in (-3, 3):
        with pytest.raises(IntegrityError, match="not trusted"):
            verify(signed(), (authority()[0],), NOW + timedelta(days=days))


def test_a_chain_may_lead_over_another_authority() -> None:
    maker = made("Maker", authority())
    certificate, key = made("agent", maker, ids=AGENT)
    sent = sign(record(), key, (certificate, maker[0]))
    assert trusted(sent) == {AGENT}
    with pytest.raises(IntegrityError, match="not trusted"):
        trusted(sign(record(), key, (certificate,)))


def test_keys_are_on_p_256() -> None:
    certificate, key = made("agent", authority(), ec.SECP384R1(), AGENT)
    with pytest.raises(ValueError, match="P-256"):
        sign(record(), key, (certificate,))
    forged = replace(signed(), sender_cert=certificate.public_bytes(Encoding.PEM))
    with pytest.raises(IntegrityError, match="P-256"):
        trusted(forged)


def test_the_chain_begins_with_the_certificate_of_the_key() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        sign(record(), agent()[1], (authority()[0],))
    with pytest.raises(ValueError, match="does not begin"):
        sign(record(), agent()[1], ())
