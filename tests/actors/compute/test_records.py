from simulacra.actors.compute.records import (
    Active,
    Attempted,
    Committed,
    Dropped,
    Left,
    Record,
    Standing,
    Stored,
)

BORN = Active("x", 0)
TRIED = Attempted("x", 1, "nas")
GIVEN = Committed("x", 1, "nas")
KEPT = Stored("x", 2, "nas", "snapshot")


def standing(*records: Record) -> Standing:
    return Standing.of(records)


def test_nothing_is_known_at_first() -> None:
    assert standing() == Standing(active=None, ran=-1)


def test_an_attempt_is_remembered_and_leaves_it_running() -> None:
    assert standing(BORN, TRIED) == Standing(active=0, ran=0, tried=TRIED)


def test_a_commitment_ends_it_here() -> None:
    assert standing(BORN, TRIED, GIVEN) == Standing(ran=0, committed=GIVEN)
    assert standing(BORN, TRIED, GIVEN, Left("x", 1)).left


def test_a_snapshot_is_kept_until_it_runs_or_is_dropped() -> None:
    kept = standing(BORN, TRIED, GIVEN, KEPT)
    assert kept.stored == KEPT
    assert kept.after(Dropped("x", 1)).stored == KEPT
    assert kept.after(Dropped("x", 2)).stored is None
    assert kept.after(Active("x", 2)) == Standing(active=2, ran=2, snapshot="snapshot")
