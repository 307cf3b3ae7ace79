"""What the parts of one agent share: its data, its options, chance, time and counts."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import NamedTuple

from ..cpe.modelfile import Identity
from .data import Data
from .model import UspModel
from .options import AgentOptions, OnBoarding, Role
from .permissions import Permissions, Rule, permissions, targets
from .timers import Timers

CONTROLLERS = "Device.LocalAgent.Controller."
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
REQUESTS = "Device.LocalAgent.Request."
TRUST = "Device.LocalAgent.ControllerTrust."
_ROLES = {Role.UNTRUSTED: "", Role.LIMITED: "2", Role.FULL: "3", Role.SECURED: "4"}


class Controller(NamedTuple):
    """A row of the Controller table."""

    row: str
    endpoint: str
    topic: str | None
    """Where it listens; None: where the link sends to without being told."""
    reachable: bool = True
    """False: there is no MTP of it that the link can use."""


class Unit:
    """The device an agent speaks for."""

    __slots__ = (
        "_rights",
        "counters",
        "data",
        "endpoint",
        "identity",
        "options",
        "random",
        "started",
        "timers",
    )

    def __init__(
        self, model: UspModel, identity: Identity, options: AgentOptions, random: Random, now: float
    ) -> None:
        self.identity = identity
        self.options = options
        self.random = random
        self.timers = Timers()
        self.counters: Counter[str] = Counter()
        self.endpoint = options.endpoint or (
            f"ops::{identity.oui}-{identity.product_class}-{identity.serial}"
        )
        self.started = now
        self.data = Data(model, identity, self._factory())
        self._rights: dict[str, Permissions] = {}
        self.leave_factory()

    @property
    def version(self) -> str:
        """Version of its records."""
        return self.options.versions[-1]

    def _factory(self) -> dict[str, str]:
        """Return what is this unit's own when it leaves the factory."""
        controller = f"{CONTROLLERS}1."
        role = _ROLES[self.options.role]
        values = {
            "Device.LocalAgent.EndpointID": self.endpoint,
            f"{controller}EndpointID": self.options.controller,
            f"{controller}PeriodicNotifInterval": str(self.options.periodic),
            f"{controller}AssignedRole": f"{TRUST}Role.{role}" if role else "",
            f"{controller}MTP.1.MQTT.Topic": self.options.controller_topic.replace(
                "{endpoint}", self.endpoint
            ),
        }
        if self.options.session_context:
            values[f"{controller}E2ESession.SessionMode"] = "Require"
            values[f"{controller}E2ESession.MaxUSPRecordSize"] = str(self.options.max_record)
        return values | dict(self.options.values)

    def leave_factory(self) -> None:
        """Set what only a running unit can say; after each factory reset."""
        tree = self.data.tree
        version = tree.find("Device.DeviceInfo.SoftwareVersion")
        tree.put("Device.DeviceInfo.FirmwareImage.1.Version", version)
        if self.options.boot_subscription:
            row = tree.make_row(SUBSCRIPTIONS, 1)
            for leaf, text in (
                ("Alias", "cpe-1"),
                ("Enable", "1"),
                ("ID", "factory-boot"),
                ("Recipient", f"{CONTROLLERS}1"),
                ("NotifType", "Event"),
                ("ReferenceList", "Device.Boot!"),
                ("Persistent", "1"),
                ("NotifRetry", "1"),
            ):
                tree.put(row + leaf, text)
        self._rights.clear()

    def tell_time(self, now: float) -> None:
        """Let what counts seconds say how many there are."""
        seconds = str(max(0, int(now - self.started)))
        for path in ("Device.DeviceInfo.UpTime", "Device.LocalAgent.UpTime"):
            if path in self.data.tree:
                self.data.tree.put(path, seconds)

    def controllers(self) -> list[Controller]:
        """Return the controllers that are enabled."""
        rows = self.data.rows(CONTROLLERS)
        return [self.controller(row) for row in rows if self.data.is_on(row + "Enable")]

    def controller(self, row: str) -> Controller:
        """Return the controller of a row."""
        endpoint = self.data.value(row + "EndpointID")
        if endpoint == self.options.controller:
            return Controller(row, endpoint, None)
        mtps = (mtp for mtp in self.data.rows(row + "MTP.") if self.data.is_on(mtp + "Enable"))
        topic = self.data.value(next(mtps, "") + "MQTT.Topic") or None
        return Controller(row, endpoint, topic, reachable=topic is not None)

    def onboarded(self, row: str) -> bool:
        """Tell whether OnBoardRequest need not be sent to a controller any more."""
        path = row + "OnBoardingComplete"
        return self.options.onboarding is not OnBoarding.UNTIL_COMPLETE or self.data.is_on(path)

    def rights(self, row: str) -> Permissions:
        """Return what the controller of a row may do."""
        known = self._rights.get(row)
        if known is None:
            known = self._rights[row] = self._read_rights(row)
        return known

    def forget_rights(self) -> None:
        """Read the roles anew when they are asked for."""
        self._rights.clear()

    def _read_rights(self, row: str) -> Permissions:
        data = self.data
        assigned = data.value(row + "AssignedRole") or data.value(TRUST + "UntrustedRole")
        secured = {each.strip(" .") for each in data.value(TRUST + "SecuredRoles").split(",")}
        roles = [each.strip(" .") for each in assigned.split(",") if each.strip(" .")]
        rules = tuple(
            tuple(
                Rule(
                    int(data.value(rule + "Order")),
                    targets(data.value(rule + "Targets")),
                    data.value(rule + "Param"),
                    data.value(rule + "Obj"),
                    data.value(rule + "InstantiatedObj"),
                    data.value(rule + "CommandEvent"),
                )
                for rule in data.rows(f"{role}.Permission.")
                if data.is_on(rule + "Enable")
            )
            for role in roles
            if data.is_on(f"{role}.Enable")
        )
        return permissions(rules, bool(secured.intersection(roles)))
