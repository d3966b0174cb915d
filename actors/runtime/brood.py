"""A supervisor's children, as actors and as a table: what is done to the ones is in the other.

Children are ended in reverse of the order in which they were started, one after the other; dynamic
children are ended all at once. A child that ended for good stays in the table, undefined, or leaves
it (`Child.is_kept`).
"""

from __future__ import annotations

import time

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.children import Child, Children
from simulacra.actors.runtime.lifecycle import end_children, start_child
from simulacra.actors.runtime.refs import Ref


class Brood:
    """See the module; used in the supervisor's thread alone.

    Args:
        parent: the supervisor.

    Attributes:
        children: the table.
    """

    def __init__(self, parent: Actor) -> None:
        self.children = Children()
        self._parent = parent

    def add(self, child: Child) -> Ref | None:
        """Start a new child and enter it, unless it asked not to run and is not kept.

        Raises:
            StartError: it did not start, and is not entered.
        """
        ref = start_child(self._parent, child)
        if ref is not None:
            child.started_at = time.monotonic()
            child.ref, child.state = ref, "running"
            if child.dynamic:
                child.key = ref
        if ref is not None or child.is_kept:
            self.children.add(child)
        return ref

    def start(self, child: Child) -> Ref | None:
        """Start a child that is in the table; without a ref, as it asked not to run, it is retired.

        Raises:
            StartError: it did not start; nothing has changed.
        """
        ref = start_child(self._parent, child)
        if ref is None:
            self.children.retire(child)
        else:
            child.started_at = time.monotonic()
            self.children.set_running(child, ref)
        return ref

    def end(self, *running: Child) -> None:
        """End children for good, all at the same time."""
        end_children(self._parent, running)
        for child in running:
            self.children.retire(child)

    def end_all(self, *, at_once: bool) -> None:
        """End all that run, the one started last first, or all at the same time."""
        running = [child for child in reversed(list(self.children)) if child.ref is not None]
        if at_once:
            self.end(*running)
        else:
            for child in running:
                self.end(child)
