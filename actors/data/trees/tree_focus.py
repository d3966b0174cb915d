"""The actor that moves main stores: of all trees of this host, registered as ``tree-focus``.

It does what `handing_over` decides: as the main store it asks the target how far its disk is, and
says in the directory to whom a tree is handed. As the one to whom it is, it says that it has it.
Whether this host may merge a tree now, any thread asks `leading`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.cluster.directory_view import DirectoryView
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Epoch
from simulacra.actors.cluster.store import StoreError
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.focus_messages import MoveTree, Prepare, Prepared, TakeTree
from simulacra.actors.data.trees.handing_over import HandOver, Seat, Step, why_not_take
from simulacra.actors.data.trees.leading import Leading
from simulacra.actors.data.trees.packing import unpack_context
from simulacra.actors.data.trees.tree import ReachOf, ShowTree, actor_name
from simulacra.actors.data.trees.trees import TREES, ListTrees
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import ExitReason

logger = logging.getLogger(__name__)

TREE_FOCUS: Final = "tree-focus"
_DONE: Final = ""
_EVERY: Final = 2.0
_ASK_EVERY: Final = 0.1
_UNSAID: Final = (FactError, StoreError, ActorDeadError, AskTimeoutError)


@dataclass(frozen=True, slots=True)
class _Froze:
    tree: str
    reply: Reply


class _Look:
    """Look at the directory again."""


class _Ask:
    """Time to ask the targets of the moves under way."""


@dataclass(slots=True)
class _Move:
    """A move under way, and those who wait for it."""

    hand_over: HandOver
    why: str
    waiting: list[Reply]


def focus_spec(leading: Leading, view: DirectoryView, inside: Callable[[], list[str]]) -> ChildSpec:
    """Its place in the node's tree, after the trees.

    Args:
        leading: told what is frozen.
        view: the directory.
        inside: the hosts that are connected now.
    """
    return ChildSpec(TREE_FOCUS, TreeFocus, (leading, view, inside), {"name": TREE_FOCUS})


class TreeFocus(Actor):
    """See the module.

    Args:
        leading: told what is frozen.
        view: the directory.
        inside: the hosts that are connected now.
    """

    def __init__(
        self, leading: Leading, view: DirectoryView, inside: Callable[[], Iterable[str]]
    ) -> None:
        self._leading = leading
        self._view = view
        self._inside = inside
        self._moves: dict[str, _Move] = {}

    def on_start(self) -> None:
        """Begin to look."""
        self._end = self._view.subscribe(["tree"], lambda _: self.ref.tell(_Look()))
        self.ref.tell(_Look())
        self.send_every(_EVERY, _Look())

    def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002 - whatever it is
        """Give up what is under way."""
        self._end()
        for tree in list(self._moves):
            self._give_up(tree, "the node is going down")

    def on_receive(self, message: Any) -> Any:
        """See the messages."""
        match message:
            case MoveTree():
                self._begin(message)
            case TakeTree():
                self._take(message)
            case Prepare():
                self._tell(message.asker, self._prepared(message))
            case Prepared(tree):
                self._hear(tree, message)
            case _Froze(tree, reply):
                self._froze(tree, reply)
            case _Ask():
                self._ask_targets()
            case _Look():
                self._look()
            case _:
                self.refuse(message)

    @property
    def _host(self) -> str:
        return self.system.name

    # -- the main store

    def _begin(self, message: MoveTree) -> None:
        reply = self.defer_reply()
        tree, seat = message.tree, self._leading.seat(message.tree)
        under_way = self._moves.get(tree)
        if seat is None or seat.host != self._host:
            where = "nobody" if seat is None else seat.host
            reply.set(f"{where} is its main store, not {self._host}")
        elif seat.handed:
            reply.set(f"it was handed to {seat.handed}, which has not said so yet")
        elif under_way is not None and under_way.hand_over.target != message.host:
            reply.set(f"it is on its way to {under_way.hand_over.target}")
        elif under_way is not None:
            under_way.waiting.append(reply)
        elif seat.host == message.host:
            reply.set(_DONE)
        else:
            known = self._known(tree)
            if known is None:
                reply.set(f"its copy on {self._host} does not answer")
                return
            hand_over = HandOver(seat, message.host, known, time.monotonic())
            self._moves[tree] = _Move(hand_over, message.why, [reply])
            self.ref.tell(_Ask())

    def _known(self, tree: str) -> Context | None:
        """What is known here, as of the last round."""
        standing = self._standing(tree)
        return None if standing is None else unpack_context(standing["vector"])

    def _ask_targets(self) -> None:
        now = time.monotonic()
        for tree, move in list(self._moves.items()):
            epoch = move.hand_over.epoch
            if move.hand_over.tick(now) is Step.GIVE_UP:
                self._give_up(tree, move.hand_over.problem)
            else:
                self._tell(
                    move.hand_over.target, Prepare(tree, (epoch.counter, epoch.host), self._host)
                )
        if self._moves:
            self.send_after(_ASK_EVERY, _Ask())

    def _hear(self, tree: str, said: Prepared) -> None:
        move = self._moves.get(tree)
        if move is None or said.host != move.hand_over.target:
            return
        try:
            shows = unpack_context(said.shows)
        except RecordError as error:
            logger.warning("what %s says of a tree is no context: %s", said.host, error)
            return
        epoch, now = Epoch(*said.epoch), time.monotonic()
        step = move.hand_over.answered(epoch, shows, said.problem, now)
        if step is Step.GIVE_UP:
            self._give_up(tree, move.hand_over.problem)
        elif step is Step.FREEZE:
            self._freeze(tree)
        elif step is Step.COMMIT:
            self._commit(tree, move)

    def _freeze(self, tree: str) -> None:
        self._leading.freeze(tree, frozen=True)
        reply = Reply(on_answer=lambda reply: self.ref.tell(_Froze(tree, reply)))
        self.system.ref(actor_name(tree)).forward(ReachOf(), reply)

    def _froze(self, tree: str, reply: Reply) -> None:
        move = self._moves.get(tree)
        if move is None:
            return
        value, error = reply.outcome()
        if error is not None:
            self._give_up(tree, f"the copy on {self._host} is at fault: {error}")
        else:
            move.hand_over.froze(unpack_context(value))

    def _commit(self, tree: str, move: _Move) -> None:
        seat = self._leading.seat(tree)
        if seat is None or seat.epoch != move.hand_over.epoch or seat.host != self._host:
            self._give_up(tree, "its focus has changed meanwhile")
            return
        handed = Seat(
            seat.epoch, seat.host, seat.since, move.why, seat.before, move.hand_over.target
        )
        try:
            self._say(tree, handed)
        except _UNSAID as error:
            now = self._leading.seat(tree)
            if now is None or not now.handed:  # or it was said, and the answer was late
                self._give_up(tree, str(error))
                return
        self._moves.pop(tree)
        self._leading.freeze(tree, frozen=False)
        for reply in move.waiting:
            reply.set(_DONE)

    def _give_up(self, tree: str, problem: str) -> None:
        move = self._moves.pop(tree)
        self._leading.freeze(tree, frozen=False)
        for reply in move.waiting:
            reply.set(problem)

    # -- the target

    def _prepared(self, asked: Prepare) -> Prepared:
        epoch = Epoch(*asked.epoch)
        seat = self._leading.seat(asked.tree)
        definition = self._definition(asked.tree)
        standing = None if definition is None else self._standing(asked.tree)
        problem = _problem(self._host, epoch, seat, definition, standing)
        shows = [] if standing is None else standing["shows"]
        return Prepared(asked.tree, asked.epoch, self._host, shows, problem)

    def _take(self, message: TakeTree) -> None:
        reply = self.defer_reply()
        seat = self._leading.seat(message.tree)
        copies = [fact.key.subject for fact in self._view.find("copy", name=message.tree)]
        problem = (
            "there is no such tree"
            if seat is None
            else why_not_take(seat, self._host, [self._host, *self._inside()], copies)
        )
        if seat is None or problem is not None:
            reply.set(problem)
            return
        try:
            counter = seat.epoch.counter + (1 if seat.handed else 0)
            old = Seat(Epoch(counter, seat.host), seat.host, seat.since, seat.why, seat.before)
            self._say(message.tree, old.next(self._host, time.time(), message.why))
            reply.set(_DONE)
        except _UNSAID as error:
            reply.set(str(error))

    # -- both

    def _look(self) -> None:
        for tree, move in list(self._moves.items()):
            if move.hand_over.heard_of(self._leading.seat(tree)) is Step.GIVE_UP:
                self._give_up(tree, move.hand_over.problem)
        for fact in self._view.find("tree"):
            if fact.value.get("handed") == self._host:
                self._accept(fact.key.subject)

    def _accept(self, tree: str) -> None:
        """Be the main store that this host was made."""
        seat = self._leading.seat(tree)
        if seat is None or seat.handed != self._host:
            return
        try:
            self._say(tree, seat.next(self._host, time.time(), seat.why))
        except _UNSAID as error:
            logger.warning("that this host is a main store now cannot be said yet: %s", error)

    def _say(self, tree: str, seat: Seat) -> None:
        names = [fact.key.name for fact in self._view.find("tree", subject=tree)]
        if not names:
            raise FactError("the tree was removed")
        self._view.say("tree", tree, names[0], seat.to_plain(), epoch=seat.epoch)

    def _definition(self, tree: str) -> Definition | None:
        all_here: list[Definition] = self.system.ref(TREES).ask(ListTrees())
        return next((each for each in all_here if each.id == tree), None)

    def _standing(self, tree: str) -> dict[str, Any] | None:
        try:
            standing: dict[str, Any] = self.system.ref(actor_name(tree)).ask(ShowTree())
        except (ActorDeadError, AskTimeoutError):
            return None
        return standing

    def _tell(self, host: str, message: Any) -> None:
        try:
            self.system.ref(f"{TREE_FOCUS}@{host}").tell(message)
        except MailboxFullError:
            logger.debug("%s is asked again later: it has too much mail", host)


def _problem(
    host: str,
    epoch: Epoch,
    seat: Seat | None,
    definition: Definition | None,
    standing: dict[str, Any] | None,
) -> str:
    """Why a host cannot be the main store; empty if it can."""
    if seat is not None and seat.epoch > epoch:
        return f"{seat.host} is the main store, in epoch {seat.epoch.counter}"
    if definition is None:
        return f"{host} has no copy"
    if not definition.is_complete:
        return f"{host} has only a part of it"
    if definition.paused:
        return f"it is paused on {host}"
    if standing is not None and standing["state"] == "halted":
        return f"it is halted on {host}: {standing['reason']}"
    return ""
