"""A worker: the process in which one computation's code runs, a child of the `forkserver`.

The process first becomes a guard and its child (see `guard`); the child reads Start from its
channel, after Coming where its state is on the way, loads the code, answers Ready or Failed, runs,
and answers Result or Error. The main thread runs user code, one more thread reads the channel.
After the result the interpreter ends as always, so that files are flushed; the node sees to it that
a thread left behind cannot hold it. An error is reported as text, never as an object.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
from typing import Final

from simulacra.actors.compute.channel import Channel
from simulacra.actors.compute.context import Context
from simulacra.actors.compute.guard import guard
from simulacra.actors.compute.messages import Coming, Error, Failed, Ready, Result, Start
from simulacra.actors.compute.port import Port, StoppedError
from simulacra.actors.compute.program import LoadError, Program
from simulacra.actors.compute.snapshot import Snapshot
from simulacra.actors.compute.spec import Limits, Spec
from simulacra.actors.compute.values import CannotPackError, pack
from simulacra.actors.compute.warming import settle, warm
from simulacra.actors.error_text import error_text

# Large pages for large objects, the state above all: to fill 100 MB of fresh memory page by page
# takes three times as long as to copy it. For the forkserver alone: what a worker starts has the
# environment of its node.
MALLOC: Final = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
TEXT_LIMIT: Final = 4096
TRACEBACK_LIMIT: Final = 64 * 1024
DATA_SLACK: Final = 64 * 2**20


def run(control: socket.socket, channel: socket.socket, *, terminal: bool) -> None:
    """Become a guard and its worker; returns in the worker, when all is said.

    Args:
        control: the guard's end of the control socket.
        channel: the worker's end of the channel.
        terminal: whether standard input is a terminal, to be its own.
    """
    guard(control, terminal=terminal)
    # What is printed is seen at once, though it goes to a pipe.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _work(Channel(channel))


def _work(channel: Channel) -> None:
    is_warm = False
    while isinstance(start := channel.receive(), Coming):
        warm(start.size)
        is_warm = True
    if not isinstance(start, Start):
        raise TypeError(f"a worker begins with Start, not {type(start).__name__}")
    spec = Spec.from_plain(start.spec)
    apply_rlimits(spec.limits)
    port = Port(channel)
    try:
        program = Program(spec)
        snapshot = Snapshot() if start.fd is None else Snapshot.read(start.fd)
    except Exception as error:  # noqa: BLE001 - user code is loaded: it may raise anything
        port.send(Failed(*describe(error)))
        return
    if is_warm:
        settle()
    ctx = Context(
        port,
        snapshot,
        name=start.name,
        host=start.host,
        args=program.args,
        checkpoint_every=spec.checkpoint_every,
    )
    port.send(Ready(os.getpid()))
    try:
        value = program.run(ctx, snapshot)
        port.send(Result(pack(value, "the result"), repr(value)[:TEXT_LIMIT]))
    except StoppedError:
        return
    except SystemExit as error:
        port.send(_of_exit(error))
    except BaseException as error:  # noqa: BLE001 - user code may raise anything
        port.send(Error(*describe(error)))


def _of_exit(error: SystemExit) -> Result | Error:
    """``sys.exit()`` and ``sys.exit(0)`` are a normal end without a value."""
    if error.code in (None, 0):
        return Result(pack(None), "None")
    return Error(*describe(error))


def apply_rlimits(limits: Limits) -> None:
    """Limits that the kernel holds for each process; the node adds those of all together."""
    if limits.memory is not None:
        size = limits.memory + DATA_SLACK
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    if limits.cpu is not None:
        seconds = int(limits.cpu) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def describe(error: BaseException) -> tuple[str, str, str]:
    """An error as (class name, text, traceback text), without this module's own frames."""
    import traceback  # noqa: PLC0415 - only when something went wrong

    if isinstance(error, LoadError | CannotPackError):
        return type(error).__name__, str(error), ""
    frames = traceback.extract_tb(error.__traceback__)
    own = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is not needed for this
    first = next((i for i, f in enumerate(frames) if not f.filename.startswith(own)), 0)
    lines = traceback.format_list(frames[first:]) + traceback.format_exception_only(error)
    return type(error).__name__, error_text(error)[:TEXT_LIMIT], "".join(lines)[-TRACEBACK_LIMIT:]
