"""When OpenVPN is asked for, used, left and ended."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from simulacra.overlay.mesh.tunnelling import LINGER, PATIENCE, Phase, Signs, Tunnelling

WORKS, SILENT = Signs(works=True), Signs()


class Ladder:
    """A host's ladder, looked at ten times a second."""

    def __init__(self, *relays: str) -> None:
        self.tunnelling = Tunnelling(relays)
        self.now = 0.0
        self.runs: frozenset[str] = frozenset()

    def see(self, seconds: float, signs: Mapping[str, Signs]) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += 0.1
            self.runs = self.tunnelling.decide(signs, self.now)

    def phase(self, relay: str = "r") -> Phase:
        return self.tunnelling.phase(relay)


def tunnelled() -> Ladder:
    ladder = Ladder("r")
    ladder.see(PATIENCE + 1, {"r": SILENT})
    ladder.see(0.2, {"r": Signs(ready=True)})
    assert ladder.tunnelling.tunnelled == {"r"}
    ladder.see(10, {"r": Signs(works=True, ready=True)})
    return ladder


def test_nothing_is_started_while_udp_works() -> None:
    ladder = Ladder("r")
    for _ in range(20):
        ladder.see(PATIENCE - 0.5, {"r": SILENT})
        ladder.see(0.3, {"r": WORKS})
        assert (ladder.runs, ladder.tunnelling.tunnelled) == (frozenset(), frozenset())


def test_a_tunnel_is_asked_for_and_used_once_it_is_ready() -> None:
    ladder = Ladder("r")
    ladder.see(PATIENCE + 1, {"r": SILENT})
    assert (ladder.phase(), ladder.runs) == (Phase.ASKED, frozenset("r"))
    assert ladder.tunnelling.tunnelled == frozenset()
    ladder.see(0.2, {"r": Signs(ready=True)})
    assert ladder.phase() is Phase.TUNNELLED
    ladder.see(60, {"r": Signs(works=True, ready=True)})
    assert (ladder.phase(), ladder.runs) == (Phase.TUNNELLED, frozenset("r"))


def test_who_reaches_another_relay_over_udp_asks_for_nothing() -> None:
    ladder = Ladder("r")
    ladder.see(60, {"r": SILENT, "other": WORKS})
    assert ladder.runs == frozenset()
    ladder.see(PATIENCE + 1, {"r": SILENT, "other": SILENT})
    assert ladder.runs == {"r"}


def test_when_udp_works_again_the_tunnel_is_left_and_then_ended() -> None:
    ladder = tunnelled()
    ladder.see(0.2, {"r": Signs(works=True, udp=True, ready=True)})
    assert (ladder.phase(), ladder.runs) == (Phase.RETURNING, frozenset("r"))
    assert ladder.tunnelling.tunnelled == frozenset()
    ladder.see(LINGER + 1, {"r": Signs(works=True, udp=True, ready=True)})
    assert (ladder.phase(), ladder.runs) == (Phase.UDP, frozenset())


def test_a_return_that_fails_goes_back_to_the_tunnel() -> None:
    ladder = tunnelled()
    ladder.see(0.2, {"r": Signs(works=True, udp=True, ready=True)})
    ladder.see(4, {"r": Signs(ready=True)})
    assert ladder.phase() is Phase.TUNNELLED
    assert ladder.runs == {"r"}


def test_a_tunnel_that_comes_too_late_is_let_go() -> None:
    ladder = Ladder("r")
    ladder.see(PATIENCE + 1, {"r": SILENT})
    ladder.see(LINGER + 1, {"r": WORKS})
    assert ladder.runs == frozenset()


signs = st.builds(Signs, st.booleans(), st.booleans(), st.booleans())


@given(st.lists(st.tuples(st.floats(0.05, 8.0), signs, signs), max_size=60))
def test_it_is_never_stuck(looks: list[tuple[float, Signs, Signs]]) -> None:
    ladder = Ladder("r", "s")
    for pause, one, other in looks:
        ladder.now += pause
        runs = ladder.tunnelling.decide({"r": one, "s": other}, ladder.now)
        assert ladder.tunnelling.tunnelled <= runs
    ladder.see(
        3 * (LINGER + PATIENCE), {"r": Signs(True, True, True), "s": Signs(True, True, True)}
    )
    assert ladder.runs == frozenset()
    ladder.see(3 * (LINGER + PATIENCE), {"r": Signs(ready=True), "s": Signs(ready=True)})
    assert ladder.tunnelling.tunnelled == {"r", "s"}
