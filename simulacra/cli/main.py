"""The command line's front door: which commands there are, and how each run ends.

Commands are named by import strings, so that a run imports only its own. Whatever fails becomes
one message and one exit code here; with ``--json`` a document.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import known, output, running
from simulacra.cli.exits import ExitCode, exit_code

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

_COMMANDS: Final = {
    "Computations": {
        "spawn": "spawn:spawn",
        "run": "run:run",
        "ps": "listing:ps",
        "logs": "watching:logs",
        "result": "watching:result",
        "explain": "explaining:explain",
        "migrate": "steering:migrate",
        "stop": "steering:stop",
        "send": "steering:send",
        "attach": "terminal:attach",
        "forward": "forwarding:forward",
    },
    "Trees": {
        "tree": "tree:app",
        "conflicts": "conflicts:app",
        "detach": "detaching:detach",
        "rejoin": "detaching:rejoin",
    },
    "The network": {
        "init": "enrolling:init",
        "invite": "enrolling:invite",
        "expel": "leaving:expel",
        "leave": "leaving:leave",
        "owner": "owner:app",
        "expose": "expose:expose",
        "where": "where:where",
        "mount": "mounting:mount",
        "unmount": "mounting:unmount",
        "mounts": "mounting:mounts",
        "hook": "hook:hook",
        "focus": "focus:focus",
        "splits": "focus:splits",
        "service": "service:app",
        "events": "events:events",
    },
    "Machines": {
        "hosts": "hosts:app",
        "overlay": "overlay:app",
        "wake": "waking:wake",
        "sleep": "waking:sleep",
        "cloud": "cloud:app",
    },
    "This machine": {
        "up": "node:up",
        "down": "node:down",
        "status": "node:status",
        "keys": "keys:app",
        "backup": "backup:backup",
        "restore": "backup:restore",
        "doctor": "doctor:doctor",
        "demo": "demo:demo",
        "lab": "lab:app",
        "completion": "completion:completion",
    },
}

_LAB_EXEC: Final = ["lab", "exec"]
_LAB_VALUED: Final = ("--lab",)


def make_app() -> App:
    """Return the command line as cyclopts knows it, its commands not yet imported."""
    from cyclopts import App, Parameter  # noqa: PLC0415 (`run` does without)

    from simulacra import __version__  # noqa: PLC0415 (the package's face is loaded lazily)

    made = App(
        name="simulacra",
        version=__version__,
        help="Your machines as one computer: spawn computations, watch them, move them.",
        help_format="markdown",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=(), show_default=False),
    )
    for group, commands in _COMMANDS.items():
        for name, target in commands.items():
            made.command(f"simulacra.cli.{target}", name=name, group=group)
    return made


def run() -> None:
    """Run the command line of this process and exit."""
    words = sys.argv[1:]
    if words[:1] == [known.WORD]:
        sys.exit(known.main(words[1:]))
    request = running.read(words[1:]) if words[:1] == [running.WORD] else None
    if request is not None:
        sys.exit(running.main(request))
    sys.exit(main(words))


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Args:
        words: The command line after the program's name.
    """
    from cyclopts import CycloptsError  # noqa: PLC0415 (`run` does without)

    as_json = "--json" in _options(words)
    try:
        return _run(list(words))
    except GatewayError as failure:
        output.error(failure, as_json=as_json)
        return exit_code(failure.code)
    except CycloptsError as failure:
        output.error(_usage(failure), as_json=as_json)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        output.message("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our data has seen enough; the interpreter must not complain at its exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def _run(words: list[str]) -> int:
    app = make_app()
    if not words or words[0] in app.help_flags:
        app.resolved_commands()
    # cyclopts takes the first -- away; doubled, one is left to tell spawn what is a command.
    at = _command_at(words)
    if at is not None:
        words.insert(at, "--")
    code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    return ExitCode.OK if code is None else int(code)


def _options(words: Sequence[str]) -> Sequence[str]:
    """The words before a command that is somebody else's."""
    return words[: _command_at(words)]


def _command_at(words: Sequence[str]) -> int | None:
    """Where a command that is somebody else's begins: all options after that are its own."""
    if words[:1] == [running.WORD]:
        return 1 + running.command_at(words[1:])
    if list(words[:2]) == _LAB_EXEC:
        host = 2 + running.command_at(words[2:], _LAB_VALUED)
        return min(host + 1 + running.command_at(words[host + 1 :], _LAB_VALUED), len(words))
    return words.index("--") if "--" in words else None


def _usage(failure: CycloptsError) -> GatewayError:
    from cyclopts import UnusedCliTokensError  # noqa: PLC0415 (`run` does without)

    text = " ".join(str(failure).split()).rstrip(".")
    command = " ".join(["simulacra", *(failure.command_chain or ())])
    if isinstance(failure, UnusedCliTokensError):
        words = " ".join(failure.unused_tokens or ())
        text = f"{command} knows nothing to do with: {words}"
    return GatewayError(ErrorCode.USAGE, text, f"see how it is used: {command} --help")
