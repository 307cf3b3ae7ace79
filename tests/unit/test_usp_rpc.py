"""Neutral operations as USP messages, and what agents answer as neutral outcomes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from acs.model import (
    Add,
    Added,
    Answer,
    CancelTransfer,
    Change,
    Command,
    CommandName,
    Delete,
    Download,
    Fault,
    Get,
    List,
    ListedName,
    ListTransfers,
    Names,
    Operate,
    Operated,
    Secret,
    SendMessage,
    Set,
    SetVouchers,
    Started,
    Transfers,
    TransferStarted,
    Value,
    Values,
    ValueType,
    Written,
)
from acs.usp import messages as m
from acs.usp.known import Known
from acs.usp.rpc import DeviceOperation, DeviceOutcome, perform
from acs.usp.supported import SupportedModel

SSID = "Device.WiFi.SSID.1.SSID"
MODEL = SupportedModel(
    [
        m.SupportedObject("Device."),
        m.SupportedObject(
            "Device.WiFi.SSID.{i}.",
            m.ObjectAccess.ADD_DELETE,
            is_table=True,
            params=(
                m.SupportedParam("Enable", m.ParamAccess.READ_WRITE, m.ParamType.BOOLEAN),
                m.SupportedParam("SSID", m.ParamAccess.READ_WRITE, m.ParamType.STRING),
                m.SupportedParam("Status", m.ParamAccess.READ_ONLY, m.ParamType.STRING),
            ),
        ),
        m.SupportedObject("Device.WiFi.SSID.{i}.Stats."),
    ]
)


def run(
    operation: DeviceOperation, *answers: m.Response | m.Error, known: Known | None = None
) -> tuple[list[m.Request], DeviceOutcome]:
    """Carry out ``operation`` with an agent that gives ``answers``, all of which must be used."""
    exchange = perform(operation, known or Known())
    asked: list[m.Request] = []
    left = list(answers)
    try:
        asked.append(next(exchange))
        while True:
            asked.append(exchange.send(left.pop(0)))
    except StopIteration as done:
        assert not left, f"never asked for: {left}"
        outcome: DeviceOutcome = done.value
        return asked, outcome


def told(path: str, *resolved: m.ResolvedPath, code: int = 0) -> m.RequestedPath:
    return m.RequestedPath(path, resolved, code)


def test_a_get_asks_all_paths_at_once_and_types_what_the_model_knows() -> None:
    answer = m.GetResp(
        (
            told(SSID, m.ResolvedPath("Device.WiFi.SSID.1.", {"SSID": "Tremblay"})),
            told(
                "Device.WiFi.SSID.2.",
                m.ResolvedPath("Device.WiFi.SSID.2.", {"Enable": "1"}),
                m.ResolvedPath("Device.WiFi.SSID.2.Stats.", {"BytesSent": "7"}),
            ),
        )
    )
    asked, outcome = run(Get((SSID, "Device.WiFi.SSID.2.")), answer, known=Known(supported=MODEL))
    assert asked == [m.Get((SSID, "Device.WiFi.SSID.2."))]
    assert outcome == Values(
        {
            SSID: Value("Tremblay"),
            "Device.WiFi.SSID.2.Enable": Value("1", ValueType.BOOLEAN),
            "Device.WiFi.SSID.2.Stats.BytesSent": Value("7"),
        }
    )


def test_older_agents_put_the_parameters_of_sub_objects_into_one_block() -> None:
    block = m.ResolvedPath("Device.WiFi.SSID.1.", {"SSID": "a", "Stats.BytesSent": "7"})
    _, outcome = run(Get(("Device.WiFi.",)), m.GetResp((told("Device.WiFi.", block),)))
    assert isinstance(outcome, Values)
    assert set(outcome.values) == {SSID, "Device.WiFi.SSID.1.Stats.BytesSent"}


@pytest.mark.parametrize("code", [7010, 7016, 7026, 7006])
def test_what_an_agent_does_not_show_is_missing(code: int) -> None:
    _, outcome = run(Get((SSID,)), m.GetResp((told(SSID, code=code),)))
    assert outcome == Values({}, (SSID,))


def test_a_parameter_that_is_left_out_of_its_object_is_missing_not_empty() -> None:
    _, outcome = run(Get((SSID,)), m.GetResp((told(SSID),)))
    assert outcome == Values({}, (SSID,))


def test_another_error_of_one_path_is_a_fault_that_names_it() -> None:
    _, outcome = run(Get((SSID,)), m.GetResp((told(SSID, code=7003),)))
    assert isinstance(outcome, Fault)
    assert outcome.code == 7003
    assert outcome.parameters[0].path == SSID


def test_a_search_with_one_match_has_its_value_under_what_was_asked() -> None:
    search = 'Device.WiFi.SSID.[Alias=="main"].SSID'
    found = told(search, m.ResolvedPath("Device.WiFi.SSID.3.", {"SSID": "Tremblay"}))
    _, outcome = run(Get((search,)), m.GetResp((found,)))
    value = Value("Tremblay")
    assert outcome == Values({search: value, "Device.WiFi.SSID.3.SSID": value})


def test_a_search_with_several_matches_means_none_of_them() -> None:
    search = "Device.WiFi.SSID.[Enable==true].SSID"
    rows = (m.ResolvedPath(f"Device.WiFi.SSID.{i}.", {"SSID": "x"}) for i in (1, 2))
    _, outcome = run(Get((search,)), m.GetResp((told(search, *rows),)))
    assert isinstance(outcome, Values)
    assert outcome.missing == (search,)


def test_a_set_groups_by_object_keeps_the_order_and_writes_booleans_in_words() -> None:
    changes = (
        Change(SSID, Value("Tremblay")),
        Change("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", Value("s3cret"), secret=True),
        Change("Device.WiFi.SSID.1.Enable", Value("1", ValueType.BOOLEAN)),
    )
    asked, outcome = run(Set(changes), m.SetResp(()))
    assert asked == [
        m.Set(
            (
                m.ObjectSettings(
                    "Device.WiFi.SSID.1.",
                    (m.Setting("SSID", "Tremblay"), m.Setting("Enable", "true")),
                ),
                m.ObjectSettings(
                    "Device.WiFi.AccessPoint.1.Security.",
                    (m.Setting("KeyPassphrase", "s3cret", secret=True),),
                ),
            )
        )
    ]
    assert "s3cret" not in repr(asked)
    assert outcome == Written()


SET_REFUSALS: Sequence[tuple[m.SetResp | m.Error, str, int]] = [
    (m.Error(7004, "bad", (m.ParamError(SSID, 7012, "too long"),)), SSID, 7012),
    (
        m.SetResp(
            (
                m.UpdatedObject(
                    "Device.WiFi.SSID.1.", m.Failure(7021, "no", (m.ParamError(SSID, 7013),))
                ),
            )
        ),
        SSID,
        7013,
    ),
    (
        m.SetResp((m.UpdatedObject("Device.WiFi.SSID.1.", m.Failure(7016, "gone")),)),
        "Device.WiFi.SSID.1.",
        7016,
    ),
    (
        # A success with parameters that were not written is no success (TR-369, Set Response).
        m.SetResp(
            (
                m.UpdatedObject(
                    "Device.WiFi.SSID.1.",
                    m.Updated(
                        (
                            m.UpdatedInstance(
                                "Device.WiFi.SSID.1.", {}, (m.ParamError("SSID", 7012),)
                            ),
                        )
                    ),
                ),
            )
        ),
        SSID,
        7012,
    ),
]


@pytest.mark.parametrize(("answer", "path", "code"), SET_REFUSALS)
def test_a_refused_set_names_the_parameter(
    answer: m.SetResp | m.Error, path: str, code: int
) -> None:
    _, outcome = run(Set((Change(SSID, Value("x")),)), answer)
    assert isinstance(outcome, Fault)
    assert [(p.path, p.code) for p in outcome.parameters] == [(path, code)]


def test_an_empty_set_asks_nothing() -> None:
    assert run(Set(())) == ([], Written())


def test_a_new_row_is_told_by_its_path() -> None:
    table = "Device.NAT.PortMapping."
    created = m.AddResp((m.CreatedObject(table, m.Created(f"{table}4")),))
    assert run(Add(table), created)[1] == Added(f"{table}4.")
    refused = m.AddResp((m.CreatedObject(table, m.Failure(7019, "no")),))
    _, outcome = run(Add(table), refused)
    assert isinstance(outcome, Fault)
    assert outcome.code == 7019


def test_deleting_what_is_gone_is_no_fault_and_what_stays_is_one() -> None:
    row = "Device.NAT.PortMapping.4."
    gone = m.DeleteResp((m.DeletedObject(row, m.Deleted()),))
    assert run(Delete(row), gone)[1] == Written()
    stays = m.DeleteResp((m.DeletedObject(row, m.Deleted((), (m.ParamError(row, 7024),))),))
    _, outcome = run(Delete(row), stays)
    assert isinstance(outcome, Fault)
    assert outcome.code == 7024


def test_a_table_is_listed_by_its_rows() -> None:
    table = "Device.WiFi.SSID."
    rows = tuple(m.Instance(f"{table}{i}.", {"Alias": "x"}) for i in (1, 4))
    asked, outcome = run(List(table), m.GetInstancesResp((m.InstancesOf(table, rows),)))
    assert asked == [m.GetInstances((table,), first_level_only=True)]
    assert outcome == Names(tuple(ListedName(f"{table}{i}.", True) for i in (1, 4)))


def test_an_object_that_is_no_table_is_listed_by_its_parameters_and_objects() -> None:
    path = "Device.WiFi.SSID.1."
    answer = m.GetResp(
        (
            told(
                path,
                m.ResolvedPath(path, {"SSID": "x", "Status": "Up"}),
                m.ResolvedPath(f"{path}Stats.", {"BytesSent": "1"}),
            ),
        )
    )
    asked, outcome = run(List(path), answer, known=Known(supported=MODEL))
    assert asked == [m.Get((path,), max_depth=2)]
    assert isinstance(outcome, Names)
    assert set(outcome.entries) == {
        ListedName(f"{path}SSID", True),
        ListedName(f"{path}Status", False),
        ListedName(f"{path}Stats.", False),
    }


@pytest.mark.parametrize(
    ("access", "writable"),
    [
        (m.ObjectAccess.ADD_DELETE, True),
        (m.ObjectAccess.ADD_ONLY, True),
        (m.ObjectAccess.DELETE_ONLY, False),
        (m.ObjectAccess.READ_ONLY, False),
    ],
)
def test_a_table_can_be_written_where_rows_can_be_created(
    access: m.ObjectAccess, writable: bool
) -> None:
    path = "Device.NAT.PortMapping."
    model = SupportedModel([m.SupportedObject(f"{path}{{i}}.", access)])
    answer = m.GetResp((told("Device.NAT.", m.ResolvedPath(f"{path}1.", {"Alias": "x"})),))
    _, outcome = run(
        List("Device.NAT."), m.Error(7018, "not a table"), answer, known=Known(supported=model)
    )
    assert outcome == Names((ListedName(path, writable),))


def test_a_path_that_is_no_table_is_asked_for_as_an_object() -> None:
    path = "Device.WiFi."
    asked, outcome = run(
        List(path),
        m.Error(7018, "not a table"),
        m.GetResp((told(path, m.ResolvedPath("Device.WiFi.Radio.1.", {"Channel": "6"})),)),
    )
    assert [type(each) for each in asked] == [m.GetInstances, m.Get]
    assert outcome == Names((ListedName("Device.WiFi.Radio.", False),))


def test_all_names_come_from_the_supported_model_without_a_request() -> None:
    asked, outcome = run(List("", next_level=False), known=Known(supported=MODEL))
    assert asked == []
    assert isinstance(outcome, Names)
    assert ListedName("Device.WiFi.SSID.{i}.SSID", True) in outcome.entries
    assert ListedName("Device.WiFi.SSID.{i}.Status", False) in outcome.entries


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (CommandName.REBOOT, "Device.Reboot()"),
        (CommandName.FACTORY_RESET, "Device.FactoryReset()"),
    ],
)
def test_restarts_are_commands(name: CommandName, command: str) -> None:
    done = m.OperateResp((m.CommandResult(command, m.Finished()),))
    asked, outcome = run(Command(name, "job-7"), done)
    assert asked == [m.Operate(command, "job-7")]
    assert outcome == Started()
    failed = m.OperateResp((m.CommandResult(command, m.Failure(7022, "busy")),))
    assert isinstance(run(Command(name, "job-7"), failed)[1], Fault)


PING = "Device.IP.Diagnostics.IPPing()"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (m.Finished({"Status": "Complete"}), Operated({"Status": "Complete"})),
        (
            m.Begun("Device.LocalAgent.Request.3."),
            Operated(request="Device.LocalAgent.Request.3."),
        ),
        (m.Failure(7027, "Host is missing"), Fault(7027, "Host is missing")),
    ],
)
def test_a_command_of_the_model(
    outcome: m.Begun | m.Finished | m.Failure, expected: Operated | Fault
) -> None:
    answer = m.OperateResp((m.CommandResult(PING, outcome),))
    asked, got = run(Operate(PING, "job-7", {"Host": "::1"}), answer)
    assert asked == [m.Operate(PING, "job-7", {"Host": "::1"})]
    assert got == expected


def test_firmware_goes_to_a_bank_that_does_not_run() -> None:
    images = "Device.DeviceInfo.FirmwareImage."
    banks = m.GetResp(
        (
            told(
                "Device.DeviceInfo.ActiveFirmwareImage",
                m.ResolvedPath("Device.DeviceInfo.", {"ActiveFirmwareImage": f"{images}1"}),
            ),
            told(
                images,
                m.ResolvedPath(f"{images}1.", {"Available": "true"}),
                m.ResolvedPath(f"{images}2.", {"Available": "true"}),
                m.ResolvedPath(f"{images}3.", {"Available": "false"}),
            ),
        )
    )
    command = f"{images}3.Download()"
    begun = m.OperateResp((m.CommandResult(command, m.Begun("Device.LocalAgent.Request.1.")),))
    wanted = Download("job-7", "1 Firmware Upgrade Image", "http://a/b", "u", Secret("p"), 42)
    asked, outcome = run(wanted, banks, begun)
    sent = asked[1]
    assert isinstance(sent, m.Operate)
    assert (sent.command, sent.key) == (command, "job-7")
    assert sent.arguments["URL"] == "http://a/b"
    assert sent.arguments["AutoActivate"] == "true"
    assert outcome == TransferStarted(done=False)


def test_a_running_transfer_is_found_and_cancelled_by_its_key() -> None:
    row = "Device.LocalAgent.Request.2."
    running = m.GetResp(
        (
            told(
                "Device.LocalAgent.Request.",
                m.ResolvedPath(
                    row,
                    {
                        "Command": "Device.DeviceInfo.FirmwareImage.2.Download()",
                        "CommandKey": "job-7",
                        "Status": "Active",
                    },
                ),
            ),
        )
    )
    _, listed = run(ListTransfers(), running)
    assert isinstance(listed, Transfers)
    assert [each.key for each in listed.entries] == ["job-7"]
    done = m.OperateResp((m.CommandResult(f"{row}Cancel()", m.Finished()),))
    asked, outcome = run(CancelTransfer("job-7"), running, done)
    assert asked[1] == m.Operate(f"{row}Cancel()", "")
    assert outcome == Started()
    assert isinstance(run(CancelTransfer("job-8"), running)[1], Fault)


def test_what_usp_does_not_have_is_refused_without_a_request() -> None:
    asked, outcome = run(SetVouchers((b"x",)))
    assert asked == []
    assert isinstance(outcome, Fault)
    assert outcome.code == 7001


def test_a_message_as_it_is_comes_back_as_it_is() -> None:
    asked, outcome = run(
        SendMessage({"get": {"param_paths": ["Device.DeviceInfo."], "max_depth": 1}}),
        m.Error(7004, "no"),
    )
    assert asked == [m.Get(("Device.DeviceInfo.",), 1)]
    assert isinstance(outcome, Answer)
    assert outcome.message["error"] == {"err_code": 7004, "err_msg": "no"}
    assert isinstance(run(SendMessage({"nonsense": {}}))[1], Fault)


@pytest.mark.parametrize(
    "operation", [Get((SSID,)), Set((Change(SSID, Value("x")),)), Add("Device.A."), List("A.")]
)
def test_an_answer_to_another_question_is_a_fault(operation: DeviceOperation) -> None:
    _, outcome = run(operation, m.NotifyResp(""))
    assert isinstance(outcome, Fault)
    assert "NotifyResp" in outcome.text
