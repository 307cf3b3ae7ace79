"""A recorded device plays its part again: it says what it said, as long as it is asked the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .calls import read_call
from .device import Ont
from .dialect import DIALECTS, GENERIC, Dialect
from .dump import Dump, Leaf
from .faults import CpeFaultError
from .modelcheck import check
from .modelfile import build_model
from .modelling import modelled
from .recorded import Recording, Turn, message
from .report import Rpc, SessionReport
from .schema import TYPES
from .session import Session, fault_code
from .transfers import Transfer
from .xml import SOAP, Element

_ID = re.compile(rb"(<(?:[\w.-]+:)?ID\b[^>]*>)[^<]*(</)")
_SECRET = re.compile(r"secret-\d+|gf-current")
"""Words of a recording for what was not kept, and for the mark of the wish of then."""
_ORIGIN = re.compile(r"^https?://[^/]*")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing the ACS said otherwise; ``turn`` counts what the device said, from 1."""

    turn: int
    expected: str
    heard: str
    details: tuple[str, ...] = ()
    """Parameters that are named in one of them alone, or written with another value."""


class Player:
    """The device's side of one session, from a recording; driven like a `session.Session`.

    ``ont`` is `unit_of` the recordings.  A request that is not the recorded one, nor a later one,
    is answered from the values that were seen.  ``scale`` multiplies the time it took then.
    """

    def __init__(self, ont: Ont, recording: Recording, now: float, scale: float = 0.0) -> None:
        self._ont = ont
        self._turns = recording.turns
        self._at = 0
        self._scale = scale
        self._own = Session(ont, recording.events, now)
        self.thought = 0.0
        """Seconds the device takes for what it says next."""
        self.differences: list[Difference] = []

    @property
    def report(self) -> SessionReport:
        """What has happened so far."""
        return self._own.report

    def start(self) -> bytes:
        """Return the Inform."""
        return self._turns[0].said

    def fail(self, reason: str) -> None:
        """End the session as failed, unless it has ended."""
        self._own.fail(reason)

    def transferred(self) -> bytes:
        """Return the answer to a transfer that was not in the recording."""
        return self._own.transferred()

    def receive(self, body: bytes) -> bytes | Transfer | None:
        """Take the body of an answer; return what to post next, None at the end.

        Raises `session.SessionError`.
        """
        if self._at == len(self._turns):
            return self._own.receive(body)
        heard, expected = message(body), message(self._turns[self._at].heard)
        if body and heard is None:
            return self._own.receive(body)
        if heard is not None and _answers(heard):
            return self._answered(body, heard, expected)
        found = self._find(heard)
        if found is None or found > self._at:
            self._differs(heard, expected)
        if found is None:
            if expected is not None and heard is not None and _names_alike(expected, heard):
                self._at += 1  # In the place of this one.
            self.thought = 0.0
            return self._own.receive(body)
        self._at = found
        return self._next(body, heard)

    def _answered(self, body: bytes, heard: Element, expected: Element | None) -> bytes | None:
        """Take an answer to a question of the device."""
        if expected is None or not same(expected, heard):
            self._differs(heard, expected)
        if self._at == 0:
            self._own.informed(heard)
        return self._next(body, None)

    def _find(self, heard: Element | None) -> int | None:
        """Return the turn, this one or a later one, that was answered with the same."""
        for number in range(self._at, len(self._turns)):
            turn = self._turns[number]
            expected = message(turn.heard)
            if heard is None and not turn.heard:
                return number
            if heard is not None and expected is not None and same(expected, heard):
                return number
        return None

    def _next(self, body: bytes, request: Element | None) -> bytes | None:
        """Say what was said next; it answers ``request``, if that is given."""
        self._at += 1
        if self._at == len(self._turns):
            self._own.receive(b"")
            return None
        turn = self._turns[self._at]
        self.thought = turn.thought * self._scale
        if request is None:
            return turn.said
        self._note(request, turn)
        asked = _ID.search(body)
        number = asked[0].partition(b">")[2].rpartition(b"<")[0] if asked else b""
        return _ID.sub(lambda own: own[1] + number + own[2], turn.said, count=1)

    def _note(self, request: Element, turn: Turn) -> None:
        """Let a request have the effect it had, and put it into the report."""
        said = message(turn.said)
        try:
            call = read_call(request)
        except CpeFaultError:
            self.report.rpcs.append(Rpc(request.name))
            return
        refused = said is None or (said.namespace, said.name) == (SOAP, "Fault")
        instance = _number(said, "InstanceNumber")
        fault = _fault(said) if refused else 0
        status = _number(said, "Status")
        self.report.rpcs.append(
            Rpc(call.method, call.names, call.values, fault, status, instance, call.key)
        )
        if refused:
            return
        tree = self._ont.tree
        for path, text in call.values.items():
            if path in tree:
                tree.put(path, text)
        if call.method == "AddObject" and tree.has_table(call.names[0]):
            tree.make_row(call.names[0], instance)

    def _differs(self, heard: Element | None, expected: Element | None) -> None:
        self.differences.append(
            Difference(
                self._at + 1, in_words(expected), in_words(heard), tuple(details(expected, heard))
            )
        )


