"""A bare ERPNext site is set up by the command, and serves a real server from then on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from acs_fixtures import StartAcs
from click.testing import CliRunner, Result
from forked import erpnext_sim
from homes import Site
from running_acs import wait_for

from acs.cli.main import acs as acs_command
from acs.model import Secret
from acs.store import inbox
from acs.store.inbox import InboxState
from erp_bridge.client import ErpClient
from simulators.erpnext.running import RunningSimulator, running_simulator

ADMIN = "setup-key:setup-secret"
PASSWORD = "s<b>cr3t-9"
"""What an HTML filter would change."""


@dataclass
class World:
    """A site, and who connects it."""

    erp: RunningSimulator
    folder: Path
    url: str = "http://127.0.0.1:1"
    """Where the server will be, as far as that is known."""

    @property
    def admin(self) -> tuple[str, str]:
        return "--admin-key-file", str(self.folder / "admin.key")

    @property
    def connected(self) -> dict[str, str]:
        """The settings that connect the site."""
        key = {"ERP_API_KEY": "demo-key", "ERP_API_SECRET": "demo-secret"}
        return {"ERP_URL": self.erp.url, "ERP_SWEEP_MINUTES": "0", **key}

    def run(self, *arguments: str) -> Result:
        """Run a command of `acs erp` beside the server."""
        settings = {**self.connected, "SERVER_DATA_DIR": str(self.folder / "beside")}
        environment = {f"ACS_{name}": value for name, value in settings.items()}
        file = self.folder / "webhook.env"
        if file.exists():
            name, _, secret = file.read_text().strip().partition("=")
            environment[name] = secret
        return CliRunner().invoke(acs_command, ["erp", *arguments], env=environment)

    def install(self, *more: str) -> Result:
        return self.run("install", "--url", self.url, *self.admin, *more)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "admin.key").write_text(ADMIN)
    with running_simulator("--bare", "--empty", "--time-scale", "0.1", start=erpnext_sim) as erp:
        yield World(erp, folder)


def test_from_a_bare_site_to_a_webhook_that_is_believed(world: World, start_acs: StartAcs) -> None:
    before = world.run("check", "--json")
    assert before.exit_code == 1
    assert json.loads(before.stdout)["not_shown"]

    # The plan changes nothing, and shows no secret.
    plan = world.install("--json")
    assert plan.exit_code == 0, plan.stderr
    steps = json.loads(plan.stdout)["steps"]
    assert len(steps) > 20
    assert world.run("check", "--json").stdout == before.stdout

    file = world.folder / "webhook.env"
    done = world.install("--apply", "--write-secret-file", str(file))
    assert (done.exit_code, "refused" in done.stdout) == (0, False), done.stdout + done.stderr
    assert f"{len(steps)}/{len(steps)} done" in done.stdout
    name, _, secret = file.read_text().strip().partition("=")
    assert name == "ACS_ERP_WEBHOOK_SECRET"
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret not in done.stdout + done.stderr

    # The server is not where it was said to be: its webhooks follow.
    acs = start_acs(**world.connected, ERP_WEBHOOK_SECRET=secret)
    world.url = f"http://127.0.0.1:{acs.port('api')}"
    moved = world.install("--apply")
    assert "6/6 done: Put the webhook acs-service-equipment-on-trash right" in moved.stdout
    clean = world.run("check")
    assert clean.exit_code == 0, clean.stdout
    whole = world.run("check", *world.admin, "--json")
    assert (whole.exit_code, json.loads(whole.stdout)["not_shown"]) == (0, [])
    again = world.install("--apply")
    assert (again.exit_code, again.stdout) == (0, "There was nothing to do.\n")

    # Somebody at the desk changes something.
    site = Site(world.erp.url)
    box = {"name": "EQP-1", "equipment_type": "ONT", "status": "active"}
    site.add("Service Equipment", **box, mac_address="aabbcc001001", wifi_password=PASSWORD)

    def told() -> list[InboxState]:
        with acs.database.read() as connection:
            rows = inbox.recent_thd(connection)
        return [row.state for row in rows if row.name == "EQP-1"]

    states = wait_for("its webhook", told)
    assert InboxState.FAILED not in states
    client = ErpClient(world.erp.url, "demo-key", Secret("demo-secret"))
    # The scripts are at work: one spelling of a MAC address, and a password as it was typed.
    assert client.read("Service Equipment", "EQP-1")["mac_address"] == "AA:BB:CC:00:10:01"
    (row,) = client.ask("acs_equipment_secrets", names=["EQP-1"])
    assert row["wifi_password"] == PASSWORD
    client.close()

    # Our own writes are not told of, deletions are.
    count = len(told())
    own = ErpClient(world.erp.url, "demo-key", Secret("demo-secret"))
    own.update("Service Equipment", "EQP-1", {"model": "XX230v"})
    own.close()
    site.delete("Service Equipment", "EQP-1")
    wait_for("the deletion", lambda: len(told()) == count + 1)


def test_what_is_broken_later_is_found_and_put_right(world: World) -> None:
    hook = "acs-service-equipment-on-update"
    Site(world.erp.url).change("Webhook", hook, enabled=0)
    found = world.run("check", *world.admin)
    assert found.exit_code == 1
    assert hook in found.stdout
    mended = world.install("--apply")
    assert (mended.exit_code, f"1/1 done: Put the webhook {hook} right" in mended.stdout) == (
        0,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "https://acs.example.net", "--apply"), "only a System Manager may"),
        (("--url", "acs.example.net"), "--url https://acs.example.net"),
        (("--url", "https://u:p@acs.example.net"), "must hold no user"),
        (("--url", "https://acs.example.net", "--plan", "--apply"), "--plan or --apply"),
        (("--script", "acs_nothing"), "there are: acs_equipment_secrets"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    answer = world.run("install", *arguments)
    assert answer.exit_code in (1, 2, 3)
    assert said in answer.stderr
