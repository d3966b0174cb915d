"""Plans made by hand, for tests of what uses a plan and not of what makes one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from simulacra.overlay.plan.document import Client, HostPlan, Peer, Plan, Relay
from simulacra.overlay.plan.phone import given

NETWORK = "10.44.0.0/16"
NETWORK6 = "fd77::/64"
PORT = 51820


def key_of(host: str) -> str:
    """A public key for a host, the same each time, that belongs to nobody."""
    return base64.b64encode(hashlib.sha256(host.encode()).digest()).decode()


def made(
    hosts: Mapping[str, str],
    *,
    relays: Sequence[str] = (),
    nat: Sequence[str] = (),
    keys: Mapping[str, str] | None = None,
    keepalive: int = 25,
) -> Plan:
    """A plan of hosts at these addresses of the underlay; those behind NAT have no endpoint."""
    keys = keys or {host: key_of(host) for host in hosts}
    number = {host: n for n, host in enumerate(hosts, 1)}
    own = {h: (f"10.44.0.{n}", f"fd77::{n:x}") for h, n in number.items()}

    def allowed(host: str) -> tuple[str, ...]:
        return f"{own[host][0]}/32", f"{own[host][1]}/128"

    def endpoints(host: str, port: int = PORT) -> tuple[str, ...]:
        return () if host in nat else (f"{hosts[host]}:{port}",)

    def peers(me: str) -> tuple[Peer, ...]:
        return tuple(
            Peer(
                each,
                keys[each],
                allowed(each),
                endpoints(each),
                keepalive if me in nat else 0,
                punched=each in nat and me in nat,
            )
            for each in hosts
            if each != me
        )

    def links(me: str) -> tuple[Relay, ...]:
        mine = relays.index(me) + 1 if me in relays else 0
        found = []
        for n, relay in enumerate(relays, 1):
            if relay != me:
                port = PORT + 1 + (mine or 0)
                listen = PORT + 1 + n if mine else 0
                ends = endpoints(relay, port)
                wait = keepalive if me in nat else 0
                found.append(Relay(relay, n, keys[relay], f"sim{n}", ends, wait, listen))
        return tuple(found)

    def part(host: str) -> HostPlan:
        served = [each for each in hosts if each != host and each not in relays]
        return HostPlan(
            "node",
            "home",
            *own[host],
            (f"{host}.test",),
            keys[host],
            PORT,
            peers(host),
            links(host),
            tuple(Client(c, keys[c], allowed(c)) for c in served) if host in relays else (),
            (),
            None,
        )

    return Plan("0" * 64, "test", NETWORK, NETWORK6, {host: part(host) for host in hosts})


def unpeered(plan: Plan, host: str, *gone: str) -> Plan:
    """The plan with a host's direct peers but some."""
    mine = plan.hosts[host]
    kept = tuple(each for each in mine.peers if each.host not in gone)
    return replace(plan, hosts={**plan.hosts, host: replace(mine, peers=kept)})


def without(plan: Plan, gone: str) -> Plan:
    """The plan without a host."""

    def left(part: HostPlan) -> HostPlan:
        return replace(
            part,
            peers=tuple(each for each in part.peers if each.host != gone),
            clients=tuple(each for each in part.clients if each.host != gone),
        )

    return replace(plan, hosts={n: left(p) for n, p in plan.hosts.items() if n != gone})


def with_phone(plan: Plan, name: str, relay: str) -> Plan:
    """The plan with a phone that has shown the configuration by one of its relays."""
    served = Client(name, key_of(name), ("10.44.0.200/32",), ("10.44.0.1/32",))
    part = plan.hosts[relay]
    used = Relay(relay, 1, part.key, "sim1", ("192.0.2.1:51821",), 25)
    shown = HostPlan(
        "phone", "home", "10.44.0.200", "fd77::c8", (), key_of(name), PORT, (), (used,), (), (), ()
    )
    hosts = {**plan.hosts, relay: replace(part, clients=(*part.clients, served)), name: shown}
    found = given(replace(plan, hosts=hosts), name, relay)
    return replace(plan, hosts={**hosts, name: replace(shown, given=found)})
