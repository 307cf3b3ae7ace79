"""Responses on the wire: one pair of functions for each, and their table (TR-369, Responses)."""

from __future__ import annotations

from acs.usp import messages as m
from acs.usp import paths
from acs.usp.codec.shapes import (
    Refusal,
    Shape,
    read_failure,
    read_param_errors,
    read_versions,
    write_failure,
    write_param_errors,
)
from acs.usp.pb import usp_msg_pb2 as pb


def _write_get(body: m.GetResp, to: pb.GetResp) -> None:
    for each in body.results:
        result = to.req_path_results.add(
            requested_path=each.path, err_code=each.code, err_msg=each.text
        )
        for one in each.resolved:
            resolved = result.resolved_path_results.add(resolved_path=one.path)
            resolved.result_params.update(one.params)


def _read_get(wire: pb.GetResp) -> m.GetResp:
    return m.GetResp(
        tuple(
            m.RequestedPath(
                each.requested_path,
                tuple(
                    m.ResolvedPath(one.resolved_path, dict(one.result_params))
                    for one in each.resolved_path_results
                ),
                each.err_code,
                each.err_msg,
            )
            for each in wire.req_path_results
        )
    )


# --- Set ---------------------------------------------------------------------------------


def _write_set(body: m.SetResp, to: pb.SetResp) -> None:
    for each in body.results:
        status = to.updated_obj_results.add(requested_path=each.path).oper_status
        match each.outcome:
            case m.Updated(instances):
                status.oper_success.SetInParent()
                for one in instances:
                    result = status.oper_success.updated_inst_results.add(affected_path=one.path)
                    write_param_errors(one.errors, result.param_errs)
                    result.updated_params.update(one.params)
            case m.Failure() as failure:
                _write_set_failure(failure, status.oper_failure)


def _write_set_failure(
    failure: m.Failure, to: pb.SetResp.UpdatedObjectResult.OperationStatus.OperationFailure
) -> None:
    to.SetInParent()
    to.err_code = failure.code
    to.err_msg = failure.text
    for error in failure.errors:
        name = paths.leaf(error.path)
        instance = error.path.removesuffix(name)
        instances = to.updated_inst_failures
        if not instances or instances[-1].affected_path != instance:
            instances.add(affected_path=instance)
        if name:
            named = m.ParamError(name, error.code, error.text)
            write_param_errors((named,), instances[-1].param_errs)


def _read_set(wire: pb.SetResp) -> m.SetResp:
    return m.SetResp(
        tuple(
            m.UpdatedObject(each.requested_path, _read_set_status(each.oper_status))
            for each in wire.updated_obj_results
        )
    )


def _read_set_status(wire: pb.SetResp.UpdatedObjectResult.OperationStatus) -> m.Updated | m.Failure:
    match wire.WhichOneof("oper_status"):
        case "oper_success":
            instances = (
                m.UpdatedInstance(
                    each.affected_path,
                    dict(each.updated_params),
                    read_param_errors(each.param_errs),
                )
                for each in wire.oper_success.updated_inst_results
            )
            return m.Updated(tuple(instances))
        case "oper_failure":
            failure = wire.oper_failure
            errors = [
                error
                for each in failure.updated_inst_failures
                for error in _read_instance_failure(each, failure)
            ]
            return m.Failure(failure.err_code, failure.err_msg, tuple(errors))
    raise Refusal("a result of SetResp has no status")


def _read_instance_failure(
    wire: pb.SetResp.UpdatedInstanceFailure,
    failure: pb.SetResp.UpdatedObjectResult.OperationStatus.OperationFailure,
) -> tuple[m.ParamError, ...]:
    """Parameters by their whole paths; an instance that names none stands for itself."""
    if not wire.param_errs:
        return (m.ParamError(wire.affected_path, failure.err_code, failure.err_msg),)
    return tuple(
        m.ParamError(paths.join(wire.affected_path, each.param), each.err_code, each.err_msg)
        for each in wire.param_errs
    )


# --- Add and Delete ----------------------------------------------------------------------


def _write_add(body: m.AddResp, to: pb.AddResp) -> None:
    for each in body.results:
        status = to.created_obj_results.add(requested_path=each.path).oper_status
        match each.outcome:
            case m.Created(path, keys, errors):
                status.oper_success.SetInParent()
                status.oper_success.instantiated_path = path
                write_param_errors(errors, status.oper_success.param_errs)
                status.oper_success.unique_keys.update(keys)
            case m.Failure() as failure:
                status.oper_failure.SetInParent()
                write_failure(failure, status.oper_failure)


