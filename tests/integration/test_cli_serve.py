"""The life of ``acs serve``: a start that cannot be, and a stop while ERPNext hangs."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_cpe import RawCpe
from running_acs import RunningAcs, wait_for


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_certificate_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "certificate.pem"
    if content is not None:
        file.write_text(content)
    acs = RunningAcs(
        tmp_path / "data",
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(file),
        CWMP_TLS_KEY=str(file),
    )
    ended = acs.command("serve")
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"acs: cannot serve: cannot use certificate file {file}: ")
    assert ended.stderr.count("\n") == 1
    assert ("No such file" in ended.stderr) is (content is None)


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = RunningAcs(tmp_path / "data", ADMIN_LISTEN=address).command("serve")
    assert ended.returncode == 3
    assert ended.stderr == (
        f"acs: cannot serve: {address}: Address already in use. End the program that has this "
        "address, or set another one (cwmp.listen, cwmp.tls_listen, files.listen, admin.listen)\n"
    )


def test_a_directory_of_blueprints_that_is_not_there(tmp_path: Path) -> None:
    acs = RunningAcs(tmp_path / "data", PROVISIONING_BLUEPRINT_DIR=str(tmp_path / "nowhere"))
    ended = acs.command("serve")
    assert ended.returncode == 3
    assert ended.stderr == (
        f"acs: settings: provisioning.blueprint_dir: {tmp_path}/nowhere is no directory; "
        "make it, or leave the setting out\n"
    )


class MuteSite:
    """Takes connections; once `mute`, it answers none of them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.mute = False
        self.held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            if self.mute:
                self.held.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        self._server.close()
        for connection in self.held:
            connection.close()


@pytest.fixture
def waiting_acs(tmp_path: Path) -> Iterator[RunningAcs]:
    """A server with a call to ERPNext under way that would take ten minutes."""
    site = MuteSite()
    acs = RunningAcs(
        tmp_path / "data",
        ERP_URL=site.url,
        ERP_API_KEY="key",
        ERP_API_SECRET="hunter2",
        ERP_TIMEOUT="600",
        ERP_HOLD_SECONDS="0.1",
    )
    try:
        acs.start()
        site.mute = True
        cpe = RawCpe(acs.port(), "SNSTOP1")
        cpe.session("0 BOOTSTRAP")
        cpe.close()
        wait_for("the call", lambda: site.held)
        yield acs
    finally:
        acs.close()
        site.close()


def test_a_stop_does_not_wait_for_a_site_that_hangs(waiting_acs: RunningAcs) -> None:
    assert waiting_acs.stop() == 0
    assert "event=stopped" in waiting_acs.log


def test_a_signal_that_comes_twice_is_one_stop(waiting_acs: RunningAcs) -> None:
    assert waiting_acs.pid is not None
    os.kill(waiting_acs.pid, signal.SIGINT)
    assert waiting_acs.stop() == 0
    assert "event=stopped" in waiting_acs.log
    assert "Traceback" not in waiting_acs.log + waiting_acs.stderr
