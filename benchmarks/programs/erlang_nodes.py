"""Peer: two Erlang nodes on loopback TCP, running erlang_peer.erl; `ask` or `tell`.

The nodes find each other by a port given beforehand, so that no epmd is started and left.
"""

import secrets
import subprocess
import sys
from pathlib import Path

from benchmarks.program import free_port, helper

_SOURCE = Path(__file__).with_name("erlang_peer.erl")
_LOAD = f'{{ok, M, B}} = compile:file("{_SOURCE}", [binary]), code:load_binary(M, "", B), '
_HOST = "host@127.0.0.1"


def main(mode: str) -> int:
    """Runs the serving node beside the asking one, which speaks the protocol itself."""
    port, cookie = str(free_port()), secrets.token_hex()
    common = ("-start_epmd", "false", "-erl_epmd_port", port, "-setcookie", cookie)
    host = _erl(_HOST, "erlang_peer:host()", *common)
    # An application's arguments stay last: erl reads its terms up to the next flag.
    host += ("-kernel", "inet_dist_use_interface", "{127,0,0,1}")
    client = _erl(
        "client@127.0.0.1", f"erlang_peer:{mode}('{_HOST}')", *common, "-dist_listen", "false"
    )
    with helper(*host):
        return subprocess.run(client, check=False).returncode


def _erl(name: str, call: str, *flags: str) -> tuple[str, ...]:
    return ("erl", "-noshell", "-name", name, *flags, "-eval", f"{_LOAD}{call}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
