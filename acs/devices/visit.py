"""A visit: all that is done while a device is on the line, whichever protocol it speaks.

    open → accept what it announced → who is it? → is it as wanted? → its jobs → close

The order matters.  What the device announced is stored before it is told so.  Nothing is
pushed to a device that is not matched to exactly one equipment.  What was learned is handed
over as effects, together, so that a crash leaves either all of it or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acs.devices import identity
from acs.devices.effects import (
    AddTimeline,
    ClearFault,
    Effect,
    ForgetMissing,
    RaiseFault,
    SaveCredentials,
    SaveDevice,
    SaveProof,
    SaveSnapshot,
)
from acs.devices.house import House
from acs.devices.identity import Ambiguous, EquipmentStatus, Hints, Matched, Unmatched
from acs.devices.jobs import run_jobs
from acs.devices.record import (
    Device,
    FaultRecord,
    Job,
    JobKind,
    Opened,
    Proof,
    Snapshot,
    Standing,
    TimelineEntry,
)
from acs.devices.source import Pending, Wish
from acs.model import (
    Contact,
    DataModel,
    EventKind,
    Fault,
    Notice,
    Secret,
    SessionLost,
    Values,
)
from acs.profiles import (
    Blueprint,
    Facts,
    Intent,
    Management,
    Outcome,
    OutcomeKind,
    Task,
    check,
    converge,
    fingerprint,
)

REASONS_TO_LOOK = (
    EventKind.BOOTSTRAP,
    EventKind.BOOT,
    EventKind.VALUE_CHANGE,
)
NOT_PUSHED = (EquipmentStatus.DEFECTIVE, EquipmentStatus.RETURNED)


class Visit:
    """One contact of one device, from its announcement to the end of the session."""

    __slots__ = ("_changes", "_effects", "_opened", "contact", "house", "result")

    def __init__(self, contact: Contact, house: House) -> None:
        self.contact = contact
        self.house = house
        self.result = "lost"
        """One word for logs and metrics."""
        self._opened: Opened | None = None
        self._effects: list[Effect] = []
        self._changes: dict[str, object] = {}

    @property
    def device(self) -> Device | None:
        """The device's record, once it is loaded."""
        return self._opened.device if self._opened else None

    # --- the flow ------------------------------------------------------------------

    async def run(self, line: DataModel) -> None:
        """Serve the device on ``line`` from announcement to close."""
        opened = self._opened = await self.house.open(self.contact)
        try:
            if not self._admit(opened):
                self.result = "refused"
                await self._close()
                await line.refuse("Use the credentials this device was given")
                return
            self._announce(opened)
            if self._effects and not self._only_periodic:
                await self._flush()
            await line.accept()
            equipment = await self._match(line, opened)
            if equipment:
                await self._provision(line, opened)
            await run_jobs(self, line, opened.jobs)
            await self._close()
        except SessionLost as lost:
            self._say("session lost", str(lost))
            self._touch()
            self.house.post(self._effects)
            raise

    async def notice(self, notice: Notice) -> None:
        """Keep what the device reports in the middle of a session."""
        device = self.device
        if device is None:
            return
        text = str(notice.fault) if notice.fault and notice.fault.code else "success"
        key = f" {notice.key}" if notice.key else ""
        entry = TimelineEntry(
            device.id,
            self.house.now(),
            str(notice.kind),
            f"{notice.kind}{key}: {text}",
            self.contact.session,
            dict(notice.detail),
        )
        await self.house.commit([AddTimeline(entry)])

    # --- opening and closing ---------------------------------------------------------

    @property
    def _only_periodic(self) -> bool:
        return all(event.kind is EventKind.PERIODIC for event in self.contact.events)

    def _admit(self, opened: Opened) -> bool:
        device, contact = opened.device, self.contact
        if contact.credential == "own" and not device.own_credentials:
            self.change(own_credentials=True)
            self.learn(SaveCredentials(device.id, device.key, None))
            self._say("credentials", "authenticates with its own password from now on")
        if contact.credential != "bootstrap" or not device.own_credentials:
            return True
        if self.house.policy.rebootstrap and contact.has(EventKind.BOOTSTRAP):
            self.change(own_credentials=False)
            self._say("credentials", "came back with the bootstrap secret after a factory reset")
            return True
        self._say("credentials", "refused: the bootstrap secret no longer holds for this device")
        return False

    def _announce(self, opened: Opened) -> None:
        device, contact = opened.device, self.contact
        if opened.created:
            self._say("first contact", f"{contact.manufacturer} {device.product_class}".strip())
        for event in contact.events:
            if event.kind is not EventKind.PERIODIC:
                self._say(str(event.kind), event.text + (f" {event.key}" if event.key else ""))
        if contact.root != device.root and not opened.created:
            self.change(root=contact.root, blueprint="", fingerprint="", wish="", plan="")
            self.learn(SaveSnapshot(device.id, Snapshot()))
            self._say("root changed", f"{device.root} → {contact.root}")
        told = {
            "manufacturer": contact.manufacturer,
            "protocol": contact.protocol,
            "hardware": self._told("DeviceInfo.HardwareVersion"),
            "software": self._told("DeviceInfo.SoftwareVersion"),
            "model": self._told("DeviceInfo.ModelName"),
            "connection_request_url": self._told("ManagementServer.ConnectionRequestURL"),
            "address": contact.address,
        }
        for name, text in told.items():
            before = getattr(device, name)
            if text and text != before:
                if name == "software" and before:
                    self._say("software", f"{before} → {text}")
                self.change(**{name: text})

    def _told(self, leaf: str) -> str:
        value = self.contact.values.get(self.contact.root + leaf)
        return value.text if value else ""

    async def _close(self) -> None:
        """Hand over what was learned; wait for it only when it is more than a last-seen."""
        self._touch()
        effects, self._effects = self._effects, []
        if len(effects) == 1 and isinstance(effects[0], SaveDevice):
            self.house.post(effects)
        else:
            await self.house.commit(effects)
        if self.result == "lost":
            self.result = "ok"

    def _touch(self) -> None:
        device = self.device
        if device is not None:
            self.change(last_seen=self.contact.at)
            self._effects.append(SaveDevice(device.id, self._changes))
            self._changes = {}

    async def _flush(self) -> None:
        if self._changes and self.device is not None:
            self._effects.append(SaveDevice(self.device.id, self._changes))
            self._changes = {}
        effects, self._effects = self._effects, []
        await self.house.commit(effects)

    # --- what is learned ---------------------------------------------------------------

    def learn(self, *effects: Effect) -> None:
        """Keep effects for the end of the visit."""
        self._effects.extend(effects)

    async def keep(self) -> None:
        """Write what was learned so far and wait until it is durable."""
        await self._flush()

    def change(self, **values: object) -> None:
        """Change columns of the device's record."""
        assert self._opened is not None
        for name, value in values.items():
            if getattr(self._opened.device, name) != value:
                setattr(self._opened.device, name, value)
                self._changes[name] = value

    def say(self, kind: str, text: str, detail: Mapping[str, object] | None = None) -> None:
        """Put a line on the timeline."""
        assert self._opened is not None
        entry = TimelineEntry(
            self._opened.device.id,
            self.contact.at,
            kind,
            text,
            self.contact.session,
            dict(detail or {}),
        )
        self._effects.append(AddTimeline(entry))

    _say = say

    def stand(self, standing: Standing, reason: str) -> None:
        """Set where the device stands, with a line on the timeline when that is new."""
        assert self._opened is not None
        device = self._opened.device
        if device.standing is not standing or device.reason != reason:
            self.say(str(standing), reason)
        self.change(standing=standing, reason=reason)
        self.result = str(standing)

    # --- who is it? ----------------------------------------------------------------------

    async def _match(self, line: DataModel, opened: Opened) -> bool:
        """Match the device to its equipment; True when it is matched."""
        device = opened.device
        if device.equipment and opened.wish:
            return True
        hints = Hints(self.contact.device, device.mac)
        found = await self._lookup(hints)
        if isinstance(found, Unmatched) and not device.mac:
            blueprint = self.house.blueprint(self._facts(device))
            if blueprint is not None:
                hints = await self._read_identity(line, blueprint, hints)
                if hints.mac or hints.gpon_serial:
                    found = await self._lookup(hints)
        match found:
            case Matched(equipment, rule):
                self.change(equipment=equipment.name, matched_by=str(rule), suggestion="")
                self.say("matched", f"{equipment.name} by {rule}")
                self.stand(Standing.PENDING, "matched, not provisioned yet")
                return True
            case Ambiguous(equipments, rule):
                names = ", ".join(e.name for e in equipments)
                self._unmatch()
                self.stand(Standing.QUARANTINED, f"{rule} fits more than one equipment: {names}")
            case Unmatched(None):
                self._unmatch()
                self.stand(Standing.QUARANTINED, "no equipment has this serial or MAC")
            case Unmatched(near) if near is not None:
                self._unmatch(near.name)
                reason = f"no equipment fits; {near.name} has a MAC close to it, please check"
                self.stand(Standing.QUARANTINED, reason)
            case Pending(reason):
                self.stand(Standing.WAITING, reason)
        return False

    def _unmatch(self, suggestion: str = "") -> None:
        self.change(equipment="", matched_by="", suggestion=suggestion)

    async def _lookup(self, hints: Hints) -> identity.Match | Pending:
        found = await self.house.source.find(identity.terms(hints))
        return found if isinstance(found, Pending) else identity.match(hints, found.equipment)

    async def _read_identity(self, line: DataModel, blueprint: Blueprint, hints: Hints) -> Hints:
        """Read the MAC and the GPON serial, which a TP-Link does not announce."""
        asked = (*blueprint.mac_paths, *blueprint.gpon_paths)
        if not asked:
            return hints
        answer = await line.get(*asked)
        if not isinstance(answer, Values):
            self.say("identity", f"MAC could not be read: {answer}")
            return hints
        mac = self._first(blueprint.mac_paths, answer, identity.normal_mac)
        gpon = self._first(blueprint.gpon_paths, answer, identity.normal_gpon)
        if mac:
            self.change(mac=mac)
        return replace(hints, mac=mac, gpon_serial=gpon)

    @staticmethod
    def _first(paths: tuple[str, ...], answer: Values, normal: object) -> str:
        assert callable(normal)
        for path in paths:
            if path in answer.values and (text := normal(answer.values[path].text)):
                return str(text)
        return ""

    # --- is it as wanted? ------------------------------------------------------------------

    def _facts(self, device: Device) -> Facts:
        return Facts(
            manufacturer=device.manufacturer,
            oui=device.oui,
            product_class=device.product_class,
            model=device.model,
            hardware=device.hardware,
            software=device.software,
            root=self.contact.root,
        )

    def _was_reset(self, device: Device) -> bool:
        """A factory reset: announced, or seen by the marker we left being gone."""
        if self.contact.has(EventKind.BOOTSTRAP):
            return True
        blueprint = self.house.blueprint(self._facts(device))
        if not device.marker or blueprint is None:
            return False
        told = self.contact.values.get(blueprint.marker_path)
        return told is not None and told.text != device.marker

    async def _provision(self, line: DataModel, opened: Opened) -> None:
        device, policy, now = opened.device, self.house.policy, self.contact.at
        blueprint = self.house.blueprint(self._facts(device))
        if blueprint is None:
            self.stand(Standing.FAULTED, "no blueprint fits this model: see acs blueprint list")
            return
        self.change(blueprint=blueprint.name)
        reset = self._was_reset(device)
        asked = next((job for job in opened.jobs if job.kind is JobKind.PROVISION), None)
        wish_key = f"{opened.wish}:{blueprint.version}:{policy.digest}"
        fresh = device.wish != wish_key
        if not (
            reset
            or asked
            or fresh
            or device.plan
            or device.standing in (Standing.PENDING, Standing.WAITING, Standing.FAULTED)
            or self.contact.has(*REASONS_TO_LOOK)
            or now - device.checked_at >= policy.check_interval
        ):
            return
        if now < device.retry_at and not (reset or asked or (fresh and device.wish)):
            return
        wish = await self.house.source.wish(device.equipment)
        if isinstance(wish, Pending):
            self.say("waiting", wish.reason)
            return
        if wish is None:
            self._unmatch()
            self.stand(Standing.QUARANTINED, "its equipment no longer exists in ERPNext")
            return
        if wish.equipment.status in NOT_PUSHED:
            status = wish.equipment.status
            self.change(wish=wish_key, checked_at=now)
            self.stand(Standing.HELD, f"{wish.equipment.name} is {status}: nothing is pushed")
            return
        await self._converge(line, opened, blueprint, wish, wish_key, reset, asked)

    async def _converge(
        self,
        line: DataModel,
        opened: Opened,
        blueprint: Blueprint,
        wish: Wish,
        wish_key: str,
        reset: bool,
        asked: Job | None,
    ) -> None:
        device, policy = opened.device, self.house.policy
        checked = check(wish.intent)
        for problem in checked.problems:
            self.say("refused wish", str(problem))
        mark = fingerprint(checked.intent, blueprint, self.house.key)
        intent = await self._with_management(checked.intent, device)
        model_key = "|".join((device.manufacturer, device.model, device.hardware, device.software))
        snapshot = Snapshot() if reset else await self.house.snapshot(device.id)
        outcome = await converge(
            line,
            Task(
                intent=intent,
                blueprint=blueprint,
                snapshot=snapshot,
                key=self.house.key,
                fingerprint=mark,
                reset=reset,
                verifying=bool(device.plan) and not reset and device.fingerprint == mark,
                heal=policy.heal or asked is not None,
                fresh=device.fingerprint != mark or device.standing is not Standing.LIVE,
                max_changes=policy.max_changes,
                missing=self.house.missing(model_key),
                marker=policy.marker,
                now=self.contact.at,
                session=self.contact.session,
                device_id=device.id,
            ),
        )
        if outcome.missing:
            self.learn(ForgetMissing(model_key, outcome.missing))
        if outcome.snapshot != snapshot:
            self.learn(SaveSnapshot(device.id, outcome.snapshot))
        for problem in outcome.problems:
            self.say("not possible", str(problem))
        self._conclude(device, outcome, mark, wish_key, reset)

    def _conclude(
        self, device: Device, outcome: Outcome, mark: str, wish_key: str, reset: bool
    ) -> None:
        now = self.contact.at
        self.change(wish=wish_key, checked_at=now)
        if reset and not outcome.marker:
            self.change(marker="")
        if outcome.lines:
            proof = Proof(
                device.id,
                now,
                self.contact.session,
                outcome.plan.digest or device.plan,
                mark,
                outcome.lines,
            )
            self.learn(SaveProof(proof))
        match outcome.kind:
            case OutcomeKind.PROVEN | OutcomeKind.IN_ORDER | OutcomeKind.NOTHING:
                self._written(outcome, mark, plan="")
                self.change(failures=0, retry_at=0.0)
                self.learn(ClearFault(device.id, "provision"))
                self.stand(Standing.LIVE, outcome.text)
            case OutcomeKind.AWAITING:
                self._written(outcome, mark, plan=outcome.plan.digest)
                self.stand(Standing.VERIFYING, outcome.text)
            case OutcomeKind.DRIFTED:
                self.stand(Standing.DRIFTED, outcome.text)
            case OutcomeKind.MISMATCH | OutcomeKind.FAILED:
                self._fail(device, outcome)

    def _written(self, outcome: Outcome, mark: str, plan: str) -> None:
        self.change(fingerprint=mark, plan=plan)
        if outcome.marker:
            self.change(marker=outcome.marker)

    def _fail(self, device: Device, outcome: Outcome) -> None:
        policy = self.house.policy
        pause = min(policy.backoff * 2.0**device.failures, policy.backoff_max)
        retry_at = self.contact.at + pause
        fault = outcome.fault or Fault(0, outcome.text)
        # The plan is forgotten: what is verified next must have been written anew.
        self.change(plan="", failures=device.failures + 1, retry_at=retry_at)
        self.learn(
            RaiseFault(
                FaultRecord(
                    device.id,
                    "provision",
                    self.contact.at,
                    fault.code,
                    outcome.text,
                    tuple(f"{p.path}: {p.code} {p.text}".rstrip() for p in fault.parameters),
                    retry_at=retry_at,
                )
            )
        )
        self.stand(Standing.FAULTED, outcome.text)

    async def _with_management(self, intent: Intent, device: Device) -> Intent:
        """Add what the server itself wants: its own credentials, the inform interval."""
        policy = self.house.policy
        management = intent.management or Management()
        if policy.periodic_inform_interval and management.periodic_inform_interval is None:
            management = replace(
                management,
                periodic_inform=True,
                periodic_inform_interval=policy.periodic_inform_interval,
            )
        if policy.own_credentials and self.contact.credential == "bootstrap":
            password = await self._own_password(device)
            management = replace(management, acs_username=device.key, acs_password=password)
        return intent if management == Management() else replace(intent, management=management)

    async def _own_password(self, device: Device) -> Secret:
        """The device's generated password; kept durably before the device is told it."""
        pending = await self.house.pending_password(device.id)
        if pending is not None and not self.contact.has(EventKind.BOOTSTRAP):
            return pending
        password = self.house.new_password()
        self.learn(SaveCredentials(device.id, device.key, password.reveal()))
        await self.keep()
        return password
