"""Requests on the wire: one pair of functions for each, and their table (TR-369, Requests)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acs.usp import messages as m
from acs.usp.codec.shapes import Refusal, Shape, read_failure, read_versions, write_failure
from acs.usp.pb import usp_msg_pb2 as pb


def _write_get(body: m.Get, to: pb.Get) -> None:
    to.param_paths.extend(body.paths)
    if body.max_depth:
        to.max_depth = body.max_depth


def _read_get(wire: pb.Get) -> m.Get:
    return m.Get(tuple(wire.param_paths), wire.max_depth)


def _write_settings(settings: tuple[m.Setting, ...], to: Any) -> None:
    for each in settings:
        to.add(param=each.name, value=each.value, required=each.required)


def _read_settings(wire: Any) -> tuple[m.Setting, ...]:
    return tuple(m.Setting(each.param, each.value, each.required) for each in wire)


def _write_set(body: m.Set, to: pb.Set) -> None:
    to.allow_partial = body.allow_partial
    for each in body.objects:
        _write_settings(each.settings, to.update_objs.add(obj_path=each.path).param_settings)


def _read_set(wire: pb.Set) -> m.Set:
    objects = (
        m.ObjectSettings(each.obj_path, _read_settings(each.param_settings))
        for each in wire.update_objs
    )
    return m.Set(tuple(objects), wire.allow_partial)


def _write_add(body: m.Add, to: pb.Add) -> None:
    to.allow_partial = body.allow_partial
    for each in body.objects:
        _write_settings(each.settings, to.create_objs.add(obj_path=each.path).param_settings)


def _read_add(wire: pb.Add) -> m.Add:
    objects = (
        m.ObjectSettings(each.obj_path, _read_settings(each.param_settings))
        for each in wire.create_objs
    )
    return m.Add(tuple(objects), wire.allow_partial)


def _write_delete(body: m.Delete, to: pb.Delete) -> None:
    to.allow_partial = body.allow_partial
    to.obj_paths.extend(body.paths)


def _read_delete(wire: pb.Delete) -> m.Delete:
    return m.Delete(tuple(wire.obj_paths), wire.allow_partial)


def _write_operate(body: m.Operate, to: pb.Operate) -> None:
    to.command = body.command
    to.command_key = body.key
    to.send_resp = body.send_resp
    to.input_args.update(body.arguments)


def _read_operate(wire: pb.Operate) -> m.Operate:
    return m.Operate(wire.command, wire.command_key, dict(wire.input_args), wire.send_resp)


def _write_get_instances(body: m.GetInstances, to: pb.GetInstances) -> None:
    to.obj_paths.extend(body.paths)
    to.first_level_only = body.first_level_only


def _read_get_instances(wire: pb.GetInstances) -> m.GetInstances:
    return m.GetInstances(tuple(wire.obj_paths), wire.first_level_only)


def _write_supported_dm(body: m.GetSupportedDM, to: pb.GetSupportedDM) -> None:
    to.obj_paths.extend(body.paths)
    to.first_level_only = body.first_level_only
    to.return_commands = body.commands
    to.return_events = body.events
    to.return_params = body.params
    to.return_unique_key_sets = body.unique_keys


def _read_supported_dm(wire: pb.GetSupportedDM) -> m.GetSupportedDM:
    return m.GetSupportedDM(
        tuple(wire.obj_paths),
        wire.first_level_only,
        wire.return_commands,
        wire.return_events,
        wire.return_params,
        wire.return_unique_key_sets,
    )


def _write_supported_protocol(body: m.GetSupportedProtocol, to: pb.GetSupportedProtocol) -> None:
    to.controller_supported_protocol_versions = ",".join(body.versions)


def _read_supported_protocol(wire: pb.GetSupportedProtocol) -> m.GetSupportedProtocol:
    return m.GetSupportedProtocol(read_versions(wire.controller_supported_protocol_versions))


def _write_register(body: m.Register, to: pb.Register) -> None:
    to.allow_partial = body.allow_partial
    for path in body.paths:
        to.reg_paths.add(path=path)


def _read_register(wire: pb.Register) -> m.Register:
    return m.Register(tuple(each.path for each in wire.reg_paths), wire.allow_partial)


def _write_deregister(body: m.Deregister, to: pb.Deregister) -> None:
    to.paths.extend(body.paths)


def _read_deregister(wire: pb.Deregister) -> m.Deregister:
    return m.Deregister(tuple(wire.paths))


# --- Notify ------------------------------------------------------------------------------


def _write_notify(body: m.Notify, to: pb.Notify) -> None:
    to.subscription_id = body.subscription_id
    to.send_resp = body.send_resp
    match body.content:
        case m.Event(path, name, params):
            to.event.SetInParent()
            to.event.obj_path = path
            to.event.event_name = name
            to.event.params.update(params)
        case m.ValueChange(path, value):
            to.value_change.SetInParent()
            to.value_change.param_path = path
            to.value_change.param_value = value
        case m.ObjectCreation(path, keys):
            to.obj_creation.SetInParent()
            to.obj_creation.obj_path = path
            to.obj_creation.unique_keys.update(keys)
        case m.ObjectDeletion(path):
            to.obj_deletion.SetInParent()
            to.obj_deletion.obj_path = path
        case m.OperationComplete() as complete:
            _write_complete(complete, to.oper_complete)
        case m.OnBoardRequest(oui, product_class, serial_number, versions):
            to.on_board_req.SetInParent()
            to.on_board_req.oui = oui
            to.on_board_req.product_class = product_class
            to.on_board_req.serial_number = serial_number
            to.on_board_req.agent_supported_protocol_versions = ",".join(versions)


def _write_complete(complete: m.OperationComplete, to: pb.Notify.OperationComplete) -> None:
    to.obj_path = complete.path
    to.command_name = complete.command
    to.command_key = complete.key
    if complete.failure is not None:
        if complete.outputs:
            raise ValueError("a command that failed has no outputs")
        to.cmd_failure.SetInParent()
        write_failure(complete.failure, to.cmd_failure)
    else:
        to.req_output_args.SetInParent()
        to.req_output_args.output_args.update(complete.outputs)


def _read_notify(wire: pb.Notify) -> m.Notify:
    kind = wire.WhichOneof("notification")
    if kind is None:
        raise Refusal("the Notify tells nothing that is known")
    content = _NOTIFICATIONS[kind](getattr(wire, kind))
    return m.Notify(wire.subscription_id, wire.send_resp, content)


def _read_event(wire: pb.Notify.Event) -> m.Event:
    return m.Event(wire.obj_path, wire.event_name, dict(wire.params))


def _read_value_change(wire: pb.Notify.ValueChange) -> m.ValueChange:
    return m.ValueChange(wire.param_path, wire.param_value)


def _read_creation(wire: pb.Notify.ObjectCreation) -> m.ObjectCreation:
    return m.ObjectCreation(wire.obj_path, dict(wire.unique_keys))


def _read_deletion(wire: pb.Notify.ObjectDeletion) -> m.ObjectDeletion:
    return m.ObjectDeletion(wire.obj_path)


def _read_complete(wire: pb.Notify.OperationComplete) -> m.OperationComplete:
    told = wire.obj_path, wire.command_name, wire.command_key
    match wire.WhichOneof("operation_resp"):
        case "req_output_args":
            return m.OperationComplete(*told, dict(wire.req_output_args.output_args))
        case "cmd_failure":
            return m.OperationComplete(*told, failure=read_failure(wire.cmd_failure))
    raise Refusal("the OperationComplete has neither outputs nor a failure")


def _read_on_board(wire: pb.Notify.OnBoardRequest) -> m.OnBoardRequest:
    versions = read_versions(wire.agent_supported_protocol_versions)
    return m.OnBoardRequest(wire.oui, wire.product_class, wire.serial_number, versions)


_NOTIFICATIONS: dict[str, Callable[[Any], m.Notification]] = {
    "event": _read_event,
    "value_change": _read_value_change,
    "obj_creation": _read_creation,
    "obj_deletion": _read_deletion,
    "oper_complete": _read_complete,
    "on_board_req": _read_on_board,
}

_T = pb.Header
SHAPES = (
    Shape(m.Get, "get", _T.GET, _write_get, _read_get),
    Shape(m.Set, "set", _T.SET, _write_set, _read_set),
    Shape(m.Add, "add", _T.ADD, _write_add, _read_add),
    Shape(m.Delete, "delete", _T.DELETE, _write_delete, _read_delete),
    Shape(m.Operate, "operate", _T.OPERATE, _write_operate, _read_operate),
    Shape(m.Notify, "notify", _T.NOTIFY, _write_notify, _read_notify),
    Shape(
        m.GetInstances,
        "get_instances",
        _T.GET_INSTANCES,
        _write_get_instances,
        _read_get_instances,
    ),
    Shape(
        m.GetSupportedDM,
        "get_supported_dm",
        _T.GET_SUPPORTED_DM,
        _write_supported_dm,
        _read_supported_dm,
    ),
    Shape(
        m.GetSupportedProtocol,
        "get_supported_protocol",
        _T.GET_SUPPORTED_PROTO,
        _write_supported_protocol,
        _read_supported_protocol,
    ),
    Shape(m.Register, "register", _T.REGISTER, _write_register, _read_register),
    Shape(m.Deregister, "deregister", _T.DEREGISTER, _write_deregister, _read_deregister),
)
