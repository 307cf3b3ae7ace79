"""Who plays: the ONTs of the demonstration, and how each of them speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulators.cpe.fleet import DEMO
from simulators.cpe.modelfile import Identity


class Speech(StrEnum):
    """How an ONT speaks with the server, as the audience reads it."""

    CWMP = "CWMP"
    MQTT = "USP MQTT"
    WEBSOCKET = "USP WebSocket"
    MOVING = "CWMP → USP"

    @property
    def needs_broker(self) -> bool:
        """True where there is nothing to see without an MQTT broker."""
        return self in (Speech.MQTT, Speech.MOVING)

    @property
    def protocol(self) -> str:
        """What the server calls it in the end."""
        return "cwmp" if self is Speech.CWMP else "usp"


@dataclass(frozen=True, slots=True)
class Part:
    """One ONT; ``equipment`` is what a technician records of it, unless it is recorded already."""

    speech: Speech
    model: str
    identity: Identity
    equipment: Mapping[str, str] = field(default_factory=dict)

    @property
    def serial(self) -> str:
        """Its serial number."""
        return self.identity.serial

    @property
    def endpoint(self) -> str:
        """Its endpoint id, once it speaks USP."""
        own = self.identity
        return f"ops::{own.oui}-{own.product_class}-{own.serial}"


OVER_MQTT = Part(
    Speech.MQTT,
    "tplink-a-xx230v",
    Identity("1C61B4", "Device2", "22275A7000011", "1C:61:B4:FA:61:C8"),
    {
        "name": "EQP-00011",
        "model": "XX230v",
        "serial_number": "22275A7000011",
        "wifi_ssid": "Chez Ouellet",
        "wifi_password": "Sapin-baumier-31",
        "sip_username": "4505550111",
        "sip_password": "Vq3-bleu-2290",
    },
)
OVER_WEBSOCKET = Part(
    Speech.WEBSOCKET,
    "tplink-a-ex220",
    Identity("1C61B4", "EX220", "2226469000012", "1C:61:B4:FA:62:10"),
    {
        "name": "EQP-00012",
        "model": "EX220",
        "mac_address": "1c:61:b4:fa:62:10",
        "wifi_ssid": "Phare de Matane",
        "wifi_password": "brume & corne 1906",
    },
)
MOVING = Part(
    Speech.MOVING,
    "tplink-a-xc220-g3v",
    Identity("1C61B4", "XC220-G3v", "225C1CU000013", "1C:61:B4:FA:63:C8"),
    {
        "name": "EQP-00013",
        "model": "XC220-G3v",
        "gpon_serial": "TPLGB4FA63C8",
        "wifi_ssid": "Atelier Côté",
        "wifi_password": "rabot_et_gouge_88",
        "sip_username": "4505550113",
        "sip_password": "Etabli-55-chene",
    },
)
NEWCOMER = Part(
    Speech.CWMP,
    "tplink-a-xx230v",
    Identity("1C61B4", "Device2", "22275A7004821", "1C:61:B4:FA:64:C8"),
    {
        "name": "EQP-00021",
        "model": "XX230v",
        "serial_number": "22275A7004821",
        "wifi_ssid": "Chalet Bouchard",
        "wifi_password": "poele-a-bois-1958",
    },
)
"""Is plugged in later, before anybody recorded it."""
CAST = (
    *(
        Part(
            Speech.CWMP,
            unit.model,
            Identity(unit.oui, unit.product_class, unit.serial, unit.mac, unit.ip),
        )
        for unit in DEMO
    ),
    OVER_MQTT,
    OVER_WEBSOCKET,
    MOVING,
)


def playing(*, broker: bool) -> tuple[Part, ...]:
    """Who plays, with an MQTT broker at hand or without."""
    return tuple(part for part in CAST if broker or not part.speech.needs_broker)
