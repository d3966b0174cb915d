"""Files of hosts: what is there, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute import file_service
from simulacra.actors.compute.file_service import Files, Look, mount_of
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.bulk_server import BulkServer
from tests.actors.compute.filing import Reading
from tests.actors.runtime.nodes import Network
from tests.support import eventually, no_thread


def test_what_is_there(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"12345")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c").write_bytes(b"123")
    assert reading.value("list", tmp_path) == ["a", "b"]
    assert reading.value("stat", tmp_path)["is_dir"]
    found = reading.value("stat", tmp_path / "b")
    assert (found["size"], found["is_dir"]) == (5, False)
    assert found["mtime"] == pytest.approx((tmp_path / "b").stat().st_mtime)
    assert list(reading.value("weigh", tmp_path)) == [8, 2]
    assert list(reading.value("weigh", tmp_path / "b")) == [5, 1]


@pytest.mark.parametrize(
    ("op", "path", "kind"),
    [
        ("stat", "/nothing/here", "FileNotFoundError"),
        ("list", "/etc/passwd", "NotADirectoryError"),
        ("read", "/", "IsADirectoryError"),
        ("read", "/dev/null", "OSError"),
        ("stat", "nul\0", "ValueError"),
        ("guess", "/", "OSError"),
    ],
)
def test_errors_are_the_readers_and_not_the_actors(
    reading: Reading, op: str, path: str, kind: str
) -> None:
    error = reading.ask(op, path, size=1).error
    assert error is not None
    assert error[0] == kind
    assert reading.actor.is_alive()


def test_a_huge_folder_is_refused(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_service, "_LIST_LIMIT", 1)
    for name in "ab":
        (tmp_path / name).touch()
    error = reading.ask("list", tmp_path).error
    assert error is not None
    assert "has over 1 entries" in error[1]


def test_a_local_look_says_the_same(reading: Reading) -> None:
    with pytest.raises(FileNotFoundError, match="/nothing/here"):
        reading.actor.ask(Look("stat", "/nothing/here"))


def test_a_node_without_threads_looks_at_nothing_and_then_goes_on(
    reading: Reading, tmp_path: Path
) -> None:
    look = Look("list", str(tmp_path))
    for _ in range(5):  # more than a mount has threads
        with no_thread("look@"), pytest.raises(BlockingIOError, match="can't start new thread"):
            reading.actor.ask(look)
    assert reading.actor.ask(look) == []


# -- mounts that do not answer


class Hanging(Files):
    """Looks into ``/hangs`` for as long as it is not let go, as a dead mount would have it."""

    let_go = threading.Event()

    def __init__(self, bulk: BulkServer) -> None:
        super().__init__(bulk, within=0.3)

    def _look(self, look: Look) -> Any:
        if look.path.startswith("/hangs"):
            self.let_go.wait(60)
        return super()._look(look)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ref]:
    let_go = threading.Event()
    monkeypatch.setattr(Hanging, "let_go", let_go)
    monkeypatch.setattr(file_service, "mount_of", lambda path: "/" + path.split("/")[1])
    with Network("a", "b") as network:
        reading = Reading(network, Hanging)
        yield reading.actor
        let_go.set()
        reading.remote.close()
        reading.client.close()
        reading.server.close()


def found(files: Ref, path: Path | str) -> bool:
    """Whether it is known in time what is there; a busy machine may need longer than 0.3 s."""
    try:
        return bool(files.ask(Look("stat", str(path)))["is_dir"])
    except TimeoutError:
        return False


def test_who_asks_a_dead_mount_is_told_and_others_are_not_held_up(
    hanging: Ref, tmp_path: Path
) -> None:
    dead = [hanging.ask(Look("stat", f"/hangs/{number}"), block=False) for number in range(10)]
    for _ in range(3):
        eventually(lambda: found(hanging, tmp_path))
    for reply in dead:
        with pytest.raises(TimeoutError, match=r"no answer within 0\.3 s: .* findmnt /hangs"):
            reply.get(timeout=60)
    looking = [t for t in threading.enumerate() if t.name.startswith("look@")]
    assert len(looking) == 4
    with pytest.raises(TimeoutError):  # and it still costs no fifth
        hanging.ask(Look("stat", "/hangs/more"))
    eventually(lambda: found(hanging, tmp_path))


def test_a_mount_that_is_back_answers_again(hanging: Ref) -> None:
    for number in range(4):
        with pytest.raises(TimeoutError):
            hanging.ask(Look("stat", f"/hangs/{number}"))
    Hanging.let_go.set()

    def is_known() -> bool:
        try:
            return found(hanging, "/hangs/again")
        except FileNotFoundError:
            return True

    eventually(is_known)


def test_questions_are_bounded(hanging: Ref, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_service, "_QUESTIONS", 1)
    first = hanging.ask(Look("stat", "/hangs"), block=False)
    with pytest.raises(OSError, match="too many files are asked for"):
        hanging.ask(Look("stat", "/"))
    with pytest.raises(TimeoutError):
        first.get(timeout=60)


def test_the_mount_of_a_path_is_the_nearest_above_it() -> None:
    assert mount_of("/proc/self/stat") == "/proc"
    assert mount_of("/proc/../proc") == "/proc"
    assert mount_of("/processes") == "/"
    assert mount_of("relative") == "/"
    assert mount_of("/dev/pts/0") == "/dev/pts"
