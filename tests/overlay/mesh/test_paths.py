"""Which way is taken: the ladder, held against every sequence of ways that come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.overlay.mesh.paths import Choice, Rung, Way, choose

DIRECT = Way("sim0", Rung.DIRECT, (), 0.05)
NEAR = Way("sim1", Rung.RELAYED, ("r",), 0.010)
FAR = Way("sim2", Rung.RELAYED, ("s",), 0.050)
TUNNEL = Way("sim3", Rung.TUNNELLED, ("t",), 0.001)

ways = st.builds(
    Way,
    st.sampled_from(["sim0", "sim1", "sim2"]),
    st.sampled_from(Rung),
    trip=st.sampled_from([0.001, 0.002, 0.05, 0.5]),
    settled=st.booleans(),
)
looks = st.lists(st.lists(ways, unique_by=lambda way: way.device), max_size=20)


def chosen(choice: Choice) -> str:
    return choice.way.device if choice.way is not None else ""


@given(looks)
def test_a_way_that_works_is_taken_whenever_there_is_one(history: list[list[Way]]) -> None:
    choice = Choice()
    for now, look in enumerate(history):
        before, choice = choice, choose(choice, look, now)
        if look:
            assert choice.way in look
        else:
            assert choice.way == before.way


@given(looks, st.lists(ways, min_size=1, unique_by=lambda way: way.device))
def test_what_lasts_ends_on_the_best_rung_that_is_settled(
    history: list[list[Way]], last: list[Way]
) -> None:
    choice = Choice()
    for now, look in enumerate([*history, *[last] * 8]):
        choice = choose(choice, look, now)
    assert choice.way is not None
    best = min((way.rung for way in last if way.settled), default=choice.way.rung)
    assert choice.way.rung <= best
    for now in range(100, 120):  # and there it stays
        assert choose(choice, last, now).way == choice.way


def test_direct_is_taken_though_it_is_longer_and_climbed_back_to_when_settled() -> None:
    choice = choose(Choice(), [NEAR, DIRECT], 0)
    assert chosen(choice) == "sim0"
    choice = choose(choice, [NEAR, FAR, TUNNEL], 1)
    assert chosen(choice) == "sim1"
    fresh = Way("sim0", Rung.DIRECT, (), 0.001, settled=False)
    choice = choose(choice, [NEAR, fresh], 2)
    assert chosen(choice) == "sim1"
    assert chosen(choose(choice, [NEAR, DIRECT], 3)) == "sim0"


def test_another_relay_is_taken_only_when_it_is_clearly_shorter_for_a_while() -> None:
    choice = choose(Choice(), [FAR], 0)
    for now in (1.0, 2.0, 3.9):
        choice = choose(choice, [FAR, NEAR], now)
        assert chosen(choice) == "sim2"
    assert chosen(choose(choice, [FAR, NEAR], 4.1)) == "sim1"
    # A look in between at which it is not begins the while anew.
    choice = choose(choose(choice, [FAR], 4.0), [FAR, NEAR], 4.1)
    assert chosen(choice) == "sim2"


def test_openvpn_is_the_last_resort_however_short() -> None:
    assert chosen(choose(Choice(), [TUNNEL, FAR], 0)) == "sim2"
    assert chosen(choose(Choice(), [TUNNEL], 0)) == "sim3"
