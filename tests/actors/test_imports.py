"""The folders are reached through the package: by their bare names, modules would load twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINKED = {"actors", "hosts", "overlay", "proxies"}
SUSPECT = re.compile(rf"^\s*(import|from)\s+({'|'.join(LINKED)})\b", re.MULTILINE)


def sources() -> list[Path]:
    folders = ("actors", "hosts", "overlay", "proxies", "simulacra", "tests", "benchmarks", "docs")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def bare(source: str) -> list[str]:
    return [name for name in imported(source) if name.split(".")[0] in LINKED]


@pytest.mark.parametrize("text", ["import actors", "from actors.runtime import x"])
def test_a_bare_import_is_found(text: str) -> None:
    assert bare(text)
    assert SUSPECT.search(text)
    assert not bare(text.replace("actors", "simulacra.actors", 1))


def test_nothing_is_imported_by_its_bare_folder() -> None:
    assert len(sources()) > 10
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in sources()}
    found = {path: bare(text) for path, text in texts.items() if SUSPECT.search(text)}
    assert {path: names for path, names in found.items() if names} == {}
