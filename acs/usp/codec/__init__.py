"""USP messages to octets and back, and to JSON for experiments (TR-369, Messages).

`octets` is what all messages share; how each kind looks on the wire is in the tables of
`requests`, `responses` and `supported`.
"""

from acs.usp.codec.octets import (
    MalformedMessage,
    body_to_json,
    decode,
    encode,
    request_from_json,
)

__all__ = ["MalformedMessage", "body_to_json", "decode", "encode", "request_from_json"]
