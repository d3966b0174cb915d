"""A supervisor's table of children: who there is, in the order of starting, and how each one is.

A child is *running* (it has a ref), *restarting* (it failed and is to be started again), or
*undefined* (known by its spec only: it was ended, ended well, or asked not to be started). A child
is found by its key: the id of its spec or, for the dynamic children of ``simple_one_for_one``, the
ref under which it was last running.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from simulacra.actors.runtime.childspec import ChildSpec, Kind
from simulacra.actors.runtime.errors import (
    AlreadyPresentError,
    AlreadyStartedError,
    ChildNotFoundError,
    ChildRestartingError,
    ChildRunningError,
)
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.refs import Ref

ChildState = Literal["running", "restarting", "undefined"]
"""How a child is."""


@dataclass(slots=True, eq=False)
class Child:
    """One child.

    Attributes:
        key: under which it is found.
        spec: how to treat it; shared among dynamic children.
        dynamic: whether it is one of many of one template.
        extra_args: what a dynamic child was given beside the template's.
        ref: the child, while it runs.
        state: how it is.
        restarts: how many times it was started again.
        failures: how many times in a row it failed, for the back-off.
        started_at: when it last started, monotonic seconds.
        first_reason: why it first ended by itself.
        last_reason: why it last did, or failed to start.
        retry: the newest order to try again; older ones no longer count.
    """

    key: Hashable
    spec: ChildSpec
    dynamic: bool = False
    extra_args: tuple[Any, ...] = ()
    ref: Ref | None = None
    state: ChildState = "undefined"
    restarts: int = 0
    failures: int = 0
    started_at: float = 0.0
    first_reason: ExitReason | None = None
    last_reason: ExitReason | None = None
    retry: object | None = None

    def note_end(self, reason: ExitReason) -> ExitReason:
        """Keep why it ended by itself or did not start, without the living exception's frames."""
        self.last_reason = replace(reason, exception=None)
        if self.first_reason is None:
            self.first_reason = self.last_reason
        return self.last_reason

    @property
    def is_temporary(self) -> bool:
        """Whether it is never started again."""
        return self.spec.restart == "temporary"

    @property
    def is_kept(self) -> bool:
        """Whether it stays in the table, undefined, when it has ended for good."""
        return not (self.dynamic or self.is_temporary)

    def info(self) -> ChildInfo:
        """What others may know of it."""
        return ChildInfo(
            None if self.dynamic else self.spec.id,
            self.ref,
            self.spec.kind,
            self.state,
            self.restarts,
            self.first_reason,
            self.last_reason,
        )


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child, as a supervisor sees it.

    Attributes:
        id: of its spec; None for a dynamic child.
        ref: the child, if it runs.
        kind: worker or supervisor.
        state: running, restarting, or undefined (known by its spec only).
        restarts: how many times it was started again.
        first_reason: why it first ended by itself, or did not start; the likely cause of the rest.
        last_reason: why it last did.
    """

    id: Hashable
    ref: Ref | None
    kind: Kind
    state: ChildState
    restarts: int
    first_reason: ExitReason | None
    last_reason: ExitReason | None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many specs there are, how many children run, and how many are of each kind."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Children:
    """The table, in the order of starting."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Child] = {}
        self._by_ref: dict[Ref, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: Hashable) -> Child | None:
        """The child with that key."""
        return self._by_key.get(key)

    def find(self, key: Hashable) -> Child:
        """The child with that key.

        Raises:
            ChildNotFoundError: there is none.
        """
        child = self._by_key.get(key)
        if child is None:
            raise ChildNotFoundError(f"there is no child {key!r}: which_children lists them")
        return child

    def find_idle(self, key: Hashable) -> Child:
        """The child with that key, if it is undefined.

        Raises:
            ChildNotFoundError: there is none.
            ChildRunningError: it runs.
            ChildRestartingError: it is being restarted.
        """
        child = self.find(key)
        if child.state == "running":
            raise ChildRunningError(f"child {key!r} runs: terminate it first")
        if child.state == "restarting":
            raise ChildRestartingError(f"child {key!r} is restarting: terminate it first")
        return child

    def check_absent(self, key: Hashable) -> None:
        """Make sure that no child has that key.

        Raises:
            AlreadyStartedError: one has, and runs.
            AlreadyPresentError: one has, and does not run.
        """
        child = self._by_key.get(key)
        if child is None:
            return
        if child.ref is not None:
            raise AlreadyStartedError(f"child {key!r} already runs as {child.ref}", child.ref)
        raise AlreadyPresentError(f"child {key!r} is there: restart it, or delete it first")

    def running_as(self, ref: Ref) -> Child | None:
        """The child that runs as ``ref``."""
        return self._by_ref.get(ref)

    def add(self, child: Child) -> None:
        """Enter a child, as the one started last."""
        self._by_key[child.key] = child
        if child.ref is not None:
            self._by_ref[child.ref] = child

    def remove(self, child: Child) -> None:
        """Forget a child."""
        self._detach(child, "undefined")
        del self._by_key[child.key]

    def set_running(self, child: Child, ref: Ref) -> None:
        """A child runs now as ``ref``; a dynamic one is found by that from now on."""
        self._detach(child, "running")
        child.ref = ref
        self._by_ref[ref] = child
        if child.dynamic:
            del self._by_key[child.key]
            child.key = ref
            self._by_key[ref] = child

    def set_state(self, child: Child, state: Literal["restarting", "undefined"]) -> None:
        """A child does not run any more."""
        self._detach(child, state)

    def retire(self, child: Child) -> None:
        """A child ended for good: it is forgotten, or kept undefined."""
        if child.is_kept:
            self.set_state(child, "undefined")
        else:
            self.remove(child)

    def count(self) -> ChildCounts:
        """How many there are; each counted as having a spec of its own."""
        supervisors = sum(child.spec.kind == "supervisor" for child in self)
        return ChildCounts(
            specs=len(self),
            active=sum(child.ref is not None and child.ref.is_alive() for child in self),
            supervisors=supervisors,
            workers=len(self) - supervisors,
        )

    def _detach(self, child: Child, state: ChildState) -> None:
        if child.ref is not None:
            self._by_ref.pop(child.ref, None)
            child.ref = None
        child.state = state
