"""Records in words, and the options of `usp-sim`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from acs.usp.pb import usp_msg_pb2 as usp
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.usp.cli import main
from simulators.usp.dialling import Address, AddressError, parse_address
from simulators.usp.mischief import Mischief
from simulators.usp.words import record_words


def words(body: usp.Body) -> list[str]:
    message = usp.Msg(header=usp.Header(msg_id="7"), body=body)
    record = record_pb.Record()
    record.no_session_context.payload = message.SerializeToString()
    return record_words(record.SerializeToString())


def request(**kind: object) -> list[str]:
    return words(usp.Body(request=usp.Request(**kind)))  # type: ignore[arg-type]


def response(**kind: object) -> list[str]:
    return words(usp.Body(response=usp.Response(**kind)))  # type: ignore[arg-type]


def test_secrets_are_masked_wherever_they_stand() -> None:
    settings = [
        usp.Set.UpdateParamSetting(param="KeyPassphrase", value="Erable-1"),
        usp.Set.UpdateParamSetting(param="SSID", value="Chez nous"),
    ]
    told = request(
        set=usp.Set(update_objs=[usp.Set.UpdateObject(obj_path="A.1.", param_settings=settings)])
    )
    assert told == ["[7] Set", "A.1.KeyPassphrase = ***", "A.1.SSID = Chez nous"]
    operate = usp.Operate(command="Device.X()", command_key="k")
    operate.input_args.update({"URL": "http://x/", "Password": "Erable-1"})
    told = request(operate=operate)
    assert told == ["[7] Operate Device.X() key k", "Password = ***", "URL = http://x/"]
    found = usp.GetResp.ResolvedPathResult(resolved_path="A.")
    found.result_params.update({"MultiAuthPassword": "Erable-1", "PreSharedKey": ""})
    told = response(
        get_resp=usp.GetResp(
            req_path_results=[usp.GetResp.RequestedPathResult(resolved_path_results=[found])]
        )
    )
    assert sorted(told[1:]) == ["A.MultiAuthPassword = ***", "A.PreSharedKey = "]


def test_what_an_agent_refuses() -> None:
    wrong = usp.Error.ParamError(param_path="Device.X", err_code=7010, err_msg="Unsupported")
    told = words(usp.Body(error=usp.Error(err_code=7004, err_msg="Bad", param_errs=[wrong])))
    assert told == ["[7] Error 7004 Bad", "Device.X → 7010 Unsupported"]


def test_long_answers_are_cut() -> None:
    found = usp.GetResp.ResolvedPathResult(resolved_path="A.")
    found.result_params.update({f"P{n}": "x" * 500 for n in range(40)})
    results = [usp.GetResp.RequestedPathResult(resolved_path_results=[found])]
    told = response(get_resp=usp.GetResp(req_path_results=results))
    assert told[-1] == "… 28 more"
    assert max(map(len, told)) < 220


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (record_pb.Record(), "a record of kind none"),
        (
            record_pb.Record(disconnect=record_pb.DisconnectRecord(reason_code=7106, reason="no")),
            "Disconnect 7106 no",
        ),
        (
            record_pb.Record(
                session_context=record_pb.SessionContextRecord(
                    session_id=2,
                    sequence_id=1,
                    expected_id=1,
                    payload_sar_state=record_pb.SessionContextRecord.BEGIN,
                    payload=[b"12345"],
                )
            ),
            "(session 2, 1, expects 1) 5 octets of a message, begin",
        ),
    ],
)
def test_records_of_other_kinds(record: record_pb.Record, told: str) -> None:
    assert record_words(record.SerializeToString()) == [told]


@given(st.binary(max_size=200))
def test_any_octets_can_be_told(octets: bytes) -> None:
    assert record_words(octets)
    record = record_pb.Record()
    record.no_session_context.payload = octets
    assert record_words(record.SerializeToString())


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mqtt://127.0.0.1:7883", Address("mqtt", "127.0.0.1", 7883, "/")),
        ("mqtts://broker.example.net", Address("mqtts", "broker.example.net", 8883, "/")),
        ("mqtt://[::1]:1883", Address("mqtt", "::1", 1883, "/")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    found = parse_address(text, ("mqtt", "mqtts"))
    assert found == address
    assert found.tls == text.startswith("mqtts")


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:1883", "http://x", "mqtt://", "mqtt://x:port", "mqtt://me:pw@x", "mqtt://x/topic"],
)
def test_what_is_no_address_of_a_broker(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text, ("mqtt", "mqtts"))


def test_a_websocket_has_a_path_and_a_query() -> None:
    found = parse_address("ws://[::1]/usp?a=b", ("ws", "wss"))
    assert (found.authority, found.path, found.tls) == ("[::1]:80", "/usp?a=b", False)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


AGENT = ("run", "--serial", "S1", "--model")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*AGENT, "generic-tr098"), "USP has Device. alone"),
        ((*AGENT, "nonsuch"), "no model 'nonsuch'"),
        ((*AGENT, "generic-tr181", "--broker", "http://x"), "is not mqtt://HOST:PORT"),
        ((*AGENT, "generic-tr181", "--misbehave", "flood"), "no mischief 'flood'"),
        ((*AGENT, "generic-tr181", "--versions", ","), "--versions wants"),
        ((*AGENT, "generic-tr181", "--count", "2", "--endpoint", "os::A"), "for one agent"),
        (("fleet", "--mtps", "mqtt5,coap"), "no MTP 'coap'"),
        (("fleet", "--arrivals", "flood:3"), "no curve 'flood'"),
        (("fleet", "--share", "2:twice"), "at most 1"),
        (("fleet", "--share", "1%:thrice"), "no mischief 'thrice'"),
        (("fleet", "--power-cut", "storm"), "--power-cut wants"),
        (("model", "generic-tr098"), "USP has Device. alone"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: tuple[str, ...], told: str) -> None:
    ran = command(*arguments, *(("--for", "0") if arguments[0] != "model" else ()))
    assert ran.exit_code == 1
    assert told in ran.output
    assert "Traceback" not in ran.output


def test_one_password_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nmore\n")
    files = ("--password-file", str(file), "--bootstrap-password-file", str(file))
    ran = command(*AGENT, "generic-tr181", *files)
    assert (ran.exit_code, "not both" in ran.output) == (1, True)
    file.write_bytes(b"\xff\xfe")
    ran = command(*AGENT, "generic-tr181", "--password-file", str(file))
    assert (ran.exit_code, "no password can be read" in ran.output) == (1, True)


def test_models_are_those_below_device() -> None:
    names = command("models").output.split()
    assert "tplink-a-xx230v" in names
    assert "tplink-c-ec220-g5-v2" not in names


def test_a_model_is_shown() -> None:
    shown = json.loads(command("model", "tplink-a-xx230v", "--json").output)
    assert shown["parameters"] > 1000
    assert "Device.Reboot()" in shown["commands"]
    assert "Device.Boot!" in shown["events"]
    text = command("model", "tplink-a-xx230v").output
    assert "Device.LocalAgent.Subscription.{i}. Recipient, ID" in text


def test_faults_are_listed() -> None:
    lines = command("faults").output.splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        each.name.replace("_", "-") for each in fields(Mischief)
    ]
    assert "silent-after=SECONDS    hangs so many seconds after its link opened" in lines
    assert "lost-notifies" in json.loads(command("faults", "--json").output)["faults"]


def test_memory_of_agents_is_measured_without_a_connection() -> None:
    found = json.loads(command("fleet", "--count", "20", "--measure", "--json").output)
    assert found["units"] == 20
    assert found["kib_each"] >= 0
