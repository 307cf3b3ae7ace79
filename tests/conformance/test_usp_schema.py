"""The schemas in `proto/` and what is generated from them, against the table of the standard."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_tools import protoc
from hypothesis import given, settings
from usp_messages import messages as any_message
from usp_messages import records as any_record

from acs.usp import codec, records
from acs.usp.messages import Message as UspMessage
from acs.usp.pb import usp_msg_pb2, usp_record_pb2

ROOT = Path(__file__).parents[2]
TABLE = tomllib.loads((Path(__file__).parent / "usp_schema.toml").read_text())
MODULES: dict[str, Any] = {"usp_record": usp_record_pb2, "usp": usp_msg_pb2}
FILES = {"usp_record": "usp-record.proto", "usp": "usp-msg.proto"}
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")

Proto = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "string": Proto.TYPE_STRING,
    "bytes": Proto.TYPE_BYTES,
    "bool": Proto.TYPE_BOOL,
    "fixed32": Proto.TYPE_FIXED32,
    "uint64": Proto.TYPE_UINT64,
}


# --- the modules are current -------------------------------------------------------------


@pytest.mark.parametrize("package", FILES)
def test_the_generated_modules_are_current(package: str, tmp_path: Path) -> None:
    made = tmp_path / "schema.bin"
    command = ["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={made}", FILES[package]]
    assert protoc.main(command) == 0
    (schema,) = descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file
    checked_in = descriptor_pb2.FileDescriptorProto()
    MODULES[package].DESCRIPTOR.CopyToProto(checked_in)
    for each in (schema, checked_in):
        _without_json_names(each.message_type)
    assert checked_in == schema, "run `make proto`"


def _without_json_names(messages: Any) -> None:
    for message in messages:
        for field in message.field:
            field.ClearField("json_name")
        _without_json_names(message.nested_type)


# --- they are as the table has them ------------------------------------------------------


def _messages(owner: Any) -> Iterator[Any]:
    for each in owner:
        if not each.GetOptions().map_entry:
            yield each
            yield from _messages(each.nested_types)


def _name(descriptor: Any) -> str:
    return str(descriptor.full_name).removeprefix(descriptor.file.package + ".")


def _type(field: Any) -> str:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        return f"map<{_type(key)}, {_type(value)}>"
    told = field.message_type or field.enum_type
    names = {number: name for name, number in SCALARS.items()}
    name = _name(told) if told is not None else names[field.type]
    return f"repeated {name}" if field.is_repeated else name


def _fields(message: Any) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for field in message.fields:
        found[field.name] = {"number": field.number, "type": _type(field)}
        if field.containing_oneof is not None:
            found[field.name]["oneof"] = field.containing_oneof.name
    return found


TABLED = [(package, name) for package in TABLE for name in TABLE[package]["messages"]]


@pytest.mark.parametrize(("package", "name"), TABLED, ids=lambda each: each)
def test_each_field_has_its_number_its_type_and_its_oneof(package: str, name: str) -> None:
    descriptors = MODULES[package].DESCRIPTOR.message_types_by_name.values()
    found = {_name(each): each for each in _messages(descriptors)}
    expected = {
        field: {key: value for key, value in told.items() if key != "since"}
        for field, told in TABLE[package]["messages"][name].items()
    }
    assert _fields(found[name]) == expected


@pytest.mark.parametrize("package", TABLE)
def test_there_are_no_other_messages(package: str) -> None:
    descriptors = MODULES[package].DESCRIPTOR.message_types_by_name.values()
    assert {_name(each) for each in _messages(descriptors)} == set(TABLE[package]["messages"])


@pytest.mark.parametrize("package", TABLE)
def test_enumerations_are_as_the_table_has_them(package: str) -> None:
    descriptors = MODULES[package].DESCRIPTOR.message_types_by_name.values()
    found = {
        _name(each): {value.name: value.number for value in each.values}
        for message in _messages(descriptors)
        for each in message.enum_types
    }
    assert found == TABLE[package]["enums"]


# --- older peers -------------------------------------------------------------------------


@cache
def schema_of(package: str, version: str, root: str) -> type[Message]:
    """A class that knows what the schemas had in ``version``, made of the table alone."""
    file = descriptor_pb2.FileDescriptorProto(name="old.proto", package=package, syntax="proto3")
    enums, table = TABLE[package]["enums"], TABLE[package]["messages"]
    places: dict[str, Any] = {}
    for name, fields in table.items():
        owner, _, last = name.rpartition(".")
        place = places[name] = places[owner].nested_type.add() if owner else file.message_type.add()
        place.name = last
        for field, told in fields.items():
            if told.get("since", "1.0") <= version:
                _add_field(place, f".{package}.{name}", field, told, f".{package}.", enums)
    for name, values in enums.items():
        owner, _, last = name.rpartition(".")
        enum = places[owner].enum_type.add(name=last)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{root}"))


def _add_field(
    place: Any, full_name: str, name: str, told: dict[str, Any], prefix: str, enums: Any
) -> None:
    field = place.field.add(name=name, number=told["number"], label=Proto.LABEL_OPTIONAL)
    kind = told["type"]
    if kind.startswith("map<"):
        entry = place.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        for number, part in ((1, "key"), (2, "value")):
            entry.field.add(
                name=part, number=number, label=Proto.LABEL_OPTIONAL, type=Proto.TYPE_STRING
            )
        field.label, field.type = Proto.LABEL_REPEATED, Proto.TYPE_MESSAGE
        field.type_name = f"{full_name}.{entry.name}"
        return
    if kind.startswith("repeated "):
        field.label, kind = Proto.LABEL_REPEATED, kind.removeprefix("repeated ")
    if kind in SCALARS:
        field.type = SCALARS[kind]
    else:
        field.type = Proto.TYPE_ENUM if kind in enums else Proto.TYPE_MESSAGE
        field.type_name = prefix + kind
    if "oneof" in told:
        names = [each.name for each in place.oneof_decl]
        if told["oneof"] not in names:
            place.oneof_decl.add(name=told["oneof"])
            names.append(told["oneof"])
        field.oneof_index = names.index(told["oneof"])


@pytest.mark.parametrize("version", VERSIONS)
def test_messages_pass_through_the_schemas_of_every_version(version: str) -> None:
    old = schema_of("usp", version, "Msg")

    @settings(max_examples=60, deadline=None)
    @given(any_message)
    def passes(message: UspMessage) -> None:
        octets = codec.encode(message)
        read = old.FromString(octets)
        assert read.header.msg_id == message.id  # type: ignore[attr-defined]
        assert codec.decode(read.SerializeToString()) == message
        read.DiscardUnknownFields()
        if version == "1.4":  # all of it is known
            assert codec.decode(read.SerializeToString()) == message

    passes()


@pytest.mark.parametrize("version", VERSIONS)
def test_records_pass_through_the_schemas_of_every_version(version: str) -> None:
    old = schema_of("usp_record", version, "Record")

    @settings(max_examples=40, deadline=None)
    @given(any_record)
    def passes(record: records.Record) -> None:
        read = old.FromString(records.encode(record))
        assert read.from_id == record.from_id  # type: ignore[attr-defined]
        assert records.decode(read.SerializeToString()) == record

    passes()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_agent_of_any_version_writes_is_read(version: str) -> None:
    old: Any = schema_of("usp", version, "Msg")
    told = old(header={"msg_id": "7", "msg_type": "GET_SUPPORTED_DM_RESP"})
    result = told.body.response.get_supported_dm_resp.req_obj_results.add(req_obj_path="Device.")
    supported = result.supported_objs.add(supported_obj_path="Device.WiFi.", access="OBJ_ADD_ONLY")
    supported.supported_params.add(param_name="Enable", access="PARAM_READ_WRITE")
    supported.supported_commands.add(command_name="Reset()", input_arg_names=["Mode"])
    body: Any = codec.decode(told.SerializeToString()).body
    (read,) = body.results[0].objects
    assert read.access.name == "ADD_ONLY"
    assert [(each.name, each.access.name, each.type.name) for each in read.params] == [
        ("Enable", "READ_WRITE", "UNKNOWN")
    ]
    assert [(each.name, each.inputs, each.type.name) for each in read.commands] == [
        ("Reset()", ("Mode",), "UNKNOWN")
    ]
