"""The channel: whole messages, descriptors with their message, and ends that are seen."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute import channel as channel_module
from simulacra.actors.compute.channel import (
    INLINE_LIMIT,
    Channel,
    ChannelClosedError,
    MessageTooLargeError,
    memfd,
)
from simulacra.actors.compute.messages import Checkpoint, Mail, Message, Resume, Start, Taken


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    near, far = Channel.pair()
    yield near, far
    near.close()
    far.close()


@pytest.mark.parametrize(
    "message",
    [
        Resume(),
        Taken(2**40),
        Mail(1, "a@b", b"x" * 10, None),
        Mail(1, "a@b", b"x" * (INLINE_LIMIT - 40), "q"),
        Mail(1, "a@b", b"x" * 3_000_000, "q"),
        Start({"args": [1, None, "x"]}, "n", "h"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_arrive_whole(ends: tuple[Channel, Channel], message: Message) -> None:
    assert ends[0].send(message)
    assert ends[1].receive() == message


@pytest.mark.parametrize("name", ["n", "n" * 2 * INLINE_LIMIT], ids=["inline", "large"])
def test_a_descriptor_comes_with_its_message(ends: tuple[Channel, Channel], name: str) -> None:
    fd = memfd(b"bulk")
    ends[0].send(Start({}, name, "h", fd))
    ends[0].send(Start({}, "without", "h"))
    os.close(fd)
    first, second = ends[1].receive(), ends[1].receive()
    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert second.fd is None
    assert first.fd is not None
    assert not os.get_inheritable(first.fd)
    with os.fdopen(first.fd, "rb") as file:
        assert file.read() == b"bulk"


def test_no_descriptor_is_left_open(ends: tuple[Channel, Channel]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        fd = memfd(b"x")
        ends[0].send(Checkpoint(1, True, 0, 0, fd))
        os.close(fd)
        message = ends[1].receive()
        assert isinstance(message, Checkpoint)
        assert message.fd is not None
        os.close(message.fd)
        ends[0].send(Mail(1, "a", b"x" * 100_000))
        ends[1].receive()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_closed_end_is_seen_on_both_ways(ends: tuple[Channel, Channel]) -> None:
    ends[1].close()
    with pytest.raises(ChannelClosedError):
        ends[0].receive()
    with pytest.raises(ChannelClosedError):
        ends[0].send(Resume())


def test_a_slow_end_is_told_instead_of_waited_for(ends: tuple[Channel, Channel]) -> None:
    sent = 0
    while ends[0].send(Taken(sent), wait=False):
        sent += 1
    assert sent > 10
    assert [ends[1].receive() for _ in range(sent)] == [Taken(n) for n in range(sent)]
    assert ends[0].send(Taken(0), wait=False)


def test_a_message_over_the_limit_is_refused_with_advice(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "MESSAGE_LIMIT", 1000)
    with pytest.raises(MessageTooLargeError, match="write it to a file"):
        ends[0].send(Mail(1, "a", b"x" * 2000))


@pytest.mark.parametrize(
    "packet", [b"i", b"ixyz", b"i\x92\xa4Nope\x90", b"i\x92\xa5Taken\x90", b"m"]
)
def test_what_is_no_message_closes_the_channel(packet: bytes) -> None:
    raw, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with raw, ours:
        raw.send(packet)
        with pytest.raises(ChannelClosedError):
            Channel(ours).receive()
