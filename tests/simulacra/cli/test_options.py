"""Durations, sizes and numbers on the command line: nonsense is refused with what is allowed."""

from __future__ import annotations

import pytest

from simulacra.cli.exits import ExitCode

from .conftest import Run

NO_TIME = "is no time at all: write more, as in 90s, 10m or 1h30m"
NO_DURATION = "is no duration: write it as in 90s, 10m or 1h30m"
NOTHING = "is nothing at all: write more, as in 512M or 2G"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("detach", "--for", "0s"), f"Invalid value for --for: '0s' {NO_TIME}"),
        (("detach", "--for", "-5"), f"Invalid value for --for: '-5' {NO_DURATION}"),
        (("detach", "--for", "9" * 400), "is more than 100 years: write it as in 10m or 2d"),
        (("detach", "--for", "36501d"), "'36501d' is more than 100 years"),
        (("rejoin", "--timeout", "0"), f"'0' {NO_TIME}"),
        (("tree", "sync", "src", "--timeout", "nan"), f"'nan' {NO_DURATION}"),
        (("focus", "src", "nas", "--timeout", "-1"), f"'-1' {NO_DURATION}"),
        (("ps", "--watch", "--every", "0ms"), f"'0ms' {NO_TIME}"),
        (("tree", "limit", "src", "--rate", "0"), f"'0' {NOTHING}"),
        (("tree", "choose", "src", "--largest", "0.1"), f"'0.1' {NOTHING}"),
        (("tree", "choose", "src", "--recent", "0d"), f"'0d' {NO_TIME}"),
        (("tree", "add", "src", ".", "--keep", "8388608T"), "is more than there is"),
        (("tree", "add", "src", ".", "--keep", "9" * 400), "is more than there is"),
        (("overlay", "ping", "nas", "--count", "-3"), "'-3' is no number from 0 on"),
    ],
)
def test_nonsense_is_refused_before_anybody_is_asked(
    here: Run, words: tuple[str, ...], why: str
) -> None:
    refused = here(*words)
    assert refused.code == ExitCode.USAGE
    assert why in " ".join(refused.stderr.split())
