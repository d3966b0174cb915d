"""A computation's mail between its worker and its endpoint: names, order, ends and refusals."""

from __future__ import annotations

import itertools
from typing import Any

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.correspondence import _UNRESOLVED_LIMIT, Correspondence
from simulacra.actors.compute.letters import (
    Ack,
    Arrived,
    Freeze,
    Gone,
    Letter,
    Locate,
    Parcel,
    Place,
    Send,
)  # fmt: skip
from simulacra.actors.compute.mail import State
from simulacra.actors.compute.post_messages import Found, Resolved

HERE = Place(1, 1, "desk")
BOB = Found("bob#1", Place(3, 1, "nas"))


class Desk:
    """Everything around a correspondence, written down."""

    def __init__(self, snapshot: dict[str, Any] | None = None, room: int = 100) -> None:
        self.room = room
        self.worker: list[w.ToWorker] = []
        self.post: list[Send | Locate] = []
        self.wanted: list[str] = []
        self.lost: list[Any] = []
        self.mail = Correspondence(
            snapshot or Correspondence.first("ann#1", "desk"),
            lambda last: Place(last.epoch, last.life + 1, "desk"),
            clock=itertools.count().__next__,
            to_worker=self._take,
            to_post=self.post.append,
            resolve=self.wanted.append,
            lost=self.lost.append,
            checkpoint=lambda: None,
        )

    def _take(self, message: w.ToWorker) -> bool:
        if len(self.worker) >= self.room:
            return False
        self.worker.append(message)
        return True

    def state(self) -> State:
        return self.mail.endpoint.state

    def letters(self) -> list[Any]:
        """The bodies that went out, in order."""
        packets = [each.packet for each in self.post if isinstance(each, Send)]
        return [packet.letter.body for packet in packets if isinstance(packet, Parcel)]


def receive(n: int, body: bytes, kind: str = "tell", request: str = "") -> Arrived:
    letter = Letter("bob#1", "ann#1", n, kind, request, body)  # type: ignore[arg-type]
    return Arrived(Parcel(letter, BOB.place, ((1, 1),)))


def test_letters_wait_for_the_name_in_order_and_then_go() -> None:
    desk = Desk()
    for n in range(3):
        desk.mail.heard(w.Send(n, "bob", b"%d" % n))
    assert (desk.wanted, desk.letters()) == (["bob"], [])
    desk.mail.resolved(Resolved("bob", BOB, certain=True))
    desk.mail.heard(w.Send(3, "bob", b"3"))
    assert (desk.wanted, desk.letters()) == (["bob"], [b"0", b"1", b"2", b"3"])


def test_a_letter_to_nobody_is_lost_and_an_ask_is_answered_with_an_error() -> None:
    desk = Desk()
    desk.mail.heard(w.Send(1, "bob", b"tell"))
    desk.mail.heard(w.Ask(7, "bob", b"ask", 5.0))
    desk.mail.resolved(Resolved("bob", None, certain=True))
    assert desk.lost == [b"tell"]
    (answer,) = desk.worker
    assert isinstance(answer, w.Answer)
    assert answer.request == 7
    assert answer.error is not None
    assert "nobody in the network is called 'bob'" in answer.error[1]


def test_what_waits_for_a_name_travels_and_asks_again_where_it_comes_to() -> None:
    desk = Desk()
    desk.mail.heard(w.Send(1, "bob", b"hello"))
    desk.mail.step(Freeze())
    snapshot = desk.mail.snapshot()
    desk.mail.resolved(
        Resolved("bob", BOB, certain=True)
    )  # too late: it must not go out from here as well
    assert desk.letters() == []
    there = Desk(snapshot)
    assert there.wanted == ["bob"]
    there.mail.resolved(Resolved("bob", BOB, certain=True))
    assert there.letters() == [b"hello"]
    desk.mail.thaw()  # or it stays after all
    assert desk.wanted == ["bob", "bob"]
    desk.mail.resolved(Resolved("bob", BOB, certain=True))
    assert desk.letters() == [b"hello"]


def test_who_ends_at_once_has_its_letters_sent_still() -> None:
    desk = Desk()
    desk.mail.heard(w.Send(1, "bob", b"last words"))
    desk.mail.end("normal")
    assert desk.state() is State.ENDED
    desk.mail.resolved(Resolved("bob", BOB, certain=True))
    assert desk.letters() == [b"last words"]
    desk.mail.step(receive(1, b"too late"))
    assert isinstance(desk.post[-1], Send)
    assert isinstance(desk.post[-1].packet, Gone)


def test_one_that_was_frozen_can_end() -> None:
    desk = Desk()
    desk.mail.step(Freeze())
    desk.mail.step(receive(1, b"parked"))
    desk.mail.end("shutdown")
    assert desk.state() is State.ENDED
    assert any(isinstance(s, Send) and isinstance(s.packet, Gone | Ack) for s in desk.post)


def test_there_is_a_bound_on_what_waits_for_a_name() -> None:
    desk = Desk()
    for n in range(_UNRESOLVED_LIMIT + 1):
        desk.mail.heard(w.Send(n, "bob", b"%d" % n))
    assert desk.lost == [b"%d" % _UNRESOLVED_LIMIT]


def test_the_worker_gets_as_much_as_it_takes() -> None:
    desk = Desk(room=1)
    desk.mail.step(receive(1, b"one"))
    desk.mail.step(receive(2, b"two"))
    assert [m.body for m in desk.worker if isinstance(m, w.Mail)] == [b"one"]
    desk.room = 2
    desk.mail.heard(w.Taken(1))
    assert [m.body for m in desk.worker if isinstance(m, w.Mail)] == [b"one", b"two"]


def test_an_ask_is_answered_once() -> None:
    desk = Desk()
    desk.mail.step(receive(1, b"what?", "ask", "r1"))
    (question,) = desk.worker
    assert isinstance(question, w.Mail)
    assert question.ask is not None
    for _ in range(2):
        desk.mail.heard(w.Reply(question.ask, b"that"))
    assert desk.letters() == [b"that"]


def test_an_answer_to_a_worker_of_before_is_not_given_to_the_next() -> None:
    desk = Desk()
    desk.mail.heard(w.Ask(1, "bob", b"ask", None))
    desk.mail.resolved(Resolved("bob", BOB, certain=True))
    (sent,) = (s.packet for s in desk.post if isinstance(s, Send) and isinstance(s.packet, Parcel))
    snapshot = desk.mail.snapshot()
    later = Desk(snapshot)
    later.mail.step(receive(1, b"answer", "answer", sent.letter.request))
    assert later.worker == []
    desk.mail.step(receive(1, b"answer", "answer", sent.letter.request))
    assert desk.worker == [w.Answer(1, b"answer", None)]


def test_the_reason_of_one_that_ended_is_told_to_who_asked_it() -> None:
    desk = Desk()
    desk.mail.heard(w.Ask(1, "bob", b"ask", None))
    desk.mail.resolved(Resolved("bob", BOB, certain=True))
    (sent,) = (s.packet for s in desk.post if isinstance(s, Send) and isinstance(s.packet, Parcel))
    desk.mail.step(receive(1, "normal", "error", sent.letter.request))  # type: ignore[arg-type]
    assert desk.worker == [w.Answer(1, None, ("LookupError", "no answer: it has ended: normal"))]
