from typing import Any

import pytest

from simulacra.actors.cluster import entry_kinds as kinds
from simulacra.actors.cluster.desk import Desk, RefusedError
from simulacra.actors.cluster.epochs import NO_EPOCH
from simulacra.actors.cluster.lattice import State
from tests.actors.cluster.test_lattice import Side, merged, sides


def states(first: list[Any], *others: list[Any]) -> tuple[State, list[Side]]:
    """The merged records of sides that went on alone."""
    made = sides(first, [*others, *([[]] * (3 - len(others)))])
    return merged(*(side.journal.state for side in made)), made


def told(request: tuple[str, dict[str, Any]], *before: tuple[str, dict[str, Any]]) -> Any:
    """Whether a request is granted after others, and its answer."""
    [side, *_] = sides([*before, request], [[], [], []])
    return side.journal.answer(f"zp{len(before)}")


CLAIM = ("claim", {"name": "printer", "owner": "x"})
OTHER = ("claim", {"name": "printer", "owner": "y"})


def test_a_name_has_one_owner() -> None:
    assert told(OTHER, CLAIM) == (False, "the name 'printer' is taken by x; take another")
    assert told(CLAIM, CLAIM) == (True, {"name": "printer", "owner": "x"})
    release = ("release", {"name": "printer", "owner": "x"})
    assert told(OTHER, CLAIM, release)[0] is True
    assert told(release, OTHER)[0] is False


def test_a_name_claimed_on_two_sides_is_kept_by_the_higher_epoch_and_the_other_is_renamed() -> None:
    state, _ = states([], [CLAIM], [OTHER])
    shown = kinds.names(state)
    assert shown["printer"]["owner"] == "y"
    assert shown["printer~a.1-1"]["owner"] == "x"
    assert shown["printer~a.1-1"]["claimed"] == "printer"


def test_the_other_has_the_name_when_the_first_lets_it_go() -> None:
    _, [a, b, _] = states([], [CLAIM], [OTHER])
    b.merge(a)
    b.write("release", {"name": "printer", "owner": "y"})
    assert {k: v["owner"] for k, v in kinds.names(b.journal.state).items()} == {"printer": "x"}
    b.write("release", {"name": "printer", "owner": "x"})
    assert kinds.names(b.journal.state) == {}


def test_settings_of_two_sides_are_shown_with_their_conflicts_until_one_is_set_again() -> None:
    def put(value: int) -> tuple[str, dict[str, Any]]:
        return "set", {"key": "k", "value": value}

    state, [a, b, _] = states([], [put(1)], [put(2)])
    assert (kinds.setting(state, "k"), kinds.settings(state)["k"]["conflicts"]) == (2, [1])
    b.merge(a)
    b.write(*put(3))
    assert kinds.settings(b.journal.state)["k"]["conflicts"] == []
    assert kinds.setting(state, "none", "default") == "default"


def test_equal_settings_of_two_sides_are_no_conflict() -> None:
    same = ("set", {"key": "k", "value": 1})
    state, _ = states([], [same], [same])
    assert kinds.settings(state)["k"]["conflicts"] == []


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("claim", {"owner": "x"}, "'name' must be a text"),
        ("claim", {"name": "x" * 300, "owner": "x"}, "'name' must be a text"),
        ("claim", {"name": "a\nb", "owner": "x"}, "cannot be printed"),
        ("claim", {"name": "a~b", "owner": "x"}, "marks doubles"),
        ("set", {"key": "k"}, "needs a value"),
        ("unset", {"key": "k"}, "there is no setting"),
        ("succession", {"hosts": "nas"}, "must be a list of hosts"),
        ("succession", {"hosts": ["nas", "nas"]}, "names a host twice"),
        ("count", {"key": "k", "by": "a", "total": -1}, "whole number"),
        ("count", {"key": "k", "by": "a", "total": True}, "whole number"),
    ],
)
def test_bad_bodies_are_refused_with_the_reason(kind: str, body: Any, says: str) -> None:
    granted, why = told((kind, body))
    assert not granted
    assert says in why


def test_a_refused_entry_changes_nothing() -> None:
    state = State()
    desk = Desk(state, ("a/1", 1), NO_EPOCH, 0.0)
    with pytest.raises(RefusedError):
        kinds.KINDS["assign"](desk, {"id": "i", "to": "nas"})
    assert list(state.elements()) == []
