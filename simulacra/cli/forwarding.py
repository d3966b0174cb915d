"""``forward``: a port of a computation, wherever it runs, as a port of this machine.

Each connection to the local port is a call of its own through the gateway.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, OwnPort, Port, client
from simulacra.client import Client, Stream

_CHUNK: Final = 1 << 16


def forward(
    name: str, port: Port, /, *, local: OwnPort | None = None, common: Common = COMMON
) -> None:
    """Make a port of a computation reachable on this machine, until Ctrl-C.

    For example:

    - `simulacra forward notebook 8888`
    - `simulacra forward notebook 8888 --local 9000`

    Args:
        name: The computation.
        port: The port that it listens on, on its host.
        local: The port on this machine; the same one if left out, 0 for any that is free.
        common: Options of all commands.
    """
    calls = client(common)
    calls.item("ps", name=name)
    with _listen(port if local is None else local) as listener:
        here = listener.getsockname()[1]
        if common.json:
            output.document({"name": name, "port": port, "local": here})
        else:
            output.message(f"127.0.0.1:{here} is port {port} of {name}, until Ctrl-C")
        while True:
            connection, _ = listener.accept()
            threading.Thread(
                target=_carry, args=(calls, name, port, connection), daemon=True
            ).start()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"port {port} of this machine cannot be used: {error.strerror}",
            "take another one: --local 0 takes any that is free",
        ) from error


def _carry(calls: Client, name: str, port: int, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        try:
            with calls.open("forward", timeout=None, name=name, port=port) as stream:
                up = threading.Thread(target=_upload, args=(connection, stream), daemon=True)
                up.start()
                for item in stream:
                    if "data" in item:
                        connection.sendall(item["data"])
        except GatewayError as failure:
            output.error(failure, as_json=False)


def _upload(connection: socket.socket, stream: Stream) -> None:
    # The other thread reports what goes wrong: both see the same two ends.
    with contextlib.suppress(OSError, GatewayError):
        while data := connection.recv(_CHUNK):
            stream.send_input(data)
        stream.send_input(None)
