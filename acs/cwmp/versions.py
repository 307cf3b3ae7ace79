"""Versions of CWMP: which one a device speaks, and since when a method exists (TR-069 3.7.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from acs.cwmp.messages import Envelope

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
_NAMESPACE = re.compile(r"urn:dslforum-org:cwmp-1-(\d{1,4})")

METHOD_SINCE: dict[str, str] = {
    "GetRPCMethods": "1.0",
    "SetParameterValues": "1.0",
    "GetParameterValues": "1.0",
    "GetParameterNames": "1.0",
    "SetParameterAttributes": "1.0",
    "GetParameterAttributes": "1.0",
    "AddObject": "1.0",
    "DeleteObject": "1.0",
    "Download": "1.0",
    "Reboot": "1.0",
    "GetQueuedTransfers": "1.0",
    "ScheduleInform": "1.0",
    "SetVouchers": "1.0",
    "GetOptions": "1.0",
    "Upload": "1.0",
    "FactoryReset": "1.0",
    "GetAllQueuedTransfers": "1.1",
    "ScheduleDownload": "1.2",
    "CancelTransfer": "1.2",
    "ChangeDUState": "1.2",
    "Inform": "1.0",
    "TransferComplete": "1.0",
    "AutonomousTransferComplete": "1.1",
    "Kicked": "1.0",
    "RequestDownload": "1.0",
    "DUStateChangeComplete": "1.2",
    "AutonomousDUStateChangeComplete": "1.2",
}
"""Method name to the version that introduced it."""


def choose_version(supported: Iterable[str]) -> str | None:
    """Return the highest version both sides speak; None means fault 8006."""
    common = {version.strip() for version in supported}.intersection(VERSIONS)
    return max(common, default=None)


def version_of(envelope: Envelope) -> str:
    """Return the version, ``1.0`` to ``1.4``, in which to talk to the sender of an Inform.

    A 1.4 device lists its versions; before that the namespace tells, and cwmp-1-2 means 1.3
    when SessionTimeout is present.  A namespace we do not know counts as the nearest version.
    """
    if envelope.supported_versions:
        return choose_version(envelope.supported_versions) or "1.4"
    found = _NAMESPACE.fullmatch(envelope.namespace)
    if found is None:
        return "1.0"
    version = f"1.{min(int(found[1]), 4)}"
    return "1.3" if version == "1.2" and envelope.session_timeout is not None else version
