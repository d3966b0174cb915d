"""Limits by cgroup: what counts as delegated; and where it is, that a real kernel holds them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute import cgroups
from simulacra.actors.compute.command import CommandProcess
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.spec import Command, Limits
from simulacra.actors.runtime.reason import ExitReason
from tests.onehost import is_gone

MOUNTS = """\
24 30 0:22 / /proc rw - proc proc rw
36 32 0:31 {root} {place} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
"""
EATS = "b = []\nwhile True: b.append(bytearray(b'x') * 2**20)"
SPINS = "while True: pass"


def proc(folder: Path, mounts: str, cgroup: str) -> Path:
    (folder / "mountinfo").write_text(mounts)
    (folder / "cgroup").write_text(cgroup)
    return folder


def tree(folder: Path, controllers: str, *files: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text(controllers)
    for name in files:
        (folder / name).touch()
    return folder


FILES = ("cgroup.procs", "cgroup.subtree_control", "cgroup.type")


def test_the_own_cgroup_is_found_below_its_mount(tmp_path: Path) -> None:
    mounts = MOUNTS.format(root="/", place="/sys/fs/cgroup")
    told = proc(tmp_path, mounts, "1:cpu:/x\n0::/user.slice/app.service\n")
    assert cgroups.own_cgroup(told) == Path("/sys/fs/cgroup/user.slice/app.service")
    mounts = MOUNTS.format(root="/user.slice", place="/cg")
    told = proc(tmp_path, mounts, "0::/user.slice/app.service\n")
    assert cgroups.own_cgroup(told) == Path("/cg/app.service")


def test_without_a_mount_or_a_cgroup_of_version_2_there_is_none(tmp_path: Path) -> None:
    assert cgroups.own_cgroup(proc(tmp_path, "24 30 0:22 / /proc rw - proc p rw", "0::/x")) is None
    mounts = MOUNTS.format(root="/", place="/sys/fs/cgroup")
    assert cgroups.own_cgroup(proc(tmp_path, mounts, "1:cpu:/x\n")) is None


def test_delegated_is_what_has_the_controllers_and_is_not_the_root(tmp_path: Path) -> None:
    assert cgroups.is_delegated(tree(tmp_path / "a", "cpu memory pids", *FILES))
    assert not cgroups.is_delegated(tree(tmp_path / "b", "hugetlb", *FILES))
    assert not cgroups.is_delegated(tree(tmp_path / "root", "cpu memory pids", *FILES[:2]))


@pytest.fixture
def delegated() -> Iterator[Path]:
    folder = cgroups.own_cgroup()
    if folder is None or not (cgroups.is_delegated(folder) or folder.name == "node"):
        pytest.skip("no cgroup v2 with the controllers memory and pids is delegated here")
    folder = folder.parent if folder.name == "node" else folder
    cgroups._Holder.delegated = cgroups.Delegated(folder)
    yield folder
    cgroups._Holder.delegated = None


def run(code: str, folder: Path, limits: Limits) -> ExitReason:
    ends: list[ExitReason] = []
    ended = threading.Event()

    def on_exit(reason: ExitReason) -> None:
        ends.append(reason)
        ended.set()

    command = Command((sys.executable, "-c", code))
    log = OutputLog(folder / "log", 1000)
    process = CommandProcess(command, folder=folder, log=log, on_exit=on_exit, limits=limits)
    assert ended.wait(25)
    process.join()
    log.close()
    return ends[0]


def test_the_kernel_holds_the_limit_of_memory(delegated: Path, tmp_path: Path) -> None:
    forks = f"import os\nif os.fork(): os.wait()\nelse: exec({EATS!r})"
    for code in (EATS, forks):
        reason = run(code, tmp_path, Limits(memory=64 * 2**20))
        assert reason.kind == "limit", reason
        assert reason.detail == {"limit": "memory", "used": None, "allowed": 64 * 2**20}
    assert not list(delegated.glob("computation-*"))


def test_the_processor_time_is_that_of_all_processes(delegated: Path, tmp_path: Path) -> None:
    reason = run(SPINS, tmp_path, Limits(cpu=0.5))
    assert (reason.kind, reason.detail["limit"]) == ("limit", "cpu")


def test_what_made_itself_a_daemon_ends_too(delegated: Path, tmp_path: Path) -> None:
    left = tmp_path / "pid"
    code = (
        "import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
        f"  open({str(left)!r}, 'w').write(str(os.getpid())); time.sleep(100)\n os._exit(0)\n"
        f"while not os.path.exists({str(left)!r}): time.sleep(0.01)\n"
    )
    assert run(code, tmp_path, Limits()).kind == "normal"
    assert is_gone(int(left.read_text()))
    assert not list(delegated.glob("computation-*"))
