"""GetSupportedDMResp on the wire: what an agent's model has (TR-369, GetSupportedDM)."""

from __future__ import annotations

from acs.usp import messages as m
from acs.usp.codec.shapes import Shape, known
from acs.usp.pb import usp_msg_pb2 as pb

_Wire = pb.GetSupportedDMResp

_OBJECT_ACCESS = {each.value: each for each in m.ObjectAccess}
_PARAM_ACCESS = {each.value: each for each in m.ParamAccess}
_PARAM_TYPES = {each.value: each for each in m.ParamType}
_REPORTS = {each.value: each for each in m.ReportsChange}
_COMMAND_TYPES = {each.value: each for each in m.CommandType}


def _write(body: m.GetSupportedDMResp, to: _Wire) -> None:
    for each in body.results:
        result = to.req_obj_results.add(
            req_obj_path=each.path,
            err_code=each.code,
            err_msg=each.text,
            data_model_inst_uri=each.model_uri,
        )
        for one in each.objects:
            place = result.supported_objs.add(
                supported_obj_path=one.path,
                access=_Wire.ObjAccessType.Name(one.access),
                is_multi_instance=one.is_table,
            )
            _write_object(one, place)


def _write_object(each: m.SupportedObject, to: _Wire.SupportedObjectResult) -> None:
    for command in each.commands:
        to.supported_commands.add(
            command_name=command.name,
            input_arg_names=command.inputs,
            output_arg_names=command.outputs,
            command_type=_Wire.CmdType.Name(command.type),
        )
    for event in each.events:
        to.supported_events.add(event_name=event.name, arg_names=event.arguments)
    for param in each.params:
        to.supported_params.add(
            param_name=param.name,
            access=_Wire.ParamAccessType.Name(param.access),
            value_type=_Wire.ParamValueType.Name(param.type),
            value_change=_Wire.ValueChangeType.Name(param.reports),
        )
    to.divergent_paths.extend(each.divergent_paths)
    for names in each.unique_keys:
        to.unique_key_sets.add(key_names=names)


def _read(wire: _Wire) -> m.GetSupportedDMResp:
    return m.GetSupportedDMResp(
        tuple(
            m.SupportedPath(
                each.req_obj_path,
                tuple(_read_object(one) for one in each.supported_objs),
                each.data_model_inst_uri,
                each.err_code,
                each.err_msg,
            )
            for each in wire.req_obj_results
        )
    )


def _read_object(wire: _Wire.SupportedObjectResult) -> m.SupportedObject:
    # Sub-objects come without their final dot from some, as the specification's examples have it.
    path = wire.supported_obj_path
    return m.SupportedObject(
        path if path.endswith(".") else path + ".",
        known(_OBJECT_ACCESS, wire.access, "access to an object"),
        wire.is_multi_instance,
        tuple(_read_param(each) for each in wire.supported_params),
        tuple(_read_command(each) for each in wire.supported_commands),
        tuple(
            m.SupportedEvent(each.event_name, tuple(each.arg_names))
            for each in wire.supported_events
        ),
        tuple(tuple(each.key_names) for each in wire.unique_key_sets),
        tuple(wire.divergent_paths),
    )


def _read_param(wire: _Wire.SupportedParamResult) -> m.SupportedParam:
    return m.SupportedParam(
        wire.param_name,
        known(_PARAM_ACCESS, wire.access, "access to a parameter"),
        known(_PARAM_TYPES, wire.value_type, "type of a parameter"),
        known(_REPORTS, wire.value_change, "way of reporting a change"),
    )


def _read_command(wire: _Wire.SupportedCommandResult) -> m.SupportedCommand:
    return m.SupportedCommand(
        wire.command_name,
        tuple(wire.input_arg_names),
        tuple(wire.output_arg_names),
        known(_COMMAND_TYPES, wire.command_type, "type of a command"),
    )


SHAPE = Shape(
    m.GetSupportedDMResp,
    "get_supported_dm_resp",
    pb.Header.GET_SUPPORTED_DM_RESP,
    _write,
    _read,
)
