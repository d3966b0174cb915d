"""Running a command where its directory lies: whose that is, the proof, the command's streams."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.habits import Choice
from simulacra.actors.compute.mounts import Lying
from simulacra.actors.compute.run_frames import (
    BEAT_EVERY,
    LOST_AFTER,
    Beat,
    Ended,
    Frame,
    Grant,
    Piece,
    RunFrameError,
    Sent,
    Shape,
    pack,
    unpack,
)
from simulacra.actors.compute.runs import RUNS, Holds, StartRun
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.places import InTree, MountPlaces, Place, Places, Proofs
from simulacra.actors.control.tree_places import TreePlaces
from simulacra.actors.gateway.call import Call, Cancelled, Credit, Event, Input, Resize, Signal
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.bulk_line import Line, LineError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

logger = logging.getLogger(__name__)

_ASK: Final = 10.0
_ALONE: Final = "no other host that has all of {} is in reach"
_STREAMS: Final = {1: "stdout", 2: "stderr"}


class Running:
    """The verbs ``place``, ``prove``, ``run`` and ``ran``.

    Args:
        node: this host's.
        learning: what was learned of commands.
        copies: of trees.
    """

    def __init__(self, node: Node, learning: Learning, copies: Copies) -> None:
        self._node = node
        self._places: tuple[Places, ...] = (MountPlaces(node), TreePlaces(node))
        self._proofs = Proofs()
        self._learning, self._copies = learning, copies

    # -- where

    def place(self, call: Call) -> Iterator[object]:
        """Where a directory lies, what a command costs there and here, and what is to be proved."""
        lying, on = _lying(call), call.arg("on", str, None)
        command, choose = call.arg("command", str), call.arg("choose", bool, False)
        own = self._node.settings.name
        try:
            found = self._find(lying)
            place = self._place(found, lying, on)
            if place.tree is not None:
                yield self._in_tree(place.tree, found, command, on)
                return
            self._check_host(place.host)
        except GatewayError as error:
            if not choose:
                raise
            place = Place(own, lying.path, error.message, None)
        key = f"{place.host} {lying.mount.source} {command}"
        here = place.host == own
        choice = None if here else self._learning.on_mount(key, place.host, choose=choose)
        here = here or (choose and choice is not None and not choice.there)
        yield self._answer(place, choice, key, here=here)

    def _in_tree(
        self, tree: InTree, found: Sequence[Place], command: str, on: str | None
    ) -> dict[str, object]:
        """Where in a tree: on the host that was asked for, else where it costs least."""
        here, *others = found
        key = f"tree {tree.id} {command}"
        if on is None:
            there = self._learning.nearest(key, others)
        else:
            there = next((each for each in others if each.host == on), None)
        if there is None:
            return self._answer(here, None, key, here=True, why=_ALONE.format(tree.name))
        changes = self._copies.waiting(tree, there.host)
        choice = self._learning.in_tree(key, there.host, changes, choose=on is None)
        stays = choice is None or not choice.there
        return {
            **self._answer(there, choice, key, here=on is None and stays),
            "tree": tree.name,
            "below": os.fsencode(tree.below),
            "changes": changes,
        }

    def _answer(
        self, place: Place, choice: Choice | None, key: str, *, here: bool, why: str = ""
    ) -> dict[str, object]:
        name, text = self._proofs.make()
        return {
            "host": place.host,
            "path": os.fsencode(place.path),
            "via": place.via,
            "here": here,
            "proof": None if self._proofs.holds(place) else {
                "of": place.proof, "file": name, "text": text,
            },
            "habit": key,
            "tree": None,
            "below": b"",
            "changes": 0,
            **_told(choice, why),
        }  # fmt: skip

    def _find(self, lying: Lying) -> Sequence[Place]:
        return next(filter(None, (each.find(lying) for each in self._places)), ())

    def _place(self, found: Sequence[Place], lying: Lying, on: str | None) -> Place:
        own = self._node.settings.name
        here = Place(own, lying.path, f"{lying.mount.point} is of {own} itself", None)
        place = found[0] if found else here
        if on is None or on == place.host:
            return place
        told = f"{on} was asked for, where the path is taken as it is"
        there = Place(on, lying.path, told, None)
        return next((each for each in found if each.host == on), there)

    def _check_host(self, host: str) -> None:
        if host in self._node.inside() or host == self._node.settings.name:
            return
        if host in self._node.connected():
            raise GatewayError(
                ErrorCode.DENIED,
                f"{host} is an outside host, where nothing of the network's can run",
                "see who is inside: simulacra status",
            )
        if host in self._node.absent():
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} is not connected",
                "see who is connected: simulacra status",
            )
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"there is no host {host} in the network",
            "see what hosts there are: simulacra status",
        )

    def prove(self, call: Call) -> Iterator[object]:
        """Look on the other host for a file that was written here."""
        host, path = call.arg("host", str), call.arg("path", bytes)
        held = self._ask(host, Holds(path, call.arg("file", str), call.arg("text", bytes)))
        if held:
            self._proofs.add(call.arg("of", str))
        yield {"proved": bool(held)}

    def ran(self, call: Call) -> Iterator[object]:
        """A command ran here, through a mount or in a tree, for so many seconds."""
        host, seconds = call.arg("host", str), call.arg("seconds", float)
        self._learning.ran_here(call.arg("habit", str), host, seconds)
        yield {}

    # -- the command

    def run(self, call: Call) -> Iterator[object]:
        """Run a command on another host, its streams here."""
        host = call.arg("host", str)
        self._check_host(host)
        rows, columns = call.arg("rows", int, 0), call.arg("columns", int, 0)
        began = time.monotonic()
        ticket = self._ask(
            host,
            StartRun(
                _all_bytes(call.arg("argv", list)),
                call.arg("path", bytes),
                self._environ(call.arg("environ", dict)),
                (rows, columns) if rows and columns else None,
                call.arg("errors_apart", bool, False),
            ),
        )
        try:
            with self._node.bulk_client.talk(ticket) as line:
                line.patience(receiving=LOST_AFTER, sending=LOST_AFTER)
                for item in self._carry(call, line):
                    if item.get("status") == 0:
                        seconds = time.monotonic() - began
                        self._learning.ran(call.arg("habit", str, ""), host, seconds)
                    yield item
        except (BulkError, RunFrameError) as error:
            call.check()  # the line may be gone because the client is
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"the connection to {host} broke, and the command has been ended there: {error}",
                "see whether it is connected: simulacra status; then run it again",
            ) from error

    def _ask(self, host: str, question: StartRun | Holds) -> Any:
        try:
            return self._node.system.ref(f"{RUNS}@{host}").ask(question, timeout=_ASK)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            path = os.fsdecode(question.folder) or "the home there"
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"the directory {path} cannot be entered on {host}: {error}",
                f"look there: simulacra spawn --on {host} --wait -- ls -ld {path}",
            ) from error
        except (ActorDeadError, AskTimeoutError, OSError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} does not start it: {error}",
                "see who is connected, and with which version: simulacra status",
            ) from error

    def _environ(self, environ: dict[Any, Any]) -> list[tuple[bytes, bytes]]:
        """What of the client's environment goes along."""
        allowed = self._node.settings.run_environ
        return [
            (name, value)
            for name, value in environ.items()
            if isinstance(name, bytes)
            and isinstance(value, bytes)
            and any(fnmatchcase(os.fsdecode(name), pattern) for pattern in allowed)
        ]

    def _carry(self, call: Call, line: Line) -> Iterator[dict[str, object]]:
        sending = threading.Thread(target=_send, args=(call, line), name="run-send", daemon=True)
        sending.start()
        while True:
            frame = unpack(line.receive())
            match frame:
                case Piece(stream, data) if stream in _STREAMS:
                    yield {"output": data, "stream": _STREAMS[stream]}
                case Grant(size):
                    yield {"credit": size}
                case Ended(status):
                    yield {"status": status}
                    return
                case Beat():
                    call.check()
                case _:
                    raise RunFrameError(f"{frame} is nothing for this end")


