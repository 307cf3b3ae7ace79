"""Who may open a WebSocket session: the query, the extension, the certificate, the secret."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.model import Secret
from acs.usp.websocket.admission import (
    Admitted,
    Auth,
    Denied,
    Proof,
    Terms,
    Upgrade,
    basic_credentials,
    extension_ids,
    judge,
    query_ids,
)

AGENT = "os::012345-S1"
OTHER = "os::012345-S2"
TERMS = Terms(endpoint="self::acs", auth="none", password=Secret("open:sesame"))


def upgrade(target: str = f"/usp?eid={AGENT}", **changes: object) -> Upgrade:
    plain = Upgrade(target, ("v1.usp",), {}, secure=True, certified=())
    return replace(plain, **changes)  # type: ignore[arg-type]


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def admitted(found: Admitted | Denied) -> Admitted:
    assert isinstance(found, Admitted), found
    return found


def denied(found: Admitted | Denied) -> Denied:
    assert isinstance(found, Denied), found
    return found


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "ids"),
        [
            ("eid=os::012345-S1", ["os::012345-S1"]),
            ("eid=self::a%2521", ["self::a%21"]),
            ("eid=os%3A%3A012345-S1", ["os::012345-S1"]),
            ("x=1&eid=os::012345-S1&y=%26", ["os::012345-S1"]),
            ("eid=a&eid=b", ["a", "b"]),
            ("xeid=a&EID=b&eid", [""]),
            ("", []),
        ],
    )
    def test_ids(self, query: str, ids: list[str]) -> None:
        assert list(query_ids(query)) == ids

    def test_an_id_whose_percent_sign_was_not_escaped_is_taken_as_it_stands(self) -> None:
        assert list(query_ids("eid=self::my%20agent")) == ["self::my%20agent"]

    @given(st.text())
    def test_any_target_gets_an_answer(self, text: str) -> None:
        assert isinstance(judge(upgrade(text), TERMS), Admitted | Denied)


class TestExtension:
    @pytest.mark.parametrize(
        ("header", "ids"),
        [
            ("", ()),
            ("permessage-deflate; client_max_window_bits", ()),
            ('bbf-usp-protocol; eid="os::012345-S1"', ("os::012345-S1",)),
            ("x, BBF-USP-Protocol;EID=os::012345-S1, y", ("os::012345-S1",)),
            ("bbf-usp-protocol", ("",)),
        ],
    )
    def test_ids(self, header: str, ids: tuple[str, ...]) -> None:
        assert extension_ids(header) == ids

    def test_it_names_the_agent_where_the_query_does_not(self) -> None:
        headers = {"sec-websocket-extensions": f'bbf-usp-protocol; eid="{AGENT}"'}
        found = admitted(judge(upgrade("/usp", headers=headers), TERMS))
        assert found.endpoint == AGENT
        assert found.headers == {"Sec-WebSocket-Extensions": 'bbf-usp-protocol; eid="self::acs"'}

    def test_it_is_not_answered_to_who_did_not_offer_it(self) -> None:
        assert admitted(judge(upgrade(), TERMS)).headers == {}

    def test_it_may_not_name_another_agent_than_the_query(self) -> None:
        headers = {"sec-websocket-extensions": f"bbf-usp-protocol; eid={OTHER}"}
        assert denied(judge(upgrade(headers=headers), TERMS)).status == 400


class TestRequest:
    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"target": f"/other?eid={AGENT}"}, 404),
            ({"target": "//["}, 400),
            ({"protocols": ()}, 400),
            ({"protocols": ("v2.usp", "V1.USP")}, 400),
            ({"target": "/usp"}, 400),
            ({"target": "/usp?eid="}, 400),
            ({"target": "/usp?eid=a%0Ab"}, 400),
            ({"target": "/usp?eid=a%22b"}, 400),
            ({"target": "/usp?eid=" + "a" * 129}, 400),
            ({"target": f"/usp?eid={AGENT}&eid={OTHER}"}, 400),
        ],
    )
    def test_refused(self, changes: dict[str, object], status: int) -> None:
        found = denied(judge(upgrade(**changes), TERMS))
        assert (found.status, found.failed) == (status, False)

    def test_others_may_be_offered_beside_ours(self) -> None:
        found = judge(upgrade(protocols=("v9.usp", "v1.usp")), TERMS)
        assert admitted(found).endpoint == AGENT

    def test_an_id_of_no_known_scheme_is_taken(self) -> None:
        assert admitted(judge(upgrade("/usp?eid=acme::1"), TERMS)).endpoint == "acme::1"


class TestCertificate:
    TERMS = replace(TERMS, auth="certificate")

    @pytest.mark.parametrize("auth", ["certificate", "basic", "none"])
    def test_it_vouches_in_each_mode(self, auth: Auth) -> None:
        found = judge(upgrade(certified=(OTHER, AGENT)), replace(TERMS, auth=auth))
        assert admitted(found).proof is Proof.CERTIFICATE

    @pytest.mark.parametrize("auth", ["certificate", "basic", "none"])
    def test_that_of_another_is_refused_in_each_mode(self, auth: Auth) -> None:
        terms = replace(TERMS, auth=auth)
        headers = basic(f"{AGENT}:open:sesame")
        found = denied(judge(upgrade(certified=(OTHER,), headers=headers), terms))
        assert (found.status, found.failed) == (403, True)

    def test_it_names_the_agent_where_the_query_does_not(self) -> None:
        found = admitted(judge(upgrade("/usp", certified=(AGENT,)), self.TERMS))
        assert (found.endpoint, found.proof) == (AGENT, Proof.CERTIFICATE)

    def test_one_of_several_agents_names_none(self) -> None:
        found = denied(judge(upgrade("/usp", certified=(AGENT, OTHER)), self.TERMS))
        assert found.status == 400

    def test_it_is_required(self) -> None:
        found = denied(judge(upgrade(headers=basic(f"{AGENT}:open:sesame")), self.TERMS))
        assert (found.status, found.failed) == (403, True)


class TestBasic:
    TERMS = replace(TERMS, auth="basic")

    @pytest.mark.parametrize("name", [AGENT, "bootstrap"])
    def test_the_shared_secret(self, name: str) -> None:
        found = admitted(judge(upgrade(headers=basic(f"{name}:open:sesame")), self.TERMS))
        assert (found.endpoint, found.proof) == (AGENT, Proof.BOOTSTRAP)

    @pytest.mark.parametrize(
        "text", [f"{OTHER}:open:sesame", f"{AGENT}:open", "bootstrap:", "", "open:sesame"]
    )
    def test_a_wrong_one(self, text: str) -> None:
        found = denied(judge(upgrade(headers=basic(text)), self.TERMS))
        assert (found.status, found.failed) == (401, True)
        assert "sesame" not in found.reason

    def test_none_is_asked_for(self) -> None:
        found = denied(judge(upgrade(), self.TERMS))
        assert (found.status, found.failed) == (401, False)

    def test_nobody_has_an_empty_one(self) -> None:
        terms = replace(self.TERMS, password=Secret(""))
        assert denied(judge(upgrade(headers=basic(f"{AGENT}:")), terms)).status == 401

    def test_not_in_clear(self) -> None:
        headers = basic(f"{AGENT}:open:sesame")
        found = denied(judge(upgrade(headers=headers, secure=False), self.TERMS))
        assert found.status == 403

    def test_in_clear_where_that_is_allowed(self) -> None:
        terms = replace(self.TERMS, basic_on_plain=True)
        headers = basic(f"{AGENT}:open:sesame")
        found = admitted(judge(upgrade(headers=headers, secure=False), terms))
        assert found.proof is Proof.BOOTSTRAP

    @pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Bearer YTpi", "Basic YTpi, x"])
    def test_what_is_no_credentials(self, header: str) -> None:
        assert basic_credentials(header) == b""

    def test_without_it_nobody_is_vouched_for(self) -> None:
        assert admitted(judge(upgrade(), TERMS)).proof is Proof.NONE
