"""Who reads for a node: its standing reader, or for a while the thread that the mail is for.

To hand a message from the thread that reads to the thread that waits for it costs a wake, a quarter
of what an ask takes. So when the mail of a moment is all for one thread, that thread reads for the
node while it waits, as in the pattern leader/followers:

- One thread at a time holds the *helm* and reads.
- The standing reader reads until `STREAK` messages in a row, each within `NAP` of the one before,
  woke the same thread, the *heir*. Then it lets go of the helm and naps.
- The heir, when it has to wait and the helm is free, takes it, reads one message, whoever it is
  for, and lets go. If that did not wake itself, somebody else has mail too: it calls the standing
  reader and waits as others do.
- The standing reader takes the helm again when it is called, or when nobody took it during a nap;
  out of the hands of an heir that waits long for a message, if need be.

So whenever nobody reads, the standing reader naps, and what comes waits two naps at most. A busy
heir costs others no more than that once, and an idle node costs nothing: its standing reader reads.

A main thread is never an heir: an interrupt could strike it in the middle of a message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import TIMEOUT_MAX, get_ident
from time import monotonic
from typing import Final

NAP: Final = 0.002
STREAK: Final = 8

_MAIN: Final = threading.main_thread().ident

_reading: Final[dict[int, Turns]] = {}  # by thread: for whom it reads now
_here: Final = threading.local()
_heirs: Final[dict[int, Turns]] = {}  # by thread: for whom it may read while it waits


def serves_many() -> bool:
    """Whether this thread reads for its node now, or never waits, and so may wait for nobody."""
    return get_ident() in _reading or getattr(_here, "never_waits", False)


def never_wait() -> None:
    """From now on this thread waits for no peer: what one cannot take at once is refused."""
    _here.never_waits = True


class Sleeper:
    """Where a thread waits until another wakes it; an heir reads meanwhile.

    Each wake ends one sleep, this one or the next; there must not be two wakes without a sleep that
    ended between them.
    """

    __slots__ = ("lock", "thread", "turns")

    def __init__(self) -> None:
        self.lock = threading.Lock()  # free when woken
        self.lock.acquire()
        self.thread = 0
        self.turns: Turns | None = None  # for which its thread reads now

    def sleep(self, timeout: float | None = None) -> bool:
        """Wait to be woken; False when that did not happen within ``timeout`` seconds."""
        if timeout is not None and timeout > TIMEOUT_MAX:  # more than a lock can wait: for ever
            timeout = None
        self.thread = me = get_ident()
        turns = _heirs.get(me)
        if turns is not None:
            began = monotonic()
            if turns.take(self, timeout):
                return True
            if timeout is not None:
                timeout -= monotonic() - began
        return self.lock.acquire(True, -1 if timeout is None else max(timeout, 0))

    def wake(self) -> None:
        """Wake the thread that sleeps here, or is going to."""
        self.lock.release()
        turns = _reading.get(get_ident())
        if turns is not None:
            turns.woken = self.thread
        led = self.turns
        if led is not None and led is not turns:
            led.knock()


class Turns:
    """The turns at one node's socket.

    Args:
        read: waits for one message and handles it. It returns early, with nothing read, after a
            knock or the given seconds (None: never). False when there will be no more to read.
        knock: makes whoever is in ``read``, or comes next, return early; called from any thread.

    Attributes:
        knock: as given.
        woken: the thread that the message in hand woke last, 0 for none.
    """

    def __init__(self, read: Callable[[float | None], bool], knock: Callable[[], None]) -> None:
        self.knock = knock
        self.woken = 0
        self._read = read
        self._helm = threading.Lock()
        self._call = threading.Lock()  # free when the standing reader is called
        self._led = 0  # how often an heir took the helm

    def stand(self) -> None:
        """The standing reader's life, until there is no more to read.

        It ends holding the helm: nobody reads any more.
        """
        _reading[get_ident()] = self
        try:
            self._helm.acquire()
            while (heir := self._find_heir()) is not None:
                self._step_aside(heir)
        finally:
            del _reading[get_ident()]

    def _find_heir(self) -> int | None:
        """Read until all mail is for one thread; None when there will be no more."""
        streak, last, before = 0, 0, 0.0
        while streak < STREAK:
            self.woken = 0
            if not self._read(None):
                return None
            woken, now = self.woken, monotonic()
            same = woken == last and woken not in (0, _MAIN)
            streak = streak + 1 if same and now - before < NAP else 0
            last, before = woken, now
        return last

    def _step_aside(self, heir: int) -> None:
        """Leave the helm to an heir as long as it makes use of it."""
        self._call.acquire(False)
        _heirs.setdefault(heir, self)  # of two nodes in one process it reads for the first
        self._helm.release()
        led = -1
        while led != self._led:
            led = self._led
            if self._call.acquire(timeout=NAP):
                break
        if _heirs.get(heir) is self:
            del _heirs[heir]
        if not self._helm.acquire(False):
            self.knock()
            self._helm.acquire()

    def take(self, sleeper: Sleeper, timeout: float | None) -> bool:
        """Read one message if nobody else reads; whether ``sleeper`` was woken."""
        me = sleeper.thread
        if me in _reading or not self._helm.acquire(False):
            return False
        self._led += 1
        _reading[me] = sleeper.turns = self
        is_woken = sleeper.lock.acquire
        woken = False
        try:
            # Not before `turns` is set: who wakes it earlier than that does not knock.
            woken = is_woken(False) or (self._read(timeout) and is_woken(False))
        finally:
            del _reading[me]
            sleeper.turns = None
            if not woken and self._call.locked():
                self._call.release()
            self._helm.release()
        return woken
