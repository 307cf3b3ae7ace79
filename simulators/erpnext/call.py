"""One call under ``/api``, with everything it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.erpnext.documents import Documents, Work
from simulators.erpnext.errors import crash
from simulators.erpnext.filters import decode_json
from simulators.erpnext.users import User


@dataclass(frozen=True, slots=True)
class Call:
    """A verb with its arguments, and the documents it works on."""

    verb: str
    arguments: Mapping[str, Any]
    documents: Documents
    work: Work
    time_zone: str

    @property
    def user(self) -> User:
        """Who calls."""
        return self.work.user

    def required(self, name: str) -> Any:
        """Return an argument; without it Python's own error escapes (500)."""
        if name not in self.arguments:
            raise crash("TypeError", f"missing 1 required positional argument: {name!r}")
        return self.arguments[name]

    def text(self, name: str) -> str:
        """Return a required argument as text."""
        return str(self.required(name))

    def document(self, name: str = "doc") -> Mapping[str, Any]:
        """Return an argument that is an object or its JSON text."""
        value = decode_json(self.required(name))
        if not isinstance(value, dict):
            raise crash("TypeError", f"argument {name!r} is not an object")
        return value
