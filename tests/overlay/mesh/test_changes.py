"""Changes and meshes as plain data: back as they were, and refused where anything is off."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given

from simulacra.overlay.mesh.changes import (
    change_from_plain,
    change_to_plain,
    seen_from_plain,
    seen_to_plain,
)
from simulacra.overlay.mesh.model import Mesh, ModelError, Seen
from simulacra.overlay.mesh.reconciling import changes
from tests.overlay.mesh.meshes import KEYS, meshes, seen_of


@given(meshes(), meshes())
def test_changes_come_back_as_they_were(wanted: Mesh, before: Mesh) -> None:
    for change in changes(wanted, seen_of(before)):
        plain = msgpack.unpackb(msgpack.packb(change_to_plain(change)))
        assert change_from_plain(plain) == change


@given(meshes())
def test_a_mesh_as_it_is_comes_back_as_it_was(mesh: Mesh) -> None:
    seen = Seen(seen_of(mesh).mesh, seen_of(mesh).contacts, "userspace", 12.5, outside=True)
    assert seen_from_plain(msgpack.unpackb(msgpack.packb(seen_to_plain(seen)))) == seen


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        ["Reboot"],
        ["AddDevice", "eth0", 51820],
        ["AddDevice", "sim0; reboot", 51820],
        ["AddDevice", "sim0", 65536],
        ["AddDevice", "sim0", "51820"],
        ["AddDevice", "sim0", True],
        ["AddDevice", "sim0"],
        ["RemoveDevice", "lo"],
        ["RemovePeer", "sim0", "short"],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1"], None, 0, False], False],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1/32"], "nas:51820", 0, False], False],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1/32"], None, 70000, False], False],
        ["SetPeer", "sim0", KEYS[0], [[7], None, 0, False], False],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1/32"], None, 0, False], 1],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1/32"], None, 0, 1], False],
        ["SetPeer", "sim0", KEYS[0], [["10.44.0.1/32"], None, 0], False],
        ["AddAddress", "sim0", "10.44.0.300/32"],
        ["SetRoute", ["10.44.0.1/32", "eth0", 254, "", 0]],
        ["SetRoute", ["10.44.0.1/32", "sim0", 255, "", 0]],
        ["SetRoute", ["10.44.0.1/32", "sim0", 254, "me", 0]],
        ["SetRoute", ["10.44.0.1/32", "sim0", 254, "", -1]],
        ["AddRule", ["eth0", 7701]],
        ["AddRule", ["simr", 254, 1]],
    ],
)
def test_what_is_no_change_of_the_overlay_is_refused(plain: object) -> None:
    with pytest.raises(ModelError):
        change_from_plain(plain)
