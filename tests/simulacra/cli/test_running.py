"""Commands that run on another host, a real node each: streams, terminal, signals, ends."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from simulacra.cli import running
from simulacra.cli.exits import ExitCode
from tests.machines import Machine, Machines, wait_for
from tests.onehost import is_gone

from .conftest import DEADLINE, Ended, Run, Terminal

MIB = 1 << 20


class Two:
    """A laptop, and a nas on which commands run."""

    def __init__(self, machines: Machines, folder: Path) -> None:
        self.machines = machines
        self.laptop: Machine = machines.all[0]
        self.nas: Machine = machines.all[1]
        self.folder = folder
        kept = {key: val for key, val in os.environ.items() if not key.startswith("SIMULACRA_")}
        self.environ = {**kept, **self.laptop.environ}

    def words(self, *command: str) -> list[str]:
        return [sys.executable, "-m", "simulacra", "run", "--on", "nas", *command]

    def run(self, *command: str, stdin: bytes = b"", **environ: str) -> Ended:
        done = subprocess.run(
            self.words(*command),
            env={**self.environ, **environ},
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def popen(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.words(*command),
            env=self.environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def terminal(self, script: str) -> Terminal:
        file = self.folder / "script"
        file.write_text(script)
        return Terminal(self.environ, "run", "--on", "nas", "sh", str(file))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("run")
    with Machines(folder, "laptop", "nas") as machines:
        work = folder / "work"
        work.mkdir()
        yield Two(machines, work)


@pytest.fixture(autouse=True)
def _met(two: Two) -> None:
    """A machine that stood still for some seconds had them lose each other."""
    two.machines.wait_met()


def pids(process: subprocess.Popen[bytes], count: int) -> list[int]:
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)]


def test_it_runs_there_in_the_same_directory_with_streams_of_its_own(two: Two) -> None:
    ended = two.run("sh", "-c", "echo $SIMULACRA_NAME; pwd; echo wrong >&2; exit 7")
    assert ended == Ended(7, f"nas\n{two.folder}\n", "wrong\n")


def test_a_name_that_is_not_text(two: Two) -> None:
    folder = Path(os.fsdecode(os.fsencode(two.folder) + b"/\xff"))
    folder.mkdir()
    words = [os.fsencode(word) for word in two.words("ls", "-a", "--")] + [b"../\xff"]
    done = subprocess.run(words, env=two.environ, cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b".\n..\n")


def test_the_input_goes_there(two: Two) -> None:
    assert two.run("wc", "-c", stdin=b"x" * 20 * MIB).stdout == f"{20 * MIB}\n"
    assert two.run("cat", stdin=b"").code == 0


def test_an_input_that_nobody_reads_holds_nothing_up(two: Two) -> None:
    assert two.run("true", stdin=b"x" * 20 * MIB).code == 0
    assert two.run("sh", "-c", "exec <&-; echo on", stdin=b"x" * 20 * MIB).stdout == "on\n"


def test_large_output_comes_whole(two: Two) -> None:
    big = two.folder / "big"
    big.write_bytes(os.urandom(30 * MIB))
    done = subprocess.run(
        two.words("cat", "big"), env=two.environ, cwd=two.folder, capture_output=True, check=True
    )
    assert done.stdout == big.read_bytes()


def test_a_reader_that_waits_holds_up_the_writer_and_not_the_signals(two: Two) -> None:
    done = two.folder / "done"
    with two.popen("sh", "-c", f"head -c {20 * MIB} /dev/zero; touch {done}; sleep 100") as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"\0"
        time.sleep(0.5)  # that it does not go on cannot be waited for
        assert not done.exists()
        assert len(process.stdout.read(20 * MIB - 1)) == 20 * MIB - 1
        wait_for(done.exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 128 + signal.SIGINT


def test_a_reader_that_goes_ends_the_writer(two: Two) -> None:
    with two.popen("sh", "-c", "echo $$; exec yes") as process:
        [pid] = pids(process, 1)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(DEADLINE) == 128 + signal.SIGPIPE
    wait_for(lambda: is_gone(pid))


def test_the_end_by_a_signal_is_told(two: Two) -> None:
    assert two.run("sh", "-c", "kill -TERM $$").code == 128 + signal.SIGTERM
    assert two.run("sh", "-c", "kill -40 $$").code == 128 + 40


def test_a_signal_is_the_commands_to_handle(two: Two) -> None:
    script = "trap 'echo caught; exit 3' INT; echo begun; while :; do sleep 0.05; done"
    with two.popen("sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 3
        assert process.stdout.read() == b"caught\n"


def test_a_client_that_is_killed_leaves_nothing_of_the_group(two: Two) -> None:
    script = "trap '' HUP; echo $$; sleep 100 & echo $!; setsid sleep 100 & echo $!; wait"
    with two.popen("sh", "-c", script) as process:
        group = pids(process, 3)
        process.kill()
    wait_for(lambda: all(is_gone(pid) for pid in group))


def test_only_what_is_listed_of_the_environment_goes_along(two: Two) -> None:
    ended = two.run("env", LC_TIME="C", GIT_PAGER="cat", SECRET="x", PATH_TO="y")
    lines = ended.stdout.splitlines()
    assert {"LC_TIME=C", "GIT_PAGER=cat", f"PWD={two.folder}"} <= set(lines)
    assert not [line for line in lines if line.startswith(("SECRET", "PATH_TO"))]


def test_what_is_wrong_is_said(two: Two) -> None:
    assert two.run("no-such-command") == Ended(
        127, "", "no-such-command: No such file or directory\n"
    )
    removed = two.folder / "removed"
    removed.mkdir()
    words = [*two.words("true"), *()]
    script = f"cd {removed}; rmdir {removed}; {' '.join(words)}"
    done = subprocess.run(
        ["sh", "-c", script], env=two.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitCode.WRAPPER_FAILED
    assert "was removed" in done.stderr
    words[words.index("nas")] = "nix"
    done = subprocess.run(words, env=two.environ, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.WRAPPER_FAILED
    assert "there is no host nix" in done.stderr


def test_a_directory_that_is_not_there(two: Two) -> None:
    for path, says in ((b"/none", "No such file"), (b"/etc/passwd", "is no directory")):
        with pytest.raises(Exception, match=says):
            two.laptop.call("run", host="nas", path=path, argv=[b"true"], environ={})


def test_a_terminal_has_its_size_its_keys_and_its_modes_back(two: Two) -> None:
    terminal = two.terminal(
        "trap 'stty size' WINCH; stty size; test -t 2 && echo all three\n"
        "while ! read line; do :; done; echo got $line; cat; echo ended $?"
    )
    terminal.until(b"24 80\r\nall three\r\n")
    fcntl.ioctl(terminal.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    os.kill(terminal.process.pid, signal.SIGWINCH)
    terminal.until(b"30 100\r\n")
    terminal.type(b"words\n")
    terminal.until(b"got words\r\n")
    terminal.type(b"\x04")
    terminal.until(b"ended 0\r\n")
    assert terminal.end() == 0


def test_ctrl_c_in_a_terminal_ends_the_remote_group(two: Two) -> None:
    # A shell that is about to start something may lose the key by itself: this one starts nothing.
    terminal = two.terminal("sleep 100 & echo pid $!; wait")
    terminal.until(b"\r\n")
    pid = int(terminal.shown.split()[1])
    terminal.type(b"\x03")
    assert terminal.end() == 128 + signal.SIGINT
    wait_for(lambda: is_gone(pid))


def test_many_at_once(two: Two) -> None:
    ended: list[Ended] = []
    threads = [
        threading.Thread(target=lambda n=n: ended.append(two.run("echo", str(n)))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.stdout for each in ended) == [f"{n}\n" for n in range(8)]


def test_either_node_that_is_killed_ends_it(two: Two) -> None:
    for node in (two.laptop, two.nas):
        with two.popen("sh", "-c", "echo $$; sleep 100") as process:
            [pid] = pids(process, 1)
            node.kill()
            assert process.wait(DEADLINE) == ExitCode.WRAPPER_FAILED
        wait_for(partial(is_gone, pid))
        node.up()
        wait_for(lambda: two.laptop.sees(two.nas) and two.nas.sees(two.laptop))


def test_without_a_node_a_directory_of_this_host_is_here(run: Run) -> None:
    assert run("run", "sh", "-c", "echo $0; exit 4") == Ended(4, "sh\n", "")
    assert run("run", "no-such-command").code == 127
    assert run("run", "--best", "--", "echo", "--json").stdout == "--json\n"
    assert "no node is up" in run("run", "--explain", "make", "-j8").stdout
    assert run("run", "--explain", "--json", "make").json()["here"] is True
    assert run("run", "--on", "nas", "true").code == ExitCode.WRAPPER_FAILED
    assert run("run").code == ExitCode.USAGE
    assert run("run", "--nonsense", "make").code == ExitCode.USAGE


def test_options_stand_before_the_command() -> None:
    assert running.read(["make", "--on", "nas"]) == running.Request(("make", "--on", "nas"))
    assert running.read(["--on=nas", "--best", "--", "-x"]) == running.Request(
        ("-x",), on="nas", best=True
    )
    for words in ([], ["--on", "nas"], ["--help"], ["--explain", "make"], ["--"]):
        assert running.read(words) is None
    assert running.command_at(["--on", "nas", "--explain", "make", "--json"]) == 3
