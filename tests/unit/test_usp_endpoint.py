"""Endpoint ids: what is one, and where certificates and WebSocket queries have them."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from acs.usp import endpoint
from acs.usp.endpoint import InvalidEndpoint, Scheme

GOOD = [
    "oui:00256D:my-unique-bbf-id-42",
    "oui:0025612:x",
    "oui:002561234:x",
    "cid:3AA3F8:my-unique-usp-id-42",
    "pen:3561:my-unique-usp-id-42",
    "self::my-Agent",
    "self:abc-12:my-Agent",
    "user::my-Controller",
    "os::00256D-0123456789",
    "ops::00256D-STB-0123456789",
    "ops::00256D-IGD%2D2-0123456789",
    "uuid::f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "imei::990000862471854",
    "fqdn::acs.example.net",
    "proto::probe",
    "proto:a_b-c:probe",
    "doc::example",
    "doc:a.b:example",
    "os::012345-" + "x" * 43,
    "os::012345-A%20B%21",
]
BAD = {
    "": "scheme:authority:instance",
    "os:012345-S1": "scheme:authority:instance",
    "os::a:b": "scheme:authority:instance",
    "mac::0123": "no scheme",
    "OS::012345-S1": "no scheme",
    "os:x:012345-S1": "no authority",
    "oui::x": "no authority",
    "oui:00256G:x": "no authority",
    "oui:00256D12:x": "no authority",
    "pen:0:x": "no authority",
    "self:toolong:x": "no authority",
    "proto:a.b:x": "no authority",
    "self::": "letters, digits",
    "self::a b": "letters, digits",
    "self::a/b": "letters, digits",
    "self::a+b": "letters, digits",
    "self::a%2": "letters, digits",
    "self::é": "letters, digits",
    "self::a\n": "letters, digits",
    "self::" + "x" * 51: "more than 50",
    "os::S1": "no instance",
    "os::12345-S1": "no instance",
    "ops::012345-S1": "no instance",
    "ops::012345--S1": "no instance",
    "uuid::f81d4fae": "no instance",
    "imei::12a": "no instance",
    "fqdn::localhost": "no instance",
    "fqdn::-a.example": "no instance",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_endpoint_id_is_taken_apart_and_put_together(text: str) -> None:
    parsed = endpoint.parse(text)
    assert str(parsed) == text
    assert parsed.scheme in Scheme
    assert endpoint.is_valid(text)
    assert endpoint.from_query(endpoint.to_query(text)) == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_endpoint_id_is_told_why(text: str) -> None:
    with pytest.raises(InvalidEndpoint, match=BAD[text]):
        endpoint.parse(text)
    assert not endpoint.is_valid(text)


@given(st.text())
def test_any_text_is_an_endpoint_id_or_is_told_why(text: str) -> None:
    try:
        assert str(endpoint.parse(text)) == text
    except InvalidEndpoint as problem:
        assert str(problem)


def test_letters_count_in_a_comparison() -> None:
    assert endpoint.same("os::012345-s1", "os::012345-s1")
    assert not endpoint.same("os::012345-s1", "os::012345-S1")
    assert not endpoint.same("os::012345-A%2d", "os::012345-A%2D")


def test_percent_signs_are_doubled_in_a_query() -> None:
    assert endpoint.to_query("os::012345-A%21") == "os::012345-A%2521"
    assert endpoint.from_query("os%3A%3A012345-A%2521") == "os::012345-A%21"


@pytest.mark.parametrize("text", ["", "os::012345-%ff", "nobody"])
def test_a_query_without_an_endpoint_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidEndpoint):
        endpoint.from_query(text)


def certificate(*names: x509.GeneralName) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_a_certificate_is_for_the_endpoints_in_its_alternative_names() -> None:
    made = certificate(
        x509.UniformResourceIdentifier(endpoint.urn("os::012345-A%21")),
        x509.UniformResourceIdentifier("URN:BBF:USP:ID:self::acs"),
        x509.UniformResourceIdentifier("https://example.net/os::012345-B"),
        x509.UniformResourceIdentifier("urn:bbf:usp:id:ops::012345-Model-*"),
        x509.DNSName("acs.example.net"),
        x509.DNSName("*.example.net"),
        x509.RFC822Name("os::012345-C@example.net"),
    )
    expected = ("os::012345-A%21", "self::acs", "fqdn::acs.example.net")
    assert endpoint.of_certificate(made) == expected
    assert endpoint.of_certificate(made.public_bytes(Encoding.DER)) == expected


def test_a_certificate_without_alternative_names_is_for_nobody() -> None:
    assert endpoint.of_certificate(certificate()) == ()


def test_octets_that_are_no_certificate_are_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        endpoint.of_certificate(b"no certificate")
