"""A flow driven over the RPCs of CWMP on a simulated unit, without sockets or sessions.

The unit checks every name, type and word itself; what was asked of it is kept in `requests`.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from acs.cwmp.dialect import Dialect
from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.rpc import perform
from acs.cwmp.structures import ParameterInfoStruct, ParameterValueStruct
from acs.model import DataModel, Operation, ParameterFault, Value, ValueType
from simulators.cpe.device import Ont
from simulators.cpe.faults import CpeFaultError

T = TypeVar("T")


class SimulatedLine:
    """The line to ``ont``, spoken in ``dialect``."""

    def __init__(self, ont: Ont, dialect: Dialect | None = None) -> None:
        self.ont = ont
        self.model = DataModel()
        self.requests: list[Message] = []
        self._dialect = dialect or Dialect(booleans="1")

    @property
    def written(self) -> list[tuple[str, str]]:
        """Path and text of every value that was sent, in order."""
        return [
            (change.name, change.value.text)
            for request in self.requests
            if isinstance(request, SetParameterValues)
            for change in request.parameter_list
        ]

    def run(self, flow: Coroutine[Operation, Any, T]) -> T:
        """Drive ``flow`` to its end and return what it returns."""
        outcome: Any = None
        while True:
            try:
                exchange = perform(flow.send(outcome), self._dialect)  # type: ignore[arg-type]
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                request = next(exchange)
                while True:
                    request = exchange.send(self._answer(request))
            except StopIteration as done:
                outcome = done.value

    def _answer(self, request: Message) -> Message:
        self.requests.append(request)
        try:
            return self._carried_out(request)
        except CpeFaultError as refused:
            details = tuple(ParameterFault(p.name, p.code, p.text) for p in refused.parameters)
            return SoapFault(refused.code, refused.text, details)

    def _carried_out(self, request: Message) -> Message:
        tree = self.ont.tree
        match request:
            case GetParameterValues(parameter_names=names):
                return GetParameterValuesResponse(
                    tuple(
                        ParameterValueStruct(p.name, Value(p.text, ValueType(p.type)))
                        for p in tree.read(names)
                    )
                )
            case GetParameterNames(parameter_path=path, next_level=level):
                listed = tree.names(path, level)
                return GetParameterNamesResponse(tuple(ParameterInfoStruct(*n) for n in listed))
            case SetParameterValues(parameter_list=changes):
                wanted = [(c.name, c.value.type.value, c.value.text) for c in changes]
                return SetParameterValuesResponse(int(tree.write(wanted)))
            case AddObject(object_name=table):
                return AddObjectResponse(tree.add(table))
            case DeleteObject(object_name=row):
                tree.delete(row)
                return DeleteObjectResponse()
        raise AssertionError(request)
