"""The lint of Nix tells what is wrong, and only that; this repository passes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hosts.nix.lint import findings, main
from tests.hosts.nix.nix import ROOT


def texts(source: str) -> list[str]:
    return [each.text for each in findings(source.encode())]


@pytest.mark.parametrize(
    ("source", "unused"),
    [
        ("{ lib, pkgs, ... }: lib", ["the argument pkgs is not used"]),
        ("x: y: y", ["the argument x is not used"]),
        ("_: 1", []),
        ("{ a, ... }@all: all.a", []),
        ("{ a, ... }@all: 1", ["the argument a is not used", "the argument all is not used"]),
        ("{ a, b ? a }: b", []),
        ("{ a, b, }: a b", []),
        ("let a = 1; b = a; in 2", ["the name b is not used"]),
        ("let inherit (builtins) map head; in map", ["the name head is not used"]),
        ("x: let inherit x; in x", []),
        ("x: let inherit x; in 1", ["the name x is not used"]),
        ("let x.y = 1; in x", []),
        ("let a = 1; in ''${toString a}''", []),
        ("let a = 1; in a: a", ["the name a is not used"]),
        ("let a = 1; in { inherit a; }", []),
        ("let a = 1; in { a = 2; }", ["the name a is not used"]),
        ("let a = 1; in { ${a} = 2; }", []),
        ("lib: with lib; head", []),
        ("rec { a = 1; b = a; }", []),
        ("rec { a = 1; }", ["nothing in this set needs its rec"]),
    ],
)
def test_names_that_are_bound_and_not_used_are_told(source: str, unused: list[str]) -> None:
    assert texts(source) == unused


@pytest.mark.parametrize("source", ["{ a = 1 }", "let a = 1;", "{ a, b : a", "[ 1 2"])
def test_what_is_no_nix_is_told_and_nothing_else(source: str) -> None:
    assert texts(source)
    assert all("not used" not in each for each in texts(source))


def test_a_finding_has_its_place() -> None:
    (found,) = findings(b"{\n  a,\n  b,\n}:\na\n")

    assert (found.line, found.column) == (3, 3)


def test_this_repository_passes(capsys: pytest.CaptureFixture[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.nix"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    files = [str(ROOT / name) for name in listed.stdout.splitlines()]

    assert len(files) > 20
    assert main(files) == 0, capsys.readouterr().out


def test_a_file_with_findings_fails_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.nix"
    file.write_text("{ lib }: 1")

    assert main([str(file)]) == 1
    assert f"{file}:1:3: the argument lib is not used" in capsys.readouterr().out
