"""What a journal says of its copy and of others', read beside the thread that writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.data.reconciling.dots import Replica
from simulacra.actors.data.trees import outlook
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.messages import Changed, Changes
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.serving import Server
from simulacra.actors.runtime.futures import Reply
from tests.actors.data.trees.copies import Copies, Copy

_AT_ONCE = 3


class Asked:
    """Another copy's actor, as far as it is asked what was changed; it counts the records."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self.told = 0

    def forward(self, question: Changes, reply: Reply) -> None:
        reply.set(self._answer(question))

    def _answer(self, question: Changes) -> Changed:
        server = Server(self._copy.place)
        try:
            replica, last, vector = server.reader.state()
            begin = question.after if question.incarnation == replica.incarnation else 0
            found = server.reader.changes(begin, _AT_ONCE)
        finally:
            server.close()
        self.told += len(found)
        complete = len(found) < _AT_ONCE
        n = last if complete else found[-1][0]
        said = pack_context(vector) if complete else None
        return Changed(replica.incarnation, [record for _, record in found], n, said)


def asking(copy: Copy) -> tuple[Asked, RemoteTree]:
    asked = Asked(copy)
    return asked, RemoteTree(copy.host, cast("Any", asked), cast("Any", None))


def scanned(copy: Copy, **files: str | None) -> None:
    """Write files, or delete them, and take that in."""
    for name, text in files.items():
        if text is None:
            (copy.root / name).unlink()
        else:
            (copy.root / name).write_text(text)
    copy.tree.scan()


def test_both_ways_are_foretold_and_only_what_is_new_is_asked_for(tmp_path: Path) -> None:
    with Copies(tmp_path, "here", "there") as copies:
        here, there = copies["here"], copies["there"]
        scanned(here, **{f"f{n}": str(n) for n in range(10)})
        there.hear(here)
        there.tree.bring()
        here.hear(there)
        scanned(here, f0="here", f1=None, new="here")
        scanned(there, f0="there", f2=None)
        asked, remote = asking(there)
        found = outlook.forecast(here.place, remote)
        assert (found.up.changed, found.up.removed) == (2, 1)
        assert (found.down.changed, found.down.removed) == (1, 1)
        assert found.clashes == [b"f0"]
        assert asked.told == 2
        before = here.tree.journal.last
        assert outlook.forecast(here.place, remote) == found
        assert here.tree.journal.last == before
        assert (here.root / "f2").exists()


def test_what_is_known_and_not_here_yet_is_missing(tmp_path: Path) -> None:
    with Copies(tmp_path, "here", "there") as copies:
        here, there = copies["here"], copies["there"]
        scanned(there, a="12", b="345")
        assert outlook.missing(here.place) == outlook.Missing()
        here.hear(there)
        assert outlook.missing(here.place) == outlook.Missing(2, 5)
        here.tree.bring()
        assert outlook.missing(here.place) == outlook.Missing()


def test_what_has_several_contents_is_listed(tmp_path: Path) -> None:
    with Copies(tmp_path, "here", "there") as copies:
        here, there = copies["here"], copies["there"]
        for copy in (here, there):
            (copy.root / "d").mkdir()
            scanned(copy, same="1", other=copy.host)
            (copy.root / "d/x").write_text(copy.host)
            copy.tree.scan()
        assert outlook.clashes(here.place) == []
        here.hear(there)
        assert outlook.clashes(here.place) == [b"d/x", b"other"]


def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    nowhere = Place("here", tmp_path / "root", tmp_path / "none")
    with pytest.raises(MissingError, match="cannot be read"):
        outlook.missing(nowhere)


def test_cursors_are_those_of_the_latest_incarnation(tmp_path: Path) -> None:
    with Copies(tmp_path, "here", "there") as copies:
        here, there = copies["here"], copies["there"]
        scanned(there, a="1")
        here.hear(there)
        here.tree.journal.heard(Replica("there", 0), 7)
        here.tree.journal.commit()
        asked, remote = asking(there)
        outlook.forecast(here.place, remote)
        assert asked.told == 0
