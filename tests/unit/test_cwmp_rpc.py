"""Neutral operations become RPCs, and a CPE's answers become outcomes."""

from collections.abc import Callable

import pytest

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.dialect import Dialect
from acs.cwmp.rpc import DeviceOperation, DeviceOutcome, fault_of, perform
from acs.cwmp.soap import encode
from acs.model import (
    Add,
    Added,
    Change,
    Command,
    CommandName,
    Delete,
    Fault,
    Get,
    List,
    ListedName,
    Names,
    ParameterFault,
    Set,
    Started,
    Value,
    Values,
    ValueType,
    Written,
)


def carry_out(
    operation: DeviceOperation,
    cpe: Callable[[m.Message], m.Message],
    dialect: Dialect | None = None,
) -> tuple[DeviceOutcome, list[m.Message]]:
    """Drive ``operation`` against a CPE given as a function; return outcome and RPCs."""
    asked: list[m.Message] = []
    exchange = perform(operation, dialect or Dialect())
    try:
        request = next(exchange)
        while True:
            asked.append(request)
            request = exchange.send(cpe(request))
    except StopIteration as done:
        return done.value, asked


def tree_cpe(
    tree: dict[str, str], *, names_bad: bool = False, lists: bool = False, lies: bool = False
) -> Callable[[m.Message], m.Message]:
    """A CPE that answers reads from ``tree`` and faults on a name it lacks.

    ``names_bad``: the fault says which. ``lists``: it knows GetParameterNames. ``lies``: it
    lists names it does not know.
    """

    def answer(request: m.Message) -> m.Message:
        if isinstance(request, m.GetParameterNames):
            if not lists:
                return m.SoapFault(9000, "Method not supported")
            names = [name for name in tree if name.startswith(request.parameter_path)]
            if lies:
                names.append(request.parameter_path + "Nope")
            if not names:
                return m.SoapFault(9005, "Invalid parameter name", (), "Client")
            infos = (structures.ParameterInfoStruct(name, False) for name in names)
            return m.GetParameterNamesResponse(tuple(infos))
        assert isinstance(request, m.GetParameterValues)
        found: list[structures.ParameterValue] = []
        for name in request.parameter_names:
            hits = [n for n in tree if n == name or (name.endswith(".") and n.startswith(name))]
            if not hits:
                bad = (ParameterFault(name, 9005),) if names_bad else ()
                return m.SoapFault(9005, "Invalid parameter name", bad, "Client")
            found += [structures.ParameterValue(n, Value(tree[n])) for n in hits]
        return m.GetParameterValuesResponse(tuple(found))

    return answer


TREE = {f"Device.P{i}": str(i) for i in range(100)}


def test_a_read_is_split_into_batches_of_the_dialect():
    outcome, asked = carry_out(Get(tuple(TREE)), tree_cpe(TREE), Dialect(get_batch=32))
    assert isinstance(outcome, Values)
    assert {p: v.text for p, v in outcome.values.items()} == TREE
    assert [len(rpc.parameter_names) for rpc in asked] == [32, 32, 32, 4]


def test_one_unknown_name_is_found_by_halving_and_the_rest_is_read():
    wanted = (*TREE, "Device.Nope")
    outcome, asked = carry_out(Get(wanted), tree_cpe(TREE), Dialect(get_batch=200))
    assert isinstance(outcome, Values)
    assert outcome.missing == ("Device.Nope",)
    assert len(outcome.values) == 100
    reads = [rpc for rpc in asked if isinstance(rpc, m.GetParameterValues)]
    assert len(reads) < 2 * 8, "halving takes about two requests a level"


ROWS = {f"Device.WiFi.SSID.{i}.{leaf}": "x" for i in range(1, 15) for leaf in ("SSID", "Enable")}


def test_a_leaf_no_row_has_is_found_by_listing_the_table_once():
    wanted = (*ROWS, *(f"Device.WiFi.SSID.{i}.LowerLayers" for i in range(1, 15)))
    cpe = tree_cpe(ROWS, lists=True)
    outcome, asked = carry_out(Get(wanted), cpe, Dialect(get_batch=100))
    assert isinstance(outcome, Values)
    assert {path: value.text for path, value in outcome.values.items()} == ROWS
    assert set(outcome.missing) == set(wanted) - set(ROWS)
    assert [type(rpc).__name__ for rpc in asked] == [
        "GetParameterValues",
        "GetParameterNames",
        "GetParameterValues",
    ]


