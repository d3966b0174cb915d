"""What a phone is told: a WireGuard configuration that reaches only what is exposed to it.

A phone keeps what it was told once, and nobody can tell it more: once a relay has another key or
another endpoint, it reaches nothing any more, and nothing says why. So the inventory remembers of
each phone what its configuration hangs on, as digests, and whatever has changed since is found by
comparing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from simulacra.overlay.plan.document import Given, Plan, Relay

_DIGITS: Final = 12


class PhoneError(ValueError):
    """There is no configuration for a phone; the text says why."""


class NothingExposedError(PhoneError):
    """No host lets the phone in."""


def configuration(plan: Plan, phone: str, private: str, relay: str = "") -> str:
    """The configuration of a phone, as its WireGuard application imports it.

    Args:
        plan: a plan that has the phone.
        phone: its name.
        private: its private key, in base64.
        relay: the relay that it is to use; else the first one.

    Raises:
        NothingExposedError: it would reach nobody.
        PhoneError: no relay takes it.
    """
    part = plan.hosts[phone]
    chosen = _relay(part.relays, phone, relay)
    reached = reaches(plan, phone)
    if not reached:
        raise NothingExposedError(f"nothing is exposed to {phone}, so that it would reach nobody")
    lines = (
        "[Interface]",
        f"PrivateKey = {private}",
        f"Address = {part.ipv4}/32, {part.ipv6}/128",
        f"MTU = {plan.mtu}",
        "",
        "[Peer]",
        f"PublicKey = {chosen.key}",
        f"Endpoint = {chosen.endpoints[0]}",
        f"AllowedIPs = {', '.join(reached)}",
        f"PersistentKeepalive = {chosen.keepalive}",
    )
    return "".join(f"{line}\n" for line in lines)


def given(plan: Plan, phone: str, relay: str = "") -> Given:
    """What is to be remembered of a phone's configuration.

    Raises:
        PhoneError: no relay takes it.
    """
    part = plan.hosts[phone]
    chosen = _relay(part.relays, phone, relay)
    return Given(
        relay=chosen.host,
        key=_digest(chosen.key),
        endpoint=_digest(chosen.endpoints[0]),
        address=_digest(part.ipv4, part.ipv6, str(plan.mtu)),
        reaches=_digest(*reaches(plan, phone)),
    )


def stale(plan: Plan, keys: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """The phones whose configuration is no more as it is to be, and what has changed of it.

    Args:
        plan: the network's.
        keys: of hosts whose key is another one than the plan says.

    Returns:
        By phone the fields of `Given` that are others now; ``relay``: it is none any more.
    """
    found: dict[str, tuple[str, ...]] = {}
    for phone, before in _given(plan):
        try:
            now = asdict(given(plan, phone, before.relay))
        except PhoneError:
            found[phone] = ("relay",)
            continue
        if keys and before.relay in keys:
            now["key"] = _digest(keys[before.relay])
        changed = tuple(name for name, digest in asdict(before).items() if now[name] != digest)
        if changed:
            found[phone] = changed
    return found


def users(plan: Plan, relay: str) -> tuple[str, ...]:
    """The phones whose configuration has a relay's key, or may have it where that is not known."""
    return tuple(
        name
        for name, part in plan.hosts.items()
        if part.kind == "phone"
        and any(each.host == relay for each in part.relays)
        and (part.given is None or part.given.relay == relay)
    )


def told(phone: str, changed: Sequence[str]) -> str:
    """For people: that a phone's configuration is stale, why, and what to type."""
    what = " and ".join(_CHANGED[name] for name in changed)
    return f"{phone} has an old configuration: {what}; simulacra overlay phone {phone} --again"


_CHANGED: Final = {
    "relay": "its relay is one no more",
    "key": "its relay has another key",
    "endpoint": "its relay answers elsewhere",
    "address": "its own addresses are others",
    "reaches": "it may reach others",
}


def reaches(plan: Plan, phone: str) -> tuple[str, ...]:
    """What a phone may reach, as networks: all relays say the same of it."""
    for part in plan.hosts.values():
        for client in part.clients:
            if client.host == phone:
                return client.reaches or ()
    return ()


def _given(plan: Plan) -> Iterator[tuple[str, Given]]:
    for name, part in plan.hosts.items():
        if part.given is not None:
            yield name, part.given


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def _relay(relays: tuple[Relay, ...], phone: str, named: str) -> Relay:
    found = [each for each in relays if named in {"", each.host}]
    if not found:
        known = ", ".join(each.host for each in relays) or "none that has a key"
        wanted = f"{named} is no relay of {phone}" if named else f"no relay takes {phone}"
        raise PhoneError(f"{wanted}; there is: {known}")
    return found[0]
