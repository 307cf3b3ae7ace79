"""A recording for people: who said what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from acs.cwmp import soap
from acs.cwmp.messages import (
    AddObject,
    DeleteObject,
    GetParameterNames,
    GetParameterValues,
    GetParameterValuesResponse,
    Inform,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
    UnknownMethod,
)
from acs.cwmp.recording.document import Exchange, Recording, Speaker

NAMES = 3
"""Names of a list that are shown."""


def transcript(recording: Recording, *, bodies: bool = False) -> Iterator[str]:
    """Yield lines; with ``bodies``, each message follows as it was sent, secrets masked."""
    for exchange in recording.exchanges:
        arrow = "device →" if exchange.speaker is Speaker.CPE else "   ACS →"
        yield f"{exchange.at:9.3f} s  {arrow} {_said(exchange)}"
        if bodies and exchange.body:
            yield from (f"    {line}" for line in _laid_out(exchange.body))
    if recording.cut:
        yield "The session was longer than a recording may be: its rest is missing."
    yield f"Ended: {recording.ended}"


def _said(exchange: Exchange) -> str:
    if exchange.unreadable:
        return f"{exchange.unreadable} octets that could not be read"
    if not exchange.body:
        if exchange.speaker is Speaker.CPE:
            return "(nothing: your turn)"
        return "(nothing more)" if exchange.status in (200, 204) else f"status {exchange.status}"
    try:
        return _in_words(soap.decode(exchange.body.encode(), "").message)
    except soap.MalformedEnvelope as error:
        return f"malformed: {error}"


def _in_words(message: Message) -> str:
    name = message.name if isinstance(message, UnknownMethod) else type(message).__name__
    match message:
        case Inform(event=events):
            return f"{name}: {', '.join(event.event_code for event in events)}"
        case SoapFault(code=code, text=text, parameters=parameters):
            refused = [f"{p.path} ({p.code})" for p in parameters]
            return f"fault {code} {text}" + (f": {_some(refused)}" if refused else "")
        case GetParameterValues(parameter_names=names):
            return f"{name}: {_some(names)}"
        case GetParameterNames(parameter_path=path, next_level=next_level):
            return f"{name}: {path or '(root)'}{'' if next_level else ' and all below'}"
        case (
            SetParameterValues(parameter_list=values)
            | GetParameterValuesResponse(parameter_list=values)
        ):
            return f"{name}: {_some([value.name for value in values])}"
        case SetParameterValuesResponse(status=status):
            return f"{name}: {'applied later' if status else 'applied'}"
        case AddObject(object_name=path) | DeleteObject(object_name=path):
            return f"{name}: {path}"
        case _:
            return name


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more


def _laid_out(body: str) -> list[str]:
    parser: Any = etree.XMLParser(
        remove_blank_text=True, resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        root = etree.fromstring(body.encode(), parser)
    except etree.XMLSyntaxError:
        return body.splitlines()
    text: str = etree.tostring(root, encoding="unicode", pretty_print=True)
    return text.splitlines()


def summary(recording: Recording) -> Mapping[str, object]:
    """What a recording is of, in plain data."""
    header = recording.header
    return {
        "device": header.device,
        "at": header.at,
        "blueprint": header.blueprint,
        "credential": header.credential,
        "messages": len(recording.exchanges),
        "ended": recording.ended,
        "cut": recording.cut,
    }
