"""The benchmark of ERPNext runs: a real server, the stand-in, devices. No word about speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.figures import SUITES
from bench.run import measure
from bench.size import QUICK

SMALL = replace(QUICK, homes=2, changes=1, bursts=1, rows=200)
FIGURES = {figure.name: figure for figure in SUITES["erp"]}


@pytest.mark.slow
def test_a_change_in_erpnext_is_followed_to_its_proof() -> None:
    said: list[str] = []
    (proof,) = measure([FIGURES["erp.webhook_to_proof.cwmp"]], SMALL, said.append)
    assert not any("no figure" in line for line in said)
    told = proof.fields
    assert (told["changes"], told["burst_changes"]) == (1, 2)
    stages = ("to_webhook", "to_read", "to_call", "to_session", "to_proof")
    whole = sum(float(told[f"median_seconds_{stage}"]) for stage in stages)
    assert whole == pytest.approx(float(told["p50_seconds"]), abs=0.01)
    assert float(told["erpnext_list_calls_per_change"]) >= 1
    assert told["erpnext_secrets_calls_per_change"] == 1.0
    assert proof.baseline > 0
