from simulacra.actors.compute.inbox import Inbox
from simulacra.actors.compute.letters import Ack, Kind, Letter, Parcel, Place
from simulacra.actors.compute.streams import Limits

HOME = Place(0, 0, "a")
LIMITS = Limits(unread=2, outbox=6)


def parcel(n: int, *, sender: str = "u", kind: Kind = "tell") -> Parcel:
    return Parcel(Letter(sender, "x", n, kind, "", n), Place(0, 0, "u"))


def inbox(*numbers: int, durable: bool = True) -> Inbox:
    box = Inbox("x", LIMITS, durable=durable)
    for n in numbers:
        box.hold(parcel(n))
    return box


def taken(box: Inbox, sender: str = "u") -> list[tuple[int, int]]:
    return [(serial, letter.n) for serial, letter in box.take(sender)]


def ack(received: int, settled: int) -> Ack:
    return Ack("x", "u", received, settled, 0, HOME)


def test_letters_are_numbered_as_they_are_taken() -> None:
    box = inbox(2, 1)
    box.hold(parcel(1, sender="v"))
    assert taken(box) == [(1, 1), (2, 2)]
    assert box.received("u") == 2
    assert (box.received("v"), box.received("nobody")) == (0, 0)


def test_a_full_queue_makes_letters_wait_but_not_answers() -> None:
    box = inbox(1, 2, 3)
    box.hold(parcel(1, sender="v", kind="answer"))
    assert taken(box) == [(1, 1), (2, 2)]
    assert taken(box, "v") == [(0, 1)]
    assert box.consume(1) == ["u"]
    assert taken(box) == [(3, 3)]
    assert box.consume(3) == []


def test_what_is_unread_is_numbered_anew_after_a_snapshot() -> None:
    box = inbox(1, 2, 3)
    taken(box)
    box.consume(1)
    again = Inbox.from_plain(box.to_plain(), "x", LIMITS, durable=True)
    assert [(serial, letter.n) for serial, letter in again.queue_again()] == [(1, 2)]
    assert taken(again) == [(2, 3)]
    assert again.senders == ["u"]


def test_what_is_not_durable_is_settled_at_once() -> None:
    box = inbox(1, durable=False)
    taken(box)
    assert box.acknowledgement("u", HOME) == ack(1, 1)


def test_what_is_durable_is_settled_by_the_snapshot_that_holds_it() -> None:
    box = inbox(1)
    taken(box)
    mark = box.to_plain()["mark"]
    box.hold(parcel(2))
    taken(box)
    assert box.acknowledgement("u", HOME) == ack(2, 0)
    assert box.settle(mark) == ["u"]
    assert box.acknowledgement("u", HOME) == ack(2, 1)
    assert box.settle(mark) == []


def test_a_snapshot_is_due_once_when_much_waits_to_be_settled() -> None:
    box = inbox(1, 2, 3)
    assert not box.checkpoint_due("u")
    taken(box)
    box.consume(2)
    taken(box)
    assert box.checkpoint_due("u")
    assert not box.checkpoint_due("u")
    box.to_plain()
    assert box.checkpoint_due("u")
    assert not inbox(1, durable=False).checkpoint_due("u")
