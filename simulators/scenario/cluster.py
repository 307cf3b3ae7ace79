"""A PostgreSQL of the scenario's own, from the programs of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from simulators import postgresql

from .children import Child, ChildError


def start_cluster(folder: Path) -> tuple[Child, str]:
    """Start a cluster in ``folder`` on a free loopback port; return it and its database's URL.

    With the durability of an installation: a figure without fsync would say nothing.
    Raises `ChildError`.
    """
    try:
        programs = postgresql.programs()
    except LookupError as error:
        raise ChildError(f'database = "postgresql": {error}: apt-get install postgresql') from None
    data = folder / "postgresql"
    data.mkdir()
    lower: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(data, "postgres", "postgres")
        _let_through(folder)
        lower = postgresql.as_postgres()
    made = subprocess.run(  # noqa: S603 - the machine's own PostgreSQL
        [*lower, str(programs / "initdb"), "-D", str(data), "-U", "acs", "-E", "UTF8",
         "--locale=C", "-A", "trust", "--no-instructions"],
        capture_output=True, text=True, check=False, cwd=data,
    )  # fmt: skip
    if made.returncode:
        raise ChildError(f"initdb ended with {made.returncode}:\n{made.stderr[-2000:]}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Child(
        [*lower, str(programs / "postgres"), "-D", str(data), "-p", str(port),
         "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={data}",
         "-clog_min_messages=log"],
        folder=folder,
        environ=os.environ,
        ready="ready to accept connections",
        merged=True,
    )  # fmt: skip
    return server, f"postgresql+psycopg://acs@127.0.0.1:{port}/postgres"


def stop_cluster(server: Child) -> None:
    """End it at once: nobody will read what it might still write."""
    server.stop(signal.SIGQUIT)


def _let_through(folder: Path) -> None:
    """Let the lesser user reach its own directory below ours."""
    folder.chmod(0o711)
