"""Peer: bytes through a bare TCP socket to another process, until its acknowledgement (ms).

The amount is in bytes. Both sides' memory is ready beforehand, so that only connecting, the
transfer and the acknowledgement are timed.
"""

import socket
import struct
import sys
import time

from benchmarks.program import exit_with_input, helper, python_helper, serve

_LENGTH = struct.Struct("!Q")
_SECONDS = 60
_ACKNOWLEDGED = b"\x06"


def receive() -> None:
    """Accepts one transfer after another until standard input ends."""
    exit_with_input()
    memory = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                (length,) = _LENGTH.unpack(connection.recv(_LENGTH.size, socket.MSG_WAITALL))
                memory.extend(bytes(max(0, length - len(memory))))
                left = memoryview(memory)[:length]
                while left and (read := connection.recv_into(left)):
                    left = left[read:]
                left.release()
                connection.sendall(_ACKNOWLEDGED)


def transfer(port: int, payload: bytes) -> float:
    """Sends the payload; returns the ms until the receiver has all of it."""
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
        connection.sendall(_LENGTH.pack(len(payload)))
        connection.sendall(payload)
        if connection.recv(1) != _ACKNOWLEDGED:
            raise ConnectionError("the receiver closed before it had everything")
    return (time.perf_counter() - started) * 1e3


def send(port: int) -> None:
    """Serves samples of transfers; the payload is made once for each amount."""
    payloads: dict[int, bytes] = {}

    def sample(amount: int) -> float:
        if amount not in payloads:
            payloads[amount] = b"\x5a" * amount
        return transfer(port, payloads[amount])

    serve(sample)


if __name__ == "__main__":
    if sys.argv[1:] == ["receive"]:
        receive()
    else:
        with helper(*python_helper("benchmarks.programs.socket_transfer", "receive")) as where:
            send(int(where))
