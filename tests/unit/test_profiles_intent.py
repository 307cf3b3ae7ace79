"""Impossible wishes are refused with a reason, and the plain form loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acs.model import Secret
from acs.profiles import (
    Band,
    Intent,
    Management,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
    check,
    intent_from_mapping,
    intent_to_mapping,
)

GOOD = WifiNetwork(
    Band.GHZ_5, ssid="Chez Élodie", passphrase=Secret("correct horse"), security=Security.WPA2
)


def problems(intent: Intent) -> list[str]:
    return [str(problem) for problem in check(intent).problems]


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (replace(GOOD, ssid=""), "ssid: has 0 octets"),
        (replace(GOOD, ssid="é" * 17), "ssid: has 34 octets"),
        (replace(GOOD, ssid="a\nb"), "control characters"),
        (replace(GOOD, ssid="\ud800"), "control characters"),
        (replace(GOOD, passphrase=Secret("1234567")), "has 7 characters"),
        (replace(GOOD, passphrase=Secret("x" * 64)), "has 64 characters"),
        (replace(GOOD, passphrase=Secret("motdepassé")), "not printable ASCII"),
        (replace(GOOD, passphrase=None), "is missing: a wpa2 network needs one"),
        (replace(GOOD, security=Security.OPEN), "open network, which has none"),
        (replace(GOOD, security=Security.WPA3, passphrase=Secret("a" * 64)), "WPA3 needs"),
    ],
)
def test_an_impossible_network_is_refused_with_its_reason(
    network: WifiNetwork, reason: str
) -> None:
    checked = check(Intent(wifi=(network, replace(GOOD, band=Band.GHZ_2_4))))
    assert [p.where for p in checked.problems] == ["wifi 5 main"]
    assert reason in str(checked.problems[0])
    assert [kept.band for kept in checked.intent.wifi] == [Band.GHZ_2_4]


@pytest.mark.parametrize(
    "network",
    [
        GOOD,
        replace(GOOD, ssid="é" * 16),
        replace(GOOD, passphrase=Secret("0123456789abcdef" * 4)),
        replace(GOOD, passphrase=Secret("x" * 63)),
        replace(GOOD, passphrase=None, security=None),
        replace(GOOD, passphrase=None, security=Security.OPEN),
    ],
)
def test_a_possible_network_passes(network: WifiNetwork) -> None:
    assert check(Intent(wifi=(network,))) == check(Intent(wifi=(network,)))
    assert problems(Intent(wifi=(network,))) == []


def test_the_same_network_twice_is_refused_and_neither_is_kept() -> None:
    checked = check(Intent(wifi=(GOOD, replace(GOOD, ssid="other"))))
    assert len(checked.problems) == 2
    assert checked.intent.wifi == ()


@pytest.mark.parametrize(
    ("intent", "where"),
    [
        (Intent(voice=(VoiceLine(0),)), "voice line 0: line"),
        (Intent(voice=(VoiceLine(1), VoiceLine(1))), "voice line 1: line"),
        (Intent(voice=(VoiceLine(registrar_port=70000),)), "voice line 1: registrar_port"),
        (Intent(voice=(VoiceLine(registrar="sip example"),)), "voice line 1: registrar"),
        (Intent(voice=(VoiceLine(username=""),)), "voice line 1: username"),
        (Intent(voice=(VoiceLine(uri="5145551234"),)), "voice line 1: uri"),
        (Intent(voice=(VoiceLine(digit_map="x" * 257),)), "voice line 1: digit_map"),
        (Intent(voice=(VoiceLine(password=Secret("")),)), "voice line 1: password"),
        (Intent(wan=Wan(mode="ppp")), "wan: mode"),
        (Intent(wan=Wan(vlan=4095)), "wan: vlan"),
        (Intent(wan=Wan("ipoe", username="u")), "wan: username: is given, but"),
        (Intent(wan=Wan("ipoe", password=Secret("p"))), "wan: password: is given, but"),
        (Intent(wan=Wan("pppoe", username="")), "wan: username"),
        (Intent(wan=Wan("pppoe", password=Secret("x" * 65))), "wan: password"),
        (Intent(wan=Wan("pppoe", mtu=100)), "wan: mtu"),
        (Intent(management=Management(acs_url="ftp://x")), "management: acs_url"),
        (
            Intent(management=Management(periodic_inform_interval=0)),
            "management: periodic_inform_interval",
        ),
        (Intent(admin_password=Secret("")), "admin: password"),
    ],
)
def test_other_impossible_values_name_their_place(intent: Intent, where: str) -> None:
    checked = check(intent)
    assert any(str(problem).startswith(where) for problem in checked.problems)
    assert checked.intent.empty


def test_the_plain_form_goes_there_and_back() -> None:
    intent = Intent(
        wifi=(GOOD, WifiNetwork(Band.GHZ_2_4, Role.GUEST, enabled=False, hidden=True)),
        voice=(VoiceLine(2, True, "5145551234", password=Secret("s"), registrar_port=5061),),
        wan=Wan("pppoe", 40, "u", Secret("p"), 1480, False),
        management=Management(periodic_inform=True, acs_password=Secret("a")),
        admin_password=Secret("root"),
    )
    plain = intent_to_mapping(intent)
    assert plain["wifi"][0]["passphrase"] == "correct horse"
    assert "hidden" not in plain["wifi"][0]
    assert intent_from_mapping(plain) == intent
    assert intent_from_mapping({}) == Intent()


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        ({"wify": []}, "did you mean 'wifi'"),
        ({"wifi": [{"band": "5", "sid": "x"}]}, "did you mean 'ssid'"),
        ({"wifi": [{"band": "7"}]}, r"wifi\[0\]\.band: '7' is none of 2\.4, 5, 6"),
        ({"wifi": [{"band": "5", "role": "gest"}]}, r"role: 'gest' .*did you mean guest\?"),
        ({"voice": [{"line": "one"}]}, r"\$\.voice\[0\]\.line"),
        ({"admin_password": 5}, "expected text"),
    ],
)
def test_a_wrong_plain_form_names_the_place(plain: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        intent_from_mapping(plain)


def test_a_wrong_secret_is_not_in_the_error() -> None:
    with pytest.raises(ValueError, match="passphrase") as caught:
        intent_from_mapping({"wifi": [{"band": "5", "passphrase": ["hunter22"]}]})
    assert "hunter22" not in str(caught.value)
