"""References to actors: the only thing one actor knows of another.

A ref names an actor by (node, incarnation, id). The incarnation is a random number of the node's
process, so that a ref to an actor of an earlier process is dead and stays dead. A ref by registered
name has the name as its id and incarnation 0: whoever has the name when a message arrives gets it.

A ref is bound to a *target*, which knows the way: the actor's cell when it lives in this node, a
route of the transport when it lives elsewhere. The holder cannot tell which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from simulacra.actors.runtime.errors import AskTimeoutError
from simulacra.actors.runtime.futures import ASK_TIMEOUT, Reply, Wait, seconds
from simulacra.actors.runtime.reason import NORMAL, ExitReason
from simulacra.actors.runtime.signals import Kill, Resume, Signal, Stop, Suspend
from simulacra.actors.tracing import current as current_trace
from simulacra.actors.tracing import traced

if TYPE_CHECKING:
    from simulacra.actors.runtime.proxy import Proxy

Address = tuple[str, int, int | str]
"""(node, incarnation, actor id)."""


class Target(Protocol):
    """The way to an actor."""

    def tell(self, message: Any) -> None:
        """Deliver a message, or count it as a dead letter."""

    def ask(self, message: Any, reply: Reply) -> None:
        """Deliver a message whose answer goes into ``reply``, an error if there can be none."""

    def signal(self, signal: Signal) -> None:
        """Deliver a signal."""

    def is_alive(self) -> bool:
        """Whether the actor is known to live."""


def _say_whether(stopped: Reply, was_alive: Reply) -> None:
    reason, error = stopped.outcome()
    if error is None:
        was_alive.set(reason is not None)
    else:
        was_alive.set_error(error)


class Ref:
    """A reference to an actor, local or remote; it may be sent in messages.

    Refs compare and hash by the actor they name.
    """

    __slots__ = ("_target", "address")

    def __init__(self, address: Address, target: Target) -> None:
        self.address = address
        self._target = target

    @property
    def node(self) -> str:
        """The name of the node where the actor lives."""
        return self.address[0]

    def tell(self, message: Any) -> None:
        """Send a message and do not wait.

        Raises:
            MailboxFullError: the actor's mailbox refuses more.
        """
        self._target.tell(traced(message))

    def ask(
        self, message: Any, *, block: bool = True, timeout: float | Wait | None = ASK_TIMEOUT
    ) -> Any:
        """Send a message and wait for the answer.

        Args:
            message: what to send.
            block: False returns a `Reply` to be waited for later.
            timeout: seconds to wait, 5 unless said; None waits for ever.

        Raises:
            AskTimeoutError: no answer in time.
            ActorDeadError: the actor is not alive, or ended before it answered.
            MailboxFullError: the actor's mailbox refused the message, or dropped it for newer.
            RuntimeError: an actor asks itself and waits.
            Exception: what handling the message raised.
        """
        if current_trace():  # asked here, as a call more is felt
            message = traced(message)
        if not block:
            reply = Reply()
            self._target.ask(message, reply)
            return reply
        limit = seconds(timeout)
        reply = Reply(limit)
        self._target.ask(message, reply)
        try:
            return reply.get(timeout=limit)
        except AskTimeoutError as given_up:
            reply.set_error(given_up)  # nobody need keep it any more
            raise

    def forward(self, message: Any, reply: Reply) -> None:
        """Send a message whose answer goes into a reply that somebody else waits for."""
        self._target.ask(traced(message), reply)

    def stop(self, *, block: bool = True, timeout: float | Wait | None = ASK_TIMEOUT) -> Any:
        """End the actor in good order, before the mail that waits.

        Returns:
            Whether it was alive; with ``block=False`` a `Reply` that will say so.

        Raises:
            AskTimeoutError: it was still busy after ``timeout`` seconds.
            RuntimeError: an actor stops itself and waits; it should call `Actor.exit`.
        """
        return self.exit(NORMAL, block=block, timeout=timeout)

    def exit(
        self, reason: ExitReason, *, block: bool = True, timeout: float | Wait | None = ASK_TIMEOUT
    ) -> Any:
        """Like `stop`, with a reason of one's own."""
        stopped = Reply()
        self._target.signal(Stop(reason, stopped))
        if block:
            return stopped.get(timeout=timeout) is not None
        was_alive = Reply()
        stopped.on_answer(lambda _: _say_whether(stopped, was_alive))
        return was_alive

    def kill(self) -> None:
        """End the actor at once; its code is not told. Those linked to it see ``killed``."""
        self._target.signal(Kill())

    def suspend(self) -> None:
        """Make the actor handle no mail until `resume`."""
        self._target.signal(Suspend())

    def resume(self) -> None:
        """Let the actor handle mail again."""
        self._target.signal(Resume())

    def signal(self, signal: Signal) -> None:
        """Send a bare signal; for the runtime's own use."""
        self._target.signal(signal)

    def is_alive(self) -> bool:
        """Whether the actor is known to live; for a remote one, whether it answers in time."""
        return self._target.is_alive()

    def proxy(self) -> Proxy:
        """An object whose methods and attributes are the actor's, each giving a future."""
        from simulacra.actors.runtime.proxy import Proxy  # noqa: PLC0415

        return Proxy(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        node, incarnation, actor = self.address
        return (
            f"<{actor}@{node}>"
            if not incarnation
            else f"<{actor}@{node}/{incarnation & 0xFFFF:04x}>"
        )

    def __reduce__(self) -> Any:
        from simulacra.actors.runtime.system import rebind  # noqa: PLC0415

        return rebind, (self.address,)
