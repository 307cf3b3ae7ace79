"""Which devices a change of the mirror is about: those matched, and those nothing fitted so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, or_, select

from acs.devices.identity import Equipment, Hints, Unmatched, match, normal_serial
from acs.devices.record import Standing
from acs.model import DeviceId
from acs.store.tables import devices, equipment

T = TypeVar("T")

UNMATCHED = (Standing.QUARANTINED, Standing.WAITING)
"""Standings of a device that may be matched as soon as the mirror has its equipment."""
_CHUNK = 50
"""Equipments of one query; each is looked for in a good dozen of spellings."""
_NAMES = 500


def digests_thd(conn: Connection, names: Iterable[str]) -> dict[str, str]:
    """Load the digests of mirrored equipments by name; those not mirrored are not in the answer."""
    found: dict[str, str] = {}
    for some in _chunks(names, _NAMES):
        query = select(equipment.c.name, equipment.c.digest).where(
            equipment.c.name.in_(some), equipment.c.present
        )
        found |= {row.name: row.digest for row in conn.execute(query)}
    return found


def behind_thd(conn: Connection, digests: Mapping[str, str]) -> set[int]:
    """Find devices matched to these equipments that were compared with another wish, or with none.

    ``digests`` has that of the mirrored wish by the equipment's name; a device keeps it at the
    head of `acs.devices.record.Device.wish`.
    """
    found: set[int] = set()
    for some in _chunks(digests, _NAMES):
        query = select(devices.c.id, devices.c.equipment, devices.c.wish).where(
            devices.c.equipment.in_(some)
        )
        found |= {
            row.id
            for row in conn.execute(query)
            if row.wish.partition(":")[0] != digests[row.equipment]
        }
    return found


def fitting_thd(conn: Connection, boxes: Sequence[Equipment]) -> set[int]:
    """Find devices that nothing was matched to yet and that any of ``boxes`` fits.

    By serial number, which may be a MAC address or GPON serial, and by MAC address. A GPON serial
    that a device does not announce is not kept, so by that alone none is found.
    """
    standing = [each.value for each in UNMATCHED]
    waits = devices.c.standing.in_(standing)
    if conn.execute(select(devices.c.id).where(waits).limit(1)).first() is None:
        return set()
    found: set[int] = set()
    for some in _chunks(boxes, _CHUNK):
        serials = {spelling for box in some for spelling in _serials(box)}
        macs = {box.mac for box in some if box.mac}
        query = select(
            devices.c.id,
            devices.c.oui,
            devices.c.product_class,
            devices.c.serial_number,
            devices.c.mac,
        ).where(
            waits,
            devices.c.equipment == "",
            or_(devices.c.serial_number.in_(serials), devices.c.mac.in_(macs)),
        )
        for row in conn.execute(query):
            who = DeviceId(row.oui, row.product_class, row.serial_number)
            hints = Hints(who, row.mac)
            if any(not isinstance(match(hints, (box,)), Unmatched) for box in some):
                found.add(row.id)
    return found


def _serials(box: Equipment) -> Iterator[str]:
    """Yield what a device that ``box`` fits may announce as its serial number.

    As in `acs.devices.identity.match`, in the spellings that devices use.
    """
    texts = {box.serial_number, box.cwmp_serial, box.barcode, box.gpon_serial}
    # A whole device key, OUI-ProductClass-SerialNumber: either part behind the OUI may have dashes.
    parts = box.cwmp_serial.split("-")
    texts |= {"-".join(parts[at:]) for at in range(2, len(parts))}
    if box.mac:
        pairs = [box.mac[at : at + 2] for at in range(0, 12, 2)]
        texts |= {box.mac, ":".join(pairs), "-".join(pairs)}
    if box.gpon_serial and (vendor := bytes.fromhex(box.gpon_serial[:8])).isalpha():
        texts.add(vendor.decode("ascii", "ignore") + box.gpon_serial[8:])
    for text in texts - {""}:
        yield normal_serial(text)
        yield text.lower()


def _chunks(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some
