from __future__ import annotations

import shutil
import subprocess

import pytest

from .conftest import DEADLINE, Run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert "migrate" in script
    if path := shutil.which(shell):
        subprocess.run([path, "-n"], input=script, text=True, timeout=DEADLINE, check=True)


def test_an_unknown_shell_is_wrong_usage(run: Run) -> None:
    assert run("completion", "tcsh").code == 2
