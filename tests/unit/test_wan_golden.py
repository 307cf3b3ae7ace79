"""Plans as people read them, held against texts that were read by a person.

With GOLDEN=write in the environment the texts are written anew; read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from device_in_memory import MemoryDevice
from wan_runs import IPOE, PPPOE, planned
from wan_trees import (
    IP,
    ec220v2,
    ec220v3,
    ethernet_wan,
    ex220,
    family_a,
    gpon_ipoe,
    gpon_pppoe,
    tr181,
)

from acs.profiles import Wan

FOLDER = Path(__file__).parent.parent / "golden"
CASES: dict[str, tuple[Callable[[], MemoryDevice], str, Wan, str]] = {
    "wan-a-build-pppoe": (lambda: family_a(ethernet_wan(port=6)), "tplink-a", PPPOE, ""),
    "wan-a-build-ipoe": (lambda: family_a(), "tplink-a", IPOE, ""),
    "wan-a-change-vlan": (lambda: family_a(gpon_pppoe()), "tplink-a", PPPOE, f"{IP}1."),
    "wan-a-carrier-vlan": (lambda: family_a(gpon_pppoe()), "tplink-a", PPPOE, f"{IP}6."),
    "wan-a-carrier-mode": (lambda: family_a(gpon_ipoe()), "tplink-a", PPPOE, f"{IP}6."),
    "wan-a-ethernet-takes-over": (ex220, "tplink-a", PPPOE, f"{IP}1."),
    "wan-b-change": (ec220v3, "tplink-b", PPPOE, f"{IP}1."),
    "wan-b-cannot-build": (ec220v3, "tplink-b", IPOE, f"{IP}1."),
    "wan-c-build-pppoe": (ec220v2, "tplink-c", PPPOE, f"{IP}1."),
    "wan-tr181-build-pppoe": (tr181, "tr181", PPPOE, f"{IP}1."),
}


@pytest.mark.parametrize("case", CASES)
def test_the_plan_reads_as_it_was_read(case: str) -> None:
    make, name, wish, carrier = CASES[case]
    plan = planned(make(), name, wish, carrier=carrier, marker="gf-12345678")
    text = "".join(f"{line}\n" for line in plan.render())
    path = FOLDER / f"{case}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_the_same_plan_has_the_same_digest_and_another_one_another() -> None:
    first = planned(family_a(), "tplink-a", PPPOE)
    assert first.digest == planned(family_a(), "tplink-a", PPPOE).digest
    assert first.digest != planned(family_a(), "tplink-a", IPOE).digest
    assert len(first.digest) == 16


def test_the_mapping_shows_creations_and_references_by_their_symbols() -> None:
    steps = planned(family_a(), "tplink-a", PPPOE).as_mapping()["steps"]
    assert steps[0] == {
        "why": "wan: gpon",
        "create": "Device.X_TP_GPON.Link.{gpon}.",
        "remove": None,
        "changes": [],
    }
    layers = steps[9]["changes"][0]
    assert layers["path"] == "Device.IP.Interface.{ip}.LowerLayers"
    assert layers["wanted"] == "Device.PPP.Interface.{ppp}."
    assert layers["current"] is None
