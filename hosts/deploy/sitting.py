"""The host that one sits at, from which what went wrong in a deploy would be mended. Pure.

What would cut it off is not only in the inventory as it is to be: another key than the one that it
holds, or a network without it, is seen by what it is in now.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.hosts.deploy.network import is_alone, members
from simulacra.hosts.deploy.refusing import Refusal
from simulacra.overlay.plan.changing import cut_off
from simulacra.overlay.plan.document import Plan


@dataclass(frozen=True)
class Here:
    """The host that one sits at.

    Attributes:
        name: empty where it is none of the network's.
        plan: by which it is in the overlay now; None where it is not, or not known.
        key: the public key that it holds now; empty where that is not known.
    """

    name: str
    plan: Plan | None = None
    key: str = ""


def refusals(plan: Plan, here: Here) -> list[Refusal]:
    """Refuse a plan that would cut off the host that one sits at.

    Args:
        plan: of the overlay, as it will be.
        here: that host.
    """
    why = _why(plan, here) if here.name else ""
    if not why:
        return []
    return [
        Refusal(
            f"this would cut off {here.name}, the host that you sit at: {why}; and you could mend "
            "nothing from here",
            f"mend hosts.{here.name} in the inventory, or deploy from another host",
            forced=True,
        )
    ]


def _why(plan: Plan, here: Here) -> str:
    now = here.plan
    if now is not None and now.network == plan.network and here.name in now.hosts:
        return cut_off(now, plan, here.name, held=here.key)
    if not members(plan) - {here.name}:
        return ""
    if here.name not in plan.hosts:
        return "the inventory does not have it"
    if here.name not in members(plan):
        return "the inventory has no WireGuard key of it"
    return "the inventory leaves it no way to any other host" if is_alone(plan, here.name) else ""
