"""The decisions of a supervisor, as pure functions: what happens when a child ends, and how often.

These are the rules of OTP's supervisor:

- a *permanent* child is restarted whatever its reason, a *transient* one unless the reason is
  ``normal`` or ``shutdown``, a *temporary* one never;
- before each attempt to restart, failed ones included, the attempt is counted; more than
  ``intensity`` of them within ``period`` seconds, both ends included, end the supervisor;
- the strategy says who is ended with the child (in reverse order of starting) and who is then
  started (in order): temporary siblings are ended and forgotten, undefined ones are started;
- a *significant* child that ends by itself and is not restarted ends the supervisor, at once or
  when it was the last such child, as ``auto_shutdown`` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulacra.actors.runtime.children import Child
from simulacra.actors.runtime.childspec import Backoff, ChildSpec, Flags
from simulacra.actors.runtime.reason import ExitReason


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """The restarts that still count, oldest first, as (monotonic seconds, reason)."""

    restarts: tuple[tuple[float, ExitReason], ...] = ()

    def count(self, now: float, reason: ExitReason, period: float) -> RestartWindow:
        """Count a restart, and forget those older than ``period`` seconds."""
        recent = tuple(entry for entry in self.restarts if entry[0] >= now - period)
        return RestartWindow((*recent, (now, reason)))

    def exceeds(self, intensity: int) -> bool:
        """Whether these are too many restarts."""
        return len(self.restarts) > intensity

    @property
    def first_reason(self) -> ExitReason:
        """Why the oldest of these restarts was needed: the likely cause of the others."""
        return self.restarts[0][1]


@dataclass(frozen=True, slots=True)
class Plan:
    """A restart: the children to end, in this order, then the children to start, in this order."""

    end: tuple[Child, ...]
    start: tuple[Child, ...]


def is_restarted(spec: ChildSpec, reason: ExitReason) -> bool:
    """Whether a child that ended by itself is restarted."""
    if spec.restart == "transient":
        return not reason.is_normal
    return spec.restart == "permanent"


def plan_restart(flags: Flags, children: Iterable[Child], failed: Child) -> Plan:
    """Who is ended and who is started because ``failed`` is to be restarted.

    Args:
        flags: the supervisor's.
        children: all, in the order of starting.
        failed: the child that ended, or did not start.
    """
    concerned = _concerned(flags, children, failed)
    return Plan(
        tuple(child for child in reversed(concerned) if child.state == "running"),
        tuple(child for child in concerned if not child.is_temporary),
    )


def _concerned(flags: Flags, children: Iterable[Child], failed: Child) -> list[Child]:
    if flags.strategy == "one_for_all":
        return list(children)
    if flags.strategy == "rest_for_one":
        in_order = list(children)
        return in_order[in_order.index(failed) :]
    return [failed]


def shuts_down(flags: Flags, ended: ChildSpec, left: Iterable[Child]) -> bool:
    """Whether the supervisor ends because a child ended by itself and is not restarted.

    Args:
        flags: the supervisor's.
        ended: the spec of that child.
        left: the children after it.
    """
    if not ended.significant or flags.auto_shutdown == "never":
        return False
    if flags.auto_shutdown == "any_significant":
        return True
    return not any(child.spec.significant and child.state != "undefined" for child in left)


def failures_in_a_row(backoff: Backoff, failures: int, lived: float) -> int:
    """How many failures in a row it is now, after a life of ``lived`` seconds (0: no start)."""
    return 1 if lived > backoff.maximum else failures + 1


def delay_before(backoff: Backoff, failures: int) -> float:
    """Seconds to wait before the restart after that many failures in a row, at least one."""
    try:
        grown = backoff.initial * backoff.factor ** (failures - 1)
    except OverflowError:
        return backoff.maximum
    return min(backoff.maximum, grown)
