"""Moving, stopping and writing to computations; and what concerns the node itself."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.naming import shown
from simulacra.actors.compute.computations import is_living
from simulacra.actors.compute.computing import Described, Migrate, StopIt
from simulacra.actors.compute.exposing import FromOutside, entrance
from simulacra.actors.compute.outbox import OutboxFullError
from simulacra.actors.compute.post_messages import POST, Mail
from simulacra.actors.compute.travelling import MoveError
from simulacra.actors.control.finding import ask_it, call_holder, everywhere, find, wait
from simulacra.actors.control.network import refuse_outside
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, RemoteError
from simulacra.actors.runtime.futures import Reply

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_MARGIN: Final = 0.25


class Steering:
    """The verbs ``migrate``, ``stop``, ``send``, ``ask``, ``down`` and ``keys_changed``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers: defaultdict[str, int] = defaultdict(int)

    def migrate(self, call: Call) -> Iterator[object]:
        """Move a computation to a host."""
        refuse_outside(self._node)
        seen, target = find(self._node, call.arg("name", str)), call.arg("host", str)
        described = seen.described
        self._node.neighbours.call(target)
        known = [self._node.settings.name, *self._node.neighbours.connected()]
        if target not in known:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{shown(target)} is not connected; connected: {', '.join(sorted(known))}",
                "see who is connected: simulacra status",
            )
        try:
            outcome = ask_it(self._node, call, seen, Migrate(described.party, target))
        except MoveError as error:
            raise GatewayError(
                ErrorCode.FAILED, str(error), f"see: simulacra explain {described.name}"
            ) from error
        yield outcome

    def stop(self, call: Call) -> Iterator[object]:
        """End a computation."""
        seen, kill = find(self._node, call.arg("name", str)), call.arg("kill", bool, False)
        request = StopIt(seen.described.party, kill)
        ended: Described = ask_it(self._node, call, seen, request)
        yield {
            "name": ended.name, "host": ended.host, "state": ended.state, "reason": ended.reason,
        }  # fmt: skip

    def send(self, call: Call) -> Iterator[object]:
        """Write to a computation."""
        name = call.arg("name", str)
        self._mail(call, Mail(name, call.arg("body", bytes)))
        sender = call.arg("sender", str, "")
        self._numbers[sender] += 1
        yield {"name": name, "number": self._numbers[sender]}

    def ask(self, call: Call) -> Iterator[object]:
        """Ask a computation."""
        name = call.arg("name", str)
        # Sooner than the gateway, which would not know who did not answer.
        timeout = None if call.timeout is None else max(0.0, call.timeout - _MARGIN)
        mail = Mail(name, call.arg("body", bytes), ask=True, timeout=timeout)
        yield {"body": self._mail(call, mail)}

    def _mail(self, call: Call, mail: Mail) -> object:
        name = mail.to.partition("@")[0]
        try:
            if self._node.enrolment.is_outside:
                return wait(call, self._from_outside(mail), mail.timeout)
            call_holder(self._node, mail.to)
            return wait(call, self._node.system.ref(POST).ask(mail, block=False))
        except OutboxFullError as error:
            raise GatewayError(ErrorCode.FAILED, str(error), f"see: simulacra ps {name}") from error
        except LookupError as error:
            raise GatewayError(
                ErrorCode.NOT_FOUND, str(error), "see what runs: simulacra ps"
            ) from error
        except (RemoteError, ActorDeadError) as error:
            raise GatewayError(
                ErrorCode.FAILED, str(error), f"see: simulacra logs {name}"
            ) from error
        except AskTimeoutError as error:
            raise GatewayError(
                ErrorCode.TIMED_OUT,
                f"{name} has not answered in {mail.timeout:g} s",
                f"see how it is: simulacra ps {name}",
            ) from error

    def _from_outside(self, mail: Mail) -> Reply:
        """An outside host writes to what others exposed, and has to know where."""
        name, _, host = mail.to.partition("@")
        if not host:
            raise GatewayError(
                ErrorCode.USAGE,
                f"this is an outside host, which sees no names: at which host is {name}?",
                f"say it: simulacra send {name}@HOST ...",
            )
        message = FromOutside(mail.body, mail.ask)
        there = self._node.system.ref(f"{entrance(name)}@{host}")
        answer: Reply = there.ask(message, block=False)
        return answer

    def down(self, call: Call) -> Iterator[object]:
        """Stop this node, for a while or, with ``asleep``, with a good night to the others."""
        asleep = call.arg("asleep", bool, False)
        here = self._node.settings.name
        running = [
            seen
            for seen in everywhere(self._node)
            if seen.described.host == here and is_living(seen.described)
        ]
        yield {"host": here, "pid": os.getpid(), "computations": len(running)}
        if asleep:
            self._node.parting = State.ASLEEP
        self._node.stopping.set()

    def keys_changed(self, call: Call) -> Iterator[object]:
        """Put the list of keys in force as it is now."""
        del call
        admitted, expelled = self._node.read_keys()
        yield {"admitted": admitted, "expelled": expelled}
