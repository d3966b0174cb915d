"""Moving a computation from a source host to a target host: at most one place ever runs it.

The source's side (`departure.Departure`):

    ABSENT      it does not run here, and did not leave from here
    RUNNING     -- Depart: Write(Attempted), under an epoch never used before --> ATTEMPTING
    ATTEMPTING  -- Written: Offer --> OFFERING
    OFFERING    -- Accepted: Freeze --> FREEZING
    FREEZING    -- Frozen: Install --> INSTALLING
    INSTALLING  -- Installed: Write(Committed) --> COMMITTING
    COMMITTING  -- Written: LeaveStub, Activate --> ACTIVATING        the point of no return
    ACTIVATING  -- Activated: Write(Left) --> LEFT

    Up to COMMITTING a refusal, a failure, a time-out or the loss of the target leads back to
    RUNNING: it goes on at the old place and the target is told to discard. After it the source only
    repeats Activate, for ever, and as soon as it meets the target again.
    The offer comes before the freeze, so that a refusal costs no pause.

The target's side (`arrival.Arrival`):

    ABSENT      -- Offer: Accepted or Refused, nothing is kept; Install: Fetch --> FETCHING
    FETCHING    -- Fetched: Write(Stored) --> STORING
    STORING     -- Written: Installed --> INERT
    INERT       -- Activate: Write(Active) --> ACTIVATING; time: InDoubt, with back-off;
                   HostMet: InDoubt
    ACTIVATING  -- Written: Run, Activated --> ACTIVE
    FETCHING, STORING, INERT -- Discard, or an Install of a newer epoch --> ABSENT

    An inert snapshot runs only when the source says so: a source that is lost leaves it inert,
    and the target asking.

InDoubt is answered Activate when exactly that epoch was committed to the asker, not at all while
it is being decided or the source has lost its records, and Discard otherwise. Every durable step
waits for its Written; after a kill both sides begin again from their records alone
(`records.Standing`), with Boot.
"""

from dataclasses import dataclass

from simulacra.actors.compute.moves import Software


@dataclass(frozen=True)
class Patience:
    """How long the two sides wait, in seconds.

    Attributes:
        offer: for the target to accept.
        freeze: for the next safe point.
        install: for the snapshot to be on the target's disk, beyond what its size takes.
        slowest: the bandwidth in bytes a second that the size is reckoned with.
        repeat: before a message is sent again; doubled each time in ACTIVATING and INERT.
        repeat_limit: the longest such time.
    """

    offer: float = 5.0
    freeze: float = 60.0
    install: float = 30.0
    slowest: float = 1e6
    repeat: float = 1.0
    repeat_limit: float = 60.0


def why_not(source: Software, target: Software, *, plain: bool | None) -> str | None:
    """Why a computation cannot move between two hosts' software, or None when it can.

    Args:
        source: where it runs.
        target: where it would run.
        plain: whether its state is plain data, which every Python reads; None: not known yet.
    """
    if plain is not False or source == target:
        return None
    return (
        f"its state is pickled by Python {source.python} on {source.machine} and the target runs "
        f"Python {target.python} on {target.machine}; keep only plain data in the state (numbers, "
        "text, bytes, lists, dicts), or choose a host with the same Python"
    )


class Repeating:
    """When a message is to be sent again.

    Attributes:
        due: the time in seconds, or None for not at all.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pause = patience.repeat
        self.due: float | None = None

    def begin(self, now: float) -> None:
        """It was sent for the first time."""
        self._pause = self._patience.repeat
        self.due = now + self._pause

    def again(self, now: float, *, doubling: bool) -> None:
        """It was sent again; the next pause may be twice as long."""
        if doubling:
            self._pause = min(self._pause * 2, self._patience.repeat_limit)
        self.due = now + self._pause

    def stop(self) -> None:
        """It need not be sent any more."""
        self.due = None
