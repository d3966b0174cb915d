"""``run`` without its options' parser: where the current directory lies, and the command there.

It is typed often, and loads no more than it needs. Nothing here looks at the current directory
itself: its host may be gone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from simulacra.actors.compute.mounts import UnmappedError, reaches_out
from simulacra.actors.compute.whereabouts import current_directory
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.cli.here import removed
from simulacra.cli.tree_running import carry_back, carry_there
from simulacra.client import Client, find_socket

WORD: Final = "run"
_VALUED: Final = {"--on": "on", "--node": "node"}
_PROOF_WITHIN: Final = 10.0
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed.

    Attributes:
        command: the command and its arguments.
        on: the host that was asked for.
        best: run it here where that costs less.
        node: which node to use.
    """

    command: tuple[str, ...]
    on: str | None = None
    best: bool = False
    node: str | None = None


def read(words: Sequence[str]) -> Request | None:
    """What was typed after ``run``; None where it is for the whole parser, as ``--help`` is."""
    said: dict[str, Any] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word == "--":
            break
        if word == "--best":
            said["best"] = True
        elif option in _VALUED and (equals or rest):
            said[_VALUED[option]] = value if equals else rest.pop(0)
        else:
            return None
    return Request(tuple(rest), **said) if rest else None


def command_at(words: Sequence[str], valued: Container[str] = _VALUED) -> int:
    """Where in the words after ``run`` the command begins.

    Args:
        words: which may begin with options.
        valued: the options that have a value of their own after them.
    """
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if words[at] in valued else 1
    return min(at, len(words))


def main(request: Request) -> int:
    """Run a command and return its exit code, 125 where Simulacra itself failed."""
    try:
        return run(request)
    except GatewayError as failure:
        output.error(failure, as_json=False)
        return ExitCode.USAGE if failure.code is ErrorCode.USAGE else ExitCode.WRAPPER_FAILED


def run(request: Request) -> int:
    """Run a command where the current directory lies.

    Raises:
        GatewayError: it cannot, or its end is not known.
    """
    try:
        found = place(request)
    except GatewayError as failure:
        appliance = by_ssh(request, failure)
        if appliance is None:
            raise
        _become(appliance)
    if found is None:
        _become(request.command)
    if found["here"]:
        return _run_here(request, found)
    calls, spent = client(request), 0.0
    try:
        if found["proof"] is not None:
            _prove(calls, found)
        if found["tree"] is not None:
            spent = carry_there(calls, found)
    except GatewayError as failure:
        if not request.best:
            raise
        output.message(f"{failure.message}; it runs here")
        return _run_here(request, found)
    from simulacra.cli.carrying import carried  # noqa: PLC0415 (only where it runs elsewhere)

    code = carried(
        calls,
        host=found["host"],
        path=found["path"],
        argv=[os.fsencode(word) for word in request.command],
        environ=dict(os.environb),
        habit=found["habit"],
    )
    if found["tree"] is not None:
        carry_back(calls, found, spent)
    return code


def client(request: Request) -> Client:
    """A client of the node; ``./simulacra.toml`` does not count: it may be on a dead mount."""
    return Client(find_socket(request.node, folder=Paths.find().config))


def place(request: Request, *, runs: bool = True) -> dict[str, Any] | None:
    """What the node says of the current directory; None where that is here and no node is up.

    Args:
        request: what was typed.
        runs: whether it will run; else the question changes nothing.

    Raises:
        GatewayError: it cannot be said.
    """
    try:
        lying = current_directory()
    except UnmappedError as error:
        raise GatewayError(ErrorCode.NOT_FOUND, str(error), "type: cd; cd -") from error
    except FileNotFoundError as error:
        raise removed() from error
    outside = reaches_out(request.command, lying.below) if request.best else None
    if outside is not None:
        return stays(lying.path, f"{outside} leads out of the mount, and is another file elsewhere")
    try:
        found: dict[str, Any] = client(request).item(
            "place",
            lying=lying.to_plain(),
            on=request.on,
            command=Path(request.command[0]).name,
            choose=request.best,
            runs=runs,
        )
    except GatewayError as failure:
        if failure.code is not ErrorCode.UNREACHABLE or request.on is not None:
            raise
        if lying.mount.kind is not None and not request.best:
            raise
        return None
    if found["tree"] is not None and request.on is None:
        outside = reaches_out(request.command, os.fsdecode(found["below"]))
        if outside is not None:
            why = f"{outside} leads out of the tree {found['tree']}, and may be another file there"
            return stays(lying.path, why)
    return found


