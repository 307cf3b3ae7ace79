"""Supported models by kind of agent: asked for once, kept, and believed of units we know."""

from __future__ import annotations

from collections.abc import Callable

from acs.devices.agents import Agent
from acs.devices.effects import SaveSupportedModel
from acs.devices.vocabulary import model_key
from acs.usp import onboarding
from acs.usp.keeping import Keeping
from acs.usp.supported import SupportedModel, pack, unpack

MODELS = 256
"""Supported models that are kept in memory."""


class Models:
    """What kinds of agents support, as far as it is known."""

    def __init__(self, keeping: Keeping, now: Callable[[], float]) -> None:
        self._keeping = keeping
        self._now = now
        self._by_kind: dict[str, SupportedModel] = {}
        self._asked: set[str] = set()
        """Kinds of which an agent is being asked, or has shown what is not believed yet: no
        second one is asked."""

    async def known(self, agent: Agent) -> SupportedModel | None:
        """The model of the agent's kind, if it was told before."""
        key = model_key(agent)
        if key not in self._by_kind:
            blob = await self._keeping.supported(key)
            if blob is not None:
                self._keep(key, SupportedModel(unpack(blob)))
        return self._by_kind.get(key)

    async def ask(self, agent: Agent) -> SupportedModel | None:
        """Ask the agent that is visited; None: it shows nothing, or another one is asked.

        What it shows is its own until it is believed: anybody with the shared secret can say that
        he is of this kind, and what that is like. Once its visit is over, call `done`.
        """
        key = model_key(agent)
        if key in self._asked:
            return None
        self._asked.add(key)
        shown = None
        try:
            uri, objects = await onboarding.acquaint()
            if objects:
                shown = SupportedModel(objects, uri)
        finally:
            if shown is None:
                self.done(agent)
        return shown

    def done(self, agent: Agent) -> None:
        """The visit of the agent that was asked is over: another one may be asked."""
        self._asked.discard(model_key(agent))

    def believe(self, agent: Agent, shown: SupportedModel) -> None:
        """Take what an agent showed for the model of its kind."""
        key = model_key(agent)
        self._keep(key, shown)
        blob = pack(shown.objects.values())
        self._keeping.post((SaveSupportedModel(key, self._now(), shown.uri, blob),))

    def _keep(self, key: str, model: SupportedModel) -> None:
        self._by_kind[key] = model
        while len(self._by_kind) > MODELS:
            del self._by_kind[next(iter(self._by_kind))]
