"""The body of a request, in memory and bounded, and only where somebody waits for it.

`twisted.web` would write it to a temporary file before anybody asked who sends it.
"""

from __future__ import annotations

LINGER = 1 << 20
"""Octets past the bound that are read and thrown away, so that a client hears why it is refused."""


class Body:
    """Stands in for the file in which `twisted.web` keeps the content of a request."""

    def __init__(self, most: int) -> None:
        """Keep up to ``most`` octets; 0: none."""
        self._most = most
        self._kept = bytearray()
        self.size = 0
        """Octets that came, kept or not."""

    @property
    def is_too_large(self) -> bool:
        """True when more came than is kept."""
        return self.size > self._most

    def write(self, data: bytes) -> None:
        """Take a piece; once the bound is passed nothing is kept at all."""
        self.size += len(data)
        if self.is_too_large:
            self._kept.clear()
        else:
            self._kept += data

    def content(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    # --- what twisted.web asks of a file

    def tell(self) -> int:
        """Octets that came."""
        return self.size

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """Do nothing: nobody reads it piece by piece."""
        return 0

    def read(self, _size: int = -1) -> bytes:
        """Nothing: see `content`."""
        return b""

    def close(self) -> None:
        """Forget what was kept."""
        self._kept.clear()
