"""Records: the rules for two sides, each once."""

from __future__ import annotations

from simulacra.actors.data.reconciling.dots import Author, Replica
from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.records import (
    LINEAGE_LIMIT,
    ROOT_ID,
    Record,
    create,
    drop,
    file_id,
    living,
    move,
    remove,
    set_attributes,
    write,
)
from tests.actors.data.reconciling.making import file

left, right, third, fourth = (Author(Replica(host, 1)) for host in "lrtf")


def new(author: Author = left, n: int = 1) -> Record:
    return create(file_id(ROOT_ID, b"f"), ROOT_ID, b"f", file(n), author.event())


def edited(record: Record, author: Author, n: int) -> Record:
    seen = {version.dot for version in record.versions}
    event = author.event(record.latest)
    return write(record, event, file(n), over=seen, before=record.attributes)


def renamed(record: Record, author: Author, n: int, name: bytes = b"g") -> Record:
    """Renamed by somebody who saw this content."""
    event = author.event(record.latest)
    return move(record, event, ROOT_ID, name, seen=record.alive, entry=file(n))


def numbers(record: Record) -> list[int]:
    return [int.from_bytes(version.content.digest) for version in living(record)]


def test_an_edit_replaces_what_its_author_saw() -> None:
    first = new()
    assert numbers(merge(first, edited(first, right, 2))) == [2]


def test_two_edits_are_both_kept_and_settled_by_a_third() -> None:
    first = new()
    both = merge(edited(first, left, 2), edited(first, right, 3))
    assert sorted(numbers(both)) == [2, 3]
    assert numbers(merge(edited(both, left, 4), edited(first, right, 5))) != [4]
    assert numbers(merge(edited(both, left, 4), both)) == [4]


def test_an_edit_wins_over_a_deletion_that_did_not_know_it() -> None:
    first = new()
    gone = remove(first, left.event(), seen=first.alive)
    assert numbers(gone) == []
    assert numbers(merge(gone, edited(first, right, 2))) == [2]
    assert numbers(merge(gone, first)) == []


def test_a_renaming_wins_over_a_deletion() -> None:
    first = new()
    gone = remove(first, left.event(), seen=first.alive)
    both = merge(gone, renamed(first, right, 1, b"g"))
    assert numbers(both) == [1]
    assert both.location.value.name == b"g"
    assert numbers(remove(both, left.event(), seen=both.alive)) == []


def test_a_renaming_brings_back_what_it_saw_and_nothing_else() -> None:
    """What was written elsewhere and deleted there, nobody may have any more."""
    first = new()
    second = edited(first, left, 2)
    gone = remove(second, left.event(), seen=second.alive)
    both = merge(gone, renamed(first, right, 1))
    assert numbers(both) == [1]
    other = new(third, 3)
    assert numbers(merge(remove(other, third.event(), seen=other.alive), both)) == [1]


def test_an_edit_wins_over_what_a_renaming_saw() -> None:
    first = new()
    moved = renamed(first, right, 1)
    assert numbers(merge(moved, edited(first, left, 2))) == [2]
    gone = remove(first, left.event(), seen=first.alive)
    back = merge(moved, gone)
    dots = {each.dot for each in living(back)}
    again = write(back, left.event(back.latest), file(5), over=dots, before=None)
    assert numbers(again) == [5]
    assert numbers(remove(again, left.event(), seen=again.alive)) == []
    assert again.versions[-1].lineage == (file(1).content.digest,)


def test_of_what_several_renamings_saw_the_latest_comes_back_and_what_is_no_earlier_one() -> None:
    first = new()
    second = edited(first, left, 2)
    gone = remove(second, left.event(), seen=second.alive)
    one, two = renamed(first, right, 1), renamed(second, third, 2)
    both = merge(merge(gone, one), two)
    assert numbers(both) == [2]
    apart = edited(first, fourth, 3)
    apart = merge(apart, renamed(apart, Author(Replica("x", 1)), 3))
    kept = merge(both, remove(apart, fourth.event(), seen={each.dot for each in apart.versions}))
    assert sorted(numbers(kept)) == [2, 3]
    settled = drop(kept, left.event(), {living(kept)[0].dot})
    assert numbers(settled) == [numbers(kept)[1]]


def test_what_is_renamed_again_is_what_the_first_renaming_saw() -> None:
    first = new()
    gone = remove(first, left.event(), seen=first.alive)
    moved = renamed(first, right, 1)
    again = renamed(moved, third, 1, b"h")
    assert len(again.renamed) == 1
    assert numbers(merge(again, gone)) == [1]


def test_a_deletion_wins_over_other_attributes() -> None:
    first = new()
    gone = remove(first, left.event(), seen=first.alive)
    attributes = file(1, 0o600).attributes
    changed = set_attributes(first, right.event(first.latest), attributes, before=first.attributes)
    assert numbers(merge(gone, changed)) == []


def test_other_attributes_conflict_with_no_edit() -> None:
    first = new()
    attributes = file(1, 0o600).attributes
    changed = set_attributes(first, right.event(first.latest), attributes, before=first.attributes)
    both = merge(changed, edited(first, left, 2))
    assert numbers(both) == [2]
    assert both.attributes.mode == 0o600
    assert both.attributes.mtime_ns == 2


def test_the_later_renaming_counts() -> None:
    first = new()
    one = renamed(first, left, 1, b"one")
    two = move(first, right.event(one.latest), ROOT_ID, b"two", seen=first.alive, entry=file(1))
    assert merge(one, two).location.value.name == b"two"


def test_a_dropped_version_leaves_the_others() -> None:
    first = new()
    both = merge(edited(first, left, 2), edited(first, right, 3))
    dots = {each.dot for each in both.versions if each.content == file(2).content}
    assert numbers(drop(both, left.event(), dots)) == [3]


def test_a_version_says_what_it_came_of() -> None:
    record = new()
    for n in range(2, 20):
        record = edited(record, left, n)
    assert record.versions[0].lineage == tuple(
        n.to_bytes(32) for n in range(18, 18 - LINEAGE_LIMIT, -1)
    )
