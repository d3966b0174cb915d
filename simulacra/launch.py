"""Starting this machine's node in the background, and waiting until it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.client import Client

TIMEOUT: Final = 30.0
"""Seconds that a node may take until it answers."""

_PAUSE: Final = 0.02
_TAIL: Final = 2000


def log_file(settings: Settings) -> Path:
    """Return the file that a node in the background logs to."""
    return settings.paths.state / settings.name / "node.log"


def launch(settings: Settings, timeout: float = TIMEOUT) -> dict[str, Any]:
    """Start a node in the background and return its ``status`` when it answers.

    Args:
        settings: What the node is set to.
        timeout: Seconds to wait for it; a node that is later than that is ended.

    Raises:
        GatewayError: ``failed`` where it ended, with what it said; ``timed_out``.
    """
    log = log_file(settings)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(  # noqa: S603 (our own program)
            _command(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env=_environment(),
            start_new_session=True,
        )
    status = _wait(Client(settings.paths.socket(settings.name)), process, timeout)
    if status is not None:
        return status
    if process.poll() is None:
        process.terminate()
        raise GatewayError(
            ErrorCode.TIMED_OUT,
            f"node {settings.name} was started but did not answer within {timeout:.0f} s",
            f"read what it says: tail {log}",
        )
    with log.open("rb") as said:
        said.seek(start)
        why, hint = last_said(said.read()[-_TAIL:].decode(errors="replace"))
    more = f"read all it said: tail {log}; check this machine: simulacra doctor"
    raise GatewayError(
        ErrorCode.FAILED,
        f"node {settings.name} ended while it was starting: {why}",
        f"{hint}; {more}" if hint else more,
    )


def _wait(
    client: Client, process: subprocess.Popen[bytes], timeout: float
) -> dict[str, Any] | None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status: dict[str, Any] = client.item("status", timeout=timeout)
        except GatewayError as error:
            if error.code is not ErrorCode.UNREACHABLE:
                raise
        else:
            return status
        try:
            process.wait(_PAUSE)
        except subprocess.TimeoutExpired:
            continue
    return None


def _command(settings: Settings) -> list[str]:
    command = [sys.executable, "-P", "-m", "simulacra", "up"]
    command += ["--name", settings.name, "--listen", settings.listen]
    if settings.bulk_port is not None:
        command += ["--bulk-port", str(settings.bulk_port)]
    command += ["--log", settings.log]
    for address in settings.join:
        command += ["--join", address]
    for flag, value in (
        ("--door", settings.door),
        ("--dns", settings.dns),
        ("--zone", settings.zone),
    ):
        command += [flag, value] if value else []
    for label in settings.labels:
        command += ["--label", label]
    return command


def _environment() -> dict[str, str]:
    """Return the environment, with what is relative to this folder made absolute."""
    environment = dict(os.environ)
    if home := environment.get("SIMULACRA_HOME"):
        environment["SIMULACRA_HOME"] = str(Path(home).expanduser().absolute())
    return environment


def last_said(text: str) -> tuple[str, str]:
    """What a process said last, and what it said to do: the indented lines below."""
    lines = text.rstrip().splitlines()
    if not lines:
        return "it said nothing", ""
    at = max((n for n, line in enumerate(lines) if not line[:1].isspace()), default=0)
    hint = " ".join(line.strip() for line in lines[at + 1 :])
    return lines[at].strip().removeprefix("simulacra: "), hint
