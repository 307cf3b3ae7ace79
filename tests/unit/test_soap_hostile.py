"""Bytes meant to harm: a clear refusal or an envelope, never another error, never a fetch."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.soap import MalformedEnvelope, decode, encode
from acs.model import Value

NS = "urn:dslforum-org:cwmp-1-0"
INFORM = encode(
    m.Inform(
        structures.DeviceIdStruct("TP-Link", "98254A", "XX530v", "S1"),
        (structures.EventStruct("1 BOOT"),),
        parameter_list=(
            structures.ParameterValue("Device.A", Value("x")),
            structures.ParameterValue("B", Value("")),
        ),
    ),
    id="1",
    namespace=NS,
)
FAULT = encode(m.SoapFault(9005, "no"), id="1", namespace=NS)
BARE = INFORM[INFORM.index(b"<soap-env:Env") :]


def decodes_or_refuses(body: bytes, content_type: str = "") -> m.Envelope | None:
    try:
        envelope = decode(body, content_type)
    except MalformedEnvelope as refusal:
        assert str(refusal)
        return None
    assert isinstance(envelope, m.Envelope)
    return envelope


@settings(deadline=None)
@given(st.binary(max_size=400), st.text(max_size=60))
@example(b"\xff\xfe<\x00", "")
@example(b"\x00", "text/xml; charset=utf-16")
@example(b'<?xml version="1.0" encoding="zlib"?><a/>', "text/xml; charset=hex")
@example(b'<?xml version="1.0" encoding="utf-16"?><a/>', "")
@example(b"</Envelope>", "")
def test_arbitrary_bytes(body: bytes, content_type: str) -> None:
    decodes_or_refuses(body, content_type)


mutations = st.lists(
    st.tuples(
        st.integers(0, len(INFORM)),
        st.integers(0, 12),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from(
                [b"<", b"&", b"</", b"<!--", b"<![CDATA[", b"]]>", b"<?", b"\x00", b"'"]
            ),
        ),
    ),
    max_size=5,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([INFORM, FAULT]), mutations, st.sampled_from(["", "text/xml; charset=gbk"]))
def test_mutated_envelopes(body: bytes, edits: list[tuple[int, int, bytes]], kind: str) -> None:
    for start, length, insert in edits:
        body = body[:start] + insert + body[start + length :]
    decodes_or_refuses(body, kind)


def test_an_envelope_cut_anywhere_is_refused() -> None:
    for end in range(len(INFORM)):
        with pytest.raises(MalformedEnvelope):
            decode(INFORM[:end])


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 12)
)


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]>",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        b'<?xml version="1.0"?>\n<!-- <a> --><?pi <b?><!DOCTYPE x []>',
        b"\n\xef\xbb\xbf <!DOCTYPE x>",
        b"junk <!DOCTYPE x>",
        b"\x02<!DOCTYPE x>",
    ],
)
def test_a_document_type_is_refused(prolog: bytes) -> None:
    with pytest.raises(MalformedEnvelope, match="document type"):
        decode(prolog + BARE.replace(b">x<", b">&e;<"))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-7", "utf-32", "cp037"])
def test_a_document_type_cannot_hide_in_an_encoding(codec: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("stolen")
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>' + BARE.decode().replace(
        ">x<", ">&e;<"
    )
    for head in ("", f'<?xml version="1.0" encoding="{codec}"?>'):
        for content_type in ("", f"text/xml; charset={codec}"):
            envelope = decodes_or_refuses((head + text).encode(codec), content_type)
            if envelope is not None:
                assert isinstance(envelope.message, m.Inform)
                assert "stolen" not in {p.value.text for p in envelope.message.parameter_list}


def test_a_text_that_speaks_of_a_document_type_is_no_document_type() -> None:
    envelope = decode(BARE.replace(b">x<", b"><![CDATA[<!DOCTYPE html>]]><"))
    assert isinstance(envelope.message, m.Inform)
    assert envelope.message.parameter_list[0].value.text == "<!DOCTYPE html>"


@pytest.mark.parametrize("depth", [300, 100_000])
@pytest.mark.parametrize("place", ["value", "method", "fault"])
def test_deep_nesting(depth: int, place: str) -> None:
    deep = b"<a>" * depth + b"</a>" * depth
    match place:
        case "value":
            body = BARE.replace(b">x<", b">" + deep + b"<")
        case "method":
            body = BARE.replace(b"<DeviceId>", deep + b"<DeviceId>")
        case _:
            body = FAULT.replace(b"<detail>", b"<detail>" + deep)
    with pytest.raises(MalformedEnvelope):
        decode(body)
    gc.collect()


def test_a_huge_attribute_and_a_huge_text() -> None:
    huge = b"x" * 3_000_000
    body = BARE.replace(b'xsi:type="xsd:string"', b'xsi:type="' + huge + b'"', 1)
    envelope = decode(body)
    assert max(map(len, envelope.warnings)) < 400
    envelope = decode(BARE.replace(b">x<", b">" + huge + b"<"))
    assert isinstance(envelope.message, m.Inform)
    assert len(envelope.message.parameter_list[0].value.text) == len(huge)


def test_many_warnings_are_counted_not_kept() -> None:
    one = b"<ParameterValueStruct><Name>A</Name><Value>1</Value></ParameterValueStruct>"
    body = BARE.replace(b"</ParameterList>", one * 5000 + b"</ParameterList>")
    envelope = decode(body)
    assert len(envelope.warnings) == 21 and envelope.warnings[-1] == "and 4980 more"
    assert isinstance(envelope.message, m.Inform) and len(envelope.message.parameter_list) == 5002


@pytest.mark.parametrize(
    "junk", [b"<?a?>", b"<!-- -->", b"<!--<?-->", b"<?", b"<!--", b"<?xml ", b" <"]
)
def test_a_long_prolog_is_read_in_linear_time(junk: bytes) -> None:
    body = junk * 100_000 + b"<!DOCTYPE" + BARE
    assert decodes_or_refuses(body) is None
    assert decodes_or_refuses(b"\x02" + body) is None


@pytest.mark.parametrize("junk", [b"&", b"<", b"&#", b"<![CDATA[", b"</a:", b"\x02", b"</Envelope"])
def test_repairs_are_linear_in_the_size_of_the_body(junk: bytes) -> None:
    body = BARE.replace(b">x<", b">" + junk * 300_000 + b"<")
    decodes_or_refuses(body)
