"""The message classes against the tables of the schema (cwmp-1-2.xsd, TR-069 annex A)."""

from __future__ import annotations

import pytest
from lxml import etree

from acs.cwmp import faults, structures
from acs.cwmp import messages as m
from acs.cwmp.datetimes import UNKNOWN_TIME
from acs.cwmp.soap import encode
from acs.cwmp.soap.schema import METHODS, Shape, Simple, array_element, array_type, members_of
from acs.cwmp.versions import METHOD_SINCE
from acs.model import Secret, Value

STRING, EXACT, SECRET = Simple.STRING, Simple.EXACT, Simple.SECRET
NAMED_TYPES = {
    "string": (STRING, EXACT, SECRET),
    "anyURI": (EXACT,),
    "int": (Simple.INT,),
    "unsignedInt": (Simple.UNSIGNED_INT,),
    "boolean": (Simple.BOOLEAN,),
    "dateTime": (Simple.DATE_TIME,),
    "anySimpleType": (Simple.VALUE,),
    "CommandKeyType": (STRING,),
    "ParameterKeyType": (STRING,),
    "ObjectNameType": (STRING,),
    "EventCodeType": (STRING,),
    "DownloadFileType": (STRING,),
    "UploadFileType": (STRING,),
    "TransferFileType": (STRING,),
    "TimeWindowModeValueType": (STRING,),
    "DeploymentUnitUUID": (STRING,),
    "DeploymentUnitState": (STRING,),
    "DeploymentUnitOperationType": (STRING,),
    "TransferStateType": (Simple.INT,),
    "ParameterAttributeNotificationValueType": (Simple.INT,),
}

ARRAYS = {  # type: (member element, arrayType with our prefixes)
    "ParameterNames": ("string", "xsd:string"),
    "ParameterValueList": ("ParameterValueStruct", "cwmp:ParameterValueStruct"),
    "MethodList": ("string", "xsd:string"),
    "EventList": ("EventStruct", "cwmp:EventStruct"),
    "ParameterInfoList": ("ParameterInfoStruct", "cwmp:ParameterInfoStruct"),
    "AccessList": ("string", "xsd:string"),
    "SetParameterAttributesList": (
        "SetParameterAttributesStruct",
        "cwmp:SetParameterAttributesStruct",
    ),
    "ParameterAttributeList": ("ParameterAttributeStruct", "cwmp:ParameterAttributeStruct"),
    "TimeWindowList": ("TimeWindowStruct", "cwmp:TimeWindowStruct"),
    "TransferList": ("QueuedTransferStruct", "cwmp:QueuedTransferStruct"),
    "AllTransferList": ("AllQueuedTransferStruct", "cwmp:AllQueuedTransferStruct"),
    "VoucherList": ("base64", "soap-enc:base64"),
    "OptionList": ("OptionStruct", "cwmp:OptionStruct"),
    "FileTypeArg": ("ArgStruct", "cwmp:ArgStruct"),
}

CPE_METHODS = {  # method: (arguments, members of the response)
    "GetRPCMethods": ("", "MethodList MethodList"),
    "SetParameterValues": (
        "ParameterList ParameterValueList; ParameterKey ParameterKeyType",
        "Status int",
    ),
    "GetParameterValues": ("ParameterNames ParameterNames", "ParameterList ParameterValueList"),
    "GetParameterNames": (
        "ParameterPath string; NextLevel boolean",
        "ParameterList ParameterInfoList",
    ),
    "SetParameterAttributes": ("ParameterList SetParameterAttributesList", ""),
    "GetParameterAttributes": (
        "ParameterNames ParameterNames",
        "ParameterList ParameterAttributeList",
    ),
    "AddObject": (
        "ObjectName ObjectNameType; ParameterKey ParameterKeyType",
        "InstanceNumber unsignedInt; Status int",
    ),
    "DeleteObject": ("ObjectName ObjectNameType; ParameterKey ParameterKeyType", "Status int"),
    "Download": (
        "CommandKey CommandKeyType; FileType DownloadFileType; URL string; Username string; "
        "Password string; FileSize unsignedInt; TargetFileName string; DelaySeconds unsignedInt; "
        "SuccessURL string; FailureURL string",
        "Status int; StartTime dateTime; CompleteTime dateTime",
    ),
    "Reboot": ("CommandKey CommandKeyType", ""),
    "GetQueuedTransfers": ("", "TransferList TransferList"),
    "ScheduleInform": ("DelaySeconds unsignedInt; CommandKey CommandKeyType", ""),
    "SetVouchers": ("VoucherList VoucherList", ""),
    "GetOptions": ("OptionName string", "OptionList OptionList"),
    "Upload": (
        "CommandKey CommandKeyType; FileType UploadFileType; URL string; Username string; "
        "Password string; DelaySeconds unsignedInt",
        "Status int; StartTime dateTime; CompleteTime dateTime",
    ),
    "FactoryReset": ("", ""),
    "GetAllQueuedTransfers": ("", "TransferList AllTransferList"),
    "ScheduleDownload": (
        "CommandKey CommandKeyType; FileType DownloadFileType; URL string; Username string; "
        "Password string; FileSize unsignedInt; TargetFileName string; "
        "TimeWindowList TimeWindowList",
        "",
    ),
    "CancelTransfer": ("CommandKey CommandKeyType", ""),
    "ChangeDUState": ("Operations OperationStruct*; CommandKey CommandKeyType?", ""),
}

