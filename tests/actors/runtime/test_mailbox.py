from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.mailbox import Mailbox, Overflow
from tests.actors.runtime.mailboxes import full, in_thread, read, told
from tests.support import DEADLINE, eventually, nothing_left_behind

# -- lanes


def test_mail_is_read_in_the_order_of_arrival() -> None:
    assert read(full(Overflow.REFUSE, 1, 2, 3), 3) == [1, 2, 3]


def test_signals_overtake_mail_and_keep_their_order() -> None:
    mailbox = full(Overflow.REFUSE, 1)
    mailbox.put_urgent("stop")
    mailbox.put_urgent("resume")
    assert [mailbox.get() for _ in range(3)] == ["stop", "resume", (1, None)]


def test_a_suspended_mailbox_gives_signals_only() -> None:
    mailbox = full(Overflow.REFUSE, 1)
    mailbox.suspend()
    mailbox.put_urgent("resume")
    assert mailbox.get() == "resume"
    mailbox.resume()
    assert mailbox.get() == (1, None)


def test_resuming_wakes_a_waiting_reader() -> None:
    mailbox = full(Overflow.REFUSE, 1)
    mailbox.suspend()
    got: list[Any] = []
    reader = in_thread(lambda: got.append(mailbox.get()))
    eventually(lambda: mailbox._reading)
    mailbox.resume()
    reader.join(DEADLINE)
    assert got == told(1)


def test_exempt_messages_enter_a_full_mailbox_in_their_place() -> None:
    mailbox = full(Overflow.REFUSE, 1)
    assert mailbox.put_exempt(("down", None))
    assert read(mailbox, 2) == [1, "down"]


def test_exempt_messages_take_no_room_from_mail() -> None:
    mailbox = Mailbox(1, Overflow.REFUSE)
    mailbox.put_exempt(("down", None))
    mailbox.put((1, None))
    with pytest.raises(MailboxFullError):
        mailbox.put((2, None))
    assert read(mailbox, 2) == ["down", 1]


def test_remove_takes_out_exempt_messages_only() -> None:
    mailbox = full(Overflow.BLOCK, "down", 1)
    mailbox.put_exempt(("down", None))
    mailbox.offer(("down", None), lambda: None)
    mailbox.put_exempt(("down", None))  # this one stands behind the parked one
    assert mailbox.remove(lambda message: message == "down") == 2
    assert read(mailbox, 3) == ["down", 1, "down"]


# -- policies


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="bound=0"):
        Mailbox(0)


def test_refuse_raises_and_counts() -> None:
    mailbox = full(Overflow.REFUSE, 1, 2)
    with pytest.raises(MailboxFullError, match="2 messages wait"):
        mailbox.put((3, None))
    assert mailbox.stats().refused == 1
    assert read(mailbox, 2) == [1, 2]


def test_drop_oldest_makes_room_and_counts() -> None:
    mailbox = full(Overflow.DROP_OLDEST, 1, 2)
    mailbox.put((3, None))
    mailbox.offer((4, None))
    assert mailbox.stats().dropped == 2
    assert read(mailbox, 2) == [3, 4]


def test_drop_oldest_answers_the_ask_it_drops() -> None:
    mailbox = Mailbox(1, Overflow.DROP_OLDEST)
    reply = Reply()
    mailbox.put((1, reply))
    mailbox.put((2, None))
    with pytest.raises(MailboxFullError, match="dropped"):
        reply.get(timeout=0)


def test_drop_oldest_spares_exempt_messages() -> None:
    mailbox = Mailbox(2, Overflow.DROP_OLDEST)
    for message in ("down-1", 1, "down-2", 2):
        put = mailbox.put_exempt if isinstance(message, str) else mailbox.put
        put((message, None))
    mailbox.put((3, None))
    mailbox.put((4, None))
    assert read(mailbox, 4) == ["down-1", "down-2", 3, 4]


def test_callbacks_of_dropped_asks_may_use_the_mailbox() -> None:
    mailbox = Mailbox(1, Overflow.DROP_OLDEST)
    reply = Reply()
    waiting: list[int] = []
    reply.on_answer(lambda _: waiting.append(mailbox.stats().waiting))
    mailbox.put((1, reply))
    mailbox.put((2, None))
    assert waiting == [1]


# -- closing


def test_a_closed_mailbox_takes_nothing() -> None:
    mailbox = Mailbox()
    mailbox.close()
    assert not mailbox.put((1, None))
    assert not mailbox.put_exempt((1, None))
    assert not mailbox.put_urgent("stop")
    assert mailbox.offer((1, None)) is False
    assert mailbox.get() is None
    assert mailbox.empty()


def test_closing_wakes_the_reader() -> None:
    mailbox = Mailbox()
    got: list[Any] = []
    reader = in_thread(lambda: got.append(mailbox.get()))
    eventually(lambda: mailbox._reading)
    mailbox.close()
    reader.join(DEADLINE)
    assert got == [None]


# -- many threads


def test_each_senders_mail_arrives_once_and_in_order_through_a_narrow_mailbox() -> None:
    mailbox = Mailbox(3, Overflow.BLOCK)
    count = 200

    def send(sender: int) -> None:
        for n in range(count):
            mailbox.put(((sender, n), None))

    with nothing_left_behind():
        for sender in range(4):
            in_thread(lambda sender=sender: send(sender))
        got = read(mailbox, 4 * count)
    for sender in range(4):
        assert [n for who, n in got if who == sender] == list(range(count))
    assert mailbox.empty()


@pytest.mark.parametrize("handled_before", range(0, 40, 4))
@pytest.mark.parametrize("overflow", Overflow)
def test_closing_under_way_loses_nothing(overflow: Overflow, handled_before: int) -> None:
    """Whatever was put is read, left at closing, refused, or dropped: never two, never none."""
    mailbox = Mailbox(2, overflow, block_timeout=DEADLINE)
    replies = [Reply() for _ in range(40)]
    got: list[Any] = []

    def send(mine: list[Reply]) -> None:
        for reply in mine:
            try:
                if not mailbox.put((None, reply)):
                    reply.set("closed")
            except MailboxFullError as error:
                reply.set_error(error)

    def receive() -> None:
        while (item := mailbox.get()) is not None:
            got.append(item[1])

    with nothing_left_behind():
        in_thread(receive)
        for part in range(4):
            in_thread(lambda part=part: send(replies[part::4]))
        eventually(lambda: len(got) + sum(r.is_set() for r in replies) >= handled_before)
        left = mailbox.close()
    ends = [*got, *(reply for _, reply in left), *(r for r in replies if r.is_set())]
    assert sorted(map(id, ends)) == sorted(map(id, replies))
