from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.letters import Ack, Letter, Parcel, Place
from simulacra.actors.compute.streams import Incoming, Limits, Outgoing

LIMITS = Limits(window=4, resend=1, resend_limit=5, resend_batch=2)
HOME = Place(0, 0, "a")


def letter(n: int, body: str = "") -> Letter:
    return Letter("u", "x", n, "tell", "", body)


def parcel(
    n: int, *, life: int = 0, bases: tuple[tuple[int, int], ...] = (), body: str = ""
) -> Parcel:
    return Parcel(letter(n, body), Place(0, life, "u"), bases)


def outgoing(count: int) -> Outgoing:
    out = Outgoing("x")
    for n in range(1, count + 1):
        out.write(letter(n))
    return out


def numbers(letters: list[Letter]) -> list[int]:
    return [letter.n for letter in letters]


def ack(received: int, settled: int, home: Place = HOME, *, life: int = 0) -> Ack:
    return Ack("x", "u", received, settled, life, home)


def drain(stream: Incoming) -> list[str]:
    bodies = []
    while (turn := stream.turn()) is not None:
        bodies.append(turn.body or str(turn.n))
        stream.take()
    return bodies


def test_no_more_than_a_window_is_under_way() -> None:
    out = outgoing(10)
    assert numbers(out.ready(LIMITS)) == [1, 2, 3, 4]
    assert out.ready(LIMITS) == []
    out.acknowledge(ack(2, 0), life=0)
    assert numbers(out.ready(LIMITS)) == [5, 6]


def test_the_time_to_send_again_doubles_up_to_a_limit() -> None:
    out = outgoing(1)
    out.ready(LIMITS)
    out.rest(0, LIMITS)
    dues = [out.due]
    for _ in range(4):
        out.expire(0, LIMITS)
        dues.append(out.due)
    assert dues == [1, 2, 4, 5, 5]


def test_what_was_received_is_not_sent_again_but_kept_until_settled() -> None:
    out = outgoing(3)
    out.ready(LIMITS)
    out.acknowledge(ack(3, 1), life=0)
    assert numbers(list(out.unsettled)) == [2, 3]
    assert numbers(out.expire(0, LIMITS)) == [2]
    out.acknowledge(ack(3, 3), life=0)
    out.rest(0, LIMITS)
    assert out.due is None


def test_a_receiver_that_went_back_is_sent_again_what_it_forgot() -> None:
    out = outgoing(3)
    out.ready(LIMITS)
    out.acknowledge(ack(3, 1), life=0)
    out.acknowledge(ack(1, 1, Place(0, 1, "a")), life=0)
    assert numbers(out.ready(LIMITS)) == [2, 3]
    out.acknowledge(ack(3, 3), life=0)
    assert numbers(list(out.unsettled)) == [2, 3], "an older place's acknowledgement is ignored"


def test_an_acknowledgement_to_an_older_life_does_not_count() -> None:
    out = outgoing(2)
    out.ready(LIMITS)
    out.reborn(8)
    out.acknowledge(ack(2, 2, life=7), life=8)
    assert (out.received, numbers(list(out.unsettled))) == (0, [1, 2])


def test_bases_are_kept_until_letters_past_them_are_settled() -> None:
    out = outgoing(2)
    out.reborn(1)
    out.write(letter(3))
    out.reborn(2)
    assert out.bases == ((1, 3), (2, 4))
    kept = []
    for settled in (2, 3, 4):
        out.acknowledge(ack(4, settled, life=2), life=2)
        kept.append(out.bases)
    assert kept == [((1, 3), (2, 4)), ((2, 4),), ()]


def test_a_base_that_a_later_life_went_below_says_nothing_more() -> None:
    out = Outgoing("x", next=3, bases=((1, 2), (2, 3), (3, 7)))
    out.reborn(4)
    assert out.bases == ((1, 2), (4, 3))


@given(st.permutations([*range(1, 5), *range(1, 5)]))
def test_letters_are_taken_in_order_once(order: list[int]) -> None:
    stream = Incoming()
    bodies = []
    for n in order:
        stream.hold(parcel(n), LIMITS)
        bodies += drain(stream)
    assert bodies == ["1", "2", "3", "4"]


def test_what_comes_too_early_is_dropped() -> None:
    stream = Incoming()
    stream.hold(parcel(4), LIMITS)
    stream.hold(parcel(5), LIMITS)
    assert list(stream.held) == [4]


def test_a_new_life_of_the_sender_takes_numbers_back() -> None:
    stream = Incoming()
    for n in (1, 2, 3):
        stream.hold(parcel(n), LIMITS)
    assert drain(stream) == ["1", "2", "3"]
    stream.hold(parcel(5, body="old"), LIMITS)
    stream.hold(parcel(3, life=1, bases=((1, 3),), body="new"), LIMITS)
    stream.hold(parcel(4, body="old"), LIMITS)
    assert drain(stream) == ["new"]
    assert (stream.next, stream.held) == (4, {})


def test_one_that_missed_a_life_goes_back_to_the_lowest_base_since() -> None:
    stream = Incoming(next=9, life=1, settled=8)
    stream.hold(parcel(7, life=4, bases=((1, 2), (2, 5), (4, 7))), LIMITS)
    assert (stream.next, stream.settled) == (5, 4)
    assert list(stream.held) == [7]


def test_what_was_received_in_another_life_is_not_settled() -> None:
    stream = Incoming(next=4, life=1)
    assert not stream.settle(0, 8)
    assert stream.settle(1, 3)
    assert not stream.settle(1, 3)
    assert stream.settled == 3


def test_both_ends_outlive_a_snapshot() -> None:
    out = outgoing(3)
    out.acknowledge(ack(2, 1), life=0)
    out.reborn(1)
    again = Outgoing.from_plain(out.to_plain())
    assert again == replace(out, received=1, sent=1, heard=None)
    stream = Incoming(next=3, held={4: letter(4)})
    assert Incoming.from_plain(stream.to_plain()) == replace(stream, settled=2)
