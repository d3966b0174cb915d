"""What a host that joins believes, and what it says when nobody answers; see test_door as well."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from simulacra.actors.cluster.admissions import witness
from simulacra.actors.cluster.door import Door
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import Token, invite
from simulacra.actors.cluster.knocking import KnockError, knock
from simulacra.actors.cluster.reception import DoorKeys, Knock, Welcome
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.cluster.admitting import NOW, Network, signer

HOME = Network()
DOOR = KeyPair.generate()
PAIR = KeyPair.generate()
OWN = signer("desk")


def token() -> Token:
    return invite(HOME.owner, network="home", root=HOME.root, door=DOOR.public, expires=NOW + 60)


def attempt(to: Token, *hosts: str, timeout: float = 5.0) -> Welcome:
    return knock(to, hosts, name="desk", pair=PAIR, own=OWN, timeout=timeout)


@contextmanager
def a_door_that_says(welcome: Welcome) -> Iterator[str]:
    keys = DoorKeys(DOOR.public, DOOR.secret)
    door = Door("127.0.0.1", 0, keys, lambda *_: welcome)
    try:
        yield f"127.0.0.1:{door.port}"
    finally:
        door.close()


def empty(root: str) -> Welcome:
    return Welcome("home", root, "nas", (), (), (), (), None)


def test_a_welcome_without_proof_is_not_believed() -> None:
    with a_door_that_says(empty(HOME.root)) as at, pytest.raises(KnockError) as caught:
        attempt(token(), at)
    assert caught.value.code == "not_proved"
    with a_door_that_says(empty(signer("x").key)) as at, pytest.raises(KnockError) as caught:
        attempt(token(), at)
    assert caught.value.code == "not_proved"
    assert "another network" in str(caught.value)


def test_an_admission_that_a_stranger_witnessed_is_not_believed() -> None:
    keys = DoorKeys(DOOR.public, DOOR.secret)

    def answer(knocked: Knock, _: str) -> Welcome:
        admission = witness(knocked.invitation, knocked.binding, NOW, Signer.generate())
        return replace(empty(HOME.root), admissions=(admission,))

    door = Door("127.0.0.1", 0, keys, answer)
    try:
        with pytest.raises(KnockError, match="no member let it in"):
            attempt(token(), f"127.0.0.1:{door.port}")
    finally:
        door.close()


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(KnockError, match="nothing answers at 127") as caught:
        attempt(token(), f"127.0.0.1:{port}", timeout=0.3)
    assert caught.value.code == "unreachable"


def test_somebody_else_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(KnockError, match="not with the door of the network"):
            attempt(token(), f"127.0.0.1:{port}", timeout=1.5)  # it is met by then


@pytest.mark.parametrize("host", ["nas:port", "nas:0", "nas:70000", ":7", "nas..local"])
def test_what_is_no_host_is_told_before_anything_is_sent(host: str) -> None:
    with pytest.raises(KnockError) as caught:
        attempt(token(), host)
    assert caught.value.code == "usage"
