r"""A node's own log: one line an event, or one JSON object, bounded when it goes to a file.

Each says the host, the actor, the computation that it is about and the trace id of the request that
it comes from, where there is one. What has several lines, as a traceback, is one all the same: line
ends are written as ``\n``.

A node in the background has a file as its standard error. The log then takes turns with one older
file, ``NAME.1``, each up to `LIMIT` bytes; a terminal or a pipe gets lines without end.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import get_ident
from typing import Final

from simulacra.actors import tracing
from simulacra.actors.runtime.futures import cells

LIMIT: Final = 8 * 2**20
STDERR: Final = 2


def configure(host: str, descriptor: int = STDERR, *, as_json: bool = False) -> Path | None:
    """Send all logging to a descriptor.

    Args:
        host: the node's name.
        descriptor: where to; standard error unless said.
        as_json: whether each event is a JSON object.

    Returns:
        The file that it is, if it is one.
    """
    file = file_of(descriptor)
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        handler = RotatingFileHandler(file, maxBytes=LIMIT, backupCount=1)
    handler.setFormatter(_Objects() if as_json else _Lines())
    handler.addFilter(_Who(host))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return file


class _Who(logging.Filter):
    """Adds the host, and the actor in whose thread the event is, with what that works at."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def filter(self, record: logging.LogRecord) -> bool:
        cell = cells.get(get_ident())
        record.host = self._host
        record.actor = "-" if cell is None else cell.name or f"#{cell.id}"
        record.computation = tracing.computation()
        record.trace = tracing.current()
        return True


class _Lines(logging.Formatter):
    """TIME LEVEL HOST ACTOR [COMPUTATION] [trace=ID] LOGGER: TEXT."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(host)s %(actor)s %(about)s%(name)s: %(message)s"
        )

    def format(self, record: logging.LogRecord) -> str:
        said = record.__dict__
        trace = f"trace={said['trace']}" if said["trace"] else ""
        record.about = "".join(f"{part} " for part in (said["computation"], trace) if part)
        return super().format(record).replace("\n", "\\n")


class _Objects(logging.Formatter):
    """One JSON object; what is not known is left out."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.__dict__
        event = {
            "time": record.created,
            "level": record.levelname,
            **{key: said[key] for key in ("host", "actor", "computation", "trace")},
            "logger": record.name,
            "message": record.getMessage(),
            "traceback": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({key: value for key, value in event.items() if value not in ("", "-")})


def current_file() -> Path | None:
    """The file that the log goes to now, if it goes to one.

    The file that standard error is open on is another one as soon as they have taken turns.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RotatingFileHandler):
            return Path(handler.baseFilename)
    return None


def file_of(descriptor: int) -> Path | None:
    """The regular file that a descriptor is open on, if it is one."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return None
