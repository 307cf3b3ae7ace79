"""Records in words, for whoever watches an agent; secrets are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.message import DecodeError

from acs.usp.pb import usp_msg_pb2 as usp
from acs.usp.pb import usp_record_pb2 as record_pb

_SECRET = re.compile(r"(password|passphrase|presharedkey|wepkey|pin|secret|\bkey)$", re.I)
_MOST = 12
"""Entries of one kind that are shown of a message."""


def record_words(octets: bytes) -> list[str]:
    """What a record says: a line, and further ones that belong to it."""
    try:
        record = record_pb.Record.FromString(octets)
    except DecodeError:
        return [f"{len(octets)} octets that are no record"]
    kind = record.WhichOneof("record_type")
    match kind:
        case "no_session_context":
            return list(_message_words(record.no_session_context.payload))
        case "session_context":
            return list(_session_words(record.session_context))
        case "mqtt_connect":
            version = record_pb.MQTTConnectRecord.MQTTVersion.Name(record.mqtt_connect.version)
            return [f"Connect (MQTT {version}, {record.mqtt_connect.subscribed_topic})"]
        case "websocket_connect":
            return ["Connect (WebSocket)"]
        case "disconnect":
            told = record.disconnect
            return [f"Disconnect {told.reason_code} {told.reason}".rstrip()]
        case _:
            return [f"a record of kind {kind or 'none'}"]


def _session_words(part: record_pb.SessionContextRecord) -> Iterator[str]:
    state = record_pb.SessionContextRecord.PayloadSARState.Name(part.payload_sar_state)
    again = f", wants {part.retransmit_id} again" if part.retransmit_id else ""
    head = f"session {part.session_id}, {part.sequence_id}, expects {part.expected_id}{again}"
    if not part.payload:
        yield f"({head}) nothing"
    elif state == "NONE":
        lines = list(_message_words(b"".join(part.payload)))
        yield f"({head}) {lines[0]}"
        yield from lines[1:]
    else:
        yield f"({head}) {sum(map(len, part.payload))} octets of a message, {state.lower()}"


def _message_words(payload: bytes) -> Iterator[str]:
    try:
        message = usp.Msg.FromString(payload)
    except DecodeError:
        yield f"{len(payload)} octets that are no message"
        return
    head, body = f"[{message.header.msg_id}]", message.body
    match body.WhichOneof("msg_body"):
        case "request":
            yield from _under(head, _request(body.request))
        case "response":
            yield from _under(head, _response(body.response))
        case "error":
            yield from _under(head, _error(body.error))
        case _:
            yield f"{head} a message without a body"


def _under(head: str, lines: Iterator[str]) -> Iterator[str]:
    """The first line with ``head``, and no more than can be read of the others."""
    shown = list(lines)
    yield f"{head} {shown[0]}" if shown else f"{head} an empty message"
    yield from shown[1 : _MOST + 1]
    if len(shown) > _MOST + 1:
        yield f"… {len(shown) - _MOST - 1} more"


def _request(request: usp.Request) -> Iterator[str]:
    kind = request.WhichOneof("req_type")
    match kind:
        case "get":
            depth = f" to depth {request.get.max_depth}" if request.get.max_depth else ""
            yield f"Get {_some(request.get.param_paths)}{depth}"
        case "get_supported_dm":
            yield f"GetSupportedDM {_some(request.get_supported_dm.obj_paths)}"
        case "get_instances":
            yield f"GetInstances {_some(request.get_instances.obj_paths)}"
        case "set":
            yield f"Set{_partial(request.set.allow_partial)}"
            for updated in request.set.update_objs:
                for setting in updated.param_settings:
                    yield f"{updated.obj_path}{_valued(setting.param, setting.value)}"
        case "add":
            yield f"Add{_partial(request.add.allow_partial)}"
            for created in request.add.create_objs:
                given = ", ".join(_valued(s.param, s.value) for s in created.param_settings)
                yield f"{created.obj_path} {given}".rstrip()
        case "delete":
            delete = request.delete
            yield f"Delete{_partial(delete.allow_partial)} {_some(delete.obj_paths)}"
        case "operate":
            key = f" key {request.operate.command_key}" if request.operate.command_key else ""
            yield f"Operate {request.operate.command}{key}"
            yield from _values(request.operate.input_args)
        case "notify":
            yield from _notify(request.notify)
        case "get_supported_protocol":
            versions = request.get_supported_protocol.controller_supported_protocol_versions
            yield f"GetSupportedProtocol {versions}"
        case _:
            yield f"a request of kind {kind or 'none'}"


def _notify(notify: usp.Notify) -> Iterator[str]:
    about = f" of {notify.subscription_id!r}" if notify.subscription_id else ""
    wants = ", wants an answer" if notify.send_resp else ""
    kind = notify.WhichOneof("notification")
    match kind:
        case "event":
            yield f"Notify {notify.event.obj_path}{notify.event.event_name}{about}{wants}"
            yield from _values(notify.event.params)
        case "value_change":
            told = _valued(notify.value_change.param_path, notify.value_change.param_value)
            yield f"Notify ValueChange {told}{about}{wants}"
        case "obj_creation":
            yield f"Notify ObjectCreation {notify.obj_creation.obj_path}{about}{wants}"
            yield from _values(notify.obj_creation.unique_keys)
        case "obj_deletion":
            yield f"Notify ObjectDeletion {notify.obj_deletion.obj_path}{about}{wants}"
        case "oper_complete":
            done = notify.oper_complete
            failed = done.cmd_failure
            end = f"failed with {failed.err_code} {failed.err_msg}" if failed.err_code else "done"
            yield f"Notify OperationComplete {done.obj_path}{done.command_name} {end}{about}{wants}"
            yield from _values(done.req_output_args.output_args)
        case "on_board_req":
            who = notify.on_board_req
            yield f"Notify OnBoardRequest {who.oui} {who.product_class} {who.serial_number}{wants}"
        case _:
            yield f"Notify of kind {kind or 'none'}{about}"


def _response(response: usp.Response) -> Iterator[str]:
    kind = response.WhichOneof("resp_type")
    match kind:
        case "get_resp":
            yield "GetResp"
            for asked in response.get_resp.req_path_results:
                yield from _failed(asked.requested_path, asked.err_code, asked.err_msg)
                for found in asked.resolved_path_results:
                    for name, value in found.result_params.items():
                        yield f"{found.resolved_path}{_valued(name, value)}"
        case "get_supported_dm_resp":
            results = response.get_supported_dm_resp.req_obj_results
            yield f"GetSupportedDMResp {sum(len(each.supported_objs) for each in results)} objects"
            for supported in results:
                yield from _failed(supported.req_obj_path, supported.err_code, supported.err_msg)
        case "get_instances_resp":
            yield "GetInstancesResp"
            for listed in response.get_instances_resp.req_path_results:
                yield from _failed(listed.requested_path, listed.err_code, listed.err_msg)
                yield from (each.instantiated_obj_path for each in listed.curr_insts)
        case "set_resp":
            yield "SetResp"
            for updated in response.set_resp.updated_obj_results:
                failure = updated.oper_status.oper_failure
                yield from _failed(updated.requested_path, failure.err_code, failure.err_msg)
                for inst in updated.oper_status.oper_success.updated_inst_results:
                    yield from (
                        f"{inst.affected_path}{_valued(name, value)}"
                        for name, value in inst.updated_params.items()
                    )
                    for wrong in inst.param_errs:
                        path = f"{inst.affected_path}{wrong.param}"
                        yield from _failed(path, wrong.err_code, wrong.err_msg)
        case "add_resp":
            yield "AddResp"
            for created in response.add_resp.created_obj_results:
                failed = created.oper_status.oper_failure
                yield from _failed(created.requested_path, failed.err_code, failed.err_msg)
                made = created.oper_status.oper_success
                if made.instantiated_path:
                    yield made.instantiated_path
        case "delete_resp":
            yield "DeleteResp"
            for deleted in response.delete_resp.deleted_obj_results:
                refused = deleted.oper_status.oper_failure
                yield from _failed(deleted.requested_path, refused.err_code, refused.err_msg)
                yield from deleted.oper_status.oper_success.affected_paths
        case "operate_resp":
            yield "OperateResp"
            for ran in response.operate_resp.operation_results:
                wrong_end = ran.cmd_failure
                yield from _failed(ran.executed_command, wrong_end.err_code, wrong_end.err_msg)
                if ran.req_obj_path:
                    yield f"{ran.executed_command} → {ran.req_obj_path}"
                yield from _values(ran.req_output_args.output_args)
        case "notify_resp":
            yield f"NotifyResp {response.notify_resp.subscription_id}".rstrip()
        case "get_supported_protocol_resp":
            versions = response.get_supported_protocol_resp.agent_supported_protocol_versions
            yield f"GetSupportedProtocolResp {versions}"
        case _:
            yield f"a response of kind {kind or 'none'}"


def _error(error: usp.Error) -> Iterator[str]:
    yield f"Error {error.err_code} {error.err_msg}"
    for wrong in error.param_errs:
        yield from _failed(wrong.param_path, wrong.err_code, wrong.err_msg)


def _failed(path: str, code: int, text: str) -> Iterator[str]:
    if code:
        yield f"{path} → {code} {text}".rstrip()


def _some(paths: Sequence[str]) -> str:
    return ", ".join(map(str, paths))


def _partial(allowed: bool) -> str:
    return " (partial)" if allowed else ""


def _values(given: Mapping[str, str]) -> Iterator[str]:
    return (_valued(name, value) for name, value in sorted(given.items()))


def _valued(name: str, value: str) -> str:
    shown = "***" if value and _SECRET.search(name) else value
    return f"{name} = {shown if len(shown) <= 200 else shown[:200] + '…'}"
