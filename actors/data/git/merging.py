"""How histories of a repository change: by what is seen there, and by meeting another's.

Both are pure. *Observing* compares what is in a repository with what its history says is there:
each difference is a change that somebody made, and replaces only the value that was in that place.
A ref below ``refs/simulacra/`` that is gone was dismissed; one that is not known (the record was
lost, or never written after a crash) is taken up again.

*Merging* is the join of two histories, and then:

- of equal values one is left;
- a branch's value that is an ancestor of another one is dropped: a fast-forward, or settled by a
  merge;
- of settings and remote-tracking refs only the last value is left, of HEADs only the last branch;
- a branch that was deleted on one side while the other switched to it is there again.

Each drops only what a greater value of the same name stands for, in an order that all hosts share,
so that no two hosts drop each other's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from simulacra.actors.cluster.lattice import Difference, Dot
from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git.places import (
    LAST_WINS,
    Places,
    Ranked,
    branch_of,
    head,
    head_commit,
    places,
    rank,
    ranked,
)
from simulacra.actors.data.git.state import (
    BRANCHES,
    HEAD,
    INDEX,
    KEPT,
    TABLE,
    Value,
    elements,
    is_carried,
    is_host,
    object_of,
    values,
)

Tips = Callable[[Iterable[str]], frozenset[str]]
"""Of some commits those that none of the others comes after; what is no commit is one of them."""

_KEPT_NAME: Final = re.compile(KEPT + r"([^/]+)/(?:[0-9a-f]{12}-[0-9]+/)?(.+)", re.DOTALL)


class _Edit:
    """Values to come into a history and to go from it, with dots of one replica."""

    def __init__(self, history: History, replica: str, now: int) -> None:
        self.history = History.from_plain(history.to_plain())
        latest = max((value.clock for _, _, value in elements(history)), default=0)
        self.clock = max(now, latest + 1)
        self._replica = replica

    def add(self, name: str, value: Value) -> None:
        dot = self.history.next_dot(self._replica)
        self.history.merge(Difference([[TABLE, name, *dot, list(value)]], [], {dot[0]: dot[1]}))

    def drop(self, name: str, dot: Dot) -> None:
        self.history.merge(Difference([], [[TABLE, name, *dot]], {}))


def observe(
    history: History,
    names: Mapping[str, str],
    kept: Mapping[str, str],
    *,
    replica: str,
    host: str,
    now: int,
) -> History:
    """The history after what was done in a repository since.

    Args:
        history: what was known.
        names: the names that are there now, with their texts.
        kept: the refs below ``refs/simulacra/`` that are there now, with their objects.
        replica: the repository's.
        host: this host's name.
        now: nanoseconds since the epoch.
    """
    edit = _Edit(history, replica, now)
    expected = places(history)
    for name in sorted(names.keys() | expected.shown.keys()):
        dot = expected.shown.get(name)
        was = None if dot is None else values(history, name)[dot].text
        text = names.get(name)
        if text == was:
            continue
        if dot is not None:
            edit.drop(name, dot)
        if text is not None:
            edit.add(name, Value(text, edit.clock, host))
    _observe_kept(edit, history, expected, kept)
    return edit.history


def _observe_kept(edit: _Edit, history: History, expected: Places, kept: Mapping[str, str]) -> None:
    for ref in sorted(kept.keys() | expected.kept.keys()):
        known = expected.kept.get(ref)
        if known is not None:
            name, dot = known
            if object_of(values(history, name)[dot].text) == kept.get(ref):
                continue
            edit.drop(name, dot)
        match = _KEPT_NAME.fullmatch(ref)
        if ref not in kept or match is None or not is_host(match[1]):
            continue
        name = match[2] if match[2] in {HEAD, INDEX} else f"refs/{match[2]}"
        if name in {HEAD, INDEX} or is_carried(name):
            text = f"{kept[ref]} -" if name == INDEX else kept[ref]
            edit.add(name, Value(text, 0, match[1]))  # As old as can be: it was not in its place.


def merge(mine: History, theirs: History, tips: Tips, *, replica: str, now: int) -> History:
    """The history of this replica after meeting another's."""
    edit = _Edit(mine, replica, now)
    edit.history.merge(edit.history.difference(theirs))
    edit.history = reduce(edit.history, tips)
    _revive(edit, mine, theirs)
    return edit.history


def reduce(history: History, tips: Tips) -> History:
    """A history without the values that another one stands for."""
    edit = _Edit(history, "", 0)
    for name in history.keys(TABLE):
        found = ranked(history, name)
        if name == HEAD:
            gone = _spare_heads(history, found, tips)
        elif len(found) == 1:
            continue
        elif name.startswith(LAST_WINS):
            gone = found[1:]
        else:
            gone = _stood_for(found, name, tips)
        for dot, _ in gone:
            edit.drop(name, dot)
    return edit.history


def is_ancestor(tips: Tips, one: str, other: str) -> bool:
    """Whether the first commit is the second, or the second comes after it."""
    return one == other or one not in tips((one, other))


def _stood_for(found: list[Ranked], name: str, tips: Tips) -> list[Ranked]:
    """The values that an equal one set later stands for, or, of a branch, one that is ahead."""
    texts = {value.text for _, value in found}
    left = set(tips(texts)) if name.startswith(BRANCHES) and len(texts) > 1 else texts
    gone = []
    for one in found:  # The one set last first.
        if one[1].text in left:
            left.discard(one[1].text)
        else:
            gone.append(one)
    return gone


def _spare_heads(history: History, found: list[Ranked], tips: Tips) -> list[Ranked]:
    """The HEADs before the one that is shown, if they are branches or their commits are in it."""
    shown, commit = head(history), head_commit(history)
    return [
        one
        for one in found
        if shown is not None
        and rank(one) < rank(shown)
        and (branch_of(one[1].text) or (commit != "-" and is_ancestor(tips, one[1].text, commit)))
    ]


def _revive(edit: _Edit, mine: History, theirs: History) -> None:
    """Have the branch that was switched to last, if one of the two still had it."""
    heads = ranked(edit.history, HEAD)
    branch = branch_of(heads[0][1].text) if heads else None
    if branch is None or values(edit.history, branch):
        return
    had = sorted((values(mine, branch) | values(theirs, branch)).items(), key=rank)
    if had:
        edit.add(branch, had[-1][1])