def _send(call: Call, line: Line) -> None:
    """In a thread of its own: pass on what the client sends, until it goes away."""
    try:
        beat = time.monotonic() + BEAT_EVERY
        while True:
            event = call.receive(max(0.0, beat - time.monotonic()))
            frame = _frame(event)
            if frame is not None:
                line.send(pack(frame))
            if time.monotonic() >= beat:
                line.send(pack(Beat()))
                beat = time.monotonic() + BEAT_EVERY
    except (Cancelled, LineError):
        line.abort()


def _frame(event: Event | None) -> Frame | None:
    match event:
        case Input(data):
            return Piece(0, data or b"")
        case Resize(rows, columns):
            return Shape(min(rows, 0xFFFF), min(columns, 0xFFFF))
        case Credit(size):
            return Grant(size)
        case Signal(name) if name in signal.Signals.__members__:
            return Sent(signal.Signals[name])
        case Signal(name):
            logger.warning("a client sends the signal %r, which there is not", name)
    return None


def _lying(call: Call) -> Lying:
    try:
        return Lying.from_plain(call.arg("lying", dict))
    except ValueError as error:
        raise GatewayError(ErrorCode.USAGE, f"the argument 'lying' is wrong: {error}") from error


def _all_bytes(words: list[Any]) -> list[bytes]:
    if not words or not all(isinstance(word, bytes) for word in words):
        raise GatewayError(ErrorCode.USAGE, "the argument 'argv' is no list of bytes")
    return words


def _told(choice: Choice | None, why: str) -> dict[str, object]:
    if choice is None:
        return {
            "why": why or "nothing else is known",
            "seconds_here": None,
            "seconds_there": None,
            "chain": [],
        }
    costs = choice.costs
    return {
        "why": choice.why,
        "seconds_here": costs.here,
        "seconds_there": costs.there,
        "chain": [
            {"places": list(row.hosts), "seconds": row.total, "best": row.best}
            for row in costs.rows
        ],
    }
