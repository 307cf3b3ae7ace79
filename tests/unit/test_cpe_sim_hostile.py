"""Each hostile document is really as hostile as its name says; the drips and cuts of requests."""

from __future__ import annotations

from xml.parsers import expat

import pytest

from simulators.cpe.delivery import pieces, plain
from simulators.cpe.fleet import Unit
from simulators.cpe.hostile import DOCUMENTS, Harm, document
from simulators.cpe.misbehaviour import GOOD, Misbehaviour
from simulators.cpe.session import Session

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CWMP = "urn:dslforum-org:cwmp-1-0"


def inform(model: str = "tplink-a-xx230v", wrong: Misbehaviour = GOOD) -> bytes:
    unit = Unit(model, "22275A7000001", mac="1C:61:B4:FA:11:C8", acs="http://acs/").build(wrong)
    return Session(unit, unit.next_events(), 1_790_000_000.0).start()


class Seen:
    """What a parser that trusts nobody sees of a document."""

    def __init__(self, data: bytes) -> None:
        self.doctype = False
        self.entities: list[tuple[str, str | None, str | None]] = []
        self.depth = self.deepest = self.attributes = self.longest_name = 0
        self.elements = self.namespaces = self.text = self.comment = 0
        self.names: set[str] = set()
        self.error = ""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartNamespaceDeclHandler = self._namespace
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, LookupError) as error:
            self.error = str(error)
        except EnoughError:
            pass

    def _doctype(self, *_: object) -> None:
        self.doctype = True

    def _entity(
        self, name: str, _: bool, value: str | None, __: object, system: str | None, *___: object
    ) -> None:
        self.entities.append((name, value, system))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.doctype:
            raise EnoughError  # What is declared is seen, and is not to be expanded here.
        self.elements += 1
        self.names.add(name)
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self.attributes = max(self.attributes, len(attributes))
        self.longest_name = max(self.longest_name, len(name))

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _namespace(self, *_: object) -> None:
        self.namespaces += 1

    def _text(self, text: str) -> None:
        self.text += len(text)

    def _comment(self, text: str) -> None:
        self.comment = max(self.comment, len(text))


class EnoughError(Exception):
    """Enough was seen."""


GOOD_INFORM = inform()


def named(harm: Harm) -> list[str]:
    return [name for name, found in DOCUMENTS.items() if found.harm is harm]


def test_the_inform_they_are_made_of_is_good() -> None:
    seen = Seen(GOOD_INFORM)
    assert (seen.error, seen.doctype) == ("", False)
    assert seen.deepest < 10


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("model", ["tplink-a-xx230v", "generic-tr098"])
def test_none_is_the_good_inform(name: str, model: str) -> None:
    good = GOOD_INFORM if model == "tplink-a-xx230v" else inform(model)
    assert document(name, good) != good


@pytest.mark.parametrize("name", named(Harm.ILL_FORMED))
def test_what_is_ill_formed_no_parser_takes(name: str) -> None:
    assert Seen(document(name, GOOD_INFORM)).error


@pytest.mark.parametrize("name", named(Harm.DTD))
def test_what_has_a_document_type_declares_it(name: str) -> None:
    assert Seen(document(name, GOOD_INFORM)).doctype


def test_the_billion_laughs_are_billions() -> None:
    laughs = {
        name: value for name, value, _ in Seen(document("billion-laughs", GOOD_INFORM)).entities
    }
    size = len(laughs["l0"] or "")
    for level in range(1, 11):
        size *= (laughs[f"l{level}"] or "").count(f"&l{level - 1};")
    assert size > 1_000_000_000
    assert b"&l10;</Value>" in document("billion-laughs", GOOD_INFORM)


def test_external_entities_are_a_file_and_the_network() -> None:
    assert Seen(document("external-entity", GOOD_INFORM)).entities == [
        ("own", None, "file:///etc/passwd")
    ]
    found = Seen(document("parameter-entity", GOOD_INFORM)).entities
    assert [system for *_, system in found] == ["http://127.0.0.1:9/x.ent"]


