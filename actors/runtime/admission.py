"""Whether a node that greets may be a peer: pure rules, each refusal with its reason.

The key was checked by the door before; here are the name, the versions and the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.runtime.frames import Hello
from simulacra.actors.runtime.keys import Member


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a node is refused.

    Attributes:
        code: for programs.
        text: for people: what is wrong, why, and what to do.
    """

    code: str
    text: str


def refusal(
    hello: Hello, *, me: str, wire: int, member: Member | None, holder_of_name: str | None
) -> Refusal | None:
    """The reason to refuse a greeting, None if it is welcome.

    Args:
        hello: the greeting.
        me: this node's name.
        wire: this node's wire version.
        member: the network's line for the greeter's key.
        holder_of_name: the key of the connected peer that has the greeter's name, if there is one.
    """
    if abs(hello.wire - wire) > 1:
        return Refusal(
            "wire_version",
            f"{hello.node} speaks wire version {hello.wire} (Simulacra {hello.software}) and "
            f"{me} speaks {wire}; nodes one version apart work together: "
            f"upgrade {hello.node if hello.wire < wire else me}",
        )
    if member is None:
        return Refusal("not_admitted", f"the key of {hello.node} is not in the list of {me}")
    if hello.node == me or holder_of_name not in (None, hello.key):
        return Refusal(
            "name_taken",
            f"a node named {hello.node!r} is already in the network: "
            "give one of the two another name",
        )
    if member.name != hello.node:
        return Refusal(
            "wrong_name",
            f"the network's list gives this key to {member.name!r}, not to {hello.node!r}: "
            "correct the list or the node's name",
        )
    return None
