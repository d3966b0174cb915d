"""What a computation prints, for those who read it: at once, or when there is more.

Output is written in the worker's thread and read in the computation's actor; a reader that waits is
answered when something comes, when it is over, or after a look or two with nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulacra.actors.compute.computing import Output, ReadOutput
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.runtime.futures import Reply

_READERS: Final = 256


class Showing:
    """The output of one computation, and who waits for more of it.

    Args:
        dossier: of the computation.
        path: the file that keeps it.
        limit: bytes kept.
        grew: called in the worker's thread when there is more and somebody waits.

    Attributes:
        log: where the worker writes.
    """

    def __init__(self, dossier: Dossier, path: Path, limit: int, grew: Callable[[], None]) -> None:
        self._dossier = dossier
        self._grew = grew
        self._readers: list[tuple[Reply, ReadOutput]] = []
        self.log: Final = OutputLog(path, limit, self._written)

    def _written(self) -> None:
        if self._readers:
            self._grew()

    def note(self, text: str) -> None:
        """Write a line of Simulacra's own."""
        self.log.write(f"[simulacra] {text}\n".encode())

    def read(self, request: ReadOutput, reply: Reply) -> None:
        """Answer a reader, now or later."""
        if len(self._readers) >= _READERS:
            self.answer(all_of_them=True)
        self._readers.append((reply, request))
        self.answer()

    def answer(self, *, all_of_them: bool = False) -> None:
        """Answer the readers for whom there is something, or all of them."""
        waiting, over, epoch = [], self._dossier.is_over, self._dossier.epoch
        for reply, request in self._readers:
            data, after = self.log.read_after(request.after, request.limit)
            if data or over or all_of_them or not request.wait:
                lost = max(0, after - len(data) - request.after) if request.after >= 0 else 0
                reply.set(Output(data, after, lost, over and not data, epoch))
            else:
                waiting.append((reply, request))
        self._readers = waiting

    def close(self) -> None:
        """Answer everybody, and close the file."""
        self.answer(all_of_them=True)
        self.log.close()
