"""Programs that a deploy runs."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from simulacra.actors.gateway.frames import GatewayError
from simulacra.hosts.deploy.children import ChildError, Children, Done, EndedError
from simulacra.hosts.deploy.keeping import alone
from tests.support import eventually


def test_what_a_program_says_is_returned_and_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = 'read -r line; echo "$line"; echo a >&2; echo b >&2; exit 3'
    done = Children().run(["sh", "-c", script], timeout=5, text="in\n", log=log)
    assert (done.code, done.out, done.said) == (3, "in\n", "a / b")
    assert log.read_text().endswith("in\na\nb\n")


def test_one_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(ChildError, match="sh ended with 4: oh no"):
        Children().output(["sh", "-c", "echo oh no >&2; exit 4"], timeout=60)
    with pytest.raises(ChildError, match="false ended with 1: it said nothing"):
        Children().output(["false"], timeout=60)


def test_one_that_is_not_there_is_told() -> None:
    with pytest.raises(ChildError, match="no-such-program cannot be run: No such file"):
        Children().run(["no-such-program"], timeout=60)


def test_one_that_takes_too_long_is_ended_with_all_it_started() -> None:
    begun = time.monotonic()
    with pytest.raises(ChildError, match="sh took longer than 0 s, and was ended"):
        Children().run(["sh", "-c", "sleep 60 & wait"], timeout=0.2)
    assert time.monotonic() - begun < 30


def ended(folder: Path, script: str) -> Done:
    """What comes of a shell script that is ended when it has made a file ``on``."""
    children = Children()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(children.run, ["sh", "-c", script], timeout=60, cwd=folder)
        eventually((folder / "on").exists)
        children.end()
        return running.result()


def test_one_that_does_not_want_to_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.hosts.deploy.children._GRACE", 0.1)
    with pytest.raises(EndedError, match="sh was ended"):
        ended(tmp_path, "trap '' TERM; : >on; sleep 60; sleep 60")


def test_one_that_has_succeeded_when_all_is_ended_has_done_what_it_was_to_do(
    tmp_path: Path,
) -> None:
    waits = "while :; do sleep 0.01; done"
    assert ended(tmp_path, f"trap 'echo kept; exit 0' TERM; : >on; {waits}").out == "kept\n"


def test_programs_hold_a_lock_as_long_as_they_run(tmp_path: Path) -> None:
    with alone(tmp_path) as lock:
        Children(holding=(lock,)).run(["sh", "-c", f"[ -e /proc/self/fd/{lock} ]"], timeout=60)
    # As when the deploy is killed: nobody unlocks it.
    handle = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    left = subprocess.Popen(["sleep", "60"], pass_fds=(handle,))
    os.close(handle)
    with pytest.raises(GatewayError, match="another deploy runs"), alone(tmp_path):
        pass
    left.kill()
    left.wait()
    with alone(tmp_path):
        pass


def test_one_that_closes_all_it_inherits_is_waited_for_by_who_holds_the_lock(
    tmp_path: Path,
) -> None:
    """As OpenSSH does, when the deploy that called it was killed."""
    program = (
        "import os, time; os.closerange(3, 99)\n"
        "open('off', 'w').write(str(os.getpid())); os.rename('off', 'on'); time.sleep(60)"
    )
    deploy = (
        "import sys; from pathlib import Path\n"
        "from simulacra.hosts.deploy.children import Children\n"
        "from simulacra.hosts.deploy.keeping import alone\n"
        "with alone(Path('.')) as lock:\n"
        "    words = [sys.executable, '-c', sys.argv[1]]\n"
        "    Children(holding=(lock,)).run(words, timeout=60, closes=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", deploy, program], cwd=tmp_path)
    eventually((tmp_path / "on").exists)
    process.kill()
    process.wait()
    with pytest.raises(GatewayError, match="another deploy runs"), alone(tmp_path):
        pass
    os.kill(int((tmp_path / "on").read_text()), signal.SIGKILL)

    def is_free() -> bool:
        with suppress(GatewayError), alone(tmp_path):
            return True
        return False

    eventually(is_free)


def test_a_program_ends_as_without_who_holds_the_lock(tmp_path: Path) -> None:
    with alone(tmp_path) as lock:
        children = Children(holding=(lock,))
        done = children.run(["sh", "-c", "cat; exit 255"], timeout=5, text="in", closes=True)
        assert (done.code, done.out) == (255, "in")
        with pytest.raises(ChildError, match="sleep took longer"):
            children.run(["sleep", "60"], timeout=0.2, closes=True)
        odd = ["printf", "%s,", "$(id)", "a b", "-e", ""]
        assert children.output(odd, timeout=5, closes=True) == "$(id),a b,-e,,"


def test_all_can_be_ended_at_once_and_then_nothing_begins() -> None:
    children, errors = Children(), []

    def run() -> None:
        try:
            children.run(["sleep", "60"], timeout=60)
        except ChildError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    while not children.running:
        time.sleep(0.001)
    children.end()
    thread.join(60)
    assert errors == ["sleep was ended"]
    with pytest.raises(ChildError, match="was not started"):
        children.run(["true"], timeout=60)
