"""What a thread does now: for which request, as a trace id, and at which computation.

The client gives a call its trace id. The gateway's thread works under it; what a thread sends while
it works under a trace id is `Traced`, on any host, and whoever handles that works under it too. A
computation's actor works at that computation for as long as it lives. Log lines tell both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

_trace: ContextVar[str] = ContextVar("trace", default="")
_computation: ContextVar[str] = ContextVar("computation", default="")


current: Final = _trace.get
"""The trace id that this thread works under; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A message, and the trace id that its sender worked under."""

    trace: str
    message: Any


def traced(message: Any) -> Any:
    """The message as it is to be sent from this thread."""
    trace = current()
    return Traced(trace, message) if trace else message


@contextmanager
def under(trace: str) -> Iterator[None]:
    """Work under a trace id, and then under the one of before."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def computation() -> str:
    """The party of the computation that this thread works at; empty where there is none."""
    return _computation.get()


def work_at(party: str) -> None:
    """This thread works at a computation from now on."""
    _computation.set(party)
