from __future__ import annotations

import pickle
import threading

import pykka
import pytest

from simulacra.actors.runtime import ActorDeadError, ActorSystem, AskTimeoutError, Ref
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.mailbox import Overflow
from tests.support import DEADLINE, Scripted, busy, end_of, nothing_left_behind, seen


def test_mail_of_one_sender_is_handled_in_order(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    for n in range(100):
        ref.tell(n)
    assert seen(ref) == list(range(100))


def test_an_ask_brings_back_what_was_returned(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    assert ref.ask("a") == "a"
    reply = ref.ask("b", block=False)
    assert isinstance(reply, Reply)
    assert reply.get(timeout=DEADLINE) == "b"


def test_an_ask_times_out_and_the_message_is_handled_all_the_same(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    with busy(ref), pytest.raises(AskTimeoutError, match=r"0\.01 s"):
        ref.ask("late", timeout=0.01)
    assert seen(ref) == ["late"]


def test_an_ask_of_a_full_mailbox_waits_no_longer_than_its_time_out(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1)
    with busy(ref):
        ref.tell(1)
        with pytest.raises(MailboxFullError, match=r"full for 0\.01 s"):
            ref.ask(2, timeout=0.01)


def test_an_ask_that_is_refused_raises_where_it_waits(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1, overflow=Overflow.REFUSE)
    with busy(ref):
        ref.tell(1)
        reply = ref.ask(2, block=False)
        with pytest.raises(MailboxFullError):
            reply.get(timeout=0)
        with pytest.raises(MailboxFullError):
            ref.tell(3)


def test_an_actor_that_waits_for_its_own_answer_is_told(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, name="self")
    with pytest.raises(RuntimeError, match="its own answer"):
        ref.ask(lambda actor: actor.ref.ask("x"))
    again = system.spawn(Scripted, name="self")
    with pytest.raises(RuntimeError, match="its own answer"):
        again.ask(lambda actor: actor.system.ref("self").ask("x"))
    third = system.spawn(Scripted)
    with pytest.raises(RuntimeError, match="its own answer"):
        third.ask(lambda actor: actor.ref.stop())


def test_an_actor_may_ask_itself_for_later(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    reply = ref.ask(lambda actor: actor.ref.ask("later", block=False))
    assert reply.get(timeout=DEADLINE) == "later"


def test_stopping_says_whether_the_actor_was_alive(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    assert ref.stop() is True
    assert ref.stop() is False
    assert not ref.is_alive()


def test_stopping_without_waiting_gives_a_future_that_says_so(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    heard = threading.Event()
    future = ref.stop(block=False)
    future.on_answer(lambda _: heard.set())
    assert heard.wait(DEADLINE)
    assert future.is_set()
    assert future.get(timeout=0) is True
    assert ref.stop(block=False).get(timeout=0) is False


def test_stopping_a_busy_actor_times_out(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    with busy(ref), pytest.raises(AskTimeoutError):
        ref.stop(timeout=0.01)
    assert str(end_of(system, ref)) in {"normal", "noproc"}


def test_the_dead_answer_with_an_error_that_pykka_users_know(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.stop()
    with pytest.raises(pykka.ActorDeadError, match="dead: normal") as caught:
        ref.ask("x", timeout=None)
    assert isinstance(caught.value, ActorDeadError)
    assert str(caught.value.reason) == "normal"


def test_refs_compare_and_hash_by_the_actor_they_name(system: ActorSystem) -> None:
    one, other = system.spawn(Scripted), system.spawn(Scripted)
    same = system.ref(one.address)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "ref"
    assert {one: 1}[same] == 1
    assert one.node == "test"
    assert repr(one).startswith(f"<{one.address[2]}@test/")
    assert repr(system.ref("name")) == "<name@test>"


def test_refs_of_two_lives_of_one_node_differ() -> None:
    with ActorSystem("same") as first, ActorSystem("same") as second:
        one, other = first.spawn(Scripted), second.spawn(Scripted)
        assert one.address[2] == other.address[2]
        assert one != other
        stale = second.ref(one.address)
        assert not stale.is_alive()
        with pytest.raises(ActorDeadError, match="noproc"):
            stale.ask("x")


# -- pickling


def test_a_pickled_ref_comes_back_where_one_node_lives(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    back: Ref = pickle.loads(pickle.dumps(ref))
    assert back == ref
    assert back.ask("x") == "x"


def test_a_pickled_ref_comes_back_in_the_node_of_the_actor_that_loads_it(
    system: ActorSystem,
) -> None:
    other = ActorSystem("other")
    ref, loader = system.spawn(Scripted), system.spawn(Scripted)
    with nothing_left_behind(other), other:
        guest = other.spawn(Scripted)
        data = pickle.dumps(ref)
        with pytest.raises(RuntimeError, match="2 actor systems"):
            pickle.loads(data)
        assert loader.ask(lambda _: pickle.loads(data).ask("x")) == "x"
        elsewhere: Ref = guest.ask(lambda _: pickle.loads(data))
        assert elsewhere == ref
        assert not elsewhere.is_alive()  # nothing carries mail from one to the other
    assert pickle.loads(data) == ref  # a stopped system is no longer in question


def test_a_pickled_ref_to_an_actor_that_ended_is_dead(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    data = pickle.dumps(ref)
    ref.stop()
    assert not pickle.loads(data).is_alive()
