"""The programs of this checkout, started by a fork of a process that has imported them already.

A test starts the real program: its command line, its environment, its files, a process of its own
that can be killed.  Nine tenths of such a start are Python reading modules, the same each time.  So
a test process keeps, for each program it starts, one *stem*: it imports what the program imports,
runs nothing of it, and forks once for each start.

That programs also start by themselves is what `test_cli_running_system` shows, and the workers
that a server starts.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

START_LIMIT = 60.0
"""Seconds within which a stem must have imported its program."""
_LONGEST = 1 << 20
"""Bytes of a start's arguments and environment."""


class _Program(NamedTuple):
    main: str
    """``module:function``."""
    imports: tuple[str, ...]
    """What its commands import only when they run. Nothing that imports Twisted's reactor."""


_PROGRAMS: Mapping[str, _Program] = {
    "acs": _Program(
        "acs.cli:main",
        (
            "acs.cli.serve",
            "acs.server.server",
            "acs.server.disk_sacrifice",
            "acs.reactor",
            "alembic.command",
            "sqlalchemy.dialects.sqlite",
        ),
    ),
    "cpe-sim": _Program("simulators.cpe.cli:main", ("simulators.cpe.cli_fleet",)),
    "usp-sim": _Program("simulators.usp.cli:main", ("simulators.usp.cli_fleet",)),
    "erpnext-sim": _Program("simulators.erpnext.cli:main", ()),
}


# --- in the test process ------------------------------------------------------------------------


class Forked:
    """A program that was started; as much of `subprocess.Popen` as tests use."""

    def __init__(self, arguments: Sequence[str], status: socket.socket, stdout: IO[str] | None):
        self.args = list(arguments)
        self.stdout = stdout
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()
        self.pid = int(self._told())

    def _told(self) -> bytes:
        told = self._status.recv(64)
        if not told:
            raise RuntimeError(f"what starts {self.args[0]} ended; its complaint is above")
        return told

    def poll(self) -> int | None:
        """How it ended, if it did: the exit code, or minus the number of the signal."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ended. Raises `subprocess.TimeoutExpired`."""
        with self._lock:
            if self.returncode is None:
                readable, _, _ = select.select([self._status], [], [], timeout)
                if not readable:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
                self.returncode = int(self._told())
                self._status.close()
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class _Stem:
    """The process that has imported a program, and forks."""

    def __init__(self, program: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), program],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.end)

    def fork(self, order: Mapping[str, Any], files: Sequence[int]) -> socket.socket:
        """Have a program started with these standard files; where will be told how it goes."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            message = json.dumps(order).encode()
            socket.send_fds(self._control, [message], [*files, theirs.fileno()])
        return ours

    def end(self) -> None:
        """End it; the programs it started go on."""
        with self._control:
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()


_stems: dict[str, _Stem] = {}
_starting = threading.Lock()


def start(
    program: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: int | IO[Any] | None = subprocess.DEVNULL,
    stderr: int | IO[Any] | None = None,
) -> Forked:
    """Start ``program`` of `_PROGRAMS` as `subprocess.Popen` does, with no standard input.

    ``stdout``, ``stderr``: a file, ``DEVNULL``, or None for ours; ``stdout`` may be ``PIPE``, which
    is then text.
    """
    command = str(Path(sys.executable).with_name(program))
    order = {
        "argv": [command, *map(str, arguments)],
        "env": dict(os.environ if env is None else env),
        "cwd": str(cwd or Path.cwd()),
    }
    ours: list[int] = []

    def number(file: int | IO[Any] | None, standard: int) -> int:
        if file == subprocess.DEVNULL:
            ours.append(os.open(os.devnull, os.O_RDWR))
            return ours[-1]
        if file is None:
            return standard
        return file if isinstance(file, int) else file.fileno()

    reading = None
    if stdout == subprocess.PIPE:
        reading, stdout = os.pipe()
        ours.append(stdout)
    files = [number(subprocess.DEVNULL, 0), number(stdout, 1), number(stderr, 2)]
    try:
        with _starting:
            if program not in _stems:
                _stems[program] = _Stem(program)
            status = _stems[program].fork(order, files)
    finally:
        for each in ours:
            os.close(each)
    return Forked([command, *arguments], status, None if reading is None else os.fdopen(reading))


def run(
    program: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = START_LIMIT,
) -> subprocess.CompletedProcess[str]:
    """Run ``program`` to its end, as `subprocess.run` does with its output captured as text.

    Raises `subprocess.TimeoutExpired` after it was killed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        forked = start(program, *arguments, env=env, cwd=cwd, stdout=out, stderr=errors)
        try:
            code = forked.wait(timeout)
        finally:
            forked.kill()
        out.seek(0)
        errors.seek(0)
        said, complained = out.read().decode(), errors.read().decode()
    return subprocess.CompletedProcess(forked.args, code, said, complained)


def erpnext_sim(*arguments: str) -> Forked:
    """Start the stand-in of ERPNext, for `simulators.erpnext.running.running_simulator`."""
    return start("erpnext-sim", *arguments, stdout=subprocess.PIPE)


# --- in the stem --------------------------------------------------------------------------------


def _serve_forks(control: socket.socket) -> None:
    """Fork for each order; returns in each child, and never in the stem."""
    children: dict[int, socket.socket] = {}
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    watched: list[Any] = [control, woken]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if woken in readable:
            os.read(woken, 4096)
            _tell_endings(children)
        if control not in readable:
            continue
        message, files, _, _ = socket.recv_fds(control, _LONGEST, 4)
        if not message:
            os._exit(0)
        status = socket.socket(fileno=files[3])
        pid = os.fork()
        if pid == 0:
            _become(json.loads(message), files)
            # Their numbers are closed, and are given to others from now on.
            for stale in (control, status, *children.values()):
                stale.detach()
            return
        for number in files[:3]:
            os.close(number)
        children[pid] = status
        status.send(b"%d" % pid)


def _tell_endings(children: dict[int, socket.socket]) -> None:
    while children:
        pid, ended = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as status, suppress(BrokenPipeError):
            status.send(b"%d" % os.waitstatus_to_exitcode(ended))


def _become(order: Mapping[str, Any], files: Sequence[int]) -> None:
    """Be, in the child, as if just started with this order."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard, number in enumerate(files[:3]):
        os.dup2(number, standard)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.argv[:] = order["argv"]


def _main(number: str, name: str) -> NoReturn:
    # Ctrl-C at the terminal is for those who were started, and for pytest, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(number))
    program = _PROGRAMS[name]
    # As where a program's own script stands: nothing of the tests can be imported.
    sys.path.pop(0)
    for module in program.imports:
        import_module(module)
    module, _, function = program.main.partition(":")
    main = getattr(import_module(module), function)
    assert "twisted.internet.reactor" not in sys.modules, "each start has a reactor of its own"
    assert threading.active_count() == 1, "a thread does not outlive a fork"
    gc.collect()
    gc.freeze()
    _serve_forks(control)
    sys.exit(main())


if __name__ == "__main__":
    _main(*sys.argv[1:])
