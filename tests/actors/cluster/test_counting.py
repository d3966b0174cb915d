from __future__ import annotations

from simulacra.actors.cluster.counting import Rules, known_rules
from simulacra.actors.cluster.facts import Fact, Form, Key
from tests.actors.cluster.replicas import KEEP, KINDS, NOW, Known, delete, pull, replicas, say

WEB = Key("service", "", "web")
TRUST = Known("abc")
RULES = Rules(TRUST, KINDS)
LATER = NOW + KEEP + 60_000


def three() -> tuple[Fact, Fact, Fact]:
    """A value, another host's deletion of it, and a third one's value that it did not know."""
    a, b, c = replicas("abc", TRUST)
    [value] = say(a, WEB, 1).facts
    [unknown] = say(c, WEB, 2, NOW - 1).facts
    pull(b, a)
    [deletion] = delete(b, WEB).facts
    return value, deletion, unknown


def test_the_latest_counts() -> None:
    value, _, unknown = three()
    assert RULES.counting([value, unknown], NOW) == value


def test_a_young_deletion_hides_all_and_an_old_one_what_it_names() -> None:
    facts = three()
    assert RULES.counting(facts, NOW) is None
    assert RULES.counting(facts, LATER) == facts[2]
    assert facts[1].deletes == (facts[0].dot,)


def test_it_makes_no_difference_whether_an_old_deletion_is_there() -> None:
    _, deletion, unknown = three()
    assert RULES.counting([deletion, unknown], LATER) == RULES.counting([unknown], LATER)


def test_what_is_gone_hides_nothing() -> None:
    value, _, unknown = three()
    [a] = replicas("a", TRUST)
    say(a, WEB, 1)
    [gone] = a.say(WEB, Form.GONE, "null", NOW).facts
    assert RULES.counting([gone, value, unknown], NOW) == value


def test_the_kinds_that_are_known_have_rules() -> None:
    value, *_ = three()
    assert known_rules(TRUST).counting([value], NOW) == value
