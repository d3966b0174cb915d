"""What the commands of ``lab`` share: which lab is meant, what it refuses, and how it is shown."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cyclopts import Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.testing.lab import LabError, RunningLab, attach, why_not


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which lab.

    Attributes:
        lab: The lab's name, where several run.
        json: Print the lab's state as JSON, also for an error.
    """

    lab: str = "lab"
    json: bool = False


WHICH: Final = Which()


@contextlib.contextmanager
def opened(which: Which) -> Iterator[RunningLab]:
    """The lab that is meant, which runs."""
    with refusals():
        check()
        yield attach(which.lab)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Say what a lab refuses as the command line does."""
    try:
        yield
    except LabError as error:
        raise GatewayError(ErrorCode.FAILED, str(error.args[0]), error.hint) from error


def check() -> None:
    """Refuse where there can be no lab.

    Raises:
        GatewayError: ``denied`` without root, ``failed`` where a tool is missing.
    """
    reason = why_not()
    if reason is None:
        return
    if os.geteuid() != 0:
        raise GatewayError(ErrorCode.DENIED, reason, "sudo simulacra lab up 5")
    raise GatewayError(ErrorCode.FAILED, *reason.split(": ", 1))


def show(lab: RunningLab, which: Which) -> None:
    """Show the state after a change."""
    if which.json:
        output.document(lab.status())
        return
    for line in lab.status()["links"]:
        output.message(line)
