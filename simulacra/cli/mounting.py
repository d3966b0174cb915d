"""``mount``, ``unmount``, ``mounts``: directories of other hosts, here."""

from __future__ import annotations

import os
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.options import COMMON, NODE, Common, Node, client

_PATIENCE: Final = 40.0


def mount(what: str, folder: str, /, *, node: Node = NODE) -> None:
    """Mount a directory of another host here, by sshfs, as long as that host is connected.

    It is unmounted when the host is lost, and mounted again when it is back, also after the node
    was started again. ssh has to get there without a question.

    For example:

    - `simulacra mount nas:/srv/photos ~/photos`
    - `simulacra mount nas: ~/nas`

    Args:
        what: HOST:PATH; a path that is relative, or empty, begins at the home there.
        folder: An empty directory; made if it is not there.
        node: Which node to use.
    """
    host, colon, path = what.partition(":")
    if not (host and colon):
        raise GatewayError(
            ErrorCode.USAGE,
            f"{what} is not HOST:PATH",
            "as in: simulacra mount nas:/srv/photos ~/photos",
        )
    at = _point(folder)
    client(node).item("mount", timeout=_PATIENCE, host=host, path=path, folder=at)
    output.message(f"{what} is mounted at {at}; unmount it with: simulacra unmount {at}")


def unmount(folder: str, /, *, node: Node = NODE) -> None:
    """Unmount a directory of another host, also where that host is gone.

    For example:

    - `simulacra unmount ~/photos`

    Args:
        folder: Where it is mounted.
        node: Which node to use.
    """
    at = _point(folder)
    client(node).item("unmount", timeout=_PATIENCE, folder=at)
    output.message(f"{at} is mounted no more")


def mounts(*, common: Common = COMMON) -> None:
    """Show which directories of other hosts are kept mounted here.

    For example:

    - `simulacra mounts`
    - `simulacra mounts --json`

    Args:
        common: Options of all commands.
    """
    found: dict[str, Any] = client(common).item("mounts")
    if common.json:
        output.document(found)
        return
    output.table(
        ("folder", "of", "state", "why"),
        [
            (each["folder"], f"{each['host']}:{each['path']}", each["state"], each["why"])
            for each in found["mounts"]
        ],
    )


def _point(folder: str) -> str:
    """The path of a mount's point, whose last part is not touched: it may be dead."""
    above, name = os.path.split(os.path.abspath(folder))  # noqa: PTH100 (as the mount has it)
    return os.path.join(os.path.realpath(above), name)  # noqa: PTH118
