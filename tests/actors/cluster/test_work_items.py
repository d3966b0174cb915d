from typing import Any

import pytest

from simulacra.actors.cluster import work_items as work
from tests.actors.cluster.test_entry_kinds import states, told

PUT = ("put", {"id": "i", "what": 1})
ASSIGN = ("assign", {"id": "i", "to": "nas"})
REQUEUE = ("requeue", {"id": "i"})


def done(clock: float, attempt: int = 1, by: str = "nas", value: Any = None) -> tuple[str, Any]:
    return "done", {"id": "i", "clock": clock, "attempt": attempt, "by": by, "value": value}


@pytest.mark.parametrize(
    ("one", "other", "state", "attempt"),
    [
        ([ASSIGN], [], "assigned", 1),
        ([ASSIGN, REQUEUE], [ASSIGN], "queued", 2),
        ([done(5)], [ASSIGN, REQUEUE, ASSIGN], "done", 1),
        ([], [], "queued", 1),
    ],
)
def test_of_two_sides_the_item_that_is_further_counts(
    one: list[Any], other: list[Any], state: str, attempt: int
) -> None:
    for runs in ([one, other], [other, one]):
        item = work.items(states([PUT], *runs)[0])["i"]
        assert (item["state"], item["attempt"]) == (state, attempt)


def test_of_two_results_the_lowest_clock_counts_and_the_other_is_kept() -> None:
    state, _ = states([PUT], [done(7, by="a", value="late")], [done(5, by="b", value="early")])
    assert work.items(state)["i"]["results"] == [[5, 1, "b", "early"], [7, 1, "a", "late"]]


def test_an_item_goes_its_way_once() -> None:
    assert told(PUT, PUT)[0] is False
    assert told(ASSIGN)[0] is False
    assert told(ASSIGN, PUT, ASSIGN) == (False, "the item 'i' is assigned, not queued")
    assert told(REQUEUE, PUT)[0] is False
    assert told(done(1), PUT, done(2)) == (False, "the item 'i' has its result, from nas")
    assert told(("forget", {"id": "i"}), PUT)[0] is True


def test_ledgers_add_the_highest_of_each_host() -> None:
    def count(by: str, total: int) -> tuple[str, dict[str, Any]]:
        return "count", {"key": "cpu", "by": by, "total": total}

    state, _ = states([count("a", 1)], [count("a", 5), count("b", 2)], [count("a", 3)])
    assert work.ledgers(state) == {"cpu": {"a": 5, "b": 2}}
    assert told(count("a", 1), count("a", 4))[1] == {"key": "cpu", "total": 4}


def test_a_result_needs_a_time() -> None:
    assert told(("done", {"id": "i", "clock": "now", "attempt": 1, "by": "a"}), PUT)[0] is False


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "ITEMS_AT_MOST", 1)
    assert told(("put", {"id": "j"}), PUT) == (
        False,
        "there are 1 items already; remove some first",
    )
