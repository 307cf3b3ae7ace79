"""How a kind of device speaks: the choices TR-069 leaves open, and its habits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Clock(Enum):
    """Forms of CurrentTime."""

    UTC = "2026-11-22T10:00:00Z"
    BARE = "2026-11-22T10:00:00"
    OFFSET = "2026-11-22T10:00:00+00:00"
    MILLISECONDS = "2026-11-22T10:00:00.000Z"
    TEXT = "Sun Nov 22 10:00:00 2026"
    UNKNOWN = "0001-01-01T00:00:00Z"

    def write(self, moment: datetime) -> str:
        """Return ``moment``, a time in UTC, in this form."""
        match self:
            case Clock.UNKNOWN:
                return Clock.UNKNOWN.value
            case Clock.TEXT:
                return f"{moment:%a %b %d %H:%M:%S %Y}"
            case Clock.UTC:
                return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            case Clock.BARE:
                return f"{moment:%Y-%m-%dT%H:%M:%S}"
            case Clock.OFFSET:
                return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"
            case Clock.MILLISECONDS:
                return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


class Cookies(Enum):
    """How cookies come back."""

    ONE_LINE = "Cookie: a=1; b=2"
    LINES = "a Cookie header for each"
    VERSIONED = 'Cookie: $Version="1"; a=1; $Path="/"'
    WITH_PATH = "Cookie: a=1; Path=/"
    COMMAS = 'Cookie: a="1",b="2"'
    NEVER = ""


class HeaderCase(Enum):
    """How the names of HTTP headers are written."""

    USUAL = "Content-Type"
    LOWER = "content-type"
    UPPER = "CONTENT-TYPE"


class Length(Enum):
    """How the length of a body is told."""

    PLAIN = "Content-Length: 2452"
    PADDED = "Content-Length:2452   "
    CHUNKED = "Transfer-Encoding: chunked"


class EmptyPost(Enum):
    """Headers of the empty POST."""

    LENGTH = "Content-Length: 0"
    BARE = "no Content-Length"
    LIKE_ANY = "Content-Length: 0, Content-Type, SOAPAction"


class Arrays(Enum):
    """How arrays are marked."""

    FULL = 'xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="t[2]"'
    COUNTED = 'SOAP-ENC:arrayType="t[2]"'
    PADDED = 'SOAP-ENC:arrayType="t[0002]"'
    MISCOUNTED = 'SOAP-ENC:arrayType="t[0]"'
    BARE = ""


class Types(Enum):
    """How the type of a value is marked."""

    DECLARED = 'xsi:type="xsd:string"'
    NAMELESS = 'xsi:type="xsd:"'
    NONE = ""


class Ids(Enum):
    """Which envelopes have a header with an ID."""

    ALL = "all"
    NOT_THE_INFORM = "all but the Inform"
    NOT_FAULTS = "all but faults"
    NONE = "none"


class Proof(Enum):
    """When a request carries Authorization, once the ACS has asked for it."""

    EVERY_REQUEST = "every request"
    INFORM_ONLY = "the Inform only"


class Opening(Enum):
    """How a session begins."""

    INFORM = "the Inform"
    BASIC = "the Inform, with Basic before anybody asked"
    EMPTY = "an empty POST, to be challenged; then the Inform"


class Unknown(Enum):
    """What it says to a method it does not have."""

    FAULT = "fault 9000"
    NOTHING = "an empty POST"
    HANG_UP = "it closes the connection"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Wire habits of a family of devices; the defaults are by the book.

    `habits.HABITS` names the single ones; `habits.compose` puts them together.
    """

    name: str
    user_agent: str

    # --- HTTP
    length: Length = Length.PLAIN
    header_case: HeaderCase = HeaderCase.USUAL
    agent_first: bool = False
    """User-Agent stands before Host, and Connection before what tells of the body."""
    host_port: bool = True
    """Host names the port."""
    content_type: str = 'text/xml; charset="utf-8"'
    """Of a body; empty: no Content-Type."""
    soap_action: str | None = ""
    """Value of SOAPAction beside a body; None: no such header."""
    empty_post: EmptyPost = EmptyPost.LENGTH
    cookies: Cookies = Cookies.ONE_LINE
    cookie2: bool = False
    """``Cookie2: $Version="1"`` beside a cookie."""
    coding: str = ""
    """``gzip`` or ``deflate``: Content-Encoding of its bodies."""

    # --- authentication
    opening: Opening = Opening.INFORM
    proof: Proof = Proof.EVERY_REQUEST
    digest_qop: bool = True
    """False: answers in the form of RFC 2069, whatever is offered."""
    digest_counts: bool = True
    """False: nc is 00000001 in every request."""
    digest_opaque: bool = True
    """False: opaque is not returned."""
    digest_memory: int = 0
    """Keeps so many characters of a nonce; 0: all."""

    # --- XML
    namespace: str = "urn:dslforum-org:cwmp-1-2"
    """CWMP namespace of its envelopes; it refuses any other from the ACS."""
    envelope: str = "soapenv"
    """Prefix of the SOAP envelope namespace."""
    encoding: str = "soapenc"
    """Prefix of the SOAP encoding namespace."""
    cwmp: str = "cwmp"
    """Prefix of the CWMP namespace."""
    declaration: bool = True
    """Its envelopes begin with an XML declaration."""
    refuses_declaration: bool = False
    """It cannot read an envelope that begins with one, and goes."""
    single_quotes: bool = False
    """Of attributes."""
    line_breaks: bool = False
    """Between elements."""
    charset: str = ""
    """Characters outside ASCII stand as themselves in this encoding; empty: as references."""
    old_schema: bool = False
    """Types of the XML Schema draft of 1999."""
    encoding_slash: bool = True
    """False: the encoding namespace lacks its last slash."""
    true: str = "true"
    false: str = "false"
    arrays: Arrays = Arrays.FULL
    types: Types = Types.DECLARED
    ids: Ids = Ids.ALL
    first_id: int = 1
    no_more_requests: bool = False
    """``NoMoreRequests`` of the first issue, in each header."""
    session_timeout: int = 0
    """SessionTimeout in the header of the Inform, in seconds (CWMP 1.3); 0: none."""
    versions: str = ""
    """SupportedCWMPVersions in the header of the Inform (CWMP 1.4)."""
    inform_order: tuple[str, ...] = (
        "DeviceId", "Event", "MaxEnvelopes", "CurrentTime", "RetryCount", "ParameterList",
    )  # fmt: skip
    """Members of the Inform, in the order it writes them; some are missing in some."""
    clock: Clock = Clock.UTC
    detail_in_faultstring: bool = False
    """``detail`` of a fault stands inside ``faultstring``."""

    # --- what it does
    bootstrap_alone: bool = False
    """``0 BOOTSTRAP`` comes without ``1 BOOT`` beside it."""
    keeps_parameter_key: bool = True
    build_date_before_ntp: bool = False
    """The first session after a boot shows the firmware's build date as CurrentTime."""
    unparsable: int = 0
    """Fault code for an envelope that cannot be read; 0: the session breaks off."""
    in_session: bool = False
    """Files other than firmware are carried within the session, and answered with Status 0."""
    lacks: frozenset[str] = frozenset()
    """Methods it does not have."""
    unknown_method: Unknown = Unknown.FAULT
    drops_unknown_names: bool = False
    """GetParameterValues leaves out what it does not have, instead of fault 9005."""
    late_status: bool = False
    """Each SetParameterValues is answered with Status 1 and takes effect later."""


