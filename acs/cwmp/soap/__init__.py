"""The SOAP codec of CWMP: bytes in, values out, and back; no I/O (TR-069 3.5)."""

from acs.cwmp.soap.decode import decode
from acs.cwmp.soap.encode import encode
from acs.cwmp.soap.notes import MalformedEnvelope

__all__ = ["MalformedEnvelope", "decode", "encode"]
