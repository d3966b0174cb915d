"""Mailboxes for tests, full or read in a thread."""

from __future__ import annotations

import threading
from typing import Any

from simulacra.actors.runtime.mailbox import Mailbox, Overflow
from simulacra.actors.runtime.waiting_room import Item


def told(*messages: Any) -> list[Item]:
    return [(message, None) for message in messages]


def full(overflow: Overflow, *messages: Any) -> Mailbox:
    mailbox = Mailbox(len(messages), overflow)
    for item in told(*messages):
        assert mailbox.put(item)
    return mailbox


def read(mailbox: Mailbox, count: int) -> list[Any]:
    return [mailbox.get()[0] for _ in range(count)]


def in_thread(target: Any) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread
