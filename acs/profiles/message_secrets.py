"""Secrets in USP messages of JSON form: found by the names of their parameters and arguments.

The form is that of the schema: one member (``get``, ``set_resp``, …) that holds the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MASK = "***"
Hides = Callable[[str], bool]
"""Tells of a full path whether its value must not be shown."""

_PLACES = ("obj_path", "command", "resolved_path", "affected_path", "instantiated_path")
"""Fields that say what the names beside them are relative to."""
_TABLES = ("result_params", "updated_params", "input_args", "output_args", "unique_keys", "params")
"""Fields that hold values by name."""


def masked(message: Mapping[str, object], hides: Hides) -> dict[str, Any]:
    """Return ``message`` as it may be shown. An empty value says that nothing is told."""
    made = _walked(message, "", hides)
    assert isinstance(made, dict)
    return made


def secrets_of(message: Mapping[str, object], hides: Hides) -> tuple[str, ...]:
    """Return the secret values that ``message`` holds, so that they can be masked elsewhere."""
    return tuple(_found(message, "", hides))


def _walked(node: object, place: str, hides: Hides) -> Any:
    match node:
        case Mapping():
            place = _place(node, place)
            return {
                name: MASK
                if _is_secret(node, str(name), told, place, hides)
                else _table(told, place, hides)
                if name in _TABLES and isinstance(told, Mapping)
                else _walked(told, place, hides)
                for name, told in node.items()
            }
        case list() | tuple():
            return [_walked(each, place, hides) for each in node]
        case _:
            return node


def _found(node: object, place: str, hides: Hides) -> Iterator[str]:
    match node:
        case Mapping():
            place = _place(node, place)
            for name, told in node.items():
                if _is_secret(node, str(name), told, place, hides):
                    yield str(told)
                elif name in _TABLES and isinstance(told, Mapping):
                    yield from (str(v) for k, v in told.items() if v and hides(f"{place}{k}"))
                else:
                    yield from _found(told, place, hides)
        case list() | tuple():
            for each in node:
                yield from _found(each, place, hides)
        case _:
            return


def _place(node: Mapping[str, object], place: str) -> str:
    told = next((node[name] for name in _PLACES if isinstance(node.get(name), str)), place)
    text = str(told)
    return text if text.endswith(".") or not text else f"{text}."


def _is_secret(
    node: Mapping[str, object], name: str, told: object, place: str, hides: Hides
) -> bool:
    """Tell whether this is the value of a setting (``param``, ``value``) that is to be hidden."""
    return name == "value" and bool(told) and hides(f"{place}{node.get('param', '')}")


def _table(told: Mapping[str, object], place: str, hides: Hides) -> dict[str, object]:
    return {name: MASK if v and hides(f"{place}{name}") else v for name, v in told.items()}
