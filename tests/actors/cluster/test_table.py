from dataclasses import replace
from random import Random

from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.table import Table
from tests.actors.cluster.swimmers import record


def test_tables_that_came_to_hold_the_same_have_equal_digests() -> None:
    records = [record(f"h{number}", number) for number in range(50)]
    one, other = Table(), Table()
    for member in records:
        one.put(member, 0.0)
        other.put(replace(member, state=State.DOWN), 1.0)
    other.put(record("more"), 1.0)
    assert one.digest != other.digest
    Random(1).shuffle(records)
    for member in records:
        other.put(member, 2.0)
    other.remove("more")
    assert (one.digest, one.differing(other.digests())) == (other.digest, [])


def test_what_differs_lies_in_the_buckets_that_differ() -> None:
    one, other = Table(), Table()
    for number in range(50):
        one.put(record(f"h{number}"), 0.0)
        other.put(record(f"h{number}", 1 if number == 7 else 0), 0.0)
    differing = one.differing(other.digests())
    assert len(differing) == 1
    assert record("h7") in one.in_buckets(differing)
    assert len(one.in_buckets(differing)) < 10


def test_who_is_gone_has_an_age_that_travels() -> None:
    table = Table()
    table.put(record("nas", 0, State.DOWN), 100.0, age=40.0)
    table.put(record("desk"), 100.0)
    assert [m.host for m in table.gone_for(10.0, 70.0, "desk")] == ["nas"]
    assert table.gone_for(10.0, 69.0, "desk") == []
    assert table.next_forgotten(10.0, "desk") == 70.0
    # Nobody forgets himself.
    assert (table.gone_for(10.0, 70.0, "nas"), table.next_forgotten(10.0, "nas")) == ([], None)
    nas, desk = table.get("nas"), table.get("desk")
    assert nas is not None
    assert desk is not None
    assert (table.news(nas, 105.0).age, table.news(desk, 105.0).age) == (45.0, 0.0)
    assert list(table.absent()) == ["nas"]
    table.put(record("nas", 1), 110.0)
    assert table.next_forgotten(10.0, "desk") is None
    assert list(table.absent()) == []
    assert table.since("nas") == 110.0
