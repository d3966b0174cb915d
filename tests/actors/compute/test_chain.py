from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.chain import Stage, explain_chain
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route

PYTHON = Software("3.11", "x86_64")
NETWORK = Network.of(
    [Host("A", PYTHON), Host("B", PYTHON, speed=4)], {("A", "B"): Route(0.02, 1e7)}
)


def chain(*, keys: int = 1000, sources: int = 10**8) -> tuple[Stage, ...]:
    return (
        Stage("display", pinned="A", round_trips=keys),
        Stage("edit", round_trips=10),
        Stage("compile", cpu_seconds=40, size=sources, round_trips=2000),
        Stage("data", pinned="B"),
    )


def names(stages: tuple[Stage, ...]) -> list[str]:
    return ["".join(row.hosts[1:3]) for row in explain_chain(stages, NETWORK)]


def test_one_edits_where_one_sits_and_compiles_where_the_data_is() -> None:
    assert names(chain()) == ["AB", "BB", "AA", "BA"]


def test_without_a_person_all_goes_to_the_data() -> None:
    assert names(chain(keys=0))[0] == "BB"


def test_the_table_shows_where_the_time_goes() -> None:
    best = explain_chain(chain(), NETWORK)[0]
    assert best.best
    assert best.work == 10
    assert best.flow == pytest.approx(0.2)
    assert best.total == best.work + best.flow


@given(st.lists(st.builds(Stage, st.just("s"), st.none() | st.sampled_from("AB"),
                          st.floats(0, 10), st.integers(0, 10**9), st.integers(0, 100)),
                min_size=1, max_size=5))  # fmt: skip
def test_every_assignment_is_there_and_the_cheapest_is_best(stages: list[Stage]) -> None:
    rows = explain_chain(tuple(stages), NETWORK)
    places = [[stage.pinned] if stage.pinned else ["A", "B"] for stage in stages]
    assert {row.hosts for row in rows} == set(product(*places))
    assert [row.best for row in rows] == [True] + [False] * (len(rows) - 1)
    assert rows[0].total == min(row.total for row in rows)


def test_too_many_assignments_and_unknown_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match="8192 assignments are too many"):
        explain_chain(tuple(Stage(str(n)) for n in range(13)), NETWORK)
    with pytest.raises(ValueError, match="pinned to 'C'"):
        explain_chain((Stage("s", pinned="C"),), NETWORK)