def test_a_table_that_is_not_there_is_missing_whole():
    wanted = tuple(f"Device.Nope.{i}.X" for i in range(1, 10))
    outcome, asked = carry_out(Get(wanted), tree_cpe(ROWS, lists=True))
    assert outcome == Values({}, wanted)
    assert len(asked) == 2


def test_a_cpe_that_lists_a_name_it_does_not_know_is_halved_after_all():
    wanted = (*TREE, "Device.Nope")
    cpe = tree_cpe(TREE, lists=True, lies=True)
    outcome, asked = carry_out(Get(wanted), cpe, Dialect(get_batch=200))
    assert isinstance(outcome, Values)
    assert outcome.missing == ("Device.Nope",)
    assert len(outcome.values) == 100
    assert sum(isinstance(rpc, m.GetParameterNames) for rpc in asked) == 1


def test_an_unknown_name_the_fault_names_is_left_out_at_once():
    outcome, asked = carry_out(Get(("Device.P1", "Device.Nope")), tree_cpe(TREE, names_bad=True))
    assert isinstance(outcome, Values)
    assert outcome.missing == ("Device.Nope",)
    assert len(asked) == 2


def test_a_value_the_cpe_leaves_out_is_missing_and_never_empty():
    def forgetful(request: m.Message) -> m.Message:
        return m.GetParameterValuesResponse((structures.ParameterValue("Device.P1", Value("1")),))

    outcome, _ = carry_out(Get(("Device.P1", "Device.P2")), forgetful)
    assert outcome == Values({"Device.P1": Value("1")}, ("Device.P2",))


def test_values_nobody_asked_for_are_ignored():
    def talkative(request: m.Message) -> m.Message:
        told = [structures.ParameterValue(f"Device.P{i}", Value(str(i))) for i in range(3)]
        return m.GetParameterValuesResponse(tuple(told))

    outcome, _ = carry_out(Get(("Device.P1",)), talkative)
    assert outcome == Values({"Device.P1": Value("1")})


def test_a_partial_path_returns_all_below_it():
    tree = {"Device.A.1.X": "1", "Device.A.2.X": "2", "Device.B": "3"}
    outcome, _ = carry_out(Get(("Device.A.",)), tree_cpe(tree))
    assert isinstance(outcome, Values)
    assert set(outcome.values) == {"Device.A.1.X", "Device.A.2.X"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (9001, "Request denied: no"),
        (9002, "Internal error: no"),
        (9004, "Resources exceeded: no"),
        (9814, "no"),
    ],
)
def test_other_faults_of_a_read_are_the_outcome(code: int, text: str):
    outcome, asked = carry_out(
        Get(("Device.P1", "Device.P2")), lambda _: m.SoapFault(code, "no", (), "Server")
    )
    assert outcome == Fault(code, text)
    assert len(asked) == 1


@pytest.mark.parametrize(("status", "pending"), [(0, False), (1, True)])
def test_status_one_means_accepted_but_not_applied(status: int, pending: bool):
    change = Change("Device.X", Value("1", ValueType.BOOLEAN))
    outcome, asked = carry_out(Set((change,)), lambda _: m.SetParameterValuesResponse(status))
    assert outcome == Written(pending)
    sent = structures.ParameterValue("Device.X", Value("1", ValueType.BOOLEAN))
    assert asked == [m.SetParameterValues((sent,), "")]


@pytest.mark.parametrize(
    ("code", "told", "shown"),
    [
        (9001, "Request denied", "Request denied"),
        (9018, "", "File transfer failure: file corrupted"),
        (9814, "Parse xml string failed", "Parse xml string failed"),
        (9899, "", "Vendor fault"),
        (9700, "", "Extension fault of the CPE"),
    ],
)
def test_every_fault_has_its_meaning_once(code: int, told: str, shown: str):
    assert fault_of(m.SoapFault(code, told)).text == shown


