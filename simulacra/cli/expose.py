"""``expose``: what outside hosts may write to."""

from __future__ import annotations

from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, client


def expose(name: str | None = None, /, *, off: bool = False, common: Common = COMMON) -> None:
    """Let outside hosts write to a computation and get its answers; or show what is exposed.

    An outside host (simulacra invite --role outside) reaches nothing else. There, one types
    simulacra send NAME@HOST MESSAGE, with the host where it was exposed; the computation may be
    anywhere. Only plain data comes in.

    For example:

    - `simulacra expose`
    - `simulacra expose doorbell`
    - `simulacra expose doorbell --off`

    Args:
        name: The computation.
        off: Expose it no more.
        common: Options of all commands.
    """
    found = client(common).item("expose", name=name, on=not off)
    if common.json:
        output.document(found)
    elif name is None:
        for each in found["exposed"]:
            output.data(each)
    else:
        output.message(f"{name} is {'not exposed any more' if off else 'exposed'}")
