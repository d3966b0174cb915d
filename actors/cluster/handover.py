"""A planned refocus, seen from the master that hands over.

1. PREPARE: the target answers a beat sent since, and gets copies of the journal until it is nearly
caught up.
2. FREEZE: requests are parked. 3. The tail goes out; the target says that it has it on disk.
4. COMMIT: the HANDOFF entry and the next epoch go on this host's disk together: the point of no
return.
5. GRANT goes to the target, again and again, until it is heard as master or is lost. 6. The parked
are redirected, and clients try again with the same ids, which the target knows from the journal.

Before 4 a failure resumes the old master and refuses the refocus; after 4 the old one only grants.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.cluster.focus_timing import Timing

NEARLY = 50
"""Entries that the target may lack when requests are parked for the rest."""


@dataclass
class Handover:
    """A refocus under way.

    Attributes:
        target: the host that is to be master.
        request: the id of the request for it.
        why: for people.
        due: when the present phase must be over.
        number: of a beat sent since; the target must answer it or a later one.
        frozen: whether requests are parked.
    """

    target: str
    request: str
    why: str
    due: float
    number: int
    frozen: bool = False

    def ready(self, matched: int | None, number: int, end: int, now: float, timing: Timing) -> bool:
        """Freeze when the target is nearly caught up; whether it is so wholly, and all can commit.

        Args:
            matched: up to which sequence number the target is known to have the journal.
            number: of the last beat that it answered.
            end: the number of the last entry.
            now: the time.
            timing: for the next phase.
        """
        if matched is None or number < self.number:
            return False
        if not self.frozen and end - matched <= NEARLY:
            self.frozen = True
            self.due = now + timing.freeze
        return self.frozen and matched == end
