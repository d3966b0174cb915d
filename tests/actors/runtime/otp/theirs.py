"""Plays scenarios with OTP's supervisor, all in one run of Erlang's virtual machine."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.actors.runtime.otp.scenario import Scenario, to_term

REPLAY = Path(__file__).with_name("replay.escript")
_OUTCOME = re.compile(r"^\{'?(?P<name>.*?)'?,\s*(?P<events>\[.*?\])\}\.$", re.DOTALL | re.MULTILINE)


def is_installed() -> bool:
    """Whether there is an Erlang to play them."""
    return shutil.which("escript") is not None


def play(scenarios: Iterable[Scenario], directory: Path) -> dict[str, list[str]]:
    """The events of each scenario, by its name."""
    terms = directory / "scenarios.term"
    terms.write_text(to_term(list(scenarios)) + ".\n")
    run = subprocess.run(
        ["escript", str(REPLAY), str(terms)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr or run.stdout
    return {
        match["name"]: ast.literal_eval(match["events"]) for match in _OUTCOME.finditer(run.stdout)
    }
