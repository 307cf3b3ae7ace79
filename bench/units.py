"""Who the devices of a run are: numbers, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from acs.model import DeviceId

OUI = "3460F9"
PRODUCT_CLASS = "XX230v"
STRANGERS = 1_000_000
"""Units from this number on are known to nobody."""
_FIRST_ADDRESS = int(IPv4Address("127.1.0.1"))
_ADDRESSES = 100_000


@dataclass(frozen=True, slots=True)
class Unit:
    """One device. What differs between two has the same length, so that recorded bytes fit all."""

    number: int

    @property
    def serial(self) -> str:
        """Serial number."""
        return f"22275A7{self.number:07d}"

    @property
    def mac(self) -> str:
        """Base MAC as the device writes it; that of the next unit is 16 further."""
        digits = f"{0x3460F9000000 + 16 * self.number:012X}"
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))

    @property
    def gpon(self) -> str:
        """GPON serial in hex."""
        return "54504C47" + self.mac.replace(":", "")[-8:]

    @property
    def address(self) -> str:
        """Loopback address it calls from: one each, as on an access network."""
        return str(IPv4Address(_FIRST_ADDRESS + self.number % _ADDRESSES))

    @property
    def password(self) -> str:
        """Its own CWMP password."""
        return f"own-{self.number:07d}"

    @property
    def equipment(self) -> str:
        """Name of its equipment in ERPNext."""
        return f"EQP-{self.number:07d}"

    @property
    def ssid(self) -> str:
        """Name of its customer's Wi-Fi."""
        return f"Villa Aurore {self.number:07d}"

    @property
    def passphrase(self) -> str:
        """Key of that Wi-Fi."""
        return f"tournesol-{self.number:07d}"

    @property
    def telephone(self) -> str:
        """Number of its telephone line, which is its SIP user name too."""
        return f"+1450{self.number:07d}"

    @property
    def sip_password(self) -> str:
        """Password of that line."""
        return f"dix-huit-{self.number:07d}"

    @property
    def device_id(self) -> DeviceId:
        """Identity in its Inform."""
        return DeviceId(OUI, PRODUCT_CLASS, self.serial)

    def marks(self) -> tuple[bytes, ...]:
        """What tells its bytes from those of another unit, in a fixed order."""
        own = (
            self.serial,
            self.mac,
            self.gpon,
            self.ssid,
            self.passphrase,
            self.telephone,
            self.sip_password,
        )
        return tuple(text.encode() for text in own)
