"""What a phone is told: a WireGuard configuration that reaches only what is exposed to it."""

from __future__ import annotations

from simulacra.overlay.plan.document import Plan, Relay


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


def reaches(plan: Plan, phone: str) -> tuple[str, ...]:
    """What a phone may reach, as networks: all relays say the same of it."""
    for part in plan.hosts.values():
        for client in part.clients:
            if client.host == phone:
                return client.reaches or ()
    return ()


def _relay(relays: tuple[Relay, ...], phone: str, named: str) -> Relay:
    found = [each for each in relays if named in {"", each.host}]
    if not found:
        known = ", ".join(each.host for each in relays) or "none that has a key"
        wanted = f"{named} is no relay of {phone}" if named else f"no relay takes {phone}"
        raise PhoneError(f"{wanted}; there is: {known}")
    return found[0]
