"""How far a copy of a tree is, from how all copies stand."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.settling import LEFT_FOR, Settling, Verdict

MINE = [("laptop", 1, 4), ("nas", 1, 7)]


def standing(**other: Any) -> dict[str, Any]:
    """A copy that has all."""
    idle = {"state": "idle", "reason": "", "behind": [], "left": {}, "since": 1.0, "scans": 2}
    return {**idle, "vector": MINE, **other}


def begun(main: str = "nas") -> Settling:
    return Settling("src", "laptop", main, scans=1)


def judged(main: str = "nas", **standings: dict[str, Any]) -> tuple[Verdict, str]:
    return begun(main).judge({"laptop": standing(), "nas": standing(), **standings})


def test_a_copy_in_step_with_the_main_store_is_ready() -> None:
    assert judged() == (Verdict.READY, "")


def test_what_is_at_work_or_not_looked_at_is_waited_for() -> None:
    assert judged(laptop=standing(scans=1))[0] is Verdict.WAIT
    assert judged(laptop=standing(state="bringing")) == (Verdict.WAIT, "bringing")
    assert judged(laptop=standing(behind=["nas"]))[0] is Verdict.WAIT
    lacking = standing(vector=[("laptop", 1, 4), ("nas", 1, 6)])
    assert judged(laptop=lacking) == (Verdict.WAIT, "nas is still to be heard")
    assert judged(nas=standing(vector=[("nas", 1, 7)]))[0] is Verdict.WAIT
    full = judged(nas=standing(state="waiting", reason="no space left"))
    assert full == (Verdict.WAIT, "no space left")


def test_what_somebody_has_to_mend_is_stuck() -> None:
    verdict, why = judged(laptop=standing(state="halted", reason="the root is gone"))
    assert (verdict, why) == (Verdict.STUCK, "src is halted on laptop: the root is gone")
    assert "tree resume src" in judged(laptop=standing(state="paused"))[1]
    assert judged(nas=standing(state="halted", reason="why"))[0] is Verdict.STUCK
    lonely = begun().judge({"laptop": standing()})
    assert (lonely[0], "nas, is not in reach" in lonely[1]) == (Verdict.STUCK, True)


def test_what_could_not_be_brought_is_tried_for_a_while() -> None:
    left = {"a": "case collision", "b": "disk full"}
    assert judged(laptop=standing(left=left))[0] is Verdict.WAIT
    verdict, why = judged(laptop=standing(left=left, since=LEFT_FOR + 1))
    assert (verdict, why) == (
        Verdict.STUCK, "2 paths could not be brought, first a: case collision"
    )  # fmt: skip


def test_where_the_main_store_is_here_followers_are_waited_for_that_can() -> None:
    lacking = standing(vector=[("nas", 1, 7)])
    assert judged("laptop", nas=lacking)[0] is Verdict.WAIT
    for state in ("paused", "halted", "waiting", "unknown"):
        assert judged("laptop", nas={**lacking, "state": state})[0] is Verdict.READY
    assert begun("laptop").judge({"laptop": standing()})[0] is Verdict.READY


def test_a_third_copy_keeps_nobody() -> None:
    assert judged(tablet=standing(state="halted", vector=[]))[0] is Verdict.READY


def test_edits_that_go_on_are_not_waited_for_for_ever() -> None:
    settling = begun()
    first = {"laptop": standing(), "nas": standing(vector=[("nas", 1, 7)])}
    assert settling.judge(first)[0] is Verdict.WAIT
    later = {"laptop": standing(vector=[("laptop", 1, 9), ("nas", 1, 7)]), "nas": standing()}
    assert settling.judge(later)[0] is Verdict.READY


states = st.sampled_from(["idle", "bringing", "paused", "halted", "waiting", "unknown"])
vectors = st.lists(st.tuples(st.sampled_from(["laptop", "nas"]), st.just(1), st.integers(1, 3)))
standings = st.builds(
    standing, state=states, vector=vectors, scans=st.integers(0, 3),
    left=st.dictionaries(st.text(max_size=3), st.just("why"), max_size=2),
    behind=st.lists(st.just("nas"), max_size=1), since=st.floats(0, 30),
)  # fmt: skip


@given(st.sampled_from(["laptop", "nas", "tablet"]), standings, st.dictionaries(
    st.sampled_from(["nas", "tablet"]), standings
))  # fmt: skip
def test_ready_means_that_all_is_here_and_everything_else_has_a_reason(
    main: str, mine: dict[str, Any], others: dict[str, dict[str, Any]]
) -> None:
    verdict, why = begun(main).judge({"laptop": mine, **others})
    if verdict is not Verdict.READY:
        assert why
        return
    assert (mine["state"], mine["left"], mine["behind"]) == ("idle", {}, [])
    known = {(host, incarnation): n for host, incarnation, n in mine["vector"]}
    if main != "laptop":
        told = {(host, incarnation): n for host, incarnation, n in others[main]["vector"]}
        assert all(known.get(replica, 0) >= n for replica, n in told.items())
        assert others[main]["state"] == "idle"


def repositories(digest: str, scans: int = 2, **heard: str) -> dict[str, Any]:
    return {"digest": digest, "scans": scans, "heard": heard}


def test_git_repositories_are_waited_for_on_both_sides() -> None:
    mine, theirs = repositories("aa", nas="bb"), repositories("bb", laptop="aa")
    for main in ("nas", "laptop"):
        both = {"laptop": standing(repositories=mine), "nas": standing(repositories=theirs)}
        assert judged(main, **both) == (Verdict.READY, "")
        lacking = {**both, "nas": standing(repositories=repositories("bb", laptop="old"))}
        text = "nas has not all of this host's git repositories yet"
        assert judged(main, **lacking) == (Verdict.WAIT, text)
        unseen = {**both, "laptop": standing(repositories=repositories("aa", scans=1, nas="bb"))}
        assert judged(main, **unseen)[0] is Verdict.WAIT
    behind = standing(repositories=repositories("aa", nas="old"))
    text = "nas has git repositories that are still to be heard"
    assert judged(laptop=behind, nas=standing(repositories=theirs)) == (Verdict.WAIT, text)
