"""What a controller does for an agent around a visit: learn who it is, and settle in on it.

    introduce   versions, identity and software, our own Controller row
    acquaint    the supported model of its kind, in slices, once for all agents of it
    settle      our subscriptions, the periodic interval, OnBoardingComplete

All are flows that await `Ask`.  Nothing here fails a visit: an agent that shows or takes less is
served with less, and says so on its timeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from acs.devices.agents import Agent
from acs.model import Value
from acs.usp import messages
from acs.usp.announcement import BOOT, PERIODIC, SOFTWARE_CHANGE, TRANSFER_COMPLETE, WATCH
from acs.usp.conversation import Ask
from acs.usp.messages import Error, ObjectSettings, Setting, SupportedObject
from acs.usp.paths import join, search
from acs.usp.procedures import SUBSCRIPTIONS, subscription
from acs.usp.rpc import refusals
from acs.usp.supported import MAX_OBJECTS

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
"""What we speak, oldest first."""
CONTROLLERS = "Device.LocalAgent.Controller."
IDENTITY = {
    "Device.DeviceInfo.ManufacturerOUI": "oui",
    "Device.DeviceInfo.ProductClass": "product_class",
    "Device.DeviceInfo.SerialNumber": "serial_number",
    "Device.DeviceInfo.Manufacturer": "manufacturer",
    "Device.DeviceInfo.ModelName": "model",
    "Device.DeviceInfo.HardwareVersion": "hardware",
    "Device.DeviceInfo.SoftwareVersion": "software",
}
"""Where an agent tells who it is, and the field of `Agent` that keeps it."""
ADDRESSES = (
    "Device.IP.Interface.*.IPv4Address.*.IPAddress",
    "Device.IP.Interface.*.IPv6Address.*.IPAddress",
)
MOST_ADDRESSES = 64
TEXT_LENGTH = 64
"""Characters of each (TR-181 DeviceInfo)."""
OURS = "acs-"
"""What the id of each subscription of ours begins with."""
SLICES = 200
"""Most requests for one supported model."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an agent is to be set up for us."""

    endpoint: str
    """Our own endpoint id."""
    periodic: int = 0
    """Seconds between two Periodic!; 0: leave its own."""
    watched: tuple[str, ...] = (
        "Device.DeviceInfo.SoftwareVersion",
        "Device.DeviceInfo.ProvisioningCode",
        "Device.WiFi.SSID.*.SSID",
        "Device.WiFi.SSID.*.Enable",
        "Device.WiFi.AccessPoint.*.Enable",
        "Device.WiFi.AccessPoint.*.Security.ModeEnabled",
    )
    """Parameters whose changes make us look at the device again; no object, which has counters."""

    @property
    def subscriptions(self) -> Mapping[str, tuple[str, str]]:
        """Kind and reference of each subscription of ours, by its id."""
        events = {
            "acs-boot": BOOT,
            "acs-periodic": PERIODIC,
            "acs-transfer": TRANSFER_COMPLETE,
            "acs-software": SOFTWARE_CHANGE,
        }
        wanted = {name: ("Event", path) for name, path in events.items()}
        wanted["acs-commands"] = ("OperationComplete", "Device.")
        for path in self.watched:
            wanted[f"{WATCH}-{path.removeprefix('Device.').rstrip('.')}"] = ("ValueChange", path)
        return wanted

    @property
    def digest(self) -> str:
        """Changes when an agent has to be set up anew."""
        text = repr((self.endpoint, self.periodic, sorted(self.subscriptions.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(slots=True)
class Settled:
    """What came of settling in."""

    is_done: bool = False
    remarks: list[str] = field(default_factory=list)
    """What the agent did not take or show, for its timeline."""


# --- who it is ---------------------------------------------------------------------------


@dataclass(slots=True)
class Told:
    """What an agent told of itself."""

    fields: dict[str, str] = field(default_factory=dict)
    """New values for fields of `Agent`."""
    addresses: dict[str, Value] = field(default_factory=dict)
    """Addresses of its IP interfaces, by path: which of them it reaches us by follows."""


async def introduce(agent: Agent, ours: str) -> Told:
    """Ask an agent who it is.

    ``ours``: our own endpoint id, by which our row in its Controller table is found.
    """
    told = Told()
    found = told.fields
    if not agent.versions:
        found |= await _versions()
    row = search(CONTROLLERS, {"EndpointID": ours})
    answer = await Ask(messages.Get((*IDENTITY, *ADDRESSES, f"{row}EndpointID")))
    if not isinstance(answer, messages.GetResp):
        return told
    for result in answer.results:
        for resolved in result.resolved:
            for name, text in resolved.params.items():
                path = join(resolved.path, name)
                if (kept := IDENTITY.get(path)) and text:
                    found[kept] = text[:TEXT_LENGTH]
                elif path.startswith(CONTROLLERS) and text == ours:
                    found["controller"] = resolved.path
                elif path.endswith(".IPAddress") and len(told.addresses) < MOST_ADDRESSES:
                    told.addresses[path] = Value(text[:TEXT_LENGTH])
    return told


async def _versions() -> dict[str, str]:
    answer = await Ask(messages.GetSupportedProtocol(VERSIONS))
    if not isinstance(answer, messages.GetSupportedProtocolResp):
        return {}
    theirs = [each.strip() for each in answer.versions if each.strip()][:16]
    common = [each for each in VERSIONS if each in theirs]
    return {
        "versions": ",".join(theirs)[:TEXT_LENGTH],
        "version": common[-1] if common else VERSIONS[0],
    }


def identity_of_request(detail: Mapping[str, str]) -> dict[str, str]:
    """What an OnBoardRequest tells of the identity, for an agent that does not show DeviceInfo."""
    told = {
        "oui": detail.get("ManufacturerOUI", ""),
        "product_class": detail.get("ProductClass", ""),
        "serial_number": detail.get("SerialNumber", ""),
    }
    return {name: text[:TEXT_LENGTH] for name, text in told.items() if text}


# --- what it can -------------------------------------------------------------------------


async def acquaint() -> tuple[str, list[SupportedObject]]:
    """Ask for the supported model in slices, one for each object below the root.

    Returns its name and its objects; none, where the agent does not tell.
    """
    top = await Ask(messages.GetSupportedDM(("Device.",), first_level_only=True))
    if not isinstance(top, messages.GetSupportedDMResp):
        return "", []
    uri = next((result.model_uri for result in top.results if result.model_uri), "")
    found: dict[str, SupportedObject] = {}
    slices = []
    for each in (each for result in top.results for each in result.objects):
        if each.path == "Device.":
            found[each.path] = each
        else:
            slices.append(_object_path(each.path))
    for path in slices[:SLICES]:
        answer = await Ask(messages.GetSupportedDM((path,)))
        if isinstance(answer, Error):
            continue
        if isinstance(answer, messages.GetSupportedDMResp):
            for result in answer.results:
                for each in result.objects:
                    found.setdefault(_object_path(each.path), each)
        if len(found) >= MAX_OBJECTS:
            break
    return uri, list(found.values())


def _object_path(path: str) -> str:
    # There are agents that leave out the final dot.
    return path if path.endswith(".") else f"{path}."


# --- settling in -------------------------------------------------------------------------


async def is_set_up() -> bool:
    """Tell whether the agent has a subscription of ours; True where it does not show them."""
    answer = await Ask(messages.Get((f"{SUBSCRIPTIONS}*.ID",)))
    if not isinstance(answer, messages.GetResp) or any(each.code for each in answer.results):
        return True
    return any(
        text.startswith(OURS)
        for result in answer.results
        for resolved in result.resolved
        for text in resolved.params.values()
    )


async def settle(agent: Agent, wanted: Wanted) -> Settled:
    """Set the agent up for us: what is missing is added, what differs is made anew."""
    settled = Settled()
    if not agent.controller:
        settled.remarks.append(f"its Controller table shows no row of {wanted.endpoint}")
    present = await _own_subscriptions(agent, settled)
    if present is None:
        return settled
    settled.is_done = await _subscribe(present, wanted, settled)
    await _finish(agent, wanted, settled)
    return settled


async def _own_subscriptions(agent: Agent, settled: Settled) -> dict[str, dict[str, str]] | None:
    """Our subscriptions on it: parameters by path of the row; None: they cannot be read."""
    answer = await Ask(messages.Get((SUBSCRIPTIONS,)))
    if not isinstance(answer, messages.GetResp):
        settled.remarks.append(f"its subscriptions cannot be read: {answer}")
        return None
    rows = {
        resolved.path: dict(resolved.params)
        for result in answer.results
        for resolved in result.resolved
    }
    ours = agent.controller.rstrip(".")
    return {
        path: told
        for path, told in rows.items()
        if not ours or told.get("Recipient", ours).rstrip(".") in ("", ours)
    }


async def _subscribe(
    present: Mapping[str, Mapping[str, str]], wanted: Wanted, settled: Settled
) -> bool:
    """Bring our subscriptions in order; False: the agent refused to add any."""
    rows = {told.get("ID", ""): (path, told) for path, told in present.items()}
    # One that somebody else made for us will do: two would tell us everything twice.
    others = {
        (told.get("NotifType"), told.get("ReferenceList"))
        for name, (_path, told) in rows.items()
        if name not in wanted.subscriptions and _is_true(told.get("Enable", ""))
    }
    missing, stale, asleep = [], [], []
    for name, (kind, reference) in wanted.subscriptions.items():
        path, told = rows.get(name, ("", {}))
        if not path and kind != "ValueChange" and (kind, reference) in others:
            continue
        if not path:
            missing.append((name, kind, reference))
        elif (told.get("NotifType"), told.get("ReferenceList")) != (kind, reference):
            # A reference cannot be changed once it is written (TR-181).
            stale.append(path)
            missing.append((name, kind, reference))
        elif not _is_true(told.get("Enable", "")):
            asleep.append(path)
    # What we watched under earlier settings is watched no more.
    stale += [
        path
        for name, (path, _told) in rows.items()
        if name.startswith(f"{WATCH}-") and name not in wanted.subscriptions
    ]
    if stale:
        await Ask(messages.Delete(tuple(stale), allow_partial=True))
    if asleep:
        awake = tuple(ObjectSettings(path, (Setting("Enable", "true"),)) for path in asleep)
        await Ask(messages.Set(awake, allow_partial=True))
    return not missing or await _add_subscriptions(missing, settled)


def _is_true(text: str) -> bool:
    return text.lower() in ("true", "1")


async def _add_subscriptions(missing: list[tuple[str, str, str]], settled: Settled) -> bool:
    objects = tuple(
        ObjectSettings(SUBSCRIPTIONS, subscription(name, kind, reference))
        for name, kind, reference in missing
    )
    # An agent may not have an event, or no room for all: what it can take, it shall take.
    answer = await Ask(messages.Add(objects, allow_partial=True))
    if not isinstance(answer, messages.AddResp):
        settled.remarks.append(f"subscriptions are refused: {answer}")
        return False
    for (name, _kind, reference), result in zip(missing, answer.results, strict=False):
        if isinstance(result.outcome, messages.Failure):
            why = f"{result.outcome.code} {result.outcome.text}".rstrip()
            settled.remarks.append(f"no subscription {name} to {reference}: {why}")
    return True


async def _finish(agent: Agent, wanted: Wanted, settled: Settled) -> None:
    if not agent.controller:
        return
    finals = [Setting("OnBoardingComplete", "true", required=False)]
    if wanted.periodic:
        finals.insert(0, Setting("PeriodicNotifInterval", str(wanted.periodic), required=False))
    answer = await Ask(
        messages.Set((ObjectSettings(agent.controller, tuple(finals)),), allow_partial=True)
    )
    if isinstance(answer, Error):
        settled.remarks.append(f"its Controller row cannot be written: {answer}")
    elif isinstance(answer, messages.SetResp):
        settled.remarks += [
            f"{each.path} cannot be written: {each.code} {each.text}".rstrip()
            for each in refusals(answer)
        ]
