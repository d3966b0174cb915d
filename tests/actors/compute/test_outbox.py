import pytest

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.outbox import Outbox, OutboxFullError
from simulacra.actors.compute.streams import Limits

HOME = m.Place(0, 0, "u")
A, B = m.Place(0, 0, "a"), m.Place(1, 0, "b")


def sent(commands: list[m.Command]) -> list[tuple[str, int]]:
    return [
        (command.host, command.packet.letter.n)
        for command in commands
        if isinstance(command, m.Send) and isinstance(command.packet, m.Parcel)
    ]


def outbox(count: int = 0) -> Outbox:
    """An outbox with some letters to x, which is on host a."""
    box = Outbox("u", HOME, Limits(outbox=3, patience=1))
    box.learn("x", A, 0)
    for _ in range(count):
        box.write("x", "tell", "hi", 0)
    return box


def test_letters_wait_until_the_receiver_is_found() -> None:
    box = Outbox("u", HOME, Limits())
    assert box.write("x", "tell", 1, 0) == [m.Locate("x")]
    assert box.write("x", "tell", 2, 0) == []
    assert sent(box.learn("x", A, 0)) == [("a", 1), ("a", 2)]


def test_one_full_stream_does_not_fill_another() -> None:
    box = outbox(3)
    with pytest.raises(OutboxFullError, match="simulacra ps"):
        box.admit("x")
    box.admit("y")


def test_numbers_are_each_receivers_own() -> None:
    box = outbox(2)
    assert (box.next_number("x"), box.next_number("y")) == (3, 1)


def test_what_was_not_received_follows_to_a_newer_place_only() -> None:
    box = outbox(2)
    box.acknowledge(m.Ack("x", "u", 1, 1, 0, A), 0)
    assert sent(box.learn("x", B, 0)) == [("b", 2)]
    assert box.learn("x", A, 0) == []
    assert box.host_of("x") == "b"


def test_what_is_due_is_sent_again_and_the_directory_asked() -> None:
    box = outbox(1)
    due = box.deadline()
    assert due is not None
    assert box.expire(due - 0.01) == []
    commands = box.expire(due)
    assert (sent(commands), commands[-1]) == ([("a", 1)], m.Locate("x"))


def test_it_is_empty_when_all_is_settled() -> None:
    box = outbox(1)
    assert not box.empty
    box.acknowledge(m.Ack("x", "u", 1, 1, 0, A), 0)
    assert box.empty
    assert box.deadline() is None


def test_a_new_life_sets_out_with_a_new_base() -> None:
    box = Outbox.from_plain(outbox(2).to_plain(), "u", Limits())
    commands = box.set_out(m.Place(0, 1, "u"), 0) + box.write("x", "tell", "new", 0)
    assert sent(commands) == [("a", 1), ("a", 2), ("a", 3)]
    parcels = [c.packet for c in commands if isinstance(c, m.Send)]
    assert {(p.home.life, p.bases) for p in parcels if isinstance(p, m.Parcel)} == {
        (1, ((0, 1), (1, 3)))
    }


def test_nobody_else_is_bothered_with_a_party_that_is_gone() -> None:
    box = outbox(2)
    box.write("y", "tell", "hi", 0)
    assert [letter.n for letter in box.give_up("x", 1)] == [2]
    assert box.give_up("z", 0) == []
    assert not box.empty
