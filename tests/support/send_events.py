"""Sends events in a process of its own, which a reactor needs; prints the answers as JSON.

    python send_events.py TIMEOUT '[["http://…", false], …]' [--all-outside]

Each is a URL, and whether plain HTTP may go anywhere.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from acs.events import sender


async def send_all(sending: sender.Sender, some: list[tuple[str, bool]]) -> None:
    """Send one after the other."""
    for url, allow_http in some:
        answer = await sending.post(url, {"webhook-id": "x"}, b"{}", allow_http=allow_http)
        print(json.dumps(asdict(answer)), flush=True)


if __name__ == "__main__":
    if "--all-outside" in sys.argv:
        sender.is_private = lambda _address: False
    seconds, cases = float(sys.argv[1]), json.loads(sys.argv[2])

    def main(reactor: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(send_all(sender.Sender(reactor, seconds), cases))

    react(main)
