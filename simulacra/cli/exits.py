"""How the command line ends: every exit code it has, and which failure ends in which."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode


class ExitCode(IntEnum):
    """The exit codes of ``simulacra``; ``run``, and ``spawn --wait`` of a command, have others."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNPLACEABLE = 3
    UNREACHABLE = 4
    NOT_FOUND = 5
    DENIED = 77
    TIMED_OUT = 124
    WRAPPER_FAILED = 125
    """Simulacra failed around a command whose own exit code was asked for."""
    INTERRUPTED = 130


_OF: Final = {
    ErrorCode.FAILED: ExitCode.FAILED,
    ErrorCode.USAGE: ExitCode.USAGE,
    ErrorCode.UNPLACEABLE: ExitCode.UNPLACEABLE,
    ErrorCode.UNREACHABLE: ExitCode.UNREACHABLE,
    ErrorCode.NOT_FOUND: ExitCode.NOT_FOUND,
    ErrorCode.DENIED: ExitCode.DENIED,
    ErrorCode.TIMED_OUT: ExitCode.TIMED_OUT,
}


def exit_code(code: ErrorCode) -> ExitCode:
    """Return the exit code of a failure."""
    return _OF[code]
