from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.mount_keeping import PATIENCE, PAUSE_LIMIT, Act, Keeping


class World:
    """A host that comes and goes, and an sshfs that may fail."""

    def __init__(self) -> None:
        self.keeping = Keeping()
        self.up = self.alive = self.mounted = False
        self.works = True
        self.now = 0.0
        self.started: list[float] = []

    def step(self, seconds: float = 0.5) -> Act | None:
        self.now += seconds
        act = self.keeping.look(
            up=self.up, alive=self.alive, mounted=self.mounted, answered=self.alive, now=self.now
        )
        match act:
            case Act.START:
                assert not self.alive
                assert not self.mounted
                self.started.append(self.now)
                self.alive = self.mounted = self.works
            case Act.END:
                assert self.alive
                self.alive = False
            case Act.DETACH:
                assert self.mounted
                self.mounted = False
        return act


def test_it_is_mounted_while_its_host_is_there() -> None:
    world = World()
    assert world.step() is None
    assert world.keeping.state == "away"
    world.up = True
    assert world.step() is Act.START
    assert world.step() is None
    assert world.keeping.state == "mounted"
    world.up = False
    assert [world.step() for _ in range(3)] == [Act.DETACH, Act.END, None]
    world.up = True
    assert world.step() is Act.START


def test_what_is_left_of_an_sshfs_that_died_is_detached_first() -> None:
    world = World()
    world.up = world.mounted = True
    assert world.step() is Act.DETACH
    assert world.step() is Act.START


def test_failures_are_tried_again_ever_less_often() -> None:
    world = World()
    world.up, world.works = True, False
    for _ in range(1000):
        world.step()
    gaps = [b - a for a, b in zip(world.started, world.started[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 1.5
    assert gaps[-1] >= PAUSE_LIMIT


def test_an_sshfs_that_never_answers_is_ended() -> None:
    for mounted in (False, True):
        keeping = Keeping()
        began = keeping.look(up=True, alive=False, mounted=False, answered=False, now=0.0)
        assert began is Act.START
        for now, act in ((PATIENCE, None), (PATIENCE + 1, Act.END)):
            its = keeping.look(up=True, alive=True, mounted=mounted, answered=False, now=now)
            assert its is act
            assert keeping.state == "waiting"


def test_what_is_not_wanted_any_more_goes() -> None:
    world = World()
    world.up = True
    world.step()
    world.keeping.wanted = False
    assert [world.step() for _ in range(3)] == [Act.DETACH, Act.END, None]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_whatever_happens_it_ends_up_as_it_should(happens: list[tuple[bool, bool, bool]]) -> None:
    world = World()
    for up, dies, works in happens:
        world.up, world.works = up, works
        world.alive &= not dies
        world.step()
    world.works = True
    for _ in range(int(2 * PAUSE_LIMIT / 0.5) + 4):
        world.step()
    assert (world.alive, world.mounted) == (world.up, world.up)
