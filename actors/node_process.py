"""A process that is a node, until it is told to stop."""

from __future__ import annotations

import faulthandler
import gc
import logging
import signal
from typing import Final

from simulacra.actors import logs
from simulacra.actors.compute import cgroups
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.node import Node
from simulacra.actors.settings import Settings

logger = logging.getLogger(__name__)

_GARBAGE: Final = 20_000
"""Objects that are made between two searches for garbage: of the many of a tree none is any."""


def run(settings: Settings) -> None:
    """Run this machine's node until it is told to stop, by `down`, SIGTERM or SIGINT.

    Raises:
        GatewayError: it cannot be started, or its tree ended.
    """
    logs.configure(settings.name, as_json=settings.log == "json")
    faulthandler.register(signal.SIGUSR1)
    cgroups.use()
    gc.set_threshold(_GARBAGE)
    with Node(settings) as node:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: node.stopping.set())
        address = node.neighbours.address()
        logger.info("node %s is up; others reach it at %s", settings.name, address)
        while not node.stopping.wait(1.0):
            pass  # a signal that came to another thread is handled when the main one wakes up
    if node.failure is not None:
        raise GatewayError(
            ErrorCode.FAILED,
            f"the node's actors failed again and again: {node.failure}",
            "its log says more; start it again, its computations go on: simulacra up",
        )
