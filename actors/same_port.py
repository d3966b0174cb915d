"""The port of a node that may have any: the one that it had before, if nobody else has it now.

Others look for a node where it was last. So nodes that all were down find each other again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import zmq

from simulacra.actors.private_files import replace_private

T = TypeVar("T")

_HIGHEST = 65535

logger = logging.getLogger(__name__)


def listen_again(file: Path, listen: Callable[[int], T], port_of: Callable[[T], int]) -> T:
    """Listen on the port that a file names, or on any.

    Args:
        file: holds the port; it is made, and is kept true.
        listen: listens on a port, 0 for any that is free.
        port_of: which port that was.

    Raises:
        zmq.ZMQError: there is none to listen on.
    """
    before = _read(file)
    if before:
        try:
            return listen(before)
        except zmq.ZMQError as error:
            logger.info("port %d, which was this node's, is taken: %s", before, error)
    made = listen(0)
    try:
        replace_private(file, f"{port_of(made)}\n")
    except OSError as error:
        logger.warning("this node's port is not kept for its next start: %s", error)
    return made


def _read(file: Path) -> int:
    """The port in a file; 0 where there is none, or nonsense."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        return 0
    return port if 0 < port <= _HIGHEST else 0
