"""Nix in tests: a store of one's own in a folder, no daemon, no network."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[3]
"""The repository."""
LIBRARY: Final = ROOT / "hosts" / "nix"
"""What needs nothing but builtins."""
STAND_IN: Final = Path(__file__).parent / "stand_in"

needs_nix = pytest.mark.skipif(
    shutil.which("nix") is None, reason="nix is not installed: apt install nix-bin"
)

_CONFIG: Final = """\
experimental-features = nix-command flakes
substituters =
flake-registry =
build-users-group =
sandbox = false
warn-dirty = false
download-attempts = 1
fsync-metadata = false
"""


class NixError(Exception):
    """Nix refused; the text is what it said."""


class Nix:
    """Nix with its store, state and home below a folder.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        places = {
            "NIX_STORE_DIR": folder / "store",
            "NIX_STATE_DIR": folder / "state",
            "NIX_LOG_DIR": folder / "log",
            "NIX_CONF_DIR": folder / "etc",
            "NIX_LOCALSTATE_DIR": folder / "var",
            "HOME": folder / "home",
        }
        for each in places.values():
            each.mkdir(parents=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environ = {**kept, **{n: str(p) for n, p in places.items()}, "NIX_CONFIG": _CONFIG}

    def run(
        self, *words: str, within: float = 25, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Nix's; raise what it said where it fails."""
        done = subprocess.run(
            words,
            env={**self._environ, **(environ or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
        )
        if done.returncode != 0:
            # Before the error stands what was put in the place of which input.
            _, found, text = done.stderr.partition("\nerror:")
            raise NixError(text if found else done.stderr)
        return done

    def evaluate(self, expression: str, **arguments: str) -> Any:
        """The value of an expression, a function of these texts, by way of JSON."""
        said = [word for name, text in arguments.items() for word in ("--argstr", name, text)]
        options = ("--eval", "--strict", "--json", "--readonly-mode")
        return self.read("nix-instantiate", *options, "--expr", expression, *said)

    def read(
        self, *words: str, within: float = 25, environ: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*words, within=within, environ=environ).stdout)


@contextlib.contextmanager
def removing(store: Path) -> Iterator[None]:
    """Remove a store in the end, in which nothing may be written."""
    try:
        yield
    finally:
        for folder, _, _ in os.walk(store):
            Path(folder).chmod(0o700)
        shutil.rmtree(store, ignore_errors=True)
