"""The life of one ONT, without clock or sockets: what it knows, what it has to report.

Sessions are run by `session.Session`; this is what lasts between them.  Times are epoch
seconds and are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import asking, diagnostics, telephony
from .asking import Announcement
from .dialect import DIALECTS, Dialect
from .effects import EFFECTS
from .misbehaviour import GOOD, Lot, Misbehaviour
from .model import ACTIVE, Parameter, Tree
from .modelfile import Identity, Model, load_model
from .options import Option
from .pace import AT_ONCE
from .render import Event
from .report import End, SessionReport
from .software import Change, DeploymentUnits
from .transfers import Transfers

BOOTSTRAP = Event("0 BOOTSTRAP")
BOOT = Event("1 BOOT")
PERIODIC = Event("2 PERIODIC")
SCHEDULED = Event("3 SCHEDULED")
VALUE_CHANGE = Event("4 VALUE CHANGE")
CONNECTION_REQUEST = Event("6 CONNECTION REQUEST")
DIAGNOSTICS_COMPLETE = Event("8 DIAGNOSTICS COMPLETE")

_BUILD = re.compile(r"Build (\d\d)(\d\d)(\d\d)")


class Ont:
    """One simulated unit.

    ``model`` is a model or its name; ``username`` and ``password`` are the factory ACS
    account, to which a factory reset returns; ``without`` names parameters this unit's
    firmware lacks; ``factory`` overrides other factory values (path → text); ``dialect``
    is how it speaks, if not as its model does.
    """

    def __init__(
        self,
        model: Model | str,
        identity: Identity,
        *,
        acs_url: str = "",
        username: str = "",
        password: str = "",
        misbehaviour: Misbehaviour = GOOD,
        without: Iterable[str] = (),
        factory: Mapping[str, str] | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        self.model = load_model(model) if isinstance(model, str) else model
        self.identity = identity
        self.dialect = dialect or DIALECTS[self.model.dialect]
        self.misbehaviour = misbehaviour
        self._management = f"{self.model.top}ManagementServer."
        account = {"URL": acs_url, "Username": username, "Password": password}
        settings = {self._management + leaf: text for leaf, text in account.items()}
        self.tree = Tree(self.model, identity, {**settings, **(factory or {})}, without)
        self.events: list[Event] = []
        """Events not yet delivered."""
        self.retry_count = 0
        self.scheduled: list[tuple[int, str]] = []
        """ScheduleInform requests not yet taken up: seconds to wait and CommandKey."""
        self.reboot_keys: list[str] = []
        """CommandKeys of the Reboot requests that wait for the end of the session."""
        self.reset_due = False
        self.questions: list[str] = []
        """Methods to call on the ACS in the next session, such as ``GetRPCMethods``."""
        self.announcements: list[Announcement] = []
        """Requests with arguments to make to the ACS until it answers them."""
        self.transfers = Transfers()
        self.firmware: str | None = None
        """Version of a firmware image that waits for its restart."""
        self.next_firmware = ""
        """Version of the next image that does not tell its own."""
        self.restart_wanted = False
        """A file it was given takes effect by a restart."""
        self.restored = (0, 0)
        """Settings taken from the last configuration file, and those ignored."""
        self.software = DeploymentUnits(self.tree)
        self.changes: list[Change] = []
        """ChangeDUState requests not yet carried out."""
        self.tests: list[str] = []
        """Diagnostics that run, by the path of their object."""
        self.options: dict[str, Option] = {}
        """What vouchers enabled, by name."""
        self.think = AT_ONCE
        """How long it takes to answer."""
        self.in_session = False
        self._told: tuple[str, ...] = ()
        """Changed parameters that were in the last Inform."""
        self._bootstrapped_at: str | None = None
        self._start()
        self.power_on()

    @property
    def misbehaviour(self) -> Misbehaviour:
        """What it does wrong; setting it counts its faults from the start."""
        return self._misbehaviour

    @misbehaviour.setter
    def misbehaviour(self, misbehaviour: Misbehaviour) -> None:
        self._misbehaviour = misbehaviour
        self.lot = Lot(misbehaviour.faults)

    def _start(self) -> None:
        self.next_id = self.dialect.first_id
        self._booted_at: float | None = None
        self._clock_set = not self.dialect.build_date_before_ntp
        self.wan = self.model.wan

    # --- what it is set to --------------------------------------------------------------

    @property
    def acs_url(self) -> str:
        """URL of the ACS it calls."""
        return self.tree.get(self._management + "URL")

    @acs_url.setter
    def acs_url(self, url: str) -> None:
        """Point the unit at an ACS as an installer would: it outlives a factory reset."""
        self.tree.factory[self._management + "URL"] = url
        self.tree.put(self._management + "URL", url)

    @property
    def credentials(self) -> tuple[str, str]:
        """Account for the ACS, from its own tree."""
        get = self.tree.get
        password = (
            "wrong" if self.misbehaviour.wrong_password else get(self._management + "Password")
        )
        return get(self._management + "Username"), password

    def give_account(self, username: str, password: str) -> None:
        """Give the unit an account for the ACS as an installer would."""
        for leaf, text in (("Username", username), ("Password", password)):
            self.tree.factory[self._management + leaf] = text
            self.tree.put(self._management + leaf, text)

    @property
    def connection_request_account(self) -> tuple[str, str]:
        """Account with which the ACS asks for a connection."""
        get = self.tree.get
        return (
            get(self._management + "ConnectionRequestUsername"),
            get(self._management + "ConnectionRequestPassword"),
        )

    @property
    def connection_request_url(self) -> str:
        """URL at which the unit can be woken; it outlives a factory reset when set."""
        return self.tree.get(self._management + "ConnectionRequestURL")

    @connection_request_url.setter
    def connection_request_url(self, url: str) -> None:
        self.tree.factory[self._management + "ConnectionRequestURL"] = url
        self.tree.put(self._management + "ConnectionRequestURL", url)

    @property
    def periodic_interval(self) -> int | None:
        """Seconds between periodic Informs, None while they are switched off."""
        if self.tree.get(self._management + "PeriodicInformEnable") != "1":
            return None
        return self._whole("PeriodicInformInterval", 0) or None

    @property
    def retry_pace(self) -> tuple[int, int]:
        """CWMPRetryMinimumWaitInterval and CWMPRetryIntervalMultiplier."""
        minimum = self._whole("CWMPRetryMinimumWaitInterval", 5)
        return minimum, self._whole("CWMPRetryIntervalMultiplier", 2000)

    def _whole(self, leaf: str, usual: int) -> int:
        """Return a number of ManagementServer; a model made of a dump may let it be any text."""
        text = self.tree.find(self._management + leaf)
        return int(text) if text.isdecimal() and len(text) < 10 else usual

    @property
    def device_id(self) -> tuple[str, str, str, str]:
        """Manufacturer, OUI, ProductClass, SerialNumber of its Inform."""
        who = self.identity
        return self.model.manufacturer, who.oui, who.product_class, who.serial

    # --- events -------------------------------------------------------------------------

    def power_on(self) -> None:
        """Start up: ``0 BOOTSTRAP`` when it does not know its ACS yet, else ``1 BOOT``."""
        if self.bootstrap_due:
            self.transfers.forget_done()
            self.announcements.clear()
            self.events = [BOOTSTRAP] if self.dialect.bootstrap_alone else [BOOTSTRAP, BOOT]
        else:
            self.report(BOOT)

    @property
    def bootstrap_due(self) -> bool:
        """True on first contact, after a factory reset, and when the ACS URL changed."""
        return self._bootstrapped_at != self.acs_url

    def report(self, event: Event) -> None:
        """Put an event on the list; one without a key stands there once."""
        if event.key or event not in self.events:
            self.events.append(event)

    def next_events(self) -> tuple[Event, ...]:
        """Return what the next Inform says; a due bootstrap drops all else."""
        if self.bootstrap_due and BOOTSTRAP not in self.events:
            self.power_on()
        if ACTIVE in self.tree.changed.values() and not self.bootstrap_due:
            self.report(VALUE_CHANGE)
        return (*self.events, *asking.events(self))

    def events_to_tell(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return the events of an Inform for which there is reason in ``events``.

        What is watched passively gives no reason to call, but is told of in any Inform.
        """
        told = tuple(events)
        codes = {event.code for event in told}
        if self.tree.changed and codes.isdisjoint({VALUE_CHANGE.code, BOOTSTRAP.code}):
            return (*told, VALUE_CHANGE)
        return told

    # --- within a session ---------------------------------------------------------------

    def take_id(self) -> str:
        """Return the next value for the ID header."""
        self.next_id += 1
        return str(self.next_id - 1)

    def current_time(self, now: float) -> str:
        """CurrentTime of an Inform, in the dialect's form."""
        moment = datetime.fromtimestamp(now + self.misbehaviour.clock_skew, UTC)
        version = f"{self.model.top}DeviceInfo.SoftwareVersion"
        build = None if self._clock_set else _BUILD.search(self.tree.find(version))
        if build:
            year, month, day = map(int, build.groups())
            moment = datetime(2000 + year, month, day, 0, 1, 12, tzinfo=UTC)
        return self.dialect.clock.write(moment)

    def inform_parameters(self, now: float) -> list[Parameter]:
        """Parameters of the Inform: the forced ones, and what changed and is watched."""
        if self._booted_at is None:
            self._booted_at = now
        up_time = f"{self.model.top}DeviceInfo.UpTime"
        if up_time in self.tree:
            self.tree.put(up_time, str(int(now - self._booted_at)))
        names = [self.wan if name == "{wan}" else name for name in self.model.inform]
        self._told = tuple(self.tree.changed)
        names += [name for name in self._told if name not in names]
        more = self.misbehaviour.huge_inform
        return self.tree.read(name for name in names if name in self.tree) + [
            Parameter(f"{self.model.top}X_FILLER.{number}.Text", "string", "x" * 100)
            for number in range(1, more + 1)
        ]

    def keep_parameter_key(self, key: str) -> None:
        """Store ParameterKey, on families that do."""
        path = self._management + "ParameterKey"
        if self.dialect.keeps_parameter_key and path in self.tree:
            self.tree.put(path, key)

    def reboot_wanted(self, key: str) -> None:
        """Remember a Reboot for the end of the session."""
        self.reboot_keys.append(key)

    def factory_reset_wanted(self) -> None:
        """Remember a FactoryReset for the end of the session."""
        self.reset_due = True

    def schedule(self, delay: int, key: str) -> None:
        """Remember a ScheduleInform; whoever keeps time takes it from `scheduled`."""
        self.scheduled.append((delay, key))

    def written(self, names: Collection[str]) -> None:
        """Take note of parameters the ACS wrote: tests they ask for, lines they switch."""
        telephony.follow(self.tree, names)
        asked = diagnostics.touched(self.tree, names)
        self.tests += [path for path in asked if path not in self.tests]

    # --- after a session ----------------------------------------------------------------

    def finish(self, report: SessionReport, acs_url: str) -> None:
        """Take note of a session's end with the ACS at ``acs_url``.

        Events are kept until a session completes, then `retry_count` starts anew.
        """
        if report.end is not End.COMPLETE:
            self.retry_count += 1
            return
        self.retry_count = 0
        self._clock_set = True
        self.events = [event for event in self.events if event not in report.events]
        for name in self._told:
            self.tree.changed.pop(name, None)
        self._bootstrapped_at = acs_url

    def end_tests(self, now: float) -> list[str]:
        """End the diagnostics that run, at epoch second ``now``; return their paths."""
        running, self.tests = self.tests, []
        ended = [path for path in running if diagnostics.finish(self.tree, path, now)]
        if ended:
            self.report(DIAGNOSTICS_COMPLETE)
        return ended

    @property
    def apply_due(self) -> bool:
        """True while accepted values or rows wait to take effect."""
        return bool(self.tree.pending or self.tree.late_rows)

    def apply(self) -> list[str]:
        """Let accepted values take effect; watched changes become ``4 VALUE CHANGE``."""
        changed = self.tree.apply()
        wan = EFFECTS[self.model.effects](self.tree, changed, self.wan)
        if wan != self.wan:
            self.wan = wan
            self.tree.changed[wan] = ACTIVE
        if ACTIVE in self.tree.changed.values():
            self.report(VALUE_CHANGE)
        return changed

    @property
    def restart_due(self) -> bool:
        """True when a Reboot or FactoryReset waits, or a file that needs a restart."""
        return self.reset_due or self.restart_wanted or bool(self.reboot_keys)

    def restart(self) -> None:
        """Carry out what waits for a restart, and start up again."""
        keys, self.reboot_keys = self.reboot_keys, []
        if self.reset_due:
            self.factory_reset()
        else:
            self.reboot(*keys)

    def reboot(self, *keys: str) -> None:
        """Start again; ``keys`` are the CommandKeys of the Reboot requests behind it."""
        if self.firmware is not None:
            self.tree.put(f"{self.model.top}DeviceInfo.SoftwareVersion", self.firmware)
        self.firmware, self.restart_wanted = None, False
        self.tests.clear()
        self.apply()
        wan = self.wan
        self._start()
        self.wan = wan
        for key in keys:
            self.report(Event("M Reboot", key))
        self.power_on()

    def factory_reset(self) -> None:
        """Forget everything but the factory settings and the firmware, and start again."""
        version = f"{self.model.top}DeviceInfo.SoftwareVersion"
        firmware = self.firmware or self.tree.find(version)
        self.tree.factory_reset()
        if version in self.tree:
            self.tree.put(version, firmware)
            self.tree.changed.clear()
        self.reset_due = False
        self.reboot_keys.clear()
        self.scheduled.clear()
        self.transfers = Transfers()
        self.announcements.clear()
        self.changes.clear()
        self.tests.clear()
        self.software = DeploymentUnits(self.tree)
        self.options.clear()
        self.firmware, self.restart_wanted = None, False
        self.retry_count = 0
        self._bootstrapped_at = None
        self._start()
        self.power_on()

    def settle(self) -> None:
        """Do at once all that waits for the end of a session."""
        if self.restart_due:
            self.restart()
        elif self.apply_due:
            self.apply()

    # --- keeping state ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what the unit keeps over a power cut."""
        return {
            "tree": self.tree.dump(),
            "events": [list(event) for event in self.events],
            "retry_count": self.retry_count,
            "bootstrapped_at": self._bootstrapped_at,
            "wan": self.wan,
            "transfers": self.transfers.dump(),
            "software": self.software.dump(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a kept state, as after a power cut: it starts with ``1 BOOT``."""
        self.tree.load(state["tree"])
        self._bootstrapped_at = state["bootstrapped_at"]
        self._start()
        self.wan = state["wan"]
        self.events = [Event(*event) for event in state["events"]]
        self.transfers.load(state.get("transfers", ()))
        self.software.load(state.get("software", []))
        self.apply()
        self.power_on()
