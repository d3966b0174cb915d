"""Commands in a tree that two hosts of a lab have: a cable that is pulled, a hook in a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from simulacra.testing.lab import Host, Lab, why_not
from simulacra.testing.lab.plan import HOME
from tests.machines import wait_for

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

MAKEFILE = r"""
all:
	@hostname; pwd; cat words; cat words > built
slow:
	@echo begun; sleep 100
"""
LOST_WITHIN = 15 + 5.0
SRC = f"{HOME}/src"
COPY = f"{HOME}/copy"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("laptop", "nas", nodes=True) as lab:
        lab["nas"].run(["mkdir", "-p", f"{SRC}/a b"])
        lab["nas"].run(["tee", f"{SRC}/a b/Makefile"], input=MAKEFILE)
        lab["nas"].run(["tee", f"{SRC}/a b/words"], input="words of the nas\n")
        lab["nas"].simulacra("tree", "add", "src", SRC)
        wait_for(lambda: lab["laptop"].json("tree", "list")["trees"])
        lab["laptop"].simulacra("tree", "follow", "src", COPY)
        lab["laptop"].simulacra("tree", "sync", "src")
        yield lab


def shell(host: Host, script: str, at: str = f"{COPY}/a b") -> tuple[int, str, str]:
    done = host.run(["bash", "-c", script], cwd=at, check=False)
    return done.returncode, done.stdout, done.stderr


def test_make_runs_there_with_the_edit_of_a_moment_ago_and_the_result_is_here(lab: Lab) -> None:
    laptop = lab["laptop"]
    script = "echo mine > words; simulacra run --on nas make; echo $?; cat built"
    assert shell(laptop, script) == (0, f"nas\n{SRC}/a b\nmine\n0\nmine\n", "")
    script = "simulacra run --on nas make frob; echo $?"
    assert shell(laptop, script)[1] == "2\n"


def test_a_bind_of_the_tree_is_the_tree_and_what_covers_a_part_is_not(lab: Lab) -> None:
    laptop = lab["laptop"]
    script = f"mkdir bound; mount --bind '{COPY}/a b' bound; cd bound; simulacra run --on nas pwd; "
    script += "cd ..; umount bound; rmdir bound"
    assert shell(laptop, script, HOME)[:2] == (0, f"{SRC}/a b\n")
    script = f"mkdir '{COPY}/over'; mount -t tmpfs none '{COPY}/over'; cd '{COPY}/over'; "
    script += f"simulacra run --explain make; cd /; umount '{COPY}/over'; rmdir '{COPY}/over'"
    assert "of laptop itself" in shell(laptop, script, HOME)[1]


def test_the_shells_hook_asks_in_trees_alone(lab: Lab) -> None:
    script = 'eval "$(simulacra hook bash)"; simulacra() { echo "simulacra $*"; }; '
    script += "make -j2; cd ~; make -v | head -n 1"
    _, shown, _ = shell(lab["laptop"], script)
    assert shown.startswith("simulacra run --best -- make -j2\nGNU Make")


def test_a_cable_that_is_pulled_ends_it_and_leaves_commands_here(lab: Lab) -> None:
    laptop = lab["laptop"]
    process = laptop.popen(
        ["simulacra", "run", "--on", "nas", "make", "slow"],
        cwd=f"{COPY}/a b",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    lab.unplug("nas")
    _, said = process.communicate(timeout=LOST_WITHIN)
    assert process.returncode == 125
    assert b"the connection to nas broke" in said
    wait_for(lambda: shell(laptop, "simulacra run make")[1].startswith("laptop\n"), LOST_WITHIN)
    code, _, said_too = shell(laptop, "simulacra run --on nas make")
    assert code == 125
    assert "nas is not connected" in said_too
    shell(laptop, "echo apart > words")
    lab.plug("nas")
    lab.wait_met()
    there = f"nas\n{SRC}/a b\napart\n"
    wait_for(lambda: shell(laptop, "simulacra run --on nas make")[1] == there)
