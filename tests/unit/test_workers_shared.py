"""What workers share: a board, Digest answers, bounds, metrics, health and their directory."""

from __future__ import annotations

import inspect
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acs.api import Metrics, State
from acs.cwmp.digest import parse_authorization
from acs.server.workers.admin import health_of
from acs.server.workers.board import ROWS, Board
from acs.server.workers.figures import Figures
from acs.server.workers.folder import make_folder
from acs.server.workers.names import LIVES, MOST_WORKERS, name_of, owner_of, tokens
from acs.server.workers.replay import SharedReplay
from acs.server.workers.share import share_of
from acs.settings import Settings


def board(file: Path, rows: int = 64) -> Board:
    return Board(file, rows, itertools.count().__next__)


def test_what_one_writes_the_other_sees(tmp_path: Path) -> None:
    one, other = board(tmp_path / "b"), board(tmp_path / "b")
    assert one.take(b"device", b"10") == b""
    assert other.take(b"device", b"20") == b"10"
    assert other.take(b"device", b"20") == b"10", "it is not written over"
    assert other.take(b"device", b"20", over=b"10") == b"10"
    other.remove(b"device", b"10")
    assert one.take(b"device", b"10") == b"20", "only the value that is named is removed"
    other.remove(b"device", b"20")
    assert one.take(b"device", b"10") == b""


def test_the_room_of_a_board_is_taken_at_once(tmp_path: Path) -> None:
    """A page of a mapped file for which the disk has no room ends the process that writes it."""
    board(tmp_path / "b", 20_000)
    status = (tmp_path / "b").stat()
    assert status.st_blocks * 512 >= status.st_size > 20_000 * 24


def test_a_full_bucket_forgets_its_oldest_row(tmp_path: Path) -> None:
    full = board(tmp_path / "b", 1)
    buckets = (tmp_path / "b").stat().st_size // (ROWS * 24)
    keys = [b"key %d" % number for number in range(20 * ROWS * buckets)]
    for key in keys:
        full.take(key, b"x")
    assert full.take(keys[-1], b"x") == b"x"
    assert full.take(keys[0], b"x") == b""


def test_processes_count_together_without_losing_one(tmp_path: Path) -> None:
    """Each takes a key that the other one has not; were both let in, there were too many."""
    code = (
        "import pathlib, runpy, sys\n"
        "Board = runpy.run_path(sys.argv[1])['Board']\n"
        "b = Board(pathlib.Path(sys.argv[2]), 20_000, lambda: 0)\n"
        "print(sum(not b.take(b'%d' % n, sys.argv[3].encode()) for n in range(5_000)))\n"
    )
    command = [sys.executable, "-c", code, inspect.getfile(Board), str(tmp_path / "b")]
    runs = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True)
        for name in ("10", "20")
    ]
    assert sum(int(run.communicate(timeout=60)[0]) for run in runs) == 5_000


def test_an_answer_that_one_worker_took_is_not_taken_by_another(tmp_path: Path) -> None:
    text = 'Digest username="u", nonce="n", uri="/", response="ab", qop=auth, nc={}, cnonce="c"'
    first, again = (parse_authorization(text.format(nc)) for nc in ("1", "2"))
    one, other = SharedReplay(board(tmp_path / "b")), SharedReplay(board(tmp_path / "b"))
    assert one.first(first)  # type: ignore[arg-type]
    assert not other.first(first)  # type: ignore[arg-type]
    assert other.first(again)  # type: ignore[arg-type]


def test_names_are_those_of_nobody_else() -> None:
    names = {
        name_of(number, life) for number in range(1, MOST_WORKERS + 1) for life in range(LIVES)
    }
    assert len(names) == MOST_WORKERS * LIVES
    assert name_of(1, 0) == name_of(1, LIVES)
    assert owner_of(tokens("2a", lambda: "unguessable")()) == "2a"


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_shares_are_the_whole(workers: int) -> None:
    whole = Settings()
    shares = [share_of(whole, number, workers) for number in range(1, workers + 1)]
    assert sum(each.cwmp.max_sessions for each in shares) == whole.cwmp.max_sessions
    assert sum(each.http.connections for each in shares) == whole.http.connections
    assert sum(each.rules.per_hour for each in shares) == whole.rules.per_hour
    assert sum(each.files.transfers for each in shares) == whole.files.transfers
    assert min(each.erp.connections for each in shares) >= 1
    assert {each.cwmp.sessions_per_minute for each in shares} == {60}


def text_of(metrics: Metrics) -> str:
    return metrics.render().decode()


def figure(text: bytes, name: str) -> float:
    lines = (line.rpartition(" ") for line in text.decode().splitlines())
    return next(float(value) for shown, _, value in lines if shown == name)


def test_metrics_are_added_up_and_never_fall() -> None:
    one, other, figures = Metrics(), Metrics(), Figures()
    for metrics, sessions in ((one, 2), (other, 3)):
        for _ in range(sessions):
            metrics.session_over("live", 0.2)
        metrics.watch("sessions_open", "Sessions open now.", lambda: 4)
        metrics.watch("store_delay_seconds", "Delay.", lambda: 0.5)
    one.devices({"live": 70})
    live = 'acs_sessions_total{result="live"}'
    both = figures.together([text_of(one), text_of(other)])
    assert figure(both, live) == 5
    assert figure(both, "acs_sessions_open") == 8
    assert figure(both, "acs_store_delay_seconds") == 0.5
    assert figure(both, 'acs_devices{standing="live"}') == 70
    assert figure(both, 'acs_session_seconds_bucket{le="0.25"}') == 5
    figures.keep(text_of(other))
    after = figures.together([text_of(one), text_of(Metrics())])
    assert figure(after, live) == 5
    assert figure(after, "acs_session_seconds_count") == 5
    assert figure(after, "acs_sessions_open") == 4, "a gauge ends with its process"


OK, DOWN, SOSO = ("ok", "fine"), ("down", "no disk"), ("degraded", "slow site")


@pytest.mark.parametrize(
    ("told", "state", "workers", "store"),
    [
        ({"10": OK, "20": OK}, State.OK, State.OK, State.OK),
        ({"10": OK, "20": SOSO}, State.DEGRADED, State.OK, State.DEGRADED),
        ({"10": OK, "20": DOWN}, State.DEGRADED, State.OK, State.DEGRADED),
        ({"10": DOWN, "20": DOWN}, State.DOWN, State.OK, State.DOWN),
        ({"10": OK}, State.DEGRADED, State.DEGRADED, State.OK),
        ({"10": OK, "20": None}, State.DEGRADED, State.DEGRADED, State.OK),
    ],
)
def test_devices_are_served_while_one_worker_serves(
    told: dict[str, tuple[str, str] | None], state: State, workers: State, store: State
) -> None:
    whole, parts = health_of({n: {"store": p} if p else None for n, p in told.items()}, 2)
    assert (whole, parts["workers"].state, parts["store"].state) == (state, workers, store)


def test_nobody_serves() -> None:
    assert health_of({}, 2)[0] is State.DOWN
    assert health_of({"10": None, "20": None}, 2)[0] is State.DOWN


def test_what_dead_supervisors_left_is_cleared_away(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    dead = tmp_path / "run" / str(ended.pid)
    dead.mkdir(parents=True)
    (dead / "10.sock").touch()
    living = tmp_path / "run" / str(os.getppid())
    living.mkdir()
    folder = make_folder(tmp_path, os.getpid())
    assert not dead.exists()
    assert living.exists()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_too_deep_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    folder = make_folder(deep, os.getpid())
    try:
        assert not folder.is_relative_to(deep)
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()
