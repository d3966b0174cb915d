from __future__ import annotations

import copy
import pickle

import pytest

from simulacra.actors.runtime import Actor, ActorSystem, AskTimeoutError
from simulacra.actors.runtime.futures import Reply
from tests.support import DEADLINE, Gate, end_of


class Account(Actor):
    def __init__(self, balance: int) -> None:
        self.balance = balance

    def pay(self, amount: int, *, twice: bool = False) -> int:
        self.balance += 2 * amount if twice else amount
        return self.balance

    def hold(self, gate: Gate) -> None:
        gate()


def test_methods_are_called_in_the_actor(system: ActorSystem) -> None:
    account = system.spawn(Account, 10).proxy()
    future = account.pay(5, twice=True)
    assert isinstance(future, Reply)
    assert future.get(timeout=DEADLINE) == 20


def test_attributes_are_read_and_set(system: ActorSystem) -> None:
    account = system.spawn(Account, 10).proxy()
    account.balance = 3
    assert account.balance.get() == 3


def test_deferred_calls_keep_their_order(system: ActorSystem) -> None:
    account = system.spawn(Account, 0).proxy()
    account.pay.defer(1)
    account.pay.defer(2)
    assert account.balance.get() == 3


def test_reading_an_attribute_of_a_busy_actor_times_out(system: ActorSystem) -> None:
    account = system.spawn(Account, 0).proxy()
    gate = Gate()
    account.hold.defer(gate)
    with pytest.raises(AskTimeoutError):
        account.balance.get(timeout=0.01)
    gate.open()


def test_private_names_are_out_of_reach(system: ActorSystem) -> None:
    account = system.spawn(Account, 0).proxy()
    with pytest.raises(AttributeError, match="private to the actor"):
        _ = account._cell
    with pytest.raises(AttributeError, match="private to the actor"):
        account._cell = None


def test_a_method_that_is_not_there_ends_the_actor_as_any_error(system: ActorSystem) -> None:
    ref = system.spawn(Account, 0)
    with pytest.raises(AttributeError, match="spend"):
        ref.proxy().spend(1).get(timeout=DEADLINE)
    assert not ref.is_alive()


def test_a_deferred_call_that_fails_ends_the_actor(system: ActorSystem) -> None:
    ref = system.spawn(Account, 0)
    ended = system.watch(ref)
    ref.proxy().pay.defer("much")
    assert "TypeError" in str(ended.get(timeout=DEADLINE))
    assert end_of(system, ref).kind == "noproc"


def test_proxies_are_as_equal_as_their_refs(system: ActorSystem) -> None:
    ref = system.spawn(Account, 0)
    assert ref.proxy() == ref.proxy()
    assert hash(ref.proxy()) == hash(ref)
    assert ref.proxy() != ref
    assert repr(ref.proxy()) == f"Proxy({ref!r})"


def test_proxies_may_be_sent_in_messages(system: ActorSystem) -> None:
    account = system.spawn(Account, 4).proxy()
    for again in (pickle.loads(pickle.dumps(account)), copy.copy(account)):
        assert again == account
        assert again.balance.get() == 4
