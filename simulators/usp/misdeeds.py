"""Carries out what `mischief` orders, on one record at a time."""

from __future__ import annotations

from random import Random

from acs.usp.pb import usp_msg_pb2 as msg_pb
from acs.usp.pb import usp_record_pb2 as pb

from .mischief import Mischief

_MOMENT = 0.3
"""Seconds by which a repeated or an overtaken record comes later."""


class Misdeeds:
    """What one agent does wrong; ``random`` decides when."""

    __slots__ = ("_mischief", "_random")

    def __init__(self, mischief: Mischief, random: Random) -> None:
        self._mischief = mischief
        self._random = random

    def of(self, record: pb.Record, *, answer: bool) -> list[tuple[float, bytes]]:
        """Return what is sent in the place of a message: (seconds from now, octets)."""
        wrong = self._mischief
        if self._struck(wrong.lost if answer else wrong.lost_notifies):
            return []
        delay = wrong.slow
        if self._struck(wrong.late):
            delay += wrong.late_by
        elif self._struck(wrong.swapped):
            delay += _MOMENT
        if answer and self._struck(wrong.wrong_id):
            return [(delay, _other_id(record))]
        sent = [(delay, octets) for octets in self._before(record)]
        octets = record.SerializeToString()
        sent.append((delay, octets))
        if self._struck(wrong.twice):
            sent.append((delay + _MOMENT, octets))
        return sent

    def _before(self, record: pb.Record) -> list[bytes]:
        """Return what is sent before the record."""
        wrong, found = self._mischief, []
        if self._struck(wrong.malformed):
            found.append(self._random.randbytes(self._random.randint(1, 64)))
        if self._struck(wrong.stranger):
            found.append(_with(record, from_id="proto::stranger"))
        if self._struck(wrong.foreign):
            found.append(_with(record, to_id="proto::somebody-else"))
        if self._struck(wrong.tls):
            other = pb.Record()
            other.CopyFrom(record)
            other.payload_security = pb.Record.TLS12
            found.append(other.SerializeToString())
        if self._struck(wrong.no_body) and record.HasField("no_session_context"):
            message = msg_pb.Msg.FromString(record.no_session_context.payload)
            message.ClearField("body")
            found.append(_payload(record, message))
        return found

    def _struck(self, share: float) -> bool:
        return share > 0 and self._random.random() < share


def _with(record: pb.Record, **ends: str) -> bytes:
    other = pb.Record()
    other.CopyFrom(record)
    for name, text in ends.items():
        setattr(other, name, text)
    return other.SerializeToString()


def _other_id(record: pb.Record) -> bytes:
    if not record.HasField("no_session_context"):
        return record.SerializeToString()
    message = msg_pb.Msg.FromString(record.no_session_context.payload)
    message.header.msg_id = "nobody-asked"
    return _payload(record, message)


def _payload(record: pb.Record, message: msg_pb.Msg) -> bytes:
    other = pb.Record()
    other.CopyFrom(record)
    other.no_session_context.payload = message.SerializeToString()
    return other.SerializeToString()
