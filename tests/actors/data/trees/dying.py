"""A process that dies in the middle of what it does, at any call that may change a disk."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from tests.support import DEADLINE

CHANGING = re.compile(
    "rename(_new)?|exchange|unlink|rmdir|mkdir|symlink|link|utime|f?chmod|open|pwritev?|write"
    "|f?truncate|fsync|fdatasync|sendfile|setxattr|execute(many)?|commit"
)
"""Calls, by their last names, that may change a disk or a database, or begin to."""


def die_at(
    when: int,
    work: Callable[[], object],
    *,
    before: Callable[[], object] = lambda: None,
    calls: re.Pattern[str] = CHANGING,
) -> bool:
    """Do something in a process of its own, which dies at a call, if it makes so many.

    Args:
        when: at which call, from 1.
        work: what is done.
        before: done by the process first; it does not die in that.
        calls: which calls count.

    Returns:
        Whether it died.
    """
    child = os.fork()
    if child == 0:
        left = when

        def profile(frame: FrameType, event: str, function: Any) -> None:
            nonlocal left
            name = function.__name__ if event == "c_call" else frame.f_code.co_name
            if event.endswith("call") and calls.fullmatch(name):
                left -= 1
                if left == 0:
                    os._exit(1)

        status = 2
        with suppress(BaseException):
            before()
            sys.setprofile(profile)
            work()
            status = 0
        os._exit(status)
    deadline = time.monotonic() + DEADLINE
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    status = os.waitstatus_to_exitcode(done[1])
    assert status in {0, 1}, "it failed before it was to die"
    return status == 1
