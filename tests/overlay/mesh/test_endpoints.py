"""The search for a peer: every place in turn, ever less often, and anew with every news."""

from __future__ import annotations

import itertools

from simulacra.overlay.mesh.endpoints import Search, again, due, found, told

HOME, OUTSIDE, SEEN = "192.168.1.7:51820", "192.0.2.7:51820", "198.51.100.9:4711"


def tried(
    search: Search, until: float, now: float = 0.0, *, leads: bool = False
) -> tuple[Search, list[tuple[float, str]]]:
    """The places that are tried, with the times."""
    places = []
    while now < until:
        search, place = due(search, now, leads=leads)
        if place is not None:
            places.append((now, place))
        now += 0.25
    return search, places


def test_every_place_is_tried_in_turn_and_ever_less_often() -> None:
    search, places = tried(told(Search(), [HOME, OUTSIDE, HOME], 0.0), 400.0)
    assert [place for _, place in places[:4]] == [HOME, OUTSIDE, HOME, OUTSIDE]
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(places)]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert gaps[-1] == 20.0
    assert search.turn == len(places)


def test_nothing_is_tried_where_nothing_is_known() -> None:
    assert tried(Search(), 10.0)[1] == []


def test_a_new_place_is_news_and_one_that_is_known_is_none() -> None:
    search, _ = tried(told(Search(), [HOME], 0.0), 100.0)
    assert told(search, [HOME], 100.0) == search
    news = told(search, [HOME, SEEN], 100.0)
    assert news.due <= 101.0
    _, places = tried(news, 103.0, 100.0)
    assert [place for _, place in places][:2] == [HOME, SEEN]
    assert told(news, [SEEN], 104.0).places == (SEEN,)


def test_what_was_reached_is_tried_soon_after_it_is_lost() -> None:
    search, _ = tried(told(Search(), [HOME, OUTSIDE], 0.0), 100.0)
    search = found(search, 100.0)
    assert due(search, 100.5, leads=True)[1] is None
    assert due(search, 101.0, leads=True)[1] == HOME
    assert due(again(search, 100.0), 100.0, leads=True)[1] == HOME


def test_of_two_that_begin_at_once_one_tries_again_before_the_other_does() -> None:
    search = told(Search(), [HOME], 0.0)
    mine, theirs = ([at for at, _ in tried(search, 5.0, leads=leads)[1]] for leads in (True, False))
    assert mine[0] == theirs[0] == 0.0
    assert 0.5 <= mine[1] <= theirs[1] - 0.25
