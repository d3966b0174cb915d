"""A supervisor: an actor that starts, watches, restarts and ends other actors, as OTP's does.

What is to be done when a child ends is decided in `restarts`, and done here by its `Brood`. A child
is ended by a `Stop` with reason ``shutdown``, and killed when it has not ended in its time; a
killed child's thread may go on, but is waited for no longer, so that no child blocks its supervisor
for ever.

An attempt to restart that fails leaves the child *restarting*; the supervisor then writes to itself
to try again, so that other requests have their turn, and the attempt counts. When too many count,
it ends with ``shutdown``, caused by the first of the reasons that were counted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.brood import Brood
from simulacra.actors.runtime.children import Child, ChildCounts, ChildInfo
from simulacra.actors.runtime.childspec import (
    ChildSpec,
    Flags,
    check_child,
    check_children,
)
from simulacra.actors.runtime.errors import (
    ActorExit,
    SimpleOneForOneError,
    StartError,
    SupervisorError,
)
from simulacra.actors.runtime.reason import NORMAL, ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.restarts import (
    RestartWindow,
    delay_before,
    failures_in_a_row,
    is_restarted,
    plan_restart,
    shuts_down,
)
from simulacra.actors.runtime.signals import Exit
from simulacra.actors.runtime.supervision import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    StartDynamicChild,
    TerminateChild,
    WhichChildren,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _TryAgain:
    """To oneself: restart a child that is still restarting."""

    child: Child


class Supervisor(Actor):
    """Supervises children; may be subclassed, with an ``__init__`` that says what to supervise.

    Args:
        flags: how to treat all children.
        specs: the children to start; for ``simple_one_for_one`` the one template.

    Example::

        class Shop(Supervisor):
            def __init__(self) -> None:
                super().__init__(
                    Flags(strategy="rest_for_one"),
                    [ChildSpec("stock", Stock), ChildSpec("till", Till)],
                )


        system.spawn(Shop, name="shop")

    Raises:
        SpecError: a flag or spec is refused.
    """

    def __init__(self, flags: Flags | None = None, specs: Iterable[ChildSpec] = ()) -> None:
        self._flags = Flags() if flags is None else flags
        self._specs = check_children(self._flags, specs)
        self._brood = Brood(self)
        self._children = self._brood.children
        self._window = RestartWindow()

    # -- the life

    def on_start(self) -> None:
        """Start the children; if one does not start, end those before it and fail.

        Raises:
            ActorExit: with reason ``shutdown``, caused by why the child did not start.
        """
        self.trap_exit = True
        for spec in () if self._flags.is_simple else self._specs:
            try:
                self._brood.add(Child(spec.id, spec))
            except StartError as error:
                self._brood.end_all(at_once=self._flags.is_simple)
                detail = f"failed_to_start_child: {spec.id!r}"
                raise ActorExit(ExitReason("shutdown", detail, cause=error.reason)) from error

    def on_receive(self, message: Any) -> Any:
        """Serve a request of `supervision`, or the news of an exit."""
        on_event = _EVENTS.get(type(message))
        if on_event is not None:
            on_event(self, message)
            return None
        serve: _Handler = _REQUESTS.get(type(message), Supervisor._unexpected)
        try:
            return serve(self, message)
        except Exception as refusal:  # noqa: BLE001 - no bad request may end the supervisor
            self._refuse(refusal)
            return None

    def _unexpected(self, message: Any) -> None:
        raise SupervisorError(f"{self.ref} is a supervisor and does not take {message!r}")

    def _refuse(self, refusal: Exception) -> None:
        try:
            self.defer_reply().set_error(refusal)
        except RuntimeError:  # told, not asked: nobody to answer
            logger.error("%r refused: %s", self.ref, refusal)  # noqa: TRY400 - no trace of interest

    def on_stop(self, reason: ExitReason) -> None:
        """End the children."""
        del reason
        self._brood.end_all(at_once=self._flags.is_simple)

    # -- when a child ends by itself

    def _on_exit(self, message: Exit) -> None:
        child = self._children.running_as(message.sender)
        if child is None:  # linked to by its own will, or already replaced
            return
        reason = child.note_end(message.reason)
        lived = time.monotonic() - child.started_at
        if not is_restarted(child.spec, reason):
            self._children.retire(child)
            if shuts_down(self._flags, child.spec, self._children):
                raise ActorExit(self._shutdown("auto_shutdown", child, reason))
            return
        logger.warning("%r: child %r ended, to be restarted: %s", self.ref, child.spec.id, reason)
        self._children.set_state(child, "restarting")
        if self._flags.backoff is None:
            self._restart(child)
        else:
            for sibling in plan_restart(self._flags, self._children, child).end:
                self._brood.end(sibling)
            self._try_later(child, lived)

    def _restart(self, child: Child) -> None:
        """Count an attempt to restart a child, and make it or end.

        Raises:
            ActorExit: this was one too many.
        """
        reason = child.last_reason or NORMAL
        self._window = self._window.count(time.monotonic(), reason, self._flags.period)
        if self._window.exceeds(self._flags.intensity):
            cause = self._window.first_reason
            raise ActorExit(self._shutdown("reached_max_restart_intensity", child, cause))
        plan = plan_restart(self._flags, self._children, child)
        self._children.set_state(child, "undefined")
        for sibling in plan.end:
            self._brood.end(sibling)
        for started in plan.start:
            if not self._start_again(started):
                return

    def _start_again(self, child: Child) -> bool:
        try:
            ref = self._brood.start(child)
        except StartError as error:
            reason = child.note_end(error.reason)
            logger.warning("%r: child %r not restarted: %s", self.ref, child.spec.id, reason)
            self._children.set_state(child, "restarting")
            self._try_later(child, lived=0.0)
            return False
        if ref is not None:
            child.restarts += 1
        return True

    def _try_later(self, child: Child, lived: float) -> None:
        child.retry = order = _TryAgain(child)
        backoff = self._flags.backoff
        if backoff is None:
            self._cell.remind(order)
            return
        child.failures = failures_in_a_row(backoff, child.failures, lived)
        delay = delay_before(backoff, child.failures)
        self.system.timers.start(delay, partial(self._cell.remind, order))

    def _on_try_again(self, order: _TryAgain) -> None:
        if order.child.retry is order and order.child.state == "restarting":
            self._restart(order.child)

    def _shutdown(self, why: str, child: Child, cause: ExitReason) -> ExitReason:
        return ExitReason("shutdown", f"{why}: child {child.spec.id!r}", cause=cause)

    # -- requests

    def _start_child(self, request: StartChild) -> Ref | None:
        self._refuse_if_simple("start_child takes arguments, not a spec")
        spec = request.spec
        check_child(self._flags, spec)
        self._children.check_absent(spec.id)
        child = Child(spec.id, spec)
        ref = self._brood.add(child)
        if child.is_temporary:  # never started again: what it was given need not be kept
            child.spec = replace(spec, args=(), kwargs={})
        return ref

    def _start_dynamic_child(self, request: StartDynamicChild) -> Ref | None:
        if not self._flags.is_simple:
            raise SimpleOneForOneError(
                f"{self.ref} is {self._flags.strategy}: start_child with a spec starts a child"
            )
        child = Child(None, self._specs[0], dynamic=True, extra_args=tuple(request.args))
        ref = self._brood.add(child)
        if child.is_temporary:
            child.extra_args = ()
        return ref

    def _terminate_child(self, request: TerminateChild) -> None:
        key = request.key
        if not isinstance(key, Ref):
            self._refuse_if_simple("a dynamic child is terminated by its ref")
        elif self._flags.is_simple and self._children.get(key) is None and not key.is_alive():
            return  # it may well have been a child
        child = self._children.find(key)
        if child.ref is None:
            self._children.retire(child)
        else:
            self._brood.end(child)

    def _restart_child(self, request: RestartChild) -> Ref | None:
        self._refuse_if_simple("dynamic children have no ids")
        return self._brood.start(self._children.find_idle(request.id))

    def _delete_child(self, request: DeleteChild) -> None:
        self._refuse_if_simple("dynamic children have no ids")
        self._children.remove(self._children.find_idle(request.id))

    def _get_childspec(self, request: GetChildSpec) -> ChildSpec:
        if self._flags.is_simple and request.key == self._specs[0].id:
            return self._specs[0]
        return self._children.find(request.key).spec

    def _which_children(self, _: WhichChildren) -> list[ChildInfo]:
        return [child.info() for child in self._children]

    def _count_children(self, _: CountChildren) -> ChildCounts:
        counts = self._children.count()
        return replace(counts, specs=1) if self._flags.is_simple else counts

    def _refuse_if_simple(self, why: str) -> None:
        if self._flags.is_simple:
            raise SimpleOneForOneError(f"{self.ref} is simple_one_for_one: {why}")


_Handler = Callable[[Supervisor, Any], Any]

_EVENTS: dict[type, _Handler] = {
    Exit: Supervisor._on_exit,  # noqa: SLF001
    _TryAgain: Supervisor._on_try_again,  # noqa: SLF001
}

_REQUESTS: dict[type, _Handler] = {
    StartChild: Supervisor._start_child,  # noqa: SLF001
    StartDynamicChild: Supervisor._start_dynamic_child,  # noqa: SLF001
    TerminateChild: Supervisor._terminate_child,  # noqa: SLF001
    RestartChild: Supervisor._restart_child,  # noqa: SLF001
    DeleteChild: Supervisor._delete_child,  # noqa: SLF001
    WhichChildren: Supervisor._which_children,  # noqa: SLF001
    CountChildren: Supervisor._count_children,  # noqa: SLF001
    GetChildSpec: Supervisor._get_childspec,  # noqa: SLF001
}