def unit_of(recordings: Sequence[Recording]) -> Ont:
    """Return a unit with the values that recordings of one device show, in its dialect.

    Raises `dump.DumpError` and `modelfile.ModelFileError` when they show too little.
    """
    first = recordings[0]
    made = modelled(Dump(tuple(_once(recordings))))
    manufacturer, oui, product_class, serial = first.device_id
    made.document["manufacturer"] = manufacturer
    who = replace(made.identity, oui=oui, product_class=product_class, serial=serial)
    model = build_model("recorded", made.document)
    check(model)
    return Ont(model, who, dialect=_dialect(first))


def _once(recordings: Iterable[Recording]) -> Iterator[Leaf]:
    """Put together what is told of each parameter: the first value, any word of being writable."""
    found: dict[str, Leaf] = {}
    for recording in recordings:
        for leaf in recording.leaves():
            if found and leaf.path.partition(".")[0] != next(iter(found)).partition(".")[0]:
                continue  # One root is the device's; the other was asked for in vain.
            kind = leaf.type if leaf.type in TYPES else "string"
            before = found.get(leaf.path)
            if before is None:
                found[leaf.path] = replace(leaf, type=kind)
            else:
                found[leaf.path] = replace(before, writable=before.writable or leaf.writable)
    yield from found.values()


def _dialect(recording: Recording) -> Dialect:
    """Return how the recorded device speaks, as far as a recording tells."""
    headers = recording.turns[0].headers
    agent = headers.get("user-agent", GENERIC.user_agent)
    alike = (known for known in DIALECTS.values() if known.user_agent == agent)
    return replace(
        next(alike, GENERIC),
        name="recorded",
        user_agent=agent,
        content_type=headers.get("content-type", ""),
        soap_action=headers.get("soapaction"),
        namespace=recording.inform.body.namespace,
        late_status=any(b"<Status>1</Status>" in turn.said for turn in recording.turns),
    )


# --- comparing ------------------------------------------------------------------------------


def same(expected: Element, heard: Element) -> bool:
    """Tell whether two messages say the same.

    IDs and prefixes do not count, nor the order in an array, nor what stands for a secret, nor
    the origin of an address.
    """
    if expected.name != heard.name or len(expected.children) != len(heard.children):
        return False
    if not expected.children:
        return _text_matches(expected.text, heard.text)
    pairs = zip(_ordered(expected), _ordered(heard), strict=True)
    return all(same(one, other) for one, other in pairs)


def _ordered(element: Element) -> list[Element]:
    if len({child.name for child in element.children}) > 1:
        return element.children
    return sorted(element.children, key=_first_text)


def _first_text(element: Element) -> str:
    while element.children:
        element = element.children[0]
    return element.text


def _names_alike(expected: Element, heard: Element) -> bool:
    return expected.name == heard.name and _names(expected).keys() == _names(heard).keys()


def _text_matches(expected: str, heard: str) -> bool:
    expected, heard = expected.strip(), heard.strip()
    if expected == heard:
        return True
    expected, heard = _ORIGIN.sub("", expected), _ORIGIN.sub("", heard)
    pattern = ".*".join(map(re.escape, _SECRET.split(expected)))
    return re.fullmatch(pattern, heard, re.DOTALL) is not None


def in_words(element: Element | None) -> str:
    """Say what a message is, with what it names; never a value."""
    if element is None:
        return "nothing more"
    if (element.namespace, element.name) == (SOAP, "Fault"):
        return f"Fault {fault_code(element):.20}"
    names = _names(element)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    shown = ", ".join(list(names)[:_SHOWN])
    return f"{element.name} {shown}{more}".rstrip()


def details(expected: Element | None, heard: Element | None) -> Iterator[str]:
    """Yield how two messages of one method differ."""
    if expected is None or heard is None or expected.name != heard.name:
        return
    before, now = _names(expected), _names(heard)
    for name in [*before, *(name for name in now if name not in before)]:
        if name not in now:
            yield f"{name} is missing"
        elif name not in before:
            yield f"{name} is new"
        elif not _text_matches(before[name], now[name]):
            yield f"{name} has another value"


def _names(element: Element) -> dict[str, str]:
    """Return what a message names, with the values it has for it."""
    for list_ in element.children:
        if list_.name == "ParameterNames":
            return {child.text: "" for child in list_.children}
        if list_.name == "ParameterList":
            entries = [(child.child("Name"), child.child("Value")) for child in list_.children]
            return {name.text: value.text if value else "" for name, value in entries if name}
    for name in ("ParameterPath", "ObjectName", "FileType", "CommandKey"):
        found = element.child(name)
        if found is not None:
            return {found.text: ""} if found.text else {}
    return {}


def _answers(element: Element) -> bool:
    return element.name.endswith("Response") or element.namespace == SOAP


def _number(element: Element | None, name: str) -> int:
    found = element.child(name) if element is not None else None
    text = found.text if found is not None else ""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _fault(fault: Element | None) -> int:
    code = fault_code(fault) if fault is not None else ""
    return int(code) if code.isdecimal() and len(code) < 6 else 0
