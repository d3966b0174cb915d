"""How long the focus waits for what, and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds, and bounds.

    Attributes:
        beat: between two beats of the master.
        suspect: without a beat until a successor looks around.
        window: for answers to a canvass.
        patience: for each place in line, until the next one acts.
        act_by: after the last beat, whoever is left acts.
        lease: a master whose own time jumped by more must hear from another before it acts.
        settle: after its start a host waits so long for a master, unless it is new and alone.
        copy_wait: for a follower's copy, before the answer says "one copy".
        retry: between two tries of a request.
        prepare: for the target of a refocus to be nearly caught up.
        freeze: for the tail of it.
        gather: for the records of others, after taking over.
        grant: between two grants.
        successors: how many hosts get every beat, and new entries of the journal at once.
        others: beats a second to all the others, in turn, who get the entries then.
        parked: requests that wait at a master; more are dropped, and come again.
        asked: requests that a host may have open.
    """

    beat: float = 1.0
    suspect: float = 3.0
    window: float = 0.5
    patience: float = 1.0
    act_by: float = 8.0
    lease: float = 2.0
    settle: float = 3.0
    copy_wait: float = 2.0
    retry: float = 0.5
    prepare: float = 5.0
    freeze: float = 1.0
    gather: float = 1.0
    grant: float = 0.25
    successors: int = 3
    others: int = 10
    parked: int = 1024
    asked: int = 1024
