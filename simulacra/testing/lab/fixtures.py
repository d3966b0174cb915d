"""A pytest fixture for labs; import it in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from simulacra.testing.lab.lab import Lab

_AT_ONCE: Final = 3
"""Labs that are kept: nodes that no test looks at take time from those of the test that runs."""


class Labs:
    """The labs of a test session: tests that want the same hosts use the same lab in turn.

    Those that were wanted last are kept, and the others ended.
    """

    def __init__(self) -> None:
        self._made: dict[object, Lab] = {}

    def __call__(
        self, *hosts: str, zones: Sequence[Sequence[str]] = (), nodes: bool = False
    ) -> Lab:
        """Return a lab as `Lab` makes it, healed, and all hosts and nodes up.

        What earlier tests wrote on the hosts is still there, where it is the same lab.
        """
        wanted = (hosts, tuple(map(tuple, zones)), nodes)
        lab = self._made.pop(wanted, None)
        if lab is None:
            while len(self._made) >= _AT_ONCE:
                self._made.pop(next(iter(self._made))).close()
            lab = self._made[wanted] = Lab(*hosts, zones=zones, nodes=nodes)
            return lab
        self._made[wanted] = lab
        lab.reset()
        if nodes:
            lab.wait_met()
        return lab

    def close(self) -> None:
        """End all of them."""
        for lab in self._made.values():
            lab.close()


@pytest.fixture(scope="session")
def labs() -> Iterator[Labs]:
    """Labs that tests share: the three that were asked for last are kept."""
    made = Labs()
    yield made
    made.close()
