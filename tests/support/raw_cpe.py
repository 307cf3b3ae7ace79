"""A CPE made of octets: a socket, envelopes as text, and full control over both.

It shares no code with the server or the simulated CPE, so that it is a third opinion on both.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree
from running_acs import BOOTSTRAP

CWMP = "urn:dslforum-org:cwmp-1-0"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TIMEOUT = 30.0
Account = tuple[str, str]


# --- HTTP -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, and the envelope in it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Values of a header field, in order."""
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str:
        """The value of a header field, "" when it is not there."""
        return next(iter(self.all(name)), "")

    @property
    def root(self) -> etree._Element:
        """The envelope."""
        return etree.fromstring(self.body)

    @property
    def method(self) -> etree._Element:
        """The element in the envelope's body."""
        (element,) = self.root.iterfind(f"{{{SOAP}}}Body/*")
        return element

    @property
    def name(self) -> str:
        """Local name of the method, or ``Fault``; "" without an envelope."""
        is_envelope = self.header("content-type").startswith("text/xml")
        return etree.QName(self.method).localname if is_envelope else ""

    @property
    def namespace(self) -> str | None:
        """Namespace of the method."""
        return etree.QName(self.method).namespace

    def elements(self, *names: str) -> list[etree._Element]:
        """Elements of these local names, in any namespace and in order."""
        return list(self.root.iter(*(f"{{*}}{name}" for name in names)))

    def text(self, leaf: str) -> str | None:
        """Text of the first element of this local name, None when there is none."""
        found = self.elements(leaf)
        return (found[0].text or "") if found else None

    @property
    def id(self) -> str | None:
        """The ID of its header."""
        return self.text("ID")

    @property
    def names(self) -> list[str]:
        """Names a GetParameterValues asks for, or a SetParameterValues writes."""
        return [node.text or "" for node in self.elements("string", "Name")]

    @property
    def fault(self) -> int:
        """Code of a CWMP fault, 0 for anything else."""
        return int(self.text("FaultCode") or 0) if self.name == "Fault" else 0


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer; raises EOFError when the connection ends before it is whole."""
    connection.settimeout(TIMEOUT)
    data = b""

    def more() -> bytes:
        got = connection.recv(65536)
        if not got:
            raise EOFError(f"connection closed after {data!r}")
        return data + got

    while b"\r\n\r\n" not in data:
        data = more()
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [line.partition(":") for line in lines]
    headers = tuple((name, value.strip()) for name, _, value in fields)
    length = int(next((v for n, v in headers if n.lower() == "content-length"), "0"))
    while len(rest) < length:
        data = more()
        rest = data.partition(b"\r\n\r\n")[2]
    assert len(rest) == length, "more octets than the answer says"
    return Answer(int(first.split()[1]), headers, rest)


def is_closed(connection: socket.socket) -> bool:
    """Wait for the server to close; False when it sends something instead."""
    connection.settimeout(TIMEOUT)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


# --- Digest ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Challenge:
    """A Digest challenge as it was sent."""

    values: Mapping[str, str]

    @property
    def stale(self) -> bool:
        return self.values.get("stale", "").lower() == "true"


def challenges(answer: Answer) -> list[Challenge]:
    """The Digest challenges of a 401."""
    found = [v for v in answer.all("www-authenticate") if v.startswith("Digest ")]
    pattern = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
    return [
        Challenge({name: quoted or bare for name, quoted, bare in pattern.findall(value)})
        for value in found
    ]


@dataclass(frozen=True)
class DigestForm:
    """How a client answers a challenge."""

    algorithm: str = "MD5"
    qop: str | None = "auth"
    uri: str = "/"
    nc: str = "00000001"
    cnonce: str = "0a4f113b"
    nonce: str | None = None
    """Another one than was given."""
    opaque: bool = True
    told: str = "{name}={value}"
    """Form of a parameter."""
    separator: str = ", "

    def authorization(self, challenge: Challenge, account: Account, body: bytes = b"") -> str:
        """The Authorization header for a POST of ``body`` (RFC 2617, 2069, 7616)."""

        def digest(text: str | bytes) -> str:
            kind = "sha256" if self.algorithm.upper().startswith("SHA-256") else "md5"
            data = text.encode() if isinstance(text, str) else text
            return hashlib.new(kind, data).hexdigest()

        user, password = account
        nonce = self.nonce if self.nonce is not None else challenge.values["nonce"]
        first = digest(f"{user}:{challenge.values['realm']}:{password}")
        if self.algorithm.upper().endswith("-SESS"):
            first = digest(f"{first}:{nonce}:{self.cnonce}")
        second = digest(f"POST:{self.uri}" + (f":{digest(body)}" if self.qop == "auth-int" else ""))
        middle = f"{nonce}:{self.nc}:{self.cnonce}:{self.qop}" if self.qop else nonce
        quoted = {
            "username": user,
            "realm": challenge.values["realm"],
            "nonce": nonce,
            "uri": self.uri,
            "response": digest(f"{first}:{middle}:{second}"),
        }
        if self.opaque:
            quoted["opaque"] = challenge.values["opaque"]
        if self.qop or self.algorithm.upper().endswith("-SESS"):
            quoted["cnonce"] = self.cnonce
        parts = [self.told.format(name=n, value=f'"{v}"') for n, v in quoted.items()]
        parts.append(self.told.format(name="algorithm", value=self.algorithm))
        if self.qop:
            parts += [self.told.format(name="qop", value=self.qop)]
            parts += [self.told.format(name="nc", value=self.nc)]
        return "Digest " + self.separator.join(parts)


# --- envelopes ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How a client writes its envelopes."""

    namespace: str = CWMP
    env: str = "SOAP-ENV"
    enc: str = "SOAP-ENC"
    cwmp: str = "cwmp"
    declaration: bool = True
    header: bool = True
    encoding: str = "http://schemas.xmlsoap.org/soap/encoding/"
    schema: str = "http://www.w3.org/2001/XMLSchema"
    instance: str = "http://www.w3.org/2001/XMLSchema-instance"
    count: str = "{}"
    """Form of the count in arrayType."""
    quote: str = '"'

    def envelope(self, body: str, id: str | None = "1", more: str = "") -> bytes:
        """Put ``body`` into an envelope; ``more`` are further header elements."""
        header = ""
        if self.header and (id is not None or more):
            told = "" if id is None else f'<{self.cwmp}:ID {self.env}:mustUnderstand="1">{id}'
            told += "" if id is None else f"</{self.cwmp}:ID>"
            header = f"<{self.env}:Header>{told}{more}</{self.env}:Header>"
        text = (
            f'<{self.env}:Envelope xmlns:{self.env}="{SOAP}" xmlns:{self.enc}="{self.encoding}" '
            f'xmlns:xsd="{self.schema}" xmlns:xsi="{self.instance}" '
            f'xmlns:{self.cwmp}="{self.namespace}">{header}'
            f"<{self.env}:Body>{body}</{self.env}:Body></{self.env}:Envelope>"
        )
        if self.declaration:
            text = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
        return text.replace('"', self.quote).encode()

    def call(self, method: str, inner: str = "", id: str | None = "1", more: str = "") -> bytes:
        """An envelope with one method."""
        return self.envelope(f"<{self.cwmp}:{method}>{inner}</{self.cwmp}:{method}>", id, more)

    def array(self, name: str, kind: str, members: Sequence[str]) -> str:
        """An array with its arrayType."""
        count = self.count.format(len(members))
        told = f'{self.enc}:arrayType="{kind}[{count}]"'
        return f"<{name} {told}>{''.join(members)}</{name}>"

    def values(self, values: Mapping[str, tuple[str, str]]) -> str:
        """A ParameterList of (text, type) by name."""
        members = [
            f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="xsd:{kind}">{text}'
            "</Value></ParameterValueStruct>"
            for name, (text, kind) in values.items()
        ]
        return self.array("ParameterList", f"{self.cwmp}:ParameterValueStruct", members)

    def fault(
        self, code: int, text: str = "no", id: str | None = "1", parameters: str = ""
    ) -> bytes:
        """A CWMP fault."""
        inner = f"<FaultCode>{code}</FaultCode><FaultString>{text}</FaultString>{parameters}"
        return self.envelope(
            f"<{self.env}:Fault><faultcode>Client</faultcode><faultstring>CWMP fault"
            f"</faultstring><detail><{self.cwmp}:Fault>{inner}</{self.cwmp}:Fault></detail>"
            f"</{self.env}:Fault>",
            id,
        )


