"""The file of definitions: what was put is there again, and a damaged one is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from simulacra.actors.data.scanning.ignoring import EVERYTHING
from simulacra.actors.data.trees.definitions import Definition, DefinitionError, Definitions

SOURCE = Definition("1", "src", "/home/me/src", origin=True)
PART = Definition("2", "music", "/home/me/music", include=("*.ogg",), exclude=("/old",), largest=9)


def test_what_was_put_is_there_again(tmp_path: Path) -> None:
    definitions = Definitions(tmp_path / "trees.json")
    assert definitions.all() == []
    definitions.put(SOURCE)
    definitions.put(PART)
    definitions.put(dataclasses.replace(SOURCE, paused=True))
    again = Definitions(tmp_path / "trees.json")
    assert again.all() == [PART, dataclasses.replace(SOURCE, paused=True)]
    assert again.get("2") == PART
    again.remove("2")
    assert Definitions(tmp_path / "trees.json").get("2") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '[{"id": "1"}]', '[{"id": "1", "colour": "red"}]']
)
def test_a_damaged_file_is_told_and_left(tmp_path: Path, text: str) -> None:
    file = tmp_path / "trees.json"
    file.write_text(text)
    with pytest.raises(DefinitionError, match="simulacra tree follow"):
        Definitions(file)
    assert file.read_text() == text


def test_what_cannot_be_written_is_not_had(tmp_path: Path) -> None:
    definitions = Definitions(tmp_path / "trees.json")
    (tmp_path / "trees.json").mkdir()
    with pytest.raises(OSError, match="trees"):
        definitions.put(SOURCE)
    assert definitions.all() == []


def test_a_part_has_a_choice_and_a_pattern_that_is_none_is_refused() -> None:
    assert SOURCE.is_complete
    assert SOURCE.choice() is EVERYTHING
    assert not PART.is_complete
    assert PART.choice().largest == 9
