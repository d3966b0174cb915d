"""`simulacra lab` as a person types it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from simulacra.cli.exits import ExitCode
from simulacra.testing.lab import Host, LabError, attach, folders
from tests.machines import wait_for
from tests.namespaces import living, traces
from tests.support import DEADLINE, eventually

from .conftest import Run

NAME = f"cli-{os.getpid()}"
ADDRESS = "10.77.0."
UP = (sys.executable, "-m", "simulacra", "lab", "up")


def test_options_after_the_command_on_a_host_are_the_commands(run: Run) -> None:
    for words in (("a", "simulacra", "status", "--json"), ("a", "--", "ls", "--json")):
        plain = run("lab", "exec", "--lab", NAME, *words)
        assert (plain.code, plain.stdout) == (ExitCode.FAILED, "")
        assert plain.stderr.startswith("simulacra: ")
    for own in (("--json", "--lab", NAME, "a"), ("a", f"--lab={NAME}", "--json")):
        told = run("lab", "exec", *own, "ls", "--help")
        assert told.json()["error"]["message"]


@pytest.mark.lab
def test_a_lab_is_made_broken_looked_at_and_ended(run: Run) -> None:
    def lab(*words: str) -> str:
        verb, *rest = words
        ended = run("lab", verb, "--lab", NAME, *rest)
        assert ended.code == 0, ended
        return ended.stdout + ended.stderr

    try:
        said = lab("up", "3", "--zones", "a,b/c", "--bare")
        assert f"lab {NAME} is up: a, b, c" in said
        assert f"simulacra lab down --lab {NAME}" in said
        assert NAME in run("lab", "list").stdout.splitlines()
        zones = [lab("exec", host, "printenv", "SIMULACRA_ZONE") for host in "abc"]
        assert zones == ["zone0\n", "zone0\n", "zone1\n"]
        lab("split", "a,b", "c")
        lab("slow", "a", "b", "10mbit", "--latency", "50ms")
        lab("loss", "a", "b", "5%")
        lab("cut", "b", "c", "--one-way")
        lab("unplug", "c")
        lab("stop", "b")
        lab("kill", "c")
        shown = lab("ps").splitlines()
        assert [line.split()[:5] for line in shown[1:4]] == [
            ["a", "up", "-", f"{ADDRESS}1", "0"],
            ["b", "stopped", "-", f"{ADDRESS}2", "0"],
            ["c", "down", "-", f"{ADDRESS}3", "1"],
        ]
        assert shown[4:] == [
            "c is unplugged",
            "the zones are apart",
            "a to b: loses 5.00%, 10 Mbit/s, 50 ms late",
            "b to a: loses 5.00%, 10 Mbit/s, 50 ms late",
            "b to c: cut",
        ]
        lab("start", "c")
        lab("continue", "b")
        lab("plug", "c")
        lab("heal")
        found = run("lab", "status", "--json", "--lab", NAME).json()
        assert [host["state"] for host in found["hosts"]] == ["up"] * 3
        assert found["links"] == []
        lab("exec", "a", "ssh", "c", "true")
        told = run("lab", "exec", "--lab", NAME, "a", "--", "sh", "-c", "hostname; exit 3")
        assert (told.code, told.stdout) == (3, "a\n")
        its_own = ("--json", "--help", "--lab", "x")
        assert lab("exec", "a", "echo", *its_own) == f"{' '.join(its_own)}\n"
        wrong = run("lab", "split", "a", "x", "--lab", NAME)
        assert (wrong.code, wrong.stderr) == (
            ExitCode.FAILED,
            "simulacra: the lab has no host 'x'\n  it has: a, b, c\n",
        )
        assert f"lab {NAME} is down" in lab("down")
    finally:
        with contextlib.suppress(LabError):
            attach(NAME).close()


@pytest.mark.lab
@pytest.mark.parametrize("ends", ["down", "keeper"])
def test_nodes_of_a_lab_talk_by_way_of_an_overlay_and_nothing_of_it_is_left(
    run: Run, environ: dict[str, str], ends: str
) -> None:
    def lab(*words: str) -> str:
        ended = run("lab", *words, "--lab", NAME)
        assert ended.code == 0, ended
        return ended.stdout

    try:
        words = [*UP, "--names", "a,b,r", "--overlay", "--lab", NAME]
        subprocess.run(words, env=environ, timeout=240, check=True)
        ours = attach(NAME)
        a, b, _ = ours
        peers = a.status()["peers"]
        assert {peer["host"] for peer in peers} == {"b", "r"}
        assert all(peer["address"].startswith("10.44.") for peer in peers)
        lab("kill", "b")
        lab("cut", "a", "b")
        lab("start", "b")
        # Its helper was started before its node, or that would not have come up.
        wait_for(lambda: {each["how"] for each in _routes(a, "b")} == {"relayed"})
        wait_for(lambda: b.sees() == {"a", "r"})
        found = traces(ours.status())
        if ends == "down":
            lab("down")
        else:
            os.kill(ours.status()["pid"], signal.SIGKILL)
        eventually(lambda: not living(found))
        assert NAME not in run("lab", "list").stdout.splitlines()
        assert not ours.folder.exists()
    finally:
        with contextlib.suppress(LabError):
            attach(NAME).close()


@pytest.mark.lab
def test_nothing_is_left_of_a_lab_whose_program_is_killed_while_it_starts(
    environ: dict[str, str],
) -> None:
    with subprocess.Popen([*UP, "2", "--overlay", "--lab", NAME], env=environ) as starting:
        try:
            wait_for(lambda: NAME in folders.running() and _meshed())
            found = traces(attach(NAME).status())
        finally:
            starting.kill()
    eventually(lambda: not living(found))
    assert NAME not in folders.running()


def _routes(host: Host, to: str) -> list[dict[str, Any]]:
    return [each for each in host.client.item("overlay")["routes"] if each["host"] == to]


def _meshed() -> bool:
    """Whether a host of the lab has a device of the overlay."""
    with contextlib.suppress(LabError):
        return any(
            "wireguard-go" in words[0] for host in attach(NAME) for _, words in host.processes()
        )
    return False


@pytest.mark.lab
def test_a_lab_that_does_not_run_is_said(run: Run) -> None:
    ended = run("lab", "heal", "--lab", "none", "--json")
    assert ended.code == ExitCode.FAILED
    assert ended.json()["error"]["message"] == "no lab named none runs"


@pytest.mark.lab
def test_hosts_that_are_said_twice_and_differently_are_refused(run: Run) -> None:
    for words in (["3", "--names", "a,b"], ["--names", "a", "--zones", "a/b"]):
        ended = run("lab", "up", *words, "--lab", NAME)
        assert ended.code == ExitCode.USAGE
        assert "do not say the same hosts" in ended.stderr
    assert run("lab", "up", "0", "--lab", NAME).stderr == (
        "simulacra: a lab has 1 to 200 hosts, not 0\n"
    )


@pytest.mark.lab
def test_relays_that_there_cannot_be_are_refused_before_anything_is_started(run: Run) -> None:
    alone = run("lab", "up", "2", "--relays", "b", "--lab", NAME)
    assert alone.code == ExitCode.USAGE
    assert alone.stderr == (
        "simulacra: relays are an overlay's, and there is to be none\n"
        "  simulacra lab up --overlay --relays b\n"
    )
    unknown = run("lab", "up", "2", "--overlay", "--relays", "x", "--lab", NAME)
    assert (unknown.code, unknown.stderr) == (
        ExitCode.FAILED,
        "simulacra: the lab has no host 'x'\n  it has: a, b\n",
    )


@pytest.mark.lab
def test_what_an_overlay_needs_and_is_not_installed_is_said(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyroute2", None)
    monkeypatch.delitem(sys.modules, "simulacra.testing.lab.planned", raising=False)
    ended = here("lab", "up", "2", "--overlay", "--lab", NAME)
    assert ended.code == ExitCode.FAILED
    assert ended.stderr == (
        "simulacra: an overlay over a lab needs pyroute2\n"
        "  install it: pip install 'simulacra[hosts,overlay]'\n"
    )
    assert NAME not in folders.running()


def test_without_root_it_is_said_what_to_type(environ: dict[str, str]) -> None:
    # As somebody else in a user namespace would see it: the number is all that counts.
    program = (
        "import os; os.geteuid = lambda: 1000\n"
        "from simulacra.cli.main import main; raise SystemExit(main(['lab', 'up', '5']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == ExitCode.DENIED
    assert done.stderr == (
        "simulacra: a lab of network namespaces needs root\n  sudo simulacra lab up 5\n"
    )
