"""What is said of a host: one record, ordered, so that all who hear the same end up alike.

Of two records of one host the later one holds: the one with the higher *incarnation*, a number that
only the host itself raises; of equal ones the one whose state ranks higher. So a suspicion stands
until the host contradicts it by a higher incarnation, and old news never undoes new.

======== =========================================================== ============
state    meaning                                                     said by
======== =========================================================== ============
up       it answers                                                  itself
suspect  somebody got no answer from it                              any member
down     it did not contradict the suspicion in time                 any member
asleep   it said good night, and can be woken                        itself
detached it parted on purpose, and will be back                      itself
left     it parted for good, or somebody wrote it off                any member
======== =========================================================== ============
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final


class State(StrEnum):
    """How a host stands to the network."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    ASLEEP = "asleep"
    DETACHED = "detached"
    LEFT = "left"


_RANK: Final = {state: rank for rank, state in enumerate(State)}
LIVE: Final = frozenset({State.UP, State.SUSPECT})
"""The states of hosts that are counted upon, and probed."""
GONE: Final = frozenset({State.DOWN, State.LEFT})
"""The states of hosts that are forgotten after a while."""


@dataclass(frozen=True, slots=True)
class Member:
    """One host, as of one moment.

    Attributes:
        host: its name.
        key: its CURVE public key, Z85.
        address: ``host:port`` where its node listens.
        incarnation: grows with each start and each contradiction of the host's.
        state: how it stands.
    """

    host: str
    key: str
    address: str
    incarnation: int
    state: State

    def supersedes(self, other: Member) -> bool:
        """Whether this record of the same host is the later one; total, so that all agree."""
        return self._order() > other._order()

    def _order(self) -> tuple[int, int, str, str]:
        return self.incarnation, _RANK[self.state], self.key, self.address


@lru_cache(maxsize=65_536)
def fingerprint(member: Member) -> int:
    """32 bits that differ where records differ; the same on every host and in every version."""
    text = "\n".join((member.host, member.key, member.address, str(member.incarnation)))
    return int.from_bytes(
        blake2b(f"{text}\n{member.state}".encode(), digest_size=4).digest(), "big"
    )


@dataclass(frozen=True, slots=True)
class News:
    """A record as it is passed on.

    Attributes:
        member: the record.
        by: who suspects; empty unless that is the state.
        age: seconds since the host is gone; 0 unless it is.
    """

    member: Member
    by: str = ""
    age: float = 0.0

    def tell(self) -> list[Any]:
        """As plain data, for a message."""
        member = self.member
        told = [member.host, member.key, member.address, member.incarnation, member.state.value]
        return [*told, self.by, int(self.age)]

    @classmethod
    def hear(cls, told: Any) -> News:
        """Read what `tell` made; what a newer version adds at the end is left out.

        Raises:
            ValueError: it is something else.
        """
        match told:
            case [
                str(host),
                str(key),
                str(address),
                int(incarnation),
                str(state),
                str(by),
                age,
                *_,
            ]:
                if host and incarnation >= 0 and isinstance(age, int) and age >= 0:
                    return cls(Member(host, key, address, incarnation, State(state)), by, age)
        raise ValueError(f"no news of a host: {told!r:.200}")