TRANSFER_COMPLETE = (
    "<CommandKey>{key}</CommandKey><FaultStruct><FaultCode>{code}</FaultCode>"
    "<FaultString></FaultString></FaultStruct><StartTime>2026-05-01T10:00:00Z</StartTime>"
    "<CompleteTime>2026-05-01T10:01:00Z</CompleteTime>"
)


# --- the CPE --------------------------------------------------------------------------------


@dataclass
class RawCpe:
    """One CPE that calls 127.0.0.1:``port``."""

    port: int
    serial: str
    oui: str = "A4B1C2"
    product_class: str = "Gateway"
    manufacturer: str = "Acme"
    account: Account = BOOTSTRAP
    form: Form = field(default_factory=Form)
    digest: DigestForm = field(default_factory=DigestForm)
    headers: tuple[str, ...] = ("Host: acs.example.net", "Content-Type: text/xml; charset=utf-8")
    target: str = "/"
    returns_cookie: bool = True
    tree: dict[str, tuple[str, str]] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    cookie: str = ""
    connection: socket.socket | None = None

    @property
    def key(self) -> str:
        """Its key at the server."""
        return f"{self.oui}-{self.product_class}-{self.serial}"

    # --- octets

    def connect(self) -> socket.socket:
        """Open a connection, closing the one before."""
        self.close()
        self.connection = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        if self.context is not None:
            self.connection = self.context.wrap_socket(self.connection, server_hostname="localhost")
        return self.connection

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send(self, data: bytes) -> Answer:
        """Send octets and read the answer to them."""
        connection = self.connection or self.connect()
        connection.sendall(data)
        answer = read_answer(connection)
        for told in answer.all("set-cookie"):
            self.cookie = told.partition(";")[0]
        if answer.header("connection").lower() == "close":
            self.close()
        return answer

    def render(self, body: bytes, *headers: str) -> bytes:
        """One POST as octets, with the cookie."""
        lines = [f"POST {self.target} HTTP/1.1", *self.headers, *headers]
        if self.cookie and self.returns_cookie:
            lines.append(f"Cookie: {self.cookie}")
        if not any(line.lower().startswith(("content-length", "transfer-e")) for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def post(self, body: bytes = b"", *headers: str) -> Answer:
        """POST a body; empty: the empty POST."""
        return self.send(self.render(body, *headers))

    # --- sessions

    def inform(
        self,
        *events: str,
        id: str | None = "1",
        more: str = "",
        values: Mapping[str, tuple[str, str]] | None = None,
        time: str = "2026-05-01T10:00:00Z",
        retry: int = 0,
    ) -> bytes:
        """An Inform as octets of its envelope; ``M Download|job-7`` is an event with its key."""
        told = [
            f"<EventStruct><EventCode>{code}</EventCode><CommandKey>{key}</CommandKey></EventStruct>"
            for code, _, key in (event.partition("|") for event in events or ("2 PERIODIC",))
        ]
        forced = values if values is not None else INFORM_VALUES
        return self.form.call(
            "Inform",
            f"<DeviceId><Manufacturer>{self.manufacturer}</Manufacturer><OUI>{self.oui}</OUI>"
            f"<ProductClass>{self.product_class}</ProductClass>"
            f"<SerialNumber>{self.serial}</SerialNumber></DeviceId>"
            + self.form.array("Event", f"{self.form.cwmp}:EventStruct", told)
            + f"<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>{time}</CurrentTime>"
            + f"<RetryCount>{retry}</RetryCount>"
            + self.form.values(forced),
            id,
            more,
        )

    def authorized(self, body: bytes, *headers: str) -> Answer:
        """POST a body, answering the challenge it meets."""
        answer = self.post(body, *headers)
        if answer.status != 401:
            return answer
        challenge = next(c for c in challenges(answer) if self._speaks(c))
        proof = self.digest.authorization(challenge, self.account, body)
        return self.post(body, *headers, f"Authorization: {proof}")

    def _speaks(self, challenge: Challenge) -> bool:
        mine = self.digest.algorithm.upper().removesuffix("-SESS")
        return challenge.values.get("algorithm", "MD5").upper() == mine

    def open(
        self,
        *events: str,
        id: str | None = "1",
        more: str = "",
        values: Mapping[str, tuple[str, str]] | None = None,
    ) -> Answer:
        """Begin a session; the answer to the Inform."""
        return self.authorized(self.inform(*events, id=id, more=more, values=values))

    def respond(self, asked: Answer) -> bytes:
        """What it answers to a request: reads and writes of its tree, 9000 to all else."""
        match asked.name:
            case "GetParameterValues":
                if unknown := [name for name in asked.names if name not in self.tree]:
                    return self.form.fault(9005, f"unknown {unknown[0]}", asked.id)
                values = {name: self.tree[name] for name in asked.names}
                return self.form.call(
                    "GetParameterValuesResponse", self.form.values(values), asked.id
                )
            case "SetParameterValues":
                for name, value in zip(asked.names, asked.elements("Value"), strict=True):
                    self.tree[name] = (value.text or "", "string")
                return self.form.call("SetParameterValuesResponse", "<Status>0</Status>", asked.id)
            case _:
                return self.form.fault(9000, "Method not supported", asked.id)

    def finish(
        self, answer: Answer, respond: Callable[[Answer], bytes] | None = None
    ) -> list[Answer]:
        """Answer requests until the server has none; what it asked, the last 204 too."""
        asked = [answer]
        while asked[-1].status == 200:
            asked.append(self.post((respond or self.respond)(asked[-1])))
        return asked

    def session(self, *events: str, respond: Callable[[Answer], bytes] | None = None) -> list[str]:
        """Run a whole session; names of what the server asked for."""
        answer = self.open(*events)
        assert (answer.status, answer.name) == (200, "InformResponse"), answer
        asked = self.finish(self.post(), respond)
        assert asked[-1].status == 204, asked[-1]
        return [one.name for one in asked[:-1]]

    def sibling(self, **changes: object) -> RawCpe:
        """Another CPE, with its own connection and cookie."""
        return replace(self, cookie="", connection=None, tree=dict(self.tree), **changes)  # type: ignore[arg-type]


INFORM_VALUES: Mapping[str, tuple[str, str]] = {
    "Device.RootDataModelVersion": ("2.12", "string"),
    "Device.DeviceInfo.HardwareVersion": ("1.0", "string"),
    "Device.DeviceInfo.SoftwareVersion": ("7.1", "string"),
    "Device.DeviceInfo.ProvisioningCode": ("", "string"),
    "Device.ManagementServer.ConnectionRequestURL": ("http://100.64.0.9:7547/", "string"),
    "Device.ManagementServer.ParameterKey": ("", "string"),
}
