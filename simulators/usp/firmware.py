"""Firmware images of a unit: two banks, one of them runs (TR-181 DeviceInfo.FirmwareImage)."""

from __future__ import annotations

import hashlib
import hmac
import zlib

from ..cpe.content import read_image, version_in_name
from .errors import COMMAND_FAILED, Refusal
from .outgoing import Transfer
from .unit import Unit

_ACTIVE = "Device.DeviceInfo.ActiveFirmwareImage"
_BOOT = "Device.DeviceInfo.BootFirmwareImage"
_VERSION = "Device.DeviceInfo.SoftwareVersion"
_ALGORITHMS = {"SHA-1": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384"} | {
    "SHA-512": "sha512"
}


def is_active(unit: Unit, image: str) -> bool:
    """Tell whether the image at row ``image`` is the one that runs."""
    return unit.data.value(_ACTIVE).removesuffix(".") == image.removesuffix(".")


def set_status(unit: Unit, image: str, status: str) -> None:
    """Set the Status of an image."""
    unit.data.tree.put(image + "Status", status)
    unit.data.tree.put(image + "Available", "1" if status in ("Available", "Active") else "0")


def check(transfer: Transfer, content: bytes) -> None:
    """Raise `Refusal` 7022 for a file that is not the one that was told of."""
    if transfer.size and transfer.size != len(content):
        raise Refusal(COMMAND_FAILED, f"{len(content)} octets came of {transfer.size}")
    if transfer.checksum:
        if transfer.algorithm not in _ALGORITHMS:
            raise Refusal(COMMAND_FAILED, f"no checksum algorithm {transfer.algorithm}")
        found = hashlib.new(_ALGORITHMS[transfer.algorithm], content).hexdigest()
        if not hmac.compare_digest(found, transfer.checksum.lower()):
            raise Refusal(COMMAND_FAILED, "the checksum is wrong")


def version_of(unit: Unit, transfer: Transfer, content: bytes) -> str:
    """Return the version of an image that came. Raises `Refusal` 7022 for one that is damaged.

    An image that names no version has the one that was set for the unit, else that in its
    URL, else the model's next.
    """
    try:
        image = read_image(content)
    except ValueError as error:
        raise Refusal(COMMAND_FAILED, f"the image cannot be read: {error}") from None
    if image is not None:
        body = content.partition(b"\n")[2]
        if image.crc is not None and image.crc != zlib.crc32(body):
            raise Refusal(COMMAND_FAILED, "the checksum of the image is wrong")
        if image.model not in ("", unit.data.value("Device.DeviceInfo.ModelName")):
            raise Refusal(COMMAND_FAILED, f"an image for {image.model}")
        if image.version:
            return image.version
    return unit.options.firmware or version_in_name(transfer.url) or _next_version(unit)


def _next_version(unit: Unit) -> str:
    present = unit.data.value(_VERSION)
    upgrades = unit.data.model.base.upgrades
    after = upgrades.index(present) + 1 if present in upgrades else 0
    return upgrades[after] if after < len(upgrades) else present


def choose(unit: Unit, image: str) -> None:
    """Boot from the image at row ``image`` next time."""
    unit.data.tree.put(_BOOT, image.removesuffix("."))


def boot(unit: Unit) -> bool:
    """Run the image that was chosen; False: it is the one that ran, or cannot be run."""
    chosen = unit.data.value(_BOOT).removesuffix(".") + "."
    if is_active(unit, chosen) or not unit.data.is_on(chosen + "Available"):
        return False
    set_status(unit, unit.data.value(_ACTIVE).removesuffix(".") + ".", "Available")
    set_status(unit, chosen, "Active")
    unit.data.tree.put(_ACTIVE, chosen.removesuffix("."))
    unit.data.tree.put(_VERSION, unit.data.value(chosen + "Version"))
    return True
