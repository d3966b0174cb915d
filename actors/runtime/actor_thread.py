"""What an actor's own thread does: make its behaviour, feed it, say goodbye.

The behaviour is made and started here, so that all of its code runs in one thread. Then it is given
one item of the mailbox after another: messages go to `on_receive`, signals are obeyed at once, in
front of all mail. It ends by a stop, by what it raises, or because it was killed meanwhile: then
the cell has ended already, and nothing of the behaviour runs any more but what is running. An actor
that was not killed has its `on_stop` called.

Whatever is raised ends this actor alone, with a reason that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from simulacra.actors.runtime.errors import ActorExit, IgnoreStart
from simulacra.actors.runtime.proxy import PROXY_MESSAGES
from simulacra.actors.runtime.reason import KILLED, NORMAL, ExitReason
from simulacra.actors.runtime.signals import Resume, Stop, Suspend
from simulacra.actors.tracing import Traced, under

if TYPE_CHECKING:
    from simulacra.actors.runtime.actor import Actor
    from simulacra.actors.runtime.cell import Cell

logger = logging.getLogger(__name__)


def live(cell: Cell) -> ExitReason:
    """Live the whole life of a cell's actor; why it ends."""
    try:
        return _begin(cell) or _say_goodbye(cell, _serve(cell))
    except BaseException as error:  # noqa: BLE001 - a fault of the runtime's own ends it too
        return _failed(cell, error)


def _begin(cell: Cell) -> ExitReason | None:
    """Make the behaviour and let it start; the reason to end, if it does not."""
    args, kwargs = cell.arguments or ((), {})
    cell.arguments = None
    try:
        behaviour = cell.behaviour_class.__new__(cell.behaviour_class)
        behaviour._cell = cell  # noqa: SLF001 - the runtime's own slot
        behaviour.__init__(*args, **kwargs)  # type: ignore[misc]  # made in its own thread
        behaviour.on_start()
    except ActorExit as request:
        return request.reason
    except IgnoreStart as request:
        return replace(NORMAL, exception=request)
    except BaseException as error:  # noqa: BLE001 - user code; SystemExit too
        return ExitReason.of_error(error)
    return cell.has_begun(behaviour)


def _serve(cell: Cell) -> ExitReason:
    behaviour = cast("Actor", cell.behaviour)
    receive = behaviour.on_receive
    get = cell.mailbox.get
    while True:
        item = get()
        if type(item) is not tuple:
            reason = _obey(cell, item)
            if reason is not None:
                return reason
            continue
        message, reply = item
        cell.in_hand = reply
        if cell.exit_reason is not None:  # killed between the mailbox and here
            cell.refuse(message, reply)
            return cell.exit_reason
        try:
            special = _SPECIAL.get(type(message))
            result = receive(message) if special is None else special(behaviour, message)
        except ActorExit as request:
            return request.reason
        except BaseException as error:  # noqa: BLE001 - user code; SystemExit too
            return _failed(cell, error)
        if reply is not None and cell.in_hand is reply:
            cell.in_hand = None
            reply.resolve(result, None)
        item = message = reply = result = None  # an idle actor holds no message in memory


def _obey(cell: Cell, signal: Any) -> ExitReason | None:
    """Act on an urgent signal; the reason to end, if it is to end."""
    match signal:
        case Stop(reason):
            return reason
        case Suspend():
            cell.mailbox.suspend()
            return None
        case Resume():
            cell.mailbox.resume()
            return None
    return cell.exit_reason or KILLED  # the mailbox was closed under us


def _say_goodbye(cell: Cell, reason: ExitReason) -> ExitReason:
    if cell.exit_reason is not None:
        return reason
    try:
        cast("Actor", cell.behaviour).on_stop(reason)
    except ActorExit as request:
        return request.reason
    except BaseException as error:
        logger.exception("%r failed in on_stop", cell.ref)
        return ExitReason.of_error(error) if reason.is_normal else reason
    return reason


def _failed(cell: Cell, error: BaseException) -> ExitReason:
    reason = ExitReason.of_error(error)
    logger.error("%r failed: %s", cell.ref, reason, exc_info=error)
    return reason


def _receive_traced(behaviour: Actor, traced: Traced) -> Any:
    """Handle a message under the trace id that came with it."""
    message = traced.message
    special = PROXY_MESSAGES.get(type(message))
    with under(traced.trace):
        return behaviour.on_receive(message) if special is None else special(behaviour, message)


_SPECIAL: Final[dict[type, Callable[[Actor, Any], Any]]] = {
    **PROXY_MESSAGES,
    Traced: _receive_traced,
}
"""What does not simply go to an actor's ``on_receive``."""
