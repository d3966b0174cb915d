"""The shells' functions, in the shells themselves, with a mount list of the test's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from simulacra.actors.data.trees.roots import write_roots
from simulacra.cli.hook import script

from .conftest import Run

LINES = r"""27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
60 27 0:50 / {point} rw,nosuid shared:9 - {fstype} nas:/srv rw
"""


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def ran(
    shell: str, tmp_path: Path, at: str, *, fstype: str = "fuse.sshfs", tree: str | None = None
) -> str:
    """Who runs `thing x` in a directory: ``simulacra``, or the command itself."""
    mounted = tmp_path / "a b5"
    for folder in ("a b5/src", "a b5c", "bin"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "link").unlink(missing_ok=True)
    (tmp_path / "link").symlink_to(mounted / "src")
    for name in ("simulacra", "thing"):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        program.chmod(0o755)
    mounts = tmp_path / "mountinfo"
    escaped = str(mounted).replace(" ", r"\040")
    mounts.write_text(LINES.format(point=escaped, fstype=fstype))
    roots = tmp_path / "the roots"
    roots.unlink(missing_ok=True)
    if tree is not None:
        write_roots(roots, [str(tmp_path / "none"), str(tmp_path / tree)])
    source = script(shell, ("thing",), roots).replace("/proc/self/mountinfo", f"'{mounts}'")
    source += f"cd '{tmp_path}/{at}'\nthing x 'y z'\n"
    done = subprocess.run(
        [shell, *(["--no-config"] if shell == "fish" else []), "-c", source],
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_only_on_a_mount_of_another_host_is_anything_asked(shell: str, tmp_path: Path) -> None:
    there = "simulacra run --best -- thing x y z\n"
    for at in ("a b5", "a b5/src", "link"):
        assert ran(shell, tmp_path, at) == there
    for at in (".", "a b5c"):
        assert ran(shell, tmp_path, at) == "thing x y z\n"
    assert ran(shell, tmp_path, "a b5", fstype="ext4") == "thing x y z\n"


def test_in_a_tree_it_is_asked_too(shell: str, tmp_path: Path) -> None:
    there, here = "simulacra run --best -- thing x y z\n", "thing x y z\n"
    for tree, at in (("a b5", "a b5"), ("a b5", "a b5/src"), ("a b5", "link"), ("link", "link")):
        assert ran(shell, tmp_path, at, fstype="ext4", tree=tree) == there
    for at in (".", "a b5c"):
        assert ran(shell, tmp_path, at, fstype="ext4", tree="a b5") == here


def test_the_commands_are_those_of_the_settings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "simulacra.toml").write_text('run_commands = ["frob"]\n')
    shown = run("hook", "bash").stdout
    assert "function frob {" in shown
    assert "function make {" not in shown
    assert run("hook", "tcsh").code == 2
