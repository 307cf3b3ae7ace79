"""Every message in every namespace, written and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.dialect import Dialect
from acs.cwmp.soap import decode, encode
from acs.cwmp.soap.schema import METHODS, Kind, Member, Shape, Simple, members_of
from acs.model import ParameterFault, Secret, Value, ValueType

NAMESPACES = [f"urn:dslforum-org:cwmp-1-{minor}" for minor in (0, 1, 2, 3, 4, 9)]

characters = st.characters(
    codec="utf-8", exclude_categories=("Cs",), exclude_characters="\ufffe\uffff\r"
).filter(lambda c: c >= " " or c in "\t\n")
texts = st.text(characters, max_size=40)
exact = texts.filter(lambda t: not (t.isspace() and "\n" in t))
trimmed = texts.map(str.strip)
names = trimmed.filter(bool)
moments = st.datetimes(
    min_value=datetime(1, 1, 1),
    max_value=datetime(9999, 12, 31, 23, 59, 59),
).map(lambda d: d.replace(microsecond=0, tzinfo=UTC))
values = st.one_of(
    exact.map(Value),
    st.integers().map(lambda n: Value(str(n), ValueType.INT)),
    st.integers(0).map(lambda n: Value(str(n), ValueType.UNSIGNED_LONG)),
    st.sampled_from(["true", "false"]).map(lambda t: Value(t, ValueType.BOOLEAN)),
    st.sampled_from(["2024-02-29T12:00:00Z", "0000-01-02T03:04:05"]).map(
        lambda t: Value(t, ValueType.DATE_TIME)
    ),
    st.binary(max_size=9).map(lambda b: Value(b.hex(), ValueType.HEX_BINARY)),
    st.just(Value("QUJD", ValueType.BASE64)),
    trimmed.map(lambda t: Value(t, ValueType.DECIMAL)),
)
SIMPLE: dict[Simple, st.SearchStrategy[Any]] = {
    Simple.STRING: trimmed,
    Simple.BASE64: st.just("QUJD"),
    Simple.EXACT: exact,
    Simple.SECRET: exact.map(Secret),
    Simple.INT: st.integers(-(2**31), 2**31 - 1),
    Simple.UNSIGNED_INT: st.integers(0, 2**32 - 1),
    Simple.BOOLEAN: st.booleans(),
    Simple.DATE_TIME: moments,
    Simple.VALUE: values,
}


def of_kind(kind: Kind) -> st.SearchStrategy[Any]:
    match kind:
        case Simple():
            return SIMPLE[kind]
        case tuple():
            return st.one_of(*map(of_struct, kind))
        case type():
            return of_struct(kind)


def of_member(struct: type, member: Member) -> st.SearchStrategy[Any]:
    if struct is structures.ParameterValueStruct and member.attribute == "name":
        return names
    one = of_kind(member.kind)
    if member.shape is not Shape.ONE:
        return st.lists(one, max_size=3).map(tuple)
    return st.none() | one if member.optional else one


def of_struct(struct: type) -> st.SearchStrategy[Any]:
    return st.builds(struct, **{x.attribute: of_member(struct, x) for x in members_of(struct)})


dialects = st.builds(
    Dialect, xml_declaration=st.booleans(), booleans=st.sampled_from(["true", "1"])
)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_message_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    message = data.draw(of_struct(METHODS[name]))
    namespace = data.draw(st.sampled_from(NAMESPACES))
    id_ = data.draw(st.none() | texts.filter(lambda t: "\n" not in t))
    body = encode(message, id=id_, namespace=namespace)
    assert body.isascii()
    envelope = decode(body, "text/xml; charset=utf-8")
    assert envelope == m.Envelope(message, id_, namespace)


@settings(max_examples=60, deadline=None)
@given(message=of_struct(m.Inform), dialect=dialects)
def test_a_dialect_changes_the_form_only(message: m.Inform, dialect: Dialect) -> None:
    back = decode(encode(message, id="1", namespace=NAMESPACES[0], dialect=dialect)).message
    assert isinstance(back, m.Inform)
    assert [p.name for p in back.parameter_list] == [p.name for p in message.parameter_list]
    truth = {"1": "true", "0": "false"}
    for was, now in zip(message.parameter_list, back.parameter_list, strict=True):
        text = now.value.text
        assert was.value.type is now.value.type
        assert was.value.text == (
            truth.get(text, text) if was.value.type is ValueType.BOOLEAN else text
        )


@settings(max_examples=60, deadline=None)
@given(
    fault=st.builds(
        m.SoapFault,
        code=st.integers(8000, 9899),
        text=trimmed,
        parameters=st.lists(
            st.builds(ParameterFault, path=trimmed, code=st.integers(9000, 9899), text=trimmed)
        ).map(tuple),
        side=st.sampled_from(["Client", "Server"]),
    ),
    namespace=st.sampled_from(NAMESPACES),
)
def test_a_fault_comes_back_as_it_was(fault: m.SoapFault, namespace: str) -> None:
    envelope = decode(encode(fault, id="a", namespace=namespace))
    assert envelope == m.Envelope(fault, "a", namespace)


@given(
    hold=st.none() | st.booleans(),
    timeout=st.none() | st.integers(0, 2**32 - 1),
    versions=st.lists(st.sampled_from(["1.0", "1.3", "1.4"])).map(tuple),
    use=st.none() | st.sampled_from(["1.0", "1.4"]),
)
def test_the_header_comes_back_as_it_was(
    hold: bool | None, timeout: int | None, versions: tuple[str, ...], use: str | None
) -> None:
    body = encode(
        m.InformResponse(),
        id="x",
        namespace=NAMESPACES[2],
        hold_requests=hold,
        session_timeout=timeout,
        supported_versions=versions,
        use_version=use,
    )
    assert decode(body) == m.Envelope(
        m.InformResponse(), "x", NAMESPACES[2], hold, timeout, versions, use
    )


def test_an_unknown_method_keeps_its_name() -> None:
    unknown = m.UnknownMethod("X_TP_Frobnicate")
    assert decode(encode(unknown, id="1", namespace=NAMESPACES[0])).message == unknown
