from __future__ import annotations

from simulacra.actors.cluster.admissions import expel
from simulacra.actors.cluster.facts import Origin
from simulacra.actors.cluster.roll import Roll
from simulacra.actors.cluster.trust import RollTrust

from .networks import NOW, Host, Network


def origin(host: Host) -> Origin:
    return Origin.of(host.name, host.signer.key, 1)


def test_who_was_let_in_counts_until_it_is_expelled() -> None:
    network, host, other = Network(), Host("desk"), Host("other")
    roll = Roll.of(network.owner.key)
    trust = RollTrust(lambda: roll)
    assert trust.signing_key(origin(host)) is None
    assert not trust.is_member(origin(host))
    roll = roll.add(network.admit(host))
    assert trust.signing_key(origin(host)) == host.signer.key
    assert trust.is_member(origin(host))
    assert trust.signing_key(origin(other)._replace(host="desk")) is None
    keys = [host.pair.public, host.signer.key]
    roll = roll.add(expel(network.owner.key, "desk", keys, network.owner, at=NOW + 1))
    assert trust.signing_key(origin(host)) == host.signer.key
    assert not trust.is_member(origin(host))


def test_an_outside_host_does_not_count() -> None:
    network, phone = Network(), Host("phone")
    roll = Roll.of(network.owner.key, [network.admit(phone, role="outside")])
    trust = RollTrust(lambda: roll)
    assert trust.signing_key(origin(phone)) == phone.signer.key
    assert not trust.is_member(origin(phone))


def test_owners_are_those_of_the_roll() -> None:
    network = Network()
    trust = RollTrust(lambda: Roll.of(network.owner.key))
    assert trust.is_owner(network.owner.key)
    assert not trust.is_owner(Host("desk").signer.key)
