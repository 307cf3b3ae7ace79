"""Results of the diagnostics of TR-181, as the output arguments of their commands."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from ..cpe.diagnostics import STATE, finish
from ..cpe.model import Tree
from ..cpe.modelfile import Identity, load_model
from .capabilities import Command


def run(
    identity: Identity, path: str, command: Command, arguments: Mapping[str, str], now: float
) -> dict[str, str]:
    """Return the output arguments of a diagnostic that ends at epoch second ``now``.

    ``path`` is the object the command belongs to, such as ``Device.IP.Diagnostics.``.
    """
    model = load_model(str(files("simulators.models") / "part-usp-diagnostics.toml"))
    tree = Tree(model, identity)
    at = f"{path}{command.name.removesuffix('()')}."
    for name, text in arguments.items():
        if at + name in tree:
            tree.put(at + name, text)
    tree.put(at + STATE, "Requested")
    finish(tree, at, now)
    results = {"Status": tree.get(at + STATE)}
    if results["Status"] != "Complete":
        return results
    told = set(command.inputs) | {STATE}
    for parameter in tree.read([at]):
        name = parameter.name.removeprefix(at)
        if name not in told and not name.endswith("NumberOfEntries"):
            results[name] = parameter.text
    return results
