"""Frappe's XSS filter: what it does to text that looks like HTML when a document is saved.

A text with a tag in it is parsed and written again: known tags are closed, unknown ones
escaped, ``&`` becomes an entity.  Passwords suffer too, unless their field has
``ignore_xss_filter``.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

# fmt: off
ALLOWED = frozenset({
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "div", "dl", "dt", "em", "font", "h1",
    "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "s", "small", "span",
    "strike", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "tt", "u", "ul",
})
# fmt: on
ALLOWED_ATTRIBUTES = frozenset({"class", "href", "id", "src", "style", "title", "width", "height"})
VOID = frozenset({"br", "hr", "img"})


def sanitize(text: str) -> str:
    """Return the text as it is stored; unchanged when nothing in it forms a tag."""
    if "<" not in text or ">" not in text:
        return text
    writer = _Writer()
    writer.feed(text)
    writer.close()
    return writer.result() if writer.tags else text


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.tags = 0
        self._parts: list[str] = []
        self._open: list[str] = []

    def result(self) -> str:
        return "".join((*self._parts, *(f"</{tag}>" for tag in reversed(self._open))))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += 1
        if tag not in ALLOWED:
            self._parts.append(escape(self.get_starttag_text() or "", quote=False))
            return
        kept = (
            f' {name}="{escape(value or "")}"'
            for name, value in attrs
            if name in ALLOWED_ATTRIBUTES
        )
        self._parts.append(f"<{tag}{''.join(kept)}>")
        if tag not in VOID:
            self._open.append(tag)

    def set_cdata_mode(self, elem: str, **options: object) -> None:
        """Do not: the content of an escaped <script> is text like any other."""

    def handle_endtag(self, tag: str) -> None:
        self.tags += 1
        if tag not in ALLOWED:
            self._parts.append(f"&lt;/{tag}&gt;")
        elif tag in self._open:
            while (last := self._open.pop()) != tag:
                self._parts.append(f"</{last}>")
            self._parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._parts.append(escape(data, quote=False))

    def handle_entityref(self, name: str) -> None:
        self._parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._parts.append(f"&#{name};")
