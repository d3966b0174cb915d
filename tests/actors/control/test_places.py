from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from simulacra.actors.compute.mounts import Lying, Mount
from simulacra.actors.control.places import MountPlaces, Place, Proofs
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


def places(ssh: dict[str, str] | None = None, sources: dict[str, str] | None = None) -> MountPlaces:
    node = SimpleNamespace(
        settings=SimpleNamespace(ssh=ssh or {}, sources=sources or {}),
        neighbours=SimpleNamespace(
            places=lambda: {"laptop": "10.0.0.1:7400", "nas": "10.0.0.3:7400"},
            absent=lambda: ["desk"],
        ),
    )
    return MountPlaces(cast("Node", node))


def lying(source: str, fstype: str = "fuse.sshfs") -> Lying:
    return Lying("/mnt/x/src", Mount(7, "/", "/mnt/x", fstype, source))


def test_a_mount_of_a_host_of_the_network_also_of_one_that_is_away() -> None:
    via = "/mnt/x is 10.0.0.3:/srv by sshfs"
    proof = "nas 7 /mnt/x / 10.0.0.3:/srv"
    assert places().find(lying("10.0.0.3:/srv")) == (Place("nas", "/srv/src", via, proof),)
    [found] = places().find(lying("desk:"))
    assert (found.host, found.path) == ("desk", "src")


def test_what_is_no_mount_of_another_host_is_left_to_others() -> None:
    assert places().find(lying("/dev/sda1", "ext4")) == ()


def test_what_the_user_says_decides() -> None:
    sources = {"//box/photos": "nas:/srv/photos"}
    [found] = places(sources=sources).find(lying("//box/photos", "cifs"))
    assert (found.host, found.path) == ("nas", "/srv/photos/src")
    [found] = places(ssh={"nas": "me@big.lan"}).find(lying("me@big.lan:x"))
    assert found.host == "nas"


@pytest.mark.parametrize(
    ("source", "fstype", "says"),
    [("stranger:x", "fuse.sshfs", "stranger"), ("//nas/photos", "cifs", "only the server knows")],
)
def test_what_cannot_be_told_says_how_to_say_it(source: str, fstype: str, says: str) -> None:
    with pytest.raises(GatewayError, match=says) as error:
        places().find(lying(source, fstype))
    assert error.value.code is ErrorCode.NOT_FOUND
    assert "simulacra.toml" in error.value.hint


def test_a_proof_holds_for_what_it_was_made_for_and_the_oldest_are_forgotten() -> None:
    proofs = Proofs()
    one, here = Place("nas", "/", "", "one"), Place("nas", "/", "", None)
    assert proofs.holds(here)
    assert not proofs.holds(one)
    proofs.add("one")
    assert proofs.holds(one)
    for number in range(256):
        proofs.add(str(number))
    assert not proofs.holds(one)
    assert len({proofs.make() for _ in range(100)}) == 100
