from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.origins import NOTHING, Log, Part
from tests.actors.cluster.replicas import delete, replicas, say


def said(*values: int) -> list[Part]:
    """Parts with one fact each, under two keys in turn."""
    [here] = replicas("a")
    return [
        part
        for at, value in enumerate(values)
        for part in say(here, Key("service", "", "xy"[at % 2]), value).news
    ]


def test_only_the_latest_under_each_key_is_kept() -> None:
    parts = said(1, 2, 3)
    log = Log(parts[0].origin)
    for part in parts:
        log.take(part)
    assert sorted(fact.value for fact in log) == [2, 3]
    whole = log.after(NOTHING)
    assert whole is not None
    assert [fact.n for fact in whole.facts] == [2, 3]
    assert whole.size >= log.size > 0
    other = Log(whole.origin)
    other.take(whole)
    assert other.mark == log.mark
    assert other.size == log.size
    assert log.after(other.mark) is None


def test_what_was_taken_is_not_taken_again() -> None:
    first, second, third = said(1, 2, 3)
    log = Log(first.origin)
    assert log.is_before(second)
    assert log.take(first).facts
    assert not log.take(first).facts
    assert log.take(second).facts
    assert not log.take(first).facts
    assert log.is_before(third) is False


def test_a_whole_takes_away_what_it_lacks() -> None:
    [here] = replicas("a")
    log = Log(here.origin)
    for part in say(here, Key("service", "", "x"), 1).news:
        log.take(part)
    delete(here, Key("service", "", "x"))
    [last] = say(here, Key("service", "", "y"), 1).facts
    [gone] = log.take(Part(here.origin, 0, 2, (last,))).removed
    assert gone.key.name == "x"
    assert (log.n, log.floor) == (3, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain[3].clear(),
        lambda plain: plain[3].reverse(),
        lambda plain: plain.__setitem__(1, -1),
        lambda plain: plain.__setitem__(1, 1),
        lambda plain: plain.__setitem__(2, 99),
        lambda plain: plain.__setitem__(1, "1"),
        lambda plain: plain.__setitem__(0, "a"),
        lambda plain: plain.append(1),
    ],
)
def test_what_is_no_part_is_refused(change: Any) -> None:
    first, second = said(1, 2)
    whole = Part(first.origin, 0, 0, (*first.facts, *second.facts))
    plain = whole.to_plain()
    assert Part.from_plain(plain) == whole
    change(plain)
    with pytest.raises(FactError):
        Part.from_plain(plain)
