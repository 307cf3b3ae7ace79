"""The settings of WebSocket: what stops the start, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from acs.settings import Settings, SettingsError, WebSocketAuth

TLS = '[cwmp]\ntls_certificate = "c"\ntls_key = "k"\n'


def load(text: str, directory: Path) -> Settings:
    path = directory / "acs.toml"
    path.write_text(text)
    return Settings.load(path, {"XDG_DATA_HOME": str(directory)})


def test_it_is_off_by_default(tmp_path: Path) -> None:
    websocket = load("", tmp_path).websocket
    assert (websocket.listen, websocket.tls_listen) == ("", "")
    assert websocket.auth is WebSocketAuth.CERTIFICATE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('listen = "[::]:7588"\n', "websocket.listen: no certificate can be shown without TLS"),
        ('tls_listen = "[::]:7589"\n', "websocket.tls_listen: needs cwmp.tls_certificate"),
        (f'tls_listen = "[::]:7589"\n{TLS}', 'websocket.auth: "certificate" needs websocket.tls'),
        ('listen = "[::]:7588"\nauth = "basic"\n', 'websocket.auth: "basic" sends the password'),
        ('listen = "[::]:70000"\nauth = "none"\n', "websocket.listen: a port is at most 65535"),
        ('path = "usp"\n', "'usp' is not a path like \"/usp\""),
        ('auth = "digest"\n', '\'digest\' is not one of "certificate", "basic", "none"'),
    ],
)
def test_what_cannot_work_is_named(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(f"[websocket]\n{text}", tmp_path)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'tls_listen = "[::]:7589"\ntls_client_ca = "a"\n{TLS}',
        f'tls_listen = "[::]:7589"\n{TLS}tls_client_ca = "a"\n',
        f'tls_listen = "[::]:7589"\nauth = "basic"\n{TLS}',
        'listen = "[::]:7588"\nauth = "none"\n',
        'listen = "[::]:7588"\nauth = "basic"\n[auth]\nallow_basic_on_http = true\n',
    ],
)
def test_what_works(text: str, tmp_path: Path) -> None:
    websocket = load(f"[websocket]\n{text}", tmp_path).websocket
    assert websocket.listen or websocket.tls_listen
