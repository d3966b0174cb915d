"""Changes make of any mesh the one that is wanted, and touch nothing that is as it should be."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulacra.overlay.mesh.changes import RemoveDevice, RemovePeer, RemoveRoute, SetPeer, SetRoute
from simulacra.overlay.mesh.model import Contact, Device, Mesh, Peer, Route
from simulacra.overlay.mesh.reconciling import changes
from tests.overlay.mesh.meshes import KEYS, MINE, PREFIXES, after, meshes, seen_of


def keyed(mesh: Mesh) -> Mesh:
    """The mesh with this host's present key on all devices, as it is always wanted."""
    found = {name: replace(device, key=MINE[0]) for name, device in mesh.devices.items()}
    return replace(mesh, devices=found)


@given(meshes(), meshes())
def test_the_changes_make_what_is_into_what_is_wanted(wanted: Mesh, before: Mesh) -> None:
    wanted, seen = keyed(wanted), seen_of(before)
    found = after(seen, changes(wanted, seen), MINE[0])
    assert found.mesh == seen_of(wanted).mesh
    for name, device in wanted.devices.items():
        for key, peer in device.peers.items():
            if peer.endpoint is not None:
                assert found.contacts[name, key].endpoint == peer.endpoint
    assert changes(wanted, found) == []


@given(meshes())
def test_what_is_as_wanted_needs_no_change(mesh: Mesh) -> None:
    assert changes(mesh, seen_of(mesh)) == []


@given(meshes(), meshes(), st.data())
def test_what_stays_is_not_touched(wanted: Mesh, before: Mesh, data: st.DataObject) -> None:
    """Devices, peers and routes of both are in no change, however much else is."""
    kept = sorted(wanted.devices.keys() & before.devices.keys())
    same = data.draw(st.sets(st.sampled_from(kept))) if kept else set()
    shared = {name: wanted.devices[name] for name in same}
    before = replace(before, devices={**before.devices, **shared})
    seen = seen_of(before)
    found = changes(wanted, seen)
    touched = {(each.device, each.key) for each in found if isinstance(each, SetPeer | RemovePeer)}
    assert not {name for name, _ in touched} & same
    removed = {each.device for each in found if isinstance(each, RemoveDevice)}
    assert removed == before.devices.keys() - wanted.devices.keys()
    routes = {each.route for each in found if isinstance(each, SetRoute | RemoveRoute)}
    assert not routes & before.routes & wanted.routes


def test_a_key_that_is_opened_is_begun_with_where_it_was_heard() -> None:
    old, new = KEYS[:2]
    address = frozenset({PREFIXES[0]})
    open_, shut = Peer(address), Peer(frozenset(), barred=True)
    before = seen_of(Mesh({"sim0": Device(1, MINE[0], {old: open_, new: shut})}))
    heard = {**before.contacts, ("sim0", new): Contact("192.0.2.9:9", received=148)}
    found = changes(
        Mesh({"sim0": Device(1, MINE[0], {new: open_})}), replace(before, contacts=heard)
    )
    begun, settled, last = found
    assert isinstance(begun, SetPeer)
    assert isinstance(settled, SetPeer)
    assert (begun.key, begun.afresh, begun.peer.endpoint) == (new, True, "192.0.2.9:9")
    assert begun.peer.keepalive > 0 == settled.peer.keepalive  # being told so it speaks at once
    assert settled == SetPeer("sim0", new, open_)
    assert last == RemovePeer("sim0", old)
    # One that is barred anew is heard from anew.
    assert changes(
        Mesh({"sim0": Device(1, MINE[0], {old: shut})}),
        seen_of(Mesh({"sim0": Device(1, MINE[0], {old: open_})})),
    ) == [SetPeer("sim0", old, shut, afresh=True)]


def test_a_change_of_path_is_one_change() -> None:
    devices = {name: Device(1, MINE[0]) for name in ("sim1", "sim2")}
    before = Mesh(devices, routes=frozenset({Route(PREFIXES[0], "sim1", metric=77)}))
    wanted = replace(before, routes=frozenset({Route(PREFIXES[0], "sim2", metric=77)}))
    assert changes(wanted, seen_of(before)) == [SetRoute(Route(PREFIXES[0], "sim2", metric=77))]
