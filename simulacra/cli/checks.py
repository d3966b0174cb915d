"""What ``doctor`` looks at: each check is a function that says what it found and what to do."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings, split_address
from simulacra.actors.units import show_size
from simulacra.client import Client

_LIBRARIES: Final = ("pykka", "pyzmq", "msgpack", "cloudpickle", "psutil", "cyclopts", "rich")
_OLDEST: Final = (3, 11)
_FILES: Final = 4096
_FREE: Final = 1 << 30
_SKEW: Final = 1.0
_THERE: Final = {"up", "resting"}


class Verdict(StrEnum):
    """How well something is."""

    OK = "ok"
    ADVICE = "advice"
    """It works, and would work better."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        verdict: How well it is.
        found: What is there.
        todo: What to do about it, preferably a command; empty where nothing.
    """

    name: str
    verdict: Verdict
    found: str
    todo: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def python(_: Settings) -> Iterator[Finding]:
    """Look at the interpreter."""
    good = sys.version_info[:2] >= _OLDEST
    yield Finding(
        "python",
        Verdict.OK if good else Verdict.WRONG,
        f"{sys.version.split()[0]} at {sys.executable}",
        "" if good else "install Python 3.11 or later",
    )


def libraries(_: Settings) -> Iterator[Finding]:
    """Look for what Simulacra needs, and for encryption in ZeroMQ."""
    found, missing = [], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        todo = f"install them: {sys.executable} -m pip install {' '.join(missing)}"
        yield Finding("libraries", Verdict.WRONG, f"missing: {', '.join(missing)}", todo)
    else:
        yield Finding("libraries", Verdict.OK, ", ".join(found))
    if "pyzmq" not in missing:
        import zmq  # noqa: PLC0415 (it may be what is missing)

        curve = bool(zmq.has("curve"))
        yield Finding(
            "encryption",
            Verdict.OK if curve else Verdict.WRONG,
            f"libzmq {zmq.zmq_version()} {'with' if curve else 'without'} CURVE",
            "" if curve else f"take pyzmq's own build: {sys.executable} -m pip install pyzmq",
        )


def folders(settings: Settings) -> Iterator[Finding]:
    """Look whether the node's folders can be used, and whether others can read them."""
    paths = settings.paths
    for name, folder in (("config", paths.config), ("state", paths.state)):
        usable = os.access(_nearest(folder), os.W_OK)
        yield Finding(
            name,
            Verdict.OK if usable else Verdict.WRONG,
            f"{folder} {'can' if usable else 'cannot'} be written",
            "" if usable else "make it yours, or set SIMULACRA_HOME to a folder of yours",
        )
    free = shutil.disk_usage(_nearest(paths.state)).free
    enough = free >= _FREE
    yield Finding(
        "disk",
        Verdict.OK if enough else Verdict.ADVICE,
        f"{show_size(free)} free for checkpoints, results and logs",
        "" if enough else f"make room on the disk of {paths.state}",
    )


def keys(settings: Settings) -> Iterator[Finding]:
    """Look for key files that others could read."""
    files = list(settings.paths.config.glob("*.key"))
    exposed = [file for file in files if file.stat().st_mode & 0o077]
    yield Finding(
        "keys",
        Verdict.WRONG if exposed else Verdict.OK,
        f"others can read {exposed[0]}" if exposed else f"only you can read them ({len(files)})",
        f"chmod 600 {exposed[0]}" if exposed else "",
    )


def gateway(settings: Settings) -> Iterator[Finding]:
    """Look whether the node answers, and how it sees its peers."""
    path = settings.paths.socket(settings.name)
    try:
        status = Client(path).item("status", timeout=5)
    except GatewayError as error:
        down = error.code is ErrorCode.UNREACHABLE
        yield Finding("node", Verdict.ADVICE if down else Verdict.WRONG, error.message, error.hint)
        yield from _ports(settings)
        return
    yield Finding("node", Verdict.OK, f"{status['host']}, process {status['pid']}, on {path}")
    if status["out"]:  # so no other host works with this one, whatever is done there
        todo = "to come back: simulacra down, simulacra keys reset, and a new invitation"
        yield Finding("network", Verdict.WRONG, f"not in it any more: {status['out']}", todo)
        return
    for peer in status["peers"]:
        yield from _peer(peer)


def limits(_: Settings) -> Iterator[Finding]:
    """Look at how many files a node may have open."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= _FILES
    yield Finding(
        "open files",
        Verdict.OK if enough else Verdict.ADVICE,
        f"at most {hard}",
        "" if enough else f"raise the hard limit to {_FILES}: ulimit -Hn, limits.conf",
    )


CHECKS: Final[tuple[Check, ...]] = (
    python,
    libraries,
    folders,
    keys,
    gateway,
    limits,
)
"""All checks, in the order in which they are shown."""


def _nearest(folder: Path) -> Path:
    """Return the folder, or the closest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _ports(settings: Settings) -> Iterator[Finding]:
    host, port = split_address(settings.listen)
    yield _port("port", host, port, "--listen HOST:PORT")
    if settings.bulk:
        yield _port("bulk port", host, settings.bulk, "--bulk-port PORT")


def _port(what: str, host: str, port: int, flag: str) -> Finding:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return Finding(
            what,
            Verdict.WRONG,
            f"{address} cannot be listened on: {error.strerror}",
            f"see who has it: ss -ltnp; or choose another: simulacra up {flag}",
        )
    return Finding(what, Verdict.OK, f"{address} is free")


def _peer(peer: dict[str, Any]) -> Iterator[Finding]:
    name = f"peer {peer['host']}"
    if peer["state"] not in _THERE:
        why = f": {peer['reason']}" if peer["reason"] else ""
        todo = f"on {peer['host']}: simulacra doctor"
        yield Finding(name, Verdict.WRONG, f"{peer['state']}{why}", todo)
    elif peer["clock"] is not None and abs(peer["clock"]) > _SKEW:
        found = f"its clock is {peer['clock']:+.1f} s off ours"
        yield Finding(name, Verdict.ADVICE, found, "set both: timedatectl set-ntp true")
    else:
        yield Finding(name, Verdict.OK, f"{peer['state']} at {peer['address']}")
