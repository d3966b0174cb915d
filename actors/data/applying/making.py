"""Having files staged and put by a process of its own, as who wants it sees it (see `maker`).

What a maker had made and did not tell is cleared up with what a kill leaves (`leftovers`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple

from simulacra.actors.data.applying.maker import receive, send
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.entries import ROOT, Attributes, Fingerprint, Path

# Without `site`, which takes as long as all else: what it finds is found already.
_BOOT: Final = (
    "import os, sys; sys.path[:] = sys.argv.pop(1).split(os.pathsep);"
    "from simulacra.actors.data.applying.maker import main; main()"
)

_ROOT: Final = str(FilePath(__file__).parents[4])  # where the package simulacra is


class Wanted(NamedTuple):
    """A file that is to be staged.

    Attributes:
        path: where it is to be.
        digest: of its bytes.
        offset: where they begin in the file that they are in.
        length: how many they are.
        attributes: what it is to have.
    """

    path: Path
    digest: bytes
    offset: int
    length: int
    attributes: Attributes


class Made(NamedTuple):
    """A file that was staged.

    Attributes:
        temporary: its name, in the folder of its path.
        fingerprint: what `stat` says of it.
        lacking: the extended attributes that the file system cannot keep.
    """

    temporary: bytes
    fingerprint: Fingerprint
    lacking: tuple[bytes, ...]


class Placed(NamedTuple):
    """A file that was put in its place.

    Attributes:
        fingerprint: what `stat` says of it; None where it may have been edited since.
    """

    fingerprint: Fingerprint | None


class Making:
    """A maker, from its start to `close`; used by the thread that started it.

    Args:
        root: the descriptor of the tree's root, which is locked.

    Attributes:
        is_lost: whether it has ended without being told to.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, root: int) -> None:
        self.is_lost = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            passed = theirs.fileno(), root
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own
                    [
                        *(sys.executable, "-S", "-P", "-c", _BOOT),
                        os.pathsep.join([*sys.path, _ROOT]),
                        *map(str, (os.getpid(), *passed)),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=passed,
                    start_new_session=True,
                )
            except BaseException:
                self._socket.close()
                raise

    @property
    def pid(self) -> int:
        """The maker's process id."""
        return self._process.pid

    def want(self, files: Sequence[Wanted], source: int) -> None:
        """Have files made, after those before; does not wait.

        Args:
            files: which.
            source: the descriptor of the file that their bytes are in; it may be closed then.

        Raises:
            RefusedError: the maker is gone.
        """
        plain = [(*each, has.mode, has.mtime_ns, has.xattrs) for *each, has in files]
        try:
            send(self._socket, plain, source)
        except OSError as error:
            raise self._lost() from error

    def made(self) -> list[Made | None]:
        """Wait for what was wanted longest ago: each file, or None where it was not made.

        Raises:
            RefusedError: the maker is gone.
        """
        return [
            None if each is None else Made(each[0], Fingerprint(*each[1]), each[2])
            for each in self._answer()
        ]

    def put(self, files: Sequence[Staged]) -> None:
        """Have files put where nothing is, after all that was wanted before; does not wait.

        Args:
            files: regular files; they are on the disk.

        Raises:
            RefusedError: the maker is gone.
        """
        plain = [(each.path, each.temporary, each.fingerprint) for each in files]
        try:
            send(self._socket, plain)
        except OSError as error:
            raise self._lost() from error

    def placed(self) -> list[Placed | None]:
        """Wait for what was to be put longest ago; None for each that is where it was staged.

        Raises:
            RefusedError: the maker is gone.
        """
        return [
            None if each is None else Placed(None if each[0] is None else Fingerprint(*each[0]))
            for each in self._answer()
        ]

    def _answer(self) -> Any:
        try:
            return receive(self._socket)[0]
        except (EOFError, OSError) as error:
            raise self._lost() from error

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._socket.close()
        self._process.wait()

    def _lost(self) -> RefusedError:
        self.is_lost = True
        return RefusedError(Reason.FAILED, ROOT, "the process that makes its files was killed")
