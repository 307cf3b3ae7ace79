"""From the text of a blueprint file to a `Blueprint`, with every mistake named by its line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from acs.profiles.blueprint import ROW, Blueprint, Join, Match, Verify, Voice
from acs.profiles.blueprint_doubts import read_doubts
from acs.profiles.blueprint_places import PlaceReader
from acs.profiles.blueprint_schema import (
    MANAGEMENT_SETTINGS,
    PATTERNS,
    VOICE_SETTINGS,
    Path,
    check_shape,
    without,
)
from acs.profiles.blueprint_wifi import read_wifi
from acs.profiles.diagnostics.places import read_diagnostics
from acs.profiles.health.places import read_places
from acs.profiles.toml_lines import NotToml, key_lines, line_of, parse
from acs.profiles.wan.places import read_wan

GROUPS = ("off", "set", "on", "management", "mark")
USP = "usp"
_COMMAND = re.compile(r"Device\.(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\(\)")
_TABLE = re.compile(r"(?:[A-Za-z0-9_.-]+\.\{i\}\.)+")


class Issue(NamedTuple):
    """A mistake in a blueprint file."""

    line: int
    message: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file or 'blueprint'}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Source:
    """One blueprint file as written, before it is laid over what it extends."""

    file: str
    data: Mapping[str, Any]
    """What is of the right kind under a known key."""
    lines: Mapping[Path, int]
    issues: tuple[Issue, ...]

    @property
    def name(self) -> str:
        """Its name, or empty."""
        return str(self._head.get("name", ""))

    @property
    def extends(self) -> str:
        """Name of the blueprint it extends, or empty."""
        return str(self._head.get("extends", ""))

    @property
    def _head(self) -> Mapping[str, Any]:
        head = self.data.get("blueprint")
        return head if isinstance(head, Mapping) else {}

    def issue(self, path: Path, message: str) -> Issue:
        """Return an issue at the line of ``path``."""
        return Issue(line_of(self.lines, path), message, self.file)


def read_source(text: str, file: str) -> Source:
    """Parse one file and check its keys and kinds; mistakes are in ``issues``."""
    try:
        data = parse(text)
    except NotToml as error:
        return Source(file, {}, {}, (Issue(error.line, str(error), file),))
    source = Source(file, data, key_lines(text), ())
    found = list(check_shape(data))
    issues = [source.issue(path, message) for path, message in found]
    if not source.name:
        issues.append(source.issue(("blueprint",), "blueprint.name is missing"))
    sound = without(data, [path for path, _ in found])
    return Source(file, sound, source.lines, tuple(issues))


def build(source: Source, data: Mapping[str, Any]) -> tuple[Blueprint | None, tuple[Issue, ...]]:
    """Make the blueprint of ``source``, whose keys laid over what it extends are ``data``."""
    builder = _Builder(source, {key: value for key, value in data.items() if key != USP})
    if USP in source.data and source.data.get("match", {}).get("root") == "InternetGatewayDevice.":
        issue = source.issue((USP,), "usp: only devices with Device. speak USP (TR-181)")
        builder.issues.append(issue)
    doubts = read_doubts(data, source.data, builder.complain)
    blueprint = replace(builder.blueprint(), data=data, doubts=doubts)
    return (None if builder.issues else blueprint), tuple(builder.issues)


def build_over_usp(
    source: Source, base: Blueprint, data: Mapping[str, Any]
) -> tuple[Blueprint | None, tuple[Issue, ...]]:
    """Make what ``base`` is over USP: its keys with those of ``[usp]`` laid over them in ``data``.

    Mistakes are named by the lines of ``[usp]``.
    """
    builder = _Builder(source, data, over_usp=True)
    told = base.data.get("doubts", {})
    own = {
        key.removeprefix(f"{USP}."): doubt
        for key, doubt in told.items()
        if key.startswith(f"{USP}.")
    }
    doubts = read_doubts({**data, "doubts": {**told, **own}}, {}, builder.complain)
    blueprint = replace(
        builder.blueprint(),
        match=base.match,
        root=base.root,
        doubts=doubts,
        common_digest=base.common_digest,
    )
    return (None if builder.issues else blueprint), tuple(builder.issues)


class _Builder:
    """Reads merged data piece by piece and collects what does not hold together."""

    def __init__(self, source: Source, data: Mapping[str, Any], *, over_usp: bool = False) -> None:
        self._source = source
        self._data = data
        self._over_usp = over_usp
        self.issues: list[Issue] = []
        self._tables: Mapping[str, str] = data.get("tables", {})
        self._joins: dict[str, Join] = {}
        self._reader = PlaceReader(self._tables, self._joins, self.complain, searches=over_usp)

    def blueprint(self) -> Blueprint:
        data = self._data
        head, behaviour = data["blueprint"], data.get("behaviour", {})
        identity, order = data.get("identity", {}), data.get("order", {})
        self._read_tables()
        reader = self._reader
        match = self._match()
        verify = behaviour.get("verify", "now")
        reader.word(verify, tuple(Verify), ("behaviour", "verify"))
        separate = order.get("separate", [])
        for group in separate:
            reader.word(group, GROUPS, ("order", "separate"))
        booleans = data.get("dialect", {}).get("booleans", "true")
        reader.word(booleans, ("1", "true"), ("dialect", "booleans"))
        password = data.get("admin", {}).get("password")
        digest = _digest(data)
        return Blueprint(
            name=head["name"],
            title=head.get("title", head["name"]),
            sources=tuple(head.get("sources", ())),
            match=match,
            root=match.root if match else "",
            dialect=dict(data.get("dialect", {})),
            verify=Verify(verify) if verify in tuple(Verify) else Verify.NOW,
            marker=behaviour.get("marker", ""),
            factory_ssid=self._pattern(behaviour.get("factory_ssid", "")),
            mac_paths=tuple(identity.get("mac", ())),
            model_path=identity.get("model", ""),
            gpon_paths=tuple(identity.get("gpon_serial", ())),
            tables=self._tables,
            joins=self._joins,
            wifi=read_wifi(reader, data.get("wifi"), "wifi"),
            wifi_inner=read_wifi(reader, data.get("wifi_inner"), "wifi_inner"),
            voice=self._voice(),
            management=reader.settings(
                data.get("management", {}).get("set", {}), ("management", "set"), ""
            ),
            admin=reader.setting(password, ("admin", "password"), "") if password else None,
            switches=frozenset(order.get("switches", ("Enable",))),
            separate=frozenset(separate),
            ignored_management=self._ignored_management(),
            digest=digest,
            common_digest=digest,
            protocol="usp" if self._over_usp else "cwmp",
            commands=self._commands(),
            wan=read_wan(reader, data.get("wan")),
            health=read_places(data.get("health"), self.complain),
            data=data,
            diagnostics=read_diagnostics(data.get("diagnostics"), self.complain),
        )

    def complain(self, path: Path, message: str) -> None:
        """Take down a mistake at the line of ``path``."""
        if self._over_usp:
            path, message = (USP, *path), f"{USP}.{message}"
        self.issues.append(self._source.issue(path, message))

    def _match(self) -> Match | None:
        # What it extends says nothing about whom it fits.
        match = self._source.data.get("match")
        if match is None:
            return None
        root = match.get("root", "")
        self._reader.word(root, ("Device.", "InternetGatewayDevice."), ("match", "root"))
        return Match(root, {name: tuple(match[name]) for name in PATTERNS if name in match})

    def _read_tables(self) -> None:
        for name, table in self._tables.items():
            if not _TABLE.fullmatch(table):
                self.complain(
                    ("tables", name), f"tables.{name}: {table!r} must end with .{ROW} and a dot"
                )
        for name, join in self._data.get("joins", {}).items():
            path = ("joins", name)
            self._reader.word(name, self._tables, path)
            self._reader.word(join.get("start", ""), self._tables, (*path, "start"))
            numbers = join.get("numbers", {})
            for number in numbers:
                if not number.isdecimal():
                    where = f"joins.{name}.numbers"
                    reason = f"{where}: {number!r} is not an instance number"
                    self.complain((*path, "numbers", number), reason)
            self._joins[name] = Join(
                join.get("start", ""),
                join.get("reference", ""),
                join.get("same_number", False),
                {int(start): row for start, row in numbers.items() if start.isdecimal()},
            )

    def _pattern(self, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            self.complain(("behaviour", "factory_ssid"), f"is no regular expression: {error}")
            return ""
        return text

    def _ignored_management(self) -> tuple[str, ...]:
        ignored = tuple(self._data.get("management", {}).get("ignore", ()))
        for name in ignored:
            self._reader.word(name, MANAGEMENT_SETTINGS, ("management", "ignore"))
        return ignored

    def _commands(self) -> Mapping[str, str]:
        commands: Mapping[str, str] = self._data.get("commands", {})
        for name, command in commands.items():
            if not _COMMAND.fullmatch(command):
                reason = f"commands.{name}: {command!r} is no full path ending in ()"
                self.complain(("commands", name), reason)
        return commands

    def _voice(self) -> Voice | None:
        data = self._data.get("voice")
        if not data:
            return None
        base, reader = data.get("line", ""), self._reader
        reader.word(base, self._tables, ("voice", "line"))
        for name in data.get("ignore", ()):
            reader.word(name, VOICE_SETTINGS, ("voice", "ignore"))
        return Voice(
            line=base,
            settings=reader.settings(data.get("set", {}), ("voice", "set"), base),
            also=reader.constants(data.get("also", {}), ("voice", "also"), base),
            ignore=tuple(data.get("ignore", ())),
        )


def _digest(data: Mapping[str, Any]) -> str:
    shown_only = ("blueprint", "match", "identity", "health", "diagnostics", "doubts", "commands")
    decisive = {key: value for key, value in data.items() if key not in shown_only}
    if "behaviour" in decisive:
        # Whether a device is ours to write says nothing of what is written.
        told = decisive["behaviour"].items()
        decisive["behaviour"] = {key: value for key, value in told if key != "factory_ssid"}
    text = json.dumps(decisive, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
