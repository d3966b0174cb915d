"""What has to be done to a repository so that it is as its history says: a pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git.merging import Tips, is_ancestor
from simulacra.actors.data.git.places import head_commit, places
from simulacra.actors.data.git.reading import Seen
from simulacra.actors.data.git.record import Change, Intent
from simulacra.actors.data.git.state import CONFIG, HEAD, INDEX, STASH, object_of, values

Texts = dict[str, str]


def plan(
    seen: Seen,
    history: History,
    tips: Tips,
    *,
    record: bytes,
    index_was: tuple[int, ...],
    reason: str,
) -> Intent:
    """What to do.

    Args:
        seen: what is there.
        history: what is to be there.
        tips: tells which changes of a branch are fast-forwards.
        record: what to remember when it is done.
        index_was: the index's mark.
        reason: for the reflog.
    """
    where = places(history)
    texts = {name: values(history, name)[dot].text for name, dot in where.shown.items()}
    kept = {
        ref: object_of(values(history, name)[dot].text) or ""
        for ref, (name, dot) in where.kept.items()
    }
    changes = tuple(_changes(seen, texts, kept))
    head = seen.names[HEAD], texts.get(HEAD, seen.names[HEAD])
    index_now = object_of(seen.names.get(INDEX, "")) or seen.commit
    index = object_of(texts.get(INDEX, "")) or head_commit(history)
    stash = _below(texts, STASH)
    replaced = _replaced(seen, texts, changes, tips)
    return Intent(
        changes=changes,
        head=head,
        commit_was=seen.commit,
        index=index if index != index_now else "",
        index_was=index_was,
        replaced=tuple(one for one in replaced if one[0] not in set(kept.values())),
        stash_adds=tuple(sorted(stash.keys() - set(seen.stash), key=_set_when(history, STASH))),
        stash_drops=tuple(commit for commit in seen.stash if commit not in stash),
        settings=tuple(_settings(_below(seen.names, CONFIG), _below(texts, CONFIG))),
        record=record,
        reason=reason,
    )


def _changes(seen: Seen, texts: Texts, kept: Texts) -> Iterator[Change]:
    are = {ref: text for ref, text in seen.names.items() if ref.startswith("refs/")} | seen.kept
    to_be = {ref: text for ref, text in texts.items() if ref.startswith("refs/")} | kept
    for ref in sorted(are.keys() | to_be.keys()):
        old, new = are.get(ref, ""), to_be.get(ref, "")
        if old != new:
            yield ref, old, new


def _replaced(
    seen: Seen, texts: Texts, changes: tuple[Change, ...], tips: Tips
) -> Iterator[tuple[str, str]]:
    """What nothing might lead to any more, each with what it was."""
    for ref, old, new in changes:
        if old and not (new and is_ancestor(tips, old, new)):
            yield old, ref
    for name in (HEAD, INDEX, *(STASH + commit for commit in seen.stash)):
        text = seen.names.get(name, "")
        found = object_of(text)
        if found is not None and texts.get(name) != text:
            yield found, name.partition("/")[0]


def _settings(are: Texts, to_be: Texts) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key in sorted(are.keys() | to_be.keys()):
        if are.get(key) != to_be.get(key):
            yield key, tuple(to_be[key].split("\n")) if key in to_be else ()


def _below(texts: Texts, prefix: str) -> Texts:
    return {
        name.removeprefix(prefix): text for name, text in texts.items() if name.startswith(prefix)
    }


def _set_when(history: History, prefix: str) -> Callable[[str], tuple[int, str]]:
    def when(name: str) -> tuple[int, str]:
        return max(value.clock for value in values(history, prefix + name).values()), name

    return when
