"""Commands in a tree that two hosts have, a real node each: edits go there, results come back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli.exits import ExitCode
from simulacra.cli.tree_running import carry_back, carry_there
from simulacra.client import Client
from tests.processes import until_none

from .conftest import DEADLINE, Ended
from .homes import Home, processes_below, until_linked

MAKEFILE = """\
all:
\t@echo on $$SIMULACRA_NAME in $$(pwd); cat words; cat words > built
bad:
\t@echo half > partly; exit 3
long:
\t@echo begun; sleep 100
"""


class Pair:
    """A laptop and a nas, and a tree of which the nas has the main store.

    Attributes:
        here: the directory with the makefile, in the laptop's copy.
        there: the same in the nas's.
    """

    def __init__(self, folder: Path) -> None:
        self.laptop, self.nas = Home("laptop", folder), Home("nas", folder)
        self.there, self.here = (home.folder / "src/a b" for home in (self.nas, self.laptop))

    def begin(self) -> None:
        self.nas.do("up", "--detach")
        self.nas.do("init", "home")
        token = self.nas.do("invite", "--json").json()["join"]
        self.laptop.do("up", "--detach", "--join", token)
        self.there.mkdir(parents=True)
        (self.there / "Makefile").write_text(MAKEFILE)
        (self.there / "words").write_text("old words\n")
        self.nas.do("tree", "add", "src", str(self.there.parent))
        self.laptop.do("tree", "follow", "src", str(self.here.parent))
        self.laptop.do("tree", "sync", "src")

    def popen(self, *words: str, at: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "simulacra", "run", *words],
            env=self.laptop.environ,
            cwd=at or self.here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, at: Path | None = None) -> Ended:
        process = self.popen(*words, at=at)
        stdout, stderr = process.communicate(timeout=DEADLINE)
        return Ended(process.returncode, stdout, stderr)

    def explained(self, *words: str) -> Any:
        return self.run("--explain", "--json", *words, "make").json()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("trees")
    pair = Pair(folder)
    try:
        pair.begin()
        yield pair
    finally:
        ended = [home.run("down") for home in (pair.laptop, pair.nas)]
    assert [each.code for each in ended] == [0, 0]
    until_none(lambda: processes_below(folder))


@pytest.fixture(autouse=True)
def _linked(pair: Pair) -> None:
    until_linked(pair.laptop, pair.nas)


def test_an_edit_of_a_moment_ago_is_seen_there_and_results_come_back(pair: Pair) -> None:
    for words in ("new words\n", "newer words\n"):
        (pair.here / "words").write_text(words)
        ended = pair.run("--on", "nas", "make")
        assert (ended.code, ended.stdout) == (0, f"on nas in {pair.there}\n{words}")
        # On a busy machine it says how far it is.
        assert all(line.startswith("simulacra: src: ") for line in ended.stderr.splitlines())
        assert (pair.here / "built").read_text() == words


def test_the_exit_code_and_what_was_done_until_then_come_back(pair: Pair) -> None:
    ended = pair.run("--on", "nas", "make", "bad")
    assert (ended.code, ended.stdout) == (2, "")
    assert "Error 3" in ended.stderr
    assert (pair.here / "partly").read_text() == "half\n"


def test_what_is_removed_and_renamed_there_is_here_afterwards(pair: Pair) -> None:
    for name in ("one", "two"):
        (pair.here / name).write_text(name)
    assert pair.run("--on", "nas", "sh", "-c", "rm one; mv two three; ln -s three link").code == 0
    assert not (pair.here / "one").exists()
    assert not (pair.here / "two").exists()
    assert (pair.here / "link").read_text() == "two"


def test_many_files_go_there_and_come_back(pair: Pair) -> None:
    folder = pair.here / "many"
    folder.mkdir()
    for number in range(300):
        (folder / str(number)).write_text(str(number))
    ended = pair.run("--on", "nas", "sh", "-c", "for f in *; do echo $f > $f.out; done", at=folder)
    assert ended.code == 0
    assert {int((folder / f"{n}.out").read_text()) for n in range(300)} == set(range(300))


def test_without_a_host_it_runs_where_it_costs_least(pair: Pair) -> None:
    for _ in range(2):  # the first time nothing is known of it
        ended = pair.run("make")
        assert ended.code == 0
        assert ended.stdout.startswith(f"on laptop in {pair.here}") or "on nas" in ended.stdout
    found = pair.explained()
    assert found["tree"] == "src"
    assert {tuple(row["places"]) for row in found["chain"]} == {
        ("laptop", "laptop", "laptop"),
        ("laptop", "laptop", "nas"),
        ("laptop", "nas", "nas"),
    }
    # Where what two runs took differs little from what was thought, it stays where it began.
    stays = "would cost less" in found["why"] or "it stays on" in found["why"]
    assert (found["here"] == (found["seconds_here"] < found["seconds_there"])) is not stays
    shown = pair.run("--explain", "--on", "nas", "make").stdout
    assert shown.startswith(f"it would run on nas, in {pair.there}\n")
    assert "AA     laptop laptop laptop" in shown
    assert "keys and screen" in shown


def test_the_main_store_may_ask_a_follower(pair: Pair) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "simulacra", "run", "--on", "laptop", "make"],
        env=pair.nas.environ,
        cwd=pair.there,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert process.stdout.startswith(f"on laptop in {pair.here}\n")


def test_a_link_into_the_tree_and_a_directory_beside_it(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(pair.here)
    assert pair.run("--on", "nas", "pwd", at=tmp_path / "link").stdout == f"{pair.there}\n"
    assert pair.run("--on", "nas", "pwd", at=tmp_path).stdout == f"{tmp_path}\n"
    assert pair.run("pwd", at=tmp_path).stdout == f"{tmp_path}\n"


def test_what_leads_out_of_the_tree_stays(pair: Pair) -> None:
    for word in ("/etc", "-C/etc", "../../other"):
        found = pair.run("--explain", "make", word).stdout
        assert found.startswith("it would run here\n")
        assert "leads out of the tree src" in found
    assert "leads out" not in pair.run("--explain", "make", "../words").stdout


def test_a_directory_that_is_ignored_is_not_there(pair: Pair) -> None:
    (pair.here / ".simulacraignore").write_text("private/\n")
    private = pair.here / "private"
    private.mkdir()
    ended = pair.run("--on", "nas", "make", at=private)
    assert ended.code == ExitCode.WRAPPER_FAILED
    assert f"there is no directory {pair.there}/private on nas" in ended.stderr
    ended = pair.run("--best", "--on", "nas", "pwd", at=private)
    assert (ended.code, ended.stdout) == (0, f"{private}\n")
    assert "it runs here" in ended.stderr


def test_a_copy_that_is_paused_is_refused_and_for_the_hook_a_reason_to_stay(pair: Pair) -> None:
    pair.nas.do("tree", "pause", "src")
    try:
        pair.nas.until(lambda: "paused" in pair.nas.do("tree", "status", "src").stdout)
        ended = pair.run("--on", "nas", "make")
        assert ended.code == ExitCode.WRAPPER_FAILED
        assert "src is paused on nas" in ended.stderr
        assert "simulacra tree resume src" in ended.stderr
        ended = pair.run("--best", "--on", "nas", "make")
        assert (ended.code, ended.stdout.splitlines()[0]) == (0, f"on laptop in {pair.here}")
        assert "src is paused on nas; it runs here" in ended.stderr
    finally:
        pair.nas.do("tree", "resume", "src")


def test_results_that_do_not_come_lose_no_exit_code(pair: Pair, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo begun; while [ ! -e {go} ]; do sleep 0.05; done; echo late > late; exit 7"
    with pair.popen("--on", "nas", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        pair.nas.do("tree", "pause", "src")
        try:
            go.touch()
            _, said = process.communicate(timeout=DEADLINE)
        finally:
            pair.nas.do("tree", "resume", "src")
    assert process.returncode == 7
    assert "the command has run on nas, and its results are not all here yet" in said
    assert "simulacra tree sync src" in said
    pair.laptop.until((pair.here / "late").exists)


def test_a_host_that_is_away_leaves_it_here(pair: Pair) -> None:
    pair.nas.do("down")
    try:
        pair.laptop.until(lambda: "out of reach" in pair.laptop.do("tree", "status", "src").stdout)
        assert pair.run("make").stdout.startswith(f"on laptop in {pair.here}\n")
        assert pair.explained()["why"] == "no other host that has all of src is in reach"
        ended = pair.run("--on", "nas", "make")
        assert ended.code == ExitCode.WRAPPER_FAILED
        assert "nas is not connected" in ended.stderr
    finally:
        pair.nas.do("up", "--detach")


class Calls:
    """A client whose node says these items, or fails."""

    def __init__(self, *items: dict[str, Any], error: BaseException | None = None) -> None:
        self._items, self._error = items, error
        self.told: dict[str, Any] = {}

    def items(self, verb: str, **told: Any) -> Iterator[dict[str, Any]]:
        assert verb == "tree_carry"
        self.told = told
        yield from self._items
        if self._error is not None:
            raise self._error


FOUND = {"tree": "src", "host": "nas", "path": b"/srv", "habit": "key"}
AWAY = GatewayError(ErrorCode.FAILED, "src is paused on nas", "resume it")


def calls(*items: dict[str, Any], error: BaseException | None = None) -> Client:
    return cast("Client", Calls(*items, error=error))


def test_what_is_waited_for_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    waits = [{"done": False, "at": at} for at in ("one", "one", "two")]
    assert carry_there(calls(*waits, {"done": True, "seconds": 3.5}), FOUND) == 3.5
    assert capsys.readouterr().err == "simulacra: src: one\nsimulacra: src: two\n"


def test_what_is_in_the_way_before_it_runs_nothing() -> None:
    with pytest.raises(GatewayError, match="paused"):
        carry_there(calls(error=AWAY), FOUND)
    with pytest.raises(SystemExit) as ended:
        carry_there(calls(error=KeyboardInterrupt()), FOUND)
    assert ended.value.code == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("error", "why"), [(AWAY, "src is paused on nas"), (KeyboardInterrupt(), "interrupted")]
)
def test_what_is_in_the_way_afterwards_is_said(
    error: BaseException, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    carry_back(calls(error=error), FOUND, 1.0)
    said = capsys.readouterr().err
    assert f"its results are not all here yet: {why};" in said


def test_what_it_took_is_told_with_the_results() -> None:
    asked = Calls({"done": True, "seconds": 1.0})
    carry_back(cast("Client", asked), FOUND, 2.5)
    assert (asked.told["back"], asked.told["habit"], asked.told["spent"]) == (True, "key", 2.5)
