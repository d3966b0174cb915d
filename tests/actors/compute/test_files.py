"""Paths that name their host: the same code reads here and there."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute.files import BLOCK, DataPath, use


class Reader:
    """The host ``here``; other hosts' files are those below a folder."""

    def __init__(self, root: Path) -> None:
        self.host = "here"
        self.root = root
        self.noted: list[tuple[str, int]] = []
        self.asked: list[str] = []

    def request(self, op: str, host: str, path: str, offset: int = 0, size: int = 0) -> Any:
        self.asked.append(op)
        file = self.root / host / path.lstrip("/")
        match op:
            case "stat":
                found = file.stat()
                return {"size": found.st_size, "mtime": 1.0, "is_dir": file.is_dir()}
            case "list":
                return [one.name for one in file.iterdir()]
            case _:
                return file.read_bytes()[offset : offset + size]

    def note_read(self, path: str, size: int) -> None:
        self.noted.append((path, size))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    folder = tmp_path / "nas" / "d"
    folder.mkdir(parents=True)
    (folder / "b.txt").write_text("two\nlines\n")
    (folder / "a.csv").write_bytes(b"\x00" * (BLOCK + 10))
    reader = Reader(tmp_path)
    use(reader)
    return reader


def both(reader: Reader) -> list[DataPath]:
    return [DataPath("nas:/d"), DataPath(str(reader.root / "nas/d"))]


def test_reading_is_the_same_here_and_there(reader: Reader) -> None:
    for folder in both(reader):
        assert [path.name for path in folder.iterdir()] == ["a.csv", "b.txt"]
        assert [path.name for path in folder.glob("*.txt")] == ["b.txt"]
        assert (folder / "b.txt").read_text() == "two\nlines\n"
        with (folder / "b.txt").open() as file:
            assert list(file) == ["two\n", "lines\n"]
        assert (folder / "a.csv").read_bytes() == b"\x00" * (BLOCK + 10)
        assert folder.is_dir()
        assert not (folder / "b.txt").is_dir()
        assert (folder / "b.txt").stat().size == 10
        assert not (folder / "none").exists()
        with (folder / "b.txt").open("rb") as file:
            file.seek(-6, 2)
            assert file.read(5) == b"lines"
    assert "read" in reader.asked


def test_what_is_opened_is_told_with_its_size(reader: Reader) -> None:
    for folder in both(reader):
        (folder / "b.txt").read_text()
    assert [size for _, size in reader.noted] == [10, 10]
    assert reader.noted[0][0] == "nas:/d/b.txt"


def test_a_path_that_names_this_host_is_local(reader: Reader) -> None:
    path = DataPath("here:/tmp")
    assert path.is_local
    assert path.__fspath__() == "/tmp"
    assert str(DataPath("/tmp")) == "here:/tmp"
    assert DataPath("/odd/na:me").is_local


def test_other_hosts_files_are_read_only_and_have_no_local_path(reader: Reader) -> None:
    path = DataPath("nas:/d/b.txt")
    with pytest.raises(PermissionError, match="--near nas:/d/b"):
        path.open("w")
    with pytest.raises(FileNotFoundError, match="on another host"):
        Path(path)


def test_paths_are_values(reader: Reader) -> None:
    path = DataPath("nas:/d/x.tar.gz")
    assert path == DataPath("nas:/d") / "x.tar.gz"
    assert len({path, DataPath("nas:/d/x.tar.gz")}) == 1
    assert (path.parent, path.stem, path.suffix) == (DataPath("nas:/d"), "x.tar", ".gz")
    assert DataPath("nas:/a") < path


def test_a_path_moves_by_its_name(reader: Reader) -> None:
    path = DataPath("/d/b.txt")
    moved = pickle.dumps(path)
    reader.host = "nas"
    assert pickle.loads(moved) == DataPath("here:/d/b.txt")
    assert not pickle.loads(moved).is_local
