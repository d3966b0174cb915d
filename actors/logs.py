"""A node's own log: one line an event, with the host and the actor, bounded when it goes to a file.

A node in the background has a file as its standard error. The log then takes turns with one older
file, ``NAME.1``, each up to `LIMIT` bytes; a terminal or a pipe gets lines without end.
"""

from __future__ import annotations

import logging
import os
import stat
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from simulacra.actors.runtime.futures import current

LIMIT: Final = 8 * 2**20
STDERR: Final = 2
_FORMAT: Final = "%(asctime)s %(levelname)s %(host)s %(actor)s %(name)s: %(message)s"


def configure(host: str, descriptor: int = STDERR) -> Path | None:
    """Send all logging to a descriptor.

    Args:
        host: the node's name.
        descriptor: where to; standard error unless said.

    Returns:
        The file that it is, if it is one.
    """
    file = file_of(descriptor)
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        handler = RotatingFileHandler(file, maxBytes=LIMIT, backupCount=1)
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(_Who(host))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return file


class _Who(logging.Filter):
    """Adds the host, and the actor in whose thread the event is."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def filter(self, record: logging.LogRecord) -> bool:
        cell = getattr(current, "cell", None)
        record.host = self._host
        record.actor = "-" if cell is None else cell.name or f"#{cell.id}"
        return True


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