TPLINK = Dialect(
    name="tplink",
    user_agent="TR069_AGENT/1.0",
    length=Length.PADDED,
    agent_first=True,
    host_port=False,
    content_type="text/xml; charset=utf-8",
    cookie2=True,
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="SOAP-ENV",
    encoding="SOAP-ENC",
    true="1",
    false="0",
    first_id=1000,
    clock=Clock.BARE,
    bootstrap_alone=True,
    keeps_parameter_key=False,
    build_date_before_ntp=True,
    unparsable=9814,
)

GENERIC = Dialect(name="generic", user_agent="cpe-sim", in_session=True)

EASYCWMP = Dialect(
    name="easycwmp",
    user_agent="easycwmp",
    content_type="text/xml; charset=utf-8",
    soap_action='""',
    envelope="soap_env",
    encoding="soap_enc",
    true="1",
    false="0",
    clock=Clock.OFFSET,
)

NETCWMP = Dialect(
    name="netcwmp",
    user_agent="netcwmp",
    cookies=Cookies.WITH_PATH,
    opening=Opening.EMPTY,
    proof=Proof.INFORM_ONLY,
    digest_qop=False,
    digest_opaque=False,
    digest_memory=32,
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="SOAP-ENV",
    encoding="SOAP-ENC",
    declaration=False,
    refuses_declaration=True,
    old_schema=True,
    true="1",
    false="0",
    detail_in_faultstring=True,
    lacks=frozenset({"GetParameterAttributes"}),
    unknown_method=Unknown.NOTHING,
    drops_unknown_names=True,
)

ORANGE = Dialect(
    name="orange",
    user_agent="tr069agent",
    cookies=Cookies.NEVER,
    opening=Opening.EMPTY,
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="soapenv",
    declaration=False,
    refuses_declaration=True,
    arrays=Arrays.PADDED,
)

CWMP_SIM = Dialect(
    name="cwmp-sim",
    user_agent="cwmp-sim",
    cookies=Cookies.NEVER,
    opening=Opening.BASIC,
    digest_counts=False,
    digest_opaque=False,
    namespace="urn:dslforum-org:cwmp-1-0",
)

GENIEACS_SIM = Dialect(
    name="genieacs-sim",
    user_agent="genieacs-sim",
    cookies=Cookies.WITH_PATH,
    opening=Opening.BASIC,
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="soap-env",
    encoding="soap-enc",
)

GSOAP = Dialect(
    name="gsoap",
    user_agent="gSOAP/2.8",
    soap_action="Inform",
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="SOAP-ENV",
    encoding="SOAP-ENC",
    ids=Ids.NOT_THE_INFORM,
    clock=Clock.TEXT,
)

FIRST_ISSUE = Dialect(
    name="first-issue",
    user_agent="CWMP/1.0",
    header_case=HeaderCase.UPPER,
    soap_action='""',
    empty_post=EmptyPost.LIKE_ANY,
    cookies=Cookies.VERSIONED,
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="SOAP-ENV",
    encoding="SOAP-ENC",
    old_schema=True,
    no_more_requests=True,
    arrays=Arrays.COUNTED,
    true="1",
    false="0",
    clock=Clock.BARE,
)

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        TPLINK, GENERIC, EASYCWMP, NETCWMP, ORANGE, CWMP_SIM, GENIEACS_SIM, GSOAP, FIRST_ISSUE,
    )
}  # fmt: skip
"""Ways to speak, by name: what is known of each client, and by the book what is not."""
