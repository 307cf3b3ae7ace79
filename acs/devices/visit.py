"""A visit: all that is done while a device is on the line, whichever protocol it speaks.

    open → accept what it announced → who is it? → is it as wanted? → rules → its jobs → close

The order matters.  What the device announced is stored before it is told so.  Nothing is
provisioned on a device that is not matched to exactly one equipment.  What was learned is
handed over as effects, together, so that a crash leaves either all of it or none.
"""

from __future__ import annotations

from acs.devices.carrier import carrier_of
from acs.devices.discovery import discover
from acs.devices.effects import RestoreCredentials, SaveCredentials, SaveSnapshot
from acs.devices.files import without_links
from acs.devices.house import House, Policy
from acs.devices.jobs import run_jobs, take_notice
from acs.devices.ledger import Ledger
from acs.devices.matching import match_equipment
from acs.devices.neutralising import neutralise
from acs.devices.news import NewsKind
from acs.devices.provisioning import provision
from acs.devices.record import Custody, Device, JobState, Snapshot, Standing
from acs.devices.rules.act import Before, follow_rules
from acs.devices.withholding import learn_customer, may_not
from acs.model import Contact, DataModel, EventKind, Notice, SessionLost

UNTOLD = (EventKind.PERIODIC, EventKind.ASKED, EventKind.CONNECTED)
"""What comes of these is on the timeline; that they happened would fill it."""


ONLINE = (EventKind.BOOT, EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST)
"""After these a device is there again that was not."""


class Visit:
    """One contact of one device, from its announcement to the end of the session."""

    __slots__ = ("_ledger", "contact", "house", "result")

    def __init__(self, contact: Contact, house: House) -> None:
        self.contact = contact
        self.house = house
        self.result = "lost"
        """One word for logs and metrics."""
        self._ledger: Ledger | None = None

    @property
    def device(self) -> Device | None:
        """The device's record, once it is loaded."""
        return self._ledger.device if self._ledger else None

    @property
    def expects_reports(self) -> bool:
        """True when the device may still report the end of something it was asked."""
        jobs = self._ledger.jobs.values() if self._ledger else ()
        return any(job.state in (JobState.QUEUED, JobState.SENT) for job in jobs)

    @property
    def withheld(self) -> str:
        """Why nothing may be written to the device; empty where it may, or nobody knows yet."""
        return may_not(self._ledger) if self._ledger else ""

    async def run(self, line: DataModel) -> None:
        """Serve the device on ``line`` from announcement to close.

        Raises `SessionLost` when the device goes away; what was learned until then is kept.
        """
        opened = await self.house.open(self.contact)
        ledger = self._ledger = Ledger(opened, self.contact, self.house)
        before = Before.of(ledger.device)
        try:
            if not _admit(ledger):
                self.result = "refused"
                await ledger.close()
                await line.refuse("Use the credentials this device was given")
                return
            _announce(ledger)
            if ledger.remarkable:
                await ledger.keep()
            await line.accept()
            if await match_equipment(ledger, line):
                await learn_customer(ledger)
                await provision(ledger, line)
            else:
                await neutralise(ledger, line)
            await follow_rules(ledger, before)
            await run_jobs(ledger, line)
            await discover(ledger, line)
            await ledger.close()
            self.result = str(ledger.device.standing)
        except SessionLost as lost:
            ledger.say("session lost", str(lost))
            ledger.abandon()
            raise
        except Exception as error:
            # Its text may quote a secret: it is for the log, which knows how to mask.
            ledger.say("internal error", f"{type(error).__name__}: see the log")
            ledger.abandon()
            raise

    def yields_to(self, contact: Contact) -> bool:
        """Tell whether a newer ``contact`` of the same device may take this one's place."""
        return self.device is None or _may_come(self.device, contact, self.house.policy)

    async def notice(self, notice: Notice) -> None:
        """Keep what the device reports in the middle of a session."""
        ledger = self._ledger
        assert ledger is not None, "a notice comes after the announcement was accepted"
        fault = notice.fault
        ended = "" if fault is None else f": {fault}" if fault.code else ": success"
        told = {name: without_links(text) for name, text in notice.detail.items()}
        # What the device does by itself has no key; the type of its file says what it is about.
        about = notice.key or notice.detail.get("FileType", "")
        text = without_links(f"{notice.kind} {about}".rstrip() + ended)
        ledger.say(str(notice.kind), text, told)
        before = dict(ledger.jobs)
        take_notice(ledger, notice)
        try:
            await ledger.keep()
        except Exception:
            # It is reported again, and has to find its job as it was.
            ledger.jobs = before
            raise


