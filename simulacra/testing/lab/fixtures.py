"""A pytest fixture for labs; import it in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from simulacra.testing.lab.lab import Lab


class Labs:
    """The labs of a test session: tests that want the same hosts use the same lab in turn."""

    def __init__(self) -> None:
        self._made: dict[object, Lab] = {}

    def __call__(
        self, *hosts: str, zones: Sequence[Sequence[str]] = (), nodes: bool = False
    ) -> Lab:
        """Return a lab as `Lab` makes it, healed, and all hosts and nodes up.

        What earlier tests wrote on the hosts is still there.
        """
        wanted = (hosts, tuple(map(tuple, zones)), nodes)
        lab = self._made.get(wanted)
        if lab is None:
            lab = self._made[wanted] = Lab(*hosts, zones=zones, nodes=nodes)
            return lab
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
    """Labs that last as long as the session."""
    made = Labs()
    yield made
    made.close()
