"""Recordings of sessions, without secrets, and their replay through the same code.

A recording holds what a device said, what we said, and what the house answered our flow.  So it
can be played again with no device and no database: a changed server shows what it would say
otherwise.
"""

from acs.cwmp.recording.document import Exchange, Header, Recording, Speaker, UnreadableRecording
from acs.cwmp.recording.replay import Difference, Replay, replay
from acs.cwmp.recording.tape import SessionFacts, Tape

__all__ = [
    "Difference",
    "Exchange",
    "Header",
    "Recording",
    "Replay",
    "SessionFacts",
    "Speaker",
    "Tape",
    "UnreadableRecording",
    "replay",
]
