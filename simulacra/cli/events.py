"""``events``: what happened in the network, as this host saw it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter

from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Count, client


def events(
    *,
    follow: Annotated[bool, Parameter(alias="-f")] = False,
    tail: Count | None = None,
    common: Common = COMMON,
) -> None:
    """Show what happened: hosts that came, were lost or left, masters that changed, splits.

    Each host has its own log, of what it noticed and when. Commands of yours run on events when the
    settings say so: below [hooks], "host.lost" = ["notify-send", "a host is lost"].

    For example:

    - `simulacra events`
    - `simulacra events -f --json`

    Args:
        follow: Go on with what happens from now on.
        tail: Only the last so many.
        common: Options of all commands.
    """
    found = client(common).items("events", timeout=None, follow=follow, tail=tail)
    for event in found:
        if common.json:
            output.document(event)
        else:
            output.data(_line(event))


def _line(event: dict[str, Any]) -> str:
    if event["kind"] == "missed":
        return f"({event['text']})"
    when = datetime.fromtimestamp(event["time"]).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S}  {event['kind']:<16}  {event['text']}"
