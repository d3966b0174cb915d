"""Good night: the work leaves, the others are told, and the machine is suspended or switched off.

The node stays up over a suspend and tells the others when the machine is awake again; before it is
switched off the node ends. The programs that do it are the user's choice (setting ``sleep``), and
are started without a shell.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.members import State
from simulacra.hosts.provision.leaving import Leaving, Left
from simulacra.hosts.provision.resting import EVERY, Rest

if TYPE_CHECKING:
    from simulacra.actors.node import Node

logger = logging.getLogger(__name__)

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "suspend": ("systemctl", "suspend"),
    "poweroff": ("systemctl", "poweroff"),
}
_REFUSED_WITHIN: Final = 1.0
"""Seconds within which a program that may not do it says so."""
_SAID: Final = 500


class Bedtime:
    """See the module; safe from any thread.

    Args:
        node: this host's.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._going = threading.Lock()
        self._watch: threading.Thread | None = None

    def go(self, how: str, within: float, *, force: bool) -> dict[str, Any]:
        """Sleep; as `GoToSleep` is answered."""
        if not self._going.acquire(blocking=False):
            return _told(Left(), "it is at it already")
        try:
            words = {**COMMANDS, **self._node.settings.sleep}.get(how, ())
            problem = _cannot(how, words)
            if problem or self._node.resting:
                return _told(Left(), problem or self._node.resting)
            return self._go(how, words, within, force=force)
        finally:
            self._going.release()

    def _go(self, how: str, words: Sequence[str], within: float, *, force: bool) -> dict[str, Any]:
        self._node.resting = f"{self._here} is going to sleep"
        left, problem = Left(), "it failed on the way to sleep"
        try:
            left = Leaving(self._node).leave(within)
            if left.stays and not force:
                problem = "not all of its work can leave"
            else:
                self._say_good_night()
                problem = self._run(how, words)
        finally:
            if problem:
                self._stay_awake(problem)
        return _told(left, problem)

    def _say_good_night(self) -> None:
        self._node.parting = State.ASLEEP
        self._node.cluster.hand_over(f"{self._here} goes to sleep")
        self._node.cluster.declare(State.ASLEEP)

    def _stay_awake(self, why: str) -> None:
        self._node.parting = State.DETACHED
        self._node.resting = ""
        self._node.cluster.declare(State.UP)
        self._node.events.add("host.awake", self._here, f"{self._here} is awake: {why}")

    def _run(self, how: str, words: Sequence[str]) -> str:
        """Have the machine sleep; why it does not, else nothing."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - the user's own settings name it
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            rest = Rest(_now())
            try:
                code = process.wait(_REFUSED_WITHIN)
            except subprocess.TimeoutExpired:
                code = 0
            if code:
                return f"{' '.join(words)} ended with {code}: {_tail(said)}"
        if how == "poweroff":
            self._node.stopping.set()
        else:
            self._watch = threading.Thread(
                target=self._rest, args=(process, rest), name=f"rest@{self._here}", daemon=True
            )
            self._watch.start()
        return ""

    def _rest(self, process: subprocess.Popen[bytes], rest: Rest) -> None:
        """In a thread of its own: until the machine is awake for certain."""
        while not self._node.stopping.wait(EVERY):
            why = rest.look(_now(), asked=process.poll() is None)
            if why is not None:
                logger.info("%s is awake: %s", self._here, why)
                self._stay_awake(why)
                return

    def close(self) -> None:
        """Watch no more: the node ends."""
        if self._watch is not None:
            self._watch.join(2 * EVERY)

    @property
    def _here(self) -> str:
        return self._node.settings.name


def _cannot(how: str, words: Sequence[str]) -> str:
    if not words:
        return f"it does not know how to {how}"
    if shutil.which(words[0]) is None:
        return f"there is no program {words[0]} on it, which the setting sleep.{how} names"
    return ""


def _told(left: Left, problem: str = "") -> dict[str, Any]:
    return {"sleeps": not problem, "problem": problem, **asdict(left)}


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, 2)
    said.seek(max(0, size - _SAID))
    return said.read().decode(errors="replace").strip() or "it says nothing"


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
