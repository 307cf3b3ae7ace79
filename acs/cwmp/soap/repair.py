"""Bytes to a tree: the strict parser for sound bodies, repairs for the others.

Nothing here resolves an entity, reads a DTD or fetches anything: a body with a document
type declaration is refused before any parser sees it.  Depth and text size are bounded by
libxml2's own limits (``huge_tree`` stays off; an HTTP body is smaller than they allow).
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Any

from lxml import etree

from acs.cwmp.soap.notes import MalformedEnvelope, Notes


def _parser(*, recover: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


STRICT = _parser(recover=False)
"""Takes what is well-formed, and nothing from outside."""

_NO_DOCTYPE = "a document type declaration is not accepted"
_DECLARED = re.compile(
    rb"""\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
# A prolog is read without going back, so that its cost stays linear.
_DOCTYPE = re.compile(r"(?>[^<]+|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!(?:DOCTYPE|ENTITY)", re.DOTALL)
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_END = re.compile(r"</(?:[\w.-]+:)?Envelope\s*>")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7});|#x([0-9A-Fa-f]{1,6});|(?:amp|lt|gt|quot|apos);)?")
_STRAY_LESS = re.compile(r"<(?![/A-Za-z_:!?\u0080-\U0010ffff])")

_CHARSETS = frozenset(
    {"utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "gb2312", "gbk", "gb18030", "big5"}
    | {"euc_kr", "euc_jp", "shift_jis", "koi8-r", "koi8-u", "mac-roman"}
    | {f"iso8859-{part}" for part in range(1, 17)}
    | {f"cp{page}" for page in (437, 850, 852, 936, 949, 950, *range(1250, 1259))}
)
"""Codecs a device may name, by Python's canonical names; UTF-7 and the like are not text."""


def parse(body: bytes, content_type: str, notes: Notes) -> Any:
    """Return the root element of ``body``, repaired if need be; raise `MalformedEnvelope`."""
    if is_plain(body, content_type):
        if b"<!DOCTYPE" in body and _DOCTYPE.match(body.decode("utf-8", "replace")):
            raise MalformedEnvelope(_NO_DOCTYPE)
        try:
            return etree.fromstring(body, STRICT)
        except etree.XMLSyntaxError as error:
            _refuse_excess(error.error_log)
            line, column = error.position
            notes.add(f"not well-formed at line {line}, column {column}: repaired")
    return _repair(body, content_type, notes)


_UTF8_NAMES = frozenset({b"utf-8", b"us-ascii"})


def is_plain(body: bytes, content_type: str) -> bool:
    """Tell whether ``body`` says it is UTF-8, or nothing to the contrary."""
    if body.startswith(b"<?xml "):
        declared = _DECLARED.match(body)
        if declared is not None:
            return declared[1].lower() in _UTF8_NAMES
    elif not body.startswith(b"<"):
        return False
    return _charset(content_type) in ("", "utf-8", "ascii")


@lru_cache(maxsize=64)
def _charset(content_type: str) -> str:
    """Return the codec a Content-Type names, ``""`` if none that we take."""
    found = _CHARSET.search(content_type[:500])
    return _codec(found[1]) if found else ""


def _codec(name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return ""
    return known if known in _CHARSETS else ""


def _to_text(body: bytes, content_type: str, notes: Notes) -> str:
    """Decode by XML declaration, Content-Type, UTF-8, and Latin-1 as the last resort."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\0" in body[:4]:
        candidates = ["utf-16-le" if body[1:2] == b"\0" else "utf-16-be"]
    else:
        declared = _DECLARED.match(body)
        candidates = [_codec(declared[1].decode("ascii")) if declared else ""]
    candidates += [_charset(content_type), "utf-8"]
    for index, codec in enumerate(filter(None, candidates)):
        try:
            text = body.decode(codec)
        except UnicodeError:
            continue
        if index:
            notes.add(f"characters read as {codec}")
        return text
    notes.add("characters read as Latin-1")
    return body.decode("latin-1")


def _repair(body: bytes, content_type: str, notes: Notes) -> Any:
    text = _to_text(body, content_type, notes)
    text, removed = _FORBIDDEN.subn("", text)
    if removed:
        notes.add(f"{removed} forbidden characters removed")
    text = text.lstrip("\ufeff \t\r\n")
    if _DOCTYPE.match(text):
        raise MalformedEnvelope(_NO_DOCTYPE)
    if declaration := _DECLARATION.match(text):
        text = text[declaration.end() :]
    ends = [found.end() for found in _END.finditer(text)]
    if not ends:
        raise MalformedEnvelope("no end of an Envelope: not SOAP, or cut short")
    if text[ends[-1] :].strip():
        notes.add("text after the Envelope was cut off")
    clean = _mend(text[: ends[-1]], notes).encode("utf-8")
    recovering = _parser(recover=True)
    try:
        root = etree.fromstring(clean, recovering)
    except etree.XMLSyntaxError:
        root = None
    _refuse_excess(recovering.error_log)
    if root is None:
        raise MalformedEnvelope("not XML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedEnvelope(_NO_DOCTYPE)
    if any(entry.type_name != "NS_ERR_UNDEFINED_NAMESPACE" for entry in recovering.error_log):
        notes.add("read in recovery mode, parts may be lost")
    return root


def _refuse_excess(errors: Any) -> None:
    """Refuse what hit a limit of libxml2: what it recovers then is cut short."""
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in errors):
        raise MalformedEnvelope("nested too deeply, or a text too long")


def _mend(text: str, notes: Notes) -> str:
    """Escape stray ampersands and less-than signs, outside CDATA sections."""
    repaired = 0

    def reference(match: re.Match[str]) -> str:
        nonlocal repaired
        decimal, hexadecimal = match.groups()
        if decimal or hexadecimal:
            code = int(decimal) if decimal else int(hexadecimal, 16)
            if code < 0x110000 and not _FORBIDDEN.match(chr(code)):
                return match[0]
            repaired += 1
            return ""
        if len(match[0]) > 1:
            return match[0]
        repaired += 1
        return "&amp;"

    parts: list[str] = []
    end = 0
    while end < len(text):
        start = text.find("<![CDATA[", end)
        close = text.find("]]>", start) if start >= 0 else -1
        stop = start if close >= 0 else len(text)
        part, less = _STRAY_LESS.subn("&lt;", _REFERENCE.sub(reference, text[end:stop]))
        repaired += less
        end = close + 3 if close >= 0 else stop
        parts += (part, text[stop:end])
    if repaired:
        notes.add(f"{repaired} stray characters of markup repaired")
    return "".join(parts)
