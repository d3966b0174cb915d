from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.spec import Command, EntryPoint, Limits, Script, Spec
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve
from .samples import CRASHED, NORMAL, STATUS, piece, result

STARTED = {"name": "count", "host": "nas", "state": "running"}


class Node:
    """The verbs that spawn uses, and the specs that came in."""

    def __init__(self, **answers: Any) -> None:
        self.specs: list[Spec] = []
        self.answers = answers

    def spawn(self, call: Call) -> Iterator[object]:
        self.specs.append(Spec.from_plain(call.arg("spec", dict)))
        if error := self.answers.get("error"):
            raise error
        yield {**STARTED, **self.answers.get("started", {})}

    def table(self) -> dict[str, Any]:
        return {
            "status": lambda _: [STATUS],
            "spawn": self.spawn,
            "logs": lambda _: self.answers["logs"],
            "result": lambda _: [self.answers["result"]],
        }


def test_a_script_travels_with_its_source_and_options(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    node = Node()
    serve(node.table())
    script = tmp_path / "count.py"
    script.write_text("def main(ctx): ...\n")
    ended = run(
        "spawn", "count.py", "--name", "count", "--near", "nas:/srv", "--restart", "permanent",
        "--reads", "books=nas:/srv/books", "--arg", "limit=10", "--arg", "word=whale",
        "--memory", "512M", "--cpu", "90s", "--wall", "10m", "--checkpoint-every", "1s",
        "--label", "gpu", "--label", "big", "--work", "2m",
    )  # fmt: skip
    assert (ended.code, ended.stdout) == (0, "count\n")
    assert node.specs == [
        Spec(
            Script(str(script), "def main(ctx): ...\n"),
            name="count",
            kwargs={"limit": 10, "word": "whale", "books": Reads("nas:/srv/books")},
            restart="permanent",
            limits=Limits(memory=512 << 20, cpu=90.0, wall=600.0),
            near="nas:/srv",
            labels=("gpu", "big"),
            work=120.0,
            checkpoint_every=1.0,
        )
    ]


def test_a_callable_and_a_command(run: Run, serve: Serve) -> None:
    node = Node()
    serve(node.table())
    assert run("spawn", "package.module:main", "--on", "nas").code == 0
    assert run("spawn", "--restartable", "--", "make", "-j8", "--on", "x").code == 0
    assert [spec.what for spec in node.specs] == [
        EntryPoint("package.module:main"),
        Command(("make", "-j8", "--on", "x"), restartable=True),
    ]
    assert [spec.on for spec in node.specs] == ["nas", None]


def test_a_command_may_be_named_like_a_script(run: Run, serve: Serve) -> None:
    node = Node()
    serve(node.table())
    assert run("spawn", "--", "count.py").code == 0
    assert node.specs[0].what == Command(("count.py",))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "neither FILE.py nor"),
        (("make", "-j8"), "-j"),
        (("make",), "stands after --"),
        (("--",), "needs its program"),
        (("--restartable", "m:f"), "for commands"),
        (("m:f", "--arg", "3=4"), "NAME=VALUE"),
        (("--arg", "n=4", "--", "make"), "stand after it"),
        (("m:f", "--reads", "books=/srv"), "HOST:PATH"),
        (("m:f", "--memory", "much"), "512M"),
        (("m:f", "--on", "a", "--near", "b:c"), "either on or near"),
        (("m:f", "--name", "a b"), "name"),
        (("m:f", "--label", "G P U"), "labels"),
        (("m:f", "--restart", "often"), "restart"),
    ],
)
def test_wrong_usage_reaches_no_node(
    run: Run, serve: Serve, words: tuple[str, ...], said: str
) -> None:
    node = Node()
    serve(node.table())
    ended = run("spawn", *words)
    assert ended.code == ExitCode.USAGE
    assert said in ended.stderr
    assert not node.specs


def test_a_script_that_is_not_there(run: Run) -> None:
    ended = run("spawn", "absent.py")
    assert ended.code == ExitCode.NOT_FOUND
    assert "absent.py" in ended.stderr


def test_waiting_shows_output_then_the_result(run: Run, serve: Serve) -> None:
    node = Node(logs=[piece(b"half\n"), piece(b"oh\n", "stderr")], result=result(12))
    serve(node.table())
    ended = run("spawn", "m:f", "--wait")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "half\n12\n", "oh\n")
    assert run("spawn", "m:f", "--wait", "--json").json()["value"] == 12


def test_waiting_for_a_failure(run: Run, serve: Serve) -> None:
    node = Node(logs=[], result=result(state="failed", value=None, reason=CRASHED))
    serve(node.table())
    assert run("spawn", "m:f", "--wait").code == ExitCode.FAILED


@pytest.mark.parametrize("code", [0, 3, 137])
def test_waiting_for_a_command_returns_its_own_code(run: Run, serve: Serve, code: int) -> None:
    reason = {**NORMAL, "kind": "exit", "exit": code}
    node = Node(logs=[piece(b"made\n")], result=result(kind="command", reason=reason))
    serve(node.table())
    ended = run("spawn", "--wait", "--", "make")
    assert (ended.code, ended.stdout) == (code, "made\n")


def test_waiting_for_a_command_that_could_not_run(run: Run, serve: Serve) -> None:
    node = Node(error=GatewayError(ErrorCode.UNPLACEABLE, "no host can take it", "explain"))
    serve(node.table())
    assert run("spawn", "--wait", "--", "make").code == ExitCode.WRAPPER_FAILED
    assert run("spawn", "--", "make").code == ExitCode.UNPLACEABLE
    assert run("spawn", "m:f", "--wait").code == ExitCode.UNPLACEABLE


def test_a_node_that_cannot_start_says_why(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "run").touch()
    ended = run("spawn", "m:f")
    assert ended.code == ExitCode.FAILED
    assert "no node is up here: starting one" in ended.stderr
    assert "ended while it was starting" in ended.stderr
    assert "node.log" in ended.stderr
