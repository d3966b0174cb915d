"""Waiting for a computation, and showing how it ended."""

from __future__ import annotations

import json
import sys
from typing import Any

from simulacra.actors.compute.values import NotPlainError, unpack_plain
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.client import Client


def follow(calls: Client, name: str, *, as_json: bool) -> int:
    """Show the output of ``name`` until it ends, then its result; return the exit code.

    A command's own exit code is returned; what a computation printed keeps its stream.

    Raises:
        GatewayError: The node failed, or a computation did.
    """
    try:
        if not as_json:
            for piece in calls.items("logs", timeout=None, name=name, follow=True):
                _copy(piece)
        found = calls.item("result", timeout=None, name=name, wait=True)
    except KeyboardInterrupt:
        goes_on(name)
        raise
    if found["kind"] == "command":
        if as_json:
            output.document(found)
        return outcome(found["reason"], command=True)
    show(found, as_json=as_json)
    return ExitCode.OK


def goes_on(name: str) -> None:
    """Tell somebody who left that what was waited for did not end with that."""
    output.message(f"{name} goes on without you; end it with: simulacra stop {name}")


def outcome(reason: dict[str, Any], *, command: bool) -> int:
    """Return the exit code for how a process ended: a command's own, where it has one."""
    if command and reason["exit"] is not None:
        return int(reason["exit"])
    if reason["kind"] == "normal":
        return ExitCode.OK
    output.message(reason["text"])
    return ExitCode.WRAPPER_FAILED if command else ExitCode.FAILED


def show(found: dict[str, Any], *, as_json: bool) -> None:
    """Print a result.

    Raises:
        GatewayError: The computation failed, or has not ended.
    """
    reason = found["reason"]
    if reason is None:
        raise GatewayError(
            ErrorCode.FAILED,
            f"{found['name']} has no result yet: it is {found['state']}",
            f"wait for it: simulacra result {found['name']} --wait",
        )
    if reason["kind"] != "normal":
        if reason["traceback"] and not as_json:
            sys.stderr.write(reason["traceback"].rstrip("\n") + "\n")
        raise GatewayError(
            ErrorCode.FAILED,
            f"{found['name']} {found['state']}: {reason['text']}",
            f"see what it printed: simulacra logs {found['name']}",
        )
    value, plain = _value(found)
    if as_json:
        output.document({**found, "value": value})
    elif isinstance(value, str):
        output.data(value)
    elif value is not None:
        output.data(json.dumps(value, ensure_ascii=False) if plain else found["text"])


def _value(found: dict[str, Any]) -> tuple[object, bool]:
    """Return a result that JSON has words for, and whether it is the value itself."""
    try:
        value = unpack_plain(found["value"])
        json.dumps(value, allow_nan=False)
    except (NotPlainError, TypeError, ValueError):
        return found["text"], False
    return value, True


def _copy(piece: dict[str, Any]) -> None:
    if piece["dropped"]:
        output.message(f"{piece['dropped']} bytes of output were lost to the log's limit")
    if piece["stream"] == "stdout":
        output.raw(piece["data"])
        return
    sys.stderr.flush()
    sys.stderr.buffer.write(piece["data"])
    sys.stderr.buffer.flush()
