"""`acs session show` and `replay`: reading a recording, and playing it through this release."""

from __future__ import annotations

from pathlib import Path

import click

from acs.cli import render
from acs.cli.ages import clock, iso
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.main import Context, pass_context
from acs.cli.session_files import find, load
from acs.cwmp.recording import Recording, Replay, UnreadableRecording
from acs.cwmp.recording import replay as play
from acs.cwmp.recording.transcript import summary, transcript
from acs.profiles import Library


@click.command()
@click.argument("file")
@click.option("-v", "--verbose", is_flag=True, help="The messages whole, secrets masked.")
@render.json_option
@pass_context
def show(context: Context, file: str, verbose: bool, as_json: bool) -> None:
    """Show the recording FILE: who said what.

    FILE is a path, a name of `acs session recordings`, or a part of one: the latest that fits.

    \b
    Examples:
      acs session show 22275A7000001
      acs session show 22275A7000001 -v | less
    """
    path = find(context, file)
    recording = load(path)
    if as_json:
        told = {"file": str(path), **summary(recording), "at": iso(recording.header.at)}
        render.emit({**told, "lines": list(transcript(recording))})
        return
    header = recording.header
    render.print_facts(
        (
            ("Recording", path),
            ("Device", header.device),
            ("Called", f"{clock(header.at)} from {header.address or 'somewhere'}"),
            ("Credential", header.credential),
            ("Blueprint", header.blueprint),
        )
    )
    for line in transcript(recording, bodies=verbose):
        render.say(line)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@render.json_option
@pass_context
def replay(context: Context, files: tuple[str, ...], as_json: bool) -> None:
    """Play recordings through this release, its blueprints and yours, and compare.

    Each recorded device calls once more, in memory: nothing is sent, no database is touched. The
    first message that differs from what was said then is shown.

    Ends with 1 when anything differs, or a file cannot be played.

    \b
    Examples:
      acs session replay 22275A7000001
      acs session replay tests/recordings/*.jsonl --json
    """
    library = Library.load(context.given.provisioning.blueprint_dir or None)
    results = [(path, _play(path, library)) for path in (find(context, file) for file in files)]
    if as_json:
        render.emit({"replays": [_document(path, *result) for path, result in results]})
    else:
        for path, (recording, played) in results:
            _print(path, recording, played)
    leave(DIFFERENT if any(played.difference for _, (_, played) in results) else 0)


def _play(path: Path, library: Library) -> tuple[Recording, Replay]:
    recording = load(path)
    try:
        return recording, play(recording, library)
    except UnreadableRecording as error:
        raise Amiss(f"{path} cannot be played: {error}") from error


def _print(path: Path, recording: Recording, played: Replay) -> None:
    count = f"{len(played.said)} messages"
    if played.difference is None:
        render.say(f"{path.name}: the same, {count} ({recording.header.device})")
    else:
        render.say(f"{path.name}: differs after {count} ({recording.header.device})")
        for line in str(played.difference).splitlines():
            render.say(f"  {line}")
    for note in played.notes:
        render.say(f"  note: {note}")


def _document(path: Path, recording: Recording, played: Replay) -> dict[str, object]:
    difference = played.difference
    return {
        "file": str(path),
        "device": recording.header.device,
        "same": difference is None,
        "messages": list(played.said),
        "difference": None
        if difference is None
        else {
            "message": difference.exchange,
            "then": difference.then,
            "now": difference.now,
            "detail": list(difference.detail),
        },
        "notes": list(played.notes),
    }
