"""The flake of this repository in tests: a copy of it, with stand-ins for its inputs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.hosts.nix.nix import ROOT, STAND_IN, Nix

SMALL: Final = {each.name: each for each in sorted((STAND_IN / "small").iterdir())}
"""Stand-ins for all inputs, which need nothing."""

_APART: Final = ("tests/", "docs/", "benchmarks/", "examples/")


def copied(folder: Path) -> Path:
    """A copy of what the flake is made of, to be changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and not name.startswith(_APART):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target, follow_symlinks=False)
    return folder


def overrides(inputs: Mapping[str, Path]) -> Iterator[str]:
    """The words that put these in the place of inputs."""
    yield "--no-write-lock-file"
    for name, path in inputs.items():
        yield from ("--override-input", name, f"path:{path}")


class Flake:
    """A flake, evaluated with these inputs.

    Args:
        nix: evaluates it.
        folder: where it is.
        inputs: by name, what stands in for each.
        environ: variables that it may ask for.
        within: seconds that an evaluation may take.
    """

    def __init__(
        self,
        nix: Nix,
        folder: Path,
        inputs: Mapping[str, Path],
        environ: Mapping[str, str] | None = None,
        within: float = 25,
    ) -> None:
        self._nix, self._folder, self._environ, self._within = nix, folder, environ, within
        self._inputs = [*overrides(inputs), *(["--impure"] if environ else [])]

    def evaluate(self, attribute: str, function: str = "x: x") -> Any:
        """The value of what a function makes of an attribute."""
        asked = ("--json", f"path:{self._folder}#{attribute}", "--apply", function)
        words = ("nix", "eval", *asked, *self._inputs)
        return self._nix.read(*words, within=self._within, environ=self._environ)

    def check(self) -> None:
        """Have Nix look whether all outputs are what outputs of their names are to be."""
        words = ("nix", "flake", "check", "--no-build", f"path:{self._folder}", *self._inputs)
        self._nix.run(*words, within=self._within, environ=self._environ)

    def run(self, app: str, *words: str, environ: Mapping[str, str]) -> str:
        """What an app prints."""
        options = ("nix", "run", f"path:{self._folder}#{app}", *self._inputs)
        return self._nix.run(*options, "--", *words, environ=environ).stdout


NO_NIXPKGS: Final = (
    "" if os.environ.get("SIMULACRA_NIXPKGS") else "set SIMULACRA_NIXPKGS to a tree of nixpkgs"
)
"""Why no host can be evaluated as a whole; empty where it can."""
NO_FLAKES: Final = NO_NIXPKGS or (
    ""
    if os.environ.get("SIMULACRA_FLAKES")
    else "set SIMULACRA_FLAKES to a folder with flake-parts, nixops4, nixops4-nixos and sops-nix"
)
"""Why nothing can be evaluated that takes the other inputs as they are."""


def whole_inputs() -> dict[str, Path]:
    """The inputs with which hosts are evaluated as a whole, real as far as they are had here.

    SIMULACRA_NIXPKGS is a tree of nixpkgs, or its lib/ and nixos/ alone; SIMULACRA_FLAKES a folder
    with flake-parts, nixops4, nixops4-nixos and sops-nix.
    """
    packages = STAND_IN / "whole" / "nixpkgs"
    if NO_FLAKES:
        return {**SMALL, "nixpkgs": packages}
    folder = Path(os.environ["SIMULACRA_FLAKES"])
    bottle = folder / "nixops4" / "nix" / "flake-in-a-bottle"
    return {
        "nixpkgs": packages,
        "flake-parts": folder / "flake-parts",
        "flake-parts/nixpkgs-lib": packages,
        "nixops4": folder / "nixops4",
        "nixops4/nix": bottle / "null",
        "nixops4/nix-bindings-rust": bottle / "null",
        "nixops4/nix-cargo-integration": bottle / "prebuilt-nix-cargo-integration",
        "nixops4/nix-cargo-integration/binaries": STAND_IN / "whole" / "binaries.json",
        "nixops4-nixos": folder / "nixops4-nixos",
        "sops-nix": folder / "sops-nix",
    }
