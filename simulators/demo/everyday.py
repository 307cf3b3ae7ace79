"""The second act: what people do in ERPNext on any day, and what the ONTs make of it.

Nobody touches the server, and no ONT waits for its time to call: it is called.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulators.demo.cast import CAST, NEWCOMER, OVER_WEBSOCKET
from simulators.demo.happenings import HEADING, Act
from simulators.demo.play import Play
from simulators.demo.programs import PlayError

OFFICE, RECONCILE = "ERPNext", "acs reconcile"
EQUIPMENT, SUBSCRIPTION = "Service Equipment", "Service Subscription"
TREMBLAY = CAST[0]
TREMBLAYS_BOX = "EQP-00001"
TREMBLAYS_SERVICES = ("SUB-0000000001", "SUB-0000000002")
"""Internet and telephone."""
MISREAD = "22275A7004827"
"""The serial number of the newcomer, as a technician read it."""
SHOWN = (
    "provisioning_status",
    "provisioning_note",
    "provisioned_on",
    "last_seen",
    "firmware_version",
    "ip_address",
)
RECONCILE_TRIES = 5


def everyday(play: Play) -> None:
    """Play it. Raises `PlayError` when something does not happen."""
    plugged_in = _tell(play, NEWCOMER.serial, "is plugged in")
    play.plug_in(NEWCOMER)
    _passwords(play)
    _scan(play, plugged_in)
    _suspension(play)
    _written_back(play)
    play.hub.check()


def _passwords(play: Play) -> None:
    _heading(play, "Two customers get a new Wi-Fi password", TREMBLAY.serial, OVER_WEBSOCKET.serial)
    hooks = sum("webhook" in step for step in play.installed)
    _tell(play, OFFICE, f"was set up by `acs erp install`, {hooks} webhooks among it")
    box = OVER_WEBSOCKET.equipment["name"]
    over_cwmp = _save(play, EQUIPMENT, TREMBLAYS_BOX, {"wifi_password": "Sapin-baumier-12"})
    over_usp = _save(play, EQUIPMENT, box, {"wifi_password": "brume & corne 1907"})
    for part, saved in ((OVER_WEBSOCKET, over_usp), (TREMBLAY, over_cwmp)):
        given = play.happenings.seen(part.serial, "KeyPassphrase", after=saved)
        proven = _proven(play, part.serial, after=given)
        _sum_up(play, part.serial, saved, given, proven)


def _scan(play: Play, plugged_in: Act) -> None:
    """Plugged in first and recorded afterwards, with one character that was misread."""
    serial, box = NEWCOMER.serial, NEWCOMER.equipment["name"]
    _heading(play, "An ONT was plugged in that nobody recorded", serial)
    quarantined = play.happenings.seen(serial, "device.quarantined", after=plugged_in)
    _tell(play, serial, quarantined.what)
    _tell(play, OFFICE, f"a technician records it as {box}, and misreads the serial: {MISREAD}")
    play.record(NEWCOMER, serial_number=MISREAD)
    _tell(play, OFFICE, f"its webhook: {play.office.told(EQUIPMENT, box, 1)}")
    _reconciled(play, box)
    saved = _save(play, EQUIPMENT, box, {"serial_number": serial})
    given = play.happenings.seen(serial, "KeyPassphrase", after=saved)
    _sum_up(play, serial, saved, given, _proven(play, serial, after=given))


def _reconciled(play: Play, box: str) -> None:
    """Have the gap named, with what may have been meant."""
    for _ in range(RECONCILE_TRIES):
        for found in play.programs.ask("reconcile", "--gap", "in ACS only")["findings"]:
            for near in found["suggestions"]:
                if near["equipment"] == box:
                    text = f"{found['gap']}: {found['text']}; perhaps {box}, {near['why']}"
                    _tell(play, RECONCILE, text)
                    return
    raise PlayError(f"`acs reconcile` does not see that {box} may be meant")


def _suspension(play: Play) -> None:
    _heading(play, "A customer is suspended, and pays", TREMBLAY.serial)
    wifi, telephone = (
        _save(play, SUBSCRIPTION, name, {"status": "Suspendu"}) for name in TREMBLAYS_SERVICES
    )
    given = [
        play.happenings.seen(TREMBLAY.serial, words, after=wifi)
        for words in ("SSID.1.Enable = 0", "DigitMap = 911")
    ]
    last = max(given, key=lambda act: act.at)
    _sum_up(play, TREMBLAY.serial, telephone, last, _proven(play, TREMBLAY.serial, after=last))
    paid, _ = (_save(play, SUBSCRIPTION, name, {"status": "Actif"}) for name in TREMBLAYS_SERVICES)
    play.happenings.seen(TREMBLAY.serial, "SSID.1.Enable = 1", after=paid)


def _written_back(play: Play) -> None:
    _heading(play, f"What ERPNext shows of {TREMBLAYS_BOX} by now")
    for field, value in play.office.read(EQUIPMENT, TREMBLAYS_BOX).items():
        if field in SHOWN:
            _tell(play, OFFICE, f"{field}: {value}")


def _heading(play: Play, text: str, *who: str) -> Act:
    """Begin a chapter about the ONTs ``who``."""
    play.happenings.watch(*who, OFFICE, RECONCILE)
    return _tell(play, HEADING, text)


def _tell(play: Play, who: str, what: str) -> Act:
    return play.happenings.tell(who, what)


def _save(play: Play, doctype: str, name: str, fields: Mapping[str, str]) -> Act:
    """Have somebody in the office save a document; its webhook goes its way."""
    before = len(play.office.fates(doctype, name))
    shown = ", ".join(f"{f} → {'***' if 'password' in f else t}" for f, t in fields.items())
    saved = _tell(play, OFFICE, f"{name} is saved: {shown}")
    play.office.change(doctype, name, **fields)
    _tell(play, OFFICE, f"its webhook: {play.office.told(doctype, name, before + 1)}")
    return saved


def _proven(play: Play, serial: str, *, after: Act) -> Act:
    return play.happenings.seen(serial, "device.provisioned", after=after)


def _sum_up(play: Play, serial: str, saved: Act, given: Act, proven: Act) -> None:
    _tell(
        play,
        serial,
        f"has it {given.at - saved.at:.1f} s after it was saved in ERPNext,"
        f" proven after {proven.at - saved.at:.1f} s",
    )
