"""Whether a part of a log may be taken: it is signed by its origin, and not too much."""

from __future__ import annotations

from typing import Final

from simulacra.actors.cluster.ed25519 import is_signed
from simulacra.actors.cluster.facts import Fact
from simulacra.actors.cluster.kinds import Trust
from simulacra.actors.cluster.origins import Log, Part

FACTS_LIMIT: Final = 4096
SIZE_LIMIT: Final = 1 << 20
"""How many facts, and bytes of them, one origin may have."""

_ALLOWANCE: Final = 2  # others drop deletions later than the origin


def why_not_take(part: Part, log: Log, new: list[Fact], trust: Trust, network: str) -> str | None:
    """Why a part may not be taken; None if it may.

    Args:
        part: the part.
        log: what is there already.
        new: the facts of the part that are not.
        trust: who is who.
        network: what signatures are for.
    """
    if not new:
        return None
    host = part.origin.host
    size = log.size + sum(fact.size for fact in new)
    if len(log) + len(new) > _ALLOWANCE * FACTS_LIMIT or size > _ALLOWANCE * SIZE_LIMIT:
        return f"{host} said too much: {len(log) + len(new):,} facts of {size:,} bytes"
    key = trust.signing_key(part.origin)
    if key is None:
        return f"{host} was never let in with the key {part.origin.key}..., as far as is known"
    wrong = next((fact for fact in new if not _is_signed(fact, key, network)), None)
    return None if wrong is None else f"the signature of {host} under {tuple(wrong.key)} is wrong"


def _is_signed(fact: Fact, key: str, network: str) -> bool:
    content = fact.content(network)
    if fact.owner and not is_signed(fact.owner, content, fact.endorsement.hex()):
        return False
    return is_signed(key, content, fact.signature.hex())
