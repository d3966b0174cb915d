"""``spawn``: hand a computation to the network."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.spec import (
    CHECKPOINT_EVERY,
    Command,
    EntryPoint,
    Limits,
    Script,
    Spec,
    SpecError,
    What,
)
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.cli.here import current_folder
from simulacra.cli.options import COMMON, Common, Duration, Size
from simulacra.cli.waiting import follow, outcome
from simulacra.client import Client, find_socket
from simulacra.launch import launch


def spawn(
    *words: Annotated[str, Parameter(name="WHAT")],
    name: str | None = None,
    on: str | None = None,
    near: str | None = None,
    label: tuple[str, ...] = (),
    work: Duration = 0.0,
    reads: tuple[str, ...] = (),
    arg: tuple[str, ...] = (),
    restart: Literal["permanent", "transient", "temporary"] | None = None,
    memory: Size | None = None,
    cpu: Duration | None = None,
    wall: Duration | None = None,
    checkpoint_every: Duration = CHECKPOINT_EVERY,
    restartable: bool = False,
    wait: bool = False,
    tty: bool = False,
    common: Common = COMMON,
) -> int:
    """Run FILE.py, MODULE:CALLABLE or -- COMMAND... where its data is.

    A script's main(ctx, ...) is called, and may move at its safe points. A command stands after
    --, and is started again elsewhere only where it was spawned as restartable. Where no node is
    up on this machine, one is started.

    For example:

    - `simulacra spawn count.py --reads books=nas:/srv/books --wait`
    - `simulacra spawn package.module:main --name sums --arg limit=1000`
    - `simulacra spawn --on desk --memory 2G --wall 1h -- make -j8`
    - `simulacra spawn train.py --label gpu --work 30m`

    Args:
        words: FILE.py, MODULE:CALLABLE or -- COMMAND...
        name: What to call it; made up if left out.
        on: The host that it has to run on.
        near: HOST:PATH that it has to run beside.
        label: What its host has to be marked with, by up --label; may be repeated.
        work: Processor time that it will probably need, as in 10m, to weigh slow hosts by.
        reads: NAME=HOST:PATH that it reads, handed to it under that name; may be repeated.
        arg: NAME=VALUE handed to it, the value as JSON or else as text; may be repeated.
        restart: When it is started again: always, after a failure, or never.
        memory: Most memory, as in 512M.
        cpu: Most processor time, as in 10m.
        wall: Most time, as in 10m.
        checkpoint_every: How often a checkpoint is made, at safe points.
        restartable: The command may be run again from its start, elsewhere or after a failure.
        wait: Show its output, then its result; return a command's own exit code.
        tty: Give the command or script a terminal, and attach to it.
        common: Options of all commands.
    """
    what = read_what(words, restartable=restartable, tty=tty)
    command = isinstance(what, Command)
    spec = _checked(
        what,
        name=name,
        kwargs=read_arguments(what, reads, arg),
        restart=restart or "transient",
        limits=Limits(memory=memory, cpu=cpu, wall=wall),
        on=on,
        near=near,
        labels=label,
        work=work,
        checkpoint_every=checkpoint_every,
    )
    try:
        calls = _node(common.node)
        started = calls.item("spawn", spec=spec.to_plain(), cwd=current_folder())
        if tty:
            from simulacra.cli.terminal import attached  # noqa: PLC0415 (only with --tty)

            reason = attached(calls, started["name"])
            return ExitCode.OK if reason is None else outcome(reason, command=command)
        if wait:
            return follow(calls, started["name"], as_json=common.json)
    except GatewayError as failure:
        if not command or not (wait or tty) or failure.code is ErrorCode.USAGE:
            raise
        output.error(failure, as_json=common.json)
        return ExitCode.WRAPPER_FAILED
    _show(started, as_json=common.json)
    return ExitCode.OK


def read_what(words: tuple[str, ...], *, restartable: bool, tty: bool) -> What:
    """What FILE.py, MODULE:CALLABLE or -- COMMAND... stands for.

    Raises:
        GatewayError: it is none of them, or cannot be read.
    """
    match words:
        case ("--", *argv):
            return Command(tuple(argv), restartable=restartable, pty=tty)
        case _ if restartable:
            raise _usage("--restartable is for commands, which stand after --")
        case (target,) if target.endswith(".py"):
            return _script(target, tty=tty)
        case _ if tty:
            raise _usage("--tty is for scripts and for commands, which stand after --")
        case (target,) if ":" in target:
            return EntryPoint(target)
    raise _usage(
        f"{' '.join(words) or 'nothing'} is neither FILE.py nor MODULE:CALLABLE, "
        "and a command stands after --"
    )


def _script(file: str, *, tty: bool) -> Script:
    try:
        return Script.read(file, pty=tty)
    except SpecError as error:
        if isinstance(error.__cause__, OSError):
            raise GatewayError(
                ErrorCode.NOT_FOUND, str(error), f"look for it: ls -l {Path(file).parent}"
            ) from error
        raise _usage(str(error)) from error


def _checked(what: What, **fields: Any) -> Spec:
    try:
        return Spec(what, **fields)
    except SpecError as error:
        raise _usage(str(error)) from error


def read_arguments(what: What, reads: tuple[str, ...], values: tuple[str, ...]) -> dict[str, Any]:
    """The named arguments of --reads and --arg.

    Raises:
        GatewayError: one is not of its form, or would be handed to nobody.
    """
    if values and isinstance(what, Command):
        raise _usage("--arg is for scripts and callables: a command's arguments stand after it")
    return {
        **dict(_pair("--arg", text, _value) for text in values),
        **dict(_pair("--reads", text, _place) for text in reads),
    }


def _node(name: str | None) -> Client:
    """Return a client of this machine's node, having started one where none is up."""
    calls = Client(find_socket(name))
    try:
        with calls.open("status"):
            return calls
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
    settings = Settings.load({"name": name})
    output.message(f"no node is up here: starting one, {settings.name}")
    status = launch(settings)
    output.message(f"node {status['host']} is up; stop it with: simulacra down")
    return Client(settings.paths.socket(settings.name))


def _pair(option: str, text: str, read: Any) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise _usage(f"{option} {text} is not NAME=VALUE with a name that Python takes")
    return name, read(value)


def _value(text: str) -> Any:
    try:
        return json_module.loads(text)
    except ValueError:
        return text


def _place(text: str) -> Reads:
    host, colon, path = text.partition(":")
    if not (host and colon and path):
        raise _usage(f"{text} is not HOST:PATH, as in nas:/srv/books")
    return Reads(text)


def _usage(text: str) -> GatewayError:
    return GatewayError(ErrorCode.USAGE, text, "see how it is used: simulacra spawn --help")


def _show(started: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.document(started)
        return
    output.data(started["name"])
    output.message(f"{started['name']} is {started['state']} on {started['host']}")
