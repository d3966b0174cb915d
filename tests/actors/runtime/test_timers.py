from __future__ import annotations

import logging
import math
import queue
import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.mailbox import Overflow
from simulacra.actors.runtime.timers import TimerWheel
from tests.support import (
    DEADLINE,
    Gate,
    Scripted,
    busy,
    eventually,
    no_thread,
    nothing_left_behind,
    seen,
)


@pytest.fixture
def wheel() -> Iterator[TimerWheel]:
    wheel = TimerWheel("test")
    with nothing_left_behind():
        yield wheel
        wheel.close()


def test_timers_fire_in_the_order_of_their_times_and_not_early(wheel: TimerWheel) -> None:
    fired: queue.Queue[tuple[str, float]] = queue.Queue()

    def fire(name: str) -> None:
        fired.put((name, time.monotonic()))

    with wheel._changed:  # none fires before all are started, however slow this thread is
        delays = {"late": 0.03, "early": 0.01, "middle": 0.02}
        names = {wheel.start(delay, partial(fire, name)): name for name, delay in delays.items()}
        due = {names[timer]: when for when, _, timer in wheel._heap}
    got = [fired.get(timeout=DEADLINE) for _ in range(3)]
    assert [name for name, _ in got] == sorted(due, key=lambda name: due[name])
    assert all(when >= due[name] for name, when in got)


def test_a_periodic_timer_fires_until_it_is_cancelled(wheel: TimerWheel) -> None:
    fired: queue.Queue[None] = queue.Queue()
    timer = wheel.start(0, lambda: fired.put(None), period=0.001)
    for _ in range(3):
        fired.get(timeout=DEADLINE)
    timer.cancel()
    eventually(lambda: not wheel._heap)


def test_a_cancelled_timer_does_not_fire(wheel: TimerWheel) -> None:
    fired: queue.Queue[str] = queue.Queue()
    wheel.start(0.01, lambda: fired.put("cancelled")).cancel()
    wheel.start(0.02, lambda: fired.put("other"))
    assert fired.get(timeout=DEADLINE) == "other"


def test_many_cancelled_timers_do_not_pile_up(wheel: TimerWheel) -> None:
    kept = [wheel.start(3600, lambda: None) for _ in range(10)]
    for _ in range(10_000):
        wheel.start(3600, lambda: None).cancel()
    assert len(wheel._heap) < 200
    assert {timer for _, _, timer in wheel._heap if not timer.cancelled} == set(kept)


def test_cancelling_twice_counts_once(wheel: TimerWheel) -> None:
    timer = wheel.start(3600, lambda: None)
    timer.cancel()
    timer.cancel()
    assert wheel._cancelled == 1


def test_a_failing_action_does_not_stop_the_others(
    wheel: TimerWheel, caplog: pytest.LogCaptureFixture
) -> None:
    fired = threading.Event()
    with caplog.at_level(logging.ERROR):
        wheel.start(0, lambda: 1 / 0)
        wheel.start(0.001, fired.set)
        assert fired.wait(DEADLINE)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("delay", "period"), [(-1, None), (1, 0), (1, -1), (math.nan, None), (1, math.nan)]
)
def test_times_that_make_no_sense_are_refused(
    wheel: TimerWheel, delay: float, period: float | None
) -> None:
    with pytest.raises(ValueError, match="delay >= 0 and period > 0"):
        wheel.start(delay, lambda: None, period)


@pytest.mark.parametrize("delay", [1e12, math.inf])
def test_a_timer_for_the_end_of_time_does_not_stop_the_others(
    wheel: TimerWheel, delay: float
) -> None:
    far = wheel.start(delay, lambda: None)
    looked, fired = threading.Event(), threading.Event()
    wheel.start(0, looked.set)
    assert looked.wait(DEADLINE)  # from now on the far one is what the thread waits for
    wheel.start(0.01, fired.set)
    assert fired.wait(DEADLINE)
    assert [timer for _, _, timer in wheel._heap] == [far]


def test_a_wheel_that_gets_no_thread_says_so_and_tries_again(wheel: TimerWheel) -> None:
    with no_thread("timers@"), pytest.raises(RuntimeError, match="can't start new thread"):
        wheel.start(0, lambda: None)
    fired = threading.Event()
    wheel.start(0, fired.set)
    assert fired.wait(DEADLINE)


def test_a_closed_wheel_forgets_its_timers_and_takes_no_more(wheel: TimerWheel) -> None:
    fired: list[int] = []
    wheel.start(0.01, lambda: fired.append(1))
    wheel.close()
    assert wheel.start(0, lambda: fired.append(2)).cancelled
    wheel.close()
    assert not wheel._heap
    assert fired == []


# -- timers of actors


def test_an_actor_sends_itself_a_message_after_a_while(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.tell(lambda actor: actor.send_after(0.005, "tick"))
    eventually(lambda: seen(ref) == ["tick"])


def test_an_actor_sends_itself_a_message_every_so_often(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    timer = ref.ask(lambda actor: actor.send_every(0.001, "tick"))
    eventually(lambda: len(seen(ref)) >= 3)
    timer.cancel()


def test_timers_end_with_their_actor(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    once = ref.ask(lambda actor: actor.send_after(3600, "tick"))
    often = ref.ask(lambda actor: actor.send_every(0.001, "tick"))
    ref.stop()
    assert once.cancelled
    assert often.cancelled
    assert system.dead_letters.count == sum(
        letter.text == "'tick'" for letter in system.dead_letters.newest()
    )


def test_a_killed_actor_that_goes_on_gets_no_timers(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    gate = Gate()
    timers: list[bool] = []

    def start_late(actor: Scripted) -> None:
        gate()
        timers.append(actor.send_after(3600, "tick").cancelled)

    ref.tell(start_late)
    gate.wait_entered()
    ref.kill()
    gate.open()
    eventually(lambda: timers == [True])


def test_a_timer_that_fired_or_was_cancelled_is_forgotten(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    fired = weakref.ref(ref.ask(lambda actor: actor.send_after(0, "tick")))
    eventually(lambda: seen(ref) == ["tick"])
    eventually(lambda: fired() is None)


@pytest.mark.parametrize("overflow", [Overflow.BLOCK, Overflow.REFUSE])
def test_a_timer_for_a_full_mailbox_is_a_dead_letter_and_holds_nobody_up(
    system: ActorSystem, overflow: Overflow
) -> None:
    ref = system.spawn(Scripted, bound=1, overflow=overflow)
    cell = system.actors()[0]
    with busy(ref):
        ref.tell("full")
        cell.start_timer(0.0, "tick", None)  # as `send_after` does, whose thread is busy
        eventually(lambda: system.dead_letters.count == 1)
        mailbox = cell.mailbox
    eventually(mailbox.empty)
    assert seen(ref) == ["full"]


def test_a_timer_makes_room_where_the_policy_says_so(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1, overflow=Overflow.DROP_OLDEST)
    cell = system.actors()[0]
    with busy(ref):
        ref.tell("full")
        cell.start_timer(0.0, "tick", None)
        mailbox = cell.mailbox
        eventually(lambda: mailbox.stats().dropped == 1)
    eventually(mailbox.empty)
    assert seen(ref) == ["tick"]
