"""A program's way into the network: calls through the gateway of the node on this machine.

Each call has a connection of its own, so a client may be used from many threads, holds nothing
open between calls, and cancels a call by leaving it. Neither pykka nor ZeroMQ is imported.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from simulacra.actors.gateway import endpoint
from simulacra.actors.gateway.frames import (
    PROTOCOL,
    ErrorCode,
    Frame,
    FrameDecoder,
    FrameError,
    GatewayError,
    pack,
)
from simulacra.actors.settings import Paths, Settings

TIMEOUT: Final = 30.0
"""Seconds that a call may take unless said otherwise."""

_GRACE: Final = 5.0
_CHUNK: Final = 1 << 16
_RESTART: Final = (
    "start the node again with the software of today: simulacra down, then simulacra up --detach"
)


class _Map(dict[str, Any]):
    """A map of an answer: what it lacks is said by nodes of another version only.

    Attributes:
        version: the node's.
    """

    version = "unknown"  # as of a copy

    def __missing__(self, key: str) -> Any:
        from simulacra import __version__  # noqa: PLC0415 - seldom needed

        raise GatewayError(
            ErrorCode.FAILED,
            f"the node says no {key!r}: it is of version {self.version}, and this program "
            f"of {__version__}",
            _RESTART,
        )


class Stream:
    """One call that is under way: iterate over its items; leave it to cancel it.

    Duplex verbs also take ``send_input``, ``send_resize``, ``send_signal`` and ``send_credit``,
    from any thread.
    """

    def __init__(self, path: Path, verb: str, args: dict[str, Any], timeout: float | None) -> None:
        """Connect and send the request.

        Args:
            path: The gateway's socket file.
            verb: What is asked for.
            args: Plain data.
            timeout: Seconds until the node gives the call up; None for one without an end.

        Raises:
            GatewayError: ``unreachable`` where no node listens, or it speaks another protocol.
        """
        self._verb = verb
        # Reentrant: a handler of SIGWINCH may come in the middle of a send.
        self._sending = threading.RLock()
        # The node ends a late call itself, with a better message; this is for a node that hangs.
        self._deadline = None if timeout is None else time.monotonic() + timeout + _GRACE
        self._socket = _connect(path)
        self._frames = self._read()
        self.version = "unknown"
        try:
            greeting = next(self._frames, None)
            self.node = _greeted(greeting)
            self.version = str(greeting and greeting.get("version"))
            request = {"id": os.urandom(8).hex(), "verb": verb, "args": args, "timeout": timeout}
            # A node that is busy has hung up by now, and said why.
            with contextlib.suppress(BrokenPipeError):
                self._socket.sendall(pack(request))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def __iter__(self) -> Iterator[Any]:
        """Yield the items of the answer.

        Raises:
            GatewayError: What the node answered, or ``unreachable`` where it went away midway.
        """
        for frame in self._frames:
            if "item" in frame:
                yield frame["item"]
            elif "error" in frame:
                raise GatewayError.from_plain(frame["error"])
            elif frame.get("end"):
                return
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"the node went away before `{self._verb}` was answered",
            "see whether it is up: simulacra status",
        )

    def fileno(self) -> int:
        """Return the descriptor to wait on for items."""
        return self._socket.fileno()

    def send_input(self, data: bytes | None) -> None:
        """Send bytes for the other side's standard input; None is its end."""
        self._send({"input": data})

    def send_resize(self, rows: int, columns: int) -> None:
        """Tell the new size of the terminal, in character cells."""
        self._send({"resize": [rows, columns]})

    def send_signal(self, name: str) -> None:
        """Send a signal by name, as in ``"SIGINT"``."""
        self._send({"signal": name})

    def send_credit(self, size: int) -> None:
        """Tell that so many bytes of output were disposed of, for verbs that wait for that."""
        self._send({"credit": size})

    def hang_up(self) -> None:
        """Cancel the call from another thread: whoever iterates gets an ``unreachable`` error."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self, frame: Frame) -> None:
        try:
            with self._sending:
                self._socket.sendall(pack(frame))
        except OSError as error:
            raise _broken(self._verb, error) from error

    def _read(self) -> Iterator[Frame]:
        def made_of(plain: Frame) -> Frame:
            made = _Map(plain)
            made.version = self.version
            return made

        decoder = FrameDecoder(made_of)
        try:
            while data := self._receive():
                yield from decoder.feed(data)
        except FrameError as error:
            raise _broken(self._verb, error) from error

    def _receive(self) -> bytes:
        try:
            if self._deadline is not None:
                self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))
            else:
                self._socket.settimeout(None)
            return self._socket.recv(_CHUNK)
        except TimeoutError as error:
            raise GatewayError(
                ErrorCode.TIMED_OUT,
                f"the node did not answer `{self._verb}` in time",
                "see whether it is well: simulacra doctor",
            ) from error
        except OSError as error:
            raise _broken(self._verb, error) from error


class Client:
    """Calls to one node. Made by ``simulacra.connect``.

    Attributes:
        path: The socket file of the node's gateway.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, verb: str, *, timeout: float | None = TIMEOUT, **args: Any) -> Stream:
        """Start a call and return it, to be iterated over and left with ``with``.

        Args:
            verb: One of the verbs in docs/guide/gateway.md.
            timeout: Seconds for the whole call; None for one without an end.
            args: The verb's arguments.

        Raises:
            GatewayError: ``unreachable`` where no node listens.
        """
        return Stream(self.path, verb, args, timeout)

    def items(self, verb: str, *, timeout: float | None = TIMEOUT, **args: Any) -> Iterator[Any]:
        """Call ``verb`` and yield the items of its answer.

        Raises:
            GatewayError: What the node answered, or ``unreachable``.
        """
        with self.open(verb, timeout=timeout, **args) as stream:
            yield from stream

    def item(self, verb: str, *, timeout: float | None = TIMEOUT, **args: Any) -> Any:
        """Call a verb that answers with one item, and return it.

        Raises:
            GatewayError: What the node answered, or ``unreachable``.
        """
        found = list(self.items(verb, timeout=timeout, **args))
        if len(found) != 1:
            raise _broken(verb, FrameError(f"{len(found)} items where one was expected"))
        return found[0]


