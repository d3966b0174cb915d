"""What has two directions: the terminal of a command, and a port of the host it runs on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from simulacra.actors.compute.computations import is_living
from simulacra.actors.compute.computing import ReadOutput, Type
from simulacra.actors.compute.ports import PORTS, Close, Connect, Receive, Transmit
from simulacra.actors.control.finding import Seen, ask_it, find, table
from simulacra.actors.gateway.call import Call, Cancelled, Credit, Input, Resize, Signal
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Ref

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ASK: Final = 10.0
_TAIL: Final = 4096
_PIECE: Final = 1 << 16
_END_OF_INPUT: Final = b"\x04"


class Streams:
    """The verbs ``attach`` and ``forward``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def attach(self, call: Call) -> Iterator[object]:
        """Show what a computation prints, and type into a command's terminal."""
        seen = find(self._node, call.arg("name", str))
        size = (call.arg("rows", int, 0), call.arg("columns", int, 0))
        if all(size):
            self._type(seen, Resize(*size))
        typing = threading.Thread(target=self._typing, args=(call, seen), daemon=True)
        typing.start()
        after = -_TAIL
        while True:
            call.check()
            host = seen.described.host
            request = ReadOutput(seen.described.party, after, wait=True)
            piece = ask_it(self._node, call, seen, request, _ASK)
            if piece.data:
                yield {"output": piece.data, "stream": "stdout"}
            after = piece.next
            if piece.ended:
                seen = find(self._node, seen.described.name)
                if not is_living(seen.described):
                    yield {"reason": seen.described.reason}
                    return
                if seen.described.host != host:
                    after = 0  # its log goes on where it is now

    def _typing(self, call: Call, seen: Seen) -> None:
        """In a thread of its own: pass on what the client types, until it goes away."""
        with suppress(Cancelled):
            while True:
                event = call.receive(1.0)
                if event is not None and not isinstance(event, Credit):
                    self._type(seen, event)

    def _type(self, seen: Seen, event: Input | Resize | Signal) -> None:
        party = seen.described.party
        table(self._node, seen.described.host).tell(_typed(party, event))

    def forward(self, call: Call) -> Iterator[object]:
        """Carry bytes between the client and a port of the host where a computation runs."""
        seen, port = find(self._node, call.arg("name", str)), call.arg("port", int)
        host = seen.described.host
        if not is_living(seen.described):  # whoever listens there now is somebody else
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"nothing answers at port {port} of {host}: {seen.described.name} has ended",
                f"see how: simulacra result {seen.described.name}",
            )
        ports = self._node.system.ref(f"{PORTS}@{host}")
        try:
            connection = ports.ask(Connect(port))
        except (OSError, ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"nothing answers at port {port} of {host}: {error}",
                f"see whether it listens: simulacra logs {seen.described.name}",
            ) from error
        yield {"connected": host}
        sending = threading.Thread(
            target=self._sending, args=(call, ports, connection), daemon=True
        )
        sending.start()
        try:
            while True:
                call.check()
                data = ports.ask(Receive(connection, _PIECE), timeout=_ASK)
                if data is None:
                    return
                if data:
                    yield {"data": data}
        except (OSError, ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"the connection to port {port} of {host} broke: {error}",
                f"forward it again: simulacra forward {seen.described.name} {port}",
            ) from error
        finally:
            ports.tell(Close(connection))

    def _sending(self, call: Call, ports: Ref, connection: int) -> None:
        with suppress(Cancelled, OSError, ActorDeadError, AskTimeoutError):
            while True:
                event = call.receive(1.0)
                if isinstance(event, Input):
                    ports.ask(Transmit(connection, event.data), timeout=_ASK)


def _typed(party: str, event: Input | Resize | Signal) -> Type:
    match event:
        case Input(data):
            return Type(party, data=_END_OF_INPUT if data is None else data)
        case Resize(rows, columns):
            return Type(party, size=(rows, columns))
        case Signal(name):
            return Type(party, signal=signal.Signals[name].value)
