"""Get and GetInstances (TR-369, Reading)."""

from __future__ import annotations

from collections.abc import Iterator

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.nodes import Node, Table
from .data import Data
from .errors import INVALID_PATH, NO_OBJECT, NO_TABLE, Refusal
from .paths import Path, parse
from .permissions import Permissions
from .search import Place, places, supported


def get(data: Data, rights: Permissions, request: pb.Get, *, depth: bool = True) -> pb.GetResp:
    """Answer Get; ``depth`` False: an agent before 1.2, which ignores max_depth."""
    response = pb.GetResp()
    for text in request.param_paths:
        result = response.req_path_results.add(requested_path=text)
        try:
            _read(data, rights, text, request.max_depth if depth else 0, result)
        except Refusal as refusal:
            del result.resolved_path_results[:]
            # A row that is not there is, for Get, an invalid path (R-GET.0).
            result.err_code = INVALID_PATH if refusal.code == NO_OBJECT else refusal.code
            result.err_msg = refusal.text
    return response


def _read(
    data: Data,
    rights: Permissions,
    text: str,
    depth: int,
    result: pb.GetResp.RequestedPathResult,
) -> None:
    path = parse(text)
    spec = supported(data.model.base.root, path)
    if path.leaf:
        if spec is not None and (path.leaf not in spec.parameters or _at_table(path, data)):
            raise Refusal(INVALID_PATH, text)
        if spec is not None and not rights.param(spec.path + path.leaf, "r"):
            raise Refusal(INVALID_PATH, text)
        for at, thing in places(data, rights, path):
            if isinstance(thing, Node) and path.leaf in thing.spec.parameters:
                _parameters(data, rights, at, thing, result, path.leaf)
        return
    if spec is not None and not visible(rights, spec.path, deep=True, data=data):
        raise Refusal(INVALID_PATH, text)
    for at, thing in places(data, rights, path):
        _descend(data, rights, at, thing, depth or 1_000, result)


def _at_table(path: Path, data: Data) -> bool:
    """Tell whether the path of a parameter leaves the instance of its table out."""
    spec = data.model.base.root
    named = True
    for step in path.steps:
        name = getattr(step, "name", None)
        if name in spec.children and named:
            spec = spec.children[name]
            named = not spec.table
        else:
            named = True
    return not named


def visible(rights: Permissions, schema: str, *, deep: bool, data: Data) -> bool:
    """Tell whether an object is there for a controller: it, or with ``deep`` anything in it."""
    if rights.obj(schema, "r"):
        return True
    if not deep:
        return False
    return any(
        rights.obj(spec.path, "r")
        for spec in data.model.base.root.all_objects()
        if spec.path.startswith(schema)
    )


def _descend(
    data: Data,
    rights: Permissions,
    at: str,
    thing: Node | Table,
    depth: int,
    result: pb.GetResp.RequestedPathResult,
) -> None:
    if isinstance(thing, Table):
        for number, row in thing.rows.items():
            _descend(data, rights, f"{at}{number}.", row, depth, result)
        return
    _parameters(data, rights, at, thing, result)
    if depth > 1:
        for below, child in data.tree.overlay.inside(at, thing):
            _descend(data, rights, below, child, depth - 1, result)


def _parameters(
    data: Data,
    rights: Permissions,
    at: str,
    node: Node,
    result: pb.GetResp.RequestedPathResult,
    only: str = "",
) -> None:
    schema = node.spec.path
    if not rights.obj(schema, "r"):
        return
    shown = {
        spec.name: data.shown(at, node, spec, secured=rights.secured)
        for spec in data.tree.overlay.parameters(at, node)
        if (not only or spec.name == only) and rights.param(schema + spec.name, "r")
    }
    if shown:
        resolved = result.resolved_path_results.add(resolved_path=at)
        resolved.result_params.update(shown)


def get_instances(data: Data, rights: Permissions, request: pb.GetInstances) -> pb.GetInstancesResp:
    """Answer GetInstances."""
    response = pb.GetInstancesResp()
    for text in request.obj_paths:
        result = response.req_path_results.add(requested_path=text)
        try:
            for at, keys in _instances(data, rights, text, request.first_level_only):
                found = result.curr_insts.add(instantiated_obj_path=at)
                found.unique_keys.update(keys)
        except Refusal as refusal:
            del result.curr_insts[:]
            result.err_code, result.err_msg = refusal.code, refusal.text
    return response


def _instances(
    data: Data, rights: Permissions, text: str, first_level: bool
) -> Iterator[tuple[str, dict[str, str]]]:
    path = parse(text)
    spec = supported(data.model.base.root, path)
    if path.leaf or (spec is not None and not spec.table):
        raise Refusal(NO_TABLE, text)
    if spec is not None and not rights.obj(spec.path, "r"):
        raise Refusal(INVALID_PATH, text)
    for place in places(data, rights, path):
        yield from _rows(data, rights, place, first_level)


def _rows(
    data: Data, rights: Permissions, place: Place, first_level: bool
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table, or a row that was found itself, then what is in them."""
    at, thing = place
    if isinstance(thing, Table):
        for number, row in thing.rows.items():
            yield from _rows(data, rights, (f"{at}{number}.", row), first_level)
        return
    if not thing.spec.table:
        for below in data.tree.overlay.inside(at, thing):
            yield from _rows(data, rights, below, first_level)
        return
    if not rights.instantiated(thing.spec.path, "r"):
        return
    yield at, readable_keys(data, rights, at, thing)
    if not first_level:
        for below in data.tree.overlay.inside(at, thing):
            yield from _rows(data, rights, below, first_level)


def readable_keys(data: Data, rights: Permissions, at: str, node: Node) -> dict[str, str]:
    """Return the unique keys of a row that may be read (R-ADD.6)."""
    keys = data.unique_keys(at)
    return {name: text for name, text in keys.items() if rights.param(node.spec.path + name, "r")}
