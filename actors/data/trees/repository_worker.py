"""The thread that keeps the git repositories in a tree in step with other hosts'.

It has a thread of its own so that a long history holds up nothing else of the tree. It works in
rounds: after each round of the tree's worker it sees what is new in the repositories (`Looked`),
and it hears each host that says that something is new there (`RepositoryNews`), or of which
something could not be taken yet. Whatever is changed here is told to the others, and all is told
again each half minute, since news can be lost. Within one tree one repository is synced at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any, Final

from simulacra.actors.data.entries import Path, printable, shown
from simulacra.actors.data.git.command import STOPPING
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.repositories import Remote, Repositories
from simulacra.actors.data.trees.repository_conflicts import Conflict
from simulacra.actors.data.trees.repository_messages import RepositoryNews
from simulacra.actors.data.trees.retrying import Retrying

logger = logging.getLogger(__name__)

TOLD_AGAIN: Final = 30.0
_LET_GO: Final = 10.0
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Looked:
    """The tree's worker went through a round.

    Attributes:
        met: the repositories that its scan met.
        scans: how often all was looked at before.
        whole: whether this was one of those.
        brought: whether files came.
    """

    met: frozenset[Path] = frozenset()
    scans: int = 0
    whole: bool = False
    brought: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the repositories are on this host.

    Attributes:
        digest: of all; empty until they were looked at.
        scans: the tree's scans that were seen to.
        count: how many there are.
        heard: the digest of each host whose repositories were seen to.
        reasons: those that are left as they are, and why.
        conflicts: what is kept beside what is in its place.
        trouble: why nothing is done; empty otherwise.
    """

    digest: bytes = b""
    scans: int = 0
    count: int = 0
    heard: dict[str, bytes] = field(default_factory=dict)
    reasons: dict[Path, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    trouble: str = ""

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        reasons = list(self.reasons.items())[:_SHOWN]
        return {
            "digest": self.digest.hex(),
            "scans": self.scans,
            "count": self.count,
            "heard": {host: digest.hex() for host, digest in self.heard.items()},
            "held": {shown(path): printable(why) for path, why in reasons},
            "trouble": printable(self.trouble),
        }


@dataclass(frozen=True, slots=True)
class Pause:
    """Leave them as they are, or go on."""

    paused: bool


Event = Looked | RepositoryNews | Pause | None


class RepositoryWorker:
    """See the module; running from `start` to `close`.

    Args:
        repositories: of the tree.
        remote: another host's, by its name.
        hosts: the hosts that have the tree and are connected now.
        announce: tells a host the digest of what is here, and whether it is asked for its own.
        changed: told when something was set aside or made, for the tree's worker.
        paused: whether they are left as they are at first.
    """

    def __init__(
        self,
        repositories: Repositories,
        remote: Callable[[str], Remote],
        hosts: Callable[[], Sequence[str]],
        announce: Callable[[str, bytes, bool], None],
        changed: Callable[[], None],
        *,
        paused: bool = False,
    ) -> None:
        self.standing = Standing()
        self._repositories = repositories
        self._remote = remote
        self._hosts = hosts
        self._announce = announce
        self._changed = changed
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tree-repositories", daemon=True)
        # of the thread alone:
        self._news: dict[str, bytes] = {}
        self._looked: Looked | None = None
        self._paused = paused
        self._announced = b""
        self._announced_at = float("-inf")
        self._retrying = Retrying()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Say that something may have changed; never blocks."""
        self._events.put(event)

    def is_stopping(self) -> bool:
        """Whether it is to end."""
        return self._stopping.is_set()

    def close(self) -> None:
        """Stop; git is killed where it is at work, and goes on where it was the next time."""
        self._stopping.set()
        self.tell(None)
        if self._thread.ident is not None:
            self._thread.join(_LET_GO)
            if self._thread.is_alive():
                logger.warning("bytes of a git history are still on their way: they are left")

    # -- the thread

    def _run(self) -> None:
        STOPPING.set(self._stopping.is_set)
        while not self._stopping.is_set():
            self._hear_events()
            if self._paused or self._stopping.is_set():
                continue
            try:
                self._round()
            except Exception as error:  # whatever it is: it is shown, and tried again
                unknown = not isinstance(error, OSError)
                logger.warning("git repositories of a tree: %s", error, exc_info=unknown)
                self.standing = replace(self.standing, trouble=str(error))
                self._retrying.again()

    def _round(self) -> None:
        here, looked = self._repositories.here, self._looked
        if looked is not None:
            here.look(looked.met, whole=looked.whole)
            self._looked = None
            if looked.brought:
                here.refresh()
                self._retrying.done()
        if not here.digest:
            return  # Before the first look nothing is known to be deleted.
        heard = dict(self.standing.heard)
        before = here.paths
        undone = False
        for host in self._hosts():
            undone = not self._hear(host, heard) or undone
        if before != here.paths:
            self._changed()
        scans = looked.scans if looked is not None else self.standing.scans
        self.standing = Standing(
            here.digest,
            scans,
            len(here.paths),
            heard,
            self._repositories.reasons,
            tuple(here.conflicts()),
        )
        self._tell_others()
        if undone:
            self._retrying.again()
        else:
            self._retrying.done()

    def _hear(self, host: str, heard: dict[str, bytes]) -> bool:
        """Hear a host that has something new; whether there is nothing left to do."""
        repositories = self._repositories
        news = self._news.get(host)
        if news is None or (news == heard.get(host) and not repositories.is_waiting_for(host)):
            return True
        heard.pop(host, None)
        try:
            digest, seen_to = repositories.hear(self._remote(host))
        except MissingError as error:
            logger.info("git repositories of a tree: %s", error)
            return False
        self._news[host] = digest
        if seen_to:
            heard[host] = digest
        return seen_to and not repositories.is_waiting_for(host)

    def _tell_others(self) -> None:
        now, digest = time.monotonic(), self._repositories.here.digest
        if digest == self._announced and now - self._announced_at < TOLD_AGAIN:
            return
        for host in self._hosts():
            self._announce(host, digest, host not in self._news)
        self._announced, self._announced_at = digest, now

    # -- events

    def _hear_events(self) -> None:
        """Wait for something to happen, and take in all that did."""
        due = time.monotonic() + TOLD_AGAIN
        if not self._paused:
            due = min(due, self._retrying.at)
        try:
            self._take_in(self._events.get(timeout=max(0.0, due - time.monotonic())))
            while True:
                self._take_in(self._events.get_nowait())
        except Empty:
            return

    def _take_in(self, event: Event) -> None:
        match event:
            case RepositoryNews(host, digest, ask):
                self._news[host] = digest
                if ask and (digest := self._repositories.here.digest):
                    self._announce(host, digest, False)
            case Looked():
                self._looked = event if self._looked is None else _both(self._looked, event)
            case Pause(paused):
                self._paused = paused


def _both(one: Looked, other: Looked) -> Looked:
    """Two rounds of the tree's worker as one."""
    if other.whole:
        return replace(other, brought=one.brought or other.brought)
    return Looked(
        one.met | other.met,
        max(one.scans, other.scans),
        one.whole,
        one.brought or other.brought,
    )
