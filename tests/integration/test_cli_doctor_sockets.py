"""What `acs doctor` finds at listening addresses and at an ERPNext that is not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from acs.cli.doctor import clock, erpnext, ports, usp
from acs.settings import Settings
from erp_bridge.schema import Finding, Level


@pytest.fixture
def taken() -> Iterator[str]:
    """An address where something listens that is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        yield f"127.0.0.1:{stranger.getsockname()[1]}"


@pytest.fixture
def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def settings(tmp_path: Path, **variables: str) -> Settings:
    quiet = {
        "ACS_CWMP_LISTEN": "127.0.0.1:0",
        "ACS_ADMIN_LISTEN": "",
        "ACS_API_LISTEN": "",
        "ACS_MQTT_BROKER": "off",
    }
    return Settings.load(None, {"ACS_SERVER_DATA_DIR": str(tmp_path), **quiet, **variables})


def looked(tmp_path: Path, **variables: str) -> list[Finding]:
    return list(ports.check(settings(tmp_path, **variables)))


def test_a_free_address_is_well(tmp_path: Path, free: str) -> None:
    found = looked(tmp_path, ACS_CWMP_LISTEN=free)
    assert [finding.level for finding in found] == [Level.OK]
    assert f"{free} is free" in found[0].text


def test_an_address_that_another_program_has_is_an_error(
    tmp_path: Path, taken: str, free: str
) -> None:
    found = looked(tmp_path, ACS_CWMP_LISTEN=taken, ACS_ADMIN_LISTEN=free)
    errors = [finding.text for finding in found if finding.level is Level.ERROR]
    assert errors == [f"cwmp.listen: {taken} is taken by another program"]


def test_without_the_admin_address_nobody_can_tell_whose_it_is(tmp_path: Path, taken: str) -> None:
    found = looked(tmp_path, ACS_CWMP_LISTEN=taken)
    assert [finding.level for finding in found] == [Level.WARNING]
    assert "by whom cannot be told" in found[0].text


def test_an_address_of_another_machine_is_an_error(tmp_path: Path) -> None:
    found = looked(tmp_path, ACS_CWMP_LISTEN="192.0.2.1:7547")
    assert [finding.level for finding in found] == [Level.ERROR]
    assert "EADDRNOTAVAIL" in found[0].text


def test_the_address_of_the_embedded_broker_is_looked_at(
    tmp_path: Path, taken: str, free: str
) -> None:
    found = looked(
        tmp_path, ACS_MQTT_BROKER="embedded", ACS_MQTT_LISTEN=taken, ACS_ADMIN_LISTEN=free
    )
    errors = [finding.text for finding in found if finding.level is Level.ERROR]
    assert errors == [f"mqtt.listen: {taken} is taken by another program"]


def test_the_addresses_of_the_interface_and_of_stun_are_looked_at(
    tmp_path: Path, taken: str, free: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        datagrams = f"127.0.0.1:{stranger.getsockname()[1]}"
        found = looked(
            tmp_path, ACS_API_LISTEN=taken, ACS_STUN_LISTEN=datagrams, ACS_ADMIN_LISTEN=free
        )
    assert [finding.text for finding in found if finding.level is Level.ERROR] == [
        f"api.listen: {taken} is taken by another program",
        f"stun.listen: {datagrams} is taken by another program",
    ]


def test_another_broker_is_reached_or_not(tmp_path: Path, taken: str, free: str) -> None:
    levels = [
        next(usp.check(settings(tmp_path, ACS_MQTT_BROKER=f"mqtt://{address}"))).level
        for address in (taken, free)
    ]
    assert levels == [Level.OK, Level.ERROR]


def test_an_erpnext_that_is_not_there_is_an_error_and_tells_no_time(
    tmp_path: Path, free: str
) -> None:
    site = settings(
        tmp_path,
        ACS_ERP_URL=f"http://{free}",
        ACS_ERP_API_KEY="k",
        ACS_ERP_API_SECRET="hunter2",
    )
    found = list(erpnext.check(site))
    assert [finding.level for finding in found] == [Level.ERROR]
    assert "cannot be reached" in found[0].text
    told = list(clock.check(site))
    assert [finding.level for finding in told] == [Level.WARNING]
    assert "hunter2" not in repr(found + told)
