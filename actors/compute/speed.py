"""How fast a core of this host is, against a reference core: measured once for a process.

A fixed loop of plain Python is timed in the processor time of its own thread, so that what else
runs here does not count, and the fastest of a few rounds is taken. The loop adds and looks up, as
the code of most computations does; it says nothing of vector units or of memory that is far away.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Final

_ROUNDS: Final = 5
_STEPS: Final = 50_000
_REFERENCE_SECONDS: Final = 0.0016
"""What a round takes on the reference core, a server's of 2023 at 3 GHz with Python 3.11."""


@cache
def measured_speed() -> float:
    """The speed of one core here; 1.0 is the reference core. Takes some 0.01 s, once."""
    return _REFERENCE_SECONDS / min(_round() for _ in range(_ROUNDS))


def _round() -> float:
    table, total = [1, 2, 3, 5, 7, 11, 13, 17], 0
    began = time.thread_time()
    for step in range(_STEPS):
        total += table[step & 7]
    return max(time.thread_time() - began, 1e-6)
