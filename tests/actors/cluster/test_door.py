"""Real doors on this machine's own network; crowds come from other addresses of the loopback."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from simulacra.actors.cluster.admissions import Admission, bind
from simulacra.actors.cluster.door import QUESTION_LIMIT, Door
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import Token, invite
from simulacra.actors.cluster.knocking import KnockError, knock
from simulacra.actors.cluster.porch import SENT_LIMIT
from simulacra.actors.cluster.reception import DoorKeys, Knock, Reception, Refusal, Welcome
from simulacra.actors.cluster.records import plain
from simulacra.actors.cluster.roll import Roll
from simulacra.actors.cluster.turnstile import Limits
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.cluster.admitting import NOW, Network, signer
from tests.support import eventually, nothing_left_behind

WIDE = Limits(64, 64, 10**6, 10**6, 10**6, 10**6)


@dataclass
class Member:
    """A member with a door."""

    home: Network
    pair: KeyPair
    roll: Roll
    door: Door
    now: float = NOW

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.door.port}"

    def invite(self, *, by: Network | None = None, expires: int = NOW + 3600) -> Token:
        home = by or self.home
        return invite(
            home.owner,
            network=home.name,
            root=home.root,
            door=self.pair.public,
            expires=expires,
        )


@contextmanager
def a_member(
    *,
    name: str = "nas",
    home: Network | None = None,
    pair: KeyPair | None = None,
    limits: Limits = WIDE,
    life: float = 30.0,
    record: Callable[[Admission], None] | None = None,
) -> Iterator[Member]:
    home = home or Network()
    pair = pair or KeyPair.generate()
    member: Member

    def keep(admission: Admission) -> None:
        member.roll = member.roll.add(admission)

    keys = DoorKeys(pair.public, pair.secret)
    reception = Reception(
        home.name,
        signer(name),
        keys,
        roll=lambda: member.roll,
        record=record or keep,
        places=lambda: {name: "192.0.2.1:7400"},
        free=lambda _: None,
        clock=lambda: member.now,
    )
    door = Door("127.0.0.1", 0, keys, reception.answer, limits=limits, life=life)
    member = Member(home, pair, Roll.of(home.root, [home.admit("nas", at=NOW - 10)]), door)
    with nothing_left_behind():
        try:
            yield member
        finally:
            door.close()


@pytest.fixture
def nas() -> Iterator[Member]:
    with a_member() as member:
        yield member


def join(
    token: Token,
    at: str,
    name: str = "desk",
    pair: KeyPair | None = None,
    own: Signer | None = None,
    timeout: float = 5.0,
) -> Welcome:
    pair, own = pair or KeyPair.generate(), own or Signer.generate()
    return knock(token, [at], name=name, pair=pair, own=own, timeout=timeout)


def refusal(token: Token, at: str, **options: Any) -> KnockError:
    with pytest.raises(KnockError) as caught:
        join(token, at, **options)
    return caught.value


def test_a_host_with_a_token_joins(nas: Member) -> None:
    pair, own = KeyPair.generate(), Signer.generate()
    welcome = join(nas.invite(), nas.at, pair=pair, own=own)
    member = nas.roll.holder(pair.public)
    assert member is not None
    assert (member.host, member.signing) == ("desk", own.key)
    assert welcome.roll().members == nas.roll.members
    assert welcome.door == DoorKeys(nas.pair.public, nas.pair.secret)
    assert nas.door.answers == {"welcome": 1}


def test_refusals_reach_the_host_that_knocks(nas: Member) -> None:
    token = nas.invite()
    join(token, nas.at)
    assert refusal(token, nas.at, name="other").code == "used"
    assert refusal(nas.invite(), nas.at, name="nas").code == "name_taken"
    expired = refusal(nas.invite(expires=NOW - 60), nas.at, name="late")
    assert expired.code == "expired"
    assert "expired 60 s ago by the clock of nas" in str(expired)
    foreign = nas.invite(by=Network("other", signer("other owner")))
    assert refusal(foreign, nas.at).code == "other_network"
    assert sum(nas.door.answers.values()) == 5


def test_the_clock_of_the_host_that_joins_does_not_matter(nas: Member) -> None:
    """The member's clock says 2027; this process's, whatever it is, is not asked."""
    nas.now = NOW + 3599.0
    assert join(nas.invite(), nas.at).by == "nas"
    nas.now = NOW + 3601.0
    assert refusal(nas.invite(), nas.at, name="late").code == "expired"


def test_a_host_that_is_no_member_any_more_says_so_and_the_next_is_asked(nas: Member) -> None:
    pair, own = KeyPair.generate(), Signer.generate()
    with a_member(name="gone", pair=nas.pair) as gone:
        assert refusal(nas.invite(), gone.at).code == "no_member"
        hosts = [gone.at, nas.at]
        assert knock(nas.invite(), hosts, name="desk", pair=pair, own=own).by == "nas"


def test_the_door_of_another_network_cannot_be_talked_to(nas: Member) -> None:
    with a_member(home=Network("other", signer("other owner"))) as other:
        error = refusal(nas.invite(), other.at, timeout=1.5)  # it is met by then
        assert error.code == "unreachable"
        assert "not with the door of the network" in str(error)
        assert not other.door.answers


def test_a_binding_that_was_overheard_is_of_no_use(nas: Member) -> None:
    """Who could read the question (the door's own key would have to leak) cannot use it again."""
    token, own, pair = nas.invite(), Signer.generate(), KeyPair.generate()
    binding = bind(token, host="desk", curve=pair.public, own=own)
    question = {"knock": plain(Knock(token.invitation, binding))}
    assert "welcome" in ask(nas, msgpack.packb(question), pair)
    thief = KeyPair.generate()
    assert ask(nas, msgpack.packb(question), thief)["refused"]["code"] == "wrong_key"
    as_thief = replace(binding, curve=thief.public)
    question = {"knock": plain(Knock(token.invitation, as_thief))}
    assert ask(nas, msgpack.packb(question), thief)["refused"]["code"] == "malformed"
    assert [member.host for member in nas.roll.members] == ["desk", "nas"]


def test_an_answer_that_was_lost_is_asked_for_again(nas: Member) -> None:
    token, own, pair = nas.invite(), Signer.generate(), KeyPair.generate()
    first = join(token, nas.at, pair=pair, own=own)
    assert join(token, nas.at, pair=pair, own=own) == first


def test_an_admission_that_cannot_be_kept_is_no_welcome() -> None:
    def fail(_: Admission) -> None:
        raise OSError("no space left on device")

    with a_member(record=fail) as member:
        assert refusal(member.invite(), member.at).code == "failed"
        assert member.door.answers == {"failed": 1}


# -- garbage


@contextmanager
def dealer(member: Member, pair: KeyPair) -> Iterator[zmq.Socket[bytes]]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as connected:
        connected.linger, connected.rcvtimeo = 0, 5000
        connected.curve_serverkey = member.pair.public.encode()
        connected.curve_publickey = pair.public.encode()
        connected.curve_secretkey = pair.secret.encode()
        connected.connect(f"tcp://{member.at}")
        yield connected


def ask(member: Member, question: bytes, pair: KeyPair) -> dict[str, Any]:
    with dealer(member, pair) as connected:
        connected.send(question)
        answer: dict[str, Any] = msgpack.unpackb(connected.recv())
        return answer


GARBAGE = [
    [b""],
    [b"\xc1"],
    [b"\x91" * 10_000],
    [msgpack.packb("knock")],
    [msgpack.packb({"knock": None})],
    [msgpack.packb({"knock": {"invitation": {}, "binding": []}})],
    [b"\x80", b"\x80"],
    [os.urandom(1000)],
]


def test_garbage_through_the_handshake_gets_no_answer_and_does_no_harm(nas: Member) -> None:
    with dealer(nas, KeyPair.generate()) as connected:
        for frames in GARBAGE:
            connected.send_multipart(frames)
        eventually(lambda: nas.door.answers["garbage"] == len(GARBAGE))
        assert not connected.poll(0)
    with dealer(nas, KeyPair.generate()) as connected:
        connected.send(bytes(QUESTION_LIMIT + 1))  # libzmq closes the connection
        join(nas.invite(), nas.at)
    assert nas.door.answers == {"garbage": len(GARBAGE), "welcome": 1}


def from_elsewhere(member: Member, address: str = "127.0.0.2") -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", member.door.port), timeout=5, source_address=(address, 0)
    )


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_thousand_garbage_connections_do_not_keep_a_host_out() -> None:
    before = set(threading.enumerate())
    with a_member(limits=Limits()) as member, ExitStack() as crowd:
        open_before, most = descriptors(), 0
        for number in range(1000):
            connection = crowd.enter_context(from_elsewhere(member))
            with suppress(OSError):  # it may be closed already
                connection.send(os.urandom(number % 64))
            most = max(most, member.door.visitors)
        welcome = join(member.invite(), member.at)
        assert welcome.by == "nas"
        assert most <= 4
        # Ours and theirs of each connection that stays, and not one thread more.
        assert descriptors() - open_before <= 1000 + 2 * 8 + 8
        assert member.door.turned_away >= 900
    assert set(threading.enumerate()) <= before


