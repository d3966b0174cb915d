"""When a running computation is to move: only for a gain that is large, lasting, and not undone.

Rules:
    - A *window* is one look at the costs, with measurements of its own (every few seconds).
    - A move is proposed when the same host was better in three windows one after another, each
      time by more than 20% of what staying costs and more than twice the cost of moving.
    - After a move it rests 60 s, whatever the costs say; a move back to a host that it left
      within a day doubles the rest (up to an hour), a move to another halves it again:
      measurements that swing make it move ever less, to and fro as well as round and round.
"""

from dataclasses import dataclass

from simulacra.actors.compute.placement import Alternative, Needs, Network, explain

WINDOWS = 3
LEAST_GAIN = 0.2
MOVES_REPAID = 2.0
REST_SECONDS = 60.0
REST_LIMIT_SECONDS = 3600.0
REVERSAL_SECONDS = 86400.0


@dataclass(frozen=True)
class Proposal:
    """A move that is worth it.

    Attributes:
        target: where to.
        gain: seconds saved, the move itself paid for.
    """

    target: str
    gain: float


def gain(stay: Alternative, go: Alternative) -> float:
    """The seconds that a move saves, or 0.0 when they are too few to move for."""
    saved = stay.cost.total - go.cost.total
    least = max(LEAST_GAIN * stay.cost.total, MOVES_REPAID * go.cost.moving)
    return saved if saved > least else 0.0


class Rebalance:
    """The memory of one computation's windows and moves."""

    def __init__(self) -> None:
        self._better: str | None = None
        self._windows = 0
        self._rest = REST_SECONDS
        self._rest_until = 0.0
        self._left: dict[str, float] = {}

    def propose_move(self, needs: Needs, network: Network, now: float) -> Proposal | None:
        """Take one window.

        Args:
            needs: what the computation has still to do, and where it is.
            network: the hosts that are up, and the routes, as measured in this window.
            now: the time in seconds.

        Returns:
            The move that is worth it, or None.
        """
        proposal = self._better_place(needs, network)
        target = proposal.target if proposal else None
        self._windows = self._windows + 1 if target == self._better else 1
        self._better = target
        if proposal is None or self._windows < WINDOWS or now < self._rest_until:
            return None
        return proposal

    def moved(self, source: str, target: str, now: float) -> None:
        """It has moved: rest, and longer when it was there not long ago."""
        reversal = target in self._left and now - self._left[target] < REVERSAL_SECONDS
        rest = self._rest * 2 if reversal else self._rest / 2
        self._rest = min(max(rest, REST_SECONDS), REST_LIMIT_SECONDS)
        self._left[source] = now
        self._begin_rest(now)

    def failed(self, now: float) -> None:
        """The move that was proposed came to nothing: rest as after one that did."""
        self._begin_rest(now)

    def _begin_rest(self, now: float) -> None:
        self._rest_until = now + self._rest
        self._better, self._windows = None, 0

    def _better_place(self, needs: Needs, network: Network) -> Proposal | None:
        alternatives = explain(needs, network)
        stay = next((each for each in alternatives if each.host == needs.at), None)
        best = next((each for each in alternatives if each.best), None)
        if stay is None or best is None or best.host == stay.host:
            return None
        saved = gain(stay, best)
        return Proposal(best.host, saved) if saved > 0 else None
