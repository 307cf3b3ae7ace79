"""Whose Inform a credential opens the door to."""

from __future__ import annotations

import pytest

from acs.cwmp.authenticate import Credential
from acs.model import DeviceId

ONT = DeviceId("1C61B4", "XC220-G3v", "22275A7000001")


@pytest.mark.parametrize(
    ("name", "entitled"),
    [
        (ONT.key, True),
        (DeviceId("1C61B4", "Device2", "22275A7000001").key, True),
        (DeviceId("1C61B4", "", "22275A7000001").key, True),
        (DeviceId("1C61B4", "XC220-G3v", "22275A7000002").key, False),
        (DeviceId("F0A731", "XC220-G3v", "22275A7000001").key, False),
        (DeviceId("1C61B4", "XC220-G3v-22275A7000001", "x").key, False),
        ("22275A7000001", False),
        ("", False),
    ],
)
def test_oui_and_serial_decide_whatever_the_product_class(name: str, entitled: bool) -> None:
    assert Credential("own", (name,)).entitles(ONT) is entitled
    assert Credential("certificate", ("other-name", name)).entitles(ONT) is entitled


def test_a_shared_secret_names_nobody() -> None:
    assert Credential("bootstrap").entitles(ONT)
    assert Credential("bootstrap").account == ""


def test_only_a_devices_own_password_names_its_account() -> None:
    assert Credential("own", (ONT.key,)).account == ONT.key
    assert Credential("certificate", (ONT.key,)).account == ""
