"""Which request is answered by what."""

from __future__ import annotations

from acs.usp.pb import usp_msg_pb2 as pb

from .bulk import PROFILES
from .errors import DENIED, NOT_SUPPORTED, Refusal
from .operating import Operations, stamp
from .reading import get, get_instances
from .supported import get_supported_dm
from .unit import CONTROLLERS, SUBSCRIPTIONS, Controller, Unit
from .writing import add, delete, set_

_BEFORE_DEPTH = ("1.0", "1.1")
_TYPES = {
    "get": pb.Header.GET,
    "get_supported_dm": pb.Header.GET_SUPPORTED_DM,
    "get_instances": pb.Header.GET_INSTANCES,
    "set": pb.Header.SET,
    "add": pb.Header.ADD,
    "delete": pb.Header.DELETE,
    "operate": pb.Header.OPERATE,
    "notify": pb.Header.NOTIFY,
    "get_supported_protocol": pb.Header.GET_SUPPORTED_PROTO,
    "register": pb.Header.REGISTER,
    "deregister": pb.Header.DEREGISTER,
}
_OF_AGENTS = frozenset({"notify", "register", "deregister"})


class Answers:
    """Answers requests of one controller at one moment."""

    __slots__ = ("_controller", "_now", "_operations", "_rights", "_unit")

    def __init__(
        self, unit: Unit, operations: Operations, controller: Controller, now: float
    ) -> None:
        self._unit = unit
        self._operations = operations
        self._controller = controller
        self._rights = unit.rights(controller.row)
        self._now = now

    def reply(self, message: pb.Msg) -> pb.Msg | None:
        """Return the answer to a request, an Error included; None: no answer is wanted."""
        kind = message.body.request.WhichOneof("req_type") or ""
        self._unit.counters[f"request.{kind}"] += 1
        reply = pb.Msg()
        reply.header.msg_id = message.header.msg_id
        try:
            if message.header.msg_type != _TYPES.get(kind):
                raise Refusal(NOT_SUPPORTED)
            if kind in _OF_AGENTS:
                raise Refusal(DENIED)
            return reply if self._answer(kind, message.body.request, reply) else None
        except Refusal as refusal:
            self._unit.counters[f"error.{refusal.code}"] += 1
            _put_error(reply, refusal)
            return reply

    def _answer(self, kind: str, request: pb.Request, reply: pb.Msg) -> bool:
        """Fill ``reply``; False: no answer is wanted. Raises `Refusal`."""
        data, rights = self._unit.data, self._rights
        response = reply.body.response
        header, version = pb.Header, self._unit.version
        match kind:
            case "get":
                depth = version not in _BEFORE_DEPTH
                response.get_resp.CopyFrom(get(data, rights, request.get, depth=depth))
                reply.header.msg_type = header.GET_RESP
            case "get_instances":
                response.get_instances_resp.CopyFrom(
                    get_instances(data, rights, request.get_instances)
                )
                reply.header.msg_type = header.GET_INSTANCES_RESP
            case "get_supported_dm":
                response.get_supported_dm_resp.CopyFrom(
                    get_supported_dm(data.model, rights, request.get_supported_dm, version)
                )
                reply.header.msg_type = header.GET_SUPPORTED_DM_RESP
            case "get_supported_protocol":
                response.get_supported_protocol_resp.agent_supported_protocol_versions = ",".join(
                    self._unit.options.versions
                )
                reply.header.msg_type = header.GET_SUPPORTED_PROTO_RESP
            case "set":
                response.set_resp.CopyFrom(set_(data, rights, request.set))
                reply.header.msg_type = header.SET_RESP
            case "add":
                response.add_resp.CopyFrom(add(data, rights, request.add, self._new_row))
                reply.header.msg_type = header.ADD_RESP
            case "delete":
                response.delete_resp.CopyFrom(delete(data, rights, request.delete))
                reply.header.msg_type = header.DELETE_RESP
            case "operate":
                response.operate_resp.CopyFrom(
                    self._operations.operate(request.operate, self._controller, self._now)
                )
                reply.header.msg_type = header.OPERATE_RESP
                return request.operate.send_resp
            case _:
                raise Refusal(NOT_SUPPORTED)
        return True

    def _new_row(self, path: str) -> None:
        """Fill in what the agent itself decides of a row that was just made."""
        tree = self._unit.data.tree
        number = path.removesuffix(".").rpartition(".")[2]
        for leaf in ("Alias", "ID"):
            if path + leaf in tree and (leaf == "Alias" or path.startswith(SUBSCRIPTIONS)):
                tree.put(path + leaf, f"cpe-{number}")
        if path.startswith(SUBSCRIPTIONS):
            tree.put(path + "Recipient", self._controller.row.removesuffix("."))
            tree.put(path + "CreationDate", stamp(self._now))
        elif path.startswith(PROFILES) and path + "Controller" in tree:
            tree.put(path + "Controller", self._controller.row.removesuffix("."))
        elif path + "Order" in tree and path.startswith((CONTROLLERS, "Device.LocalAgent.")):
            table = path.removesuffix(number + ".")
            taken = (int(tree.find(row + "Order", "0")) for row in self._unit.data.rows(table))
            tree.put(path + "Order", str(max(taken, default=0) + 1))


def _put_error(reply: pb.Msg, refusal: Refusal) -> None:
    reply.ClearField("body")
    reply.header.msg_type = pb.Header.ERROR
    error = reply.body.error
    error.err_code, error.err_msg = refusal.code, refusal.text
    for each in refusal.errors:
        error.param_errs.add(param_path=each.path, err_code=each.code, err_msg=each.text)
