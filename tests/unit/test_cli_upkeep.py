"""`acs db`, `acs settings` and `acs blueprint`."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from cli_on_disk import KEY, PASSPHRASE, SEEN, SERIAL, House

from acs.devices.effects import AddTimeline
from acs.devices.record import TimelineEntry
from acs.settings import describe


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


# --- db -------------------------------------------------------------------------------------


def test_the_status_of_a_database_that_is_not_there_makes_none(house: House) -> None:
    ended = house.run("db", "status")
    assert ended.exit_code == 3
    assert "does not exist yet" in ended.stderr
    assert not (house.directory / "acs.db").exists()


def test_the_status_of_an_empty_database_upgrades_nothing(house: House) -> None:
    sqlite3.connect(house.directory / "acs.db").close()
    (house.directory / "acs.db").touch()
    status = house.json("db", "status", code=1)
    assert status["schema"] is None
    assert status["pending"][0] == "0001"
    assert house.json("db", "status", code=1)["pending"] == status["pending"]
    assert "Applied: 0001" in house.run("db", "upgrade").stdout
    assert house.json("db", "status")["pending"] == []
    assert house.run("db", "upgrade").stdout == "The schema is up to date.\n"


def test_the_status_counts_rows_and_shows_the_journal(house: House) -> None:
    house.matched_device()
    status = house.json("db", "status")
    assert (status["kind"], status["journal"]) == ("sqlite", "wal")
    assert (status["rows"]["devices"], status["rows"]["proofs"]) == (1, 1)
    assert status["octets"] > 0


def test_a_copy_is_whole_private_and_readable(house: House, tmp_path: Path) -> None:
    house.matched_device()
    copy = tmp_path / "copy" / "acs.db"
    copy.parent.mkdir()
    assert house.run("db", "backup", str(copy)).exit_code == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert list(copy.parent.iterdir()) == [copy]
    assert sqlite3.connect(copy).execute("SELECT key FROM devices").fetchall() == [(KEY,)]
    assert PASSPHRASE.encode() not in copy.read_bytes()
    shown = house.json("device", "show", SERIAL, ACS_DATABASE_URL=f"sqlite:///{copy}")
    assert shown["device"]["key"] == KEY


def test_a_copy_is_made_from_a_path_with_signs_of_a_url(house: House, tmp_path: Path) -> None:
    house.call()
    elsewhere = tmp_path / "50%25 #1?a=b"
    house.directory.rename(elsewhere)
    copy = tmp_path / "copy.db"
    ended = House(elsewhere).run("db", "backup", str(copy))
    assert ended.exit_code == 0, ended.output
    assert sqlite3.connect(copy).execute("SELECT count(*) FROM devices").fetchall() == [(1,)]


def test_a_copy_brought_back_without_its_keys_says_which_file_is_missing(house: House) -> None:
    house.call()
    (house.directory / "secrets.toml").unlink()
    ended = house.run("db", "rotate-keys")
    assert ended.exit_code == 3
    assert "put the secrets.toml back that belongs to this database" in ended.stderr


def test_a_copy_replaces_nothing_unasked(house: House, tmp_path: Path) -> None:
    house.call()
    copy = tmp_path / "copy.db"
    copy.write_text("dear to me")
    ended = house.run("db", "backup", str(copy))
    assert ended.exit_code == 1
    assert copy.read_text() == "dear to me"
    assert house.run("db", "backup", str(copy), "--force").exit_code == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")


def test_a_copy_into_a_directory_that_is_not_there(house: House, tmp_path: Path) -> None:
    house.call()
    ended = house.run("db", "backup", str(tmp_path / "nowhere" / "copy.db"))
    assert ended.exit_code == 3
    assert f"{tmp_path}/nowhere is no directory; make it first" in ended.stderr


def test_copying_postgresql_is_left_to_its_own_program(house: House, tmp_path: Path) -> None:
    url = "postgresql://acs:hunter2@db.example/acs"
    ended = house.run("db", "backup", str(tmp_path / "x"), ACS_DATABASE_URL=url)
    assert ended.exit_code == 3
    assert "pg_dump" in ended.stderr
    assert "hunter2" not in ended.output


def test_pruning_deletes_old_history_in_pieces(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acs.cli.db._PRUNED_AT_ONCE", 2)
    device_id = house.call()
    old = [TimelineEntry(device_id, SEEN - 86_400 * 5000, "old", str(n)) for n in range(5)]
    house.apply(*map(AddTimeline, old))
    assert house.json("db", "prune", "--keep-days", "4000")["timeline"] == 5
    assert house.json("db", "prune", "--keep-days", "4000")["timeline"] == 0


def test_rotating_keys_leaves_nothing_under_the_old_one(house: House) -> None:
    house.matched_device()
    keys = "second:QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
    both = {"ACS_SECRETS_KEYS": keys, "ACS_SECRETS_CURRENT": "second"}
    ended = house.run("db", "rotate-keys", **both)
    assert "3 values were encrypted anew with the key 'second'" in ended.stdout
    assert "Nothing in this database needs first any more" in ended.stdout
    (house.directory / "secrets.toml").unlink()
    assert house.json("plan", SERIAL, code=1, **both)["result"] == "changes"


# --- settings -------------------------------------------------------------------------------


def test_every_setting_is_shown_with_where_it_came_from(house: House, tmp_path: Path) -> None:
    file = tmp_path / "acs.toml"
    file.write_text('[erp]\nurl = "https://erp.example"\napi_key = "k"\napi_secret = "hunter2"\n')
    shown = house.json("--config", str(file), "settings", "show")["settings"]
    by_key = {each["key"]: each for each in shown}
    assert list(by_key) == [each.key for each in describe()]
    assert by_key["erp.url"]["source"] == f"file {file}:2"
    assert by_key["erp.api_secret"]["value"] == "***"
    assert by_key["auth.bootstrap_password"] == {
        "key": "auth.bootstrap_password",
        "value": "***",
        "source": "variable ACS_AUTH_BOOTSTRAP_PASSWORD",
        "secret": True,
    }
    assert by_key["secrets.keys"]["value"] == {"first": "***"}
    assert by_key["cwmp.listen"]["source"] == "default"
    text = house.run("--config", str(file), "settings", "show").output
    assert "hunter2" not in text
    assert "boot-Secret-77" not in text


def test_the_database_is_shown_without_its_password(house: House) -> None:
    url = "postgresql://acs:hunter2@db.example/acs"
    shown = house.json("settings", "show", ACS_DATABASE_URL=url)["settings"]
    values = {each["key"]: each["value"] for each in shown}
    assert values["database.url"] == "postgresql://acs:***@db.example/acs"


@pytest.mark.parametrize("name", ["auth.bootstrap_password", "bootstrap"])
def test_one_secret_can_be_revealed(house: House, name: str) -> None:
    assert house.run("settings", "show", "--reveal", name).stdout == "boot-Secret-77\n"


def test_a_password_in_the_query_of_the_database_url_is_masked(house: House) -> None:
    shown = house.run(
        "settings", "show", ACS_DATABASE_URL="postgresql://acs@db.example/acs?password=hunter2"
    )
    assert shown.exit_code == 0
    assert "password=***" in shown.stdout
    assert "hunter2" not in shown.stdout


def test_revealing_needs_one_secret(house: House) -> None:
    for name, named in (("cwmp.listen", "auth.bootstrap_password"), ("e", "erp.api_secret")):
        ended = house.run("settings", "show", "--reveal", name)
        assert ended.exit_code == 2
        assert named in ended.stderr


def test_showing_settings_makes_no_first_start(tmp_path: Path, house: House) -> None:
    nowhere = {"ACS_SERVER_DATA_DIR": str(tmp_path / "new"), "ACS_AUTH_BOOTSTRAP_PASSWORD": None}
    shown = house.json("settings", "show", **nowhere)["settings"]
    values = {each["key"]: each["value"] for each in shown}
    assert values["auth.bootstrap_password"] is None
    assert house.run("settings", "show", "--reveal", "bootstrap", **nowhere).exit_code == 1
    assert not (tmp_path / "new").exists()


def test_checking_settings_names_each_problem_and_its_line(house: House, tmp_path: Path) -> None:
    file = tmp_path / "acs.toml"
    file.write_text('[cwmp]\nlisten = "nonsense"\n\n[erp]\ntimeout = -1\n')
    ended = house.run("--config", str(file), "settings", "check")
    assert ended.exit_code == 3
    assert f"{file}:2: cwmp.listen" in ended.stderr
    assert f"{file}:5: erp.timeout" in ended.stderr


def test_checking_settings_reads_the_mapping_they_name(house: House, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("[equipmint]\n")
    ended = house.run("settings", "check", ACS_ERP_MAPPING=str(mapping))
    assert ended.exit_code == 3
    assert "acs: mapping:" in ended.stderr
    assert house.run("settings", "check").exit_code == 0


# --- blueprint ------------------------------------------------------------------------------

BAD = '[blueprint]\nname = "mine"\nextends = "tr182"\n'


def test_blueprints_are_listed(house: House) -> None:
    listed = house.json("blueprint", "list")
    assert {"tplink-a", "tr181", "tr098"} <= {each["name"] for each in listed["blueprints"]}
    assert listed["issues"] == []
    assert "TP-Link*" in house.run("blueprint", "list").stdout


def test_a_file_with_a_mistake_is_left_out_and_named(house: House, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BAD)
    own = {"ACS_PROVISIONING_BLUEPRINT_DIR": str(tmp_path)}
    issue = house.json("blueprint", "list", code=1, **own)["issues"][0]
    assert (issue["file"], issue["line"]) == ("mine.toml", 3)
    ended = house.run("blueprint", "check", str(tmp_path / "mine.toml"))
    assert ended.exit_code == 1
    assert f"{tmp_path}/mine.toml:3:" in ended.stdout
    assert "tr181" in ended.stdout


def test_a_good_file_is_good(house: House, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BAD.replace("tr182", "tr181"))
    ended = house.run("blueprint", "check", str(tmp_path / "mine.toml"))
    assert (ended.exit_code, ended.stdout) == (0, f"{tmp_path}/mine.toml: good\n")


def test_a_blueprint_shows_where_it_writes(house: House) -> None:
    shown = house.json("blueprint", "show", "tplink-a")
    settings = {each["setting"]: each for each in shown["settings"]}
    assert settings["wifi.set.ssid"]["places"] == ["Device.WiFi.SSID.{i}.SSID"]
    assert settings["wifi.set.passphrase"]["secret"] is True
    assert house.run("blueprint", "show", "tplink-z").exit_code == 2


def test_a_match_names_the_facts_and_all_that_fit(house: House) -> None:
    house.call()
    found = house.json("blueprint", "match", SERIAL)
    assert found["blueprint"] == "tplink-a"
    assert [each["name"] for each in found["fitting"]] == ["tplink-a", "tr181"]
    assert found["facts"]["model"] == "XX230v"
    assert "TP-Link*" in house.run("blueprint", "match", SERIAL).stdout
