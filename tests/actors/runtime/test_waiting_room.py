"""Who waits for a full mailbox: threads that block, and mail that is parked."""

from __future__ import annotations

import time

import pytest

from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.mailbox import Mailbox, Overflow
from tests.actors.runtime.mailboxes import full, in_thread, read, told
from tests.support import DEADLINE, eventually


def test_block_waits_for_room() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    sender = in_thread(lambda: mailbox.put((2, None)))
    eventually(lambda: mailbox.stats().blocked == 1)
    assert read(mailbox, 2) == [1, 2]
    sender.join(DEADLINE)
    assert mailbox.stats().refused == 0


def test_block_refuses_after_its_time_out() -> None:
    mailbox = Mailbox(1, Overflow.BLOCK, block_timeout=0.02)
    mailbox.put((1, None))
    began = time.monotonic()
    with pytest.raises(MailboxFullError, match=r"full for 0\.02 s"):
        mailbox.put((2, None))
    assert time.monotonic() - began >= 0.02
    assert (mailbox.stats().blocked, mailbox.stats().refused) == (1, 1)


def test_block_waits_no_longer_than_the_sender_has_patience() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    with pytest.raises(MailboxFullError, match=r"full for 0\.01 s"):
        mailbox.put((2, None), patience=0.01)


def test_every_blocked_sender_comes_in_when_the_mailbox_is_emptied() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    senders = [in_thread(lambda n=n: mailbox.put((n, None))) for n in range(2, 6)]
    eventually(lambda: mailbox.stats().blocked == 4)
    assert sorted(read(mailbox, 5)) == [1, 2, 3, 4, 5]
    for sender in senders:
        sender.join(DEADLINE)


def test_closing_lets_a_blocked_sender_go() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    taken: list[bool] = []
    sender = in_thread(lambda: taken.append(mailbox.put((2, None))))
    eventually(lambda: mailbox.stats().blocked == 1)
    assert mailbox.close() == told(1)
    sender.join(DEADLINE)
    assert taken == [False]


def test_offer_never_waits_without_a_place_to_park() -> None:
    with pytest.raises(MailboxFullError):
        full(Overflow.BLOCK, 1).offer((2, None))


def test_parked_mail_enters_in_its_turn_and_says_so() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    entered: list[int] = []
    assert mailbox.offer((2, None), lambda: entered.append(2)) is None
    assert mailbox.offer((3, None), lambda: entered.append(3)) is None
    assert mailbox.stats().waiting == 3
    assert read(mailbox, 1) == [1]
    assert entered == [2]
    assert read(mailbox, 2) == [2, 3]
    assert entered == [2, 3]


def test_mail_does_not_overtake_parked_mail() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    mailbox.offer((2, None), lambda: None)
    sender = in_thread(lambda: mailbox.put((3, None)))
    eventually(lambda: mailbox.stats().blocked == 2)
    assert read(mailbox, 3) == [1, 2, 3]
    sender.join(DEADLINE)


def test_exempt_messages_do_not_overtake_parked_mail() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    mailbox.offer((2, None), lambda: None)
    mailbox.put_exempt(("down", None))
    assert read(mailbox, 3) == [1, 2, "down"]


def test_room_may_be_used_by_the_callback_that_tells_of_it() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    more: list[bool | None] = []
    mailbox.offer((2, None), lambda: more.append(mailbox.offer((3, None), lambda: None)))
    assert read(mailbox, 1) == [1]
    assert more == [None]
    assert read(mailbox, 2) == [2, 3]


def test_closing_returns_parked_mail_and_gives_its_room_back() -> None:
    mailbox = full(Overflow.BLOCK, 1)
    released: list[int] = []
    mailbox.offer((2, None), lambda: released.append(2))
    mailbox.put_exempt(("down", None))
    assert mailbox.close() == told(1, 2, "down")
    assert released == [2]
