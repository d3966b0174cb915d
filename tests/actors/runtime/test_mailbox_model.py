"""The mailbox against a model of it: lists instead of locks, and the rules in a few lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.mailbox import Mailbox, Overflow
from simulacra.actors.runtime.waiting_room import Item


class MailboxMachine(RuleBasedStateMachine):
    """Only calls that do not wait: a blocked `put` has no patience, `get` is called when it can."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.mail: list[tuple[Item, bool]] = []  # (item, whether it is exempt)
        self.parked: list[tuple[Item, bool]] = []
        self.urgent: list[str] = []
        self.suspended = self.closed = False
        self.dropped = self.refused = self.blocked = 0
        self.entered: list[Item] = []
        self.expected_entered: list[Item] = []

    @initialize(bound=st.integers(1, 3), overflow=st.sampled_from(Overflow))
    def make(self, bound: int, overflow: Overflow) -> None:
        self.bound, self.overflow = bound, overflow
        self.real = Mailbox(bound, overflow)

    def item(self) -> Item:
        self.number += 1
        return (self.number, Reply())

    def is_full(self) -> bool:
        return sum(not exempt for _, exempt in self.mail) >= self.bound

    def overflows(self, call: Any) -> None:
        if self.overflow is Overflow.DROP_OLDEST:
            oldest = next(entry for entry in self.mail if not entry[1])
            self.mail.remove(oldest)
            self.dropped += 1
            assert call()
            reply = oldest[0][1]
            assert reply is not None
            assert isinstance(reply.outcome()[1], MailboxFullError)
        else:
            self.refused += 1
            with pytest.raises(MailboxFullError):
                call()

    @rule()
    def put(self) -> None:
        item = self.item()
        if self.closed:
            assert not self.real.put(item)
        elif self.is_full():
            self.blocked += self.overflow is Overflow.BLOCK
            self.overflows(lambda: self.real.put(item, patience=0))
            if self.overflow is Overflow.DROP_OLDEST:
                self.mail.append((item, False))
        else:
            assert self.real.put(item)
            self.mail.append((item, False))

    @rule(may_park=st.booleans())
    def offer(self, may_park: bool) -> None:
        item = self.item()
        on_room = (lambda: self.entered.append(item)) if may_park else None
        if self.closed:
            assert self.real.offer(item, on_room) is False
        elif not self.is_full():
            assert self.real.offer(item, on_room) is True
            self.mail.append((item, False))
        elif may_park and self.overflow is Overflow.BLOCK:
            assert self.real.offer(item, on_room) is None
            self.blocked += 1
            self.parked.append((item, False))
        else:
            self.overflows(lambda: self.real.offer(item, on_room))
            if self.overflow is Overflow.DROP_OLDEST:
                self.mail.append((item, False))

    @rule()
    def put_exempt(self) -> None:
        item = self.item()
        assert self.real.put_exempt(item) is not self.closed
        if not self.closed:
            (self.parked or self.mail).append((item, True))

    @rule(signal=st.sampled_from(["stop", "suspend"]))
    def put_urgent(self, signal: str) -> None:
        assert self.real.put_urgent(signal) is not self.closed
        if not self.closed:
            self.urgent.append(signal)

    @precondition(lambda self: self.closed or self.urgent or (self.mail and not self.suspended))
    @rule()
    def get(self) -> None:
        if self.urgent:
            assert self.real.get() == self.urgent.pop(0)
        elif self.closed:
            assert self.real.get() is None
        else:
            assert self.real.get() is self.mail.pop(0)[0]
            while self.parked and (self.parked[0][1] or not self.is_full()):
                item, exempt = self.parked.pop(0)
                self.mail.append((item, exempt))
                if not exempt:
                    self.expected_entered.append(item)

    @rule()
    def suspend(self) -> None:
        self.real.suspend()
        self.suspended = True

    @rule()
    def resume(self) -> None:
        self.real.resume()
        self.suspended = False

    @rule(odd=st.integers(0, 1))
    def remove(self, odd: int) -> None:
        def unwanted(number: int) -> bool:
            return number % 2 == odd

        before = len(self.mail) + len(self.parked)
        self.mail = [e for e in self.mail if not (e[1] and unwanted(e[0][0]))]
        self.parked = [e for e in self.parked if not (e[1] and unwanted(e[0][0]))]
        removed = before - len(self.mail) - len(self.parked)
        assert self.real.remove(unwanted) == removed

    @precondition(lambda self: self.number > 5)
    @rule()
    def close(self) -> None:
        left = [item for item, _ in self.mail + self.parked]
        self.expected_entered += [item for item, exempt in self.parked if not exempt]
        assert self.real.close() == left
        self.mail, self.parked, self.urgent, self.closed = [], [], [], True

    @invariant()
    def counters_agree(self) -> None:
        if self.number:
            stats = self.real.stats()
            assert stats.waiting == len(self.mail) + len(self.parked)
            counters = (stats.dropped, stats.refused, stats.blocked)
            assert counters == (self.dropped, self.refused, self.blocked)
            assert self.entered == self.expected_entered
            assert self.real.empty() == (not self.mail and not self.urgent)


TestMailbox = MailboxMachine.TestCase
TestMailbox.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
