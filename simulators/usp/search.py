"""What a path leads to in the data model of an agent (TR-369, Searching, Reference Following)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ..cpe.nodes import Node, Table
from ..cpe.schema import INTEGERS, TRUE, ObjectSpec, ParameterSpec
from .data import Data
from .errors import INVALID_PATH, NO_OBJECT, PATH_SYNTAX, Refusal
from .paths import Condition, Every, Follow, Instance, Name, Path, Search, Step
from .permissions import Permissions

Place = tuple[str, Node | Table]
_UNKNOWN_TIME = "0001-01-01T00:00:00Z"


def places(data: Data, rights: Permissions, path: Path) -> list[Place]:
    """Return the objects that the steps of a path lead to, as (path, object).

    A search that matches nothing leads nowhere (R-MSG.4a).  Raises `Refusal`: 7026 for what
    the model does not have, 7016 for a row that is not there, 7008 for a wrong comparison.
    """
    _check(data.model.base.root, path)
    found: list[Place] = [("", data.model.base.factory)]
    for step in path.steps:
        following = [place for each in found for place in _take(data, rights, each, step)]
        if not following and not path.is_search:
            raise Refusal(NO_OBJECT, found[0][0])
        found = list(dict(following).items()) if len(following) > 1 else following
    return found


def supported(root: ObjectSpec, path: Path) -> ObjectSpec | None:
    """Return what the model says of the object a path leads to; None beyond a reference.

    Raises `Refusal` 7026.
    """
    return _check(root, path)


def _check(root: ObjectSpec, path: Path) -> ObjectSpec | None:
    spec, in_row = root, True
    for step in path.steps:
        match step:
            case Name(name):
                if not in_row or name not in spec.children:
                    raise Refusal(INVALID_PATH, name)
                spec = spec.children[name]
                in_row = not spec.table
            case Follow(name):
                if not in_row or name not in spec.parameters:
                    raise Refusal(INVALID_PATH, name)
                return None
            case Instance() | Every() | Search():
                if in_row:
                    raise Refusal(INVALID_PATH, f"{spec.path} has no instances")
                in_row = True
                if isinstance(step, Search):
                    for condition in step.conditions:
                        _check_condition(spec, condition)
    return spec


def _check_condition(spec: ObjectSpec, condition: Condition) -> None:
    for step in condition.steps:
        if isinstance(step, Follow):
            if step.name not in spec.parameters:
                raise Refusal(INVALID_PATH, step.name)
            return
        name = step.name if isinstance(step, Name) else ""
        if name not in spec.children or spec.children[name].table:
            raise Refusal(INVALID_PATH, name)
        spec = spec.children[name]
    parameter = spec.parameters.get(condition.name)
    if parameter is None:
        raise Refusal(INVALID_PATH, condition.name)
    _check_comparison(parameter, condition)


def _check_comparison(parameter: ParameterSpec, condition: Condition) -> None:
    """Raise `Refusal` 7008 where a value cannot be compared like that."""
    if condition.operator == "~=":
        return
    textual = parameter.type in ("string", "base64", "hexBinary")
    equality = condition.operator in ("==", "!=")
    if textual != condition.quoted:
        raise Refusal(PATH_SYNTAX, f"{condition.name}: strings alone are quoted")
    if (textual or parameter.type == "boolean") and not equality:
        raise Refusal(PATH_SYNTAX, f"{condition.name} is compared by == and != alone")
    if parameter.type in INTEGERS and not condition.value.lstrip("+-").isdigit():
        raise Refusal(PATH_SYNTAX, f"{condition.name} is a number")
    if parameter.type == "boolean" and condition.value not in ("true", "false", "1", "0"):
        raise Refusal(PATH_SYNTAX, f"{condition.name} is true or false")
    if parameter.type == "dateTime" and _moment(condition.value) is None:
        raise Refusal(PATH_SYNTAX, f"{condition.name} is a dateTime")


def _take(data: Data, rights: Permissions, place: Place, step: Step) -> Iterator[Place]:
    path, thing = place
    match step:
        case Name(name):
            if isinstance(thing, Node) and name in thing.children:
                yield from _there(data, f"{path}{name}.")
        case Instance(number):
            if isinstance(thing, Table) and number in thing.rows:
                yield f"{path}{number}.", thing.rows[number]
        case Every():
            if isinstance(thing, Table):
                yield from ((f"{path}{number}.", row) for number, row in thing.rows.items())
        case Search(conditions):
            if isinstance(thing, Table):
                for number, row in thing.rows.items():
                    at: Place = (f"{path}{number}.", row)
                    if all(_holds(data, rights, at, each) for each in conditions):
                        yield at
        case Follow():
            if isinstance(thing, Node):
                yield from _follow(data, rights, path, thing, step)


def _there(data: Data, path: str) -> Iterator[Place]:
    thing = data.thing(path)
    if thing is not None:
        yield path, thing


def _follow(
    data: Data, rights: Permissions, path: str, node: Node, step: Follow
) -> Iterator[Place]:
    spec = node.spec.parameters.get(step.name)
    if spec is None or not rights.param(node.spec.path + step.name, "r"):
        return
    listed = [each.strip() for each in data.shown(path, node, spec).split(",")]
    chosen = listed if step.index == 0 else listed[step.index - 1 : step.index]
    for target in chosen:
        if target.startswith("Device."):
            yield from _there(data, target.removesuffix(".") + ".")


def _holds(data: Data, rights: Permissions, row: Place, condition: Condition) -> bool:
    found = [row]
    for step in condition.steps:
        found = [place for each in found for place in _take(data, rights, each, step)]
    return any(_compare(data, rights, place, condition) for place in found)


def _compare(data: Data, rights: Permissions, place: Place, condition: Condition) -> bool:
    path, node = place
    if not isinstance(node, Node):
        return False
    spec = node.spec.parameters.get(condition.name)
    if spec is None or not rights.param(node.spec.path + spec.name, "r"):
        return False
    own = data.shown(path, node, spec, secured=rights.secured)
    return compare(spec.type, own, condition.operator, condition.value)


def compare(kind: str, own: str, operator: str, value: str) -> bool:
    """Tell whether ``own``, of type ``kind``, stands to ``value`` as the operator says."""
    if operator == "~=":
        return value in (each.strip() for each in own.split(","))
    if kind == "boolean":
        same = (own in TRUE) == (value in TRUE)
        return same if operator == "==" else operator == "!=" and not same
    if kind in INTEGERS:
        return _ordered(int(own or 0), operator, int(value))
    if kind == "dateTime" and _UNKNOWN_TIME not in (own, value):
        first, second = _moment(own), _moment(value)
        return bool(first and second) and _ordered(first, operator, second)
    return own == value if operator == "==" else operator == "!=" and own != value


def _ordered(own: int | datetime | None, operator: str, value: int | datetime | None) -> bool:
    first: float = own.timestamp() if isinstance(own, datetime) else own or 0
    second: float = value.timestamp() if isinstance(value, datetime) else value or 0
    match operator:
        case "==":
            return first == second
        case "!=":
            return first != second
        case "<":
            return first < second
        case ">":
            return first > second
        case "<=":
            return first <= second
        case _:
            return first >= second


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
