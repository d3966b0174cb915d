"""Laptops that take trees along, are cut off, and rejoin: in the lab, with real source trees."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.compute.values import pack, unpack
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.plan import HOME
from tests.faults.network import Labs
from tests.machines import PATIENCE, wait_for

pytestmark = pytest.mark.lab

READER = """
def main(ctx, path):
    seen = []
    while True:
        message = ctx.receive()
        if message.body == "end":
            return seen
        seen.append(ctx.path(path).read_text())
        message.reply(seen[-1])
"""


# -- trees


def sources(folder: Path, wanted: int) -> None:
    """Copy so many files of this Python's library, as often as that takes."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [
        each
        for each in sorted(library.rglob("*"))
        if each.is_file() and not each.is_symlink() and "site-packages" not in each.parts
        and each.suffix in {".py", ".txt", ".h", ".cfg", ".rst"} and each.stat().st_size < 100_000
    ]  # fmt: skip
    for n in range(wanted):
        copy, file = divmod(n, len(files))
        to = folder / f"lib{copy}" / files[file].relative_to(library)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[file], to)


def contents(folder: Path) -> dict[str, object]:
    """What is below a folder: bytes and modes by path."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_file():
            found[name] = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
        else:
            found[name] = None
    return found


def tree(host: Host, name: str) -> Path:
    """Where a tree is on a host, as seen from outside."""
    return host.home / name


def add(host: Host, name: str) -> None:
    """Make a folder of a host a tree; something is in it."""
    tree(host, name).mkdir(exist_ok=True)
    (tree(host, name) / "README").write_text(name)
    host.simulacra("tree", "add", name, f"{HOME}/{name}")


def follow(host: Host, name: str, main: Host) -> None:
    """Have a host follow a tree, and wait until it has all of it."""
    wait_for(lambda: name in names(host))
    host.simulacra("tree", "follow", name, f"{HOME}/{name}")
    wait_for(lambda: contents(tree(host, name)) == contents(tree(main, name)))


def names(host: Host) -> set[str]:
    """The trees that a host knows of."""
    return {each["name"] for each in host.client.item("tree_list")["trees"]}


def detach(host: Host, *words: str) -> dict[str, Any]:
    """Detach a host; it has to be safe."""
    done: dict[str, Any] = host.json("detach", *words, timeout=90.0)
    assert (done["detached"], done["missing"]) == (True, [])
    return done


def rejoin(host: Host, *words: str) -> dict[str, Any]:
    """Have a host rejoin; all has to be in step."""
    done: dict[str, Any] = host.json("rejoin", *words, timeout=90.0)
    assert done.get("missing", []) == []
    return done


def state_of(host: Host, other: Host) -> tuple[str, str]:
    """How a host shows another: its state, and why."""
    peers = host.status()["peers"]
    return next(
        ((each["state"], each["reason"] or "") for each in peers if each["host"] == other.name),
        ("", ""),
    )


@pytest.fixture
def lab(labs: Labs) -> Iterator[Lab]:
    """A nas, a laptop and a tablet that belong together, whatever an earlier test left."""
    lab = labs("nas", "laptop", "tablet", nodes=True)
    lab.wait_met()
    yield lab
    lab.heal()
    for host in lab:
        if host.status()["away"] is not None:
            rejoin(host)
    lab.wait_met()


# -- the tests


def test_a_laptop_takes_ten_thousand_files_along_and_nothing_of_either_side_is_lost(
    lab: Lab,
) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    sources(tree(nas, "src"), 10_000)
    add(nas, "src")
    wait_for(lambda: "src" in names(laptop))
    laptop.simulacra("tree", "follow", "src", f"{HOME}/src")
    path = f"nas:{HOME}/src/lib0/abc.py"
    spec = Spec(Script("/none/reader.py", READER), name="reader", args=(Reads(path),), on="laptop")
    laptop.client.item("spawn", spec=spec.to_plain(), timeout=20.0)
    here, there = tree(laptop, "src"), tree(nas, "src")

    done = detach(laptop, "--for", "8h")
    assert done["heard"] == ["nas", "tablet"]
    assert contents(here) == contents(there)
    assert state_of(nas, laptop)[0] == "detached"
    assert re.search(r"7h\d\dm", wait_for(lambda: state_of(nas, laptop)[1]))
    lab.unplug("laptop")

    edit(here, "laptop")
    edit(there, "nas")
    (here / "both.txt").write_text("laptop")
    (there / "both.txt").write_text("nas")
    (here / "lib0/argparse.py").unlink()
    (there / "lib0/argparse.py").write_text("edited, so it stays\n")
    # The computation goes on alone, and reads what the tree brought of the nas.
    (here / "lib0/abc.py").write_text("read while away")
    assert ask(laptop, "reader", "go on") == "read while away"
    ask_to_end(laptop, "reader")
    assert not (there / "by-laptop").exists()

    lab.plug("laptop")
    before = contents(there)
    # The laptop stays detached although it is in reach, until it is told to rejoin.
    wait_for(lambda: state_of(laptop, nas)[0] == "apart")
    plan = rejoin(laptop, "--dry-run")["plan"]
    assert contents(there) == before
    assert state_of(nas, laptop)[0] == "detached"
    [told] = [each for each in plan["trees"] if each["tree"] == "src"]  # others' trees are there
    assert told["clashes"] == ["both.txt"]
    assert (told["up"]["removed"], told["down"]["removed"]) == (2, 1)
    assert [each["name"] for each in plan["finished"]] == ["reader"]

    rejoined = rejoin(laptop)
    found = contents(there)
    assert found == contents(here)
    assert {each["tree"]: each["conflicts"] for each in rejoined["trees"]}["src"] == ["both.txt"]
    assert [each["name"] for each in rejoined["finished"]] == ["reader"]
    for who in ("laptop", "nas"):
        assert f"by-{who}/new.txt" in found
        assert found[f"lib1/moved-by-{who}.py"] == found[f"kept-by-{who}.py"]
        assert f"lib0/by-{who}.txt" in found
    gone = {"lib0/ast.py", "lib0/base64.py", "lib1/calendar.py", "lib1/cmd.py"}
    assert not gone & found.keys()
    copies = [found[name] for name in found if name.startswith("both")]
    assert sorted(map(str, copies)) == sorted(str((each, 0o644)) for each in (b"laptop", b"nas"))
    assert found["lib0/argparse.py"] == (b"edited, so it stays\n", 0o644)
    assert found["lib0/abc.py"] == (b"read while away", 0o644)
    assert state_of(nas, laptop)[0] == "up"


def edit(root: Path, who: str) -> None:
    """Make, edit, rename and delete, of each one that the other side does not touch."""
    (root / f"by-{who}").mkdir()
    (root / f"by-{who}/new.txt").write_text(who)
    (root / f"lib0/by-{who}.txt").write_text(who)
    moved, gone = {"laptop": ("calendar", "ast"), "nas": ("cmd", "base64")}[who]
    shutil.copyfile(root / f"lib1/{moved}.py", root / f"kept-by-{who}.py")
    (root / f"lib1/{moved}.py").rename(root / f"lib1/moved-by-{who}.py")
    (root / f"lib0/{gone}.py").unlink()


def ask(host: Host, name: str, body: object) -> object:
    """Ask a computation."""
    answer = host.client.item("ask", name=name, body=pack(body, "body"), timeout=20.0)
    return unpack(answer["body"])


def ask_to_end(host: Host, name: str) -> None:
    """Have a computation end, and wait for it."""
    host.client.item("send", name=name, body=pack("end", "body"))
    host.client.item("result", name=name, wait=True, timeout=20.0)


def test_two_laptops_that_meet_alone_sync_with_each_other(lab: Lab) -> None:
    nas, laptop, tablet = lab["nas"], lab["laptop"], lab["tablet"]
    add(nas, "notes")
    (tree(nas, "notes") / "list").write_text("milk")
    for each in (laptop, tablet):
        follow(each, "notes", nas)
    detach(laptop)
    detach(tablet)
    lab.split(["nas"], ["laptop", "tablet"])
    (tree(laptop, "notes") / "of-laptop").write_text("bread")
    # Both are detached, so they work together, and with the nas they do not.
    wait_for((tree(tablet, "notes") / "of-laptop").exists)
    (tree(tablet, "notes") / "of-tablet").write_text("eggs")
    wait_for((tree(laptop, "notes") / "of-tablet").exists)
    (tree(nas, "notes") / "list").write_text("milk, tea")
    lab.mend()
    rejoin(tablet)
    # What the laptop did has come with the tablet, while the laptop itself is still away.
    wait_for(lambda: contents(tree(nas, "notes")) == contents(tree(tablet, "notes")))
    assert (tree(nas, "notes") / "of-laptop").read_text() == "bread"
    assert (tree(laptop, "notes") / "list").read_text() == "milk"
    assert laptop.status()["away"]["phase"] == "apart"
    rejoin(laptop)
    assert contents(tree(laptop, "notes")) == contents(tree(nas, "notes"))
    assert (tree(laptop, "notes") / "list").read_text() == "milk, tea"


def test_a_cable_that_is_pulled_without_a_word_works_as_well(lab: Lab) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    add(nas, "plain")
    for n in range(20):
        (tree(nas, "plain") / f"{n}.txt").write_text(str(n))
    follow(laptop, "plain", nas)
    lab.unplug("laptop")
    (tree(laptop, "plain") / "1.txt").unlink()
    (tree(laptop, "plain") / "2.txt").write_text("laptop")
    (tree(nas, "plain") / "2.txt").write_text("nas")
    (tree(nas, "plain") / "new").write_text("nas")
    wait_for(lambda: "nas" not in laptop.sees() and "laptop" not in nas.sees())
    gone = laptop.simulacra("rejoin", "--json", check=False, timeout=30.0)
    assert gone.returncode == 4
    assert "no other host is in reach" in json.loads(gone.stdout)["error"]["message"]
    lab.plug("laptop")
    done = rejoin(laptop)
    assert contents(tree(laptop, "plain")) == contents(tree(nas, "plain"))
    assert not (tree(nas, "plain") / "1.txt").exists()
    [plain] = [each for each in done["trees"] if each["tree"] == "plain"]
    assert plain["conflicts"] == ["2.txt"]


def short_detach(laptop: Host) -> dict[str, Any] | None:
    """What detaching said that had too little time; None while the one before is being ended."""
    short = laptop.simulacra("detach", "--trees", "big", "--timeout", "5s", "--json", check=False)
    assert short.returncode == 1
    told: dict[str, Any] = json.loads(short.stdout)
    return told if "detached" in told else None


def test_detaching_that_is_interrupted_leaves_the_host_in_the_network(lab: Lab) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    add(nas, "big")
    laptop_big = tree(laptop, "big")
    wait_for(lambda: "big" in names(laptop))
    laptop.simulacra("tree", "follow", "big", f"{HOME}/big")
    wait_for(laptop_big.exists)
    lab.slow("laptop", "nas", rate="4mbit")
    (tree(nas, "big") / "film").write_bytes(os.urandom(8 << 20))
    began = laptop.popen(["simulacra", "detach"], stderr=-1)
    wait_for(lambda: any(laptop_big.parent.glob("simulacra/state/laptop/trees/*")))
    time.sleep(1.0)  # it is on its way
    began.send_signal(signal.SIGINT)
    assert began.wait(PATIENCE) == 130
    assert began.stderr is not None
    began.stderr.close()
    assert laptop.status()["away"] is None
    told = wait_for(lambda: short_detach(laptop))
    assert (told["detached"], bool(told["missing"])) == (False, True)
    assert laptop.status()["away"] is None
    lab.heal()
    detach(laptop)
    assert contents(laptop_big) == contents(tree(nas, "big"))


def test_rejoining_goes_on_where_it_was_when_the_node_is_killed(lab: Lab) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    add(nas, "kill")
    follow(laptop, "kill", nas)
    detach(laptop)
    laptop.signal_node(signal.SIGKILL)
    laptop.up()  # it stays detached through a restart
    assert laptop.status()["away"]["phase"] == "apart"
    wait_for(lambda: state_of(laptop, nas)[0] == "apart")
    (tree(laptop, "kill") / "up").write_bytes(os.urandom(3 << 20))
    (tree(nas, "kill") / "down").write_bytes(os.urandom(3 << 20))
    lab.slow("laptop", "nas", rate="8mbit")
    began = laptop.popen(["simulacra", "rejoin"], stdout=-1, stderr=-1)
    wait_for(lambda: (laptop.status()["away"] or {}).get("phase") == "rejoining")
    laptop.signal_node(signal.SIGKILL)
    assert began.wait(PATIENCE) == 4
    for pipe in (began.stdout, began.stderr):
        assert pipe is not None
        pipe.close()
    laptop.up()
    assert laptop.status()["away"]["phase"] == "rejoining"
    lab.heal()
    done = rejoin(laptop)
    assert contents(tree(laptop, "kill")) == contents(tree(nas, "kill"))
    [told] = [each for each in done["trees"] if each["tree"] == "kill"]
    assert (told["up"]["changed"], told["down"]["changed"]) == (1, 1)
    assert laptop.status()["away"] is None


def test_what_a_computation_reads_and_is_in_no_tree_is_said_in_words(lab: Lab) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    (nas.home / "loose").mkdir()
    (nas.home / "loose/data").write_text("loose")
    path = f"nas:{HOME}/loose/data"
    spec = Spec(Script("/none/wants.py", READER), name="wants", args=(Reads(path),), on="laptop")
    laptop.client.item("spawn", spec=spec.to_plain(), timeout=20.0)
    done = detach(laptop)
    [note] = [each for each in done["notes"] if "wants" in each]
    assert f"wants reads {path}, which is in no tree" in note
    rejoin(laptop)
    add(nas, "loose")
    wait_for(lambda: "loose" in names(laptop))
    refused = laptop.simulacra("detach", "--json", check=False, timeout=60.0)
    assert refused.returncode == 1
    [missing] = json.loads(refused.stdout)["missing"]
    assert "which is not followed here: simulacra tree follow loose PATH" in missing
    follow(laptop, "loose", nas)
    detach(laptop)
    ask_to_end(laptop, "wants")


def test_main_stores_are_handed_over_where_somebody_has_all_of_a_tree(lab: Lab) -> None:
    nas, laptop = lab["nas"], lab["laptop"]
    add(laptop, "shared")
    add(laptop, "lonely")
    follow(nas, "shared", laptop)
    (tree(laptop, "shared") / "last").write_text("a moment ago")
    done = detach(laptop)
    assert done["main_stores"] == {"shared": "nas"}
    assert (tree(nas, "shared") / "last").read_text() == "a moment ago"
    [note] = [each for each in done["notes"] if "lonely" in each]
    assert "stays here: nobody in reach has a complete copy" in note
    mains = {each["name"]: each["main"] for each in nas.json("tree", "list")["trees"]}
    assert (mains["shared"], mains["lonely"]) == ("nas", "laptop")
    master = wait_for(lambda: nas.client.item("focus")["epoch"][1])
    assert master in ("nas", "tablet")
    (tree(nas, "shared") / "README").write_text("nas goes on")
    rejoin(laptop)
    assert contents(tree(laptop, "shared")) == contents(tree(nas, "shared"))
