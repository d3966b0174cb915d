"""The guard: a small parent of user processes that lets none of them survive.

A guard runs one program and everything that program starts. It is their subreaper, so that even a
process that made itself a daemon comes back to it. It ends when the program ends or when its
control socket closes, which the node's death does, whatever else hangs; before that it kills and
reaps all that is left. The program asks the kernel to be killed when its guard is.

The guard waits for one byte over the control socket before the program starts: by then it is in
the cgroup that it is to be in, and so is all that it starts. Then, lines: the guard says ``pid N``
once the program has its process group and its terminal, and at last ``exit STATUS`` (as from
waitpid); the node says ``signal N``, which goes to that group. A closed socket means kill. As the
guard alone reaps, a signal never meets a pid that was given to somebody else.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_REAP_EVERY_MS: Final = 1000
_ORDINARY: Final = (
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM),
    *(signal.SIGPIPE, signal.SIGXFSZ),
)
NICE: Final = 5
GO: Final = b"!"


def guard(control: socket.socket, *, terminal: bool = False) -> None:
    """Fork: returns in the child, which is the program to be; the parent guards and never returns.

    Args:
        control: the guard's end of the control socket.
        terminal: whether standard input is the child's controlling terminal.
    """
    adopt_orphans()
    if not control.recv(len(GO)):
        os._exit(0)  # the node is gone, or wants it no more
    guard_pid = os.getpid()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        control.close()
        os.close(read)
        _become_program(guard_pid, terminal=terminal)
        os.close(write)
        return
    os.close(write)
    os.read(read, 1)  # nothing comes, but its end: a signal or a key meets the program from now on
    _close_all_but(control.fileno())
    _watch(control, pid)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parents end, daemons too."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _become_program(guard_pid: int, *, terminal: bool) -> None:
    os.setsid()
    if terminal:
        import fcntl  # noqa: PLC0415 - only commands with a terminal need it
        import termios  # noqa: PLC0415

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard_pid:
        os.kill(os.getpid(), signal.SIGKILL)  # the guard was gone before we asked
    os.nice(NICE)


def _watch(control: socket.socket, pid: int) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control.send(f"pid {pid}\n".encode())
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll(_REAP_EVERY_MS)}
        if ended in ready:
            break
        if control.fileno() in ready and not _obey(control, pid):
            break
        _reap_orphans(pid)
    status = _end_all(pid)
    with contextlib.suppress(OSError):  # the node may be gone
        control.send(f"exit {status}\n".encode())
    os._exit(0)


def _obey(control: socket.socket, pid: int) -> bool:
    """Carry out orders; False when the socket is closed."""
    try:
        orders = control.recv(4096)
    except OSError:
        return False
    for order in orders.decode().splitlines():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, int(order.removeprefix("signal ")))
    return bool(orders)


def _reap_orphans(pid: int) -> None:
    """Reap what has come to us by its parent's death; the program itself is left to `_end_all`."""
    for child in _children():
        if child != pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)


def _end_all(pid: int) -> int:
    """Kill and reap everything; the program's wait status."""
    result = 0
    while True:
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                # An ended program is not yet reaped, so its own status stays what it was.
                os.kill(child, signal.SIGKILL)
        try:
            child, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return result
        if child == pid:
            result = status


def _children() -> list[int]:
    # pathlib would be a fifth of what this process imports.
    with open("/proc/thread-self/children", encoding="ascii") as file:  # noqa: PTH123
        return [int(pid) for pid in file.read().split()]


def _close_all_but(kept: int) -> None:
    """Hold nothing open that the program has, so that its end is seen by who reads from it."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, kept)
    os.closerange(kept + 1, 65536)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    """Run a command: ``guard.py CONTROL_FD TERMINAL ARGV...``.

    As shells have it, it ends with 127 if there is no such program, with 126 if it cannot be run.
    """
    # Python ignores or handles some of them, and a node that was started in the background ignores
    # others; execve keeps what is ignored, and a signal may come before it.
    for number in _ORDINARY:
        signal.signal(number, signal.SIG_DFL)
    terminal = sys.argv[2] == "1"
    guard(socket.socket(fileno=int(sys.argv[1])), terminal=terminal)
    argv = sys.argv[3:]
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the command is the user's
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - its output
        os._exit(127 if isinstance(error, FileNotFoundError) or not _exists(argv[0]) else 126)


def _exists(program: str) -> bool:
    """Whether it is one in a folder of the PATH; one that is said by its path is taken for it."""
    import shutil  # noqa: PLC0415 - nearly no guard needs it

    return "/" in program or shutil.which(program, os.F_OK) is not None


if __name__ == "__main__":
    main()
