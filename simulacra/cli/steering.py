"""``migrate``, ``stop``, ``send``: have an effect on a computation."""

from __future__ import annotations

import json

from simulacra.actors.compute.values import pack
from simulacra.actors.units import show_seconds, show_size
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Period, client


def migrate(name: str, host: str, /, *, timeout: Period = 60.0, common: Common = COMMON) -> None:
    """Move a computation to another host, at its next safe point.

    No message to it is lost, and if the move fails it goes on where it is.

    For example:

    - `simulacra migrate count nas`

    Args:
        name: The computation.
        host: Where it is to run.
        timeout: How long the move may take, the wait for a safe point included.
        common: Options of all commands.
    """
    moved = client(common).item("migrate", timeout=timeout, name=name, host=host)
    if common.json:
        output.document(moved)
        return
    output.message(
        f"{moved['name']} moved from {moved['source']} to {moved['target']} in "
        f"{show_seconds(moved['seconds'])}: {show_size(moved['size'])} of state, "
        f"paused for {show_seconds(moved['pause'])}"
    )


def stop(
    name: str,
    /,
    *,
    kill: bool = False,
    timeout: Period = 30.0,
    common: Common = COMMON,
) -> None:
    """Stop a computation.

    For example:

    - `simulacra stop count`
    - `simulacra stop count --kill`

    Args:
        name: The computation.
        kill: At once, without letting it clean up.
        timeout: How long it may take to end.
        common: Options of all commands.
    """
    stopped = client(common).item("stop", timeout=timeout, name=name, kill=kill)
    if common.json:
        output.document(stopped)
    else:
        output.message(f"{stopped['name']} on {stopped['host']}: {stopped['state']}")


def send(name: str, message: str, /, *, common: Common = COMMON) -> None:
    """Send a message to a computation, which takes it with ctx.receive().

    It is sent again until it arrives, also while the computation moves.

    For example:

    - `simulacra send sums 42`
    - `simulacra send sums '{"add": [1, 2]}'`

    Args:
        name: The computation.
        message: The message, as JSON or else as text.
        common: Options of all commands.
    """
    try:
        content = json.loads(message)
    except ValueError:
        content = message
    sent = client(common).item("send", name=name, body=pack(content, "the message"))
    if common.json:
        output.document(sent)
    else:
        output.message(f"message {sent['number']} is on its way to {sent['name']}")
