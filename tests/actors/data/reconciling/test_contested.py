"""Every conflict is found from the records that are contested, wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterator

from simulacra.actors.data.entries import FOLDER, ROOT, Path, join
from simulacra.actors.data.reconciling.conflicts import Conflict, conflicts
from simulacra.actors.data.reconciling.contested import at, contested_by, find
from simulacra.actors.data.reconciling.projecting import listing
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId
from tests.actors.data.reconciling import simulator
from tests.actors.data.reconciling.memory_index import MemoryIndex
from tests.support import examples


def everywhere(index: MemoryIndex) -> Iterator[Conflict]:
    """The conflicts of every folder that is shown."""
    waiting: list[tuple[Path, FileId]] = [(ROOT, ROOT_ID)]
    while waiting:
        path, folder = waiting.pop()
        yield from conflicts(folder, path, index)
        for name, row in listing(folder, index).items():
            if row.entry.content == FOLDER:
                waiting.append((join(path, name), row.id))


# Of the last two a file has something in it, put before it or after.
def test_all_conflicts_are_found_and_nothing_else() -> None:
    kinds = set()
    for seed in [*range(examples(100, many=1000)), 1063, 2753]:
        size, history = simulator.history(seed)
        world = simulator.World(size)
        for step in history:
            world.step(step)
        world.quiet()
        index = world.hosts[0].index
        records = list(index.records.values())
        contested = {each for record in records for each in contested_by(record, index)}
        found = list(find(contested, index))
        assert {(each.path, each.kind): each for each in found} == {
            (each.path, each.kind): each for each in everywhere(index)
        }
        assert [each.path for each in found if each.path.count(b"/") == 0] == sorted(
            each.path for each in found if each.path.count(b"/") == 0
        )
        for each in found:
            shown = at(each.path, index)
            assert shown is not None
            assert (shown.folder, shown.row.id) == (each.folder, each.id)
            kinds.add(each.kind)
    assert len(kinds) == 3
