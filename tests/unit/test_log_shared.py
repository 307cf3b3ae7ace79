"""One log file for several processes: whole lines, none lost, turned over by whoever is first."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from acs import log
end = log.configure(file=Path(sys.argv[1]), max_bytes=20_000, backups=100, shared_as=sys.argv[2])
for number in range(400):
    log.get_logger("acs.test").info("line", number=number, text="é" * 100)
end()
"""


def test_three_processes_write_one_log(tmp_path: Path) -> None:
    file = tmp_path / "acs.log"
    names = ("1a", "2a", "3b")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, file, name]) for name in names]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    files = list(tmp_path.glob("acs.log*"))
    lines = [line for each in files for line in each.read_text("utf-8").splitlines()]
    found = [re.fullmatch(r".* number=(\d+) text=é{100} worker=(\w+)", line) for line in lines]
    assert all(found), next(line for line, match in zip(lines, found, strict=True) if not match)
    assert Counter(match[2] for match in found if match) == dict.fromkeys(names, 400)
    assert len(files) > 10
    # A file is full, but for a line of each writer, before the next one is begun.
    full = [each.stat().st_size for each in files if each != file]
    assert min(full) >= 20_000
