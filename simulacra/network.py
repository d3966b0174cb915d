"""The network, as a Python program uses it: spawn functions, ask how they are, get their results.

The program is a client of its machine's node, so it may end while its computations go on. What it
spawns, sends and gets back is packed here and unpacked here, never in a node.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from simulacra.actors.compute.arguments import pack_argument
from simulacra.actors.compute.spec import ActorClass, EntryPoint, Function, Spec, What
from simulacra.actors.compute.values import pack, unpack
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.client import TIMEOUT, Client, find_socket
from simulacra.launch import launch


class ComputationError(Exception):
    """A computation ended otherwise than by returning.

    Attributes:
        name: Which one.
        kind: How: ``error``, ``killed``, ``limit``, ``shutdown``, ``exit`` or ``noconnection``.
        traceback_text: Its traceback where it ran, or an empty string.
    """

    def __init__(self, name: str, reason: Mapping[str, Any]) -> None:
        super().__init__(f"{name}: {reason['text']}")
        self.name = name
        self.kind = str(reason["kind"])
        self.traceback_text = str(reason["traceback"] or "")


class Computation:
    """A computation somewhere in the network; it stays the same one when it moves.

    Attributes:
        name: Its name in the network.
    """

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client
        # One sender's messages keep their order; two handles are two senders.
        self._sender = secrets.token_hex(8)

    def __repr__(self) -> str:
        return f"Computation({self.name!r})"

    def result(self, timeout: float | None = None) -> Any:
        """Wait until it has ended and return what it returned.

        Args:
            timeout: Seconds to wait; None for as long as it takes.

        Raises:
            ComputationError: It failed, or was stopped.
            GatewayError: ``timed_out``, ``not_found`` or ``unreachable``.
        """
        found = self._client.item("result", timeout=timeout, name=self.name, wait=True)
        if found["reason"]["kind"] != "normal":
            raise ComputationError(self.name, found["reason"])
        return unpack(found["value"])

    def tell(self, message: object) -> None:
        """Send it a message, which arrives once and in order though it moves.

        Raises:
            CannotPackError: The message cannot leave this process.
            GatewayError: The node did not take it up.
        """
        body = pack(message, "the message")
        self._client.item("send", name=self.name, body=body, sender=self._sender)

    def ask(self, message: object, timeout: float | None = 5.0) -> Any:
        """Send it a message and return what it replies.

        Args:
            message: The question.
            timeout: Seconds to wait for the reply; None for as long as it takes.

        Raises:
            CannotPackError: The message cannot leave this process.
            GatewayError: ``timed_out``; ``failed`` with the error that it answered.
        """
        body = pack(message, "the message")
        answer = self._client.item(
            "ask", timeout=timeout, name=self.name, body=body, sender=self._sender
        )
        return unpack(answer["body"])

    def logs(self, *, follow: bool = False) -> Iterator[bytes]:
        """Yield what it printed, in pieces; with ``follow`` until it ends.

        Raises:
            GatewayError: ``not_found`` or ``unreachable``.
        """
        for piece in self._client.items("logs", timeout=None, name=self.name, follow=follow):
            yield piece["data"]

    def migrate(self, host: str, timeout: float = 60.0) -> dict[str, Any]:
        """Move it to ``host`` at its next safe point; return what the move cost.

        Raises:
            GatewayError: It cannot move or be placed there; it goes on where it is.
        """
        moved: dict[str, Any] = self._client.item(
            "migrate", timeout=timeout, name=self.name, host=host
        )
        return moved

    def stop(self, *, kill: bool = False) -> None:
        """End it, at once with ``kill``.

        Raises:
            GatewayError: ``not_found`` or ``unreachable``.
        """
        self._client.item("stop", name=self.name, kill=kill)

    def explain(self) -> dict[str, Any]:
        """Return why it is where it is, with the costs of each host (docs/guide/gateway.md).

        Raises:
            GatewayError: ``not_found`` or ``unreachable``.
        """
        why: dict[str, Any] = self._client.item("explain", name=self.name)
        return why


class Network:
    """The network, seen from this machine's node. Made by ``connect``.

    Attributes:
        client: The calls that everything here is made of.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def spawn(
        self,
        target: Callable[..., Any] | str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Computation:
        """Run a function, a movable actor's class, or ``"module:callable"`` where its data is.

        Args:
            target: A function is called as ``target(ctx, *args, **kwargs)`` in a process of its
                own.
            args: Positional arguments; what is a ``Reads`` tells what the computation reads.
            kwargs: Named arguments, likewise.
            options: The other fields of ``Spec``: ``name``, ``on``, ``near``, ``restart``,
                ``limits``, ``checkpoint_every``.

        Raises:
            SpecError: An option is wrong; the error names it.
            TypeError: ``target`` is nothing that can be called.
            CannotPackError: Something cannot leave this process; the error names it.
            GatewayError: The name is taken, or no host can take it.
        """
        spec = Spec(
            _what(target),
            args=tuple(pack_argument(f"args[{n}]", value) for n, value in enumerate(args)),
            kwargs={key: pack_argument(key, value) for key, value in (kwargs or {}).items()},
            **options,
        )
        started = self.client.item("spawn", spec=spec.to_plain())
        return Computation(self.client, started["name"])

    def computation(self, name: str) -> Computation:
        """Return a handle of the computation ``name``, which need not exist yet."""
        return Computation(self.client, name)

    def status(self) -> dict[str, Any]:
        """Return how this machine's node is and which nodes it knows.

        Raises:
            GatewayError: ``unreachable``.
        """
        found: dict[str, Any] = self.client.item("status")
        return found


def connect(node: str | None = None, *, start: bool = True) -> Network:
    """Return the network as this machine's node sees it.

    Args:
        node: The node's name, where several are up on this machine.
        start: Start a node where none is up.

    Raises:
        GatewayError: ``unreachable``, or the node that was started failed.
    """
    client = Client(find_socket(node))
    try:
        client.item("status", timeout=TIMEOUT)
    except GatewayError as error:
        if not start or error.code is not ErrorCode.UNREACHABLE:
            raise
        settings = Settings.load({"name": node})
        launch(settings)
        client = Client(settings.paths.socket(settings.name))
    return Network(client)


def spawn(
    target: Callable[..., Any] | str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Computation:
    """Spawn by way of this machine's node, which is started where none is up.

    See ``Network.spawn`` for the arguments and the errors.
    """
    return connect().spawn(target, args, kwargs, **options)


def _what(target: Callable[..., Any] | str) -> What:
    if isinstance(target, str):
        return EntryPoint(target)
    if not callable(target):
        raise TypeError(f"spawn takes a function, a class, or 'module:callable': not {target!r}")
    return ActorClass.of(target) if isinstance(target, type) else Function.of(target)
