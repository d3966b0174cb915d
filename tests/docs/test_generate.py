from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "docs" / "generate.py"


def test_the_reference_has_every_command_and_public_name(tmp_path: Path) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path)]
    subprocess.run(command, timeout=110, check=True)
    commands = (tmp_path / "cli.md").read_text()
    for name in ("spawn", "keys add", "completion"):
        assert f"## simulacra {name}\n" in commands
    names = (tmp_path / "api.md").read_text()
    for name in ("simulacra.connect", "simulacra.actors.runtime.Actor", "Computation.result"):
        assert f"{name}\n" in names
