"""A host's power, for the others of its network: it wakes its neighbours, and goes to sleep.

Every node has a `Power` actor, registered as ``power``. Only hosts inside the network reach it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors import tracing
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register
from simulacra.actors.threads import start_thread
from simulacra.hosts.provision import waking
from simulacra.hosts.provision.bedtime import Bedtime

logger = logging.getLogger(__name__)

POWER: Final = "power"


@register("power.magic")
@dataclass(frozen=True, slots=True)
class SendMagic:
    """Wake a neighbour. Answered with the broadcast addresses that were told, or an OSError.

    Attributes:
        mac: of the card that wakes it.
    """

    mac: str


@register("power.sleep")
@dataclass(frozen=True, slots=True)
class GoToSleep:
    """Let the work leave, say good night, and sleep.

    Answered with a map: ``sleeps`` (whether), ``moved`` and ``main_stores`` (where what went),
    ``stays`` (what is here still, and why), ``notes``, ``problem`` (why it does not sleep).

    Attributes:
        how: ``suspend`` or ``poweroff``.
        force: whether to sleep on what stays.
        within: seconds that the work may take to leave.
    """

    how: str
    force: bool
    within: float


class Power(Actor):
    """See the module.

    Args:
        bedtime: this host's way to sleep.
    """

    def __init__(self, bedtime: Bedtime) -> None:
        self._bedtime = bedtime

    def on_receive(self, message: Any) -> Any:
        """Both take their time, in threads of their own."""
        match message:
            case SendMagic(mac):
                self._in_thread(lambda: _send(mac))
            case GoToSleep(how, force, within):
                self._in_thread(lambda: self._bedtime.go(how, within, force=force))
            case _:
                self.refuse(message)

    def on_stop(self, reason: Any) -> None:
        """Watch no longer over a machine that was to sleep."""
        del reason
        self._bedtime.close()

    def _in_thread(self, do: Callable[[], Any]) -> None:
        reply = self.defer_reply()
        try:
            name = f"power@{self.system.name}"
            start_thread(_answer, reply, do, tracing.current(), name=name)
        except OSError as error:
            reply.set_error(error)


def _answer(reply: Reply, do: Callable[[], Any], trace: str) -> None:
    with tracing.under(trace):
        try:
            reply.set(do())
        except OSError as error:
            reply.set_error(error)
        except Exception as error:  # the asker waits, whatever it is
            logger.exception("%s failed", threading.current_thread().name)
            reply.set_error(OSError(f"{type(error).__name__}: {error}"))


def _send(mac: str) -> list[str]:
    try:
        went, failed = waking.send(mac, waking.ways(waking.cards()))
    except ModuleNotFoundError as error:
        raise OSError(f"{error}; there, type: pip install 'simulacra[cloud]'") from error
    if not went:
        raise OSError("; ".join(failed) or "it has no network card that can broadcast")
    return [each.target for each in went]
