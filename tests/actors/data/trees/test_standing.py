"""How a tree is, as it is told to others."""

from __future__ import annotations

import time

import msgpack

from simulacra.actors.data.trees.standing import Standing, State


def test_it_is_plain_data_with_an_age_in_place_of_a_time() -> None:
    standing = Standing(
        State.HALTED,
        "half of it is gone",
        vector=(("desk", 1, 2),),
        left={b"caf\xe9": "busy"},
        behind=("nas",),
        since=time.monotonic() - 5,
    )
    plain = msgpack.unpackb(msgpack.packb(standing.to_plain()))
    assert (plain["state"], plain["reason"]) == ("halted", "half of it is gone")
    assert (plain["vector"], plain["behind"]) == ([["desk", 1, 2]], ["nas"])
    assert plain["left"] == {"caf\\xe9": "busy"}
    assert (plain["left_more"], plain["skipped_more"]) == (0, 0)
    assert 5 <= plain["since"] < 10


def test_of_many_paths_the_first_are_listed_and_how_many_more_there_are() -> None:
    left = {b"%d" % n: "why" for n in range(150)}
    plain = Standing(left=left, skipped={b"x": "a socket"}).to_plain()
    assert list(plain["left"]) == [str(n) for n in range(100)]
    assert (plain["left_more"], plain["skipped_more"]) == (50, 0)
