"""Settings from one TOML file, overlaid by ``ACS_SECTION_KEY`` variables.

Later layers win: defaults, what was generated at the first start, the file, the environment.
The keys of ``[secrets.keys]`` add up instead, so that a new key never hides an older one.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from acs.model import Secret
from acs.settings.contradictions import contradictions
from acs.settings.sections import (
    AdminSettings,
    ApiSettings,
    AuthSettings,
    CwmpSettings,
    DatabaseSettings,
    DiscoverySettings,
    DiskSettings,
    ErpSettings,
    EventsSettings,
    FilesSettings,
    HealthSettings,
    HttpSettings,
    LogSettings,
    MqttSettings,
    ProvisioningSettings,
    RecordingSettings,
    RulesSettings,
    SafetySettings,
    SecretsSettings,
    ServerSettings,
    StunSettings,
    TimelineSettings,
    UspSettings,
    WakeupSettings,
    WebSocketSettings,
)
from acs.settings.wants import is_list, want

FILE_NAME = "acs.toml"
SYSTEM_FILE = Path("/etc/gigafibre-acs/acs.toml")
GENERATED_FILE = "secrets.toml"
ENVIRONMENT_PREFIX = "ACS_"
FILE_VARIABLE = "ACS_CONFIG"
ADMIN_KEY_VARIABLE = "ACS_ERP_ADMIN_KEY"
ADMIN_SECRET_VARIABLE = "ACS_ERP_ADMIN_SECRET"  # noqa: S105 - the name of a variable
NO_SETTINGS = (FILE_VARIABLE, ADMIN_KEY_VARIABLE, ADMIN_SECRET_VARIABLE)
"""Variables that name no setting."""
"""Variables of ours that are no settings; those of `acs erp install` are never kept."""

# Container platforms announce a service named `acs` in variables of these shapes.
_NOT_OURS = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP).*)?$")

_KEY_BYTES = 32
_USER_OF_URL = re.compile(r"//[^/@]*@")


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` has one line for each thing to put right."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one server."""

    server: ServerSettings = field(default_factory=ServerSettings)
    cwmp: CwmpSettings = field(default_factory=CwmpSettings)
    usp: UspSettings = field(default_factory=UspSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    websocket: WebSocketSettings = field(default_factory=WebSocketSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    secrets: SecretsSettings = field(default_factory=SecretsSettings)
    erp: ErpSettings = field(default_factory=ErpSettings)
    safety: SafetySettings = field(default_factory=SafetySettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    wakeup: WakeupSettings = field(default_factory=WakeupSettings)
    stun: StunSettings = field(default_factory=StunSettings)
    events: EventsSettings = field(default_factory=EventsSettings)
    provisioning: ProvisioningSettings = field(default_factory=ProvisioningSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    rules: RulesSettings = field(default_factory=RulesSettings)
    timeline: TimelineSettings = field(default_factory=TimelineSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    log: LogSettings = field(default_factory=LogSettings)
    disk: DiskSettings = field(default_factory=DiskSettings)
    admin: AdminSettings = field(default_factory=AdminSettings)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def load(cls, path: Path | None, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        ``path`` is the file of ``--config``; None: the one of ``$ACS_CONFIG``, else
        ``./acs.toml``, else ``/etc/gigafibre-acs/acs.toml``, else none.  Raises
        `SettingsError` with everything that is wrong, not only the first.
        """
        return _load(path, environ)

    def source(self, key: str) -> str:
        """Say where the value of ``key`` (``cwmp.listen``) came from.

        ``default``, ``generated``, ``file acs.toml:12`` or ``variable ACS_CWMP_LISTEN``.
        """
        return self.sources.get(key, "default")

    @property
    def data_dir(self) -> Path:
        """Directory of everything this server writes."""
        return Path(self.server.data_dir)

    @property
    def database_url(self) -> Secret:
        """Where the state is kept; a secret, for it may hold a password."""
        if self.database.url:
            return self.database.url
        # The two signs that a path may have and that say something else in a URL.
        path = str(self.data_dir / "acs.db").replace("%", "%25").replace("?", "%3F")
        return Secret(f"sqlite:///{path}")

    @property
    def files_folder(self) -> Path:
        """Directory of the files that devices fetch and send."""
        folder = self.files.folder
        return Path(folder).expanduser() if folder else self.data_dir / "files"

    @property
    def log_file(self) -> Path | None:
        """The log file, or None for standard error only."""
        match self.log.file:
            case "-":
                return None
            case "":
                return self.data_dir / "logs" / "acs.log"
            case name:
                return Path(name).expanduser()


SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "server": ServerSettings,
    "cwmp": CwmpSettings,
    "usp": UspSettings,
    "mqtt": MqttSettings,
    "websocket": WebSocketSettings,
    "http": HttpSettings,
    "auth": AuthSettings,
    "database": DatabaseSettings,
    "secrets": SecretsSettings,
    "erp": ErpSettings,
    "safety": SafetySettings,
    "api": ApiSettings,
    "wakeup": WakeupSettings,
    "stun": StunSettings,
    "events": EventsSettings,
    "provisioning": ProvisioningSettings,
    "health": HealthSettings,
    "discovery": DiscoverySettings,
    "recording": RecordingSettings,
    "rules": RulesSettings,
    "timeline": TimelineSettings,
    "files": FilesSettings,
    "log": LogSettings,
    "disk": DiskSettings,
    "admin": AdminSettings,
}


@cache
def fields_of(section: str) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Fields of a section by name."""
    # msgspec reads the annotations anew each time: 10 ms for all sections.
    return MappingProxyType({each.name: each for each in msgspec.structs.fields(SECTIONS[section])})


@dataclass(frozen=True, slots=True)
class _Given:
    """A value somebody gave, and where."""

    section: str
    key: str
    value: object
    source: str
    place: str
    """For messages: ``acs.toml:12`` or the name of the variable."""
    textual: bool = False
    """From the environment, where everything is text."""

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"


def _load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    problems: list[str] = []
    given = [*_from_file(_choose_file(path, environ, problems), "file", problems)]
    given += _from_environment(environ, problems)
    data_dir = _data_dir(given, environ)
    generated = data_dir / GENERATED_FILE
    layers = [
        *_from_file(generated if generated.is_file() else None, "generated", problems),
        *given,
    ]

    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    sources: dict[str, str] = {}
    for each in layers:
        try:
            value = _decode(each)
        except ValueError as error:
            problems.append(f"{each.place}: {each.name}: {error}")
            continue
        if each.name == "secrets.keys":
            value = {**values["secrets"].get("keys", {}), **value}
        values[each.section][each.key] = value
        sources[each.name] = each.source
    values["server"]["data_dir"] = str(data_dir)
    parts: dict[str, Any] = {name: SECTIONS[name](**found) for name, found in values.items()}
    settings = Settings(**parts, sources=sources)
    problems += contradictions(settings)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _choose_file(path: Path | None, environ: Mapping[str, str], problems: list[str]) -> Path | None:
    named = path or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    if named is None:
        candidates = (Path(FILE_NAME), SYSTEM_FILE)
        return next((each for each in candidates if each.is_file()), None)
    if named.is_file():
        return named
    problems.append(
        f"{named}: there is no such file; make it, or leave out --config and $ACS_CONFIG"
    )
    return None


def _from_file(path: Path | None, source: str, problems: list[str]) -> Iterator[_Given]:
    if path is None:
        return
    try:
        text = path.read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path}: cannot be read as TOML: {error}")
        return
    lines = _line_numbers(text)
    for section, table in tables.items():
        place = f"{path}:{lines.get(section, 1)}"
        if not isinstance(table, dict):
            problems.append(f"{place}: {section}: stands outside a section; put it under one")
        elif section not in SECTIONS:
            problems.append(
                f"{place}: there is no section [{section}]{_nearest(section, SECTIONS)}"
            )
        else:
            for key, value in table.items():
                line = lines.get(f"{section}.{key}", lines.get(section, 1))
                place = f"{path}:{line}"
                if key not in fields_of(section):
                    near = _nearest(key, fields_of(section))
                    problems.append(f"{place}: there is no setting {section}.{key}{near}")
                else:
                    origin = source if source == "generated" else f"{source} {place}"
                    yield _Given(section, key, value, origin, place)


def _line_numbers(text: str) -> Mapping[str, int]:
    """Line of each ``section`` and ``section.key``, as far as a plain reading finds them."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            section = header[1].replace('"', "").replace(" ", "")
            found.setdefault(section, number)
        elif entry := re.match(r"""\s*["']?([\w-]+)["']?\s*(\.[^=]*)?=""", line):
            found.setdefault(f"{section}.{entry[1]}" if section else entry[1], number)
    return found


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> Iterator[_Given]:
    names = {
        f"{ENVIRONMENT_PREFIX}{section}_{key}".upper(): (section, key)
        for section in SECTIONS
        for key in fields_of(section)
    }
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in NO_SETTINGS:
            continue
        if name in names:
            section, key = names[name]
            yield _Given(section, key, environ[name], f"variable {name}", name, textual=True)
        elif not _NOT_OURS.search(name):
            problems.append(f"{name}: no setting has this variable{_nearest(name, names)}")


def _data_dir(given: list[_Given], environ: Mapping[str, str]) -> Path:
    """The data directory, needed before the rest: the generated layer lies in it."""
    named = [each.value for each in given if each.name == "server.data_dir"]
    if named and isinstance(named[-1], str) and named[-1]:
        return Path(named[-1]).expanduser().absolute()
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG rules: a relative path is ignored.
    share = Path(base) if base.startswith("/") else Path("~/.local/share").expanduser()
    return share / "gigafibre-acs"


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"


def _decode(given: _Given) -> Any:
    """Check one value; the `ValueError` it raises says what is expected, never what a secret is."""
    info = fields_of(given.section)[given.key]
    value: object = given.value
    if given.name == "secrets.keys":
        return _decode_keys(value)
    if given.textual and isinstance(value, str):
        value = value.strip()
        if is_list(info):
            value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        found = msgspec.convert(value, info.type, strict=not given.textual, dec_hook=_to_secret)
        if isinstance(found, float) and not math.isfinite(found):
            raise msgspec.ValidationError
        return found
    except msgspec.ValidationError:
        secret = isinstance(info.default, Secret)
        shown = "this value" if secret else _USER_OF_URL.sub("//***@", repr(given.value))
        raise ValueError(f"{shown} is not {want(info)}") from None


def _to_secret(wanted: type, value: object) -> Secret:
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError


def _decode_keys(value: object) -> dict[str, Secret]:
    if isinstance(value, str):
        pairs = [each.partition(":") for each in value.split(",") if each.strip()]
        value = {name.strip(): key.strip() for name, _, key in pairs}
    if not isinstance(value, dict):
        raise ValueError("want a table of key ids, each with 32 bytes in Base64")
    for name, text in value.items():
        try:
            raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
        except (binascii.Error, ValueError):
            raw = b""
        if not name or len(raw) != _KEY_BYTES:
            raise ValueError(
                f"the key {name!r} is not 32 bytes in Base64; make one with "
                "`openssl rand -base64 32`"
            )
    return {name: Secret(text) for name, text in value.items()}