def test_a_refused_write_names_each_parameter():
    refused = (ParameterFault("Device.X", 9008, "read only"), ParameterFault("Device.Y", 9007))
    outcome, _ = carry_out(
        Set((Change("Device.X", Value("1")), Change("Device.Y", Value("2")))),
        lambda _: m.SoapFault(9003, "Invalid arguments", refused, "Client"),
    )
    meant = (
        ParameterFault("Device.X", 9008, "Attempt to set a non-writable parameter: read only"),
        ParameterFault("Device.Y", 9007, "Invalid parameter value"),
    )
    assert outcome == Fault(9003, "Invalid arguments", meant)
    assert "Device.X: 9008 (Attempt to set a non-writable parameter: read only)" in str(outcome)


def test_a_write_is_one_request_as_long_as_a_cpe_must_accept_it():
    changes = [Change(f"Device.WiFi.SSID.{i}.SSID", Value("Maison")) for i in range(150)]
    outcome, asked = carry_out(Set(tuple(changes)), lambda _: m.SetParameterValuesResponse(0))
    assert outcome == Written()
    assert len(asked) == 1


@pytest.mark.parametrize("text", ["x" * 900, "é<&>" * 60])
def test_a_write_above_32_kilobytes_is_split_below_them(text: str):
    changes = [Change(f"Device.A.{i}.Long", Value(text)) for i in range(200)]
    outcome, asked = carry_out(Set(tuple(changes)), lambda _: m.SetParameterValuesResponse(0))
    assert outcome == Written()
    sent = [told.name for rpc in asked for told in rpc.parameter_list]
    assert sent == [change.path for change in changes], "in order, nothing twice"
    sizes = [len(encode(rpc, id="1", namespace="urn:dslforum-org:cwmp-1-0")) for rpc in asked]
    assert max(sizes) < 32 * 1024


def test_a_write_is_split_by_number_where_the_family_asks_for_it():
    changes = tuple(Change(f"Device.P{i}", Value("1")) for i in range(5))
    _, asked = carry_out(
        Set(changes), lambda _: m.SetParameterValuesResponse(1), Dialect(set_batch=2)
    )
    assert [len(rpc.parameter_list) for rpc in asked] == [2, 2, 1]


def test_rows_are_added_and_deleted():
    outcome, asked = carry_out(Add("Device.T."), lambda _: m.AddObjectResponse(7, 0))
    assert outcome == Added("Device.T.7.")
    assert asked == [m.AddObject("Device.T.", "")]
    outcome, _ = carry_out(Delete("Device.T.7."), lambda _: m.DeleteObjectResponse(1))
    assert outcome == Written(pending=True)


def test_an_added_row_without_a_number_is_a_fault_that_names_the_table():
    outcome, _ = carry_out(Add("Device.T."), lambda _: m.AddObjectResponse(0, 0))
    assert isinstance(outcome, Fault)
    assert "Device.T." in str(outcome)


def test_a_listing_leaves_out_the_path_itself():
    def answer(request: m.Message) -> m.Message:
        assert request == m.GetParameterNames("Device.T.", next_level=True)
        infos = (
            structures.ParameterInfoStruct("Device.T.", True),
            structures.ParameterInfoStruct("Device.T.1.", False),
        )
        return m.GetParameterNamesResponse(infos)

    outcome, _ = carry_out(List("Device.T."), answer)
    assert outcome == Names((ListedName("Device.T.1.", False),))


def test_commands():
    reboot = Command(CommandName.REBOOT, "job-1")
    outcome, asked = carry_out(reboot, lambda _: m.RebootResponse())
    assert outcome == Started()
    assert asked == [m.Reboot("job-1")]
    reset = Command(CommandName.FACTORY_RESET)
    outcome, _ = carry_out(reset, lambda _: m.SoapFault(9000, "Method not supported"))
    assert outcome == Fault(9000, "Method not supported")


def test_an_answer_to_another_question_is_a_fault():
    outcome, _ = carry_out(Get(("Device.X",)), lambda _: m.RebootResponse())
    assert isinstance(outcome, Fault)
    assert "RebootResponse" in outcome.text


def test_a_fault_is_cut_to_what_a_fault_may_say() -> None:
    """Numbers beyond a database's and texts without end would stop what is kept with them."""
    refused = tuple(ParameterFault("p" * 5000, 2**31, "y" * 5000) for _ in range(999))
    fault = fault_of(m.SoapFault(9_999_999_999, "x" * 5000, refused))
    assert (fault.code, len(fault.text), len(fault.parameters)) == (9002, 256, 256)
    assert {(p.code, len(p.path), len(p.text)) for p in fault.parameters} == {(9002, 256, 256)}
