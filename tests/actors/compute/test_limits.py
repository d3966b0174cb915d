"""Judging use against limits, and reading wait statuses."""

from __future__ import annotations

import os
import signal

import pytest

from simulacra.actors.compute.limits import Usage, exceeded, measure, of_status
from simulacra.actors.compute.spec import Limits


@pytest.mark.parametrize(
    ("limits", "usage", "name"),
    [
        (Limits(), Usage(10**12, 10**6, 10**6), None),
        (Limits(memory=10), Usage(memory=10), None),
        (Limits(memory=10), Usage(memory=11), "memory"),
        (Limits(cpu=1.0), Usage(cpu=1.1), "cpu"),
        (Limits(wall=1.0), Usage(wall=1.1), "wall"),
        (Limits(memory=10, wall=1.0), Usage(memory=11, wall=2.0), "memory"),
    ],
)
def test_the_limit_that_is_exceeded_is_named(
    limits: Limits, usage: Usage, name: str | None
) -> None:
    reason = exceeded(limits, usage)
    assert (reason and reason.detail["limit"]) == name


@pytest.mark.parametrize(
    ("status", "kind", "detail"),
    [
        (0, "normal", None),
        (3 << 8, "error", 3),
        (signal.SIGKILL, "killed", "SIGKILL"),
        (signal.SIGSEGV, "killed", "SIGSEGV"),
        (signal.SIGXCPU, "limit", {"limit": "cpu", "used": None, "allowed": 1.0}),
    ],
)
def test_a_wait_status_is_a_reason(status: int, kind: str, detail: object) -> None:
    reason = of_status(status, Limits(cpu=1.0))
    assert (reason.kind, reason.detail) == (kind, detail)


def test_a_guard_without_children_uses_nothing() -> None:
    assert measure(os.getpid(), 1.0).wall == 1.0
    assert measure(2**22 + 1, 1.0) == Usage(0, 0.0, 1.0)
