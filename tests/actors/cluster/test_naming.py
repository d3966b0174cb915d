from __future__ import annotations

import pytest

from simulacra.actors.cluster.naming import RESERVED, NamingError, check_name, shown


@pytest.mark.parametrize("name", ["a", "Web_2.old", "x" * 63, "9-9"])
def test_names_that_things_may_have(name: str) -> None:
    check_name(name, "tree")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my photos", "character 3 is a space"),
        ("x" * 300, "it has 300 characters, and 63 are allowed"),
        ("a\nb", "character 2 is a control character"),
        ("a\x1b[31m", "character 2 is a control character"),
        ("a\u200bb", "character 2 is a control character"),
        ("a\u00a0b", "blank"),
        ("a:b", "separates"),
        ("-a", "behind the first"),
        ("Fotos-für", "ASCII"),
        ("Self", "meaning of its own"),
    ],
)
def test_what_cannot_be_a_name_is_told_and_not_shown_raw(name: str, message: str) -> None:
    with pytest.raises(NamingError) as caught:
        check_name(name, "tree")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_an_error_names_the_kind_in_good_english() -> None:
    with pytest.raises(NamingError, match="'a b' cannot be the name of an actor: character 2"):
        check_name("a b")


@pytest.mark.parametrize("name", ["Nas", "a_b", "a.b", "nas-", *sorted(RESERVED)])
def test_hosts_have_stricter_names(name: str) -> None:
    with pytest.raises(NamingError, match="cannot be the name of a host"):
        check_name(name, "host")


def test_what_may_be_no_name_is_shown_as_it_is_only_if_that_does_no_harm() -> None:
    assert [shown(name) for name in ("nas", "bell@desk", "", "a\x1b[31m")] == [
        "nas",
        "bell@desk",
        "''",
        r"'a\x1b[31m'",
    ]
    assert len(shown("x" * 300)) < 30
