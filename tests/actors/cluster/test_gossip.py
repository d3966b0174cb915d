from simulacra.actors.cluster.gossip import Rumours
from simulacra.actors.cluster.members import News, State
from tests.actors.cluster.swimmers import record


def hosts(told: list[list[object]]) -> list[object]:
    return [each[0] for each in told]


def test_news_is_told_to_neighbours_once_and_repeated_a_few_times() -> None:
    rumours = Rumours()
    rumours.add(News(record("nas")), "desk", 0.0)
    assert rumours.fresh
    assert [(told[0], source) for told, source in rumours.drain(0.0)] == [("nas", "desk")]
    assert not rumours.fresh
    assert [hosts(rumours.take(900, 3, 0.0)) for _ in range(4)] == [["nas"], ["nas"], ["nas"], []]
    assert not rumours


def test_a_message_takes_what_was_told_least_up_to_its_size() -> None:
    rumours = Rumours()
    for number in range(10):
        rumours.add(News(record(f"h{number}")), "", 0.0)
    first, second = rumours.take(150, 5, 0.0), rumours.take(150, 5, 0.0)
    assert 1 < len(first) < 5
    assert not set(hosts(first)) & set(hosts(second))
    assert len(rumours.take(1, 5, 0.0)) == 1  # one goes always, however large


def test_later_news_takes_the_place_of_earlier_and_accusers_stand_beside_each_other() -> None:
    rumours = Rumours()
    rumours.add(News(record("nas")), "", 0.0)
    suspect = record("nas", 0, State.SUSPECT)
    rumours.add(News(suspect, "a"), "", 0.0)
    rumours.add(News(suspect, "b"), "", 0.0)
    assert sorted(str(told[5]) for told, _ in rumours.drain(0.0)) == ["a", "b"]
    rumours.add(News(record("nas", 1)), "", 0.0)
    assert [told[3:6] for told in rumours.take(900, 5, 0.0)] == [[1, "up", ""]]


def test_an_age_goes_on_while_it_waits() -> None:
    rumours = Rumours()
    rumours.add(News(record("nas", 0, State.DOWN), "a", 10.0), "", 100.0)
    assert rumours.take(900, 5, 105.0)[0][6] == 15
