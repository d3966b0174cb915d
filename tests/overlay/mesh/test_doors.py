"""Of a host's keys one is open at a device: the one that it uses, as soon as it does."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from simulacra.overlay.mesh.doors import GRACE, VAIN, VAIN_HEARD, Doors
from simulacra.overlay.mesh.model import Contact, Device, Mesh, Peer, Seen
from tests.overlay.plans import key_of, made

PLAN = made({"a": "10.77.0.1", "b": "10.77.0.2", "r": "10.77.0.3"}, relays=["r"])
OLD, NEW, MINE = key_of("b, once"), key_of("b, later"), key_of("a")
NOTHING = Seen(Mesh())


def opened(doors: Doors, host: str = "b") -> str | None:
    return doors.open("sim0", host)


def seen(open_: str, barred: str, *heard: str) -> Seen:
    """A device with one key open and one barred, by which somebody came or not."""
    peers = {barred: Peer(frozenset(), barred=True), open_: Peer(frozenset({"10.44.0.2/32"}))}
    contacts = {("sim0", key): Contact(received=148 * (key in heard)) for key in peers}
    return Seen(Mesh({"sim0": Device(51820, MINE, peers)}), contacts)


def with_two() -> Doors:
    doors = Doors(PLAN.hosts["a"])
    doors.let_in({"b": (OLD, NEW)}, NOTHING, 0.0)
    return doors


def test_the_plan_alone_counts_for_who_has_no_keys_of_its_own() -> None:
    doors = with_two()
    assert opened(doors, "r") is None
    assert doors.keys() == {("sim0", "b"): (OLD, NEW)}


def test_a_key_is_opened_once_its_host_comes_by_it_and_not_before() -> None:
    doors = with_two()
    doors.looked(seen(OLD, NEW, OLD))
    assert opened(doors) == OLD
    doors.looked(seen(OLD, NEW, OLD, NEW))
    assert doors.keys()["sim0", "b"] == (NEW, OLD)
    # And back, as after a break-down of a host that had not kept it yet.
    doors.looked(seen(NEW, OLD, OLD))
    assert opened(doors) == OLD


def test_a_key_that_is_given_up_stays_open_until_the_other_is_heard() -> None:
    doors = with_two()
    doors.let_in({"b": (NEW,)}, seen(OLD, NEW), 10.0)
    assert doors.expects
    assert doors.keys()["sim0", "b"] == (OLD, NEW)
    doors.looked(seen(OLD, NEW, NEW))
    assert not doors.expects
    assert doors.keys()["sim0", "b"] == (NEW,)


def test_but_not_for_long() -> None:
    doors = with_two()
    for at, key in ((10.0, OLD), (9.9 + GRACE, OLD), (10.0 + GRACE, NEW)):
        doors.let_in({"b": (NEW,)}, seen(OLD, NEW), at)
        assert opened(doors) == key
    assert not doors.expects


def test_what_is_open_already_stays_open() -> None:
    doors = Doors(PLAN.hosts["a"])
    doors.let_in({"b": (OLD, NEW)}, seen(NEW, OLD), 0.0)
    assert opened(doors) == NEW
    heir = Doors(PLAN.hosts["a"])
    heir.inherit(doors)
    heir.let_in({"b": (OLD, NEW)}, NOTHING, 1.0)
    assert opened(heir) == NEW


def test_who_is_reached_keeps_its_key_and_who_has_one_has_no_other() -> None:
    doors = with_two()
    for now in (0.0, 1.0, 2 * VAIN):
        doors.searched("sim0", "b", reached=True, now=now)
    assert opened(doors) == OLD
    doors.let_in({"b": (NEW,)}, seen(NEW, OLD), 0.0)
    for now in (5.0, 5.0 + VAIN):
        doors.searched("sim0", "b", reached=False, now=now)
    assert opened(doors) == OLD  # which is being given up


def test_a_key_that_a_host_was_heard_by_stays_open_longer_under_another_plan_too() -> None:
    doors = with_two()
    doors.looked(seen(OLD, NEW, NEW))
    heir = Doors(PLAN.hosts["a"])
    heir.inherit(doors)
    for now, key in ((0.0, NEW), (VAIN, NEW), (VAIN_HEARD, OLD), (VAIN_HEARD + VAIN, OLD)):
        heir.searched("sim0", "b", reached=False, now=now)
        assert opened(heir) == key
    heir.searched("sim0", "b", reached=False, now=VAIN_HEARD + 2 * VAIN)
    assert opened(heir) == NEW


class End:
    """A host with a key that it uses, at a wire to one that has likewise."""

    def __init__(self, host: str, other: str, turns_at: float, looks_every: int) -> None:
        self.other, self.turns_at, self.looks_every = other, turns_at, looks_every
        self.keys = (key_of(host), key_of(host + ", later"))
        self.key = self.keys[0]
        self.doors = Doors(PLAN.hosts[host])
        self.heard: set[str] = set()
        self.barred: frozenset[str] = frozenset()

    def step(self, peer: End, number: int, *, works: bool) -> None:
        now = number / 10
        if now >= self.turns_at:
            self.key = self.keys[1]
        self.doors.let_in({self.other: peer.keys}, NOTHING, now)
        open_, *others = self.doors.keys()["sim0", self.other]
        if self.barred != frozenset(others):
            self.barred, self.heard = frozenset(others), set()
        # Only who has the key that it is spoken to by hears.
        if open_ == peer.key and self.key in peer.barred:
            peer.heard.add(self.key)
        if number % self.looks_every == 0:
            self.doors.looked(seen(open_, others[0], *self.heard))
        self.doors.searched("sim0", self.other, reached=works, now=now)


@given(st.tuples(*[st.floats(0, 9)] * 2), st.tuples(*[st.integers(1, 30)] * 2))
@example((7.0, 7.0), (21, 21))  # each left the right key when the other found it, for ever
def test_two_that_turn_at_any_times_find_each_other(
    turns: tuple[float, float], looks: tuple[int, int]
) -> None:
    one, other = End("a", "b", turns[0], looks[0]), End("b", "a", turns[1], looks[1])
    worked = -1

    def works() -> bool:
        return opened(one.doors, "b") == other.key and opened(other.doors, "a") == one.key

    for number in range(300):
        worked = number if works() else worked
        reached = worked >= 0 and number - worked < 15  # as long as probes take to miss it
        one.step(other, number, works=reached)
        other.step(one, number, works=reached)
    assert works()
