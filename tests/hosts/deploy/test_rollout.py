"""One host's way through a deploy: which step follows what, whatever happens."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulacra.hosts.deploy.rollout import (
    Ended,
    Event,
    Failed,
    Looked,
    Outcome,
    Rollout,
    Seen,
    Step,
    Stopped,
    Succeeded,
    after,
)

OLD, NEW, OTHER = "/nix/store/1-old", "/nix/store/2-new", "/nix/store/3-other"
BEFORE = Seen(system=OLD, profile=OLD, generation=7, earlier=OTHER)
FRESH = Rollout("nas", me="me@desk", wanted=NEW)


def gone(rollout: Rollout, *events: Event) -> Rollout:
    for event in events:
        rollout = after(rollout, event)
    return rollout


def at(step: Step) -> Rollout:
    """A rollout that has come to a step the plain way."""
    rollout = gone(FRESH, Looked(BEFORE))
    while rollout.step is not step:
        rollout = after(rollout, Succeeded())
    return rollout


def test_a_host_that_does_well_goes_through_all_steps() -> None:
    rollout, steps = FRESH, []
    while rollout.outcome is None:
        steps.append(rollout.step)
        event: Event = Looked(BEFORE) if rollout.step is Step.LOOK else Succeeded()
        rollout = after(rollout, event)
    assert steps == [Step.LOOK, Step.COPY, Step.ARM, Step.SWITCH, Step.CONFIRM, Step.KEEP]
    assert (rollout.outcome, rollout.why) == (Outcome.DONE, "")


def test_a_host_that_is_as_wanted_is_left_alone() -> None:
    seen = replace(BEFORE, system=NEW, profile=NEW)
    assert gone(FRESH, Looked(seen)).outcome is Outcome.UNCHANGED


def test_one_that_runs_it_only_until_its_next_start_is_not() -> None:
    assert gone(FRESH, Looked(replace(BEFORE, system=NEW))).step is Step.COPY


def test_a_host_left_armed_by_a_deploy_of_ours_is_taken_up_where_it_is() -> None:
    for profile in (OLD, NEW):
        half = replace(BEFORE, system=NEW, profile=profile, owner="me@desk")
        rollout = gone(FRESH, Looked(half))
        assert rollout.step is Step.ARM
        assert after(rollout, Succeeded()).step is Step.CONFIRM


def test_a_host_that_somebody_else_deploys_to_is_left_alone() -> None:
    rollout = gone(FRESH, Looked(replace(BEFORE, owner="you@laptop")))
    assert rollout.outcome is Outcome.FAILED
    assert "you@laptop deploys to it" in rollout.why


def test_going_back_is_to_the_generation_before() -> None:
    back = replace(FRESH, wanted="")
    looked = gone(back, Looked(BEFORE))
    assert (looked.wanted, looked.step) == (OTHER, Step.ARM)
    assert gone(back, Looked(replace(BEFORE, earlier=""))).outcome is Outcome.FAILED


def test_a_switch_that_changed_nothing_has_only_its_timer_ended() -> None:
    rollout = gone(at(Step.SWITCH), Failed("it does not evaluate", changed=False))
    assert rollout.step is Step.DISARM
    ended = after(rollout, Succeeded())
    assert (ended.outcome, ended.why) == (Outcome.FAILED, "it does not evaluate")


def test_a_host_that_is_not_well_goes_back_at_once() -> None:
    rollout = gone(at(Step.CONFIRM), Failed("nas is down"))
    assert rollout.step is Step.BACK
    ended = after(rollout, Succeeded())
    assert (ended.outcome, ended.why) == (Outcome.ROLLED_BACK, "nas is down")


def test_one_that_is_out_of_reach_is_waited_for_until_its_timer_took_it_back() -> None:
    rollout = gone(at(Step.CONFIRM), Failed("nas is down"), Failed("not reached"))
    assert rollout.step is Step.AWAIT
    still = replace(BEFORE, system=NEW, profile=NEW, owner="me@desk")
    assert after(rollout, Looked(still)).outcome is None
    ended = after(rollout, Looked(BEFORE))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert ended.why == "nas is down; it went back by itself"


def test_one_that_never_comes_back_is_lost() -> None:
    rollout = gone(at(Step.CONFIRM), Failed("nas is down"), Failed("a"), Failed("not reached"))
    assert (rollout.outcome, rollout.why) == (Outcome.LOST, "nas is down; then not reached")


def test_a_keeping_whose_answer_was_lost_may_have_been_one() -> None:
    rollout = gone(at(Step.KEEP), Failed("the connection broke"))
    assert rollout.step is Step.AWAIT
    assert after(rollout, Looked(replace(BEFORE, system=NEW, profile=NEW))).outcome is Outcome.DONE


def test_stopping_leaves_what_is_half_done_to_its_timer() -> None:
    for step in (Step.COPY, Step.ARM):
        assert after(at(step), Stopped()).outcome is Outcome.NOT_BEGUN
    assert after(at(Step.CONFIRM), Stopped()).outcome is Outcome.LEFT
    armed = after(at(Step.SWITCH), Stopped())
    assert armed.step is Step.DISARM
    assert after(armed, Succeeded()).outcome is Outcome.NOT_BEGUN
    assert after(at(Step.KEEP), Stopped()) == at(Step.KEEP)


def test_stopping_before_a_host_is_taken_up_again_leaves_it_to_its_timer() -> None:
    half = gone(FRESH, Looked(replace(BEFORE, system=NEW, owner="me@desk")))
    for ended in (after(half, Stopped()), after(half, Ended())):
        assert ended.outcome is Outcome.LEFT
        assert ended.why == "stopped before it was seen to be well"


def test_whoever_does_not_wait_for_the_end_of_a_step_is_told_what_is_known() -> None:
    for step in (Step.COPY, Step.ARM):
        assert after(at(step), Ended()).outcome is Outcome.NOT_BEGUN
    back = after(at(Step.CONFIRM), Failed("nas is down"))
    for rollout in (at(Step.SWITCH), at(Step.CONFIRM), back, after(back, Failed("not reached"))):
        assert after(rollout, Ended()).outcome is Outcome.LEFT
    disarming = after(at(Step.SWITCH), Failed("it does not evaluate", changed=False))
    assert after(disarming, Ended()).outcome is Outcome.FAILED


def test_whether_it_was_kept_is_not_known_where_nobody_waited_for_it() -> None:
    keeping = at(Step.KEEP)
    broken = after(keeping, Failed("the connection broke"))
    for ended in (after(keeping, Ended()), after(broken, Ended()), after(broken, Stopped())):
        assert ended.outcome is Outcome.UNKNOWN
        assert ended.why == "stopped before it was seen what it starts with"


SEEN = st.builds(
    Seen,
    system=st.sampled_from([OLD, NEW, OTHER]),
    profile=st.sampled_from([OLD, NEW, OTHER]),
    generation=st.integers(1, 9),
    earlier=st.sampled_from(["", OTHER]),
    owner=st.sampled_from(["", "me@desk", "you@laptop"]),
)
RESULT = st.sampled_from([Succeeded(), Failed("x"), Failed("x", changed=False), Stopped(), Ended()])


@given(st.lists(st.tuples(SEEN, RESULT), min_size=15, max_size=15), st.sampled_from(["", NEW]))
def test_whatever_happens_nothing_is_switched_unarmed_and_every_way_ends(
    happenings: list[tuple[Seen, Event]], wanted: str
) -> None:
    rollout, armed, switched = replace(FRESH, wanted=wanted), False, False
    for seen, result in happenings:
        if rollout.outcome is not None:
            break
        step = rollout.step
        looks = step in {Step.LOOK, Step.AWAIT} and result == Succeeded()
        event = Looked(seen) if looks else result
        armed = armed or (step is Step.ARM and event == Succeeded())
        if step is Step.SWITCH:
            assert armed
            switched = switched or not isinstance(event, Stopped)
        rollout = after(rollout, event)
        if rollout.outcome is Outcome.DONE:
            # Only who was seen as wanted, or well, is done.
            assert step is Step.KEEP or (looks and seen.system == seen.profile)
        if rollout.outcome in {Outcome.NOT_BEGUN, Outcome.UNCHANGED}:
            assert not switched
    assert rollout.outcome is not None or rollout.step in {
        Step.AWAIT,
        Step.KEEP,
        Step.DISARM,
        Step.BACK,
    }
    assert after(rollout, Stopped()) == rollout or rollout.outcome is None
    # Whoever does not wait is never kept waiting.
    assert after(rollout, Ended()).outcome is not None
