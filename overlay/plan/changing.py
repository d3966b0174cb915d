"""What a new plan changes: for people to read, and before a host cuts itself off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from simulacra.overlay.plan.document import HostPlan, Plan
from simulacra.overlay.plan.reachability import Way, reach

_BY_NAME: Final = ("peers", "relays", "clients")
_CALLED: Final = {
    "names": "its name",
    "outside": "what it lets in from outside",
    "inside": "what it lets in from the overlay",
    "openvpn": "its OpenVPN",
    "given": "its configuration",
}


def changes(old: Plan, new: Plan) -> Iterator[tuple[str, str]]:
    """What is new, by host; of the network as a whole under its name in brackets."""
    for name in ("network", "ipv4", "ipv6", "mtu"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"[{new.network}]", f"{name}: {before} -> {after}"
    for host in sorted(old.hosts.keys() | new.hosts.keys()):
        if host not in new.hosts:
            yield host, "leaves the network"
        elif host not in old.hosts:
            yield host, f"joins the network at {new.hosts[host].ipv4}"
        else:
            for text in _of_host(old.hosts[host], new.hosts[host]):
                yield host, text


def _of_host(old: HostPlan, new: HostPlan) -> Iterator[str]:
    for field in fields(HostPlan):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if field.name in _BY_NAME:
            yield from _of_links(field.name, before, after)
        elif isinstance(after, str | int):
            yield f"{field.name}: {before or 'none'} -> {after or 'none'}"
        else:
            yield f"{_CALLED.get(field.name, field.name)} is new"


def _of_links(what: str, old: tuple[object, ...], new: tuple[object, ...]) -> Iterator[str]:
    before = {str(vars(each)["host"]): each for each in old}
    after = {str(vars(each)["host"]): each for each in new}
    for sign, names in (
        ("+", after.keys() - before.keys()),
        ("-", before.keys() - after.keys()),
        ("~", {name for name in after.keys() & before.keys() if before[name] != after[name]}),
    ):
        if names:
            yield f"{what}: " + ", ".join(f"{sign}{name}" for name in sorted(names))


def cut_off(old: Plan, new: Plan, host: str, *, held: str = "") -> str:
    """Why a new plan would cut a host off from the network; empty if it would not.

    Args:
        old: by which it is in the network now.
        new: by which it would be.
        host: the host.
        held: the public key that it holds, where that is known: it may have got another one since.
    """
    before, after = old.hosts.get(host), new.hosts.get(host)
    if before is None:
        return ""
    if after is None:
        return f"{host} would be in the network no more"
    if before.key and not after.key:
        return f"{host} would have no key, and so nobody who speaks to it"
    if before.key and after.key not in {before.key, before.next, held}:
        return f"{host} would have another key than the one that it holds"
    others = [name for name in old.hosts if name != host]
    had = any(reach(old, host, name).way is not Way.NONE for name in others)
    has = any(reach(new, host, name).way is not Way.NONE for name in new.hosts if name != host)
    return f"{host} would reach nobody" if had and not has else ""
