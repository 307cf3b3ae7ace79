"""From a simulated XX230v over the server's export to a model that is the same."""

from __future__ import annotations

import json
from pathlib import Path

from acs_fixtures import StartAcs
from click.testing import CliRunner
from running_acs import BOOTSTRAP

from acs.devices.record import JobState
from simulators.cpe import Identity, Ont, load_model
from simulators.cpe.blocking import Client
from simulators.cpe.cli import main
from simulators.cpe.model import Tree

IDENTITY = Identity("1C61B4", "Device2", "22275A7000777", "1C:61:B4:FA:77:00")
MANAGEMENT = "Device.ManagementServer."
GIVEN = {MANAGEMENT + leaf for leaf in ("URL", "Username")}
"""What whoever runs a unit gives it; and the time that passes."""
GIVEN |= {"Device.DeviceInfo.UpTime"}


def shown(tree: Tree) -> dict[str, tuple[str, str, bool]]:
    writable = dict(tree.names("", False))
    return {
        p.name: ("" if tree.hidden(p.name) else p.text, p.type, writable[p.name])
        for p in tree.read(["Device."])
        if p.name not in GIVEN
    }


def test_what_the_server_read_and_exported_runs_again(start_acs: StartAcs, tmp_path: Path) -> None:
    acs = start_acs()
    unit = Ont("tplink-a-xx230v", IDENTITY, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
    client = Client(acs.url, unit, timeout=30)
    assert client.session().complete
    asked = acs.command("device", "tree", IDENTITY.serial, "--refresh", "--names", "--json")
    job = json.loads(asked.stdout)["job"]["id"]
    while acs.job(job).state is not JobState.DONE:
        assert client.session().complete
    exported = tmp_path / "tree.csv"
    acs.command("device", "tree", IDENTITY.serial, "--export", str(exported))

    file = tmp_path / "mine.toml"
    made = CliRunner().invoke(main, ["model", "from-dump", str(exported), "-o", str(file)])
    assert made.exit_code == 0, made.output
    assert "manners of tplink-a-xx230v" in made.output
    again = Ont(load_model(str(file)), IDENTITY)
    assert shown(again.tree) == shown(unit.tree)
    assert exported.stat().st_size > 5 * file.stat().st_size, "it is compact"
    twice = CliRunner().invoke(main, ["model", "from-dump", str(exported), "-o", str(file)])
    assert (twice.exit_code, "--force" in twice.output) == (2, True)
