"""``acs serve`` that cannot start: one line that names what to put right, and an end."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_acs import RunningAcs


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_certificate_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "certificate.pem"
    if content is not None:
        file.write_text(content)
    acs = RunningAcs(
        tmp_path / "data",
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(file),
        CWMP_TLS_KEY=str(file),
    )
    ended = acs.command("serve")
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"acs: cannot serve: cannot use certificate file {file}: ")
    assert ended.stderr.count("\n") == 1
    assert ("No such file" in ended.stderr) is (content is None)


def test_a_directory_of_blueprints_that_is_not_there(tmp_path: Path) -> None:
    acs = RunningAcs(tmp_path / "data", PROVISIONING_BLUEPRINT_DIR=str(tmp_path / "nowhere"))
    ended = acs.command("serve")
    assert ended.returncode == 3
    assert ended.stderr == (
        f"acs: settings: provisioning.blueprint_dir: {tmp_path}/nowhere is no directory; "
        "make it, or leave the setting out\n"
    )
