"""Programs that a deploy runs: each in a session of its own, with an end, and all endable at once.

The user's Ctrl-C reaches this program alone, which lets them end, or ends them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GRACE: Final = 5.0
_PAUSE: Final = 0.05
_SAID: Final = 400

_HOLDER: Final = ("/bin/sh", "-c", 'trap : TERM; "$@"; exit $?', "sh")
"""Runs a program, and holds what that closes until it ends, also where it takes its time to."""


class ChildError(Exception):
    """A program failed; the text says which, how, and what it said last."""


class EndedError(ChildError):
    """A program was ended by the user, or not started for that."""


@dataclass(frozen=True)
class Done:
    """A program that ended.

    Attributes:
        code: its exit code; negative for a signal.
        out: what it wrote to stdout.
        said: the end of what it wrote to stderr.
    """

    code: int
    out: str
    said: str


class Children:
    """Runs programs, and ends those that run.

    Args:
        holding: descriptors that they are to hold while they run.
    """

    def __init__(self, holding: tuple[int, ...] = ()) -> None:
        self._holding = holding
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def run(
        self,
        words: Sequence[str],
        *,
        timeout: float,
        text: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        closes: bool = False,
    ) -> Done:
        """Run a program and wait for it.

        Args:
            words: it, and its arguments.
            timeout: seconds, then it is ended.
            text: its input.
            cwd: where it runs; here if left out.
            env: added to the environment.
            log: a file that all it says goes to as well.
            closes: whether it closes what it is to hold: then a shell holds it meanwhile.

        Raises:
            EndedError: `end` was called.
            ChildError: it cannot be started, or took too long.
        """
        process = self._start(words, cwd, env, closes=closes)
        try:
            out, err = process.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            out, err = process.communicate()
            _keep(log, words, out, err)
            raise ChildError(
                f"{words[0]} took longer than {timeout:.0f} s, and was ended"
            ) from None
        finally:
            with self._lock:
                self._running.discard(process)
        _keep(log, words, out, err)
        # What succeeded all the same has done what it was to do.
        if self._ended and process.returncode:
            raise EndedError(f"{words[0]} was ended")
        return Done(process.returncode, out, _last(err))

    def output(self, words: Sequence[str], **options: object) -> str:
        """Run a program that is to succeed, as `run` does, and return what it wrote.

        Raises:
            ChildError: it failed.
        """
        done = self.run(words, **options)  # type: ignore[arg-type]
        if done.code:
            raise ChildError(f"{words[0]} ended with {done.code}: {done.said or 'it said nothing'}")
        return done.out

    @property
    def running(self) -> int:
        """How many run."""
        with self._lock:
            return len(self._running)

    def end(self) -> None:
        """End all that run, which may take some seconds; nothing can be run any more."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while self.running and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        with self._lock:
            for process in self._running:
                _signal(process, signal.SIGKILL)

    def _start(
        self,
        words: Sequence[str],
        cwd: Path | None,
        env: Mapping[str, str] | None,
        *,
        closes: bool,
    ) -> subprocess.Popen[str]:
        holder = _HOLDER if closes and self._holding else ()
        with self._lock:
            if self._ended:
                raise EndedError(f"{words[0]} was not started: the deploy was ended")
            try:
                process = subprocess.Popen(  # noqa: S603 (words of our own, and no shell)
                    [*holder, *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                    pass_fds=self._holding,
                )
            except OSError as error:
                raise ChildError(f"{words[0]} cannot be run: {error.strerror}") from error
            self._running.add(process)
            return process


def _end(process: subprocess.Popen[str]) -> None:
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal to a program and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _keep(log: Path | None, words: Sequence[str], out: str, err: str) -> None:
    if log is not None:
        with log.open("a") as file:
            file.write(f"$ {' '.join(words[:6])}\n{out}{err}")


def _last(text: str) -> str:
    """The last lines that were said, in one."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-_SAID:]
