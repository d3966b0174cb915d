from itertools import permutations

import pytest

from simulacra.actors.cluster.election import Candidate, Standing, explain, ranked

BASE = Standing(mains=True, uptime=5.0, links=2)


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (
            Candidate("z", 0, Standing(mains=False)),
            Candidate("a", 9, BASE),
            "earlier in the succession list",
        ),
        (
            Candidate("y", 0, BASE),
            Candidate("b", 9, Standing(mains=False, uptime=9)),
            "on mains power",
        ),
        (Candidate("y", 9, BASE), Candidate("b", 8, Standing(uptime=9)), "the longer journal"),
        (Candidate("y", 9, BASE), Candidate("b", 9, Standing(uptime=2, links=9)), "up for longer"),
        (
            Candidate("y", 9, Standing(uptime=99, links=3)),
            Candidate("b", 9, Standing(uptime=30, links=2)),
            "reaches more hosts",
        ),
        (Candidate("b", 9, BASE), Candidate("y", 9, BASE), "first by name"),
    ],
)
def test_the_first_criterion_that_differs_decides_and_is_said(
    better: Candidate, worse: Candidate, why: str
) -> None:
    for order in permutations([better, worse]):
        assert ranked(order, ["z"]) == [better, worse]
        assert explain(order, ["z"]) == f"{better.host} before {worse.host}: {why}"


def test_a_host_alone_is_the_first() -> None:
    assert explain([Candidate("a")]) == "a is the only host in reach"