def by_ssh(request: Request, failure: GatewayError) -> list[str] | None:
    """The ssh command where it is for an appliance, which is no host that a node knows.

    Raises:
        GatewayError: the inventory is wrong, or the current directory does not answer.
    """
    host = request.on
    if host is None or failure.code not in {ErrorCode.NOT_FOUND, ErrorCode.UNREACHABLE}:
        return None
    from simulacra.cli import appliances  # noqa: PLC0415 (only where no node knows the host)

    found: list[list[str] | None] = []
    wrong: list[GatewayError] = []

    def look() -> None:
        try:
            found.append(appliances.by_ssh(host, request.command))
        except GatewayError as error:
            wrong.append(error)

    _within(look, "the current directory, where an inventory may be, does not answer")
    if wrong:
        raise wrong[0] from failure
    return found[0]


def stays(path: str, why: str) -> dict[str, Any]:
    """What `place` says of a command that runs here, for a reason that no node has to tell."""
    return {
        "host": None, "path": os.fsencode(path), "here": True, "via": "no other host is asked",
        "why": why, "proof": None, "seconds_here": None, "seconds_there": None, "chain": [],
        "tree": None,
    }  # fmt: skip


def _prove(calls: Client, found: dict[str, Any]) -> None:
    """Write a file here that the other host must see, too.

    Raises:
        GatewayError: it does not, or none can be written.
    """
    proof = found["proof"]
    error: list[OSError] = []

    def write() -> None:
        try:
            # Without O_NOFOLLOW and O_EXCL somebody's link could be written through.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(proof["file"], flags, 0o600)
            try:
                os.write(handle, proof["text"])
            finally:
                os.close(handle)
        except OSError as failed:
            error.append(failed)

    _within(write, f"the mount of this directory, from {found['host']}, does not answer")
    told = {"host": found["host"], "path": found["path"], "of": proof["of"]}
    where = os.fsdecode(found["path"]) or "the home"
    try:
        if error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"whether this directory is {where} on {found['host']} cannot be proved, as no "
                f"file can be written here: {error[0].strerror}",
                f"go where you may write, once; or type: cd /; simulacra run --on {found['host']} "
                f"-- env --chdir={where} COMMAND",
            )
        if not calls.item("prove", file=proof["file"], text=proof["text"], **told)["proved"]:
            raise GatewayError(
                ErrorCode.FAILED,
                f"this directory is not {where} on {found['host']}, as its mount says: a file "
                "written here is not there",
                "say where it lies in simulacra.toml, under [sources]; see: "
                "simulacra run --explain COMMAND",
            )
    finally:
        _within(lambda: _remove(proof["file"]), "the mount of this directory does not answer")


def _remove(file: str) -> None:
    with contextlib.suppress(OSError):  # it was not written
        os.unlink(file)  # noqa: PTH108 (relative to where we are)


def _within(do: Any, why_not: str) -> None:
    """Do what may never end, as a dead mount ends nothing; the thread is left behind then."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(_PROOF_WITHIN)
    if thread.is_alive():
        raise GatewayError(ErrorCode.UNREACHABLE, why_not, "see who is connected: simulacra status")


def _run_here(request: Request, found: dict[str, Any]) -> int:
    """Run it on this host; where it was a choice, tell the node how long that took."""
    if found["seconds_here"] is None:
        _become(request.command)
    began = time.monotonic()
    code = _child(request.command)
    seconds = time.monotonic() - began
    if code == 0:
        with contextlib.suppress(GatewayError):  # it ran; that nobody learns from it is no failure
            client(request).item("ran", host=found["host"], habit=found["habit"], seconds=seconds)
    return code


def _child(command: Sequence[str]) -> int:
    """Run a command beside us: the terminal's signals are its, and we wait."""
    try:
        process = subprocess.Popen(command)  # noqa: S603 - the user's
    except OSError as error:
        return _missing(command, error)
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def _become(command: Sequence[str]) -> NoReturn:
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - the user's
    except OSError as error:
        sys.exit(_missing(command, error))


def _missing(command: Sequence[str], error: OSError) -> int:
    output.message(f"{command[0]}: {error.strerror}")
    return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
