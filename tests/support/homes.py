"""Customers' homes: an equipment in ERPNext, and the simulated ONT on the wall."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import requests
from running_acs import BOOTSTRAP, RunningAcs

from acs.store import equipment
from simulators.cpe import End, Identity, Misbehaviour, Ont, SessionReport
from simulators.cpe.blocking import Client
from simulators.cpe.misbehaviour import GOOD

SSID = "Device.WiFi.SSID.{}.SSID"
KEY = "Device.WiFi.AccessPoint.{}.Security.KeyPassphrase"
MAIN = (1, 3)
"""Instances of the main network of TP-Link's family A: 2.4 and 5 GHz."""
SIP_PASSWORD = (
    "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1.MultiIsp.1.MultiAuthPassword"
)

_NUMBERS = itertools.count(1)


class Site:
    """An ERPNext, in the hands of somebody who may do everything."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, doctype: str, **fields: Any) -> None:
        """Make a document."""
        self._do("POST", doctype, fields)

    def change(self, doctype: str, name: str, **fields: Any) -> None:
        """Change a document."""
        self._do("PUT", f"{doctype}/{name}", fields)

    def delete(self, doctype: str, name: str) -> None:
        """Delete a document."""
        self._do("DELETE", f"{doctype}/{name}", None)

    def _do(self, method: str, path: str, body: Any) -> None:
        answer = requests.request(
            method,
            f"{self.url}/api/resource/{path}",
            json=body,
            headers={"Authorization": "token setup-key:setup-secret"},
            timeout=30,
        )
        assert answer.ok, answer.text


@dataclass
class Home:
    """One home. ``number`` makes its names, serials and addresses unlike all others."""

    acs: RunningAcs
    site: Site
    number: int
    model: str = "tplink-a-xx230v"
    product_class: str = "Device2"
    serial: str = ""
    mac: str = ""

    def __post_init__(self) -> None:
        self.serial = self.serial or f"22275B{self.number:07d}"
        self.mac = self.mac or f"1C:61:B6:{self.number >> 8:02X}:{self.number & 255:02X}:10"
        self.ssid = f"Maison {self.number}"
        self.key = f"Erable-rouge-{self.number}"
        self.sip_username = f"450555{self.number:04d}"
        self.sip_password = f"Sirop-{self.number}-dore"
        self.equipment = f"EQP-T{self.number:05d}"
        self.ont = self._unit()
        self.client = Client(self.acs.url, self.ont, timeout=30)

    def _unit(self) -> Ont:
        oui = self.mac.replace(":", "")[:6]
        identity = Identity(oui, self.product_class, self.serial, self.mac)
        return Ont(self.model, identity, username=BOOTSTRAP[0], password=BOOTSTRAP[1])

    @property
    def device(self) -> Any:
        """What the server keeps of the ONT."""
        return self.acs.device(self.serial)

    def scan(self, **fields: Any) -> None:
        """A technician records the box in ERPNext; ``fields`` replace or add to what is usual."""
        usual = {
            "name": self.equipment,
            "equipment_type": "ONT",
            "model": "XX230v",
            "serial_number": self.serial,
            "status": "active",
            "wifi_ssid": self.ssid,
            "wifi_password": self.key,
            "sip_username": self.sip_username,
            "sip_password": self.sip_password,
        }
        self.site.add(
            "Service Equipment", **{k: v for k, v in (usual | fields).items() if v is not None}
        )

    def scan_by_mac(self, **fields: Any) -> None:
        """The same, but with no serial number: only with what is given."""
        self.scan(serial_number=None, **fields)

    def change(self, **fields: Any) -> None:
        """The customer calls for another profile."""
        self.site.change("Service Equipment", self.equipment, **fields)

    def mirrored(self, name: str = "") -> Any:
        """The row of the server's mirror for the equipment of this home, or another's."""
        wanted = name or self.equipment
        with self.acs.database.read() as connection:
            return equipment.wish_thd(connection, [wanted]).get(wanted)

    def call(self, *events: str, complete: bool = True) -> SessionReport:
        """The ONT calls."""
        report = self.client.session(events or None)
        assert not complete or report.end is End.COMPLETE, report
        return report

    def settle_in(self) -> SessionReport:
        """First contact, and the call that proves it; the report of the first."""
        first = self.call()
        self.call()
        return first

    def misbehave(self, misbehaviour: Misbehaviour = GOOD) -> None:
        """Have the ONT do something wrong from now on; nothing: it is good again."""
        self.ont.misbehaviour = misbehaviour

    def shows(self, path: str) -> str:
        """What the ONT really holds, passwords too."""
        return self.ont.tree.get(path)

    @property
    def is_served(self) -> bool:
        """The ONT really has what its customer was promised."""
        return all(
            (self.shows(SSID.format(i)), self.shows(KEY.format(i))) == (self.ssid, self.key)
            for i in MAIN
        )


def new_home(acs: RunningAcs, site_url: str, **options: Any) -> Home:
    """A home nobody has seen before."""
    return Home(acs, Site(site_url), next(_NUMBERS), **options)
