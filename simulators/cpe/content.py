"""What is in the files a unit fetches and sends.

A simulated firmware image begins with one line, ``cpe-sim image {"version": …}``, that
names its version, the model it is for, and the CRC-32 of what follows.  A configuration
file is one line ``path = "value"`` for each setting.  Any other file is taken as it is.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_MAGIC = b"cpe-sim image "
_HEAD = 256 * 1024
"""Octets kept of a file; a configuration must not be longer."""
_FIRST_LINE = 1024
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)+[\w.\- ()]*|\d+(?:\.\d+)+")
_ENDINGS = (".bin", ".img", ".zip", ".fw", ".w", ".gz", ".tar", ".ipk", ".upf")


class Reader:
    """Takes a file piece by piece; keeps its beginning, its length and its checksum."""

    def __init__(self) -> None:
        self.size = 0
        self.head = b""
        self.crc = 0
        """CRC-32 of what follows the first line of an image."""
        self._payload_at: int | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        before = self.size
        self.size += len(data)
        if len(self.head) < _HEAD:
            self.head += data[: _HEAD - len(self.head)]
        if self._payload_at is None:
            end = self.head.find(b"\n", 0, _FIRST_LINE)
            if self.head.startswith(_MAGIC) and end >= 0:
                self._payload_at = end + 1
        if self._payload_at is not None:
            self.crc = zlib.crc32(data[max(0, self._payload_at - before) :], self.crc)


@dataclass(frozen=True, slots=True)
class Image:
    """What the first line of a simulated firmware image says."""

    version: str = ""
    model: str = ""
    crc: int | None = None


def make_image(version: str, model: str, payload: bytes) -> bytes:
    """Return a simulated firmware image."""
    line = {"version": version, "model": model, "crc32": zlib.crc32(payload)}
    return _MAGIC + json.dumps(line).encode() + b"\n" + payload


def read_image(head: bytes) -> Image | None:
    """Read the first line of an image; None for any other file. Raises `ValueError`."""
    if not head.startswith(_MAGIC):
        return None
    line = head[len(_MAGIC) : _FIRST_LINE].partition(b"\n")[0]
    given = json.loads(line)
    if not isinstance(given, dict):
        raise ValueError("the first line of the image is no object")
    crc = given.get("crc32")
    return Image(
        str(given.get("version", "")),
        str(given.get("model", "")),
        int(crc) if crc is not None else None,
    )


def version_in_name(*names: str) -> str:
    """Return the version that a file name or URL holds, or an empty text."""
    for name in names:
        stem = unquote(urlsplit(name).path.rpartition("/")[2])
        for ending in _ENDINGS:
            stem = stem.removesuffix(ending)
        found = _VERSION.search(stem)
        if found:
            return found[0].strip(" -_.")
    return ""


def render_configuration(settings: Iterable[tuple[str, str]]) -> bytes:
    """Write settings (path, text) as a configuration file."""
    lines = [f"{path} = {json.dumps(text, ensure_ascii=False)}\n" for path, text in settings]
    return "".join(lines).encode()


def read_configuration(data: bytes) -> Iterator[tuple[str, str]]:
    """Read the settings of a configuration file. Raises `ValueError`."""
    for number, line in enumerate(data.decode().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, sign, text = line.partition(" = ")
        value = json.loads(text) if sign else None
        if not isinstance(value, str):
            raise ValueError(f"line {number} is no setting")
        yield path.strip(), value
