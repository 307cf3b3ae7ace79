"""The transport of an accepted connection: an answer goes out in the turn it is made."""

from __future__ import annotations

from twisted.internet.tcp import Server


class PromptTransport(Server):
    """Sends at once what the kernel takes at once.

    Twisted waits for the poller to say that the socket can be written: two more calls of the
    kernel and one more event, for an answer that fits the socket's buffer anyway.
    """

    def write(self, data: bytes) -> None:
        """Send ``data``, or queue what cannot be sent now."""
        if self.connected and not (self.dataBuffer or self._tempDataBuffer or self.disconnecting):
            sent = self.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int) and sent > 0:
                data = data[sent:]
        super().write(data)  # type: ignore[no-untyped-call]
