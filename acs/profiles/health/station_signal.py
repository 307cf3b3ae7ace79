"""The signal of a Wi-Fi station in dBm, from dBm (TR-181) or from an RCPI (EasyMesh)."""

from __future__ import annotations

from enum import StrEnum

from acs.profiles.health.measured import EMPTY, ZERO, Figure, number

_LEAST = -200
_RCPI_MOST = 220
_RCPI_UNKNOWN = 255


class SignalUnit(StrEnum):
    """Scales in which devices write a signal."""

    DBM = "dBm"
    """`AssociatedDevice.SignalStrength` of TR-181, −200 to 0; a positive figure is refused."""
    AUTO = "auto"
    """Told by the sign: negative is dBm, positive an RCPI (IEEE 802.11, value / 2 − 110)."""


def signal(text: str, unit: SignalUnit) -> Figure:
    """Convert a station's signal to dBm. 0 and RCPI 255 are unknown."""
    if not text.strip():
        return Figure(None, EMPTY)
    read = number(text)
    if read is None:
        return Figure(None, "not a number")
    if read == 0:
        return Figure(None, ZERO)
    if read < 0:
        if read < _LEAST:
            return Figure(None, f"refused: {read:g} dBm is below {_LEAST}")
        return Figure(read)
    if unit is SignalUnit.DBM:
        return Figure(None, "refused: positive, so it is not dBm; its scale is not known")
    if read == _RCPI_UNKNOWN:
        return Figure(None, "RCPI 255: unknown")
    if read > _RCPI_MOST:
        return Figure(None, f"refused: an RCPI is at most {_RCPI_MOST}")
    return Figure(read / 2 - 110, f"from RCPI {read:g}")
