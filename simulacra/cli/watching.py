"""``logs``, ``result``: what a computation printed and what it returned."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_seconds
from simulacra.cli import output, waiting
from simulacra.cli.options import COMMON, Common, Count, Duration, client


def logs(
    name: str,
    /,
    *,
    follow: Annotated[bool, Parameter(alias="-f")] = False,
    tail: Count | None = None,
    common: Common = COMMON,
) -> None:
    """Show what a computation printed, on whichever hosts it ran.

    For example:

    - `simulacra logs count`
    - `simulacra logs count -f --tail 10`

    Args:
        name: The computation.
        follow: Go on until it ends.
        tail: Only the last so many lines.
        common: Options of all commands.
    """
    calls = client(common)
    for piece in calls.items("logs", timeout=None, name=name, follow=follow, tail=tail):
        if common.json:
            output.document(piece)
            continue
        if piece["dropped"]:
            output.message(f"{piece['dropped']} bytes were lost here to the log's limit")
        output.raw(piece["data"])


def result(
    name: str,
    /,
    *,
    wait: bool = False,
    timeout: Duration | None = None,
    common: Common = COMMON,
) -> None:
    """Show what a computation returned.

    For example:

    - `simulacra result count --wait`

    Args:
        name: The computation.
        wait: Wait until it has ended.
        timeout: How long to wait; without it, for ever.
        common: Options of all commands.
    """
    try:
        found = client(common).item("result", timeout=timeout, name=name, wait=wait)
    except GatewayError as error:
        if not wait or error.code is not ErrorCode.TIMED_OUT:
            raise
        raise GatewayError(  # the node cannot tell what its caller waited for
            ErrorCode.TIMED_OUT,
            f"{name} has not ended within {show_seconds(timeout)}",
            f"see how it is: simulacra ps {name}",
        ) from error
    waiting.show(found, as_json=common.json)