def find_socket(name: str | None = None, folder: Path | None = None) -> Path:
    """Return the socket file of the node ``name``; without a name, of the only node here.

    The node that is named like this machine, or like the settings say, comes first. Where none is
    up, it is the only one that has keys here. ``folder`` is as for `Settings.load`.

    Raises:
        GatewayError: Several nodes have a socket here and none of them comes first.
    """
    paths = Paths.find()
    if name is not None:
        return paths.socket(name)
    own = paths.socket(Settings.load(folder=folder).name)
    try:
        found = sorted(file for file in paths.runtime.iterdir() if file.is_socket())
    except OSError:
        # There is none, or connecting will say what is wrong with it.
        found = []
    if not found:
        keys = [file for file in paths.config.glob("*.key") if file != paths.owner]
        return paths.socket(keys[0].stem) if len(keys) == 1 else own
    if own in found:
        return own
    if len(found) == 1:
        return found[0]
    raise GatewayError(
        ErrorCode.USAGE,
        f"several nodes have a socket here: {', '.join(file.name for file in found)}",
        f"say which one: --node {found[0].name}, or SIMULACRA_NAME={found[0].name}",
    )


def _connect(path: Path) -> socket.socket:
    try:
        return endpoint.connect(path, timeout=_GRACE)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"no node is up here: nobody listens on {path}",
            "start one: simulacra up --detach",
        ) from error
    except OSError as error:
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"the node's socket {path} cannot be used: {error.strerror or error}",
            "see what is wrong with it: simulacra doctor",
        ) from error


def _greeted(greeting: Frame | None) -> str:
    found = greeting.get("gateway") if greeting else None
    if greeting is None or found != PROTOCOL:
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"the node speaks version {found} of the gateway's protocol, this program {PROTOCOL}",
            _RESTART,
        )
    return str(greeting.get("node"))


def _broken(verb: str, error: Exception) -> GatewayError:
    return GatewayError(
        ErrorCode.UNREACHABLE,
        f"the connection to the node broke during `{verb}`: {error}",
        "see whether it is up: simulacra status",
    )
