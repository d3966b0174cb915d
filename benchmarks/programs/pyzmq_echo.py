"""Peer: bare pyzmq, a DEALER asking a ROUTER that echoes, in two processes over loopback TCP.

`plain` or `curve` (encrypted, no ZAP) asks and measures µs each; `plain serve` and
`curve serve` echo.
"""

import sys

import zmq

from benchmarks.program import (
    PAYLOAD,
    exit_with_input,
    helper,
    microseconds_each,
    python_helper,
    serve,
)

_ASK_MILLISECONDS = 5000
_MODULE = "benchmarks.programs.pyzmq_echo"


def echo(mode: str) -> None:
    """Prints port and public key, then echoes until standard input ends."""
    exit_with_input()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        public, secret = zmq.curve_keypair()
        if mode == "curve":
            router.curve_server = True
            router.curve_secretkey = secret
        port = router.bind_to_random_port("tcp://127.0.0.1")
        print(port, public.decode(), flush=True)
        while True:
            router.send_multipart(router.recv_multipart())


def ask(mode: str, port: str, server: str) -> None:
    """Measures one ask after another."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.rcvtimeo = _ASK_MILLISECONDS
        dealer.linger = 0
        if mode == "curve":
            dealer.curve_publickey, dealer.curve_secretkey = zmq.curve_keypair()
            dealer.curve_serverkey = server.encode()
        dealer.connect(f"tcp://127.0.0.1:{port}")

        def once() -> None:
            dealer.send(PAYLOAD)
            dealer.recv()

        serve(lambda count: microseconds_each(once, count))


if __name__ == "__main__":
    if sys.argv[2:] == ["serve"]:
        echo(sys.argv[1])
    else:
        with helper(*python_helper(_MODULE, sys.argv[1], "serve")) as where:
            ask(sys.argv[1], *where.split())
