"""`acs device diff`: two devices, or one with its past, value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import click

from acs.cli import render
from acs.cli.ages import clock, iso
from acs.cli.database import opened
from acs.cli.device_show import masks_of
from acs.cli.diff_ignored import COUNTERS, IDENTITIES
from acs.cli.documents import order
from acs.cli.failures import DIFFERENT, Amiss, leave
from acs.cli.lookup import DeviceName, device_argument, find_device
from acs.cli.main import Context, pass_context
from acs.cli.masking import Masks
from acs.devices.record import Device
from acs.devices.vocabulary import general, is_at
from acs.model import Value
from acs.store import Database, trees
from acs.store.trees import KeptTree

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Where two trees differ, by path."""

    differing: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    ignored: int

    @property
    def count(self) -> int:
        """How many values differ or are on one side only."""
        return len(self.differing) + len(self.only_first) + len(self.only_second)


def compare(
    first: Mapping[str, Value],
    second: Mapping[str, Value],
    *,
    ignore: Iterable[str] = (),
    below: str = "",
) -> Comparison:
    """Compare values by path; those whose path, with ``{i}``, fits ``ignore`` are counted only."""
    patterns = tuple(ignore)
    ignored: dict[str, bool] = {}
    count = 0
    kept: list[str] = []
    for path in sorted({*first, *second}, key=order):
        if not is_at(path, below) or first.get(path) == second.get(path):
            continue
        name = general(path)
        if name not in ignored:
            ignored[name] = any(fnmatchcase(name, pattern) for pattern in patterns)
        if ignored[name]:
            count += 1
        else:
            kept.append(path)
    return Comparison(
        tuple(path for path in kept if path in first and path in second),
        tuple(path for path in kept if path not in second),
        tuple(path for path in kept if path not in first),
        count,
    )


@click.command()
@device_argument
@click.argument("other", type=DeviceName(), required=False)
@click.option("--back", type=click.IntRange(1), help="With its tree so many reads before.")
@click.option("--at", "date", type=click.DateTime(_DATES), help="With its tree of that time (UTC).")
@click.option("--below", default="", metavar="PATH", help="Only what stands below PATH.")
@click.option(
    "--ignore", multiple=True, metavar="PATTERN", help="Leave out paths like *.X_TP_Log.*"
)
@click.option("--all", "every", is_flag=True, help="Counters and identities too.")
@render.json_option
@pass_context
def diff(
    context: Context,
    device: str,
    other: str | None,
    back: int | None,
    date: datetime | None,
    below: str,
    ignore: tuple[str, ...],
    every: bool,
    as_json: bool,
) -> None:
    """Compare the trees of DEVICE and OTHER, or DEVICE with its past, value by value.

    Trees are read with `acs device tree DEVICE --refresh`. Values are compared by path; counters,
    clocks and, between two devices, identities and addresses are left out. Secrets are compared
    but not shown.

    Ends with 1 when they differ.

    \b
    Examples:
      acs device diff 22275A7000001 22275A7000002
      acs device diff 22275A7000001 --back 1
      acs device diff 22275A7000001 --at 2026-11-01 --below Device.WiFi.
    """
    if sum(each is not None for each in (other, back, date)) != 1:
        raise click.UsageError("name OTHER, or --back, or --at: one of them")
    with opened(context) as database:
        one = find_device(database, device)
        two = find_device(database, other) if other else one
        latest = _tree(database, one)
        if other:
            first, second = latest, _tree(database, two)
        else:
            until = date.replace(tzinfo=UTC).timestamp() if date else None
            first, second = _tree(database, one, back=back or 0, until=until), latest
    usual = () if every else (*COUNTERS, *(IDENTITIES if other else ()))
    found = compare(first.values, second.values, ignore=(*usual, *ignore), below=below)
    if below and not any(is_at(path, below) for path in (*first.values, *second.values)):
        raise Amiss(f"neither tree holds anything below {below}; see acs device tree")
    masks = Masks(masks_of(context, one).names | masks_of(context, two).names)
    names = (one.key, two.key) if other else (clock(first.at), clock(second.at))
    if as_json:
        render.emit(_document((one, first), (two, second), found, masks))
    else:
        _print(names, first, second, found, masks)
    leave(DIFFERENT if found.count else 0)


def _tree(
    database: Database, device: Device, *, back: int = 0, until: float | None = None
) -> KeptTree:
    with database.read() as conn:
        found = trees.kept_thd(conn, device.id, back=back, until=until)
        kept = trees.history_thd(conn, device.id)
    if found is not None:
        return found
    if not kept:
        command = f"acs device tree {device.key} --refresh"
        raise Amiss(f"the tree of {device.key} was never read: `{command}`")
    times = ", ".join(clock(at) for _, at in kept)
    raise Amiss(f"no tree of {device.key} is so old; there are those of {times}")


def _print(
    names: tuple[str, str],
    first: KeptTree,
    second: KeptTree,
    found: Comparison,
    masks: Masks,
) -> None:
    def shown(tree: KeptTree, path: str) -> object:
        return masks.shown(path, tree.values[path].text)

    if found.differing:
        rows = ((path, shown(first, path), shown(second, path)) for path in found.differing)
        render.print_table(("Parameter", *names), rows)
    for name, only, here, there in (
        (names[0], found.only_first, first, second),
        (names[1], found.only_second, second, first),
    ):
        if only:
            render.heading(f"Only {name}")
            _print_only(only, there, lambda path, tree=here: shown(tree, path))  # type: ignore[misc]
    left_out = f"; {found.ignored} left out, --all shows them" if found.ignored else ""
    render.say(f"{found.count or 'No'} difference{'' if found.count == 1 else 's'}{left_out}.")


def _print_only(paths: Iterable[str], there: KeptTree, shown: Callable[[str], object]) -> None:
    """Leaves by themselves, and objects that the other one has not at all as one line."""
    objects = {path[: at + 1] for path in there.values for at in _dots(path)}
    rows: dict[str, object] = {}
    counts: dict[str, int] = {}
    for path in paths:
        gone = next((path[: at + 1] for at in _dots(path) if path[: at + 1] not in objects), None)
        if gone is None:
            rows[path] = shown(path)
        else:
            counts[gone] = counts.get(gone, 0) + 1
            rows[gone] = f"({counts[gone]} value{'s' if counts[gone] > 1 else ''})"
    render.print_table(("Parameter", "Value"), rows.items())


def _dots(path: str) -> Iterable[int]:
    return (at for at, sign in enumerate(path) if sign == ".")


def _document(
    first: tuple[Device, KeptTree],
    second: tuple[Device, KeptTree],
    found: Comparison,
    masks: Masks,
) -> dict[str, object]:
    def value(side: tuple[Device, KeptTree], path: str) -> object:
        return masks.shown(path, side[1].values[path].text)

    return {
        "first": {"device": first[0].key, "read_at": iso(first[1].at)},
        "second": {"device": second[0].key, "read_at": iso(second[1].at)},
        "differing": {p: [value(first, p), value(second, p)] for p in found.differing},
        "only_first": {p: value(first, p) for p in found.only_first},
        "only_second": {p: value(second, p) for p in found.only_second},
        "ignored": found.ignored,
    }
