"""What public CWMP clients did when they were run against the server, each as a named test.

The clients: netcwmp, Orange tr069agent, easycwmp, genieacs-sim, cwmp-sim. Only their manners are
here, written down anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from acs_fixtures import NewCpe, StartAcs
from homes import Home
from raw_cpe import Answer, Challenge, DigestForm, Form, RawCpe, challenges
from running_acs import RunningAcs

from acs.devices.record import Standing

MAC = "Device.Ethernet.Interface.1.MACAddress"
TREE = {
    MAC: ("A4:B1:C2:00:00:01", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:01", "string"),
    "Device.DeviceInfo.ModelName": ("Gate 3000", "string"),
}
DECLARATION = b"<?xml"


@pytest.fixture(scope="module")
def open_acs(start_acs: StartAcs) -> RunningAcs:
    """A server that asks nobody for a password."""
    return start_acs(AUTH_MODE="none")


@dataclass(frozen=True)
class ShortMemory(DigestForm):
    """Keeps 32 characters of each text of a challenge, and answers in the form of RFC 2069."""

    qop: str | None = None
    opaque: bool = False

    def authorization(
        self, challenge: Challenge, account: tuple[str, str], body: bytes = b""
    ) -> str:
        kept = Challenge({name: value[:32] for name, value in challenge.values.items()})
        return super().authorization(kept, account, body)


class TestNetcwmp:
    def test_a_client_that_keeps_32_characters_of_the_nonce_gets_in(self, new_cpe: NewCpe) -> None:
        cpe = new_cpe(digest=ShortMemory(), tree=dict(TREE))
        assert cpe.open("0 BOOTSTRAP").name == "InformResponse"

    def test_its_empty_post_comes_first_and_its_inform_is_authorized_once(
        self, acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        """Only the Inform is signed, over the challenge that the empty POST met."""
        cpe = new_cpe(
            digest=ShortMemory(),
            form=Form(
                declaration=False,
                schema="http://www.w3.org/1999/XMLSchema",
                instance="http://www.w3.org/1999/XMLSchema-instance",
            ),
            tree=dict(TREE),
        )
        (challenge,) = challenges(cpe.post())
        proof = cpe.digest.authorization(challenge, cpe.account)
        answer = cpe.post(cpe.inform("0 BOOTSTRAP"), f"Authorization: {proof}")
        assert (answer.status, answer.name) == (200, "InformResponse")
        assert cpe.finish(cpe.post())[-1].status == 204
        assert acs.device(cpe.key).model == "Gate 3000"

    def test_its_empty_post_for_a_path_it_has_not_does_not_end_the_session(
        self, live_acs: RunningAcs, home: Home, new_cpe: NewCpe
    ) -> None:
        """Asked for the names below an object it does not have, it says nothing."""
        home.scan()
        cpe = new_cpe(port=live_acs.port(), serial=home.serial, tree=dict(TREE))

        def respond(asked: Answer) -> bytes:
            return b"" if asked.name == "GetParameterNames" else cpe.respond(asked)

        assert cpe.session("0 BOOTSTRAP", respond=respond).count("GetParameterNames") > 1
        assert live_acs.device(cpe.key).standing is Standing.FAULTED
        assert "no main network" in live_acs.device(cpe.key).reason


def leaves_at_a_declaration(cpe: RawCpe, *events: str) -> Answer:
    """A session of a client that cannot read a body beginning with an XML declaration."""
    cpe.close()
    answer = cpe.open(*events)
    assert answer.name == "InformResponse"
    if answer.body.startswith(DECLARATION):
        cpe.close()
        return answer
    asked = cpe.finish(cpe.post())
    assert not any(one.body.startswith(DECLARATION) for one in asked)
    return asked[-1]


class TestOrangeAgent:
    def test_it_comes_back_soon_and_is_answered_without_declaration_from_then_on(
        self, acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        """It retries after 35 s, long before its first session has timed out."""
        cpe = new_cpe(tree=dict(TREE), returns_cookie=False)
        first, second, third, fourth = (leaves_at_a_declaration(cpe, "1 BOOT") for _ in range(4))
        assert [one.status for one in (first, second)] == [200, 200]
        assert [one.status for one in (third, fourth)] == [204, 204]
        assert acs.device(cpe.key).standing is Standing.QUARANTINED

    def test_the_same_when_it_returns_the_cookie_of_the_session_it_left(
        self, new_cpe: NewCpe
    ) -> None:
        cpe = new_cpe(tree=dict(TREE))
        statuses = [leaves_at_a_declaration(cpe, "1 BOOT").status for _ in range(4)]
        assert statuses == [200, 200, 204, 204]

    def test_a_client_that_stays_keeps_the_declaration(self, new_cpe: NewCpe) -> None:
        """Leaving once, or twice with a whole session between, is no sign."""
        cpe = new_cpe(tree=dict(TREE))
        for _ in range(3):
            assert cpe.open("1 BOOT").body.startswith(DECLARATION)
            cpe.close()
            cpe.session("1 BOOT")
        assert cpe.open("1 BOOT").body.startswith(DECLARATION)

    @pytest.mark.parametrize("retries", [2, 3])
    def test_a_client_that_wants_it_after_all_gets_it_back(
        self, new_cpe: NewCpe, retries: int
    ) -> None:
        cpe = new_cpe(tree=dict(TREE))
        seen = []
        for _ in range(2 * retries):
            cpe.close()
            seen.append(cpe.open("1 BOOT").body.startswith(DECLARATION))
        assert seen == [True, True, False, False, True, True][: 2 * retries]


class TestLibcurlWithCredentials:
    """Orange tr069agent, netcwmp: an empty POST first, and the Inform once it is challenged."""

    def test_the_open_server_challenges_the_empty_post_too(
        self, open_acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        cpe = new_cpe(port=open_acs.port(), tree=dict(TREE))
        (challenge,) = challenges(cpe.post())
        # Whatever it proves is not looked at.
        proof = cpe.digest.authorization(challenge, ("anyone", "anything"))
        answer = cpe.post(cpe.inform("1 BOOT"), f"Authorization: {proof}")
        assert (answer.status, answer.name) == (200, "InformResponse")
        assert cpe.finish(cpe.post())[-1].status == 204

    def test_the_open_server_challenges_no_inform(
        self, open_acs: RunningAcs, new_cpe: NewCpe
    ) -> None:
        cpe = new_cpe(port=open_acs.port(), tree=dict(TREE))
        answer = cpe.post(cpe.inform("1 BOOT"))
        assert (answer.status, answer.name) == (200, "InformResponse")
