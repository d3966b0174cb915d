from itertools import pairwise

import pytest

from simulacra.actors.cluster.suspicion import Patience, Suspicion
from simulacra.actors.cluster.swim_settings import Settings

SETTINGS = Settings(suspicion=(1.0, 3.0), patience=4.0, calm=60.0)


def test_the_more_accuse_the_sooner_it_ends() -> None:
    lasts = [Suspicion(0.0, 2, set("abcd"[:n])).lasts(SETTINGS) for n in (1, 2, 3, 4)]
    assert lasts[0] == 3.0
    assert lasts[-1] == lasts[-2] == pytest.approx(1.0)
    assert all(later <= earlier for earlier, later in pairwise(lasts))


def test_where_no_other_could_accuse_nobody_is_waited_for() -> None:
    assert Suspicion(0.0, 0, {"a"}).lasts(SETTINGS) == 1.0


def test_patience_doubles_to_a_limit_and_wears_off() -> None:
    patience = Patience(SETTINGS)
    assert patience.of("nas", 0.0) == 1.0
    for factor in (2.0, 4.0, 4.0):
        patience.grow("nas", 0.0)
        assert patience.of("nas", 0.0) == factor
    assert patience.of("nas", 60.0) == 2.0
    assert patience.of("nas", 500.0) == 1.0
    assert patience.of("desk", 0.0) == 1.0