def _read_add(wire: pb.AddResp) -> m.AddResp:
    return m.AddResp(
        tuple(
            m.CreatedObject(each.requested_path, _read_add_status(each.oper_status))
            for each in wire.created_obj_results
        )
    )


def _read_add_status(wire: pb.AddResp.CreatedObjectResult.OperationStatus) -> m.Created | m.Failure:
    match wire.WhichOneof("oper_status"):
        case "oper_success":
            made = wire.oper_success
            errors = read_param_errors(made.param_errs)
            return m.Created(made.instantiated_path, dict(made.unique_keys), errors)
        case "oper_failure":
            return read_failure(wire.oper_failure)
    raise Refusal("a result of AddResp has no status")


def _write_delete(body: m.DeleteResp, to: pb.DeleteResp) -> None:
    for each in body.results:
        status = to.deleted_obj_results.add(requested_path=each.path).oper_status
        match each.outcome:
            case m.Deleted(affected, errors):
                status.oper_success.SetInParent()
                status.oper_success.affected_paths.extend(affected)
                for error in errors:
                    status.oper_success.unaffected_path_errs.add(
                        unaffected_path=error.path, err_code=error.code, err_msg=error.text
                    )
            case m.Failure() as failure:
                status.oper_failure.SetInParent()
                write_failure(failure, status.oper_failure)


def _read_delete(wire: pb.DeleteResp) -> m.DeleteResp:
    return m.DeleteResp(
        tuple(
            m.DeletedObject(each.requested_path, _read_delete_status(each.oper_status))
            for each in wire.deleted_obj_results
        )
    )


def _read_delete_status(
    wire: pb.DeleteResp.DeletedObjectResult.OperationStatus,
) -> m.Deleted | m.Failure:
    match wire.WhichOneof("oper_status"):
        case "oper_success":
            errors = (
                m.ParamError(each.unaffected_path, each.err_code, each.err_msg)
                for each in wire.oper_success.unaffected_path_errs
            )
            return m.Deleted(tuple(wire.oper_success.affected_paths), tuple(errors))
        case "oper_failure":
            return read_failure(wire.oper_failure)
    raise Refusal("a result of DeleteResp has no status")


# --- Operate, GetInstances, GetSupportedProtocol, Notify ---------------------------------


def _write_operate(body: m.OperateResp, to: pb.OperateResp) -> None:
    for each in body.results:
        result = to.operation_results.add(executed_command=each.command)
        match each.outcome:
            case m.Begun(request):
                result.req_obj_path = request
            case m.Finished(outputs):
                result.req_output_args.SetInParent()
                result.req_output_args.output_args.update(outputs)
            case m.Failure() as failure:
                result.cmd_failure.SetInParent()
                write_failure(failure, result.cmd_failure)


def _read_operate(wire: pb.OperateResp) -> m.OperateResp:
    return m.OperateResp(
        tuple(
            m.CommandResult(each.executed_command, _read_operation(each))
            for each in wire.operation_results
        )
    )


def _read_operation(wire: pb.OperateResp.OperationResult) -> m.Begun | m.Finished | m.Failure:
    match wire.WhichOneof("operation_resp"):
        case "req_obj_path":
            return m.Begun(wire.req_obj_path)
        case "cmd_failure":
            return read_failure(wire.cmd_failure)
    # Also where it is absent, as it may be for a command without outputs (R-OPR.2).
    return m.Finished(dict(wire.req_output_args.output_args))


def _write_instances(body: m.GetInstancesResp, to: pb.GetInstancesResp) -> None:
    for each in body.results:
        result = to.req_path_results.add(
            requested_path=each.path, err_code=each.code, err_msg=each.text
        )
        for one in each.instances:
            instance = result.curr_insts.add(instantiated_obj_path=one.path)
            instance.unique_keys.update(one.unique_keys)


def _read_instances(wire: pb.GetInstancesResp) -> m.GetInstancesResp:
    return m.GetInstancesResp(
        tuple(
            m.InstancesOf(
                each.requested_path,
                tuple(
                    m.Instance(one.instantiated_obj_path, dict(one.unique_keys))
                    for one in each.curr_insts
                ),
                each.err_code,
                each.err_msg,
            )
            for each in wire.req_path_results
        )
    )