def _admit(ledger: Ledger) -> bool:
    """Decide whether the device may come in with the credential it showed."""
    device, contact = ledger.device, ledger.contact
    # The account of an agent is its broker's, or its listener's; those kept here are of CWMP.
    over_cwmp = contact.protocol == "cwmp"
    if over_cwmp and contact.credential == "own" and not device.own_credentials:
        ledger.change(own_credentials=True)
        ledger.learn(SaveCredentials(device.id, device.key, None))
        ledger.say("credentials", "authenticates with its own password from now on")
    if contact.credential == "earlier":
        # Somebody who knows the shared secret claimed a reset in its name, or it was undone.
        ledger.change(own_credentials=True)
        ledger.learn(RestoreCredentials(device.id))
        ledger.say("credentials", "still has its earlier password: the new one is given up")
    if not _may_come(device, contact, ledger.house.policy):
        ledger.say("credentials", "refused: the bootstrap secret no longer holds for this device")
        return False
    if contact.credential == "bootstrap" and device.own_credentials:
        ledger.change(own_credentials=False)
        reset = "after a factory reset" if over_cwmp else "and introduced itself over USP"
        ledger.say("credentials", f"came back with the bootstrap secret {reset}")
    return True


def _may_come(device: Device, contact: Contact, policy: Policy) -> bool:
    """The bootstrap secret is good for a first contact, and after a reset when so set."""
    if contact.credential != "bootstrap" or not device.own_credentials:
        return True
    return policy.rebootstrap and contact.has(EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST)


def _announce(ledger: Ledger) -> None:
    """Take down what the device says of itself."""
    device, contact = ledger.device, ledger.contact
    if ledger.opened.created:
        ledger.say("first contact", f"{contact.manufacturer} {device.product_class}".strip())
    if contact.account and contact.account != device.key:
        ledger.say("identity", f"was {contact.account}, now calls itself {device.key}")
    for event in contact.events:
        if event.kind not in UNTOLD:
            ledger.say(str(event.kind), f"{event.text} {event.key}".rstrip())
    if ledger.moved:
        ledger.say("protocol", f"{device.protocol} → {contact.protocol}")
    if contact.root != device.root and not ledger.opened.created:
        # Names of the old tree mean nothing in the new one.
        ledger.say("root changed", f"{device.root} → {contact.root}")
        ledger.change(root=contact.root, model="", fingerprint="", wish="", plan="", marker="")
        ledger.learn(SaveSnapshot(device.id, Snapshot()))
    if contact.has(EventKind.BOOTSTRAP):
        # A reset voids what was written; kept before the device may forget that it happened.
        ledger.change(plan="", marker="", wish="", fingerprint="", lost="")
        if device.custody is Custody.FOREIGN:
            ledger.change(custody=Custody.UNKNOWN)
        ledger.learn(SaveSnapshot(device.id, Snapshot()))
        if device.equipment:
            ledger.stand(Standing.PENDING, "was reset: everything is written again")
    software = contact.told("DeviceInfo.SoftwareVersion")
    if software and device.software and software != device.software:
        ledger.say("software", f"{device.software} → {software}")
    told = {
        "manufacturer": contact.manufacturer,
        "protocol": contact.protocol,
        "hardware": contact.told("DeviceInfo.HardwareVersion"),
        "software": software,
        "connection_request_url": contact.told("ManagementServer.ConnectionRequestURL"),
        "udp_address": contact.told("ManagementServer.UDPConnectionRequestAddress"),
        "address": contact.address,
    }
    ledger.change(**{name: text for name, text in told.items() if text})
    carrier = carrier_of(contact)
    if carrier or contact.shows_all:
        # An agent tells its addresses once, an Inform those that count each time.
        ledger.change(wan=carrier)
    if ledger.opened.created or contact.has(*ONLINE):
        events = ", ".join(str(event.kind) for event in contact.events)
        ledger.tell(NewsKind.ONLINE, events or "called for the first time")