def test_who_is_slow_is_sent_away_and_room_is_made() -> None:
    """Slow: a byte now and then, as if it were a greeting, from as many addresses as it takes."""
    with a_member(limits=Limits(open_all=8), life=1.0) as member, ExitStack() as crowd:
        slow = [
            crowd.enter_context(from_elsewhere(member, f"127.0.0.{number}"))
            for number in range(2, 10)
        ]
        eventually(lambda: member.door.visitors == 8)
        began = time.monotonic()
        greeting = iter(b"\xff" + struct.pack(">Q", 1) + b"\x7f" + bytes(53))
        with ExitStack() as stop:
            done = threading.Event()
            stop.callback(done.set)
            thread = threading.Thread(target=drip, args=(slow, greeting, done))
            thread.start()
            stop.callback(thread.join)
            stop.callback(done.set)
            assert join(member.invite(), member.at).by == "nas"
            eventually(lambda: member.door.visitors == 0)
        assert time.monotonic() - began < 30


def drip(slow: list[socket.socket], greeting: Iterator[int], done: threading.Event) -> None:
    for byte in greeting:
        for connection in slow:
            with suppress(OSError):  # sent away, as it should be
                connection.send(bytes([byte]))
        if done.wait(0.05):
            return


def test_who_sends_much_is_sent_away(nas: Member) -> None:
    with from_elsewhere(nas) as connection:
        eventually(lambda: nas.door.visitors == 1)
        with suppress(OSError):
            connection.sendall(bytes(4 * SENT_LIMIT))
        eventually(lambda: nas.door.visitors == 0)


def test_a_port_in_use_is_an_error_and_leaves_nothing(nas: Member) -> None:
    keys = DoorKeys(nas.pair.public, nas.pair.secret)
    with nothing_left_behind(), pytest.raises(OSError):
        Door("127.0.0.1", nas.door.port, keys, lambda *_: Refusal("failed", ""))


def test_a_crowded_door_closes_at_once() -> None:
    with a_member() as member, ExitStack() as crowd:
        for _ in range(8):
            crowd.enter_context(from_elsewhere(member))
        eventually(lambda: member.door.visitors == 8)
        member.door.close()
        assert member.door.visitors == 0
