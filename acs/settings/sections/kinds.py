"""What settings are made of: their descriptions, and the types most of them have."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta


def says(meaning: str, *, want: str = "", shown: str = "") -> Any:
    """Describe a setting.

    ``want`` says in words what is expected, where the type alone would not;
    ``shown`` is the default for the documentation, where the real one depends on the machine.
    """
    return Meta(description=meaning, extra={"want": want, "shown": shown})


HOST_PORT = r"^([^\s:\[\]]+|\[[0-9A-Fa-f:.%]+\]):\d{1,5}\Z"
WANT_ADDRESS = 'an address and a port, like "0.0.0.0:7547" or "[::]:7547"'
WANT_OPTIONAL_ADDRESS = WANT_ADDRESS + ', or "" for off'
OptionalAddress = Annotated[str, Meta(pattern=f"^\\Z|{HOST_PORT}")]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Bytes = Annotated[int, Meta(ge=1024)]
