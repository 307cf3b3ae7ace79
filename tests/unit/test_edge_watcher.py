"""What people and Prometheus are told of the edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from acs.api import Metrics
from acs.log import OncePer
from acs.server.watch import EdgeWatcher
from acs.store.errors import StoreUnavailable


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watcher(metrics: Metrics) -> Iterator[EdgeWatcher]:
    yield EdgeWatcher(metrics, OncePer(60.0, lambda: 0.0))


@pytest.mark.parametrize("name", ["refused_503", "connections_cut"])
def test_whoever_is_turned_away_is_counted(
    watcher: EdgeWatcher, metrics: Metrics, name: str
) -> None:
    watcher.counted(name)
    watcher.counted("requests")
    shown = metrics.render().decode()
    assert f'acs_http_rejections_total{{reason="{name}"}} 1.0' in shown
    assert 'reason="requests"' not in shown


def test_a_database_that_is_away_is_a_line_a_while_and_a_defect_a_trace(
    watcher: EdgeWatcher,
) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            watcher.bug("periodic work", StoreUnavailable("prune: gone"))
        watcher.bug("periodic work", ZeroDivisionError())
    assert [(line["event"], "exc_info" in line) for line in lines] == [
        ("database", False),
        ("internal error", True),
    ]
