"""How a host's overlay is, as plain data for people and programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from simulacra.overlay.mesh.keyring import Keyring
from simulacra.overlay.mesh.messages import plain_line
from simulacra.overlay.mesh.overlay import Overlay
from simulacra.overlay.plan import phone


def status(
    overlay: Overlay,
    bandwidth: Callable[[str], tuple[float, float] | None],
    tunnels: Sequence[Any],
    failure: str,
) -> dict[str, Any]:
    """The overlay as a host has it, with each route.

    Args:
        overlay: the host's.
        bandwidth: bytes a second as measured to a host, and how many seconds ago; or None.
        tunnels: OpenVPN's, as they are.
        failure: why it is not as it should be; empty where it is.
    """
    steering, keyring = overlay.steering, overlay.keyring
    plan = overlay.plan
    lines = steering.lines(time.monotonic())
    rates = {host: bandwidth(host) or (None, None) for host in lines}
    stale = phone.stale(plan, {} if keyring is None else _keys(keyring, steering.key))
    return {
        "host": overlay.host,
        "network": plan.network,
        "address": overlay.address,
        "backend": steering.know.seen.backend,
        "guards_outside": steering.know.seen.outside,
        "key": steering.key,
        "failure": failure,
        "new_key_waits_for": _key_waits_for(keyring),
        "phones": {each: list(changed) for each, changed in stale.items()},
        "openvpn": tunnels,
        "routes": [
            {
                "host": host,
                "address": plan.hosts[host].ipv4,
                "device": steering.device(host),
                "bandwidth": rates[host][0],
                "bandwidth_age": rates[host][1],
                **plain_line(line),
            }
            for host, line in sorted(lines.items())
        ],
    }


def lines(overlay: Overlay) -> dict[str, Any]:
    """The routes of all hosts that told theirs of late."""
    now = time.monotonic()
    told = {word.host: word.lines for word in overlay.steering.know.words(now)}
    told[overlay.host] = overlay.steering.lines(now)
    return {
        host: {other: plain_line(line) for other, line in lines.items()}
        for host, lines in told.items()
    }


def _keys(keyring: Keyring, own: str) -> dict[str, str]:
    """The key of each host as it is, whatever the plan says."""
    rotation = keyring.rotation
    present = {host: rotation.record(host).present for host in rotation.names}
    return present | {rotation.own.host: own}


def _key_waits_for(keyring: Keyring | None) -> list[str]:
    return sorted(keyring.rotation.waiting) if keyring and keyring.rotation.own.next else []
