"""What the command line writes: data to stdout, messages to stderr.

With ``--json`` stdout carries one JSON document, or one a line where a command follows, also when
it fails. Otherwise people read it: colours and boxes only on a terminal without NO_COLOR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from simulacra.actors.gateway.frames import GatewayError


def data(text: str) -> None:
    """Write a line of data."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def raw(content: bytes) -> None:
    """Write bytes as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def document(value: object) -> None:
    """Write one JSON document on one line."""
    import json  # noqa: PLC0415 (only --json pays for it)

    data(json.dumps(value, ensure_ascii=False, default=_plain))


def message(text: str) -> None:
    """Write a line for people, to stderr."""
    sys.stderr.write(f"simulacra: {text}\n")
    sys.stderr.flush()


def error(failure: GatewayError, *, as_json: bool) -> None:
    """Write what is wrong, why, and what to type next."""
    if as_json:
        document({"error": failure.to_plain()})
        return
    message(failure.message)
    if failure.hint:
        sys.stderr.write(f"  {failure.hint}\n")


def is_colourful(stream: TextIO | None = None) -> bool:
    """Return whether stdout, or another stream, is a terminal of somebody who wants colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return (stream or sys.stdout).isatty() and not plain


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows under headings, in columns."""
    if is_colourful():
        _rich_table(headings, rows)
        return
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        data("  ".join(cells).rstrip())


def fields(pairs: Mapping[str, str]) -> None:
    """Write names and values, one a line."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        data(f"{name.ljust(width)}  {value}")


def _rich_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 (only a terminal pays for it)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        # The last column holds reasons, which may be long.
        drawn.add_column(heading, no_wrap=heading != headings[-1])
    for row in rows:
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(drawn)


_STYLES = {
    "up": "green",
    "running": "green",
    "done": "green",
    "ok": "green",
    "waiting": "yellow",
    "held": "yellow",
    "moving": "yellow",
    "starting": "yellow",
    "suspect": "yellow",
    "advice": "yellow",
    "failed": "red",
    "wrong": "red",
    "down": "red",
    "refused": "red",
    "unreachable": "red",
}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            import base64  # noqa: PLC0415 (rare)

            return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} has no form in JSON")
