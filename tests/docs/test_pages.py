"""What the pages say of files and commands is there."""

from __future__ import annotations

import re
from inspect import Parameter, signature
from pathlib import Path
from unittest.mock import Mock

import pytest

from simulacra.actors.cluster.event_kinds import KINDS
from simulacra.actors.node import handlers
from simulacra.cli.main import make_app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
POSITIONAL = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL}
COMMANDS = {name for name in make_app() if not name.startswith("-")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_guide_and_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    for folder in ("guide", "decisions"):
        for page in (ROOT / "docs" / folder).glob("*.md"):
            assert f"({folder}/{page.name})" in index


def test_every_verb_of_the_gateway_is_in_its_guide() -> None:
    page = (ROOT / "docs" / "guide" / "gateway.md").read_text()
    described = re.findall(r"^### (\w+)", page, re.MULTILINE)
    there_are = handlers(Mock())  # no handler is called
    assert sorted(described) == sorted(there_are)


def test_every_kind_of_event_is_in_the_guide() -> None:
    page = (ROOT / "docs" / "guide" / "gateway.md").read_text()
    _, table = page.split("| kind | when | detail |")
    rows = table.split("\n\n")[0].splitlines()[2:]
    described = [kind for row in rows for kind in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(described) == sorted([*KINDS, "missed"])


def test_the_readme_types_commands_that_there_are() -> None:
    typed = re.findall(r"^\w*\$ simulacra (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(typed) > 10
    assert set(typed) <= COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_commands_are_there_too(page: Path) -> None:
    typed = re.findall(r"simulacra ([a-z]+) ([a-z]+)\b", page.read_text())
    missing = {(word, verb) for word, verb in typed if verb not in verbs(word, verb)}
    assert missing == set()


def verbs(word: str, otherwise: str) -> set[str]:
    """What may follow a command: its commands, or anything where it takes words."""
    app = make_app()
    if word not in COMMANDS:
        return {otherwise}
    default = app[word].default_command
    assert default is not None
    words = [each for each in signature(default).parameters.values() if each.kind in POSITIONAL]
    return {otherwise} if words else {name for name in app[word] if not name.startswith("-")}


def test_the_readme_shows_the_example_as_it_is() -> None:
    [shown] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    example = (ROOT / "examples" / "primes.py").read_text()
    lines = [line.strip() for line in shown.splitlines() if "def main" not in line]
    assert [line for line in lines[:-1] if line not in example] == []
