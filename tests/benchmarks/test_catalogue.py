"""The list of cases is sound."""

from collections import Counter

from benchmarks.catalogue import CASES


def test_no_two_cases_share_a_name_in_an_area() -> None:
    assert not [key for key, n in Counter((c.area, c.name) for c in CASES).items() if n > 1]


def test_no_two_contenders_of_a_case_share_a_name() -> None:
    for case in CASES:
        names = [contender.name for contender in case.contenders]
        assert len(set(names)) == len(names), case.name
