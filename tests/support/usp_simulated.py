"""A simulated agent in the world of the controller: both halves as they are, and no sockets.

line = Line(onboarding=OnBoarding.UNTIL_COMPLETE)
job = line.do(JobKind.SET, {"changes": [...]})
answer = line.send({"get": {"param_paths": ["Device.DeviceInfo."]}})
"""

from __future__ import annotations

from random import Random
from typing import Any

from usp_desk import IDENTITY
from usp_world import START, World, origin_of

from acs.devices.record import Job, JobKind, JobState
from acs.usp import codec, records
from acs.usp.messages import Body, Message
from acs.usp.mtp import Mtp, Origin, Route
from acs.usp.records import NoSession
from simulators.usp.agent import Agent
from simulators.usp.model import usp_model
from simulators.usp.options import AgentOptions, OnBoarding
from simulators.usp.outgoing import LinkWish

MODEL = "generic-tr181-full"


class SimulatedAgent:
    """A `Joined` of the world whose link closes and opens as the agent wants it."""

    def __init__(self, world: World, model: str = MODEL, mtp: Mtp = Mtp.MQTT, **options: Any):
        options = {"onboarding": OnBoarding.NEVER} | options
        lasting = options["onboarding"] is OnBoarding.UNTIL_COMPLETE
        self.agent = Agent(
            usp_model(model, onboarding=lasting),
            IDENTITY,
            AgentOptions(**options),
            random=Random(7),
            now=START,
        )
        self.endpoint = self.agent.endpoint
        self.topic = f"usp/v1/agent/{self.endpoint}" if mtp is Mtp.MQTT else ""
        reply = Route(mtp, self.topic or self.endpoint)
        self.origin: Origin = origin_of(self.endpoint, mtp=mtp, reply=reply)
        self.deaf = False
        """What is sent to it gets lost."""
        self.said: list[bytes] = []
        """Every record it sent."""
        self._world = world
        self._mtp = mtp
        self._is_open = False

    def opens(self) -> None:
        """Have its link come up; the transport tells the controller."""
        self._is_open = True
        self.agent.opened("mqtt5" if self.topic else "websocket", self.topic, self._world.now)
        self._world.controller.present(self.endpoint, self._mtp, "the transport saw it")
        self._world.carry()

    def closes(self) -> None:
        """Have its link close; the transport tells the controller."""
        self._is_open = False
        self.agent.closed(self._world.now)
        self._world.controller.absent(self.endpoint, self._mtp, "the transport saw it go")

    def received(self, octets: bytes, topic: str, now: float) -> None:
        if not self.deaf:
            self.agent.received(octets, topic or None, now)

    def tick(self, now: float) -> None:
        self.agent.tick(now)
        if self.agent.wants is not LinkWish.RECONNECT:
            return
        if self._is_open:
            self._world.carry()
            self.closes()
        elif now >= self.agent.back_at:
            self.opens()

    def take(self) -> list[bytes]:
        out = [each.octets for each in self.agent.take()]
        self.said += out
        return out

    def messages(self, kind: type[Body]) -> list[Message]:
        """Return the messages of a kind that it sent outside of session contexts."""
        contents = [records.decode(each).content for each in self.said]
        told = [codec.decode(c.payload) for c in contents if isinstance(c, NoSession)]
        return [each for each in told if isinstance(each.body, kind)]


class Line:
    """One simulated agent, known to the controller and set up, at the other end of a line."""

    def __init__(self, world: World | None = None, **options: Any) -> None:
        self.world = world or World()
        self.unit: SimulatedAgent = SimulatedAgent(self.world, **options)
        self.agent = self.unit.agent
        self.world.join(self.unit)
        self.unit.opens()
        self.world.wait(8)
        self._jobs = 100

    def do(self, kind: JobKind, payload: dict[str, Any] | None = None, wait: float = 1.0) -> Job:
        """Have a job carried out; ``wait``: seconds until it is looked at."""
        self._jobs += 1
        self.world.house.jobs.append(Job(self._jobs, 1, kind, payload or {}))
        assert self.world.controller.wake(self.unit.endpoint, "a job")
        self.world.wait(wait)
        self.world.check()
        return self.job(self._jobs)

    def job(self, number: int) -> Job:
        """Return a job as it is kept."""
        (found,) = [job for job in self.world.house.jobs if job.id == number]
        return found

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request as it is, and return what is shown of its answer."""
        job = self.do(JobKind.MESSAGE, {"request": request})
        assert job.state is JobState.DONE, job.result
        answer: Any = job.result["answer"]
        return dict(answer)

    def follow(self, job: Job, seconds: float) -> Job:
        """Let time pass until a job is over, ``seconds`` at most."""
        end = self.world.seconds + seconds
        while self.world.seconds < end and self.job(job.id).state is JobState.SENT:
            self.world.wait(5)
        return self.job(job.id)
