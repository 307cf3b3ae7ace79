"""Compressed request bodies (TR-069 3.4.7): gzip and deflate, bounded."""

import zlib
from collections.abc import Sequence

from acs.http.message import Refusal

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_WINDOW_BITS: dict[str, Sequence[int]] = {
    "identity": (),
    "gzip": (_GZIP,),
    "x-gzip": (_GZIP,),
    "deflate": (_ZLIB, _RAW),  # RFC 9110 8.4.1.2 means zlib, some clients send it raw
}


def window_bits(coding: str) -> Sequence[int]:
    """The zlib window sizes to try for a Content-Encoding value; empty for a plain body.

    Raises Refusal 415 for a coding, or a chain of codings, that is not read here.
    """
    name = coding.strip().lower()
    if not name:
        return ()
    try:
        return _WINDOW_BITS[name]
    except KeyError:
        raise Refusal(415, "unsupported Content-Encoding: use gzip, deflate or none") from None


def decompress(body: bytes, windows: Sequence[int], limit: int) -> bytes:
    """The plain body, at most `limit` octets, whichever of `windows` reads it.

    Raises Refusal 413 when it would be longer, 400 when it is damaged, cut short, or followed by
    anything but zero padding.
    """
    for bits in windows:
        inflater = zlib.decompressobj(bits)
        try:
            plain = inflater.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(plain) > limit:
            raise Refusal(413, f"body decompresses to more than {limit} octets")
        if not inflater.eof:
            raise Refusal(400, "compressed body is cut short")
        if inflater.unused_data.strip(b"\0"):
            raise Refusal(400, "data after the end of the compressed body")
        return plain
    raise Refusal(400, "compressed body is damaged")
