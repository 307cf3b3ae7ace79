"""What the server keeps, and where."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from acs.model import Secret
from acs.settings.sections.kinds import (
    WANT_OPTIONAL_ADDRESS,
    Bytes,
    Count,
    OptionalAddress,
    says,
)


class LogLevel(StrEnum):
    """Lowest severity that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


class ServerSettings(Struct, frozen=True, kw_only=True):
    """The process."""

    data_dir: Annotated[
        str,
        says(
            "Directory of the database, the generated secrets and the log; made when missing.",
            shown="$XDG_DATA_HOME/gigafibre-acs, else ~/.local/share/gigafibre-acs",
        ),
    ] = ""
    workers: Annotated[
        Count,
        Meta(le=32),
        says("Processes that serve devices; above 1 another one looks after them."),
    ] = 1
    drain_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        says("Seconds that a worker which is stopped lets its open sessions end."),
    ] = 30.0


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Where the state is kept."""

    url: Annotated[
        Secret,
        says(
            "`postgresql+psycopg://user:password@host/name`, or `sqlite:///path`.",
            shown="sqlite:///DATA_DIR/acs.db",
        ),
    ] = Secret("")


class SecretsSettings(Struct, frozen=True, kw_only=True):
    """The keys that secrets are encrypted with in the database."""

    keys: Annotated[
        Mapping[str, Secret],
        says(
            "Key id to key: 32 bytes in Base64. As a variable: `id:BASE64,id:BASE64`.",
            shown="one, generated",
        ),
    ] = msgspec.field(default_factory=dict)
    current: Annotated[
        str, says("Id of the key that new secrets are encrypted with.", shown="the generated one")
    ] = ""


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """Recordings of sessions, which an operator asks for; secrets are masked in them."""

    keep_days: Annotated[Count, says("Days a recording is kept.")] = 30
    max_files: Annotated[Count, says("Most recordings that are kept; the oldest go first.")] = 500
    max_bytes: Annotated[
        Bytes, says("Largest recording of one session; what comes after it is left out.")
    ] = 10_000_000


class TimelineSettings(Struct, frozen=True, kw_only=True):
    """What is remembered for people."""

    keep_days: Annotated[Count, says("Days an entry is kept.")] = 90
    max_per_device: Annotated[Count, says("Most entries of one device; the oldest go first.")] = (
        1000
    )


AMOUNT_OF_DISK = r"^\d+(\.\d+)? ?(%|[kKMGT]?i?B)\Z"
WANT_AMOUNT = 'an amount of disk, like "5%", "1 GB" or "500 MiB"'


class DiskSettings(Struct, frozen=True, kw_only=True):
    """What is done when the disk of `server.data_dir` fills, see operations.md."""

    low: Annotated[
        str,
        Meta(pattern=AMOUNT_OF_DISK),
        says(
            "Room below which history, recordings and old logs are given up, the oldest first.",
            want=WANT_AMOUNT,
        ),
    ] = "1 GB"
    critical: Annotated[
        str,
        Meta(pattern=AMOUNT_OF_DISK),
        says(
            "Room below which all of them go, and only warnings and errors are logged.",
            want=WANT_AMOUNT,
        ),
    ] = "250 MB"


class LogSettings(Struct, frozen=True, kw_only=True):
    """The log. Warnings and errors go to standard error as well."""

    file: Annotated[
        str, says("Log file; `-`: standard error only.", shown="DATA_DIR/logs/acs.log")
    ] = ""
    level: Annotated[LogLevel, says("Lowest severity that is written.")] = LogLevel.INFO
    max_bytes: Annotated[Bytes, says("Size at which the file is turned over.")] = 20_000_000
    backups: Annotated[int, Meta(ge=1, le=100), says("Old files that are kept.")] = 5
    format: Annotated[LogFormat, says("`logfmt`: key=value; `json`: an object per line.")] = (
        LogFormat.LOGFMT
    )


class AdminSettings(Struct, frozen=True, kw_only=True):
    """Health and metrics. Keep it off the Internet: it asks for no password."""

    listen: Annotated[
        OptionalAddress,
        says("Address of /health and /metrics; empty: off.", want=WANT_OPTIONAL_ADDRESS),
    ] = "127.0.0.1:7580"
