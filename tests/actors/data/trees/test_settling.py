"""Conflicts of real copies are listed alike, settled from anywhere, and texts are merged."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.text_merge import merge_texts
from simulacra.actors.data.reconciling.conflicts import Conflict, SettleError
from simulacra.actors.data.reconciling.contested import find
from simulacra.actors.data.trees.settling import (
    Settler,
    TakeBoth,
    TakeContent,
    TakeSide,
    merge_all,
    merges,
)
from tests.actors.data.trees.copies import Copies, Copy, contents
from tests.actors.data.trees.test_local_tree import OLD, write
from tests.support import eventually

TEXT = b"".join(b"line %d\n" % number for number in range(20))


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b", "c") as made:
        yield made


def listed(copy: Copy) -> list[Conflict]:
    return list(find(copy.tree.journal.contested(), copy.tree.journal))


def conflict_of(copies: Copies, *texts: bytes, name: str = "x.txt") -> Conflict:
    """What the hosts in their order have made of a file, in conflict everywhere."""
    for copy, text in zip(copies.by_host.values(), texts, strict=False):
        write(copy.root / name, text)
    copies.sync()
    (found,) = listed(copies["a"])
    assert [listed(copy) for copy in copies.by_host.values()] == [[found]] * 3
    return found


def settle(copy: Copy, conflict: Conflict, choice: TakeSide | TakeBoth | TakeContent) -> None:
    copy.tree.settler.settle(conflict.path, [each.dot for each in conflict.sides], choice)


def in_place(path: Path, text: bytes) -> None:
    """Edit without a new inode, as nothing keeps what was there."""
    with path.open("r+b") as file:
        file.write(text)
        file.truncate()
    os.utime(path, (OLD + 1, OLD + 1))


def merge(copy: Copy) -> None:
    """Have a text merged; not before its file was left alone for a tick of the disk's clock."""
    eventually(lambda: copy.tree.settler.merge() == 1)


def line(number: int, text: bytes) -> bytes:
    return TEXT.replace(b"line %d\n" % number, text)


# -- by the user


@pytest.mark.parametrize("at", ["a", "b", "c"])
def test_a_side_is_taken_from_any_host(copies: Copies, at: str) -> None:
    conflict = conflict_of(copies, b"one", b"two, longer")
    of_b = next(each for each in conflict.sides if each.dot.replica.host == "b")
    settle(copies[at], conflict, TakeSide(of_b.dot))
    copies.sync()
    for copy in copies.by_host.values():
        assert contents(copy.root) == {"x.txt": b"two, longer"}
        assert listed(copy) == []


def test_an_edited_content_is_taken(copies: Copies) -> None:
    conflict = conflict_of(copies, b"one", b"two, longer")
    settle(copies["c"], conflict, TakeContent(b"by hand"))
    copies.sync()
    assert [contents(each.root) for each in copies.by_host.values()] == [{"x.txt": b"by hand"}] * 3
    assert [each.entry.content.size for each in copies["c"].tree.versions.of(b"x.txt")]


def test_both_are_taken(copies: Copies) -> None:
    conflict = conflict_of(copies, b"one", b"two, longer")
    before = contents(copies["a"].root)
    settle(copies["b"], conflict, TakeBoth())
    copies.sync()
    assert contents(copies["a"].root) == before == contents(copies["b"].root)
    assert listed(copies["a"]) == []


def test_what_has_changed_meanwhile_is_not_settled(copies: Copies) -> None:
    conflict = conflict_of(copies, b"one", b"two, longer")
    write(copies["b"].root / "x.txt", b"three, still longer")
    copies.sync()
    for choice in (TakeSide(conflict.sides[0].dot), TakeBoth(), TakeContent(b"four")):
        with pytest.raises(SettleError, match="list"):
            settle(copies["a"], conflict, choice)
    (now,) = listed(copies["a"])
    settle(copies["a"], now, TakeBoth())
    with pytest.raises(SettleError, match="there is no conflict"):
        settle(copies["a"], now, TakeBoth())


def test_a_content_is_not_put_over_an_edit_that_nobody_saw(copies: Copies) -> None:
    conflict = conflict_of(copies, b"one", b"two, longer")
    write(copies["a"].root / "x.txt", b"just now")
    with pytest.raises(RefusedError):
        settle(copies["a"], conflict, TakeContent(b"by hand"))
    assert (copies["a"].root / "x.txt").read_bytes() == b"just now"


# -- merging


def remember(copy: Copy) -> None:
    while copy.tree.remember():
        pass


