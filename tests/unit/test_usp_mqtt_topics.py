"""Topics of the MQTT binding: reply forms, who is vouched for, where answers go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.usp.mqtt.topics import (
    Address,
    Credential,
    Topics,
    Vouching,
    carries_record,
    fault_of_reply,
    is_endpoint,
    split_reply,
    with_reply,
)

AGENT = "ops::00259E-EX220-2212345%2F6"
TOPICS = Topics("usp/v1", "self::acs")
SHARED = Topics("usp/v1", "self::acs", group="acs", instance="w1")


@pytest.mark.parametrize(
    ("published", "topic", "reply"),
    [
        ("c/1/reply-to=a%2Fb", "c/1", "a/b"),
        ("c/1/reply-to=a%2fb%2Fc", "c/1", "a/b/c"),
        ("c/reply-to=x/reply-to=a%2Fb", "c/reply-to=x", "a/b"),
        ("c/1/reply-to= a%2Fb", "c/1", "a/b"),
        ("c/1/reply-to=", "c/1", ""),
        ("c/1", "c/1", ""),
    ],
)
def test_reply_topic_of_mqtt_3_1_1(published: str, topic: str, reply: str) -> None:
    assert split_reply(published) == (topic, reply)


@given(st.lists(st.text("abc:%2F-=", min_size=1), min_size=1), st.sampled_from(["c", "a/b/c"]))
def test_reply_topic_comes_back_from_where_it_was_put(levels: list[str], topic: str) -> None:
    reply = "/".join(levels)
    if "%2F" not in reply:  # such a level cannot be told from a slash: the standard's form
        assert split_reply(with_reply(topic, reply)) == (topic, reply)


def test_the_encoded_reply_topic_is_one_level() -> None:
    assert with_reply("usp/v1/agent/x", "a/b") == "usp/v1/agent/x/reply-to=a%2Fb"


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (f"usp/v1/controller/{AGENT}", Vouching(AGENT, Credential.OWN)),
        (f"usp/v1/onboard/{AGENT}", Vouching(AGENT, Credential.BOOTSTRAP)),
        (f"usp/v1/reply/w1/{AGENT}", Vouching(AGENT, Credential.OWN)),
        (f"usp/v1/onboard-reply/w1/{AGENT}", Vouching(AGENT, Credential.BOOTSTRAP)),
        ("usp/v1/controller", Vouching()),
        ("usp/v1/controller/", Vouching()),
        ("usp/v1/controller/nobody", Vouching()),
        (f"usp/v1/controller/{AGENT}/more", Vouching()),
        (f"usp/v1/controller/x/{AGENT}", Vouching()),
        (f"other/controller/{AGENT}", Vouching()),
        (f"usp/v10/controller/{AGENT}", Vouching()),
    ],
)
def test_a_topic_vouches_for_the_id_it_ends_in(topic: str, expected: Vouching) -> None:
    assert TOPICS.vouching(topic) == expected


def test_certificates_prove_more_where_the_broker_asks_for_them() -> None:
    topics = Topics(proven_by=Credential.CERTIFICATE)
    assert topics.vouching(f"usp/v1/controller/{AGENT}").credential == "certificate"
    assert topics.vouching(f"usp/v1/onboard/{AGENT}").credential == "bootstrap"


@pytest.mark.parametrize(
    ("address", "alone", "among_others"),
    [
        (
            Address(f"usp/v1/agent/{AGENT}"),
            f"usp/v1/controller/{AGENT}",
            f"usp/v1/reply/w1/{AGENT}",
        ),
        (
            Address(f"usp/v1/agent/{AGENT}", shared_account=True),
            f"usp/v1/onboard/{AGENT}",
            f"usp/v1/onboard-reply/w1/{AGENT}",
        ),
        (Address("usp/agent"), "usp/v1/controller", "usp/v1/reply/w1"),
    ],
)
def test_an_agent_is_told_to_answer_where_it_may_write(
    address: Address, alone: str, among_others: str
) -> None:
    assert TOPICS.reply_to(address) == alone
    assert SHARED.reply_to(address) == among_others


@pytest.mark.parametrize(
    "address",
    [
        Address("usp/v1/agent/x"),
        Address("t", shared_account=True),
        Address("t", version_3=True),
        Address("t", shared_account=True, version_3=True),
    ],
)
def test_an_address_is_read_back_from_its_text(address: Address) -> None:
    assert Address.parse(str(address)) == address


def test_what_agents_begin_is_shared_and_answers_are_not() -> None:
    assert TOPICS.filters() == ("usp/v1/controller/#", "usp/v1/onboard/#")
    assert SHARED.filters() == (
        "$share/acs/usp/v1/controller/#",
        "$share/acs/usp/v1/onboard/#",
        "usp/v1/reply/w1/#",
        "usp/v1/onboard-reply/w1/#",
    )


def test_each_process_has_its_own_status() -> None:
    assert TOPICS.status == "usp/v1/status/self::acs"
    assert SHARED.status == "usp/v1/status/self::acs/w1"


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (f"usp/v1/agent/{AGENT}", ""),
        ("usp/agent", ""),
        ("", "no reply topic"),
        ("usp/v1/agent/os::other", "its reply topic is another endpoint's"),
        ("usp/v1/agent/os::other/", "its reply topic is another endpoint's"),
        (f"usp/v1/agent/os::other/{AGENT}", "its reply topic is another endpoint's"),
        ("usp/+/a", "nothing can be published to its reply topic"),
        ("usp/#", "nothing can be published to its reply topic"),
        ("$CONTROL/dynamic-security/v1", "nothing can be published to its reply topic"),
        ("a\0b", "nothing can be published to its reply topic"),
        ("a" * 600, "its reply topic is too long"),
    ],
)
def test_reply_topics_that_are_refused(reply: str, fault: str) -> None:
    assert fault_of_reply(reply, AGENT) == fault


def test_a_reply_topic_may_be_anyones_where_nobody_is_vouched_for() -> None:
    assert fault_of_reply("usp/v1/agent/os::other", "") == ""


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (AGENT, True),
        ("self::acs", True),
        ("os::012345-A_b.c", True),
        ("oui:00259E:x", True),
        ("", False),
        ("mqttjs_1234", False),
        ("os::", False),
        ("os::a/b", False),
        ("os::a b", False),
        ("os::a+", False),
    ],
)
def test_what_looks_like_an_endpoint_id(text: str, is_one: bool) -> None:
    assert is_endpoint(text) is is_one


@pytest.mark.parametrize(
    ("content_type", "carries"),
    [
        ("usp.msg", True),
        ("application/vnd.bbf.usp.msg", True),
        ("", True),
        ("application/json; charset=UTF-8", False),
        ("usp.error", False),
    ],
)
def test_content_types_that_carry_a_record(content_type: str, carries: bool) -> None:
    assert carries_record(content_type) is carries
