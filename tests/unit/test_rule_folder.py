"""The folder of rules as the running server keeps it."""

from __future__ import annotations

from pathlib import Path

from acs.api.metrics import Metrics
from acs.devices.rules.rule import Rule
from acs.server.rules import RuleFolder
from acs.settings import Settings


def test_a_rule_at_its_bound_is_counted_once_an_hour(tmp_path: Path) -> None:
    told = {"ACS_RULES_FOLDER": str(tmp_path), "ACS_RULES_PER_HOUR": "2"}
    settings = Settings.load(None, {**told, "ACS_SERVER_DATA_DIR": str(tmp_path)})
    metrics = Metrics()
    book = RuleFolder(settings, metrics).book
    acts = [book.may_act(Rule("look", ()), 7200.0 + second) for second in range(4)]
    assert acts == [True, True, False, False]
    assert 'acs_rules_capped_total{rule="look"} 1.0' in metrics.render().decode()
