from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.units import (
    parse_duration,
    parse_number,
    parse_size,
    show_age,
    show_seconds,
    show_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1K", 1024), ("1.5k", 1536), ("512M", 512 << 20), ("2GiB", 2 << 30)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1h30m", 5400), ("500ms", 0.5), ("2d", 172800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "M", "3x", "-1", "1 2"])
def test_nonsense_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="512M"):
        parse_size(text)
    with pytest.raises(ValueError, match="10m"):
        parse_duration(text)


def test_what_nobody_means_is_refused() -> None:
    assert parse_size("8388607T") < 1 << 63
    assert parse_duration("36500d") == 36500 * 86400
    for text in ("8388608T", "9" * 400):
        with pytest.raises(ValueError, match="more than there is"):
            parse_size(text)
    for text in ("36501d", "9" * 400, f"{'9' * 400}h"):
        with pytest.raises(ValueError, match="more than 100 years"):
            parse_duration(text)


def test_whole_numbers_have_bounds() -> None:
    assert [parse_number("0", 0), parse_number(" 65535", 1, 65535)] == [0, 65535]
    for text in ("-1", "", "1.5", "x", "9" * 30):
        with pytest.raises(ValueError, match="no number from 0 on"):
            parse_number(text, 0)
    with pytest.raises(ValueError, match="'65536' is no number from 1 to 65535"):
        parse_number("65536", 1, 65535)


def test_shown_for_people() -> None:
    assert [show_size(n) for n in (None, 0, 1023, 1536, 52 << 20)] == [
        "-",
        "0B",
        "1023B",
        "1.5K",
        "52M",
    ]
    assert [show_age(n) for n in (None, 0.4, 65, 3600, 90061)] == [
        "-",
        "0s",
        "1m5s",
        "1h0m",
        "1d1h",
    ]
    assert [show_seconds(n) for n in (None, 0.0012, 3.456, 125)] == ["-", "1.2ms", "3.46s", "2m5s"]


@given(st.integers(0, 10**7))
def test_an_age_that_is_shown_can_be_read(age: int) -> None:
    assert parse_duration(show_age(age)) <= age
