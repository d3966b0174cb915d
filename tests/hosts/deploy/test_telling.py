"""What is asked of a host's guard, and what people are shown: progress, and the report."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from dataclasses import replace

import pytest

from simulacra.hosts.deploy import guard
from simulacra.hosts.deploy.progress import Lines
from simulacra.hosts.deploy.report import HostReport, Report
from simulacra.hosts.deploy.rollout import Outcome, Rollout, Seen
from simulacra.hosts.inventory.schema import Ssh
from simulacra.hosts.inventory.trust import known_hosts
from tests.hosts.inventory.samples import ssh_key
from tests.support import DEADLINE

LOOK = """\
system=/nix/store/1-a
profile=/nix/store/2-b
generation=7
earlier=
owner=me@desk
token=t
back=
"""
SCREEN = """
import time
from simulacra.hosts.deploy.progress import Screen
from simulacra.hosts.deploy.rollout import Outcome, Rollout
with Screen() as screen:
    screen.message("wave 1 of 1: nas")
    screen.doing("nas", "copying", "for the disk")
    time.sleep(0.6)
    screen.ended(Rollout("nas", "me", "", outcome=Outcome.LOST, why="it burnt"))
"""


def row(host: str, outcome: Outcome) -> HostReport:
    return HostReport(host, 1, outcome, "", None, None, 1.5, "log")


# -- the guard


def test_words_for_the_guard_are_quoted_and_are_no_shell() -> None:
    asked = guard.command(["arm", "o'brien@$(touch x)", "t", "60"], sudo=True)
    assert asked.startswith("sudo -n /bin/sh -c ")
    assert asked.endswith(""" guard arm 'o'"'"'brien@$(touch x)' t 60""")
    assert not guard.command(["look"], sudo=False).startswith("sudo")


def test_the_guard_is_a_shell_script_that_parses() -> None:
    done = subprocess.run(["sh", "-n"], input=guard.script(), text=True, check=False)
    assert done.returncode == 0


def test_what_the_guard_says_is_read() -> None:
    seen = Seen("/nix/store/1-a", "/nix/store/2-b", 7, owner="me@desk", token="t")
    assert guard.parse(LOOK) == seen
    assert guard.parse(f"{LOOK}begun=yes\n") == replace(seen, begun=True)


@pytest.mark.parametrize("said", ["", "Welcome!", LOOK.replace("=7", "=many")])
def test_something_else_is_no_answer(said: str) -> None:
    with pytest.raises(ValueError, match="does not say its system"):
        guard.parse(said)


def test_hosts_are_known_by_their_names_in_the_inventory() -> None:
    key = ssh_key("nas")
    assert known_hosts({"nas": Ssh(host="10.0.0.1", public_key=key)}) == f"nas {key}\n"


# -- progress


def test_lines_are_one_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.doing("nas", "confirming", "nas is down")
    lines.doing("nas", "confirming", "nas is suspect")
    lines.ended(Rollout("nas", "me", "", outcome=Outcome.DONE))
    assert capsys.readouterr().err.splitlines() == [
        "simulacra: nas: confirming: nas is down",
        "simulacra: nas: done",
    ]


def test_on_a_terminal_the_step_is_a_row_and_the_end_a_line() -> None:
    ours, theirs = os.openpty()
    try:
        environ = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        subprocess.run([sys.executable, "-c", SCREEN], stderr=theirs, env=environ, check=True)
        shown = ""
        while "it burnt" not in shown:  # a terminal hands on what it is told after a while
            assert select.select([ours], [], [], DEADLINE)[0], shown
            shown += os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    for text in ("wave 1 of 1: nas", "copying", "for the disk", "nas: lost: it burnt"):
        assert text in shown


# -- the report


def test_a_report_says_what_to_do_next() -> None:
    rows = (
        row("a", Outcome.DONE),
        row("b", Outcome.LEFT),
        row("c", Outcome.LOST),
        row("d", Outcome.NOT_BEGUN),
        row("e", Outcome.UNKNOWN),
    )
    report = Report("t", rows, "c: lost", interrupted=True)
    assert report.hints() == [
        "b will go back by itself when its timer goes off",
        "see what it runs: simulacra hosts drift e",
        (
            "c did not come back: go there, and start it anew, which leads back to its old "
            "system; if not, start an older generation from its boot menu"
        ),
        "go on with what is left: nix run .#deploy -- b c d e",
    ]
    # What may have gone back already is not to go back once more.
    again = replace(report, back=True).hints()[-1]
    assert again == "go on with what is left: nix run .#deploy -- --rollback b c d"
    assert not report.is_good
    plain = report.to_plain()
    assert (plain["ok"], plain["halted"], plain["hosts"][0]["outcome"]) == (
        False,
        "c: lost",
        "done",
    )


def test_a_good_one_has_nothing_more_to_say() -> None:
    report = Report("t", (row("a", Outcome.DONE), row("b", Outcome.UNCHANGED)), "", False)
    assert report.is_good
    assert report.hints() == []
    assert not replace(report, interrupted=True).is_good
