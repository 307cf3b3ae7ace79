from __future__ import annotations

import base64
import re
import stat
from pathlib import Path

import pytest

from acs.model import Secret
from acs.settings import AuthMode, Drift, Settings, SettingsError, complete, describe, split_address
from acs.settings.load import NO_SETTINGS
from acs.settings.reference import document

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
KEY_A = base64.b64encode(b"a" * 32).decode()
KEY_B = base64.b64encode(b"b" * 32).decode()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(tmp_path / "share")}


def load(text: str, environ: dict[str, str]) -> Settings:
    Path("acs.toml").write_text(text)
    return Settings.load(None, environ)


def problems(text: str, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def random_bytes(count: int) -> bytes:
    return bytes(range(count))


def test_the_defaults_run(environ: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.load(None, environ)
    assert settings.cwmp.listen == "0.0.0.0:7547"
    assert settings.auth.mode is AuthMode.DIGEST
    assert settings.data_dir == tmp_path / "share" / "gigafibre-acs"
    assert settings.database_url.reveal() == f"sqlite:///{settings.data_dir}/acs.db"
    assert settings.log_file == settings.data_dir / "logs" / "acs.log"
    assert settings.source("cwmp.listen") == "default"


def test_a_relative_xdg_directory_is_ignored() -> None:
    settings = Settings.load(None, {"XDG_DATA_HOME": "relative"})
    assert settings.data_dir == Path("~/.local/share/gigafibre-acs").expanduser()


def test_a_variable_wins_over_the_file_and_both_say_so(environ: dict[str, str]) -> None:
    environ |= {"ACS_CWMP_LISTEN": "127.0.0.1:0", "ACS_CWMP_MAX_RPCS": "7"}
    settings = load('[cwmp]\nlisten = "0.0.0.0:1"\nsession_timeout = 5\n', environ)
    assert settings.cwmp.listen == "127.0.0.1:0"
    assert settings.cwmp.max_rpcs == 7
    assert settings.cwmp.session_timeout == 5.0
    assert settings.source("cwmp.listen") == "variable ACS_CWMP_LISTEN"
    assert settings.source("cwmp.session_timeout") == "file acs.toml:3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("True", True), ("1", True), ("false", False), ("0", False)],
)
def test_truth_in_a_variable(text: str, expected: bool, environ: dict[str, str]) -> None:
    environ["ACS_CWMP_HOLD_REQUESTS"] = text
    assert Settings.load(None, environ).cwmp.hold_requests is expected


def test_the_named_file_wins_over_the_variable_and_that_over_the_directory(
    environ: dict[str, str],
) -> None:
    for name in ("named.toml", "variable.toml", "acs.toml"):
        Path(name).write_text(f'[auth]\nrealm = "{name}"\n')
    assert Settings.load(None, environ).auth.realm == "acs.toml"
    environ["ACS_CONFIG"] = "variable.toml"
    assert Settings.load(None, environ).auth.realm == "variable.toml"
    assert Settings.load(Path("named.toml"), environ).auth.realm == "named.toml"


def test_a_named_file_that_is_not_there(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: there is no such file"):
        Settings.load(Path("gone.toml"), environ)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[cwmp]\n\nlistn = ":1"\n',
            "acs.toml:3: there is no setting cwmp.listn; did you mean listen?",
        ),
        ("[cwpm]\n", "acs.toml:1: there is no section [cwpm]; did you mean cwmp?"),
        ("cwmp = 3\n", "acs.toml:1: cwmp: stands outside a section; put it under one"),
        (
            '[cwmp]\nsession_timeout = "soon"\n',
            "acs.toml:2: cwmp.session_timeout: 'soon' is not a number above 0",
        ),
        (
            "[cwmp]\nsession_timeout = nan\n",
            "acs.toml:2: cwmp.session_timeout: nan is not a number above 0",
        ),
        ("[cwmp]\nmax_rpcs = true\n", "acs.toml:2: cwmp.max_rpcs: True is not a whole number"),
        (
            "[erp]\nconnections = 65\n",
            "acs.toml:2: erp.connections: 65 is not a whole number from 1 to 64",
        ),
        (
            '[provisioning]\ndrift = "heel"\n',
            'acs.toml:2: provisioning.drift: \'heel\' is not one of "heal", "report"',
        ),
        (
            '[cwmp]\nlisten = "7547"\n',
            "acs.toml:2: cwmp.listen: '7547' is not an address and a port, like",
        ),
        ('[cwmp]\nlisten = "[::]:70000"\n', "cwmp.listen: a port is at most 65535"),
        (
            '[erp]\nurl = "https://user:word@erp"\n',
            "acs.toml:2: erp.url: 'https://***@erp' is not an address like",
        ),
        ("[cwmp\n", "acs.toml: cannot be read as TOML: "),
        ('[cwmp]\ntls_listen = "[::]:7548"\n', "cwmp.tls_listen: needs cwmp.tls_certificate"),
        (
            '[mqtt]\nbroker = "mqtt://user:word@host:1883"\n',
            'acs.toml:2: mqtt.broker: \'mqtt://***@host:1883\' is not "embedded", "off", ',
        ),
        ('[mqtt]\nbroker = "mqtts://host:70000"\n', "mqtt.broker: a port is at most 65535"),
        ('[mqtt]\nbroker = "mqtts://host"\n', "acs.toml:2: mqtt.broker: 'mqtts://host' is not"),
        ('[mqtt]\ntopic = "usp/#"\n', "acs.toml:2: mqtt.topic: 'usp/#' is not a topic like"),
        ('[mqtt]\ntls_listen = "[::]:8883"\n', "mqtt.tls_listen: needs cwmp.tls_certificate"),
        ('[mqtt]\nusername = "acs"\n', "mqtt.password: the embedded broker has its own; leave"),
        (
            '[mqtt]\nbroker = "mqtt://host:1883"\ntls_ca = "/ca.pem"\n',
            'mqtt.broker: has no TLS; use "mqtts://", or leave out mqtt.tls_ca',
        ),
        (
            '[mqtt]\nbroker = "mqtts://host:8883"\ntls_key = "/key.pem"\n',
            "mqtt.tls_certificate, mqtt.tls_key: one needs the other",
        ),
        ('[cwmp]\nlisten = ""\n', "cwmp.listen: both it and cwmp.tls_listen are off"),
        (
            "[cwmp]\ntls_require_client_certificate = true\n",
            "cwmp.tls_require_client_certificate: needs cwmp.tls_client_ca",
        ),
        ('[auth]\nmode = "basic"\n', 'auth.mode: "basic" sends passwords in clear'),
        ('[erp]\nurl = "http://erp"\n', "erp.url: needs erp.api_key and erp.api_secret"),
        ('[erp]\napi_key = "a b"\n', "erp.api_key, erp.api_secret: have a blank inside"),
        ('[secrets]\ncurrent = "x"\n', "secrets.current: there is no key 'x'"),
        ('[secrets.keys]\nx = "c2hvcnQ="\n', "the key 'x' is not 32 bytes in Base64; make one"),
        (
            f'[secrets.keys]\nx = "{KEY_A}"\ny = "{KEY_B}"\n',
            "secrets.current: say which of secrets.keys",
        ),
        (
            "[provisioning]\nbackoff_max_seconds = 1\n",
            "provisioning.backoff_max_seconds: is less than",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    text: str, expected: str, environ: dict[str, str]
) -> None:
    (problem,) = problems(text, environ)
    assert expected in problem


def test_everything_wrong_is_told_at_once(environ: dict[str, str]) -> None:
    environ["ACS_HTTP_BODY_BYTES"] = "many"
    found = problems('[cwmp]\nlisten = 1\nnothing = 2\n[log]\nlevel = "loud"\n', environ)
    assert len(found) == 4
    assert "ACS_HTTP_BODY_BYTES: http.body_bytes: 'many' is not a whole number" in found[-1]


def test_a_misspelt_variable_is_an_error(environ: dict[str, str]) -> None:
    environ["ACS_CWMP_LISTN"] = "x"
    with pytest.raises(SettingsError, match="did you mean ACS_CWMP_LISTEN"):
        Settings.load(None, environ)


def test_service_variables_of_container_platforms_are_not_ours(environ: dict[str, str]) -> None:
    environ |= {
        "ACS_SERVICE_HOST": "10.0.0.1",
        "ACS_CWMP_SERVICE_PORT_HTTP": "7547",
        "ACS_PORT": "tcp://10.0.0.1:7547",
        "ACS_PORT_7547_TCP_ADDR": "10.0.0.1",
    }
    assert Settings.load(None, environ) == Settings.load(None, {**environ, "ACS_PORT": ""})


def test_basic_is_allowed_where_tls_is_the_only_door(environ: dict[str, str]) -> None:
    text = (
        '[cwmp]\nlisten = ""\ntls_listen = "[::]:7548"\ntls_certificate = "c"\ntls_key = "k"\n'
        '[auth]\nmode = "basic"\n'
    )
    assert load(text, environ).auth.mode is AuthMode.BASIC
    loose = load('[auth]\nmode = "basic"\nallow_basic_on_http = true\n', environ)
    assert loose.auth.allow_basic_on_http


def test_secrets_never_show(environ: dict[str, str]) -> None:
    text = (
        '[auth]\nbootstrap_password = "hunter2"\n[erp]\napi_secret = "hunter2"\n'
        '[database]\nurl = "postgresql://u:hunter2@h/d"\n'
        f'[secrets.keys]\nx = "{KEY_A}"\n'
    )
    settings = load(text, environ)
    assert settings.auth.bootstrap_password.reveal() == "hunter2"
    assert settings.database_url.reveal() == "postgresql://u:hunter2@h/d"
    assert "hunter2" not in repr(settings)
    assert KEY_A not in repr(settings)


def test_a_secret_of_the_wrong_kind_does_not_show_either(environ: dict[str, str]) -> None:
    (problem,) = problems("[auth]\nbootstrap_password = 271828\n", environ)
    assert problem == "acs.toml:2: auth.bootstrap_password: this value is not a text in quotes"


def test_a_home_directory_is_expanded(environ: dict[str, str]) -> None:
    settings = load('[server]\ndata_dir = "~/acs"\n[log]\nfile = "~/l"\n', environ)
    assert settings.data_dir == Path.home() / "acs"
    assert settings.log_file == Path.home() / "l"
    assert load('[log]\nfile = "-"\n', environ).log_file is None


def test_keys_of_a_variable(environ: dict[str, str]) -> None:
    environ |= {"ACS_SECRETS_KEYS": f"a:{KEY_A}, b:{KEY_B}", "ACS_SECRETS_CURRENT": "b"}
    secrets = Settings.load(None, environ).secrets
    assert secrets.keys == {"a": Secret(KEY_A), "b": Secret(KEY_B)}
    assert secrets.current == "b"


def test_the_first_start_makes_what_is_missing_and_keeps_it(environ: dict[str, str]) -> None:
    first = complete(Settings.load(None, environ), random_bytes)
    path = first.data_dir / "secrets.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.auth.bootstrap_password.reveal()) == 24
    (key,) = first.secrets.keys.values()
    assert base64.b64decode(key.reveal()) == bytes(range(32))
    assert list(first.data_dir.iterdir()) == [path]

    kept = path.read_text()
    second = complete(Settings.load(None, environ), lambda count: b"z" * count)
    assert second == first
    assert second.source("auth.bootstrap_password") == "generated"
    assert path.read_text() == kept


def test_nothing_is_written_when_nothing_is_missing(environ: dict[str, str]) -> None:
    text = f'[auth]\nbootstrap_password = "p"\n[secrets.keys]\nmine = "{KEY_A}"\n'
    settings = complete(load(text, environ), random_bytes)
    assert settings.secrets.current == "mine"
    assert not settings.data_dir.exists()


def test_a_new_key_in_the_file_leaves_the_generated_one_readable(environ: dict[str, str]) -> None:
    generated = complete(Settings.load(None, environ), random_bytes)
    text = f'[secrets]\ncurrent = "next"\n[secrets.keys]\nnext = "{KEY_A}"\n'
    rotated = complete(load(text, environ), random_bytes)
    assert rotated.secrets.keys == {**generated.secrets.keys, "next": Secret(KEY_A)}
    assert rotated.secrets.current == "next"


def test_a_generated_file_is_never_overwritten(environ: dict[str, str]) -> None:
    settings = Settings.load(None, environ)
    settings.data_dir.mkdir(parents=True)
    path = settings.data_dir / "secrets.toml"
    path.write_text('[auth]\nbootstrap_password = "kept"\n')
    with pytest.raises(SettingsError, match="lacks a key"):
        complete(Settings.load(None, environ), random_bytes)
    assert path.read_text() == '[auth]\nbootstrap_password = "kept"\n'
    assert list(settings.data_dir.iterdir()) == [path]


def test_a_data_directory_that_cannot_be_made(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ["ACS_SERVER_DATA_DIR"] = str(tmp_path / "file" / "below")
    with pytest.raises(SettingsError, match=r"cannot be written .*set server\.data_dir"):
        complete(Settings.load(None, environ), random_bytes)


def test_addresses_are_split() -> None:
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:7547") == ("::1", 7547)


def test_every_setting_is_described_and_has_a_variable(environ: dict[str, str]) -> None:
    table = {each.key: each for each in describe()}
    assert table["provisioning.drift"].variable == "ACS_PROVISIONING_DRIFT"
    assert table["provisioning.drift"].default == f'`"{Drift.HEAL}"`'
    assert len({each.variable for each in table.values()}) == len(table)
    assert [each.key for each in table.values() if not (each.meaning and each.want)] == []


def test_the_document_is_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == document(), "run `make docs`"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", *DOCUMENTS])
def test_documents_name_only_settings_that_exist(name: str) -> None:
    known = {each.key for each in describe()} | {each.variable for each in describe()}
    sections = "|".join(sorted({each.key.partition(".")[0] for each in describe()}))
    text = (ROOT / name).read_text("utf-8")
    named = re.findall(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]*)?`", text)
    if name == "docs/performance.md":
        named = []  # `cwmp.boot` and the like are figures there.
    variables = set(re.findall(r"\bACS_[A-Z_]+[A-Z]\b", text))
    named += sorted(variables - set(NO_SETTINGS))
    files = {each for each in named if each.endswith((".toml", ".db", ".log"))}
    assert set(named) - known - files == set()
