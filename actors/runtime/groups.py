"""Process groups: actors found by what they do instead of who they are.

An actor may be in several groups, and once in each; its end takes it out of all.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from simulacra.actors.runtime.refs import Ref


class Groups:
    """The groups of one node; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: defaultdict[str, dict[Ref, None]] = defaultdict(dict)
        self._groups_of: defaultdict[Ref, set[str]] = defaultdict(set)

    def join(self, group: str, ref: Ref) -> None:
        """Enter an actor."""
        with self._lock:
            self._members[group][ref] = None
            self._groups_of[ref].add(group)
        if not ref.is_alive():  # it may have ended between the call and the entry
            self.leave_all(ref)

    def leave(self, group: str, ref: Ref) -> None:
        """Take an actor out, if it is in."""
        with self._lock:
            self._remove(group, ref)
            self._groups_of[ref].discard(group)
            if not self._groups_of[ref]:
                del self._groups_of[ref]

    def leave_all(self, ref: Ref) -> None:
        """Take an actor out of every group."""
        if ref not in self._groups_of:
            return
        with self._lock:
            for group in self._groups_of.pop(ref, ()):
                self._remove(group, ref)

    def _remove(self, group: str, ref: Ref) -> None:
        members = self._members.get(group)
        if members is not None:
            members.pop(ref, None)
            if not members:
                del self._members[group]

    def members(self, group: str) -> list[Ref]:
        """Those in the group, in the order in which they joined."""
        with self._lock:
            return list(self._members.get(group, ()))

    def names(self) -> list[str]:
        """All groups that have members, sorted."""
        with self._lock:
            return sorted(self._members)
