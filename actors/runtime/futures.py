"""The answer to an ask: a pykka future that is cheap to make and set once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum
from threading import get_ident
from typing import Any, Final

import pykka

from simulacra.actors.runtime.errors import AskTimeoutError
from simulacra.actors.runtime.turns import Sleeper


class Wait(Enum):
    """How long an ask waits when nothing is said."""

    DEFAULT = 5.0


ASK_TIMEOUT: Final = Wait.DEFAULT
_DEFAULT: Final = Wait.DEFAULT.value  # reading it off the enum takes as long as all of `seconds`

_PENDING: Final = object()

logger = logging.getLogger(__name__)

cells: Final[dict[int, Any]] = {}
"""The cells of the actors that live, by the idents of their threads."""


def seconds(timeout: float | Wait | None) -> float | None:
    """The time-out in seconds; None means for ever."""
    return _DEFAULT if timeout is ASK_TIMEOUT else timeout


class Reply(pykka.Future[Any]):
    """The slot for one answer.

    Unlike pykka's future, the first answer counts and later ones are ignored: an actor that is
    killed while it answers, or a node that is lost, may answer in the actor's place.

    Attributes:
        answerer: the cell that is to answer, if it is known: in its thread, waiting is an error.
        patience: seconds that the asker is going to wait; None when it is not known.

    Args:
        patience: as the attribute.
        on_answer: the first callback, as `on_answer` takes it.
    """

    _get_hook = None  # pykka's own fields are made only for those that get a hook

    __slots__ = ("_callbacks", "_error", "_lock", "_sleepers", "_value", "answerer", "patience")

    def __init__(
        self,
        patience: float | None = None,
        on_answer: Callable[[Reply], None] | None = None,
    ) -> None:
        self.answerer: object = None
        self.patience = patience
        self._value: Any = _PENDING
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._sleepers: tuple[Sleeper, ...] = ()
        self._callbacks = None if on_answer is None else [on_answer]

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        """Let ``func`` find the value when it is asked for; for pykka's `map` and its like."""
        super().__init__()
        super().set_get_hook(func)

    def set(self, value: Any = None) -> None:
        """Answer with a value."""
        self.resolve(value, None)

    def set_error(self, error: BaseException) -> None:
        """Answer with an error, which `get` raises."""
        self.resolve(None, error)

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an error given as pykka gives it; None takes the one being handled."""
        import sys  # noqa: PLC0415

        error = (exc_info or sys.exc_info())[1]
        self.set_error(error if error is not None else RuntimeError("no error to report"))

    def is_set(self) -> bool:
        """Whether the answer is there; never for a future made by `map` and its like."""
        return self._value is not _PENDING

    def resolve(self, value: Any, error: BaseException | None) -> None:
        """Answer with an error, or a value if ``error`` is None."""
        with self._lock:
            if self._value is not _PENDING:
                return
            self._error = error
            self._value = value
            callbacks, self._callbacks = self._callbacks, None
        for sleeper in self._sleepers:
            sleeper.wake()
        for callback in callbacks or ():
            self._call(callback)

    def _call(self, callback: Callable[[Reply], None]) -> None:
        try:
            callback(self)
        except Exception:  # it is not the answerer's fault, whose thread this is
            logger.exception("a callback on an answer failed")

    def on_answer(self, callback: Callable[[Reply], None]) -> None:
        """Call ``callback(reply)`` once: in the answering thread, or now if the answer is there."""
        with self._lock:
            if self._value is _PENDING:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        self._call(callback)

    def outcome(self) -> tuple[Any, BaseException | None]:
        """The answer as (value, error), once `is_set`."""
        return self._value, self._error

    def get(self, *, timeout: float | Wait | None = None) -> Any:
        """Wait for the answer.

        Raises:
            AskTimeoutError: none came within ``timeout`` seconds (None: for ever).
            RuntimeError: the actor whose thread this is waits for its own answer.
            BaseException: the answer was an error.
        """
        if self._value is _PENDING:
            if self._get_hook is not None:
                return super().get(timeout=seconds(timeout))
            self._wait(seconds(timeout))
        if self._error is not None:
            raise self._error
        return self._value

    def _wait(self, timeout: float | None) -> None:
        cell = cells.get(get_ident())
        if cell is not None and cell is self.answerer:  # which is None at any time, once it answers
            raise RuntimeError("an actor waits for its own answer, and would wait for ever")
        with self._lock:
            if self._value is not _PENDING:
                return
            sleeper = Sleeper()
            self._sleepers += (sleeper,)
        if not sleeper.sleep(timeout):
            raise AskTimeoutError(f"no answer within {timeout:g} s")
