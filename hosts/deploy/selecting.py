"""Which hosts a deploy is for: by name, by @tag, or all that can be deployed to. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulacra.hosts.deploy.refusing import Refusal, refuse

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Inventory

_TAG: Final = "@"
_NODE: Final = "node"


@dataclass(frozen=True)
class Selection:
    """What was chosen.

    Attributes:
        hosts: in the order of the inventory.
        left_out: hosts that nobody asked for by name and that cannot be deployed to, and why.
    """

    hosts: tuple[str, ...]
    left_out: dict[str, str]


def select(inventory: Inventory, words: Sequence[str]) -> Selection:
    """Choose hosts.

    Args:
        inventory: the hosts there are.
        words: ``HOST`` or ``@TAG``; none for all hosts that can be deployed to.

    Raises:
        GatewayError: ``usage``: a word is unknown, or a host that was asked for cannot be deployed
            to; every one of them is told.
    """
    refusals = [refusal for word in words for refusal in _unknown(inventory, word)]
    asked = {name for word in words for name in _meant(inventory, word)}
    cannot = {
        name: why
        for name in inventory.hosts
        if (not words or name in asked) and (why := _why_not(inventory, name))
    }
    if words:
        refusals += [_refusal(name, cannot[name]) for name in cannot]
    else:
        # A node without ssh is not deployed to; where only the key is missing, it was forgotten.
        refusals += [_refusal(n, why) for n, why in cannot.items() if _is_meant(inventory, n)]
    hosts = [n for n in inventory.hosts if (not words or n in asked) and n not in cannot]
    if not hosts and not refusals:
        refusals.append(
            Refusal("no host of the inventory can be deployed to", "give one a table ssh in it")
        )
    refuse(refusals)
    return Selection(tuple(hosts), cannot)


def _meant(inventory: Inventory, word: str) -> Iterable[str]:
    if word.startswith(_TAG):
        return inventory.tagged(word.removeprefix(_TAG))
    return (word,) if word in inventory.hosts else ()


def _unknown(inventory: Inventory, word: str) -> list[Refusal]:
    if list(_meant(inventory, word)):
        return []
    tags = inventory.tags()
    if word.startswith(_TAG):
        known = ", ".join(_TAG + tag for tag in tags) or "none"
        return [Refusal(f"no host has the tag {word}", f"tags are: {known}")]
    known = ", ".join(inventory.hosts)
    near = difflib.get_close_matches(word, inventory.hosts, 1)
    if word in tags:
        near = [_TAG + word]
    meant = f"; did you mean {near[0]}?" if near else ""
    return [Refusal(f"the inventory has no host {word}{meant}", f"hosts are: {known}")]


def _is_meant(inventory: Inventory, name: str) -> bool:
    """Whether a host that nobody named is to be deployed to, as the inventory has it."""
    host = inventory.hosts[name]
    return host.kind == _NODE and host.ssh is not None


def _why_not(inventory: Inventory, name: str) -> str:
    host = inventory.hosts[name]
    if host.kind != _NODE:
        return f"is a host of the kind {host.kind.value}, which Nix does not configure"
    if host.ssh is None:
        return "has no ssh in the inventory, by which it would be deployed to"
    if host.ssh.public_key is None:
        return (
            "has no ssh.public_key in the inventory, so that nobody could tell it from another host"
        )
    return ""


def _refusal(name: str, why: str) -> Refusal:
    if "public_key" in why:
        hint = f'hosts.{name}.ssh.public_key = "…", as its /etc/ssh/ssh_host_ed25519_key.pub says'
    elif "ssh" in why:
        hint = f'write it into the inventory: hosts.{name}.ssh = {{ host = "…", public_key = "…" }}'
    else:
        hint = f"leave {name} out"
    return Refusal(f"{name} {why}", hint)
