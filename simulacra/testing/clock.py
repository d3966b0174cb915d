"""A clock that stands still until it is told to move.

Actions are run in the order of their times; of two with the same time the one scheduled first
runs first. An action may schedule others, also for the time that it runs at.
"""

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """An action that a `VirtualClock` will run once, unless it is cancelled before."""

    __slots__ = ("_action", "when")

    def __init__(self, when: float, action: Callable[[], object]) -> None:
        self.when = when
        self._action: Callable[[], object] | None = action

    @property
    def active(self) -> bool:
        """Whether the action is still to come."""
        return self._action is not None

    def cancel(self) -> None:
        """Drop the action; does nothing when it has run or was cancelled."""
        self._action = None

    def fire(self) -> None:
        """Run the action now, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class VirtualClock:
    """Time in seconds, and what is to happen when.

    Args:
        start: the time shown at first.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._queue: list[tuple[float, int, Timer]] = []
        self._serial = count()

    @property
    def now(self) -> float:
        """The time shown, in seconds."""
        return self._now

    def call_at(self, when: float, action: Callable[[], object]) -> Timer:
        """Schedule an action.

        Args:
            when: the time in seconds; a time that has passed means: at once, when time next moves.
            action: what to run, without arguments.

        Returns:
            The handle that cancels it.
        """
        timer = Timer(max(when, self._now), action)
        heapq.heappush(self._queue, (timer.when, next(self._serial), timer))
        return timer

    def call_later(self, delay: float, action: Callable[[], object]) -> Timer:
        """Schedule an action `delay` seconds from now (see `call_at`)."""
        return self.call_at(self._now + delay, action)

    def next_time(self) -> float | None:
        """The time of the next action, or None when nothing is to come."""
        while self._queue and not self._queue[0][2].active:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def advance(self, seconds: float) -> None:
        """Move the time on, running what falls due on the way.

        Raises:
            ValueError: `seconds` is negative; time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s; give a positive number")
        self.run_to(self._now + seconds)

    def run_to(self, when: float) -> None:
        """Move the time on to `when`, running what falls due on the way."""
        while (due := self.next_time()) is not None and due <= when:
            self._run_next()
        self._now = max(self._now, when)

    def run_until(self, condition: Callable[[], bool], *, within: float) -> None:
        """Move the time on until a condition holds; it is looked at after every action.

        Args:
            condition: what must become true.
            within: how many seconds of virtual time it may take.

        Raises:
            TimeoutError: the condition does not hold after that time, or nothing more is to come.
        """
        limit = self._now + within
        while not condition():
            due = self.next_time()
            if due is None or due > limit:
                left = "nothing more is scheduled" if due is None else f"next action at {due:.3f} s"
                raise TimeoutError(
                    f"not true within {within} s of virtual time, at {self._now:.3f} s ({left})"
                )
            self._run_next()

    def _run_next(self) -> None:
        when, _, timer = heapq.heappop(self._queue)
        self._now = when
        timer.fire()
