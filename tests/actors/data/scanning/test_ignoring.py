from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulacra.actors.data.entries import ROOT, join
from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice, Mistake, Patterns, Rules
from tests.support import examples

NAMES = ["a", "b", "ab", "a.o", ".x", "a b"]
PIECES = ["a", "b", "*", "**", "?", "a*", "*.o", "[ab]", "[!a]", r"\a", "a b", ".*", "?*"]
PATTERNS = st.builds(
    lambda no, start, middle, end: no + start + "/".join(middle) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " "]),
)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(
    st.sampled_from(["", "a", "a/b"]), st.lists(PATTERNS, min_size=1, max_size=4), max_size=3
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", folder], check=True, env=_alone(folder))
    return folder


def _alone(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}


@example(files={"": ["*", "!*/", "!*.o"]}, path="a/a.o", folder=False)
@example(files={"": ["a/**", "!a/b"]}, path="a/b", folder=True)
@example(files={"": ["a/**/"]}, path="a", folder=True)
@example(files={"": ["*/**"]}, path="a/b", folder=False)
@example(files={"": ["*.o"], "a": ["!a.o"]}, path="a/a.o", folder=False)
@example(files={"": ["é"]}, path="b/é", folder=False)
@given(files=FILES, path=PATHS, folder=st.booleans())
@settings(max_examples=examples(60, many=1000))
def test_it_ignores_what_git_ignores(
    repository: Path, files: dict[str, list[str]], path: str, *, folder: bool
) -> None:
    for name in repository.iterdir():
        if name.is_dir() and name.name != ".git":
            shutil.rmtree(name)
        elif name.is_file():
            name.unlink()
    made = repository / path
    made.parent.mkdir(parents=True, exist_ok=True)
    made.mkdir() if folder else made.touch()
    for where, lines in files.items():
        if (repository / where).is_dir():
            (repository / where / ".gitignore").write_text("\n".join(lines))
    git = subprocess.run(
        ["git", "check-ignore", "-q", "--no-index", path],
        cwd=repository,
        env=_alone(repository),
        check=False,
    )
    assert git.returncode in {0, 1}
    assert _ignored(files, path, folder=folder) == (git.returncode == 0)


def _ignored(files: dict[str, list[str]], path: str, *, folder: bool) -> bool:
    """As a scan does: from the root down, no further than what is ignored."""
    rules, here, names = Rules(), ROOT, path.split("/")
    for depth, name in enumerate(names):
        lines = files.get(os.fsdecode(here))
        if lines is not None:
            rules = rules.below(here, Patterns("\n".join(lines)))
        here = join(here, os.fsencode(name))
        if rules.ignores(here, folder=folder or depth < len(names) - 1):
            return True
    return False


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"a\n"])
def test_names_of_any_bytes_are_matched(name: bytes) -> None:
    for pattern in (b"*", name.replace(b"\n", b"?"), b"/" + name.replace(b"\n", b"?")):
        rules = Rules().below(ROOT, Patterns(os.fsdecode(pattern)))
        assert rules.ignores(name, folder=False)
    assert Rules().below(ROOT, Patterns("x")).ignores(join(name, b"x"), folder=False)
    assert not Rules().below(ROOT, Patterns("a")).ignores(name, folder=False)


def test_lines_that_are_no_patterns_are_told_and_match_nothing() -> None:
    patterns = Patterns("# a comment\n\n\\\n[z-a]\nx\n!\\")
    assert patterns.mistakes == (Mistake(3, "\\"), Mistake(4, "[z-a]"), Mistake(6, "!\\"))
    assert patterns.ignores("x") is True
    assert patterns.ignores("z") is None


def test_what_is_above_decides_only_where_a_deeper_file_is_silent() -> None:
    rules = Rules().below(ROOT, Patterns("*.o")).below(b"a", Patterns("!keep.o\n/top"))
    assert rules.ignores(b"a/x.o", folder=False)
    assert not rules.ignores(b"a/keep.o", folder=False)
    assert rules.ignores(b"a/top", folder=True)
    assert not rules.ignores(b"a/b/top", folder=True)


def test_a_way_is_ignored_by_any_folder_on_it() -> None:
    rules = Rules().below(ROOT, Patterns("build/"))
    assert rules.ignore_way(b"a/build/b/c", folder=False)
    assert rules.ignore_way(b"build", folder=True)
    assert not rules.ignore_way(b"build", folder=False)
    assert not rules.ignore_way(b"a/c", folder=False)


def test_a_choice_includes_and_excludes() -> None:
    choice = Choice(include=("docs/", "*.md"), exclude=("docs/old",))
    assert [choice.ignores(path) for path in ("docs/a/b", "x/y.md", "docs/old/", "x/y.c")] == [
        False,
        False,
        True,
        True,
    ]
    assert not choice.ignores("x/")  # what is included may be in it
    rules = Rules(choice).below(ROOT, Patterns("!docs/old"))
    assert rules.ignores(b"docs/old", folder=True)


def test_everything_is_wanted_unless_said() -> None:
    assert Rules(EVERYTHING).are_none
    assert not EVERYTHING.ignores("anything")
    assert not Rules(Choice(exclude=("x",))).are_none


def test_a_choice_with_a_mistake_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'\[z-a\]' is no pattern"):
        Choice(exclude=("fine", "[z-a]"))
    with pytest.raises(ValueError, match="is no pattern"):
        Choice(include=("\\",))
