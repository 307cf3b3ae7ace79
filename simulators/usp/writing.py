"""Set, Add and Delete with the outcome table of TR-369 (R-SET, R-ADD, R-DEL).

A message changes the data as a whole or not at all where it does not allow less; an object that
fails leaves nothing of itself behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.nodes import Node, Table
from .data import Data
from .errors import (
    INVALID_ARGUMENTS,
    INVALID_PATH,
    NO_OBJECT,
    NO_TABLE,
    NOT_CREATABLE,
    OPERATION,
    PERMISSION,
    REQUIRED_FAILED,
    RESOURCES,
    UNSUPPORTED_PARAMETER,
    ParamError,
    Refusal,
)
from .paths import parse
from .permissions import Permissions
from .search import places, supported

NewRow = Callable[[str], None]
"""Is told of a row just made, to fill in what the agent itself decides."""


class _Setting(NamedTuple):
    param: str
    value: str
    required: bool


class _Written(NamedTuple):
    """What came of the settings of one instance."""

    params: dict[str, str]
    errors: list[ParamError]
    """Of what was not required."""


def set_(data: Data, rights: Permissions, request: pb.Set) -> pb.SetResp:
    """Answer Set. Raises `Refusal` where the message fails as a whole."""
    response = pb.SetResp()
    before = data.snapshot()
    for update in request.update_objs:
        result = response.updated_obj_results.add(requested_path=update.obj_path)
        saved = data.snapshot()
        settings = [_Setting(s.param, s.value, s.required) for s in update.param_settings]
        try:
            for at in _instances(data, rights, update.obj_path):
                _update(data, rights, at, settings, result)
            result.oper_status.oper_success.SetInParent()
        except Refusal as refusal:
            if not request.allow_partial:
                data.restore(before)
                raise _whole(refusal, update.obj_path) from None
            data.restore(saved)
            _set_failed(result, update.obj_path, refusal)
    return response


def _set_failed(result: pb.SetResp.UpdatedObjectResult, path: str, refusal: Refusal) -> None:
    result.oper_status.Clear()
    failure = result.oper_status.oper_failure
    failure.err_code, failure.err_msg = refusal.code, refusal.text
    errors = refusal.errors or (ParamError(path, refusal.code, refusal.text),)
    for at in dict.fromkeys(_above(error.path) for error in errors):
        instance = failure.updated_inst_failures.add(affected_path=at)
        for error in errors:
            if _above(error.path) == at:
                name = error.path.removeprefix(at)
                instance.param_errs.add(param=name, err_code=error.code, err_msg=error.text)


def _update(
    data: Data,
    rights: Permissions,
    at: str,
    settings: Iterable[_Setting],
    result: pb.SetResp.UpdatedObjectResult,
) -> None:
    written = _write(data, rights, at, settings)
    instance = result.oper_status.oper_success.updated_inst_results.add(affected_path=at)
    for error in written.errors:
        name = error.path.removeprefix(at)
        instance.param_errs.add(param=name, err_code=error.code, err_msg=error.text)
    instance.updated_params.update(_readable(data, rights, at, written.params))


def _instances(data: Data, rights: Permissions, text: str) -> list[str]:
    """Return the objects to update. A table itself stands for no row."""
    path = parse(text)
    spec = supported(data.model.base.root, path)
    if path.leaf or (spec is not None and not rights.obj(spec.path, "r")):
        raise Refusal(INVALID_PATH, text)
    found = places(data, rights, path)
    if any(isinstance(thing, Table) for _, thing in found):
        raise Refusal(INVALID_PATH, f"{text} is a table")
    return [at for at, _ in found]


def _write(data: Data, rights: Permissions, at: str, settings: Iterable[_Setting]) -> _Written:
    """Write into one object. Raises `Refusal` 7021 where what is required failed."""
    written = _Written({}, [])
    required: list[ParamError] = []
    for setting in settings:
        path = at + setting.param
        try:
            _write_one(data, rights, path)(setting.value)
            written.params[setting.param] = setting.value
        except Refusal as refusal:
            error = ParamError(path, refusal.code, refusal.text)
            (required if setting.required else written.errors).append(error)
    if not required:
        try:
            data.check_unique(at)
        except Refusal as refusal:
            keys = [at + name for name in written.params if name in refusal.text]
            required += (ParamError(p, refusal.code, refusal.text) for p in keys or [at])
    if required:
        raise Refusal(REQUIRED_FAILED, at, tuple(required))
    return written


def _write_one(data: Data, rights: Permissions, path: str) -> Callable[[str], None]:
    """Return what writes the parameter at ``path``, which may lie in a sub-object."""
    above, _, name = path.rpartition(".")
    node = data.thing(above + ".") if name else None
    if not isinstance(node, Node) or name not in node.spec.parameters or path not in data.tree:
        raise Refusal(UNSUPPORTED_PARAMETER, path)
    if not rights.param(node.spec.path + name, "r"):
        raise Refusal(UNSUPPORTED_PARAMETER, path)
    if not rights.param(node.spec.path + name, "w"):
        raise Refusal(PERMISSION, path)
    return lambda value: data.write(path, value)


def _readable(data: Data, rights: Permissions, at: str, params: Iterable[str]) -> dict[str, str]:
    """Return what was written as it now reads; secured parameters are left out (R-SET.3)."""
    found: dict[str, str] = {}
    for name in params:
        above = (at + name).rpartition(".")[0] + "."
        node, spec = data.tree.overlay.parameter(at + name)
        if not spec.hidden or rights.secured:
            found[name] = data.shown(above, node, spec, secured=rights.secured)
    return found


# --- Add ---------------------------------------------------------------------------------


def add(data: Data, rights: Permissions, request: pb.Add, new_row: NewRow) -> pb.AddResp:
    """Answer Add. Raises `Refusal` where the message fails as a whole."""
    response = pb.AddResp()
    before = data.snapshot()
    for create in request.create_objs:
        settings = [_Setting(s.param, s.value, s.required) for s in create.param_settings]
        saved = data.snapshot()
        try:
            tables = _tables(data, rights, create.obj_path)
            results = [_create(data, rights, at, settings, new_row) for at in tables]
        except Refusal as refusal:
            if not request.allow_partial:
                data.restore(before)
                raise _whole(refusal, create.obj_path) from None
            data.restore(saved)
            failed = response.created_obj_results.add(requested_path=create.obj_path)
            failed.oper_status.oper_failure.err_code = refusal.code
            failed.oper_status.oper_failure.err_msg = _with_errors(refusal)
            continue
        finally:
            data.fresh_row = ""
        for success in results:
            result = response.created_obj_results.add(requested_path=create.obj_path)
            result.oper_status.oper_success.CopyFrom(success)
    return response


def _with_errors(refusal: Refusal) -> str:
    """Put what failed into the text: an OperationFailure of Add has no other place for it."""
    details = "; ".join(f"{e.path}: {e.code} {e.text}" for e in refusal.errors)
    return f"{refusal.text} ({details})" if details else refusal.text


def _tables(data: Data, rights: Permissions, text: str) -> list[str]:
    path = parse(text)
    spec = supported(data.model.base.root, path)
    if path.leaf or (spec is not None and not spec.table):
        raise Refusal(NO_TABLE, text)
    if spec is not None and not rights.obj(spec.path, "r"):
        raise Refusal(INVALID_PATH, text)
    if spec is not None and not spec.add:
        raise Refusal(NOT_CREATABLE, text)
    if spec is not None and not rights.obj(spec.path, "w"):
        raise Refusal(PERMISSION, text)
    found = places(data, rights, path)
    if not all(isinstance(thing, Table) for _, thing in found):
        raise Refusal(NO_TABLE, text)
    return [at for at, _ in found]


def _create(
    data: Data, rights: Permissions, table: str, settings: list[_Setting], new_row: NewRow
) -> pb.AddResp.CreatedObjectResult.OperationStatus.OperationSuccess:
    known = data.tree.overlay.table(table)
    if len(known.rows) >= known.spec.max_rows:
        raise Refusal(RESOURCES, table)
    at = data.tree.make_row(table, known.next_row)
    data.fresh_row = at
    new_row(at)
    keys = {name for key in data.model.unique_keys.get(known.spec.path, ()) for name in key}
    # What is part of a unique key is required, whatever was said (R-ADD.2a).
    demanded = [s._replace(required=s.required or s.param in keys) for s in settings]
    written = _write(data, rights, at, demanded)
    success = pb.AddResp.CreatedObjectResult.OperationStatus.OperationSuccess()
    success.instantiated_path = at
    for error in written.errors:
        name = error.path.removeprefix(at)
        success.param_errs.add(param=name, err_code=error.code, err_msg=error.text)
    success.unique_keys.update({
        name: text
        for name, text in data.unique_keys(at).items()
        if rights.param(known.spec.path + name, "r")
    })  # fmt: skip
    return success


# --- Delete ------------------------------------------------------------------------------


def delete(data: Data, rights: Permissions, request: pb.Delete) -> pb.DeleteResp:
    """Answer Delete. Raises `Refusal` where the message fails as a whole."""
    response = pb.DeleteResp()
    before = data.snapshot()
    for text in request.obj_paths:
        result = response.deleted_obj_results.add(requested_path=text)
        try:
            gone, kept = _delete(data, rights, text)
            if kept and not request.allow_partial:
                raise Refusal(kept[0].code, kept[0].path, tuple(kept))
        except Refusal as refusal:
            if not request.allow_partial:
                data.restore(before)
                raise _whole(refusal, text) from None
            result.oper_status.oper_failure.err_code = refusal.code
            result.oper_status.oper_failure.err_msg = refusal.text
            continue
        success = result.oper_status.oper_success
        success.affected_paths.extend(gone)
        for error in kept:
            success.unaffected_path_errs.add(
                unaffected_path=error.path, err_code=error.code, err_msg=error.text
            )
        success.SetInParent()
    return response


def _delete(data: Data, rights: Permissions, text: str) -> tuple[list[str], list[ParamError]]:
    path = parse(text)
    spec = supported(data.model.base.root, path)
    if path.leaf or (spec is not None and not rights.obj(spec.path, "r")):
        raise Refusal(INVALID_PATH, text)
    if spec is not None and not spec.table:
        raise Refusal(NO_TABLE, text)
    if spec is not None and not spec.add:
        raise Refusal(NOT_CREATABLE, text)
    if spec is not None and not rights.instantiated(spec.path, "w"):
        raise Refusal(PERMISSION, text)
    try:
        found = places(data, rights, path)
    except Refusal as refusal:
        if refusal.code == NO_OBJECT:  # It is gone already: a success (R-DEL.2a).
            return [], []
        raise
    gone: list[str] = []
    kept: list[ParamError] = []
    for at, thing in found:
        if isinstance(thing, Table):
            raise Refusal(NO_TABLE, f"{text} names no row")
        if not thing.spec.table or not thing.spec.add:
            raise Refusal(NOT_CREATABLE, at)
        if thing.spec.locked and data.is_on(at + "Enable"):
            kept.append(ParamError(at, OPERATION, "it is in use"))
            continue
        table, _, number = at.removesuffix(".").rpartition(".")
        data.tree.drop_row(table + ".", int(number))
        gone.append(at)
    return gone, kept


def _whole(refusal: Refusal, path: str) -> Refusal:
    """Make a refused object the refusal of the message: 7004 with what failed."""
    errors = refusal.errors or (ParamError(path, refusal.code, refusal.text),)
    return Refusal(INVALID_ARGUMENTS, "", errors)


def _above(path: str) -> str:
    return path if path.endswith(".") else path.rpartition(".")[0] + "."
