"""GetSupportedDM: what the model of an agent has, whatever rows there are (TR-369)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from acs.usp.pb import usp_msg_pb2 as pb

from ..cpe.schema import ObjectSpec, ParameterSpec
from .errors import INVALID_PATH, PATH_SYNTAX, Refusal
from .model import UspModel
from .permissions import Permissions

_DM = pb.GetSupportedDMResp
_URI = "urn:broadband-forum-org:tr-181-2-16-0"
_INSTANCE = re.compile(r"\.(?:\d+|\*|\[[^\]]*\])(?=\.)", re.ASCII)
_SYNTAX = re.compile(r"(?:[A-Za-z_{*\[\d][^.\[]*(?:\[[^\]]*\])?\.)+(?:[A-Za-z_]\w*(?:\(\)|!)?)?")
_TYPES = {
    "base64": _DM.PARAM_BASE_64,
    "boolean": _DM.PARAM_BOOLEAN,
    "dateTime": _DM.PARAM_DATE_TIME,
    "hexBinary": _DM.PARAM_HEX_BINARY,
    "int": _DM.PARAM_INT,
    "long": _DM.PARAM_LONG,
    "string": _DM.PARAM_STRING,
    "unsignedInt": _DM.PARAM_UNSIGNED_INT,
    "unsignedLong": _DM.PARAM_UNSIGNED_LONG,
}
_ALWAYS_CHANGING = frozenset({"UpTime", "CurrentLocalTime", "LastChange"})


def get_supported_dm(
    model: UspModel, rights: Permissions, request: pb.GetSupportedDM, version: str
) -> pb.GetSupportedDMResp:
    """Answer GetSupportedDM as an agent of ``version`` does; units of a model share answers."""
    response = _DM()
    flags = (
        request.first_level_only,
        request.return_commands,
        request.return_events,
        request.return_params,
        request.return_unique_key_sets,
    )
    for text in request.obj_paths:
        key = (text, flags, version, rights.roles)
        known = model.answers.get(key)
        if known is None:
            known = _DM.RequestedObjectResult(req_obj_path=text)
            try:
                _describe(model, rights, text, request, version, known)
            except Refusal as refusal:
                known.err_code, known.err_msg = refusal.code, refusal.text
            if len(model.answers) < 256:
                model.answers[key] = known
        response.req_obj_results.append(known)
    return response


def _describe(
    model: UspModel,
    rights: Permissions,
    text: str,
    request: pb.GetSupportedDM,
    version: str,
    result: pb.GetSupportedDMResp.RequestedObjectResult,
) -> None:
    spec, leaf = _find(model, text)
    if not any(rights.obj(each.path, "r") for each in spec.all_objects()):
        raise Refusal(INVALID_PATH, text)
    result.data_model_inst_uri = _URI
    writer = _Writer(model, rights, request, _number(version), result)
    if leaf:
        writer.only(spec, leaf)
        return
    writer.whole(spec)
    for child in _below(spec, request.first_level_only):
        if request.first_level_only:
            writer.bare(child)
        else:
            writer.whole(child)


class _Writer:
    def __init__(
        self,
        model: UspModel,
        rights: Permissions,
        request: pb.GetSupportedDM,
        version: tuple[int, int],
        result: pb.GetSupportedDMResp.RequestedObjectResult,
    ) -> None:
        self._model = model
        self._rights = rights
        self._request = request
        self._typed = version >= (1, 2)
        self._keyed = version >= (1, 4)
        self._result = result

    def bare(self, spec: ObjectSpec) -> pb.GetSupportedDMResp.SupportedObjectResult | None:
        """Tell of an object without its contents; None: it may not be seen."""
        if not spec.path or not self._rights.obj(spec.path, "r"):
            return None
        return self._result.supported_objs.add(
            supported_obj_path=spec.path,
            access=_DM.OBJ_ADD_DELETE if spec.add else _DM.OBJ_READ_ONLY,
            is_multi_instance=spec.table,
        )

    def whole(self, spec: ObjectSpec) -> None:
        """Tell of an object with what was asked for."""
        found = self.bare(spec)
        if found is None:
            return
        if self._request.return_params:
            for parameter in spec.parameters.values():
                self._parameter(found, spec, parameter)
        if self._request.return_commands:
            self._commands(found, spec)
        if self._request.return_events:
            self._events(found, spec)
        if self._keyed and self._request.return_unique_key_sets:
            for key in self._model.unique_keys.get(spec.path, ()):
                found.unique_key_sets.add(key_names=key)

    def only(self, spec: ObjectSpec, leaf: str) -> None:
        """Tell of a single parameter, command or event."""
        found = self.bare(spec)
        if found is None:
            return
        if leaf.endswith("()"):
            self._commands(found, spec, leaf)
        elif leaf.endswith("!"):
            self._events(found, spec, leaf)
        else:
            self._parameter(found, spec, spec.parameters[leaf])

    def _parameter(
        self,
        found: pb.GetSupportedDMResp.SupportedObjectResult,
        spec: ObjectSpec,
        parameter: ParameterSpec,
    ) -> None:
        if not self._rights.param(spec.path + parameter.name, "r"):
            return
        result = found.supported_params.add(
            param_name=parameter.name,
            access=_DM.PARAM_READ_WRITE if parameter.writable else _DM.PARAM_READ_ONLY,
        )
        if self._typed:
            moving = parameter.name in _ALWAYS_CHANGING or spec.path.endswith("Stats.")
            result.value_type = _TYPES[parameter.type]
            result.value_change = (
                _DM.VALUE_CHANGE_WILL_IGNORE if moving else _DM.VALUE_CHANGE_ALLOWED
            )

    def _commands(
        self, found: pb.GetSupportedDMResp.SupportedObjectResult, spec: ObjectSpec, only: str = ""
    ) -> None:
        for command in self._model.commands.get(spec.path, ()):
            if only in ("", command.name) and self._rights.command_event(
                spec.path + command.name, "r"
            ):
                result = found.supported_commands.add(
                    command_name=command.name,
                    input_arg_names=command.inputs,
                    output_arg_names=command.outputs,
                )
                if self._typed:
                    result.command_type = _DM.CMD_ASYNC if command.asynchronous else _DM.CMD_SYNC

    def _events(
        self, found: pb.GetSupportedDMResp.SupportedObjectResult, spec: ObjectSpec, only: str = ""
    ) -> None:
        for event in self._model.events.get(spec.path, ()):
            if only in ("", event.name) and self._rights.command_event(spec.path + event.name, "r"):
                found.supported_events.add(event_name=event.name, arg_names=event.arguments)


def _find(model: UspModel, text: str) -> tuple[ObjectSpec, str]:
    """Find the object, and the name of a parameter, command or event in it."""
    if not _SYNTAX.fullmatch(text):
        raise Refusal(PATH_SYNTAX, text)
    *steps, leaf = _INSTANCE.sub(".{i}", text).split(".")
    spec, row = model.base.root, True
    for step in steps:
        if step == "{i}":
            if row:
                raise Refusal(INVALID_PATH, text)
            row = True
        elif row and step in spec.children:
            spec = spec.children[step]
            row = not spec.table
        else:
            raise Refusal(INVALID_PATH, text)
    known = (
        not leaf
        or leaf in spec.parameters
        or model.command(spec.path, leaf) is not None
        or model.has_event(spec.path, leaf)
    )
    if not known or (leaf and not row):
        raise Refusal(INVALID_PATH, text)
    return spec, leaf


def _below(spec: ObjectSpec, first_level: bool) -> Iterator[ObjectSpec]:
    for child in spec.children.values():
        yield child
        if not first_level:
            yield from _below(child, first_level)


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
