"""Reading ``PATH=VALUE`` and paths of the command line; mistakes are named before a job is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import click

from acs.cli.masking import Masks
from acs.devices.record import Device
from acs.model import ValueType

_PARAMETER = re.compile(r"(?:[A-Za-z_][\w-]*|\d+)(?:\.(?:[A-Za-z_][\w-]*|\d+))*\Z")
_ROW_END = re.compile(r"\.(?:\d+|\[[^\]]*\])\.\Z")
_SEARCH = re.compile(r"\[[^\]]*\]|(?<=\.)\*(?=\.)|(?:#(?:\d+|\*))?\+(?=\.)")
"""What a path may hold over USP beside names and numbers: searches, and references that are
followed (TR-369, Path Names)."""


def parameter(text: str, device: Device) -> str:
    """Check the full path of one parameter."""
    path = _path(text, device)
    if path.endswith("."):
        raise click.UsageError(f"{path} is an object, not a parameter: it ends with a dot")
    return path


def parameter_or_object(text: str, device: Device) -> str:
    """Check a path that may end with a dot: it then stands for all below it."""
    return _path(text, device)


def table(text: str, device: Device) -> str:
    """Check the path of a table; its final dot may be left out."""
    path = _path(text.rstrip(".") + ".", device)
    if _ROW_END.search(path):
        raise click.UsageError(f"{path} is a row; name its table, the part before the number")
    return path


def row(text: str, device: Device) -> str:
    """Check the path of a row; its final dot may be left out."""
    path = _path(text.rstrip(".") + ".", device)
    if not _ROW_END.search(path):
        raise click.UsageError(f"{path} is no row: a row ends with its number, as in …SSID.4.")
    return path


def leaf(text: str) -> str:
    """Check the name of a parameter below a row."""
    if not _PARAMETER.match(text):
        raise click.UsageError(f"{text!r} is not the name of a parameter below a row")
    return text


def split(text: str) -> tuple[str, str]:
    """Split ``PATH=VALUE``; an expression such as ``[Alias=="main"]`` belongs to the path."""
    depth, quoted = 0, False
    for at, sign in enumerate(text):
        if sign == '"' and depth:
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "[":
            depth += 1
        elif sign == "]":
            depth -= 1
        elif sign == "=" and depth == 0:
            if name := text[:at].strip():
                return name, text[at + 1 :]
            break
    # What follows the sign may be a secret.
    raise click.UsageError(f"{text.partition('=')[0]!r} is not PATH=VALUE")


def changes(
    assignments: Iterable[str],
    device: Device,
    *,
    secret: Iterable[str],
    types: Iterable[str],
    masks: Masks,
    ask: Callable[[str], str],
) -> list[dict[str, object]]:
    """Make the changes of a `set` job.

    ``secret``: paths whose value is masked everywhere; ``ask`` is asked for those that are given
    without one.  What is known to be a secret is treated as one in any case.
    """
    values = dict(once((parameter(path, device), text) for path, text in map(split, assignments)))
    hidden = {parameter(path, device) for path in secret}
    kinds = dict(once(_typed(text, device) for text in types))
    for option, paths in (("--secret", hidden), ("--type", kinds)):
        if odd := sorted(set(paths) - set(values)):
            raise click.UsageError(f"{option} names {odd[0]}, which is not set here")
    made: list[dict[str, object]] = []
    for path, text in values.items():
        value = ask(path) if path in hidden and not text else text
        change: dict[str, object] = {"path": path, "value": value}
        if kind := kinds.get(path):
            change["type"] = kind
        if path in hidden or masks.hides(path):
            change["secret"] = True
        made.append(change)
    return made


def leaves(assignments: Iterable[str]) -> Mapping[str, str]:
    """Make the values of an `add` job: leaf → value."""
    return dict(once((leaf(name), value) for name, value in map(split, assignments)))


def _typed(text: str, device: Device) -> tuple[str, str]:
    path, kind = split(text)
    known = [each.value for each in ValueType]
    if kind not in known:
        raise click.UsageError(f"--type: {kind!r} is none of {', '.join(known)}")
    return parameter(path, device), kind


def once(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Yield each pair. Raises `click.UsageError` for a name that is given twice."""
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise click.UsageError(f"{name} is given twice")
        seen.add(name)
        yield name, value


def _path(text: str, device: Device) -> str:
    path = text.strip()
    root = device.root or "Device."
    if not path.startswith(root):
        raise click.UsageError(f"{path!r} is not in this device's tree: names begin with {root}")
    # Each stands in place of an instance number, or behind the name of a reference.
    plain = _SEARCH.sub(_as_number, path) if device.protocol == "usp" else path
    if path != root and not _PARAMETER.match(plain.removesuffix(".")):
        raise click.UsageError(f"{path!r} is not the name of a parameter")
    return path


def _as_number(found: re.Match[str]) -> str:
    return "" if found[0].endswith("+") else "1"
