"""``python -m simulators.demo``: run the demonstration; ``--once`` ends with its result."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click

from simulators.demo.everyday import everyday
from simulators.demo.play import WITHOUT_BROKER, Play
from simulators.demo.programs import PlayError
from simulators.demo.show import Show, make_show

FOLDER = Path(".demo")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="End when all of it was shown, or cannot be.")
@click.option(
    "--limit", default=120.0, show_default=True, help="Seconds the ONTs may take to be live."
)
@click.option("--periodic", default=60.0, show_default=True, help="Seconds between two Informs.")
def demo(once: bool, limit: float, periodic: float) -> None:
    """Provision simulated TP-Link ONTs from an ERPNext stand-in, over real CWMP and USP.

    Three speak CWMP, one USP over MQTT, one USP over WebSocket, and one changes from CWMP to USP.
    Then people work in ERPNext: passwords are changed, a box is recorded, a customer is suspended.
    Without --once everything keeps running, so that you can look around with `acs`. State is
    kept in .demo/ and made anew at each start. Exit status 0: all of it worked.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    folder = Path(tempfile.mkdtemp(prefix="gigafibre-demo-")) if once else FOLDER
    if not once:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    play = Play(folder, periodic)
    show = make_show(play.cast)
    well = False
    try:
        if not play.broker:
            show.say(WITHOUT_BROKER)
        with play:
            well = _watch(play, show, limit)
            if not once:
                show.look_around(play)
                play.programs.wait("acs")
    except PlayError as error:
        show.end()
        show.say(f"{error}\nLogs: {play.folder}")
    except KeyboardInterrupt:
        show.end()
        show.say("stopped")
    finally:
        if once and well:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if well else 1)


def _watch(play: Play, show: Show, limit: float) -> bool:
    """Show both acts; tell whether all ONTs were live in time. Raises `PlayError`."""
    for act in play.happenings.during(lambda: play.bring_up(limit)):
        show.act(act)
    show.end()
    show.result(play)
    if not play.all_live:
        return False
    for act in play.happenings.during(lambda: everyday(play)):
        show.line(act)
    show.say("\nNobody touched the server, and no ONT waited for its time to call.")
    return True


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


demo()
