"""How a kind of device speaks: the choices TR-069 leaves open, and its habits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """Wire habits of a family of devices."""

    name: str
    namespace: str
    """CWMP namespace of its envelopes; it refuses any other from the ACS."""
    envelope: str
    """Prefix of the SOAP envelope namespace."""
    encoding: str
    """Prefix of the SOAP encoding namespace."""
    true: str
    false: str
    zone: str
    """Suffix of CurrentTime."""
    user_agent: str
    padded_length: bool
    """``Content-Length:2452   `` instead of ``Content-Length: 2452``; no port in Host; Cookie2."""
    bootstrap_alone: bool
    """``0 BOOTSTRAP`` comes without ``1 BOOT`` beside it."""
    keeps_parameter_key: bool
    build_date_before_ntp: bool
    """The first session after a boot shows the firmware's build date as CurrentTime."""
    unparsable: int
    """Fault code for an envelope that cannot be read; 0: the session breaks off."""
    in_session: bool
    """Files other than firmware are carried within the session, and answered with Status 0."""
    first_id: int = 1000


TPLINK = Dialect(
    name="tplink",
    namespace="urn:dslforum-org:cwmp-1-0",
    envelope="SOAP-ENV",
    encoding="SOAP-ENC",
    true="1",
    false="0",
    zone="",
    user_agent="TR069_AGENT/1.0",
    padded_length=True,
    bootstrap_alone=True,
    keeps_parameter_key=False,
    build_date_before_ntp=True,
    unparsable=9814,
    in_session=False,
)

GENERIC = Dialect(
    name="generic",
    namespace="urn:dslforum-org:cwmp-1-2",
    envelope="soapenv",
    encoding="soapenc",
    true="true",
    false="false",
    zone="Z",
    user_agent="cpe-sim",
    padded_length=False,
    bootstrap_alone=False,
    keeps_parameter_key=True,
    build_date_before_ntp=False,
    unparsable=0,
    in_session=True,
    first_id=1,
)

DIALECTS = {dialect.name: dialect for dialect in (TPLINK, GENERIC)}
