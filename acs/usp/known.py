"""What is known of the agent on the line while an operation is turned into messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acs.model import Value
from acs.usp.messages import ObjectAccess
from acs.usp.paths import InvalidPath, general
from acs.usp.supported import SupportedModel


@dataclass(slots=True)
class Known:
    """An agent's own Controller row and its supported model, as far as they are known."""

    controller: str = ""
    """Path of our row, ``Device.LocalAgent.Controller.1.``; empty: not seen."""
    supported: SupportedModel | None = None
    version: str = "1.0"

    def value(self, path: str, text: str) -> Value:
        """``text`` as a value of ``path``, typed where the model is known."""
        return self.supported.value(path, text) if self.supported else Value(text)

    def is_writable(self, path: str) -> bool:
        """Tell whether the model lets ``path`` be written: a table, whether rows can be created."""
        if self.supported is None:
            return False
        try:
            name = general(path)
        except InvalidPath:
            return False
        rows = self.supported.objects.get(f"{name}{{i}}.") if name.endswith(".") else None
        if rows is not None:
            return rows.access in (ObjectAccess.ADD_DELETE, ObjectAccess.ADD_ONLY)
        return self.supported.names.get(name, False)

    def is_table(self, path: str) -> bool:
        """Tell whether ``path`` is a table, as far as the model is known."""
        return self.supported is not None and f"{general(path)}{{i}}." in self.supported.objects

    def children(self, path: str) -> Iterable[str]:
        """Objects right below ``path``, as far as the model is known."""
        return self.supported.children(path) if self.supported else ()
