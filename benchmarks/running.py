"""A contender's process, seen from the harness: the other end of `benchmarks.program`.

Every wait has a deadline. What a contender leaves behind (Thespian's admin makes itself a
daemon) falls to the harness, as its subreaper, and `no_orphans` ends it.
"""

import ctypes
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.case import Contender
from benchmarks.program import READY

START_SECONDS = 60.0
_EXIT_SECONDS = 10.0
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ROOT = Path(__file__).resolve().parent.parent


class ContenderError(Exception):
    """A contender died, fell silent, or said something that is no sample."""


class Running:
    """A started contender; a context manager that ends it.

    Raises:
        ContenderError: from entering or `sample`, with the end of the program's own errors.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._buffer = b""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._contender.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            cwd=_ROOT,
        )
        try:
            self._await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def sample(self) -> float:
        """Takes one sample over the contender's amount of operations, in the case's unit."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"%d\n" % self._contender.amount)
        except BrokenPipeError:
            raise self._error("ended") from None
        line = self._line(self._contender.patience)
        try:
            return float(json.loads(line))
        except (TypeError, ValueError):
            raise self._error(f"said {line!r}, which is no sample") from None

    def _await_ready(self) -> None:
        if (line := self._line(START_SECONDS)) != READY:
            raise self._error(f"said {line!r} where {READY!r} was due")

    def _line(self, seconds: float) -> str:
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._error(f"was silent for {seconds:g} s")
                if not (read := os.read(self._process.stdout.fileno(), 65536)):
                    raise self._error("ended")
                self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace").strip()

    def _error(self, what: str) -> ContenderError:
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return ContenderError(": ".join([f"{self._contender.name} {what}", *last]))

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_EXIT_SECONDS)
        self._process.stdout.close()
        self._errors.close()


@contextmanager
def no_orphans() -> Iterator[None]:
    """Ends, on leaving, every process that was started within and has outlived its parent."""
    _be_subreaper(True)
    before = set(psutil.Process().children(recursive=True))
    try:
        yield
    finally:
        left = set(psutil.Process().children(recursive=True)) - before
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=_EXIT_SECONDS)
        _be_subreaper(False)


def _be_subreaper(wanted: bool) -> None:
    """Makes this process the one that orphans among its descendants fall to (Linux), or not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")