ACS_METHODS = {
    "Inform": (
        "DeviceId DeviceIdStruct; Event EventList; MaxEnvelopes unsignedInt; "
        "CurrentTime dateTime; RetryCount unsignedInt; ParameterList ParameterValueList",
        "MaxEnvelopes unsignedInt",
    ),
    "TransferComplete": (
        "CommandKey CommandKeyType; FaultStruct TransferCompleteFaultStruct; "
        "StartTime dateTime; CompleteTime dateTime",
        "",
    ),
    "AutonomousTransferComplete": (
        "AnnounceURL string; TransferURL string; IsDownload boolean; FileType TransferFileType; "
        "FileSize unsignedInt; TargetFileName string; FaultStruct TransferCompleteFaultStruct; "
        "StartTime dateTime; CompleteTime dateTime",
        "",
    ),
    "Kicked": ("Command string; Referer string; Arg string; Next string", "NextURL string"),
    "RequestDownload": ("FileType DownloadFileType; FileTypeArg FileTypeArg", ""),
    "DUStateChangeComplete": ("Results OpResultStruct*; CommandKey CommandKeyType?", ""),
    "AutonomousDUStateChangeComplete": ("Results AutonOpResultStruct*", ""),
}

OP_RESULT = (
    "UUID DeploymentUnitUUID; DeploymentUnitRef string; Version string; "
    "CurrentState DeploymentUnitState; Resolved boolean; ExecutionUnitRefList string; "
    "StartTime dateTime; CompleteTime dateTime; Fault DeploymentUnitFaultStruct"
)
STRUCTURES = {
    "TransferCompleteFaultStruct": "FaultCode unsignedInt; FaultString string",
    "DeploymentUnitFaultStruct": "FaultCode unsignedInt; FaultString string?",
    "ParameterValueStruct": "Name string; Value anySimpleType",
    "DeviceIdStruct": "Manufacturer string; OUI string; ProductClass string; SerialNumber string",
    "EventStruct": "EventCode EventCodeType; CommandKey CommandKeyType",
    "ParameterInfoStruct": "Name string; Writable boolean",
    "SetParameterAttributesStruct": (
        "Name string; NotificationChange boolean; "
        "Notification ParameterAttributeNotificationValueType; AccessListChange boolean; "
        "AccessList AccessList"
    ),
    "ParameterAttributeStruct": (
        "Name string; Notification ParameterAttributeNotificationValueType; AccessList AccessList"
    ),
    "TimeWindowStruct": (
        "WindowStart unsignedInt; WindowEnd unsignedInt; WindowMode TimeWindowModeValueType; "
        "UserMessage string; MaxRetries int"
    ),
    "QueuedTransferStruct": "CommandKey CommandKeyType; State TransferStateType",
    "AllQueuedTransferStruct": (
        "CommandKey CommandKeyType; State TransferStateType; IsDownload boolean; "
        "FileType TransferFileType; FileSize unsignedInt; TargetFileName string"
    ),
    "InstallOpStruct": (
        "URL anyURI; UUID DeploymentUnitUUID?; Username string?; Password string?; "
        "ExecutionEnvRef string?"
    ),
    "UpdateOpStruct": (
        "UUID DeploymentUnitUUID?; Version string?; URL anyURI?; Username string?; Password string?"
    ),
    "UninstallOpStruct": "UUID DeploymentUnitUUID; Version string?; ExecutionEnvRef string?",
    "OpResultStruct": OP_RESULT,
    "AutonOpResultStruct": OP_RESULT + "; OperationPerformed DeploymentUnitOperationType",
    "OptionStruct": (
        "OptionName string; VoucherSN unsignedInt; State unsignedInt; Mode int; "
        "StartDate dateTime; ExpirationDate dateTime?; IsTransferable int"
    ),
    "ArgStruct": "Name string; Value string",
}

TABLE = {
    name: members
    for method, (arguments, answer) in (CPE_METHODS | ACS_METHODS).items()
    for name, members in ((method, arguments), (f"{method}Response", answer))
} | STRUCTURES


def rows(members: str) -> list[tuple[str, str, str]]:
    """``Name Type*`` to (name, type, mark)."""
    split = [row.split() for row in members.split("; ")] if members else []
    return [(name, kind.rstrip("*?"), kind[-1] if kind[-1] in "*?" else "") for name, kind in split]


@pytest.mark.parametrize("name", TABLE)
def test_members_stand_in_schema_order_with_schema_types(name: str) -> None:
    members = members_of(METHODS.get(name) or getattr(structures, name))
    expected = rows(TABLE[name])
    assert [member.element for member in members] == [row[0] for row in expected]
    for member, (_, kind, mark) in zip(members, expected, strict=True):
        assert member.optional == (mark == "?"), member
        assert (member.shape is Shape.REPEATED) == (mark == "*"), member
        if kind in ARRAYS:
            assert member.shape is Shape.ARRAY
            assert (array_element(member.kind), array_type(member.kind)) == ARRAYS[kind]
        elif kind == "OperationStruct":
            assert member.kind == (
                structures.InstallOpStruct,
                structures.UpdateOpStruct,
                structures.UninstallOpStruct,
            )
        elif kind in STRUCTURES:
            assert member.kind is getattr(structures, kind)
        else:
            assert member.kind in NAMED_TYPES[kind], member


