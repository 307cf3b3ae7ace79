"""One log for the whole process: key-value lines, rotated by size, free of secrets.

    log = get_logger(__name__)
    log.info("session", device=key, result="done", rpcs=3)

`configure` sends our lines, Twisted's, the standard library's and Python's warnings through
the same formatter.  The file is turned over by size from the first line on; warnings and
errors go to standard error too.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sys
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import lru_cache
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor
from twisted.logger import ILogObserver, STDLibLogObserver, globalLogBeginner, globalLogPublisher

from acs.log_bounds import Complaints, FloodFilter, drop_old

MASK = "***"
MAX_VALUE = 2000
"""Longest text of one value, in characters: what a device says can be long."""

LINES_OF_KIND = 6000
"""Lines a minute of one kind that are written: a hundred sessions a second."""
LINES_OF_DEVICE = 30
"""Lines a minute of one kind about one device or address."""
_complain = Complaints(time.monotonic)

_SECRET_NAMES = re.compile(
    r"passw(or)?d|secret|token|passphrase|authorization|api_?key|pre_?shared|credential", re.I
)
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# Their details are for debugging them, not us; Twisted says each listening port twice.
_QUIET = ("twisted", "urllib3", "sqlalchemy", "alembic", "asyncio")


class Logger(Protocol):
    """What `get_logger` returns: an event and its key-value pairs, at a severity."""

    def debug(self, event: str, /, **pairs: object) -> object:
        """Detail for whoever hunts a defect."""

    def info(self, event: str, /, **pairs: object) -> object:
        """What happened, at most a line per session."""

    def warning(self, event: str, /, **pairs: object) -> object:
        """Something a person should look at some day."""

    def error(self, event: str, /, **pairs: object) -> object:
        """Something a person should look at now."""

    def exception(self, event: str, /, **pairs: object) -> object:
        """As `error`, with the exception that is being handled."""

    def bind(self, **pairs: object) -> Logger:
        """Return a logger that adds ``pairs`` to each line."""


def get_logger(name: str) -> Logger:
    """Return the logger of a module; before `configure` it prints to standard output."""
    return cast("Logger", structlog.get_logger(name))


def configure(
    *,
    file: Path | None,
    level: str = "info",
    max_bytes: int = 20_000_000,
    backups: int = 5,
    json: bool = False,
    stderr: TextIO | None = None,
    shared_as: str = "",
) -> Callable[[], None]:
    """Begin to log; the callable returned ends it and closes the file.

    ``file`` None: everything to ``stderr`` (by default `sys.stderr`); else everything of
    ``level`` and above to the file, and warnings to ``stderr``.  To be called once, at the start
    of the process.  ``shared_as``: other processes write to the file too; the name this one's
    lines bear.  Raises `OSError` when the file cannot be opened.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    formatter = ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
        processors=[_named(shared_as), *_finish(json)] if shared_as else _finish(json),
    )
    console = logging.StreamHandler(stderr or sys.stderr)
    handlers: list[logging.Handler] = [console]
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        drop_old(file, backups)  # fewer may be kept than at the last start
        kind = _SharedFile if shared_as else _BoundedFile
        handlers.append(kind(file, maxBytes=max_bytes, backupCount=backups, encoding="utf-8"))
        console.setLevel(max(logging.WARNING, threshold))
    root = logging.getLogger()
    flood = FloodFilter(LINES_OF_KIND, LINES_OF_DEVICE, time.monotonic)
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(flood)
        root.addHandler(handler)
    root.setLevel(threshold)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.format_exc_info,
            ProcessorFormatter.wrap_for_formatter,
        ],
        # A level that is off costs the call of an empty function.
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    show_warning = warnings.showwarning
    observer = cast("ILogObserver", STDLibLogObserver())
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    logging.captureWarnings(True)

    def end() -> None:
        globalLogPublisher.removeObserver(observer)
        logging.captureWarnings(False)
        warnings.showwarning = show_warning
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        structlog.reset_defaults()

    return end


