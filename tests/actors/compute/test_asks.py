from simulacra.actors.compute.asks import Asks, Pending


def waiting() -> Asks:
    asks = Asks()
    asks.wait("r1", Pending("x", 1, due=5))
    asks.wait("r2", Pending("x", 2, due=None))
    asks.wait("r3", Pending("y", 1, due=3))
    return asks


def test_an_ask_is_over_once() -> None:
    asks = waiting()
    assert "r1" in asks
    assert asks.finish("r1")
    assert "r1" not in asks
    assert not asks.finish("r1")


def test_asks_run_out_of_time_unless_they_wait_for_ever() -> None:
    asks = waiting()
    assert asks.deadline() == 3
    assert asks.expire(4) == ["r3"]
    assert asks.expire(1000) == ["r1"]
    assert asks.deadline() is None


def test_of_a_party_that_is_gone_what_it_received_is_left_to_its_answer() -> None:
    assert waiting().lose("x", 1) == ["r2"]
    assert waiting().lose("x", None) == ["r1", "r2"]


def test_what_was_delivered_is_answered_once() -> None:
    asks = Asks()
    asks.open("u", "r")
    assert not asks.close("v", "r")
    assert asks.close("u", "r")
    assert not asks.close("u", "r")


def test_at_the_end_what_is_owed_is_named_and_nothing_pending() -> None:
    asks = waiting()
    asks.open("v", "r")
    asks.open("u", "r")
    assert asks.end() == [("u", "r"), ("v", "r")]
    assert (asks.end(), "r1" in asks) == ([], False)


def test_a_snapshot_keeps_the_time_that_is_left() -> None:
    asks = waiting()
    asks.open("u", "r")
    again = Asks.from_plain(asks.to_plain(now=2), now=100)
    assert again.deadline() == 101
    assert again.close("u", "r")
    assert again.to_plain(100)["pending"][1] == ["r2", "x", 2, None]
