"""The user's wish to stop, by Ctrl-C: once, and what runs may end; twice, and it is ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from simulacra.hosts.deploy.children import Children
from simulacra.hosts.deploy.progress import Progress

_STOPPING: Final = "stopping when what runs has ended; once more, and it is ended at once"


@contextmanager
def stopped(
    stopping: threading.Event, readers: Children, children: Children, progress: Progress
) -> Iterator[None]:
    """Take the user's wish to stop.

    Args:
        stopping: set then.
        readers: what they run changes nothing, and is ended at once.
        children: what they run may end first; the second time it is ended.
        progress: is told.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        again = stopping.is_set()
        stopping.set()
        # A handler must not wait for a lock that the thread below it may hold.
        threading.Thread(target=end, args=(again,)).start()

    def end(again: bool) -> None:
        if not again:
            progress.message(_STOPPING)
            readers.end()
        else:
            children.end()

    before: dict[int, Any] = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
