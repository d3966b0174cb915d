"""The trace id of what a thread does."""

from __future__ import annotations

import threading
from typing import Any

from simulacra.actors import tracing
from simulacra.actors.runtime import Actor, Ref
from tests.actors.runtime.nodes import two_nodes


def test_it_is_of_one_thread_and_ends_with_its_block() -> None:
    elsewhere = []
    with tracing.under("a"):
        with tracing.under("b"):
            assert tracing.current() == "b"
            thread = threading.Thread(target=lambda: elsewhere.append(tracing.current()))
            thread.start()
            thread.join()
        assert tracing.current() == "a"
    assert tracing.current() == ""
    assert elsewhere == [""]


class Last(Actor):
    """Says under which trace id it was asked, by whatever kind of message."""

    def on_receive(self, message: Any) -> Any:
        return message, tracing.current()

    def called(self) -> str:
        return tracing.current()


class Between(Actor):
    """Asks the next one."""

    def __init__(self, next_one: Ref) -> None:
        self._next = next_one

    def on_receive(self, message: Any) -> Any:
        return self._next.ask(message)


def test_it_goes_with_mail_from_actor_to_actor_and_from_node_to_node() -> None:
    with two_nodes() as (a, b):
        there = b.system.spawn(Last, name="last")
        far = a.system.ref("last@" + b.system.name)
        here = a.system.spawn(Between, far)
        with tracing.under("request-7"):
            assert here.ask([1, b"x"]) == ([1, b"x"], "request-7")
            assert far.proxy().called().get(timeout=60) == "request-7"
            assert there.ask("local") == ("local", "request-7")
        assert here.ask("later") == ("later", "")


def test_a_dead_letter_shows_the_message_and_not_its_envelope() -> None:
    with two_nodes() as (a, _), tracing.under("request-8"):
        a.system.ref("nobody").tell({"what": 1})
        [letter] = a.system.dead_letters.newest()
        assert letter.text == "{'what': 1}"
