from __future__ import annotations

import time

import pytest

from simulacra.actors.runtime import ActorSystem
from tests.support import Scripted, busy


class Unshowable:
    def __repr__(self) -> str:
        raise ValueError("no text")


def texts(system: ActorSystem) -> list[str]:
    return [letter.text for letter in system.dead_letters.newest()]


def test_mail_to_the_dead_is_counted_and_shown(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.stop()
    before = time.time()
    ref.tell({"n": 1})
    assert system.dead_letters.count == 1
    (letter,) = system.dead_letters.newest()
    assert (letter.to, letter.text) == (ref, "{'n': 1}")
    assert before <= letter.when <= time.time()


def test_mail_that_was_never_read_is_counted(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    with busy(ref):
        ref.tell("unread")
        ref.stop(block=False)
    system.stop()
    assert texts(system) == ["'unread'"]


def test_an_ask_of_the_dead_is_answered_and_no_dead_letter(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.stop()
    with pytest.raises(Exception, match="dead"):
        ref.ask("x")
    assert system.dead_letters.count == 0


def test_mail_to_nobody_is_counted(system: ActorSystem) -> None:
    system.ref("nobody").tell(1)
    system.ref("somebody@elsewhere").tell(2)
    assert texts(system) == ["1", "2"]


@pytest.mark.parametrize(("length", "cut"), [(198, False), (199, True), (100_000, True)])
def test_long_texts_are_cut_short(system: ActorSystem, length: int, cut: bool) -> None:
    system.ref("nobody").tell("x" * length)
    (text,) = texts(system)
    assert len(text) <= 200
    assert text.endswith("…") is cut


def test_a_message_that_cannot_be_shown_is_named(system: ActorSystem) -> None:
    system.ref("nobody").tell(Unshowable())
    (text,) = texts(system)
    assert text.startswith("<Unshowable instance at ")


def test_all_are_counted_and_the_last_hundred_kept(system: ActorSystem) -> None:
    nobody = system.ref("nobody")
    for n in range(150):
        nobody.tell(n)
    assert system.dead_letters.count == 150
    assert texts(system) == [str(n) for n in range(50, 150)]


def test_large_messages_are_not_kept(system: ActorSystem) -> None:
    large = bytearray(10_000_000)
    view = memoryview(large)
    system.ref("nobody").tell({"data": view})
    view.release()
    large.clear()  # fails while anybody holds the buffer
    assert system.dead_letters.count == 1