def _write_protocol(body: m.GetSupportedProtocolResp, to: pb.GetSupportedProtocolResp) -> None:
    to.agent_supported_protocol_versions = ",".join(body.versions)


def _read_protocol(wire: pb.GetSupportedProtocolResp) -> m.GetSupportedProtocolResp:
    return m.GetSupportedProtocolResp(read_versions(wire.agent_supported_protocol_versions))


def _write_notify(body: m.NotifyResp, to: pb.NotifyResp) -> None:
    to.subscription_id = body.subscription_id


def _read_notify(wire: pb.NotifyResp) -> m.NotifyResp:
    return m.NotifyResp(wire.subscription_id)


# --- Register and Deregister -------------------------------------------------------------


def _write_register(body: m.RegisterResp, to: pb.RegisterResp) -> None:
    for each in body.results:
        status = to.registered_path_results.add(requested_path=each.path).oper_status
        match each.outcome:
            case m.Failure() as failure:
                status.oper_failure.SetInParent()
                write_failure(failure, status.oper_failure)
            case (path,):
                status.oper_success.SetInParent()
                status.oper_success.registered_path = path
            case _:
                raise ValueError("Register registers one path for each that is asked for")


def _read_register(wire: pb.RegisterResp) -> m.RegisterResp:
    return m.RegisterResp(
        tuple(
            m.RegisteredPath(each.requested_path, _read_register_status(each.oper_status))
            for each in wire.registered_path_results
        )
    )


def _read_register_status(
    wire: pb.RegisterResp.RegisteredPathResult.OperationStatus,
) -> tuple[str, ...] | m.Failure:
    match wire.WhichOneof("oper_status"):
        case "oper_success":
            return (wire.oper_success.registered_path,)
        case "oper_failure":
            return read_failure(wire.oper_failure)
    raise Refusal("a result of RegisterResp has no status")


def _write_deregister(body: m.DeregisterResp, to: pb.DeregisterResp) -> None:
    for each in body.results:
        status = to.deregistered_path_results.add(requested_path=each.path).oper_status
        match each.outcome:
            case m.Failure() as failure:
                status.oper_failure.SetInParent()
                write_failure(failure, status.oper_failure)
            case covered:
                status.oper_success.SetInParent()
                status.oper_success.deregistered_path.extend(covered)


def _read_deregister(wire: pb.DeregisterResp) -> m.DeregisterResp:
    return m.DeregisterResp(
        tuple(
            m.RegisteredPath(each.requested_path, _read_deregister_status(each.oper_status))
            for each in wire.deregistered_path_results
        )
    )


def _read_deregister_status(
    wire: pb.DeregisterResp.DeregisteredPathResult.OperationStatus,
) -> tuple[str, ...] | m.Failure:
    match wire.WhichOneof("oper_status"):
        case "oper_success":
            return tuple(wire.oper_success.deregistered_path)
        case "oper_failure":
            return read_failure(wire.oper_failure)
    raise Refusal("a result of DeregisterResp has no status")


_T = pb.Header
SHAPES = (
    Shape(m.GetResp, "get_resp", _T.GET_RESP, _write_get, _read_get),
    Shape(m.SetResp, "set_resp", _T.SET_RESP, _write_set, _read_set),
    Shape(m.AddResp, "add_resp", _T.ADD_RESP, _write_add, _read_add),
    Shape(m.DeleteResp, "delete_resp", _T.DELETE_RESP, _write_delete, _read_delete),
    Shape(m.OperateResp, "operate_resp", _T.OPERATE_RESP, _write_operate, _read_operate),
    Shape(m.NotifyResp, "notify_resp", _T.NOTIFY_RESP, _write_notify, _read_notify),
    Shape(
        m.GetInstancesResp,
        "get_instances_resp",
        _T.GET_INSTANCES_RESP,
        _write_instances,
        _read_instances,
    ),
    Shape(
        m.GetSupportedProtocolResp,
        "get_supported_protocol_resp",
        _T.GET_SUPPORTED_PROTO_RESP,
        _write_protocol,
        _read_protocol,
    ),
    Shape(m.RegisterResp, "register_resp", _T.REGISTER_RESP, _write_register, _read_register),
    Shape(
        m.DeregisterResp,
        "deregister_resp",
        _T.DEREGISTER_RESP,
        _write_deregister,
        _read_deregister,
    ),
)