def test_every_method_has_a_class_and_no_class_is_invented() -> None:
    assert set(METHODS) == set(TABLE) - set(STRUCTURES)


def test_every_method_has_its_version() -> None:
    assert set(METHOD_SINCE) == set(CPE_METHODS) | set(ACS_METHODS)
    assert {name for name, since in METHOD_SINCE.items() if since == "1.1"} == {
        "GetAllQueuedTransfers",
        "AutonomousTransferComplete",
    }
    assert {name for name, since in METHOD_SINCE.items() if since == "1.2"} == {
        "ScheduleDownload",
        "CancelTransfer",
        "ChangeDUState",
        "DUStateChangeComplete",
        "AutonomousDUStateChangeComplete",
    }


NS = "urn:dslforum-org:cwmp-1-2"


def body_of(message: m.Message) -> etree._Element:
    root = etree.fromstring(encode(message, id="1", namespace=NS))
    return root[1][0]


def test_a_method_is_qualified_and_everything_inside_it_is_not() -> None:
    inform = m.Inform(
        structures.DeviceIdStruct("M", "001122", "P", "S"),
        (structures.EventStruct("0 BOOTSTRAP"),),
        parameter_list=(structures.ParameterValue("Device.A", Value("x")),),
    )
    method = body_of(inform)
    assert method.tag == f"{{{NS}}}Inform"
    assert not [node.tag for node in method.iterdescendants() if node.tag.startswith("{")]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_array_type_counts_the_members(count: int) -> None:
    key = "{http://schemas.xmlsoap.org/soap/encoding/}arrayType"
    names = body_of(m.GetParameterValues(("A.",) * count))[0]
    assert names.get(key) == f"xsd:string[{count}]" and len(names) == count
    values = body_of(m.SetParameterValues((structures.ParameterValue("A", Value("1")),) * count))[0]
    assert values.get(key) == f"cwmp:ParameterValueStruct[{count}]" and len(values) == count
    vouchers = body_of(m.SetVouchers(("QUJD",) * count))[0]
    assert vouchers.get(key) == f"soap-enc:base64[{count}]" and len(vouchers) == count


def test_operations_are_repeated_elements_that_name_their_type() -> None:
    install = structures.InstallOpStruct("http://x/", password=Secret("p"))
    change = body_of(m.ChangeDUState((install, structures.UninstallOpStruct("u"))))
    assert [node.tag for node in change] == ["Operations", "Operations"]
    key = "{http://www.w3.org/2001/XMLSchema-instance}type"
    assert [node.get(key) for node in change] == ["cwmp:InstallOpStruct", "cwmp:UninstallOpStruct"]


@pytest.mark.parametrize("name", [name for name in METHODS if name.endswith("Response")])
def test_every_response_has_its_own_element_even_when_empty(name: str) -> None:
    struct = METHODS[name]
    message = m.AddObjectResponse(1) if struct is m.AddObjectResponse else struct()
    assert body_of(message).tag == f"{{{NS}}}{name}"


def test_unknown_time_is_written_as_the_rules_say() -> None:
    assert body_of(m.DownloadResponse(1))[1].text == "0001-01-01T00:00:00Z"
    assert UNKNOWN_TIME.year == 1


CLIENT = {9003, 9005, 9006, 9007, 9008, 9020, 9021, 8003}


@pytest.mark.parametrize("code", [*range(9000, 9033), *range(8000, 8007)])
def test_each_fault_code_has_a_name_and_the_side_of_the_table(code: int) -> None:
    assert faults.FaultCode(code) == code
    assert faults.name_of(code) not in ("", "Unknown fault")
    assert faults.side_of(code) == ("Client" if code in CLIENT else "Server")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (9005, "Invalid parameter name"),
        (9015, "File transfer failure: unable to contact file server"),
        (8005, "Retry request"),
        (9810, "Vendor fault"),
        (8800, "Vendor fault"),
        (9100, "Extension fault of the CPE"),
        (1, "Unknown fault"),
    ],
)
def test_fault_names(code: int, name: str) -> None:
    assert faults.name_of(code) == name


def test_codes_allowed_in_transfer_complete() -> None:
    named = {0, 9001, 9002, 9010, 9011, 9012, *range(9014, 9021)}
    allowed = {code for code in range(10000) if faults.allowed_in_transfer_complete(code)}
    assert allowed == named | set(range(9033, 9900))
    assert set(faults.TRANSFER_CODES_1_0) == {9001, 9002, 9010, 9011, 9012}
    assert set(faults.DEPLOYMENT_UNIT_CODES) == {
        *(9001, 9003, 9012, 9013),
        *range(9015, 9019),
        *range(9022, 9033),
    }