def test_what_two_made_of_a_text_is_merged_at_one_and_all_have_it(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    remember(copies["a"])
    in_place(copies["a"].root / "x.txt", line(2, b"of a\n"))
    in_place(copies["b"].root / "x.txt", line(17, b"of b, longer\n"))
    copies.sync()
    assert len(listed(copies["a"])) == 1
    merge(copies["a"])
    assert copies["a"].tree.settler.merge() == 0
    copies.sync()
    merged = line(2, b"of a\n").replace(b"line 17\n", b"of b, longer\n")
    for copy in copies.by_host.values():
        assert contents(copy.root) == {"x.txt": merged}
        assert listed(copy) == []


def test_two_that_merge_apart_agree(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    remember(copies["a"])
    remember(copies["b"])
    in_place(copies["a"].root / "x.txt", line(2, b"of a\n"))
    in_place(copies["b"].root / "x.txt", line(17, b"of b, longer\n"))
    copies.sync()
    for host in "ab":
        merge(copies[host])
    copies.sync()
    assert listed(copies["c"]) == []
    assert len({str(contents(copy.root)) for copy in copies.by_host.values()}) == 1


def test_two_that_merge_apart_differently_are_in_conflict_and_merge_again(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    for copy in copies.by_host.values():
        remember(copy)
    for at, copy in zip((2, 9, 17), copies.by_host.values(), strict=True):
        in_place(copy.root / "x.txt", line(at, b"of %s" % copy.host.encode() + b"!" * at + b"\n"))
        copy.tree.scan()
    copies["c"].hear(copies["a"])
    copies["a"].hear(copies["b"])
    for host in "ac":
        eventually(lambda host=host: not copies[host].tree.bring().left)  # type: ignore[misc]
        merge(copies[host])
    copies.sync()
    (conflict,) = listed(copies["b"])
    assert set(conflict.hosts) == {"a", "c"}
    merge(copies["a"])
    copies.sync()
    for copy in copies.by_host.values():
        (text,) = contents(copy.root).values()
        assert isinstance(text, bytes)
        assert [each for each in (b"of a!", b"of b!", b"of c!") if each in text] == [
            b"of a!",
            b"of b!",
            b"of c!",
        ]


def test_what_touches_stays_in_conflict_and_is_not_tried_again(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    remember(copies["a"])
    conflict_of(copies, line(2, b"of a\n"), line(2, b"of b, longer\n"))
    assert copies["a"].tree.settler.merge() == 0
    monkeypatch.setattr(Settler, "_merge", lambda *_: pytest.fail("it was tried again"))
    assert copies["a"].tree.settler.merge() == 0


def test_without_a_base_both_are_kept(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    in_place(copies["a"].root / "x.txt", line(2, b"of a\n"))
    in_place(copies["b"].root / "x.txt", line(17, b"of b, longer\n"))
    copies.sync()
    assert copies["a"].tree.settler.merge() == 0
    assert len(contents(copies["a"].root)) == 2


def test_a_kept_version_is_a_base(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    edited = line(2, b"of a\n")
    write(copies["b"].root / "x.txt", edited)
    for copy in copies.by_host.values():
        copy.tree.scan()
    copies["a"].hear(copies["b"])
    eventually(lambda: copies["a"].tree.bring().left == {})
    write(copies["c"].root / "x.txt", line(17, b"of c, longer\n"))
    copies.sync()
    merge(copies["a"])


def test_large_texts_are_remembered_by_their_chunks_and_bases_survive_a_restart(
    copies: Copies,
) -> None:
    chance = random.Random(3)
    lines = [b"%x\n" % chance.getrandbits(256) for _ in range(9000)]
    text = b"".join(lines)
    assert len(text) > 500_000
    write(copies["a"].root / "x.txt", text)
    copies.sync()
    remember(copies["a"])
    copies["a"].reopen()
    in_place(copies["a"].root / "x.txt", text.replace(lines[5], b"of a\n"))
    in_place(copies["b"].root / "x.txt", text.replace(lines[8000], b"of b\n"))
    copies.sync()
    merge(copies["a"])
    copies.sync()
    merged = text.replace(lines[5], b"of a\n").replace(lines[8000], b"of b\n")
    assert contents(copies["c"].root) == {"x.txt": merged}


def test_killed_after_the_merged_text_is_in_place_it_goes_on(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(copies["a"].root / "x.txt", TEXT)
    copies.sync()
    remember(copies["a"])
    in_place(copies["a"].root / "x.txt", line(2, b"of a\n"))
    in_place(copies["b"].root / "x.txt", line(17, b"of b, longer\n"))
    copies.sync()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("simulacra.actors.data.trees.settling.conflicts.edit", die)
        with pytest.raises(KeyboardInterrupt):
            copies["a"].tree.settler.merge()
    copies["a"].reopen()
    copies.sync()
    merge(copies["a"])
    copies.sync()
    merged = line(2, b"of a\n").replace(b"line 17\n", b"of b, longer\n")
    assert contents(copies["b"].root) == {"x.txt": merged}


# -- what is decided purely

PARTS = st.lists(st.sampled_from([b"", b"new\n", b"other\n"]), min_size=6, max_size=6)


def made_of(parts: list[bytes]) -> bytes:
    """A text of which every third line may have been replaced."""
    return b"".join(
        b"%d\n" % at + (part or b"old\n") + b"-%d\n" % at for at, part in enumerate(parts)
    )


@given(PARTS, PARTS, PARTS)
def test_several_sides_merge_to_one_that_has_all_their_changes(
    one: list[bytes], two: list[bytes], three: list[bytes]
) -> None:
    base, sides = made_of([b""] * 6), [made_of(each) for each in (one, two, three)]
    merged = merge_all(base, sides)
    assert merged == merge_all(base, sides[::-1])
    changes = [{part for part in parts if part} for parts in zip(one, two, three, strict=True)]
    if all(len(each) <= 1 for each in changes):
        assert merged == made_of([next(iter(each), b"") for each in changes])
    else:
        assert merged is None
    assert merge_all(base, [base, sides[0]]) == sides[0] == merge_texts(base, sides[0], base)


HOSTS = st.permutations(["a", "b", "c", "d"])


@given(HOSTS, st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd"), min_size=1))
def test_of_hosts_that_see_each_other_one_merges(
    order: list[str], complete: set[str], part: set[str]
) -> None:
    holders = [host for host in order if host in complete]
    merging = [host for host in part if merges(host, holders, part)]
    assert merging == [host for host in holders if host in part][:1]
