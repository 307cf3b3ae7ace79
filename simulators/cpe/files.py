"""What a unit does with the files it is told to fetch or to send.

`begin` makes the errand for a transfer, an edge runs it, `finish` draws the conclusions.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from .asking import stamp
from .content import (
    Reader,
    read_configuration,
    read_image,
    render_configuration,
    version_in_name,
)
from .device import Ont
from .errand import Errand
from .faults import fault_text
from .transfers import CONFIGURATION, FIRMWARE, State, Transfer

_DOWNLOADS = (
    FIRMWARE,
    "2 Web Content",
    CONFIGURATION,
    "4 Tone File",
    "5 Ringer File",
    "6 Stored Firmware Image",
)
_CONFIGURATIONS = ("1 Vendor Configuration File", "3 Vendor Configuration File")
_LOGS = ("2 Vendor Log File", "4 Vendor Log File")


def knows_type(ont: Ont, transfer: Transfer) -> bool:
    """Tell whether the unit has such files: those of TR-069 A.3.2.8, A.4.1.5, and ``X …``."""
    kind = transfer.file_type
    if kind.startswith("X ") or (transfer.download and kind in _DOWNLOADS):
        return True
    if transfer.download:
        return False
    name, _, number = kind.rpartition(" ")
    return kind in _CONFIGURATIONS + _LOGS or (
        name in (_CONFIGURATIONS[1], _LOGS[1]) and number.isdigit()
    )


def begin(ont: Ont, transfer: Transfer, now: float, cnonce: Callable[[], str]) -> Errand:
    """Begin ``transfer`` at epoch second ``now``; ``cnonce`` gives Digest's client nonces."""
    transfer.state, transfer.start = State.RUNNING, now
    return Errand(
        transfer.url,
        transfer.username,
        transfer.password,
        cnonce,
        body=None if transfer.download else file_to_send(ont, transfer.file_type, now),
        user_agent=ont.dialect.user_agent,
        cuts=ont.misbehaviour.cut_transfers,
    )


def finish(ont: Ont, transfer: Transfer, errand: Errand, now: float) -> None:
    """Take note of the end of a transfer, and use what came."""
    transfer.fault, transfer.text = errand.fault, errand.text
    draw = ont.lot.draw("TransferComplete", (transfer.file_type, transfer.url))
    if draw is not None:
        transfer.fault, transfer.text = draw.code, "drawn on demand"
    elif not transfer.fault and transfer.download:
        transfer.fault, transfer.text = _use(ont, transfer, errand.reader)
    over(ont, transfer, now)


def over(ont: Ont, transfer: Transfer, now: float) -> None:
    """Let ``transfer`` wait to be reported, unless the unit forgets to."""
    transfer.state, transfer.complete = State.DONE, now
    if ont.misbehaviour.transfer_complete == "lost":
        ont.transfers.drop(transfer)


def expire(ont: Ont, transfer: Transfer, now: float) -> None:
    """End a scheduled download whose last window is over."""
    transfer.fault, transfer.text = 9020, fault_text(9020)
    over(ont, transfer, now)


def file_to_send(ont: Ont, file_type: str, now: float) -> bytes:
    """Return the configuration or the log as a file; the configuration holds secrets."""
    if "Configuration" in file_type:
        title = f"# {ont.model.name} {ont.identity.serial}\n".encode()
        return title + render_configuration(ont.tree.settings())
    version = ont.tree.find(f"{ont.model.top}DeviceInfo.SoftwareVersion")
    lines = chain(
        (f"{stamp(now)} {ont.identity.serial} runs {version}",),
        (f"{stamp(now)} event {event.code} is not yet reported" for event in ont.events),
        (f"{stamp(now)} {ont.retry_count} sessions in a row have failed",),
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _use(ont: Ont, transfer: Transfer, reader: Reader) -> tuple[int, str]:
    """Install what came; return fault code and text."""
    if transfer.size and transfer.size != reader.size:
        return 9018, f"{reader.size} octets came of {transfer.size}"
    match transfer.file_type:
        case "1 Firmware Upgrade Image":
            return _install(ont, transfer, reader)
        case "3 Vendor Configuration File":
            return _configure(ont, reader)
        case _:
            return 0, ""


def _install(ont: Ont, transfer: Transfer, reader: Reader) -> tuple[int, str]:
    try:
        image = read_image(reader.head)
    except ValueError as error:
        return 9018, f"the image cannot be read: {error}"
    if image is not None and image.crc is not None and image.crc != reader.crc:
        return 9018, "the checksum of the image is wrong"
    model = ont.tree.find(f"{ont.model.top}DeviceInfo.ModelName")
    if image is not None and image.model not in ("", model):
        return 9018, f"an image for {image.model}"
    told = (image.version if image else "") or ont.next_firmware
    ont.firmware = told or version_in_name(transfer.target, transfer.url) or _next_version(ont)
    ont.restart_wanted = True
    return 0, ""


def _next_version(ont: Ont) -> str:
    """Return the model file's version after the present one, or the present one."""
    present = ont.tree.find(f"{ont.model.top}DeviceInfo.SoftwareVersion")
    upgrades = ont.model.upgrades
    after = upgrades.index(present) + 1 if present in upgrades else 0
    return upgrades[after] if after < len(upgrades) else present


def _configure(ont: Ont, reader: Reader) -> tuple[int, str]:
    """Put the settings of a configuration file in force; those it does not have are ignored."""
    try:
        if reader.size > len(reader.head):
            raise ValueError("too long")
        settings = list(read_configuration(reader.head))
    except ValueError as error:
        return 9018, f"no configuration file: {error}"
    taken = [path for path, text in settings if ont.tree.restore(path, text)]
    ont.restored = len(taken), len(settings) - len(taken)
    ont.restart_wanted = not ont.dialect.in_session
    return 0, ""
