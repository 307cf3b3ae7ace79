"""An ONT of `cpe-sim` that got firmware with USP: its agent, with the settings it had."""

from __future__ import annotations

from random import Random

from simulators.cpe.device import Ont
from simulators.usp.agent import Agent
from simulators.usp.data import Data
from simulators.usp.model import usp_model
from simulators.usp.options import AgentOptions


def agent_of(ont: Ont, boot_time: float, now: float, seed: int) -> Agent:
    """Make the agent of an ONT that starts anew with USP, and keeps its settings.

    ``now`` is of the clock that its link has; ``boot_time`` is how long it restarts, in seconds.
    What is kept is also what a factory reset returns to.  Raises `ValueError` for an ONT whose
    root is not ``Device.``.
    """
    model = usp_model(ont.model.name)
    has = Data(model, ont.identity, {}).tree
    kept = tuple((path, text) for path, text in ont.tree.settings() if path in has)
    options = AgentOptions(boot_time=boot_time, values=kept)
    agent = Agent(model, ont.identity, options, random=Random(seed), now=now)
    agent.reboot(now)  # It comes back from no reset.
    return agent
