"""The background workers that send webhooks: at most three tries, then they are lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

import requests

from simulators.erpnext.queueing import WebhookQueue
from simulators.erpnext.webhooks import Delivery

TRIES = 3
PAUSES = (1.0, 4.0)
"""Seconds after the first and the second failure; a read time-out is tried again at once."""
LOST = "lost"
_IDLE = 1.0
"""Seconds after which a worker without work looks whether it is to end."""

_log = logging.getLogger(__name__)


def send(delivery: Delivery, pause: Callable[[float], object], scale: float = 1.0) -> str:
    """Send a webhook and return what became of it: the last status, or `LOST`.

    Only 2xx and 3xx end the tries early.  ``scale`` shortens the pauses and the time-out.
    """
    for attempt in range(TRIES):
        try:
            answer = requests.request(
                delivery.method,
                delivery.url,
                data=delivery.body,
                headers=dict(delivery.headers),
                timeout=delivery.timeout * scale,
            )
        except requests.ReadTimeout:
            continue
        except requests.RequestException:
            pass
        else:
            if answer.status_code < 400:
                return f"sent, {answer.status_code}"
        if attempt < len(PAUSES):
            pause(PAUSES[attempt] * scale)
    _log.warning("webhook %s was lost after %d tries", delivery.webhook, TRIES)
    return LOST


class Workers:
    """As many threads as the queue has workers; each sends one webhook at a time.

    ``scale`` as in `send`; ``sent`` hears the fate of each, in the worker's thread.
    """

    def __init__(
        self,
        queue: WebhookQueue,
        *,
        scale: float = 1.0,
        sent: Callable[[Delivery, str], object],
    ) -> None:
        self._queue = queue
        self._scale = scale
        self._sent = sent
        self._stopping = Event()
        self._threads = [
            Thread(target=self._run, name=f"webhooks-{n}", daemon=True)
            for n in range(queue.workers)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the try at hand; what still waits is lost."""
        self._stopping.set()
        with self._queue.changed:
            self._queue.changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            delivery = self._queue.take()
            if delivery is None:
                self._queue.wait(_IDLE)
                continue
            fate = send(delivery, self._stopping.wait, self._scale)
            self._sent(delivery, fate)
