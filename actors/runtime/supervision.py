"""What a supervisor can be asked, what it answers, and the handle that asks for you.

The requests, results and errors are plain data, so that a supervisor is asked in the same way
wherever it lives. Each error stands for one of OTP's: `AlreadyStartedError` for
``{already_started, Pid}``, `AlreadyPresentError` for ``already_present``, `ChildRunningError` for
``running``, `ChildRestartingError` for ``restarting``, `ChildNotFoundError` for ``not_found``,
`SimpleOneForOneError` for ``simple_one_for_one``; a spec that is refused is a `SpecError`, a child
that does not start a `StartError`. All of them travel between nodes; a spec does if it names its
actor's class as ``module:Class``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, cast

from simulacra.actors.runtime.children import ChildCounts, ChildInfo
from simulacra.actors.runtime.childspec import ChildSpec, SpecError
from simulacra.actors.runtime.errors import (
    AlreadyPresentError,
    AlreadyStartedError,
    ChildNotFoundError,
    ChildRestartingError,
    ChildRunningError,
    SimpleOneForOneError,
    SupervisorError,
)
from simulacra.actors.runtime.futures import Wait
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.wire_types import register

CALL_TIMEOUT = 60.0
"""Seconds that a call waits: a supervisor may be busy starting or ending a slow child."""


@dataclass(frozen=True, slots=True)
class StartChild:
    """Add a child by its spec and start it; answered with its ref, None if it asked not to run."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class StartDynamicChild:
    """Start one more child of the template, with ``args`` after the template's; as `StartChild`."""

    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """End a child, by its id (a dynamic one by its ref); a spec that is not temporary is kept."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start a child that does not run; answered as `StartChild`."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget the spec of a child that does not run."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """List the children; answered with a list of `ChildInfo`, in the order of starting."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Count the children; answered with a `ChildCounts`."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Show a child's spec, by its id; a dynamic child's, by its ref, is the template."""

    key: Hashable


class SupervisorHandle:
    """Calls to a supervisor, local or remote, with OTP's names.

    Example::

        tree = SupervisorHandle(system.spawn(Supervisor, Flags(), [ChildSpec("a", Counter)]))
        tree.start_child(ChildSpec("b", Counter, (10,), restart="transient"))

    Every call waits up to ``timeout`` seconds and raises what `Ref.ask` raises, beside its own
    errors.
    """

    def __init__(self, ref: Ref, timeout: float | Wait | None = CALL_TIMEOUT) -> None:
        self.ref = ref
        self._timeout = timeout

    def _call(self, request: Any) -> Any:
        return self.ref.ask(request, timeout=self._timeout)

    def start_child(self, spec: ChildSpec) -> Ref | None:
        """Add a child and start it.

        Returns:
            Its ref; None if it asked not to run (its spec is kept, unless temporary).

        Raises:
            SpecError: this supervisor does not take the spec.
            AlreadyStartedError: a child with its id runs.
            AlreadyPresentError: a child with its id is there and does not run.
            StartError: it did not start; nothing of it is kept.
            SimpleOneForOneError: this supervisor's children are dynamic.
        """
        return cast("Ref | None", self._call(StartChild(spec)))

    def start_dynamic_child(self, *args: Any) -> Ref | None:
        """Start one more child of a ``simple_one_for_one`` supervisor.

        Args:
            args: for the child's class, after those of the template.

        Returns:
            Its ref; None if it asked not to run.

        Raises:
            StartError: it did not start.
            SimpleOneForOneError: this supervisor has another strategy.
        """
        return cast("Ref | None", self._call(StartDynamicChild(args)))

    def terminate_child(self, key: Hashable) -> None:
        """End a child and do not restart it; a spec that is not temporary is kept.

        Args:
            key: the child's id; of a dynamic child the ref.

        Raises:
            ChildNotFoundError: there is no such child.
            SimpleOneForOneError: the children are dynamic, and ``key`` is no ref.
        """
        self._call(TerminateChild(key))

    def restart_child(self, child_id: Hashable) -> Ref | None:
        """Start a child that is there and does not run.

        Returns:
            Its ref; None if it asked not to run.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildRunningError: it runs.
            ChildRestartingError: it is being restarted.
            StartError: it did not start; its spec is kept.
            SimpleOneForOneError: the children are dynamic.
        """
        return cast("Ref | None", self._call(RestartChild(child_id)))

    def delete_child(self, child_id: Hashable) -> None:
        """Forget the spec of a child that does not run.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildRunningError: it runs; terminate it first.
            ChildRestartingError: it is being restarted; terminate it first.
            SimpleOneForOneError: the children are dynamic.
        """
        self._call(DeleteChild(child_id))

    def which_children(self) -> list[ChildInfo]:
        """The children, in the order of starting."""
        return cast("list[ChildInfo]", self._call(WhichChildren()))

    def count_children(self) -> ChildCounts:
        """How many children there are."""
        return cast("ChildCounts", self._call(CountChildren()))

    def get_childspec(self, key: Hashable) -> ChildSpec:
        """The spec of a child, by its id; a dynamic child's, by its ref, is the template.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        return cast("ChildSpec", self._call(GetChildSpec(key)))


for _name, _cls in {
    "supervisor.start-child": StartChild,
    "supervisor.start-dynamic-child": StartDynamicChild,
    "supervisor.terminate-child": TerminateChild,
    "supervisor.restart-child": RestartChild,
    "supervisor.delete-child": DeleteChild,
    "supervisor.which-children": WhichChildren,
    "supervisor.count-children": CountChildren,
    "supervisor.get-childspec": GetChildSpec,
    "supervisor.child-spec": ChildSpec,
    "supervisor.child-info": ChildInfo,
    "supervisor.child-counts": ChildCounts,
    "error.supervisor": SupervisorError,
    "error.child-already-started": AlreadyStartedError,
    "error.child-already-present": AlreadyPresentError,
    "error.child-running": ChildRunningError,
    "error.child-restarting": ChildRestartingError,
    "error.child-not-found": ChildNotFoundError,
    "error.simple-one-for-one": SimpleOneForOneError,
    "error.child-spec": SpecError,
}.items():
    register(_name)(_cls)
