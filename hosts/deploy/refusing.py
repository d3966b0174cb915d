"""What a deploy does not begin with, all of it said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError

_FORCE: Final = "--force does it all the same"


@dataclass(frozen=True)
class Refusal:
    """A reason not to begin.

    Attributes:
        text: what is wrong and why, without a full stop.
        hint: what to type, or to write where.
        forced: whether ``--force`` goes over it.
    """

    text: str
    hint: str
    forced: bool = False


def refuse(found: Sequence[Refusal], *, force: bool = False) -> None:
    """Refuse if there is a reason to.

    Raises:
        GatewayError: ``usage``, with every reason.
    """
    standing = [each for each in found if not (force and each.forced)]
    if not standing:
        return
    hints = list(dict.fromkeys(each.hint for each in standing))
    if any(each.forced for each in standing):
        hints.append(_FORCE)
    raise GatewayError(
        ErrorCode.USAGE,
        "nothing was changed: " + "; ".join(each.text for each in standing),
        "; ".join(hints),
    )
