"""Names that the shell completes: in real shells, from a gateway that answers, or is late."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.cli import known
from tests.support import eventually

from .conftest import DEADLINE, Run, Serve
from .samples import row

ROWS = [row("desk", kind="node"), row("nas", kind="node"), row("count"), row("copy"), row("mean")]
ASK = {
    "bash": """
complete() {{ :; }}; source {script}
_simulacra() {{ COMPREPLY=(the-rest); }}
COMP_WORDS=(simulacra {line} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); COMPREPLY=()
_simulacra_known; echo "${{COMPREPLY[@]}}"
""",
    "zsh": """
compdef() {{ :; }}; source {script}
_cyclopts_simulacra() {{ print the-rest; }}
compadd() {{ shift; print -- $@; }}
words=(simulacra {line} ''); CURRENT=$#words
_simulacra_known
""",
}


NOTHING_FITS = {
    "bash": "source {script}; complete -p simulacra",
    "zsh": """
compdef() {{ :; }}; source {script}
_cyclopts_simulacra() {{ return 1; }}
_files() {{ print default; }}
words=(simulacra spawn ''); CURRENT=3
_simulacra_known
""",
}


def ps(call: Call) -> Iterator[object]:
    assert call.arg("known", bool)
    yield {"time": 0.0, "rows": ROWS}


def environ(home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with a command ``simulacra``."""
    command = tmp_path / "bin/simulacra"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m simulacra "$@"\n')
    command.chmod(0o755)
    paths = {"PATH": f"{command.parent}:{os.environ['PATH']}", "SIMULACRA_HOME": str(home)}
    return {**os.environ, **paths}


LINES = [
    ("logs", "copy count mean"),
    ("logs -f", "copy count mean"),
    ("migrate count", "desk nas"),
    ("spawn x.py --on", "desk nas"),
    ("logs count", "the-rest"),
    ("spawn", "the-rest"),
]


def offered(shell: str, program: str, environ: dict[str, str]) -> list[str]:
    """What is offered, at the first time that the node's answer was in time."""
    offers: list[str] = []

    def offer() -> bool:
        ended = subprocess.run(
            [shell, "-c", program],
            env=environ,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        offers[:] = ended.stdout.splitlines()
        return any(offers)

    eventually(offer, DEADLINE)
    return offers


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_offers_what_fits(
    run: Run, serve: Serve, home: Path, tmp_path: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    serve({"ps": ps})
    script = tmp_path / f"completion.{shell}"
    script.write_text(run("completion", shell).stdout)
    places = environ(home, tmp_path)
    for line, words in LINES:
        said = offered(shell, ASK[shell].format(script=script, line=line), places)
        assert " ".join(said) == words, line


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_where_nothing_fits_a_shell_offers_files(run: Run, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / f"completion.{shell}"
    script.write_text(run("completion", shell).stdout)
    said = offered(shell, NOTHING_FITS[shell].format(script=script), dict(os.environ))
    assert "default" in " ".join(said).split()


def test_fish_offers_what_fits(run: Run, serve: Serve, home: Path, tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    serve({"ps": ps})
    script = tmp_path / "completion.fish"
    script.write_text(run("completion", "fish").stdout)
    places = environ(home, tmp_path)
    for line, words in LINES[:4]:
        said = offered("fish", f"source {script}; complete -C 'simulacra {line} '", places)
        assert " ".join(each.split()[0] for each in said) == words, line


def test_without_a_node_it_is_silent(run: Run) -> None:
    ended = run(known.WORD, "names")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_a_node_that_is_late_is_not_waited_for(run: Run, serve: Serve) -> None:
    def late(call: Call) -> Iterator[object]:
        call.receive(DEADLINE)
        yield {"rows": ROWS}

    serve({"ps": late})
    began = time.monotonic()
    ended = run(known.WORD, "names")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    assert time.monotonic() - began < DEADLINE / 2
