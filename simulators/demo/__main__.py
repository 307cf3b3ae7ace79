"""``python -m simulators.demo``: run the demonstration; ``--once`` ends with its result."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click

from simulators.demo.play import WITHOUT_BROKER, Play, PlayError
from simulators.demo.show import Show, make_show

FOLDER = Path(".demo")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="End when every ONT is proven live, or cannot be.")
@click.option("--limit", default=120.0, show_default=True, help="Seconds the ONTs may take.")
@click.option("--periodic", default=3.0, show_default=True, help="Seconds between two Informs.")
def demo(once: bool, limit: float, periodic: float) -> None:
    """Provision simulated TP-Link ONTs from an ERPNext stand-in, over real CWMP and USP.

    Three speak CWMP, one USP over MQTT, one USP over WebSocket, and one changes from CWMP to USP.
    Without --once everything keeps running, so that you can look around with `acs`. State is
    kept in .demo/ and made anew at each start. Exit status 0: all are proven live.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    folder = Path(tempfile.mkdtemp(prefix="gigafibre-demo-")) if once else FOLDER
    if not once:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    play = Play(folder, periodic)
    show = make_show(play.cast)
    live = False
    try:
        if not play.broker:
            show.say(WITHOUT_BROKER)
        with play:
            live = _watch(play, show, limit)
            show.result(live, play)
            if not once:
                show.look_around(play)
                play.wait()
    except PlayError as error:
        show.end()
        show.say(str(error))
    except KeyboardInterrupt:
        show.end()
        show.say("stopped")
    finally:
        if once and live:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if live else 1)


def _watch(play: Play, show: Show, limit: float) -> bool:
    """Follow the play until all ONTs are live or the time is up."""
    for act in play.acts(limit):
        show.act(act)
    show.end()
    return play.all_live


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


demo()
