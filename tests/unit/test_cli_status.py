"""`acs status` where no server answers, or none can be asked."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from acs.cli.main import acs
from acs.cli.status import _address, _figures, _shown


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:7580", "http://127.0.0.1:7580"),
        ("0.0.0.0:7580", "http://127.0.0.1:7580"),
        ("[::]:7580", "http://[::1]:7580"),
        ("acs.example.net:80", "http://acs.example.net:80"),
    ],
)
def test_the_server_is_asked_where_it_listens(listen: str, url: str) -> None:
    assert _address(listen) == url


@pytest.mark.parametrize(("listen", "word"), [("", "off"), ("127.0.0.1:0", "port 0")])
def test_an_address_that_cannot_be_asked_is_said(
    listen: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"ACS_ADMIN_LISTEN": listen, "ACS_SERVER_DATA_DIR": str(tmp_path)}
    ended = CliRunner().invoke(acs, ["status"], env=environment)
    assert ended.exit_code == 3
    assert word in ended.output
    assert "admin.listen" in ended.output


def test_where_no_server_runs_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = {
        "ACS_ADMIN_LISTEN": f"127.0.0.1:{port}",
        "ACS_SERVER_DATA_DIR": str(tmp_path),
    }
    ended = CliRunner().invoke(acs, ["status"], env=environment)
    assert ended.exit_code == 3
    assert "no server listens" in ended.output
    assert "acs serve" in ended.output


@pytest.mark.parametrize("said", [b"<html>", b"[1]", b'{"status": "ok"}'])
def test_another_program_at_that_address_is_told_from_the_server(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    monkeypatch.chdir(tmp_path)
    with HTTPServer(("127.0.0.1", 0), Other) as other:
        Thread(target=other.handle_request, daemon=True).start()
        environment = {
            "ACS_ADMIN_LISTEN": f"127.0.0.1:{other.server_port}",
            "ACS_SERVER_DATA_DIR": str(tmp_path),
        }
        ended = CliRunner().invoke(acs, ["status"], env=environment)
    assert ended.exit_code == 3
    assert "no server of ours" in ended.output
    assert "admin.listen" in ended.output


def test_figures_are_read_from_the_metrics() -> None:
    text = """# HELP acs_sessions_open Sessions open now.
acs_sessions_open 7.0
acs_admission_rate +Inf
acs_http_rejections_total{reason="busy"} 12.0
"""
    told = _figures(text)
    assert (told["sessions_open"], told["sent_away"]) == (7.0, 12.0)


def test_what_no_worker_has_told_yet_is_not_called_zero() -> None:
    told = _figures("process_resident_memory_bytes 104000000.0\n")
    assert told["disk_free_bytes"] is None
    shown = dict(_shown(told))
    assert (shown["Disk free"], shown["Memory"]) == ("not known yet", "104 MB")
    assert shown["Sent away so far"] == "0", "a refusal is not counted until there is one"
