"""Several servers share agents: one of them visits at a time."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from usp_plain_agent import PlainAgent
from usp_world import AGENT, World

from acs.usp import messages
from acs.usp.visits import RENEW_SECONDS

BOOT = messages.Event("Device.", "Boot!", {"Cause": "LocalReboot"})


class Claimed:
    """Claims another server may have; ``theirs`` are its agents."""

    def __init__(self, *theirs: str) -> None:
        self.theirs = set(theirs)
        self.ours: list[str] = []
        self.asked = 0

    def take(self, endpoint: str) -> Deferred[bool]:
        self.asked += 1
        if endpoint in self.theirs:
            return succeed(False)
        self.ours.append(endpoint)
        return succeed(True)

    def release(self, endpoint: str) -> None:
        self.ours = [each for each in self.ours if each != endpoint]


def test_an_agent_that_another_server_visits_is_left_alone_until_it_is_free() -> None:
    claims = Claimed(AGENT)
    world = World(claims=claims)
    agent = world.join(PlainAgent())
    agent.tells(BOOT)
    world.wait(5)
    assert agent.confirmed() == ["001-1"], "a Notify is stored and answered by whom it reaches"
    assert agent.kinds() == []
    claims.theirs.clear()
    world.wait(60)
    assert agent.kinds()[:2] == ["GetSupportedProtocol", "Get"]
    assert claims.ours == [], "a claim is given up at the end of the visit"
    world.check()


def test_a_long_visit_renews_its_claim() -> None:
    claims = Claimed()
    world = World(claims=claims)
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT)
    world.wait(3)
    before = claims.asked
    peer = world.controller.peers[AGENT]
    peer.claimed -= RENEW_SECONDS
    world.wait(2)
    assert claims.asked == before + 1
    assert claims.ours
