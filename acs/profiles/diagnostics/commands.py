"""Diagnostics over USP: one command each, with inputs and outputs named as the parameters are.

``Device.IP.Diagnostics.IPPing.`` of CWMP is the command ``Device.IP.Diagnostics.IPPing()``; its
state is the output ``Status`` (TR-181, Diagnostics).
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.places import DiagnosticPlaces
from acs.profiles.diagnostics.request import WAN, Request

STATUS = "Status"
_NEEDED: Mapping[Diagnostic, Mapping[str, str]] = {
    Diagnostic.PING: {
        "ProtocolVersion": "Any",
        "NumberOfRepetitions": "4",
        "Timeout": "2000",
        "DataBlockSize": "56",
    },
    Diagnostic.TRACE: {"ProtocolVersion": "Any"},
    Diagnostic.SPEED_UPLOAD: {},
    Diagnostic.SPEED_DOWNLOAD: {},
    Diagnostic.LOOKUP: {},
    Diagnostic.NEIGHBOURS: {},
}
"""Inputs a command must have (TR-181, for USP) that nobody needs to name, with what they then are.
Times are milliseconds."""


def command_of(places: DiagnosticPlaces) -> str:
    """Return the path of the command, with ``()``."""
    return places.object.removesuffix(".") + "()"


def inputs_of(request: Request, places: DiagnosticPlaces, wan: str) -> dict[str, str]:
    """Return what the command is run with, text by input.

    ``wan``: path of the interface by which the device reaches us. An argument the family has no
    name for is left out.
    """
    made = dict(_NEEDED[request.diagnostic])
    for name, value in request.arguments.items():
        leaf = places.arguments.get(name)
        if not leaf:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if name == "interface":
            # A reference has no final dot over USP (TR-369, Reference Following).
            text = (wan if text == WAN else text).rstrip(".")
        made[leaf] = text
    return made


def told_of(places: DiagnosticPlaces, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs of the command as CWMP would tell them: text by path."""
    told = {places.object + name: text for name, text in outputs.items() if name != STATUS}
    # The command ended well, else a failure was reported: some agents tell no more than that.
    told[places.state] = outputs.get(STATUS) or "Complete"
    return told
