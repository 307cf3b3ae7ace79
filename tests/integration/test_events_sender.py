"""What sending one event bounds and refuses, on real sockets."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from certificates import Certificates
from event_receiver import event_receiver
from running_acs import WAIT_LIMIT

Talk = Callable[[socket.socket], object]


@contextmanager
def server(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Listen on a free port, and talk to whoever comes."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
                with connection if tls is None else tls.wrap_socket(connection, True) as peer:
                    peer.settimeout(WAIT_LIMIT)
                    if peer.recv(65536):
                        talk(peer)
            except ssl.SSLError:
                continue
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(WAIT_LIMIT)


def send(
    *cases: tuple[str, bool], timeout: float = 10, options: tuple[str, ...] = (), **more: str
) -> list[dict[str, Any]]:
    script = Path(__file__).parents[1] / "support" / "send_events.py"
    done = subprocess.run(
        [sys.executable, str(script), str(timeout), json.dumps(cases), *options],
        capture_output=True,
        text=True,
        timeout=WAIT_LIMIT * 2,
        env={**os.environ, **more},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def endless(peer: socket.socket) -> None:
    """Answer with a body that has no end; ends with its reader."""
    peer.sendall(b"HTTP/1.1 500 Oh\r\n\r\n")
    try:
        while True:
            peer.sendall(b"<b>x\x1b</b>\r\n" * 1000)
    except OSError:
        return


def endless_head(peer: socket.socket) -> None:
    """Answer with a head that has no end."""
    try:
        peer.sendall(b"HTTP/1.1 200 Oh\r\n")
        while True:
            peer.sendall(b"a: b\r\n" * 1000)
    except OSError:
        return


def silent(peer: socket.socket) -> None:
    """Answer nothing until the other side has gone."""
    peer.recv(65536)


def test_an_answer_is_bounded_in_time_and_size_and_says_why_there_is_none() -> None:
    with (
        server(endless) as endless_port,
        server(endless_head) as head_port,
        server(silent) as silent_port,
    ):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            closed_port = unused.getsockname()[1]
        endless_said, head_said, closed = send(
            (f"http://127.0.0.1:{endless_port}/", False),
            (f"http://127.0.0.1:{head_port}/", False),
            (f"http://127.0.0.1:{closed_port}/", False),
            timeout=30,
        )
        (silent_said,) = send((f"http://127.0.0.1:{silent_port}/", False), timeout=1)
    assert endless_said["status"] == 500
    assert endless_said["text"].startswith("<b>x</b> <b>x</b>") and len(endless_said["text"]) == 200
    assert (head_said["status"], head_said["error"]) == (0, "it answered with more than 64 KiB")
    assert silent_said == {
        "status": 0,
        "error": "no answer within 1 s",
        "retry_after": 0,
        "text": "",
    }
    assert "refused" in closed["error"]


def test_tls_is_verified_and_plain_http_stays_inside(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)

    def fine(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 204 Fine\r\nRetry-After: 7\r\n\r\n")

    with server(fine, context) as port, event_receiver() as receiver:
        (unknown,) = send((f"https://localhost:{port}/", True))
        trusted, misnamed, outside, allowed = send(
            (f"https://localhost:{port}/", False),
            (f"https://127.0.0.1:{port}/", False),
            (receiver.url, False),
            (receiver.url, True),
            options=("--all-outside",),
            SSL_CERT_FILE=str(certificates.authority),
        )
        came = receiver.wrong
    assert (unknown["status"], unknown["error"]) == (0, "TLS: certificate verify failed")
    assert (trusted["status"], trusted["retry_after"]) == (204, 7)
    assert misnamed["error"] == "TLS: the certificate is not that of this host"
    assert "127.0.0.1, which is not in a private network" in outside["error"]
    assert allowed["status"] == 401
    assert came == ["x"], "nothing is written before the address is looked at"
