"""Simulated CPEs over real CWMP: TP-Link family A ONTs and two generic devices.

An honest peer of the server: nothing here is shared with it.  Tests use `Ont` with
`simulators.cpe.blocking.Client` (in a thread) or `simulators.cpe.http.run_session`
(in a reactor); people use the `cpe-sim` command.
"""

from .device import Ont
from .misbehaviour import Misbehaviour
from .modelfile import Identity, load_model, model_names
from .render import Event
from .report import End, Rpc, SessionReport

__all__ = [
    "End",
    "Event",
    "Identity",
    "Misbehaviour",
    "Ont",
    "Rpc",
    "SessionReport",
    "load_model",
    "model_names",
]
