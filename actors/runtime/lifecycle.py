"""How a supervisor starts a child, and how it ends children: ask, wait, then kill.

Whatever keeps a child from starting is a `StartError`, so that nothing a child does can end its
supervisor. For the end the link goes first: the child's end is awaited here, and must not come as
an `Exit` as well (one that already waits is taken out). A kill takes effect at once, whatever the
child's thread does, so only a child with an unlimited shutdown is waited for without a bound, as
its spec demands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.children import Child
from simulacra.actors.runtime.childspec import BRUTAL_KILL, load_actor
from simulacra.actors.runtime.errors import AskTimeoutError, IgnoreStart, StartError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import SHUTDOWN, ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import Stop

logger = logging.getLogger(__name__)


def start_child(parent: Actor, child: Child) -> Ref | None:
    """Start a child, linked to its supervisor.

    Returns:
        Its ref; None if it asked not to be started.

    Raises:
        StartError: it did not start.
    """
    spec = child.spec
    options = {"start_timeout": spec.start_timeout, **spec.kwargs}
    try:
        return parent.spawn(load_actor(spec), *spec.args, *child.extra_args, **options)
    except IgnoreStart:
        return None
    except StartError:
        raise
    except Exception as error:
        text = f"child {spec.id!r} did not start: {error}"
        raise StartError(text, ExitReason.of_error(error)) from error


def end_children(parent: Actor, running: Sequence[Child]) -> None:
    """End children, all at the same time, and wait until they have ended.

    Args:
        parent: their supervisor, in whose thread this runs.
        running: children that have a ref.
    """
    asked_at = time.monotonic()
    asked = [(child, child.ref, _ask_to_end(parent, child)) for child in running]
    for child, ref, stopped in asked:
        if ref is not None and stopped is not None:
            _wait_or_kill(child, ref, stopped, asked_at)


def _ask_to_end(parent: Actor, child: Child) -> Reply | None:
    """Send the child its end; the answer to wait for, unless it was killed."""
    ref = child.ref
    if ref is None:
        return None
    parent.unlink(ref)
    if child.spec.shutdown == BRUTAL_KILL:
        ref.kill()
        return None
    stopped = Reply()
    ref.signal(Stop(SHUTDOWN, stopped))
    return stopped


def _wait_or_kill(child: Child, ref: Ref, stopped: Reply, asked_at: float) -> None:
    seconds = child.spec.shutdown
    left = None if seconds is None else asked_at + float(seconds) - time.monotonic()
    try:
        reason = stopped.get(timeout=left)
    except AskTimeoutError:
        ref.kill()
        logger.warning("child %r (%r) did not end in %s s: killed", child.spec.id, ref, seconds)
    else:
        if reason is not None and not reason.is_normal:
            logger.warning("child %r (%r) ended badly: %s", child.spec.id, ref, reason)
