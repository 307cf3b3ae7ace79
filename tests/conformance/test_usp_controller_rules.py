"""The rules of TR-369 that bind a controller, rule by rule.

Those that are proven where the part is tested stand in `PROVEN`, with the names of the tests; the
others, which need several parts together, are tested here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from usp_plain_agent import PlainAgent
from usp_world import AGENT, CONTROLLER, Said, World

from acs.usp import codec, messages, records
from acs.usp.keeping import Bounds
from acs.usp.messages import Event, Message, Notify, NotifyResp
from acs.usp.mtp import Mtp, Verdict
from acs.usp.pb import usp_msg_pb2 as msg_pb
from acs.usp.records import Connect, Disconnect, NoSession, Record, Sar, Segment

TESTS = Path(__file__).parent.parent
CONTROLLER_TESTS = "unit/test_usp_controller.py"
VISITS = "unit/test_usp_visits.py"
RECORDS = "unit/test_usp_records.py"
CODEC = "unit/test_usp_codec.py"
CONTEXT = "conformance/test_usp_session_context_rules.py"
DRIVING = "conformance/test_usp_driving_agents.py"
LINK = "integration/test_usp_mqtt_link.py"
MQTT = "integration/test_usp_mqtt.py"
TOPICS = "unit/test_usp_mqtt_topics.py"
WEBSOCKET = "integration/test_usp_websocket.py"
ADMISSION = "unit/test_usp_websocket_admission.py"

PROVEN: dict[str, dict[str, list[str]]] = {
    "R-E2E.1: a record for another is ignored": {
        CONTROLLER_TESTS: ["test_a_record_for_somebody_else_is_ignored"],
    },
    "R-MTP.5: what cannot be parsed is ignored, a bad request is answered, a response never": {
        CONTROLLER_TESTS: [
            "test_octets_that_are_no_record_are_told_to_the_transport",
            "test_who_asks_with_a_bad_record_is_told",
            "test_otherwise_a_bad_record_is_not_answered",
            "test_a_bad_request_is_answered_with_its_id",
            "test_a_bad_response_is_not_answered",
        ],
    },
    "R-ENC.2: an unknown enumeration value is an error": {
        CODEC: ["test_an_unknown_enumeration_value_in_a_model_is_refused", "test_what_is_refused"],
        RECORDS: ["test_what_breaks_the_rules_is_refused"],
    },
    "unknown fields are ignored, and each message comes back as it was": {
        CODEC: [
            "test_fields_that_are_not_known_are_left_alone",
            "test_each_kind_of_message_comes_back_as_it_was",
        ],
        RECORDS: ["test_a_higher_version_and_unknown_fields_are_no_error"],
    },
    "R-MSG.9: an answer is of one agent and one request": {
        VISITS: ["test_answers_that_are_late_or_somebody_elses_are_not_taken"],
        CONTROLLER_TESTS: ["test_an_answer_to_nothing_is_ignored"],
    },
    "R-MSG.4: a repeated Notify is answered again and acted on once": {
        CONTROLLER_TESTS: [
            "test_a_repeated_notify_is_answered_again_and_kept_once",
            "test_a_notify_is_confirmed_once_it_is_durable",
        ],
        DRIVING: ["test_1_54_a_notify_that_was_not_answered_comes_again_and_is_kept_once"],
    },
    "R-NOT.8: a Notify without send_resp is not answered": {
        CONTROLLER_TESTS: ["test_a_notify_that_wants_no_answer_gets_none"],
    },
    "R-NOT.6a: an OnBoardRequest is always answered": {
        CONTROLLER_TESTS: ["test_an_on_board_request_is_always_answered"],
    },
    "R-MSG.5 to R-MSG.10: a message of ours has one header and one body": {
        CODEC: [
            "test_a_message_without_an_id_cannot_be_written",
            "test_what_is_no_body_cannot_be_written",
            "test_an_empty_body_is_there_all_the_same",
        ],
    },
    "R-ARC.9b: no blanks around operators of searches": {
        "unit/test_usp_paths.py": ["test_a_search_has_quotes_around_text_only_and_no_blanks"],
    },
    "R-SEC.9, R-SEC.10: the peer's proven identity is bound to from_id": {
        CONTROLLER_TESTS: [
            "test_a_sender_is_who_the_transport_says",
            "test_whom_nobody_vouches_for_is_heard_only_where_that_is_wanted",
        ],
        WEBSOCKET: ["test_that_of_another_agent_does_not"],
        ADMISSION: ["test_that_of_another_is_refused_in_each_mode"],
        MQTT: ["test_the_shared_account_lets_speak_as_oneself_only"],
    },
    "R-E2E.3 to R-E2E.25: session contexts": {
        CONTEXT: [
            "test_r_e2e_3_session_ids_are_greater_than_1",
            "test_r_e2e_6_another_id_restarts_the_context",
            "test_r_e2e_14_to_16_numbers_go_up_by_one_and_tell_what_is_expected",
            "test_r_e2e_17_what_is_sent_is_kept_until_the_peer_expects_more",
            "test_r_e2e_20_a_number_above_waits_for_the_ones_before_it",
            "test_r_e2e_25_a_duplicate_that_waits_is_ignored",
            "test_a_gap_is_asked_for_once",
            "test_plaintext_is_split_to_the_limit_and_put_together",
            "test_r_e2e_18_payload_security_stays_the_same",
        ],
        DRIVING: ["test_3_9_to_3_14_a_session_context_with_faults_comes_through"],
    },
    "MQTT 5: CONNECT names the endpoint and asks for response information": {
        LINK: ["test_connect_says_who_we_are", "test_response_information_is_where_agents_answer"],
    },
    "MQTT 5: subscribe-topic is honoured": {
        LINK: ["test_subscribe_topics_of_connack_are_subscribed_to"],
    },
    "MQTT: nothing is published without a subscription": {
        LINK: ["test_a_refused_subscription_ends_the_link_before_anything_is_published"],
    },
    "MQTT: every PUBLISH has a response topic and a content type, and others are left alone": {
        MQTT: ["test_a_record_and_its_answer", "test_other_content_is_left_alone"],
        TOPICS: ["test_content_types_that_carry_a_record"],
    },
    "MQTT 3.1.1: /reply-to= in topics": {
        TOPICS: [
            "test_reply_topic_of_mqtt_3_1_1",
            "test_reply_topic_comes_back_from_where_it_was_put",
            "test_the_encoded_reply_topic_is_one_level",
        ],
        MQTT: ["test_our_own_link_over_mqtt_3_1_1"],
    },
    "WebSocket: v1.usp is echoed, and required": {
        WEBSOCKET: ["test_the_subprotocol_is_echoed", "test_without_it_nobody_is_let_in"],
    },
    "WebSocket: eid in the query, its percent signs escaped": {
        WEBSOCKET: ["test_a_percent_sign_in_an_id"],
        ADMISSION: ["test_ids"],
    },
    "WebSocket: binary frames, fragments taken and not made, pings answered": {
        WEBSOCKET: [
            "test_both_ways_whole_and_unmasked",
            "test_fragments",
            "test_text_is_closed_with_1003",
            "test_ping_is_answered",
        ],
    },
    "R-WS.16: what is no record ends the session with 1003": {
        WEBSOCKET: ["test_what_is_no_record_is_closed_with_1003"],
    },
    "R-WS.9: one session of each agent": {
        WEBSOCKET: ["test_a_newer_one_takes_over"],
    },
    "Set and Add: the outcomes of objects and parameters": {
        DRIVING: [
            "test_1_4_an_add_that_fails_for_one_object_is_shown_for_that_object",
            "test_1_14_what_could_be_set_and_what_not_is_shown_for_each_object",
            "test_1_16_every_instance_a_search_led_to_is_shown_and_proven",
            "test_1_18_a_search_that_leads_nowhere_is_told_to",
        ],
        "unit/test_usp_rpc.py": ["test_a_refused_set_names_the_parameter"],
    },
    "Get: 7026 is of one path": {
        DRIVING: ["test_1_36_1_51_good_and_bad_paths_come_back_side_by_side"],
    },
    "the schema is that of the standard": {
        "conformance/test_usp_schema.py": [
            "test_each_field_has_its_number_its_type_and_its_oneof",
            "test_enumerations_are_as_the_table_has_them",
        ],
    },
}


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text())
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("rule", PROVEN)
def test_a_rule_is_proven_by_tests_that_are_there(rule: str) -> None:
    for file, names in PROVEN[rule].items():
        assert set(names) <= names_in(file), file


# --- records and messages together --------------------------------------------------------

HOST = Notify("hosts", True, messages.ObjectCreation("Device.Hosts.Host.3."))
BOOT = Event("Device.", "Boot!", {"Cause": "LocalReboot"})


def payload(body: messages.Body, id: str = "n1") -> bytes:
    return codec.encode(Message(id, body))


def segment(number: int, *payloads: bytes, expected: int = 1, **more: Any) -> Segment:
    told = {"session_id": 9, "sequence_id": number, "expected_id": expected} | more
    return Segment(**told, payloads=payloads)


def segments(sent: list[Said]) -> list[Segment]:
    return [said.record.content for said in sent if isinstance(said.record.content, Segment)]


def test_r_msg_0a_an_answer_comes_in_the_kind_of_record_of_its_request() -> None:
    world = World()
    world.hears(segment(1, payload(HOST, "a")))
    (inside,) = segments(world.take())
    assert (inside.session_id, inside.sequence_id, inside.expected_id) == (9, 1, 2)
    assert codec.decode(inside.payloads[0]) == Message("a", NotifyResp("hosts"))
    world.hears(HOST, id="b")
    (outside,) = world.take()
    assert outside.message == Message("b", NotifyResp("hosts"))


def test_an_agent_with_a_session_context_is_asked_within_it() -> None:
    world = World()
    world.hears(segment(1, payload(Notify("b", True, BOOT))))
    world.take()
    world.wait(1)
    (request,) = segments(world.take())
    assert (request.session_id, request.sequence_id) == (9, 2)
    assert isinstance(codec.decode(request.payloads[0]).body, messages.GetSupportedProtocol)


def test_r_mtp_7_a_disconnect_record_makes_forget_that_there_was_a_session_context() -> None:
    world = World()
    world.hears(segment(1, payload(HOST)))
    world.hears(Disconnect(7105, "going"))
    world.take()
    world.hears(Notify("b", True, BOOT), id="n2")
    world.wait(3)
    assert segments(world.sent) == []
    assert any(isinstance(s.message.body, messages.GetSupportedProtocol) for s in world.sent)


def test_r_mtp_8_a_connect_record_makes_begin_a_session_context_anew() -> None:
    world = World()
    world.hears(segment(1, payload(HOST)))
    world.hears(Connect("mqtt", "5", f"usp/v1/agent/{AGENT}"))
    world.take()
    world.wait(3)
    first = segments(world.take())[0]
    assert first.session_id != 9 and first.sequence_id == 1


def test_segments_come_together_in_any_order_and_once() -> None:
    world, whole = World(), payload(HOST)
    head, tail = whole[:10], whole[10:]
    begin = segment(1, head, sar=Sar.BEGIN, rec_sar=Sar.BEGIN)
    complete = segment(2, tail, sar=Sar.COMPLETE, rec_sar=Sar.COMPLETE)
    world.hears(complete)
    (asks,) = segments(world.take())
    assert asks.retransmit_id == 1
    for each in (begin, begin, complete):
        world.hears(each)
    answers = [codec.decode(s.payloads[0]).body for s in segments(world.take()) if s.payloads]
    assert answers == [NotifyResp("hosts")]
    assert world.keeping.commits == 1


def test_what_is_asked_for_again_is_sent_again() -> None:
    world = World()
    world.hears(segment(1, payload(HOST)))
    (first,) = segments(world.take())
    world.hears(segment(2, retransmit_id=1))
    (again,) = segments(world.take())
    assert (again.sequence_id, again.payloads) == (first.sequence_id, first.payloads)


def test_r_e2e_6_another_session_id_begins_anew() -> None:
    world = World()
    world.hears(segment(1, payload(HOST, "a")))
    world.hears(segment(1, payload(HOST, "b"), session_id=10))
    last = segments(world.take())[-1]
    assert (last.session_id, last.sequence_id, last.expected_id) == (10, 1, 2)


def test_what_we_send_keeps_to_the_size_of_a_record() -> None:
    world = World(bounds=Bounds(segment=600))
    world.hears(segment(1, payload(HOST)))
    many = "".join(f"x{each:05}" for each in range(400))
    peer = world.controller.peers[AGENT]
    world.take()
    request = messages.Get((f"Device.{many}",))
    assert world.controller._speaker.ask(peer, Message("big", request))
    sent = world.take()
    assert len(sent) > 3
    assert all(len(records.encode(said.record)) <= 600 for said in sent)
    whole = b"".join(part for each in segments(sent) for part in each.payloads)
    assert codec.decode(whole) == Message("big", request)


def test_a_payload_secured_by_tls_is_refused_by_its_code() -> None:
    world = World()
    record = Record("1.3", CONTROLLER, AGENT, segment(1, b"\x16\x03\x03"), tls=True)
    assert world.hears(records.encode(record)) is Verdict.TAKEN
    (said,) = world.take()
    assert isinstance(said.record.content, Disconnect)
    assert said.record.content.code == 7102


def test_r_e2e_19_another_payload_security_begins_anew() -> None:
    world = World()
    world.hears(segment(1, payload(HOST)))
    world.take()
    record = Record("1.3", CONTROLLER, AGENT, segment(2, b"\x16\x03\x03"), tls=True)
    world.hears(records.encode(record))
    (anew,) = segments(world.take())
    assert anew.session_id not in (0, 1, 9) and anew.sequence_id == 1
    assert not any(anew.payloads)


def test_two_that_begin_anew_against_each_other_come_to_an_end() -> None:
    world = World()
    world.hears(segment(1, payload(HOST)))
    for _ in range(5):
        last = segments(world.sent)[-1]
        broken = Segment(last.session_id, 1, 99)  # It has what was never sent.
        world.hears(broken)
    ends = [s for s in world.sent if isinstance(s.record.content, Disconnect)]
    assert 1 <= len(ends) <= 5
    assert len(world.sent) < 12


def test_r_opr_4_a_late_answer_to_what_wanted_none_is_ignored() -> None:
    world = World()
    world.hears(messages.OperateResp(()), id="visit00001.7")
    assert world.sent == []
    assert world.watcher.drops == [("answers nothing", AGENT)]


def test_r_arc_1_an_agent_with_our_own_endpoint_id_is_not_talked_to() -> None:
    world = World()
    assert world.hears(HOST, sender=CONTROLLER) is Verdict.IGNORED
    world.controller.present(CONTROLLER, Mtp.MQTT, "the broker saw it come")
    assert world.controller.peers == {} and world.sent == []


def test_everything_we_say_has_a_header_and_a_body() -> None:
    world = World()
    world.join(PlainAgent()).tells(BOOT)
    world.wait(5)
    world.hears(messages.Get(("Device.",)), id="q")
    world.hears(messages.Deregister(()), id="d")
    kinds = set()
    for said in world.take():
        assert isinstance(said.record.content, NoSession)
        wire = msg_pb.Msg.FromString(said.record.content.payload)
        assert wire.header.msg_id
        assert wire.body.WhichOneof("msg_body") is not None
        kinds.add(wire.header.msg_type)
        assert said.record.version and said.record.from_id == CONTROLLER
    assert len(kinds) >= 7


def test_ids_of_messages_are_never_used_twice_with_one_agent() -> None:
    world = World()
    agent = world.join(PlainAgent())
    for _ in range(3):
        agent.tells(BOOT)
        world.wait(5)
    asked = [
        said.message.id for said in world.take() if not isinstance(said.message.body, NotifyResp)
    ]
    assert len(asked) > 10 and len(set(asked)) == len(asked)


def test_one_request_is_open_with_each_agent() -> None:
    world = World()
    agent = world.join(PlainAgent())
    agent.silent = True
    agent.tells(BOOT)
    world.wait(1)
    for _ in range(5):
        agent.tells(messages.OperationComplete("Device.", "SelfTest()", "k"))
        world.controller.wake(AGENT, "a job")
        world.wait(1)
    assert len(agent.asked) == 1
