"""The rules of outgoing events: signatures, who is told, what is told, when again."""

from __future__ import annotations

import json

import pytest

from acs.events.choosing import (
    SubscriptionError,
    check_kinds,
    check_url,
    host_of,
    is_private,
    wants,
)
from acs.events.message import body, message_id
from acs.events.retrying import HOLDING, LONGEST_ASKED, PAUSES, Answer, Fate, judge
from acs.events.signing import SecretError, headers, key_of, new_secret

# The example that implementations of Standard Webhooks are tried with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_signature_is_that_of_the_standard() -> None:
    made = headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_can_be_used_as_one() -> None:
    assert key_of(new_secret(lambda size: b"\7" * size)) == b"\7" * 32


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_ä" * 9]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SecretError) as refused:
        key_of(secret)
    assert "whsec_ and then 24 to 64 octets" in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://Hub.Example/Path?a=B", "https://hub.example/Path?a=B"),
        ("http://127.0.0.1:5678/webhook/x", "http://127.0.0.1:5678/webhook/x"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://10.1.2.3/", "http://10.1.2.3/"),
        ("http://n8n:5678/", "http://n8n:5678/"),
    ],
)
def test_urls_that_may_be_told(url: str, kept: str) -> None:
    assert check_url(url) == kept


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://hub.example/", "begins with https://"),
        ("hub.example/hook", "begins with https://"),
        ("https://", "names no host"),
        ("https://me:pw@hub.example/", "user name or password"),
        ("https://hub.example/#x", "behind #"),
        ("https://hub.example:99999/", "its port"),
        ("https://[::1/", "its brackets"),
        ("https://hub.example/a b", "no spaces"),
        ("https://hub.example/\r\nx: y", "no spaces"),
        ("https://hüb.example/", "ASCII"),
        ("http://192.0.32.8/", "--allow-http"),
        ("http://0.0.0.0/", "--allow-http"),
    ],
)
def test_urls_that_are_refused_with_the_fix_named(url: str, why: str) -> None:
    with pytest.raises(SubscriptionError, match=why):
        check_url(url)


def test_http_to_anywhere_only_where_it_is_asked_for() -> None:
    assert check_url("http://192.0.32.8/", allow_http=True) == "http://192.0.32.8/"


def test_private_addresses_also_in_ipv6_clothes() -> None:
    assert all(map(is_private, ("127.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1", "fd00::1")))
    assert not any(map(is_private, ("8.8.8.8", "::ffff:8.8.8.8", "::", "hub.example")))


def test_only_the_host_of_a_url_may_be_logged() -> None:
    assert host_of("https://hub.example:8443/webhook/5c1f") == "hub.example"


def test_kinds_are_patterns_and_open_for_more() -> None:
    patterns = check_kinds(["device.*", "order.done", "device.*"])
    assert patterns == ("device.*", "order.done")
    assert wants(patterns, "device.online")
    assert wants(patterns, "order.done")
    assert not wants(patterns, "order.made")


@pytest.mark.parametrize("kinds", [[], ["Device.*"], ["device.[ab]"], ["a,b"], [""]])
def test_kinds_that_are_none_are_refused(kinds: list[str]) -> None:
    with pytest.raises(SubscriptionError, match=r"device\.\*"):
        check_kinds(kinds)


def test_a_body_tells_what_happened_and_nothing_private() -> None:
    detail = {
        "serial_number": "S1",
        "customer": "CUST-7",
        "standing": "live",
        "wifi_password": "hunter2-hunter2",
        "sip_username": "5145551234",
        "found": {"ssid": "Home", "model": "EX820v"},
    }
    made = body(
        "device.online", 1_700_000_000.5, text="It booted.", device="A-S1", equipment="EQP-1",
        detail=detail,
    )  # fmt: skip
    assert json.loads(made) == {
        "type": "device.online",
        "timestamp": "2023-11-14T22:13:20.500Z",
        "data": {
            "device": "A-S1",
            "equipment": "EQP-1",
            "serial_number": "S1",
            "customer": "CUST-7",
            "text": "It booted.",
            "detail": {"standing": "live", "found": {"model": "EX820v"}},
        },
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A.SSID: wanted 'Chez Moi', reads 'TP-Link_01'", "A.SSID: wanted '…', reads '…'"),
        ("""wanted "it's 'me'", reads nothing""", "wanted '…', reads nothing"),
        (r"wanted 'a\'b\\', reads 'c'", "wanted '…', reads '…'"),
        ("wanted 'Chez M…", "wanted '…'"),
        ("wanted 'Chez M\\", "wanted '…'"),
        pytest.param("'" + "\\'" * 500_000, "'…'", id="without an end, time and again"),
        ("the customer's box has no owner's name", "the customer's box has no owner's name"),
    ],
)
def test_values_of_a_device_that_a_text_quotes_stay_here(text: str, told: str) -> None:
    assert json.loads(body("device.drift", 0.0, text=text))["data"]["text"] == told


def test_a_message_has_one_id_that_no_other_database_gives() -> None:
    assert message_id(7, 1000.0) == message_id(7, 1000.0)
    assert len({message_id(7, 1000.0), message_id(7, 1000.5), message_id(8, 1000.0)}) == 3


def test_twelve_tries_take_two_days_with_growing_pauses() -> None:
    refused = Answer(500)
    pauses = [judge(refused, tried, 12).pause for tried in range(1, 12)]
    assert pauses == list(PAUSES) == sorted(PAUSES)
    assert 1.9 < sum(pauses) / 86_400 < 2.1
    assert judge(refused, 12, 12).fate is Fate.DEAD
    assert judge(refused, 20, 25).pause == PAUSES[-1]
    assert sum(PAUSES[: HOLDING - 1]) < 300, "others wait for minutes only"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_done(status: int) -> None:
    assert judge(Answer(status), 1, 12).fate is Fate.DELIVERED


@pytest.mark.parametrize("status", [0, 302, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int) -> None:
    assert judge(Answer(status, "no route"), 1, 12).fate is Fate.AGAIN


def test_gone_is_unwanted_at_once() -> None:
    assert judge(Answer(410), 1, 12).fate is Fate.UNWANTED


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_ever() -> None:
    assert judge(Answer(429, retry_after=90), 1, 12).pause == 90
    assert judge(Answer(503, retry_after=1e9), 1, 12).pause == LONGEST_ASKED
    assert judge(Answer(503, retry_after=1), 4, 12).pause == PAUSES[3]
    assert judge(Answer(500, retry_after=90), 1, 12).pause == PAUSES[0]


def test_an_answer_says_itself_in_a_few_words() -> None:
    assert Answer(404, text="no such hook").told == "HTTP 404: no such hook"
    assert Answer(204).told == "HTTP 204"
    assert Answer(302).told == "HTTP 302, a redirect, which is not followed"
    assert Answer(error="connection refused").told == "connection refused"
