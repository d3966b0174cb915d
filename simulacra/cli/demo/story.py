"""What happens in the demo: a computation moves to its data, loses its worker, and is right."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from simulacra.actors.gateway.frames import GatewayError
from simulacra.actors.units import show_size
from simulacra.cli import output
from simulacra.cli.demo.books import BOOKS, count_directly, write_books
from simulacra.cli.demo.stage import Host, Stage, open_stage
from simulacra.cli.exits import ExitCode

_SCRIPT: Final = Path(__file__).with_name("word_count.py")
_BEGINNING: Final = re.compile(r"on (\w+): (\d+) books are counted already")


def demo() -> ExitCode:
    """Show three nodes on this machine, and a computation that moves to its files.

    It makes books on one of them, counts their words from another, moves the counting to the books,
    kills it, and compares what it found in the end with a direct count. Every command is shown and
    really run. It needs no root, takes about ten seconds, and leaves nothing behind.

    For example:

    - `simulacra demo`
    """
    with open_stage("laptop", "desk", "nas") as stage:
        counted: dict[str, Any] = {}
        books = _set_up(stage)
        found, log = _count(stage, books, counted)
        words = int(stage.type("nas", "cat books/*.txt | wc -w"))
        stage.say("Is all of that true?")
        right = [_check(text, holds) for text, holds in _claims(found, log, counted, words)]
        stage.say("The nodes go down; nothing of this is left.")
        stage.type_on_all("simulacra down")
    return ExitCode.OK if all(right) else ExitCode.FAILED


def _set_up(stage: Stage) -> Path:
    """Make the books and a network of three."""
    stage.say("Three hosts, each with a node of its own.")
    stage.type_on_all("simulacra up --detach --name {host}")
    books = stage["nas"].folder / "books"
    size = write_books(books)
    shutil.copy(_SCRIPT, stage["laptop"].folder)
    stage.say("They become a network when each has the others' keys.")
    stage.type_on_all("simulacra keys >> ../network.keys")
    stage.type("laptop", "cat ../network.keys")
    stage.type_on_all("simulacra keys import ../network.keys")
    stage.until(lambda: _are_connected(stage["laptop"], stage["nas"]), "a connected network")
    stage.say(f"On nas are {BOOKS} books, {show_size(size)} together. Count them from laptop.")
    return books


def _count(stage: Stage, books: Path, counted: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Start the counting, move it, kill it, and wait; count directly meanwhile."""
    nas, laptop = stage["nas"], stage["laptop"]
    stage.type(
        "laptop",
        "simulacra spawn word_count.py --name words "
        f"--arg books=nas:{books} --checkpoint-every 500ms",
    )
    stage.until(lambda: _reads_of(laptop, "nas"), "what the counting reads")
    stage.say("It runs on laptop, and it turns out to read files of nas.")
    stage.type("laptop", "simulacra explain words")
    _move(stage, lambda: str(_row(laptop)["host"]))
    stage.until(lambda: _reports_on(nas, laptop) > 1, "counting on nas")
    stage.say("Its worker is killed. It goes on from its checkpoint.")
    stage.type("nas", f"kill -9 {_row(laptop)['pid']}")
    stage.type("laptop", "simulacra ps")
    found = stage.type(
        "laptop",
        "simulacra result words --wait",
        beside=lambda: counted.update(count_directly(books)),
    )
    log = stage.type("laptop", "simulacra logs words")
    stage.type("laptop", "simulacra ps words")
    return {"value": json.loads(found), "row": _row(laptop)}, log


def _move(stage: Stage, where: Callable[[], str]) -> None:
    """Have it move, unless it goes by itself, as it does where the machine is slow enough."""
    if where() == "nas":
        stage.say("So it has moved there by itself, with what it has counted.")
        return
    stage.say("So it moves there, with what it has counted.")
    try:
        stage.type("laptop", "simulacra migrate words nas")
    except GatewayError:
        if where() != "nas":  # else it was faster than the command
            raise


def _claims(
    found: dict[str, Any], log: str, counted: dict[str, Any], words: int
) -> Iterator[tuple[str, bool]]:
    value, row = found["value"], found["row"]
    beginnings = [(host, int(done)) for host, done in _BEGINNING.findall(log)]
    hosts = [host for host, _ in beginnings]
    done = [done for _, done in beginnings]
    yield "it began on laptop, and moved to nas", hosts[:2] == ["laptop", "nas"]
    yield "it took what it had counted along", len(done) > 1 and done[1] > 0
    yield "its worker was killed, and started again", row["restarts"] == 1 and len(hosts) == 3  # noqa: PLR2004
    yield (
        "it went on from a checkpoint, not from the beginning",
        done == sorted(done) and 0 < done[-1] < BOOKS,
    )
    yield f"its words are as many as wc counts: {words}", value["words"] == words
    yield "it found what a direct count of all books finds", value == counted


def _check(text: str, holds: bool) -> bool:
    output.data(f"{'✓' if holds else '✗ NOT TRUE:'} {text}")
    return holds


def _are_connected(*hosts: Host) -> bool:
    peers = [host.node.item("status")["peers"] for host in hosts]
    return all([peer["state"] for peer in each] == ["up", "up"] for each in peers)


def _log(host: Host) -> str:
    pieces = host.node.items("logs", name="words")
    return b"".join(piece["data"] for piece in pieces).decode()


def _reads_of(host: Host, other: str) -> bool:
    reads = host.node.item("explain", name="words")["reads"]
    return any(read["at"].startswith(f"{other}:") for read in reads)


def _reports_on(place: Host, seen_from: Host) -> int:
    return len(re.findall(rf"on {place.name}: \d+ books$", _log(seen_from), re.MULTILINE))


def _row(host: Host) -> dict[str, Any]:
    [picture] = host.node.items("ps", name="words")
    row: dict[str, Any] = next(row for row in picture["rows"] if row["name"] == "words")
    return row
