from __future__ import annotations

from itertools import permutations

from simulacra.actors.cluster.counting import Change, Rules
from simulacra.actors.cluster.fact_table import FactTable
from simulacra.actors.cluster.facts import Fact, Key
from tests.actors.cluster.replicas import KEEP, KINDS, NOW, Known, delete, pull, replicas, say

WEB = Key("service", "", "web")
LATER = NOW + KEEP + 60_000


def values() -> tuple[Fact, Fact]:
    """The values of two hosts that did not know of each other; the second is the later one."""
    a, b = replicas("ab")
    return say(a, WEB, 1, NOW - 1).facts[0], say(b, WEB, 2).facts[0]


def test_what_changes_is_told_once() -> None:
    first, second = values()
    table = FactTable(Rules(Known("ab"), KINDS))
    table.put(first)
    assert table.judge(NOW, [WEB, WEB]) == [Change(WEB, None, first)]
    assert table.judge(NOW) == []
    table.put(second)
    assert table.counting == {WEB: first}
    assert table.judge(NOW) == [Change(WEB, first, second)]
    assert table.counting == {WEB: second}
    table.forget(second)
    assert table.judge(NOW, [WEB]) == [Change(WEB, second, first)]
    table.forget(first)
    assert table.judge(NOW, [WEB]) == [Change(WEB, first, None)]
    assert not table.counting
    assert not table.under(WEB)


def test_in_whatever_order_facts_come_the_same_counts() -> None:
    a, b, c = replicas("abc")
    facts = [say(a, WEB, 1).facts[0], say(c, WEB, 2, NOW - 1).facts[0]]
    pull(b, a)
    facts += delete(b, WEB).facts
    for order in permutations(facts):
        table = FactTable(Rules(Known("abc"), KINDS))
        for fact in order:
            table.put(fact)
            table.judge(NOW, [fact.key])
        assert not table.counting
        table.judge(LATER)  # the deletion is old, and names the first alone
        assert table.counting == {WEB: facts[1]}


def test_who_is_trusted_no_more_counts_no_more() -> None:
    first, second = values()
    trust = Known("ab")
    table = FactTable(Rules(trust, KINDS))
    table.put(first)
    table.put(second)
    table.judge(NOW)
    trust.expelled.add("b")
    assert table.judge(NOW) == [Change(WEB, second, first)]
    assert set(table.under(WEB)) == {first.origin, second.origin}
