"""In which order the parts of a log are read that a computation left behind on its way."""

from __future__ import annotations

from typing import Any

from simulacra.actors.compute.computing import Described
from simulacra.actors.control.logs import Stay, stays


def at(host: str, *moves: tuple[str, int]) -> Described:
    told: list[dict[str, Any]] = [{"source": source, "printed": end} for source, end in moves]
    return Described("n#1", "n", "computation", host, "running", moves=told)


def test_who_never_moved_is_where_it_is() -> None:
    assert stays(at("desk")) == [Stay("desk", None)]


def test_what_was_left_behind_is_read_to_its_end() -> None:
    found = stays(at("phone", ("desk", 10), ("nas", 20)))
    assert found == [Stay("desk", None), Stay("nas", None), Stay("phone", None)]


def test_who_came_back_printed_elsewhere_between() -> None:
    found = stays(at("nas", ("desk", 10), ("nas", 20), ("desk", 30)))
    assert found == [Stay("desk", 10), Stay("nas", 20), Stay("desk", None), Stay("nas", None)]
