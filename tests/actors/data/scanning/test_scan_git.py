"""What is git's own is none of the tree's: a scan passes it, and tells of it."""

from __future__ import annotations

from pathlib import Path

from simulacra.actors.data.entries import join
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.observations import Observation, record
from simulacra.actors.data.scanning.scan import Scan


def test_what_is_gits_own_is_neither_found_nor_skipped_but_told_of(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for path in ("a/.git/objects", "bare/objects", "bare/refs", "c/refs", "c/objects", "b"):
        (root / path).mkdir(parents=True)
    for path in ("a/file", "b/.git", "bare/HEAD", "bare/config", "a/.git/HEAD", ".gitignore"):
        (root / path).write_text("x")
    (root / "a/.simulacra-tmp-git-x").mkdir()
    (root / ".simulacra-quarantine/x").mkdir(parents=True)
    met: list[tuple[bytes, bool]] = []
    index = Index(tmp_path / "index.db")
    try:
        with Scan(
            root,
            index,
            lambda _, size: bytes(32),
            meet=lambda path, _, *, bare: met.append((path, bare)),
        ) as scan:
            said = list(scan.present())
        found = {join(each.folder, name) for each in said for name in each.found}
    finally:
        index.close()
    assert sorted(met) == [(b"a", False), (b"b", False), (b"bare", True)]
    assert found == {
        b".gitignore", b"a", b"a/file", b"b", b"bare", b"c", b"c/objects", b"c/refs"
    }  # fmt: skip
    assert all(each.skipped == {} for each in said)


def test_what_was_scanned_before_it_was_a_bare_repository_is_forgotten_not_gone(
    tmp_path: Path,
) -> None:
    root = tmp_path / "root"
    (root / "bare/objects").mkdir(parents=True)
    (root / "bare/config").write_text("x")
    index = Index(tmp_path / "index.db")

    def scan() -> list[Observation]:
        with Scan(root, index, lambda _, size: bytes(32)) as one:
            said = []
            for observations in (one.present(), one.gone()):
                for each in observations:
                    record(index, each)
                    said.append(each)
        return said

    try:
        scan()
        (root / "bare/refs").mkdir()
        (root / "bare/HEAD").write_text("x")
        said = scan()
    finally:
        index.close()
    assert all(each.gone == {} for each in said)
    assert {join(each.folder, one) for each in said for one in each.forgotten} == {
        b"bare/config",
        b"bare/objects",
    }


def test_an_ignored_git_folder_is_not_told_of(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a/.git").mkdir(parents=True)
    (root / ".simulacraignore").write_text(".git\n")
    index = Index(tmp_path / "index.db")
    met: list[bytes] = []
    try:
        with Scan(
            root,
            index,
            lambda _, size: bytes(32),
            meet=lambda path, _, *, bare: met.append(path),
        ) as scan:
            list(scan.present())
    finally:
        index.close()
    assert met == []