@pytest.mark.parametrize(
    ("name", "measure", "least"),
    [
        ("deep", "deepest", 100_000),
        ("huge-text", "text", 4_000_000),
        ("huge-name", "longest_name", 1_000_000),
        ("huge-comment", "comment", 4_000_000),
        ("attributes", "attributes", 100_000),
        ("namespaces", "namespaces", 100_000),
        ("elements", "elements", 1_000_000),
        ("events", "elements", 30_000),
        ("digits", "text", 100_000),
    ],
)
def test_what_is_too_much_is_well_formed_and_as_much_as_it_says(
    name: str, measure: str, least: int
) -> None:
    seen = Seen(document(name, GOOD_INFORM))
    assert seen.error == ""
    assert getattr(seen, measure) >= least


def test_all_that_is_too_much_is_measured() -> None:
    marks = test_what_is_too_much_is_well_formed_and_as_much_as_it_says.pytestmark  # type: ignore[attr-defined]
    measured = {row[0] for row in marks[0].args[1]}
    assert set(named(Harm.SIZE)) - measured == {"million-attributes"}
    assert document("million-attributes", GOOD_INFORM).count(b'=""') == 1_000_000


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("soap-1.2", f"{SOAP} Envelope"),
        ("wrong-namespace", f"{CWMP} Inform"),
        ("html", f"{SOAP} Envelope"),
        ("no-inform", f"{CWMP} Inform"),
    ],
)
def test_what_is_wrong_in_its_meaning_is_well_formed(name: str, lacks: str) -> None:
    seen = Seen(document(name, GOOD_INFORM))
    assert seen.error == ""
    assert lacks in Seen(GOOD_INFORM).names - seen.names


def test_the_array_that_declares_billions_has_one_member() -> None:
    data = document("wrong-count", GOOD_INFORM)
    assert b"EventStruct[4294967291]" in data
    assert data.count(b"<EventStruct>") == 1


def test_a_hostile_unit_sends_its_document_instead_of_the_inform() -> None:
    assert inform(wrong=Misbehaviour(hostile="two-roots")).endswith(b"<more/>")


def test_a_huge_inform_is_a_good_one() -> None:
    seen = Seen(inform(wrong=Misbehaviour(huge_inform=500)))
    assert seen.error == ""
    assert seen.elements > 3 * 500
    assert b"ParameterValueStruct[509]" in inform(wrong=Misbehaviour(huge_inform=500))


def test_a_wrong_clock_is_wrong_by_so_much() -> None:
    wrong = inform("generic-tr181", Misbehaviour(clock_skew=-3600))
    assert b"<CurrentTime>2026-09-21T14:13:20Z<" in inform("generic-tr181")
    assert b"<CurrentTime>2026-09-21T13:13:20Z<" in wrong


# --- how requests are handed to the network

REQUEST = b"POST / HTTP/1.1\r\nHost: acs\r\nContent-Length: 100\r\n\r\n" + b"x" * 100


def sent(wrong: Misbehaviour, number: int = 1) -> bytes:
    return b"".join(piece.octets for piece in pieces(wrong, REQUEST, number))


def test_a_good_unit_sends_its_requests_as_they_are() -> None:
    assert plain(GOOD)
    assert not plain(Misbehaviour(slow=1))
    assert [(p.octets, p.wait, p.hang_up) for p in pieces(GOOD, REQUEST, 2)] == [
        (REQUEST, 0.0, False)
    ]


def test_a_slow_unit_waits_before_each_request_but_the_first() -> None:
    slow = Misbehaviour(slow=4)
    assert [piece.wait for piece in pieces(slow, REQUEST, 1)] == [0.0]
    assert [piece.wait for piece in pieces(slow, REQUEST, 2)] == [4.0]


def test_a_trickle_keeps_to_its_rate_and_loses_nothing() -> None:
    drops = list(pieces(Misbehaviour(trickle=50), REQUEST, 1))
    assert b"".join(drop.octets for drop in drops) == REQUEST
    assert sum(drop.wait for drop in drops) == pytest.approx((len(REQUEST) - 5) / 50, abs=0.11)
    assert max(len(drop.octets) for drop in drops) == 5


def test_half_a_body_ends_in_its_middle() -> None:
    half = Misbehaviour(half_body=True)
    assert sent(half) == REQUEST[:-50]
    assert [piece.hang_up for piece in pieces(half, REQUEST, 1)] == [True]


def test_a_huge_head_is_one_of_good_headers() -> None:
    head, _, body = sent(Misbehaviour(huge_head=10_000)).partition(b"\r\n\r\n")
    assert body == b"x" * 100
    assert len(head) - REQUEST.index(b"\r\n\r\n") >= 9_990
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST / HTTP/1.1"
    assert all(b": " in line for line in lines[1:])
