"""Whose a directory is, what a command costs on either side, and the proof that it is the same."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from simulacra.actors.compute.habits import Choice
from simulacra.actors.compute.mounts import Lying
from simulacra.actors.compute.runs import Holds
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.other_hosts import ask_host, check_host
from simulacra.actors.control.places import InTree, MountPlaces, Place, Places, Proofs
from simulacra.actors.control.tree_places import TreePlaces
from simulacra.actors.data.entries import printable
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ALONE: Final = "no other host that has all of {} is in reach"


class Directories:
    """The verbs ``place``, ``prove`` and ``ran``.

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

    def place(self, call: Call) -> Iterator[object]:
        """Where a directory lies, what a command costs there and here, and what is to be proved."""
        lying, on = _lying(call), call.arg("on", str, None)
        command, choose = call.arg("command", str), call.arg("choose", bool, False)
        runs = call.arg("runs", bool, True)
        own = self._node.settings.name
        try:
            found = self._find(lying)
            place = self._place(found, lying, on)
            if place.tree is not None:
                yield self._in_tree(place.tree, found, command, on, runs=runs)
                return
            check_host(self._node, place.host)
        except GatewayError as error:
            if not choose:
                raise
            place = Place(own, lying.path, error.message, None)
        key = f"{place.host} {lying.mount.source} {command}"
        here = place.host == own
        choice = (
            None if here else self._learning.on_mount(key, place.host, choose=choose, runs=runs)
        )
        here = here or (choose and choice is not None and not choice.there)
        yield self._answer(place, choice, key, here=here)

    def _in_tree(
        self, tree: InTree, found: Sequence[Place], command: str, on: str | None, *, runs: bool
    ) -> dict[str, object]:
        """Where in a tree: on the host that was asked for, else where it costs least."""
        here, *others = found
        key = f"tree {tree.id} {command}"
        if on is None:
            there = self._learning.nearest(key, others, runs=runs)
        else:
            there = next((each for each in others if each.host == on), None)
        if there is None:
            why = _ALONE.format(tree.name) if on is None else "it was asked to run here"
            return self._answer(here, None, key, here=True, why=why)
        changes = self._copies.waiting(tree, there.host)
        choice = self._learning.in_tree(key, there.host, changes, choose=on is None, runs=runs)
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
            "via": printable(place.via),
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

    def prove(self, call: Call) -> Iterator[object]:
        """Look on the other host for a file that was written here."""
        host, path = call.arg("host", str), call.arg("path", bytes)
        held = ask_host(
            self._node, host, Holds(path, call.arg("file", str), call.arg("text", bytes))
        )
        if held:
            self._proofs.add(call.arg("of", str))
        yield {"proved": bool(held)}

    def ran(self, call: Call) -> Iterator[object]:
        """A command ran here, through a mount or in a tree, for so many seconds."""
        host, seconds = call.arg("host", str), call.arg("seconds", float)
        self._learning.ran_here(call.arg("habit", str), host, seconds)
        yield {}


def _lying(call: Call) -> Lying:
    try:
        return Lying.from_plain(call.arg("lying", dict))
    except ValueError as error:
        raise GatewayError(ErrorCode.USAGE, f"the argument 'lying' is wrong: {error}") from error


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
