"""Whole runs of small contenders: turns, failures, and nothing left behind."""

import sys
from pathlib import Path

import psutil

from benchmarks.case import Against, Better, Case, Contender
from benchmarks.harness import measure

PREAMBLE = "import os, sys, time; from benchmarks.program import serve; "


def program(name: str, body: str) -> Contender:
    return Contender(name, (sys.executable, "-c", PREAMBLE + body), 3, lambda: None)


def case(*contenders: Contender) -> Case:
    ours, *peers = contenders
    against = tuple(Against(peer) for peer in peers)
    return Case("runtime", "small", "µs", Better.LOWER, ours, against, rounds=2)


def test_contenders_take_turns_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write = "serve(lambda n: (open({!r}, 'a').write({!r}), n)[1])"
    a, b = (program(name, write.format(str(log), name)) for name in "ab")
    measured = measure(case(a, b))
    assert measured.samples == {"a": [3.0, 3.0], "b": [3.0, 3.0]}
    assert log.read_text() == "baabba"


def test_fewer_rounds_can_be_asked_for() -> None:
    measured = measure(case(program("a", "serve(float)")), most_rounds=1)
    assert measured.samples == {"a": [3.0]}


def test_a_contender_that_fails_says_why_and_the_others_go_on() -> None:
    dies = program("dies", "serve(lambda n: 1 / 0)")
    mute = program("mute", "sys.exit('no such library')")
    wrong = program("wrong", "serve(lambda n: 'fast')")
    measured = measure(case(program("well", "serve(float)"), dies, mute, wrong))
    assert measured.samples == {"well": [3.0, 3.0]}
    assert measured.reasons == {
        "dies": "dies ended: ZeroDivisionError: division by zero",
        "mute": "mute ended: no such library",
        "wrong": "wrong said '\"fast\"', which is no sample",
    }


def test_a_contender_that_cannot_be_provided_is_not_started() -> None:
    absent = Contender("absent", ("/nonexistent",), 1, lambda: "erl is not installed")
    measured = measure(case(program("well", "serve(float)"), absent))
    assert measured.reasons == {"absent": "erl is not installed"}


def test_a_daemon_that_a_contender_leaves_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    daemon = (
        "r, w = os.pipe()\n"
        f"p = os.fork() or (os.setsid(), open({str(pid)!r}, 'w').write(str(os.getpid())), "
        "os.close(w), os.closerange(0, 3), time.sleep(600))\n"
        "os.close(w)\n"
        "os.read(r, 1)  # until the daemon has said who it is\n"
        "serve(float)"
    )
    measured = measure(case(program("leaves", daemon)), most_rounds=1)
    assert measured.samples == {"leaves": [3.0]}
    assert not psutil.pid_exists(int(pid.read_text()))
