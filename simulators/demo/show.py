"""What the audience sees: a live table in a terminal, plain lines anywhere else."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.demo.cast import CAST, MOVING, OVER_WEBSOCKET, Part
from simulators.demo.happenings import HEADING, Act
from simulators.demo.play import Play
from simulators.demo.story import story

FEED = 14
"""Lines of events under the table."""
_LONG_PATH = re.compile(r"(\bDevice\.)\S{20,}(\.\w+\.\d+\.\w+ =)")
MATCHES: dict[object, str] = {
    "serial_number": "serial",
    "mac_address": "MAC",
    "gpon_serial": "GPON",
}
STYLES = {"live": "green", "faulted": "red", "quarantined": "red", "verifying": "yellow"}


class Show(Protocol):
    """Presents a play."""

    def say(self, text: str) -> None:
        """Print a line."""

    def act(self, act: Act) -> None:
        """Present what happened while the ONTs come up."""

    def end(self) -> None:
        """They are up."""

    def result(self, play: Play) -> None:
        """Present how they came up."""

    def line(self, act: Act) -> None:
        """Present what happened afterwards, for good."""

    def look_around(self, play: Play) -> None:
        """Say what can be tried now."""


def make_show(cast: Sequence[Part]) -> Show:
    """A live table where there is a terminal, else lines."""
    console = Console(soft_wrap=True)
    return _Stage(console, cast) if console.is_terminal else _Lines(console)


class _Lines:
    """One line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._seen: dict[tuple[str, str], str] = {}

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)

    def line(self, act: Act) -> None:
        if act.who == HEADING:
            self.say(f"\n{act.what}")
        else:
            self.say(f"{act.at:6.1f} s  {act.who:<14} {_brief(act.what)}")

    def act(self, act: Act) -> None:
        if not act.devices:
            self.line(act)
        for serial, device in act.devices.items():
            views = {"standing": f"{device['standing']}: {device['reason']}"}
            if "presence" in device:
                views["presence"] = f"{device['presence']}, by evidence: {device['evidence']}"
            for of, now in views.items():
                if self._seen.get((serial, of)) != now:
                    self._seen[serial, of] = now
                    self.say(f"{act.at:6.1f} s  {serial:<14} ACS: {now}")

    def end(self) -> None:
        pass

    def result(self, play: Play) -> None:
        self.say("")
        self.console.print(_table(play.cast, play.devices, play.live_after))
        for line in story(play):
            self.say(line)
        self.say("")
        if play.all_live:
            slowest = max(play.live_after.values())
            self.say(
                f"All {len(play.cast)} ONTs are proven live, "
                f"the last {slowest:.1f} s after power-on."
            )
        else:
            missing = [part.serial for part in play.cast if part.serial not in play.live_after]
            self.say(f"Not live in time: {', '.join(missing)}. Logs: {play.folder}")

    def look_around(self, play: Play) -> None:
        self.say("\nEverything keeps running. In another terminal, from here:\n")
        self.say("  . .venv/bin/activate && . .demo/env")
        first, second = CAST[:2]
        commands = [
            "acs device list",
            f"acs device show {first.serial}",
            f"acs device timeline {first.serial}",
            f"acs device proof {first.serial}",
            f"acs plan {first.serial}",
            f"acs device reboot {second.serial} --yes --wait 60",
            f"acs device wake {second.serial} --wait 30",
            "acs usp agents",
            f"acs usp send {OVER_WEBSOCKET.serial} get Device.DeviceInfo.",
            'erpnext-sim set "Service Equipment" EQP-00001 wifi_password=Sapin-12-bleu',
            "acs erp status",
            "acs erp inbox",
            "acs erp outbox --state done",
            "acs reconcile",
            "acs events log",
            "acs token create hub --scope devices:read",
            "acs doctor",
        ]
        if play.broker:
            commands.insert(5, f"acs device timeline {MOVING.serial}")
        for command in commands:
            self.say(f"  {command}")
        self.say("")
        for name, url in play.urls.items():
            self.say(f"  {name}: {url}")
        self.say("\nCtrl-C ends the demonstration.")


class _Stage(_Lines):
    """A table that changes in place, with the latest events under it."""

    def __init__(self, console: Console, cast: Sequence[Part]) -> None:
        super().__init__(console)
        self._cast = cast
        self._feed: deque[str] = deque(maxlen=FEED)
        self._play_devices: dict[str, dict[str, object]] = {}
        self._live = Live(self._scene(), console=console, refresh_per_second=8, transient=True)
        self._live.start()

    def act(self, act: Act) -> None:
        if not act.devices:
            self._feed.append(f"{act.at:6.1f} s  {act.who:<14} {_brief(act.what)}")
        if act.devices:
            self._play_devices = dict(act.devices)
        self._live.update(self._scene())

    def _scene(self) -> RenderableType:
        feed = Text("\n".join(self._feed), style="dim", overflow="ellipsis", no_wrap=True)
        return Group(_table(self._cast, self._play_devices, {}), feed)

    def end(self) -> None:
        self._live.stop()


def _brief(what: str) -> str:
    """Leave out the middle of a long path: its end tells what is set."""
    return _LONG_PATH.sub(r"\1…\2", what)


def _table(
    cast: Sequence[Part], devices: dict[str, dict[str, object]], live_after: dict[str, float]
) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("ONT", "Model", "Speaks", "Equipment", "Match", "Standing", "Live in"):
        table.add_column(name, no_wrap=True)
    for part in cast:
        serial = part.serial
        device = devices.get(serial, {})
        standing = str(device.get("standing", "not seen"))
        after = f"{live_after[serial]:.1f} s" if serial in live_after else ""
        table.add_row(
            serial,
            str(device.get("model", "")),
            part.speech.value,
            str(device.get("equipment") or ""),
            MATCHES.get(device.get("matched_by"), ""),
            Text(standing, style=STYLES.get(standing, "")),
            after,
        )
    return table
