from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster import journal as journals
from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.entry_kinds import KINDS, settings
from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.journal import START, Entry, Journal, JournalError, made_plain

E = Epoch(1, "a")


def write(journal: Journal, kind: str = "set", request: str = "", **body: Any) -> Entry:
    body = body or {"key": "k", "value": journal.end[0]}
    entry = journal.entry(kind, body, epoch=E, origin="a/1", at=1.0, request=request)
    journal.take(entry)
    return entry


def test_equal_entries_give_equal_positions_and_states() -> None:
    one, other = Journal(), Journal()
    for _ in range(3):
        other.take(write(one, request="r"))
    assert one.end == other.end
    assert one.state == other.state
    assert one.end[0] == 3


def test_a_journal_knows_its_own_beginnings_and_no_others() -> None:
    one, other = Journal(), Journal()
    assert one.holds(START)
    first = write(one)
    second = write(one)
    assert one.holds(one.position(1))
    assert one.after(1) == [second]
    other.take(first)
    write(other, key="other", value=1)
    assert not one.holds(other.end)
    assert not one.holds((9, "ahead"))


def test_entries_must_follow() -> None:
    journal = Journal()
    entry = Entry(2, E, "a/1", "set", {"key": "k", "value": 1}, 0.0)
    with pytest.raises(JournalError, match="entry 2 does not follow on entry 0"):
        journal.take(entry)


def test_answers_and_refusals_are_kept_by_request() -> None:
    journal = Journal()
    write(journal, "claim", "r1", name="n", owner="x")
    write(journal, "claim", "r2", name="n", owner="y")
    assert journal.answer("r1") == (True, {"name": "n", "owner": "x"})
    assert journal.answer("r2") == (False, "the name 'n' is taken by x; take another")
    assert journal.answer("r3") is None


def test_the_oldest_answers_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "ANSWERS_KEPT", 2)
    journal = Journal()
    for n in range(1, 6):
        body = {"key": "k", "value": n}
        entry = journal.entry("set", body, epoch=E, origin="a/1", at=float(n), request=f"r{n}")
        journal.take(entry)
    assert [n for n in range(1, 6) if journal.answer(f"r{n}")] == [4, 5]


def test_folding_changes_nothing_but_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "FOLD_AT", 5)
    monkeypatch.setattr(journals, "FOLD_KEEPS", 2)
    journal = Journal()
    for _ in range(5):
        write(journal)
    third, end = journal.position(3), journal.end
    assert journal.is_long
    again = Journal(journal.fold())
    assert not journal.is_long
    assert journal.end == again.end == end
    assert again.state == journal.state
    assert journal.holds(third)
    assert [entry.seq for entry in journal.after(3)] == [4, 5]
    assert not journal.reaches(2)
    assert again.take(write(journal)) == {"key": "k", "value": 5}
    assert again.end == journal.end


def test_a_kind_of_a_newer_master_is_kept_and_does_nothing() -> None:
    journal = Journal()
    write(journal, "from-the-future", "r1", x=1)
    assert journal.answer("r1") == (False, "nothing of kind 'from-the-future' is known here")
    assert settings(journal.state) == {}


def test_an_entry_and_an_epoch_come_back_from_plain_data() -> None:
    entry = write(Journal(), request="r")
    assert Entry.from_plain(entry.to_plain()) == entry
    assert NO_EPOCH < E < Epoch(1, "b") < E.after("a")


def test_bodies_are_made_plain() -> None:
    body = {"key": "k", "value": (1, {2: 3})}
    assert made_plain("r", body) == {"key": "k", "value": [1, {"2": 3}]}


@pytest.mark.parametrize(
    ("request_id", "body", "says"),
    [
        ("r", ["k", 1], "must be a dict"),
        ("r", {"k": float("nan")}, "no plain data"),
        ("r", {"k": "\ud800"}, "no plain data"),
        ("r", {"k": "x" * 70_000}, "at most"),
        ("r" * 300, {}, "id must be"),
        ("\ud800", {}, "no plain data"),
    ],
)
def test_what_cannot_be_kept_is_refused(request_id: str, body: Any, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        made_plain(request_id, body)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=4,
)  # fmt: skip
fields = st.sampled_from(
    ["name", "owner", "key", "value", "hosts", "id", "to", "by", "clock", "attempt", "total"]
)
good = st.sampled_from(["x", "y", 1, ["x"]])
anything = st.tuples(st.sampled_from(list(KINDS)), st.dictionaries(fields, good | plain))


@given(st.lists(anything, max_size=8))
def test_no_plain_request_can_break_the_journal(wanted: list[tuple[str, dict[str, Any]]]) -> None:
    journal = Journal()
    for number, (kind, body) in enumerate(wanted):
        entry = journal.entry(
            kind, made_plain("r", body), epoch=E, origin="a/1", at=0.0, request=f"r{number}"
        )
        journal.take(entry)
        assert journal.answer(f"r{number}") is not None
    again = Journal(journal.snapshot())
    assert again.state == journal.state
