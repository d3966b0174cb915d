"""Commands on a host of a lab that has an sshd and no node."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from typing import Any

import pytest

from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.plan import HOME
from tests.hosts.inventory.samples import ssh_key
from tests.machines import PATIENCE

pytestmark = pytest.mark.lab

INVENTORY = """
[network]
name = "home"
[zones.home]
[hosts.laptop]
zone = "home"
[hosts.router]
kind = "appliance"
zone = "home"
ssh = {{ host = "router", public_key = "{key}" }}
"""


@pytest.fixture(scope="module")
def laptop() -> Iterator[Host]:
    with Lab("laptop", "router") as lab:
        key = " ".join((lab.folder / "etc" / "router.host_key.pub").read_text().split()[:2])
        home = lab["laptop"].home
        (home / "inventory.toml").write_text(INVENTORY.format(key=key))
        (home / "wrong.toml").write_text(INVENTORY.format(key=ssh_key("router")))
        yield lab["laptop"]


def run(laptop: Host, *words: str, **options: Any) -> tuple[int, str, str]:
    done = laptop.simulacra("run", "--on", *words, check=False, **options)
    return done.returncode, done.stdout, done.stderr


def check(laptop: Host) -> None:
    """All that a command on an appliance is promised."""
    assert run(laptop, "router", "hostname") == (0, "router\n", "")
    assert run(laptop, "router", "--", "sh", "-c", "cat; exit 7", input="a b\n")[:2] == (7, "a b\n")
    assert run(laptop, "router", "printf", "%s|", "a  b", "$HOME")[1] == "a  b|$HOME|"
    wrong = {"SIMULACRA_INVENTORY": f"{HOME}/wrong.toml"}
    code, _, said = run(laptop, "router", "hostname", env=wrong)
    assert code == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in said or "Host key verification" in said
    explained = laptop.simulacra("run", "--explain", "--on", "router", "hostname")
    shown = explained.stdout
    assert shown.startswith("it would run on router, in the home there\nssh -p 22 -l root")


def test_a_command_runs_there_by_ssh_without_any_node(laptop: Host) -> None:
    check(laptop)
    code, _, said = run(laptop, "none", "hostname")
    assert code == 125
    assert "no node is up here" in said


def test_a_command_runs_there_by_ssh_beside_a_node(laptop: Host) -> None:
    laptop.up()
    try:
        check(laptop)
        code, _, said = run(laptop, "none", "hostname")
        assert code == 125
        assert "no host none" in said
    finally:
        laptop.down()


def test_a_terminal_here_is_one_there(laptop: Host) -> None:
    keys, screen = pty.openpty()
    words = ["setsid", "--ctty", "simulacra", "run", "--on", "router", "tty"]
    process = laptop.popen(words, stdin=screen, stdout=screen, stderr=screen)
    os.close(screen)
    assert process.wait(PATIENCE) == 0
    assert b"/dev/pts/" in os.read(keys, 4096)
    os.close(keys)
