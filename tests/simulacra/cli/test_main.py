from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli.exits import ExitCode, exit_code
from simulacra.cli.main import make_app

from .conftest import DEADLINE, Run, Serve
from .samples import STATUS, row

FORBIDDEN = ("zmq", "pykka", "cloudpickle", "psutil", "rich", "asyncio")


def test_every_command_has_an_example() -> None:
    app = make_app()
    seen = 0
    for name, command in app.resolved_commands().items():
        if name.startswith("-"):
            continue
        assert f"`simulacra {name}" in str(command.default_command.__doc__), name
        seen += 1
    assert seen >= 15


def test_help_lists_every_command(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for command in ("spawn", "ps", "migrate", "doctor"):
        assert command in ended.stdout


@pytest.mark.parametrize(
    "words", [("ps", "--bogus"), ("bogus",), ("logs",), ("up", "--listen", "x")]
)
def test_wrong_usage_says_what_to_type(run: Run, words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    assert ended.stderr.startswith("simulacra: ")
    assert len(ended.stderr.splitlines()) == 2


def test_wrong_usage_is_a_document_with_json(run: Run) -> None:
    ended = run("ps", "--json", "--bogus")
    assert ended.code == ExitCode.USAGE
    assert ended.stderr == ""
    assert ended.json()["error"]["code"] == "usage"
    assert "simulacra ps --help" in ended.json()["error"]["hint"]


def test_no_node_is_unreachable_and_names_the_next_command(run: Run) -> None:
    ended = run("ps")
    assert ended.code == ExitCode.UNREACHABLE
    assert "simulacra up" in ended.stderr


def test_every_error_of_the_gateway_has_an_exit_code() -> None:
    codes = [exit_code(code) for code in ErrorCode]
    assert len(set(codes)) == len(ErrorCode)
    assert ExitCode.OK not in codes


def test_the_nodes_error_decides_the_exit_code(run: Run, serve: Serve) -> None:
    def ps(_: Call) -> Iterator[object]:
        raise GatewayError(ErrorCode.NOT_FOUND, "there is no count", "look: simulacra ps")
        yield

    serve({"ps": ps})
    ended = run("ps", "count")
    assert ended.code == ExitCode.NOT_FOUND
    assert ended.stderr == "simulacra: there is no count\n  look: simulacra ps\n"


def test_interrupt_is_clean(environ: dict[str, str], serve: Serve) -> None:
    called = threading.Event()

    def logs(call: Call) -> Iterator[object]:
        called.set()
        call.receive(DEADLINE)
        yield from ()

    serve({"logs": logs})
    process = subprocess.Popen(
        [sys.executable, "-m", "simulacra", "logs", "count", "-f"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert called.wait(DEADLINE)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=DEADLINE)
    assert process.returncode == ExitCode.INTERRUPTED
    assert (stdout, stderr) == ("", "simulacra: interrupted\n")


@pytest.mark.parametrize("module", ["simulacra.cli.main", "cyclopts", "simulacra.cli.listing"])
def test_an_interrupt_while_it_is_imported_is_clean(environ: dict[str, str], module: str) -> None:
    program = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "import simulacra.__main__\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "ps"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        ExitCode.INTERRUPTED,
        "simulacra: interrupted\n",
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ps",), ExitCode.OK),
        (("spawn", "--", "true"), ExitCode.NOT_FOUND),
        (("tree", "versions", "file"), ExitCode.NOT_FOUND),
    ],
)
def test_the_current_directory_may_have_been_removed(
    environ: dict[str, str], serve: Serve, words: tuple[str, ...], code: ExitCode
) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": []}], "status": lambda _: [STATUS]})
    typed = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"']
    done = subprocess.run(
        [*typed, sys.executable, "-m", "simulacra", *words],
        env=environ,
        cwd=Path(environ["SIMULACRA_HOME"]),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    if code is not ExitCode.OK:
        assert done.stderr == ("simulacra: the current directory was removed\n  go elsewhere: cd\n")


def test_a_reader_that_stops_early_is_no_error(environ: dict[str, str], serve: Serve) -> None:
    def ps(_: Call) -> Iterator[object]:
        while True:
            yield {"time": 1.0, "rows": [row("count")] * 100}

    serve({"ps": ps})
    process = subprocess.Popen(
        [sys.executable, "-m", "simulacra", "ps", "--watch"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"name")
    process.stdout.close()
    assert process.wait(DEADLINE) == 0
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""


def test_a_command_imports_nothing_heavy(environ: dict[str, str], serve: Serve) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": []}]})
    program = "import sys; from simulacra.cli.main import main; main(['ps']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    imported = set(done.stdout.splitlines()[-1].split())
    assert "simulacra.cli.listing" in imported
    assert not imported.intersection(FORBIDDEN)
    assert "simulacra.cli.spawn" not in imported
