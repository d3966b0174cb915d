"""A sync of a git repository that is killed at any moment is finished by the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actors.data.git.clones import Clone, two
from tests.killing import ended_at
from tests.support import examples

STEPS = {"subprocess.Popen", "os.rename", "os.link", "os.remove"}
"""What changes anything on the disk; a kill comes just before the n-th of them."""


def take_killed(clone: Clone, other: Clone, at: int) -> bool:
    """Take, in a process that is killed at its n-th step; False if it has fewer."""
    return ended_at(at, STEPS, lambda: clone.take(other))


def work(clone: Clone, n: int) -> None:
    """Change all that a sync carries."""
    clone.git("switch", "-q", "-c", f"topic-{n}")
    clone.commit(f"file-{n}")
    clone.git("branch", "-q", "-D", "before", fine=(0, 1))
    clone.git("branch", "before")
    clone.write("file", f"stashed {n}\n")
    clone.git("stash", "push", "-q")
    clone.write("file", f"staged {n}\n")
    clone.git("add", "file")
    clone.git("config", "user.name", f"Ann {n}")


def look(clone: Clone) -> list[str]:
    return [
        clone.git("for-each-ref", "refs/heads", "refs/simulacra/desk"),
        clone.git("symbolic-ref", "HEAD"),
        clone.git("write-tree"),
        "\n".join(sorted(clone.git("stash", "list", "--format=%H").split())),
        clone.git("config", "--get", "user.name"),
    ]


@pytest.mark.timeout(300)
def test_a_sync_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    stride = max(1, 60 // examples(4, many=60))
    at, killed = 1, True
    while killed:
        work(desk, at)
        wanted, before = desk.git("rev-list", "--all"), lap.at("HEAD")
        killed = take_killed(lap, desk, at)
        assert lap.git("fsck", "--connectivity-only", "--no-dangling") == ""
        index = lap.git("diff", "--cached", "--name-only")
        if not (lap.place / ".git" / "index.lock").exists():
            assert index in {"", "file"}, "no commit shows as undone and staged"
        lap.sync(desk)
        assert look(lap) == look(desk), f"killed at {at}"
        assert set(wanted.split()) <= set(lap.git("rev-list", "--all").split())
        assert lap.at("HEAD") != before
        ours = {path.name for path in (lap.place / ".git" / "simulacra").iterdir()}
        assert ours == {"common", "lock", "record"}
        assert not (lap.place / ".git" / "index.lock").exists()
        lap.git("reset", "-q", "--hard")
        desk.git("reset", "-q", "--hard")
        at += stride
    assert at > 20


@pytest.mark.timeout(300)
def test_what_its_user_did_after_a_crash_is_not_undone(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    for at in range(12, 60, max(1, 48 // examples(2, many=48))):
        other = desk.commit(f"file-{at}")
        if not take_killed(lap, desk, at):
            break
        (lap.place / ".git" / "index.lock").unlink(missing_ok=True)
        mine = lap.commit(f"mine-{at}")
        lap.sync(desk)
        desk.sync(lap)
        for clone in (desk, lap):
            clone.git("reset", "-q", "--hard")
            everything = clone.git("rev-list", "--all").split()
            assert {mine, other} <= set(everything)


def test_what_a_killed_sync_left_is_cleared_away(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    ours = lap.place / ".git" / "simulacra"
    for name in (".record.x", "index.seen", "index.new", "index.new.lock", "index.seen.lock"):
        (ours / name).touch()
    commit = desk.commit("more")
    lap.sync(desk)
    assert lap.at("main") == commit
    assert {path.name for path in ours.iterdir()} == {"common", "lock", "record"}
