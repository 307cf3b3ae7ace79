"""`acs reconcile`: gaps are shown, written out as rows, filled in, and never by half."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from cli_on_disk import PASSPHRASE, SERIAL, House, wish
from erp_in_memory import DOCTYPE, Erp

from acs.cli import reconcile_fill

ERP = {
    "ACS_ERP_URL": "http://127.0.0.1:8069",
    "ACS_ERP_API_KEY": "key",
    "ACS_ERP_API_SECRET": "secret",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.environment |= ERP | {"ACS_ERP_WRITES_PER_SECOND": "10000"}
    return house


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Erp:
    rows = [
        {"name": "EQP-1", "status": "active", "serial_number": "S1"},
        {"name": "EQP-2", "status": "active"},
    ]
    erp = Erp(rows)
    monkeypatch.setattr(reconcile_fill, "make_client", lambda _settings: erp.client())
    return erp


def table(path: Path, *rows: str) -> str:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


def test_gaps_are_counted_and_named(house: House) -> None:
    house.call()
    house.mirror(wish("EQP-9", serial="22275A7000009"))
    found = house.json("reconcile", code=1)
    assert found["counts"]["in ACS only"] == found["counts"]["in ERPNext only"] == 1
    lone = next(each for each in found["findings"] if each["gap"] == "in ACS only")
    assert SERIAL in lone["text"]
    assert lone["suggestions"][0]["equipment"] == "EQP-9"
    only = house.json("reconcile", "--gap", "in ERPNext only", code=1)
    assert [each["equipment"] for each in only["findings"]] == [["EQP-9"]]
    shown = house.run("reconcile")
    assert "1 in ACS only" in shown.output and "see whether EQP-9 is meant" in shown.output


def test_agreement_is_said(house: House) -> None:
    ended = house.run("reconcile")
    assert (ended.exit_code, "agree" in ended.output) == (0, True)


def test_gaps_are_written_out_without_secrets(house: House, tmp_path: Path) -> None:
    house.mirror(wish("EQP-1", serial=""), wish("EQP-2", serial="S2"))
    file = tmp_path / "gaps.csv"
    assert house.run("reconcile", "export", str(file)).exit_code == 0
    text = file.read_text("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["equipment"], row["gap"]) for row in rows] == [("EQP-1", "no identifier")]
    assert PASSPHRASE not in text
    assert house.run("reconcile", "export", str(file)).exit_code == 3


def test_what_is_written_out_is_no_formula_and_is_taken_as_it_was(
    house: House, erp: Erp, tmp_path: Path
) -> None:
    evil = "=HYPERLINK(1)"
    house.mirror(wish("EQP-1", serial=evil))
    file = tmp_path / "all.csv"
    assert house.run("reconcile", "export", str(file), "--all").exit_code == 0
    (row,) = csv.DictReader(file.read_text("utf-8-sig").splitlines())
    assert row["serial_number"] == f"'{evil}"
    filled = table(tmp_path / "fill.csv", "equipment,serial_number", "EQP-2,'=OTHER")
    (plan,) = house.json("reconcile", "fill", filled)["rows"]
    assert plan["changes"] == ["serial_number: '' -> '=OTHER'"]


def test_a_file_is_planned_first_and_then_applied(house: House, erp: Erp, tmp_path: Path) -> None:
    file = table(
        tmp_path / "fill.csv",
        "equipment;mac_address;wifi_ssid;wifi_password",
        "EQP-2;1c61.b4fa.11c8;Chez Éloïse;trois petits chats",
    )
    shown = house.run("reconcile", "fill", file)
    assert "mac_address: '' -> '1C:61:B4:FA:11:C8'" in shown.output
    assert "trois petits" not in shown.output and "wifi_password = ***" in shown.output
    assert not erp.client().read(DOCTYPE, "EQP-2").get("mac_address")
    assert house.run("reconcile", "fill", file, "--apply", "--yes").exit_code == 0
    now = erp.client().read(DOCTYPE, "EQP-2")
    assert (now["mac_address"], now["wifi_ssid"]) == ("1C:61:B4:FA:11:C8", "Chez Éloïse")
    assert len(now["wifi_password"]) == len("trois petits chats")
    # The site sends no webhook for what its ACS user writes: the server is told here.
    (told,) = house.json("erp", "inbox")["rows"]
    assert (told["doctype"], told["name"], told["state"]) == (DOCTYPE, "EQP-2", "waiting")
    again = house.json("reconcile", "fill", file)
    assert again["rows"][0]["changes"] == ["wifi_password = ***"]
    done = house.json("reconcile", "fill", file, "--apply", "--yes")
    assert done == {"changed": ["EQP-2"], "failed": {}}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("EQP-7,S7,,,", "no such equipment"),
        (",S7,,,", "is empty"),
        ("EQP-2,s1,,,", "is on EQP-1 already"),
        ("EQP-2,,1c61b4fa11,,", "is none"),
        ("EQP-2,,,court,kurz", "passphrase"),
        (f"EQP-2,,,{'x' * 33},", "ssid"),
    ],
)
def test_a_bad_row_keeps_the_whole_file_from_being_written(
    house: House, erp: Erp, tmp_path: Path, row: str, problem: str
) -> None:
    house.mirror(wish("EQP-1", serial="S1"))
    file = table(
        tmp_path / "fill.csv",
        "equipment,serial_number,mac_address,wifi_ssid,wifi_password",
        row,
        "EQP-1,,,Maison,",
    )
    ended = house.run("reconcile", "fill", file, "--apply", "--yes")
    assert ended.exit_code == 1
    assert problem in ended.output and "nothing was written" in ended.output
    assert not erp.client().read(DOCTYPE, "EQP-1").get("wifi_ssid")
    house.run("reconcile", "fill", file, "--apply", "--yes", "--skip-problems")
    assert erp.client().read(DOCTYPE, "EQP-1")["wifi_ssid"] == "Maison"


def test_what_stands_twice_in_the_file_is_refused(house: House, erp: Erp, tmp_path: Path) -> None:
    rows = ("equipment,sip_username", "EQP-1,4505550101", "EQP-2,4505550101")
    ended = house.run("reconcile", "fill", table(tmp_path / "f.csv", *rows))
    assert ended.exit_code == 1 and "several rows" in ended.output


def test_a_document_that_changed_meanwhile_is_not_overwritten(
    house: House, erp: Erp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(question: str) -> None:
        erp.client().update(DOCTYPE, "EQP-1", {"wifi_ssid": "Le voisin"})

    monkeypatch.setattr(reconcile_fill, "confirm", hasty)
    file = table(tmp_path / "fill.csv", "equipment,wifi_ssid", "EQP-1,Maison")
    ended = house.run("reconcile", "fill", file, "--apply")
    assert ended.exit_code == 1 and "1 failed" in ended.output
    assert erp.client().read(DOCTYPE, "EQP-1")["wifi_ssid"] == "Le voisin"


def test_a_column_that_is_none_is_named(house: House, erp: Erp, tmp_path: Path) -> None:
    file = table(tmp_path / "fill.csv", "equipment,ssid", "EQP-1,Maison")
    ended = house.run("reconcile", "fill", file)
    assert ended.exit_code == 3 and "no such column: ssid" in ended.output


def test_nothing_is_written_in_dry_run(house: House, erp: Erp, tmp_path: Path) -> None:
    file = table(tmp_path / "fill.csv", "equipment,wifi_ssid", "EQP-1,Maison")
    ended = house.run("reconcile", "fill", file, "--apply", "--yes", ACS_SAFETY_MODE="dry-run")
    assert ended.exit_code == 3 and "nothing is written to ERPNext" in ended.output
