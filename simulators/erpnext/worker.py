"""The background worker that sends webhooks: at most three tries, then they are lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread

import requests

from simulators.erpnext.webhooks import Delivery

TRIES = 3
PAUSES = (1.0, 4.0)
"""Seconds after the first and the second failure; a read time-out is tried again at once."""
MAX_QUEUED = 10_000

_log = logging.getLogger(__name__)


def send(delivery: Delivery, pause: Callable[[float], object]) -> bool:
    """Send a webhook; return whether one of the tries was answered with 2xx or 3xx."""
    for attempt in range(TRIES):
        try:
            answer = requests.request(
                delivery.method,
                delivery.url,
                data=delivery.body,
                headers=dict(delivery.headers),
                timeout=delivery.timeout,
            )
        except requests.ReadTimeout:
            continue
        except requests.RequestException:
            answered = False
        else:
            answered = answer.status_code < 400
        if answered:
            return True
        if attempt < len(PAUSES):
            pause(PAUSES[attempt])
    _log.warning("webhook %s was lost after %d tries", delivery.webhook, TRIES)
    return False


class Worker:
    """One thread that sends what it is given, in order."""

    def __init__(self) -> None:
        self._queue: Queue[Delivery | None] = Queue(MAX_QUEUED)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End after the try at hand; what still waits is lost."""
        self._stopping.set()
        with suppress(Full):
            self._queue.put_nowait(None)
        self._thread.join()

    def take(self, deliveries: Iterable[Delivery]) -> None:
        """Queue deliveries; those that find the queue full are lost."""
        for delivery in deliveries:
            try:
                self._queue.put_nowait(delivery)
            except Full:
                _log.warning("webhook %s was lost: the queue is full", delivery.webhook)

    def _run(self) -> None:
        while not self._stopping.is_set():
            delivery = self._queue.get()
            if delivery is not None:
                send(delivery, self._stopping.wait)
