"""Options that vouchers enable (TR-069 A.4.1.3, A.4.1.4; deprecated)."""

from __future__ import annotations

import re
from typing import NamedTuple

from .faults import CpeFaultError

_FIELD = re.compile(r"<(\w+)>([^<]*)</\1>")


class Option(NamedTuple):
    """One option; ``state`` and ``mode`` are the numbers of OptionStruct."""

    name: str
    serial: int
    state: int
    mode: int
    start: str
    transferable: int


def read_voucher(voucher: bytes) -> Option:
    """Read the option out of a voucher's XML. Raises `CpeFaultError` 9003."""
    given = dict(_FIELD.findall(voucher.decode("utf-8", "replace")))
    name, serial = given.get("OptionIdent", ""), given.get("VSerialNum", "")
    if not name or not serial.isdigit():
        raise CpeFaultError(9003)
    disabled = given.get("Mode") == "Disabled"
    return Option(
        name,
        int(serial),
        state=0 if disabled else 1,
        mode={"Disabled": 0, "EnableWithExpiration": 1}.get(given.get("Mode", ""), 2),
        start=given.get("StartDate", "") or "0001-01-01T00:00:00Z",
        transferable=int(given.get("Transferable") == "Yes"),
    )
