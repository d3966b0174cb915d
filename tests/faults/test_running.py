"""Commands in directories that are mounted by sshfs, and mounts that are kept, in a lab."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.testing.lab import Lab
from simulacra.testing.lab.plan import HOME
from tests.machines import PATIENCE, wait_for

from .test_lab import Hosts

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        shutil.which("sshfs") is None or not Path("/dev/fuse").exists(),
        reason="sshfs is not installed, or the kernel here has no FUSE",
    ),
]

MAKEFILE = r"""
all:
	@hostname; pwd; cat words
bad:
	@exit 3
heavy:
	@sleep 0.6; hostname
slow:
	@echo begun; sleep 100
"""
LOST_WITHIN = 15 + 5.0
"""Seconds after which a command of a lost connection has ended, with some to spare."""


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Lab("laptop", "nas") as lab:
        hosts = Hosts(lab)
        lab["nas"].run(["mkdir", "-p", f"{HOME}/src/a b"])
        lab["nas"].run(["tee", "src/Makefile"], input=MAKEFILE)
        lab["nas"].run(["tee", "src/words"], input="words of the nas\n")
        lab["laptop"].simulacra("mount", "nas:src", "src")
        yield hosts
        for host in hosts.all:
            host.down()


@pytest.fixture(autouse=True)
def there(hosts: Hosts) -> None:
    """The directory is mounted, whatever the test before did."""
    wait_for(lambda: "words" in laptop(hosts, "ls", f"{HOME}/src", cwd=HOME)[1])


def laptop(hosts: Hosts, *words: str, cwd: str = f"{HOME}/src") -> tuple[int, str, str]:
    done = hosts.lab["laptop"].run(list(words), cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def sleeps(hosts: Hosts) -> list[int]:
    """The processes of `make slow` on the nas."""
    return [pid for pid, words in hosts.lab["nas"].processes() if words == ["sleep", "100"]]


def mounted(hosts: Hosts) -> list[str]:
    shown = hosts.lab["laptop"].run(["cat", "/proc/self/mountinfo"]).stdout
    return [line for line in shown.splitlines() if " fuse.sshfs " in line]


def test_make_runs_where_the_directory_lies(hosts: Hosts) -> None:
    there = f"nas\n{HOME}/src\nwords of the nas\n"
    assert laptop(hosts, "simulacra", "run", "make") == (0, there, "")
    code, _, said = laptop(hosts, "simulacra", "run", "make", "bad")
    assert code == 2
    assert "Error 3" in said
    # What proved the directory is gone on both sides.
    assert laptop(hosts, "ls", "-A") == (0, "Makefile\na b\nwords\n", "")


def test_below_a_mount_and_a_bind_it_is_the_same_directory(hosts: Hosts) -> None:
    assert laptop(hosts, "simulacra", "run", "pwd", cwd=f"{HOME}/src/a b")[1] == f"{HOME}/src/a b\n"
    script = "mkdir bound; mount --bind 'src/a b' bound; cd bound; simulacra run pwd; cd ..; "
    script += "umount bound; rmdir bound"
    assert laptop(hosts, "sh", "-c", script, cwd=HOME) == (0, f"{HOME}/src/a b\n", "")


def test_a_directory_that_was_mounted_over_is_where_it_was(hosts: Hosts) -> None:
    script = "mkdir over; cd over; simulacra mount nas:src ../over; simulacra run hostname; "
    script += "cd ../over; simulacra run hostname; cd ..; simulacra unmount over; rmdir over"
    assert laptop(hosts, "sh", "-c", script, cwd=HOME)[:2] == (0, "laptop\nnas\n")


def test_the_shells_hook_runs_there_what_pays_there(hosts: Hosts) -> None:
    laptop(hosts, "simulacra", "run", "make", "heavy")
    script = 'eval "$(simulacra hook bash)"; cd ~/src; make heavy; make -f /dev/null; cd; make -v'
    code, shown, said = laptop(hosts, "bash", "-c", script, cwd=HOME)
    assert shown.startswith("nas\n")
    assert "GNU Make" in shown
    assert "No targets" in said  # another file elsewhere: it ran here
    assert code == 0


def test_why_there_is_explained(hosts: Hosts) -> None:
    _, shown, _ = laptop(hosts, "simulacra", "run", "--explain", "make")
    assert shown.startswith("it would run on nas, in src\n")
    assert "is 10.77.0.2:src by sshfs" in shown
    assert "laptop laptop nas" in shown
    _, shown, _ = laptop(hosts, "simulacra", "run", "--explain", "--best", "make", "-C/tmp")
    assert shown.startswith("it would run here\n")


def test_a_directory_that_is_another_one_is_refused(hosts: Hosts) -> None:
    script = (
        "mkdir wrong; sshfs -o fsname=nas:elsewhere nas:src wrong; cd wrong; "
        "ssh nas mkdir elsewhere; simulacra run hostname; echo $?; simulacra run --best hostname; "
        "ls -A; cd ..; fusermount3 -u wrong; rmdir wrong"
    )
    code, shown, said = laptop(hosts, "sh", "-c", script, cwd=HOME)
    assert (code, shown) == (0, "125\nlaptop\nMakefile\na b\nwords\n")
    assert "this directory is not elsewhere on nas" in said


def test_a_mount_of_a_stranger_is_named(hosts: Hosts) -> None:
    script = (
        "mkdir other; sshfs -o fsname=stranger:src nas:src other; cd other; simulacra run hostname;"
        " echo $?; simulacra run --best hostname; cd ..; fusermount3 -u other; rmdir other"
    )
    code, shown, said = laptop(hosts, "sh", "-c", script, cwd=HOME)
    assert (code, shown) == (0, "125\nlaptop\n")
    assert "stranger, which is no host of the network" in said


def test_ctrl_c_ends_the_remote_group(hosts: Hosts) -> None:
    keys, screen = pty.openpty()
    words = ["setsid", "--ctty", "simulacra", "run", "make", "slow"]
    process = hosts.lab["laptop"].popen(
        words, cwd=f"{HOME}/src", stdin=screen, stdout=screen, stderr=screen
    )
    os.close(screen)
    shown = b""
    while b"begun" not in shown:
        assert select.select([keys], [], [], 20)[0], shown
        shown += os.read(keys, 4096)
    wait_for(lambda: sleeps(hosts))
    os.write(keys, b"\x03")
    assert process.wait(PATIENCE) == 2 or process.returncode == 128 + signal.SIGINT
    wait_for(lambda: not sleeps(hosts))
    os.close(keys)


def test_a_mount_that_cannot_be_is_refused_and_forgotten(hosts: Hosts) -> None:
    for what, where, says in (
        ("nas:none", "none", "No such file"),
        ("nas:src", "src", "mounted at"),
        ("nix:src", "none", "not connected"),
        ("nas:src", "/etc", "not empty"),
    ):
        code, _, said = laptop(hosts, "simulacra", "mount", what, where, cwd=HOME)
        assert code != 0
        assert says in said
    assert laptop(hosts, "simulacra", "unmount", "none", cwd=HOME)[0] == 5
    kept = hosts.lab["laptop"].json("mounts")["mounts"]
    assert [each["folder"] for each in kept] == [f"{HOME}/src"]


def test_a_cable_that_is_pulled_ends_the_command_and_the_mount_comes_back(hosts: Hosts) -> None:
    lab = hosts.lab
    run = lab["laptop"].popen(
        ["simulacra", "run", "make", "slow"], cwd=f"{HOME}/src", stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"begun\n"
    lab.unplug("nas")
    try:
        began = time.monotonic()
        assert run.wait(LOST_WITHIN) == 125
        run.stdout.close()
        wait_for(lambda: not sleeps(hosts), LOST_WITHIN - (time.monotonic() - began))
        wait_for(lambda: not mounted(hosts))
        assert lab["laptop"].json("mounts")["mounts"][0]["state"] == "away"
    finally:
        lab.plug("nas")
    wait_for(lambda: mounted(hosts))
    wait_for(lambda: laptop(hosts, "simulacra", "run", "make")[0] == 0)


def test_a_node_that_was_killed_mounts_again_what_it_kept(hosts: Hosts) -> None:
    node = hosts.all[0]
    node.kill()
    node.up()
    hosts.wait_met()
    wait_for(lambda: laptop(hosts, "cat", "words")[1] == "words of the nas\n")
    assert laptop(hosts, "simulacra", "run", "hostname")[1] == "nas\n"


def test_what_is_unmounted_stays_so(hosts: Hosts) -> None:
    assert laptop(hosts, "simulacra", "unmount", "src", cwd=HOME)[0] == 0
    assert mounted(hosts) == []
    assert hosts.lab["laptop"].json("mounts") == {"mounts": []}
    assert not [w for _, w in hosts.lab["laptop"].processes() if w[0] == "sshfs"]
    hosts.lab["laptop"].simulacra("mount", "nas:src", "src")
