"""When a mount of another host is to be made, and taken away. Pure.

| host | sshfs runs | mounted | then |
| --- | --- | --- | --- |
| away | any | yes | detach it, lazily: nobody is to wait for a host that is gone |
| away | yes | no | end sshfs |
| here | no | yes | detach it: what is left of an sshfs that died answers nobody |
| here | no | no | start sshfs; after a failure 1, 2, 4, ... 60 s later |
| here | yes | not yet | wait; end it after `PATIENCE` seconds |
| here | yes | yes | all is well |

An sshfs is on the kernel's list before it has reached its host: it is there once it has answered.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

PATIENCE: Final = 15.0
PAUSE: Final = 1.0
PAUSE_LIMIT: Final = 60.0


class Act(StrEnum):
    """What is to be done."""

    START = "start"
    END = "end"
    DETACH = "detach"


class Keeping:
    """What is remembered of one mount.

    Attributes:
        state: ``mounted``, ``away`` (its host is), or ``waiting`` for sshfs.
        wanted: whether it is to be there while its host is.
    """

    def __init__(self) -> None:
        self.state = "waiting"
        self.wanted = True
        self._pause = PAUSE
        self._next = 0.0
        self._started = 0.0

    def look(
        self, *, up: bool, alive: bool, mounted: bool, answered: bool, now: float
    ) -> Act | None:
        """What is to be done, as things are.

        Args:
            up: whether its host is connected.
            alive: whether the sshfs that was started for it runs.
            mounted: whether the kernel lists it.
            answered: whether the sshfs that runs has answered.
            now: the time in seconds.
        """
        here = up and self.wanted
        ready = alive and mounted and answered
        self.state = ("mounted" if ready else "waiting") if here else "away"
        if mounted and not (here and alive):
            return Act.DETACH
        if not here:
            self._next, self._pause = now, PAUSE  # when it comes, it is mounted at once
            return Act.END if alive else None
        if alive:
            if ready:
                self._pause = PAUSE
            return Act.END if not ready and now - self._started > PATIENCE else None
        if now < self._next:
            return None
        self._started, self._next = now, now + self._pause
        self._pause = min(self._pause * 2, PAUSE_LIMIT)
        return Act.START
