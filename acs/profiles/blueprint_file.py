"""From the text of a blueprint file to a `Blueprint`, with every mistake named by its line."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from acs.model import ValueType
from acs.profiles.blueprint import (
    ROW,
    Blueprint,
    Constant,
    Join,
    Match,
    Place,
    SecurityRule,
    Setting,
    Voice,
    Wifi,
)
from acs.profiles.blueprint_schema import PATTERNS, VOICE_SETTINGS, Path, check_shape, nearest
from acs.profiles.diagnostics.places import read_diagnostics
from acs.profiles.health.places import read_places
from acs.profiles.intent import Band, Role, Security
from acs.profiles.toml_lines import key_lines, line_of

GROUPS = ("off", "set", "on", "management", "mark")
_SYNTAX = re.compile(r"\(at line (\d+), column \d+\)")
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
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _SYNTAX.search(str(error))
        line = int(at[1]) if at else len(text.splitlines())
        return Source(file, {}, {}, (Issue(line, f"not TOML: {error}", file),))
    source = Source(file, data, key_lines(text), ())
    issues = [source.issue(path, message) for path, message in check_shape(data)]
    if not source.name:
        issues.append(source.issue(("blueprint",), "blueprint.name is missing"))
    return Source(file, data, source.lines, tuple(issues))


def build(source: Source, data: Mapping[str, Any]) -> tuple[Blueprint | None, tuple[Issue, ...]]:
    """Make the blueprint of ``source``, whose keys laid over what it extends are ``data``."""
    builder = _Builder(source, data)
    blueprint = builder.blueprint()
    return (None if builder.issues else blueprint), tuple(builder.issues)


class _Builder:
    """Reads merged data piece by piece and collects what does not hold together."""

    def __init__(self, source: Source, data: Mapping[str, Any]) -> None:
        self._source = source
        self._data = data
        self.issues: list[Issue] = []
        self._tables: Mapping[str, str] = data.get("tables", {})
        self._joins: dict[str, Join] = {}

    def blueprint(self) -> Blueprint:
        data = self._data
        head, behaviour = data["blueprint"], data.get("behaviour", {})
        identity, order = data.get("identity", {}), data.get("order", {})
        self._read_tables()
        match = self._match()
        verify = behaviour.get("verify", "now")
        self._word(verify, ("now", "next-session"), ("behaviour", "verify"))
        separate = order.get("separate", [])
        for group in separate:
            self._word(group, GROUPS, ("order", "separate"))
        booleans = data.get("dialect", {}).get("booleans", "true")
        self._word(booleans, ("1", "true"), ("dialect", "booleans"))
        return Blueprint(
            name=head["name"],
            title=head.get("title", head["name"]),
            sources=tuple(head.get("sources", ())),
            match=match,
            root=match.root if match else "",
            dialect=dict(data.get("dialect", {})),
            verify_later=verify == "next-session",
            marker=behaviour.get("marker", ""),
            mac_paths=tuple(identity.get("mac", ())),
            model_path=identity.get("model", ""),
            gpon_paths=tuple(identity.get("gpon_serial", ())),
            tables=self._tables,
            joins=self._joins,
            wifi=self._wifi(),
            voice=self._voice(),
            management={
                name: self._setting(setting, ("management", "set", name), "")
                for name, setting in data.get("management", {}).get("set", {}).items()
            },
            admin=(
                self._setting(data["admin"]["password"], ("admin", "password"), "")
                if data.get("admin", {}).get("password")
                else None
            ),
            switches=frozenset(order.get("switches", ("Enable",))),
            separate=frozenset(separate),
            digest=_digest(data),
            health=read_places(data.get("health"), self._complain),
            diagnostics=read_diagnostics(data.get("diagnostics"), self._complain),
        )

    def _complain(self, path: Path, message: str) -> None:
        self.issues.append(self._source.issue(path, message))

    def _word(self, word: str, known: Iterable[str], path: Path) -> None:
        names = [str(name) for name in known]
        if word not in names:
            self._complain(
                path,
                f"{'.'.join(path)}: {word!r} is none of {', '.join(names)}{nearest(word, names)}",
            )

    def _match(self) -> Match | None:
        # What it extends says nothing about whom it fits.
        match = self._source.data.get("match")
        if match is None:
            return None
        root = match.get("root", "")
        self._word(root, ("Device.", "InternetGatewayDevice."), ("match", "root"))
        return Match(root, {name: tuple(match[name]) for name in PATTERNS if name in match})

    def _read_tables(self) -> None:
        for name, table in self._tables.items():
            if not _TABLE.fullmatch(table):
                self._complain(
                    ("tables", name), f"tables.{name}: {table!r} must end with .{ROW} and a dot"
                )
        for name, join in self._data.get("joins", {}).items():
            path = ("joins", name)
            self._word(name, self._tables, path)
            self._word(join.get("start", ""), self._tables, (*path, "start"))
            self._joins[name] = Join(
                join.get("start", ""), join.get("reference", ""), join.get("same_number", False)
            )

    def _place(self, text: str, path: Path, base: str) -> Place:
        table, colon, leaf = text.partition(":")
        if not colon:
            if not text.startswith(("Device.", "InternetGatewayDevice.")) or text.endswith("."):
                self._complain(
                    path, f"{'.'.join(path)}: {text!r} is neither table:Leaf nor a full path"
                )
            return Place("", text)
        self._word(table, self._tables, path)
        if table in self._tables and not self._reachable(table, base):
            self._complain(path, f"{'.'.join(path)}: no join leads from {base!r} to {table!r}")
        return Place(table, leaf)

    def _reachable(self, table: str, base: str) -> bool:
        seen = set()
        while table != base:
            if table not in self._tables or base not in self._tables or table in seen:
                return False
            if self._tables[base].startswith(self._tables[table]):
                return True
            join = self._joins.get(table)
            if join is None:
                return False
            seen.add(table)
            table = join.start
        return True

    def _places(self, texts: Iterable[str], path: Path, base: str) -> tuple[Place, ...]:
        return tuple(self._place(text, path, base) for text in texts)

    def _constants(self, also: Mapping[str, Any], path: Path, base: str) -> tuple[Constant, ...]:
        return tuple(
            Constant(self._place(text, (*path, text), base), value) for text, value in also.items()
        )

    def _setting(self, data: Mapping[str, Any], path: Path, base: str) -> Setting:
        kind = data.get("type")
        if kind is not None:
            self._word(kind, ValueType, (*path, "type"))
        places = {
            name: self._places(data.get(name, ()), (*path, name), base)
            for name in ("write", "first_of", "if_present")
        }
        return Setting(
            **places,
            also=self._constants(data.get("also", {}), (*path, "also"), base),
            words=data.get("words", {}),
            type=ValueType(kind) if kind in list(ValueType) else None,
            invert=data.get("invert", False),
            secret=data.get("secret", False),
            fold=data.get("fold", False),
            reference=data.get("reference", False),
        )

    def _wifi(self) -> Wifi | None:
        data = self._data.get("wifi")
        if not data:
            return None
        base = data.get("network", "")
        self._word(base, self._tables, ("wifi", "network"))
        band, role = data.get("band", {}), data.get("role", {})
        for word in (*band.get("words", {}).values(), *band.get("numbers", {}).values()):
            self._word(word, Band, ("wifi", "band"))
        for word in (*role.get("words", {}).values(), *role.get("order", ())):
            self._word(word, Role, ("wifi", "role"))
        for number in band.get("numbers", {}):
            if not number.isdecimal():
                self._complain(
                    ("wifi", "band", "numbers", number),
                    f"wifi.band.numbers: {number!r} is not an instance number",
                )
        if self.issues:
            return None
        settings = {
            name: self._setting(setting, ("wifi", "set", name), base)
            for name, setting in data.get("set", {}).items()
            if setting
        }
        return Wifi(
            network=base,
            band=self._places(band.get("from", ()), ("wifi", "band", "from"), base),
            band_words={word: Band(name) for word, name in band.get("words", {}).items()},
            channel=self._places(band.get("channel", ()), ("wifi", "band", "channel"), base),
            band_of_number={int(n): Band(name) for n, name in band.get("numbers", {}).items()},
            role=self._places(role.get("from", ()), ("wifi", "role", "from"), base),
            role_words={word: Role(name) for word, name in role.get("words", {}).items()},
            role_order=tuple(Role(name) for name in role.get("order", ())),
            steering=data.get("steering", ""),
            hex_key=settings.pop("hex_key", None),
            sae=settings.pop("sae", None),
            settings=settings,
            security=self._security(data.get("security"), base),
        )

    def _security(self, data: Mapping[str, Any] | None, base: str) -> SecurityRule | None:
        if not data:
            return None
        path = ("wifi", "security")
        if "mode" not in data:
            self._complain(path, "wifi.security.mode is missing")
            return None
        supported = data.get("supported")
        return SecurityRule(
            mode=self._place(data["mode"], (*path, "mode"), base),
            supported=(self._place(supported, (*path, "supported"), base) if supported else None),
            words={Security(wish): tuple(w) for wish, w in data.get("words", {}).items()},
            also={
                Security(wish): self._constants(also, (*path, "also", wish), base)
                for wish, also in data.get("also", {}).items()
            },
        )

    def _voice(self) -> Voice | None:
        data = self._data.get("voice")
        if not data:
            return None
        base = data.get("line", "")
        self._word(base, self._tables, ("voice", "line"))
        for name in data.get("ignore", ()):
            self._word(name, VOICE_SETTINGS, ("voice", "ignore"))
        return Voice(
            line=base,
            settings={
                name: self._setting(setting, ("voice", "set", name), base)
                for name, setting in data.get("set", {}).items()
            },
            also=self._constants(data.get("also", {}), ("voice", "also"), base),
            ignore=tuple(data.get("ignore", ())),
        )


def _digest(data: Mapping[str, Any]) -> str:
    shown_only = ("blueprint", "match", "identity", "health", "diagnostics")
    decisive = {key: value for key, value in data.items() if key not in shown_only}
    text = json.dumps(decisive, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
