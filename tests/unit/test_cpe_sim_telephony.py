"""Telephone lines of simulated CPEs: registered once they have what that takes."""

from __future__ import annotations

import pytest
from test_cpe_sim_session import ont

from simulators.cpe.device import Ont

FAMILY_A = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1."
TR104 = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1."
ACCOUNTS = {
    "tplink-a-xx230v": (
        FAMILY_A,
        [
            (FAMILY_A + "MultiIsp.1.MultiAuthUserName", "string", "5145550100"),
            (FAMILY_A + "MultiIsp.1.MultiRegistrarServer", "string", "sip.example.net"),
            (FAMILY_A + "MultiIsp.1.MultiAccountEnable", "unsignedInt", "1"),
        ],
    ),
    "generic-tr098": (
        TR104,
        [
            (TR104 + "Line.1.SIP.AuthUserName", "string", "5145550100"),
            (TR104 + "SIP.RegistrarServer", "string", "sip.example.net"),
            (TR104 + "Line.1.Enable", "string", "Enabled"),
            (TR104 + "Enable", "string", "Enabled"),
        ],
    ),
}


def write(unit: Ont, *changes: tuple[str, str, str]) -> None:
    """Write as SetParameterValues does."""
    assert unit.tree.write(changes) is False, "at once"
    unit.written([path for path, _, _ in changes])


def statuses(unit: Ont, profile: str) -> list[str]:
    return [unit.tree.get(f"{profile}Line.{number}.Status") for number in (1, 2)]


@pytest.mark.parametrize("model", ACCOUNTS)
def test_a_line_registers_once_it_is_on_and_has_an_account(model: str) -> None:
    unit = ont(model)
    profile, changes = ACCOUNTS[model]
    for change in changes:
        assert statuses(unit, profile) == ["Disabled", "Disabled"]
        write(unit, change)
    assert statuses(unit, profile) == ["Up", "Disabled"]


@pytest.mark.parametrize("model", ACCOUNTS)
def test_a_line_that_is_switched_off_is_disabled(model: str) -> None:
    unit = ont(model)
    profile, changes = ACCOUNTS[model]
    write(unit, *changes)
    assert statuses(unit, profile) == ["Up", "Disabled"]
    write(unit, (profile + "Line.1.Enable", "string", "Disabled"))
    assert statuses(unit, profile) == ["Disabled", "Disabled"]