class _BoundedFile(RotatingFileHandler):
    """Turned over at the first line beyond the size, and not for everybody to read.

    The standard one formats every record twice to stay just below the size, which doubles the
    price of a line.
    """

    def _open(self) -> TextIOWrapper:
        # Who has which device at which address is nobody else's business.
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802
        return self.stream is not None and self.stream.tell() >= self.maxBytes

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # The standard one prints a trace for each line: a full disk would fill the journal.
        _complain(self.baseFilename)
        # What could not be written is given up, and the file opened again for the next line.
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            _complain(self.baseFilename)


class _SharedFile(_BoundedFile):
    """The same for several processes at once, whichever of them turns it over.

    A line is one write at the end of the file, so that lines stay whole.
    """

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        stream.reconfigure(write_through=True)
        return stream

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802
        if self.stream is not None and not self._is_current(self.stream):
            self._reopen(self.stream)
        return super().shouldRollover(record)

    def doRollover(self) -> None:  # noqa: N802
        stream = cast("TextIOWrapper", self.stream)
        # Who locks the full file first turns it over; the others find that it has been done.
        held = os.dup(stream.fileno())
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            if self._is_current(stream):
                super().doRollover()
            else:
                self._reopen(stream)
        finally:
            os.close(held)

    def _is_current(self, stream: TextIOWrapper) -> bool:
        try:
            there = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(stream.fileno()))

    def _reopen(self, stream: TextIOWrapper) -> None:
        stream.close()
        self.stream = self._open()


def _named(name: str) -> Processor:
    """Put the name of this process on each line."""

    def put(
        _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        event.setdefault("worker", name)
        return event

    return put


def _finish(json: bool) -> list[Processor]:
    """The steps from an event to its line, the same for everybody's events."""
    render: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if json
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    return [
        ProcessorFormatter.remove_processors_meta,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
        render,
    ]


def redact(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Mask what must not be read, and make each value safe for one line.

    Masked are values under a name that speaks of a secret, at any depth, and the user part of
    URLs; `acs.model.Secret` masks itself.  Long texts are cut, control characters escaped.
    """
    return {key: _safe(key, value) for key, value in event.items()}


def _safe(name: str, value: object) -> object:
    match value:
        case bool() | None:
            return value
        case _ if _names_a_secret(name):
            return MASK
        case int() | float():
            return value
        case Mapping():
            return {str(key): _safe(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_safe(name, inner) for inner in value]
        case _:
            return _line(str(value), 10 * MAX_VALUE if name == "exception" else MAX_VALUE)


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return name != "event" and _SECRET_NAMES.search(name) is not None


def _line(text: str, limit: int) -> str:
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    if "://" in text:
        text = _USER_OF_URL.sub(MASK, text)
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text
        )
    return text


class OncePer:
    """Lets one line in ``seconds`` through for each key, and counts the others.

        if (skipped := self._flood(device)) is not None:
            log.warning("too many requests", device=device, skipped=skipped)

    ``clock`` gives seconds that only grow (`time.monotonic`).  At most ``keys`` keys are
    remembered, the oldest are forgotten first.
    """

    __slots__ = ("_clock", "_keys", "_seconds", "_seen")

    def __init__(self, seconds: float, clock: Callable[[], float], keys: int = 10_000) -> None:
        self._seconds = seconds
        self._clock = clock
        self._keys = keys
        self._seen: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def __call__(self, key: object) -> int | None:
        """Return how many were skipped since the last line of ``key``; None: skip this one too."""
        now = self._clock()
        since, skipped = self._seen.get(key, (now - self._seconds, 0))
        if now - since < self._seconds:
            self._seen[key] = (since, skipped + 1)
            return None
        self._seen[key] = (now, 0)
        self._seen.move_to_end(key)
        if len(self._seen) > self._keys:
            self._seen.popitem(last=False)
        return skipped
