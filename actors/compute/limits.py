"""Limits of a computation: what its processes use together, and which limit that exceeds.

The kernel's rlimits (see `worker`) hold each process by itself; here all processes below a guard
are measured together and judged. Measuring is polling: between two looks (`POLL_EVERY` seconds)
the sum may run over the limit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psutil

from simulacra.actors.compute.spec import Limits
from simulacra.actors.runtime.reason import ExitReason

POLL_EVERY: Final = 0.25


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes use: resident bytes, seconds of processor time, seconds since the start."""

    memory: int = 0
    cpu: float = 0.0
    wall: float = 0.0


def measure(guard: int, wall: float) -> Usage:
    """What all processes below the guard use; those that end meanwhile count as nothing."""
    memory, cpu = 0, 0.0
    try:
        processes = psutil.Process(guard).children(recursive=True)
    except psutil.NoSuchProcess:
        processes = []
    for process in processes:
        try:
            memory += process.memory_info().rss
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
    return Usage(memory, cpu, wall)


def exceeded(limits: Limits, usage: Usage) -> ExitReason | None:
    """The exit reason of a computation that uses so much, or None where it may go on."""
    for name in ("memory", "cpu", "wall"):
        allowed, used = getattr(limits, name), getattr(usage, name)
        if allowed is not None and used > allowed:
            return over_limit(name, used, allowed)
    return None


def over_limit(name: str, used: float | None, allowed: float | None) -> ExitReason:
    """The reason ``limit``: which, what was used (None if the kernel acted), what is allowed."""
    return ExitReason("limit", detail={"limit": name, "used": used, "allowed": allowed})


def say_limit(detail: Mapping[str, Any]) -> str:
    """Say what the detail of a reason ``limit`` means, and what to do."""
    name, allowed = detail["limit"], detail["allowed"]
    what = {
        "memory": f"{allowed / 2**20:g} MiB of memory",
        "cpu": f"{allowed:g} s of processor time",
        "wall": f"{allowed:g} s",
    }[name]
    return f"it used more than the {what} it may; to allow more, spawn it with --{name}"


def of_status(status: int, limits: Limits) -> ExitReason:
    """The exit reason that a wait status stands for, where nothing else is known."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU and limits.cpu is not None:
            return over_limit("cpu", None, limits.cpu)
        names = {int(each): each.name for each in signal.Signals}
        return ExitReason("killed", detail=names.get(number, f"signal {number}"))
    code = os.WEXITSTATUS(status)
    if code == 0:
        return ExitReason("normal")
    return ExitReason("error", detail=code, error=("ExitStatus", f"exit status {code}", ""))
