"""One host's way through a deploy. Pure: what happened in, what to do next out.

::

    look ── is as wanted ─────────────────────────────▶ unchanged
      │
    copy ── arm ── switch ── confirm ── keep ─────────▶ done
                    │ │         │         │
                    │ └─────────┴▶ back ──┼───────────▶ rolled back
                    │               │     │
                    │               └─▶ await ────────▶ rolled back (by itself), or lost
                    └▶ disarm ────────────────────────▶ failed, or not begun

Before `switch` a timer is armed on the host that takes it back; only `keep`, after the host was
seen in the network again, ends it. What is switched to is tried: what the host starts with is what
it was until `keep`. So whatever becomes of this program, of the machine that it runs on, of the
network between, or of the host itself, the host goes back to where it was seen last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias


class Step(StrEnum):
    """What is done on a host next."""

    LOOK = "looking"
    COPY = "copying"
    ARM = "arming"
    SWITCH = "switching"
    CONFIRM = "confirming"
    KEEP = "keeping"
    DISARM = "disarming"
    BACK = "going back"
    AWAIT = "waiting for its timer"


class Outcome(StrEnum):
    """How it ended."""

    UNCHANGED = "unchanged"
    DONE = "done"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    LEFT = "left to its timer"
    LOST = "lost"
    UNKNOWN = "not known"
    NOT_BEGUN = "not begun"


GOOD = frozenset({Outcome.UNCHANGED, Outcome.DONE})
"""After these the next wave may begin."""
NONE_BEFORE: Final = "it has no generation before this one"


@dataclass(frozen=True)
class Seen:
    """A host's system, as the host says.

    Attributes:
        system: the store path that runs.
        profile: the store path that the system profile has, and the next start begins.
        generation: the profile's number.
        earlier: the store path of the generation before; empty where there is none.
        owner: who has armed its timer; empty where nobody has.
        token: the deploy that has.
        begun: whether a switch was begun since, whatever came of it.
        back: the last deploy after which it went back.
    """

    system: str
    profile: str
    generation: int
    earlier: str = ""
    owner: str = ""
    token: str = ""
    begun: bool = False
    back: str = ""


@dataclass(frozen=True)
class Looked:
    """A host was seen."""

    seen: Seen


@dataclass(frozen=True)
class Succeeded:
    """The step was done."""


@dataclass(frozen=True)
class Failed:
    """The step failed.

    Attributes:
        why: for people.
        changed: whether the host may be other than it was before the step.
    """

    why: str
    changed: bool = True


@dataclass(frozen=True)
class Stopped:
    """The user wants to stop, at the end of a step."""


@dataclass(frozen=True)
class Ended:
    """The user did not wait for the end of the step, and nothing more can be done."""


Event: TypeAlias = Looked | Succeeded | Failed | Stopped | Ended


@dataclass(frozen=True)
class Rollout:
    """Where a host is.

    Attributes:
        host: its name.
        me: who deploys.
        wanted: the store path that is to run; empty for the generation before, until it was seen.
        step: what is to be done now.
        before: how it was seen first.
        outcome: how it ended; None while it goes on.
        why: of the outcome, where it is not plain.
        ending: how it ends when its timer was ended and nothing was switched.
        told_to_keep: whether it may have made what it runs what it starts with.
    """

    host: str
    me: str
    wanted: str
    step: Step = Step.LOOK
    before: Seen | None = None
    outcome: Outcome | None = None
    why: str = ""
    ending: Outcome = Outcome.FAILED
    told_to_keep: bool = False


def after(rollout: Rollout, event: Event) -> Rollout:
    """Return where the host is after an event; an ended rollout stays as it is."""
    if rollout.outcome is not None:
        return rollout
    match event:
        case Looked(seen):
            return _awaited(rollout, seen) if rollout.step is Step.AWAIT else _seen(rollout, seen)
        case Succeeded():
            return _succeeded(rollout)
        case Failed(why, changed):
            return _failed(rollout, why, changed=changed)
        case Stopped():
            return _stopped(rollout)
        case Ended():
            return _ended(rollout)


def _seen(rollout: Rollout, seen: Seen) -> Rollout:
    wanted, has_it = rollout.wanted or seen.earlier, not rollout.wanted
    rollout = replace(rollout, wanted=wanted, before=seen)
    if not wanted:
        return _end(rollout, Outcome.FAILED, NONE_BEFORE)
    if seen.owner and seen.owner != rollout.me:
        return _end(rollout, Outcome.FAILED, f"{seen.owner} deploys to it at this moment")
    if seen.owner and seen.system == wanted:
        # Ours, cut short between the switch and the end: what is left is to see that it is well.
        return replace(rollout, step=Step.ARM)
    if seen.system == seen.profile == wanted:
        return _end(rollout, Outcome.UNCHANGED)
    return replace(rollout, step=Step.ARM if has_it else Step.COPY)


def _succeeded(rollout: Rollout) -> Rollout:
    match rollout.step:
        case Step.COPY:
            return replace(rollout, step=Step.ARM)
        case Step.ARM:
            return replace(rollout, step=Step.CONFIRM if _is_there(rollout) else Step.SWITCH)
        case Step.SWITCH:
            return replace(rollout, step=Step.CONFIRM)
        case Step.CONFIRM:
            return replace(rollout, step=Step.KEEP)
        case Step.KEEP:
            return _end(rollout, Outcome.DONE)
        case Step.DISARM:
            return _end(rollout, rollout.ending, rollout.why)
        case Step.BACK:
            return _end(rollout, Outcome.ROLLED_BACK, rollout.why)
        case _:
            raise ValueError(f"{rollout.step} ends with what was seen")


def _failed(rollout: Rollout, why: str, *, changed: bool) -> Rollout:
    match rollout.step:
        case Step.LOOK | Step.COPY | Step.ARM:
            return _end(rollout, Outcome.FAILED, why)
        case Step.SWITCH if not changed:
            return replace(rollout, step=Step.DISARM, why=why, ending=Outcome.FAILED)
        case Step.SWITCH | Step.CONFIRM:
            return replace(rollout, step=Step.BACK, why=why)
        case Step.KEEP | Step.DISARM | Step.BACK:
            kept = rollout.step is Step.KEEP
            return replace(rollout, step=Step.AWAIT, why=rollout.why or why, told_to_keep=kept)
        case Step.AWAIT:
            return _end(rollout, Outcome.LOST, f"{rollout.why}; then {why}")


def _awaited(rollout: Rollout, seen: Seen) -> Rollout:
    """A host that was out of reach, or whose timer went off, is seen again."""
    if seen.owner == rollout.me:
        return rollout
    if seen.system == seen.profile == rollout.wanted:
        # It was kept, and what it answered was lost.
        return _end(rollout, Outcome.DONE)
    if rollout.before is not None and seen.system == seen.profile == rollout.before.profile:
        return _end(rollout, Outcome.ROLLED_BACK, f"{rollout.why}; it went back by itself")
    return _end(rollout, Outcome.LOST, f"{rollout.why}; now it runs {seen.system}")


def _stopped(rollout: Rollout) -> Rollout:
    match rollout.step:
        case Step.ARM if _is_there(rollout):
            # By a deploy of before, whose timer runs.
            return _left(rollout)
        case Step.LOOK | Step.COPY | Step.ARM:
            return _end(rollout, Outcome.NOT_BEGUN, "stopped before anything was changed")
        case Step.SWITCH:
            return replace(
                rollout,
                step=Step.DISARM,
                why="stopped before anything was changed",
                ending=Outcome.NOT_BEGUN,
            )
        case Step.CONFIRM | Step.AWAIT:
            return _left(rollout)
        case Step.KEEP | Step.DISARM | Step.BACK:
            # Short, and without it the host would be left between two systems.
            return rollout


def _ended(rollout: Rollout) -> Rollout:
    match rollout.step:
        case Step.KEEP:
            return _left(replace(rollout, told_to_keep=True))
        case Step.DISARM:
            return _end(rollout, rollout.ending, rollout.why)
        case Step.SWITCH | Step.BACK:
            # It may have been begun; its timer does the rest.
            return _left(rollout)
        case _:
            return _stopped(rollout)


def _left(rollout: Rollout) -> Rollout:
    if rollout.told_to_keep:
        return _end(rollout, Outcome.UNKNOWN, "stopped before it was seen what it starts with")
    return _end(rollout, Outcome.LEFT, "stopped before it was seen to be well")


def _is_there(rollout: Rollout) -> bool:
    seen = rollout.before
    return seen is not None and bool(seen.owner) and seen.system == rollout.wanted


def _end(rollout: Rollout, outcome: Outcome, why: str = "") -> Rollout:
    return replace(rollout, outcome=outcome, why=why)
