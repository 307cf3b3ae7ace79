"""Single habits of devices, by name, and dialects composed of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from .dialect import (
    DIALECTS,
    Arrays,
    Clock,
    Cookies,
    Dialect,
    EmptyPost,
    HeaderCase,
    Ids,
    Length,
    Opening,
    Proof,
    Types,
    Unknown,
)

_RARE = frozenset(
    {
        "GetParameterAttributes",
        "SetParameterAttributes",
        "Upload",
        "ScheduleDownload",
        "CancelTransfer",
        "GetQueuedTransfers",
        "GetAllQueuedTransfers",
        "ChangeDUState",
        "GetOptions",
        "SetVouchers",
    }
)
_INFORM = ("ParameterList", "RetryCount", "CurrentTime", "MaxEnvelopes", "Event", "DeviceId")


@dataclass(frozen=True, slots=True)
class Habit:
    """One habit: what it is, in a line, and what it changes in a `Dialect`."""

    name: str
    about: str
    changes: Mapping[str, Any]


def _habit(name: str, about: str, **changes: Any) -> Habit:
    return Habit(name, about, MappingProxyType(changes))


HABITS = {
    habit.name: habit
    for habit in (
        # --- HTTP
        _habit("padded-length", "Content-Length:2452 and blanks after it", length=Length.PADDED),
        _habit("chunked", "bodies in chunks, without Content-Length", length=Length.CHUNKED),
        _habit("gzip", "bodies compressed by gzip", coding="gzip"),
        _habit("deflate", "bodies compressed by deflate", coding="deflate"),
        _habit("lower-headers", "content-type: in small letters", header_case=HeaderCase.LOWER),
        _habit("upper-headers", "CONTENT-TYPE: in capitals", header_case=HeaderCase.UPPER),
        _habit("host-without-port", "Host names no port", host_port=False),
        _habit("no-content-type", "bodies without Content-Type", content_type=""),
        _habit("html-content-type", "bodies called text/html", content_type="text/html"),
        _habit(
            "soap12-content-type",
            "bodies called application/soap+xml",
            content_type="application/soap+xml; charset=utf-8",
        ),
        _habit("no-soap-action", "no SOAPAction", soap_action=None),
        _habit("quoted-soap-action", 'SOAPAction: ""', soap_action='""'),
        _habit("named-soap-action", "SOAPAction: Inform, whatever it says", soap_action="Inform"),
        _habit(
            "empty-without-length",
            "the empty POST has no Content-Length",
            empty_post=EmptyPost.BARE,
        ),
        _habit(
            "empty-like-any",
            "the empty POST has Content-Type and SOAPAction",
            empty_post=EmptyPost.LIKE_ANY,
        ),
        _habit("cookie-lines", "a Cookie header for each cookie", cookies=Cookies.LINES),
        _habit("cookie-version", 'Cookie: $Version="1"; a=1; $Path="/"', cookies=Cookies.VERSIONED),
        _habit(
            "cookie-path", "what Set-Cookie said, Path and all, as one", cookies=Cookies.WITH_PATH
        ),
        _habit("cookie-commas", "cookies quoted and joined by commas", cookies=Cookies.COMMAS),
        _habit("cookie-never", "no cookie is ever returned", cookies=Cookies.NEVER),
        _habit("cookie2", 'Cookie2: $Version="1" beside each Cookie', cookie2=True),
        # --- authentication
        _habit(
            "empty-first", "an empty POST, challenged, before the Inform", opening=Opening.EMPTY
        ),
        _habit("basic-first", "Basic before anybody asked", opening=Opening.BASIC),
        _habit("proof-once", "Authorization with the Inform only", proof=Proof.INFORM_ONLY),
        _habit("digest-2069", "Digest without qop, nc and cnonce", digest_qop=False),
        _habit("digest-nc-1", "nc=00000001 in every request", digest_counts=False),
        _habit("digest-no-opaque", "opaque is not returned", digest_opaque=False),
        _habit("nonce-cut", "32 characters of a nonce are kept", digest_memory=32),
        # --- XML
        _habit("no-declaration", "no XML declaration", declaration=False),
        _habit(
            "refuses-declaration",
            "goes when an answer begins with an XML declaration",
            refuses_declaration=True,
        ),
        _habit("single-quotes", "attributes in single quotes", single_quotes=True),
        _habit("line-breaks", "a line for each element", line_breaks=True),
        _habit("raw-utf8", "é as itself, in UTF-8", charset="utf-8"),
        _habit(
            "raw-latin1",
            "é as itself, in ISO-8859-1, and said so",
            charset="iso-8859-1",
            content_type="text/xml; charset=iso-8859-1",
        ),
        _habit("other-prefixes", "prefixes s, e and c", envelope="s", encoding="e", cwmp="c"),
        _habit("schema-1999", "types of the XML Schema draft of 1999", old_schema=True),
        _habit(
            "encoding-no-slash", "the encoding namespace without its slash", encoding_slash=False
        ),
        _habit("array-count", "arrays with arrayType alone", arrays=Arrays.COUNTED),
        _habit("array-padded", "arrayType counts in four digits", arrays=Arrays.PADDED),
        _habit("array-miscounted", "arrayType counts that are wrong", arrays=Arrays.MISCOUNTED),
        _habit("array-bare", "arrays without any mark", arrays=Arrays.BARE),
        _habit("nameless-types", 'xsi:type="xsd:"', types=Types.NAMELESS),
        _habit("no-types", "values without xsi:type", types=Types.NONE),
        _habit("digits", "booleans 0 and 1", true="1", false="0"),
        _habit("words", "booleans true and false", true="true", false="false"),
        _habit("inform-without-id", "an Inform without Header", ids=Ids.NOT_THE_INFORM),
        _habit("fault-without-id", "faults without Header", ids=Ids.NOT_FAULTS),
        _habit("no-id", "no Header at all", ids=Ids.NONE),
        _habit("no-more-requests", "NoMoreRequests of the first issue", no_more_requests=True),
        _habit("inform-backwards", "members of the Inform in reverse", inform_order=_INFORM),
        _habit(
            "inform-short",
            "an Inform without MaxEnvelopes, CurrentTime and RetryCount",
            inform_order=("DeviceId", "Event", "ParameterList"),
        ),
        _habit("clock-utc", Clock.UTC.value, clock=Clock.UTC),
        _habit("clock-bare", Clock.BARE.value, clock=Clock.BARE),
        _habit("clock-offset", Clock.OFFSET.value, clock=Clock.OFFSET),
        _habit("clock-milliseconds", Clock.MILLISECONDS.value, clock=Clock.MILLISECONDS),
        _habit("clock-text", Clock.TEXT.value, clock=Clock.TEXT),
        _habit("clock-unknown", Clock.UNKNOWN.value, clock=Clock.UNKNOWN),
        _habit(
            "detail-in-faultstring", "the detail of a fault in its text", detail_in_faultstring=True
        ),
        *(
            _habit(
                f"cwmp-1-{minor}",
                f"the namespace of CWMP 1.{minor}",
                namespace=f"urn:dslforum-org:cwmp-1-{minor}",
            )
            for minor in range(3)
        ),
        _habit(
            "cwmp-1.3",
            "CWMP 1.3: SessionTimeout in the Inform",
            namespace="urn:dslforum-org:cwmp-1-2",
            session_timeout=60,
        ),
        _habit(
            "cwmp-1.4",
            "CWMP 1.4: SupportedCWMPVersions and SessionTimeout in the Inform",
            namespace="urn:dslforum-org:cwmp-1-2",
            session_timeout=60,
            versions="1.0,1.1,1.2,1.3,1.4",
        ),
        _habit(
            "cwmp-1-4",
            "the namespace cwmp-1-4, which no schema declares",
            namespace="urn:dslforum-org:cwmp-1-4",
        ),
        # --- what it does
        _habit("bootstrap-alone", "0 BOOTSTRAP without 1 BOOT", bootstrap_alone=True),
        _habit("no-parameter-key", "ParameterKey stays empty", keeps_parameter_key=False),
        _habit("build-date", "the build date is the time, until NTP", build_date_before_ntp=True),
        _habit(
            "few-methods",
            "no attributes, transfers or options; a fault says so",
            lacks=_RARE,
        ),
        _habit(
            "nothing-for-unknown",
            "an empty POST for GetParameterNames, which it does not have",
            lacks=frozenset({"GetParameterNames"}),
            unknown_method=Unknown.NOTHING,
        ),
        _habit(
            "closes-at-unknown",
            "closes at GetParameterNames, which it does not have",
            lacks=frozenset({"GetParameterNames"}),
            unknown_method=Unknown.HANG_UP,
        ),
        _habit("drops-unknown-names", "leaves unknown names out", drops_unknown_names=True),
        _habit("late-status", "Status 1 for every write", late_status=True),
        _habit("files-in-session", "files within the session, Status 0", in_session=True),
    )
}
"""All single habits, by name."""


class UnknownHabitError(ValueError):
    """No dialect or habit of this name."""


@cache
def compose(dialect: str, habits: tuple[str, ...] = ()) -> Dialect:
    """Return dialect ``dialect`` with ``habits`` added, a later one over an earlier.

    Raises `UnknownHabitError`.
    """
    if dialect not in DIALECTS:
        raise UnknownHabitError(f"no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
    spoken = DIALECTS[dialect]
    for name in filter(None, habits):
        if name not in HABITS:
            raise UnknownHabitError(f"no habit {name!r}; `cpe-sim habits` lists them")
        spoken = replace(spoken, **HABITS[name].changes)
    return spoken
