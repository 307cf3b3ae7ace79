"""Deployment units of a unit: installed, updated and removed (TR-181 SoftwareModules)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from ..cpe.content import version_in_name
from .errors import (
    DU_DUPLICATE,
    DU_RESOURCES,
    DU_STATE,
    DU_UNKNOWN_ENVIRONMENT,
    INVALID_ARGUMENTS,
    Refusal,
)
from .unit import Unit

SOFTWARE = "Device.SoftwareModules."
EVENT = "DUStateChange!"
OPERATIONS = {"InstallDU()": "Install", "Update()": "Update", "Uninstall()": "Uninstall"}
"""What DUStateChange! calls the commands."""
_UNITS = SOFTWARE + "DeploymentUnit."
_ENVIRONMENTS = SOFTWARE + "ExecEnv."

Arguments = Mapping[str, str]


def url_of(unit: Unit, at: str, arguments: Arguments) -> str:
    """Return where the file of a change is; an Update without one takes that of the unit."""
    return arguments.get("URL") or unit.data.value(at + "URL")


def change(unit: Unit, command: str, at: str, arguments: Arguments) -> dict[str, str]:
    """Carry out a command of the object at ``at``; return what DUStateChange! tells of it.

    Raises `Refusal` with the codes that TR-181 names for DUStateChange!.
    """
    row = _installed(unit, arguments) if command == "InstallDU()" else at
    if unit.data.thing(row) is None:
        raise Refusal(DU_STATE, "the deployment unit is gone")
    url = url_of(unit, at, arguments)
    if command == "Update()":
        _check_url(url)
        unit.data.tree.put(row + "URL", url)
        unit.data.tree.put(
            row + "Version", version_in_name(url) or unit.data.value(row + "Version")
        )
    told = _told(unit, command, row)
    if command == "Uninstall()":
        unit.data.tree.drop_row(_UNITS, int(row[len(_UNITS) : -1]))
        return {**told, "CurrentState": "UnInstalled"}
    return {**told, "CurrentState": "Installed"}


def failed(
    unit: Unit, command: str, at: str, arguments: Arguments, refusal: Refusal
) -> dict[str, str]:
    """Return what DUStateChange! tells of a command that came to nothing."""
    installing = command == "InstallDU()"
    told = {} if installing else _told(unit, command, at)
    return {
        "UUID": arguments.get("UUID", ""),
        "OperationPerformed": OPERATIONS[command],
        **told,
        "CurrentState": "Failed" if installing else "Installed",
        "Fault.FaultCode": str(refusal.code),
        "Fault.FaultString": refusal.text,
    }


def _told(unit: Unit, command: str, row: str) -> dict[str, str]:
    return {
        "UUID": unit.data.value(row + "UUID"),
        "DeploymentUnitRef": row.removesuffix("."),
        "Version": unit.data.value(row + "Version"),
        "Resolved": "true",
        "ExecutionUnitRefList": "",
        "OperationPerformed": OPERATIONS[command],
        "Fault.FaultCode": "0",
        "Fault.FaultString": "",
    }


def _installed(unit: Unit, arguments: Arguments) -> str:
    """Make the row of a new deployment unit; return its path."""
    data, url = unit.data, arguments["URL"]
    _check_url(url)
    values = {
        "UUID": _uuid(arguments["UUID"], url),
        "Version": version_in_name(url) or "1.0",
        "ExecutionEnvRef": _environment(unit, arguments["ExecutionEnvRef"]),
    }
    if any(all(data.value(row + n) == t for n, t in values.items()) for row in data.rows(_UNITS)):
        raise Refusal(DU_DUPLICATE, values["UUID"])
    table = data.tree.overlay.table(_UNITS)
    if len(table.rows) >= table.spec.max_rows:
        raise Refusal(DU_RESOURCES)
    row = data.tree.make_row(_UNITS, table.next_row)
    name = urlsplit(url).path.rpartition("/")[2]
    values |= {"Name": name, "URL": url, "Status": "Installed", "Resolved": "1"}
    for leaf, text in values.items():
        data.tree.put(row + leaf, text)
    return row


def _check_url(url: str) -> None:
    try:
        place = urlsplit(url).netloc
    except ValueError:
        raise Refusal(INVALID_ARGUMENTS, "no URL") from None
    if "@" in place:
        raise Refusal(INVALID_ARGUMENTS, "the URL has user information in it")


def _uuid(given: str, url: str) -> str:
    try:
        return str(UUID(given)) if given else str(uuid5(NAMESPACE_URL, url))
    except ValueError:
        raise Refusal(INVALID_ARGUMENTS, "no UUID") from None


def _environment(unit: Unit, given: str) -> str:
    known = [row.removesuffix(".") for row in unit.data.rows(_ENVIRONMENTS)]
    wanted = given.removesuffix(".") or next(iter(known), "")
    if wanted not in known:
        raise Refusal(DU_UNKNOWN_ENVIRONMENT, given)
    return wanted
