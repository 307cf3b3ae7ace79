"""Make the recordings of tests/recordings anew: a simulated ONT and the real program.

    python tests/support/make_recordings.py

Do so when what we say is meant to change, and read what `acs session replay` says before.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from acs_fixtures import ERP_SETTINGS  # noqa: E402
from homes import Home, new_home  # noqa: E402
from running_acs import RunningAcs, wait_for  # noqa: E402

from simulators.cpe import Misbehaviour  # noqa: E402
from simulators.erpnext.running import running_simulator  # noqa: E402

DIRECTORY = ROOT / "tests" / "recordings"


def main() -> None:
    """Play three lives and keep the session of each that says most."""
    with tempfile.TemporaryDirectory() as name, running_simulator("--customers", "2") as erpnext:
        acs = RunningAcs(Path(name) / "data", ERP_URL=erpnext.url, **ERP_SETTINGS)
        try:
            homes = [_recorded(acs.start(), new_home(acs, erpnext.url))]
            homes.append(_recorded(acs, new_home(acs, erpnext.url)))
            acs.restart()
            for home in homes:
                home.client.url = acs.url
                home.scan()
            calm, faulty = homes
            calm.settle_in()
            calm.call("1 BOOT")
            faulty.misbehave(Misbehaviour(refuse={"Device.WiFi.SSID.*.SSID": 9007}))
            faulty.call()
            first_boot, *_, reboot = _files(acs, calm, 3)
            [fault] = _files(acs, faulty, 1)
            for file, kept in ((first_boot, "first-boot"), (reboot, "reboot"), (fault, "fault")):
                shutil.copyfile(file, DIRECTORY / f"tplink-a-{kept}.jsonl")
        finally:
            acs.close()


def _recorded(acs: RunningAcs, home: Home) -> Home:
    key = f"{home.mac.replace(':', '')[:6]}-{home.product_class}-{home.serial}"
    asked = acs.command("session", "record", key, "--new")
    assert asked.returncode == 0, asked.stderr
    return home


def _files(acs: RunningAcs, home: Home, count: int) -> list[Path]:
    def found() -> list[Path] | None:
        files = list((acs.data_dir / "recordings").glob(f"*{home.serial}*.jsonl"))
        return sorted(files, key=lambda file: file.stat().st_mtime) if len(files) >= count else None

    return wait_for("the recordings", found)


if __name__ == "__main__":
    main()
