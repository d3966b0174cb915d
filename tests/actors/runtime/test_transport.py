"""The transport over real CURVE sockets: mail, signals, refusals, losses."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest
import zmq

from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Down, Exit, Overflow, Ref
from simulacra.actors.runtime.codec import MessageTooLargeError
from simulacra.actors.runtime.credit import Window
from simulacra.actors.runtime.errors import MailboxFullError, PeerBusyError
from simulacra.actors.runtime.frames import Entry, Lane, pack_data_header, pack_entry
from simulacra.actors.runtime.keys import KeyList, KeyPair, Member
from simulacra.actors.runtime.reason import NOCONNECTION, NOPROC
from simulacra.actors.runtime.roster import PeerRefusedError
from simulacra.actors.runtime.session import Timing
from simulacra.actors.runtime.transport_settings import Settings
from tests.actors.runtime.nodes import (
    HASTY,
    PATIENCE,
    QUICK,
    Child,
    Echo,
    Network,
    Node,
    Waiter,
    Witness,
    eventually,
    two_nodes,
)

PATIENT = Settings(timing=Timing(heartbeat=0.1, lost=10, greeting=0.5, rest=0.05))


def accepted(node: Node) -> list[Any]:
    """The TCP connections that a node's port has accepted."""
    port = int(node.transport.endpoint.rpartition(":")[2])
    connections = psutil.Process().net_connections("tcp")
    return [c for c in connections if c.laddr.port == port and c.status == "ESTABLISHED"]


# -- mail


def test_ask_tell_and_refs_cross_the_wire() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo, name="echo")
        remote = a.system.ref("echo@b")
        assert remote.ask((1, {"deep": [None, 2**80]})) == (1, {"deep": [None, 2**80]})
        back = remote.ask(echo)
        assert isinstance(back, Ref)
        assert back == echo
        assert back.ask("directly") == "directly"
        assert back.is_alive()


def test_mail_keeps_its_order_and_arrives_once() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        remote = a.system.ref("echo@b")
        for number in range(5000):
            remote.tell(number)
            if not number % 1000:
                remote.ask(-1)
        assert [got for got in remote.ask("got") if got >= 0] == list(range(5000))


def test_an_error_comes_back_as_itself_with_the_other_nodes_traceback() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        with pytest.raises(ValueError, match="no good") as caught:
            a.system.ref("echo@b").ask(("fail", ValueError("no good")))
        assert "on_receive" in str(getattr(caught.value.__cause__, "traceback_text", ""))


def test_a_dead_actor_answers_at_once() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo)
        remote = a.system.ref(echo.address)
        assert remote.stop()
        assert not remote.is_alive()
        start = time.monotonic()
        with pytest.raises(ActorDeadError) as caught:
            remote.ask("anyone?", timeout=60)
        assert caught.value.reason == NOPROC
        assert time.monotonic() - start < 30


def test_an_ask_times_out() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        with pytest.raises(AskTimeoutError):
            a.system.ref("echo@b").ask("stuck", timeout=0.05)


def test_kill_suspend_and_stop_overtake_mail() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo)
        remote = a.system.ref(echo.address)
        remote.suspend()
        waiting = remote.ask("later", block=False)
        remote.resume()
        assert waiting.get(timeout=60) == "later"
        watch = a.system.watch(remote)
        assert remote.ask("watched") == "watched"  # as a kill overtakes that one is watched, too
        remote.tell(("sleep", 0.3))
        remote.tell("never handled")
        remote.kill()
        assert watch.get(timeout=60).kind == "killed"


def test_to_a_node_that_is_not_there_everything_fails_at_once() -> None:
    with Network("a") as network:
        a = network.node("a")
        nobody = a.system.ref("echo@nowhere")
        nobody.tell("lost")
        assert a.system.dead_letters.count == 1
        with pytest.raises(ActorDeadError, match="join it first"):
            nobody.ask("hello")
        assert a.system.watch(nobody).get(timeout=1) == NOCONNECTION
        assert not nobody.is_alive()


# -- size


def test_large_buffers_arrive_unchanged_without_a_copy_in_the_message() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        big = os.urandom(1_000_000)
        name, view = a.system.ref("echo@b").ask(("big", big))
        assert name == "big"
        assert isinstance(view, memoryview)
        assert view == big


def test_a_message_over_the_limit_is_refused_at_the_sender() -> None:
    with Network("a", "b") as network:
        a, b = network.node("a", limit=1_000_000), network.node("b")
        a.join(b)
        b.system.spawn(Echo, name="echo")
        remote = a.system.ref("echo@b")
        with pytest.raises(MessageTooLargeError, match="file or a tree"):
            remote.tell(bytes(1_000_001))
        assert remote.ask("still there") == "still there"


def test_an_answer_that_cannot_be_sent_is_an_error_to_the_asker() -> None:
    with two_nodes() as (a, b):

        class Bad(Echo):
            def on_receive(self, message: Any) -> Any:
                return object()

        b.system.spawn(Bad, name="bad")
        with pytest.raises(TypeError, match=r"register"):
            a.system.ref("bad@b").ask("hello")


# -- links and monitors


def test_a_monitor_fires_once_when_the_node_is_lost() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo)
        witness = a.system.spawn(Witness)
        remote = a.system.ref(echo.address)
        witness.ask(("monitor", remote))
        witness.ask(("link", remote))
        in_flight = remote.ask("stuck", block=False, timeout=None)
        remote.ask("make sure that it is there")
        b.transport.close()
        with pytest.raises(ActorDeadError) as caught:
            in_flight.get(timeout=60)
        assert caught.value.reason == NOCONNECTION
        told = eventually(lambda: len(got := witness.ask("told")) >= 2 and got)
        assert {type(one) for one in told} == {Down, Exit}
        assert {one.reason for one in told} == {NOCONNECTION}
        assert len(told) == 2


def test_links_and_monitors_tell_the_reason_across_nodes() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo)
        witness = a.system.spawn(Witness)
        remote = a.system.ref(echo.address)
        monitor = witness.ask(("monitor", remote))
        witness.ask(("link", remote))
        remote.tell(("fail", ValueError("why")))
        told = eventually(lambda: len(got := witness.ask("told")) == 2 and got)
        assert {one.reason.error[:2] for one in told} == {("ValueError", "why")}
        assert next(one for one in told if isinstance(one, Down)).monitor == monitor


def test_a_linked_actor_ends_with_the_remote_one_and_the_lost_node() -> None:
    with two_nodes() as (a, b):
        here, there = a.system.spawn(Witness), b.system.spawn(Echo)
        plain = b.system.spawn(Echo)
        here.ask(("link", a.system.ref(there.address)))
        a.system.watch(a.system.ref(plain.address))
        end = b.system.watch(there)
        a.system.ref(there.address).ask("the link is there")
        a.transport.close()
        assert end.get(timeout=60) == NOCONNECTION
        assert plain.is_alive()


# -- who may come in


def test_an_unknown_key_cannot_send_one_message() -> None:
    with Network("a", "b") as network:
        a = network.node("a")
        stranger = KeyPair.generate()
        everybody = KeyList([*network.keys.members(), Member("x", stranger.public)])
        x = network.node("x", keys=everybody, pair=stranger)
        x.transport.connect(a.transport.endpoint, a.pair.public)
        eventually(lambda: a.transport.refused_connections >= 2)
        assert a.transport.peers() == []
        assert a.transport.unknown_frames == 0
        with pytest.raises(AskTimeoutError, match="does its list admit"):
            x.transport.wait_up(x.transport.peers()[0], 0.05)


def test_a_node_that_is_admitted_after_it_knocked_is_connected_soon() -> None:
    patient = Settings(timing=Timing(heartbeat=0.5, lost=20, greeting=20, rest=0.05))
    with Network("a", "b") as network:
        a, b = network.node("a", patient, keys=KeyList()), network.node("b", patient)
        peer = b.transport.connect(a.transport.endpoint, a.pair.public)
        eventually(lambda: a.transport.refused_connections)
        a.transport.admit(network.keys)
        b.transport.wait_up(peer, PATIENCE)


def test_the_bound_port_is_told_with_the_host_that_others_reach() -> None:
    with Network("a") as network:
        a = network.node("a", bind="tcp://127.0.0.1:*", advertise="tcp://nas.local:*")
        host, _, port = a.transport.endpoint.rpartition(":")
        assert (host, int(port) > 0) == ("tcp://nas.local", True)


def test_an_expelled_key_loses_its_connections() -> None:
    with Network("a", "b", "c") as network:
        a, b, c = (network.node(name) for name in "abc")
        a.join(b)
        a.join(c)
        assert len(accepted(a)) == 4
        a.transport.admit(KeyList([Member("c", c.pair.public)]))
        eventually(lambda: len(accepted(a)) == 2)
        eventually(lambda: not b.peer(a).is_up)
        refused = a.transport.refused_connections
        eventually(lambda: a.transport.refused_connections > refused)
        assert [peer.name for peer in a.transport.peers()] == ["c"]
        c.system.spawn(Echo, name="echo")
        assert a.system.ref("echo@c").ask("still here") == "still here"


def test_two_nodes_with_the_same_name_the_newcomer_is_refused() -> None:
    with Network("a", "b") as network:
        a, b = network.node("a"), network.node("b")
        a.join(b)
        pair = KeyPair.generate()
        keys = KeyList([*network.keys.members(), Member("b", pair.public)])
        a.transport.admit(keys)
        newcomer = network.node("b", keys=keys, pair=pair)
        peer = newcomer.transport.connect(a.transport.endpoint, a.pair.public)
        with pytest.raises(PeerRefusedError, match="give one of the two another name"):
            newcomer.transport.wait_up(peer, PATIENCE)
        assert a.peer(b).is_up


@pytest.mark.parametrize("version", [3, 99])
def test_a_wire_version_too_far_apart_is_refused_on_both_sides(version: int) -> None:
    with Network("a", "b") as network:
        a = network.node("a")
        b = network.node("b", Settings(timing=QUICK, wire_version=version))
        peer = b.transport.connect(a.transport.endpoint, a.pair.public)
        with pytest.raises(PeerRefusedError, match=f"wire version {version}"):
            b.transport.wait_up(peer, PATIENCE)


def test_one_wire_version_apart_works() -> None:
    with Network("a", "b") as network:
        a = network.node("a")
        b = network.node("b", Settings(timing=QUICK, wire_version=2))
        a.join(b)


def test_the_wrong_name_for_a_key_is_refused() -> None:
    with Network("a", "b") as network:
        a = network.node("a")
        imposter = network.node("zoe", pair=network.pairs["b"])
        peer = imposter.transport.connect(a.transport.endpoint, a.pair.public)
        with pytest.raises(PeerRefusedError, match="not to 'zoe'"):
            imposter.transport.wait_up(peer, PATIENCE)


# -- what goes wrong


def test_who_goes_down_says_goodbye() -> None:
    with two_nodes(PATIENT) as (a, b):
        b.transport.close()
        assert eventually(lambda: a.events.down) == [("b", "it said goodbye: b is going down")]


def raw_dealer(context: zmq.Context[Any], to: Node, pair: KeyPair) -> zmq.Socket[bytes]:
    dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.curve_publickey, dealer.curve_secretkey = pair.public.encode(), pair.secret.encode()
    dealer.curve_serverkey = to.pair.public.encode()
    dealer.connect(to.transport.endpoint)
    return dealer


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xc1", b"junk", b"\x90", b"\x91\x00", b"\x92\x01\x80", b"\x92\x01\x01", b"\xc9\xff"],
)
def test_malformed_frames_of_strangers_disturb_nobody(frame: bytes) -> None:
    with Network("a", "b", "c") as network, zmq.Context() as context:
        a, b = network.two()
        b.system.spawn(Echo, name="echo")
        with raw_dealer(context, a, network.pairs["c"]) as dealer:
            dealer.send(frame)
            seen = a.transport
            eventually(lambda: seen.malformed_frames + seen.unknown_frames)
        assert a.system.ref("echo@b").ask("fine") == "fine"
        assert a.events.down == []


@pytest.mark.parametrize("frame", [b"\xc1", b"\x95\x00\x01\x01\x00\x00", b"\x91\x63"])
def test_a_malformed_frame_of_a_peer_ends_its_session_only(frame: bytes) -> None:
    with Network("a", "b", "c") as network:
        a, b, c = (network.node(name) for name in "abc")
        a.join(b)
        a.join(c)
        b.peer(a)._lanes._outboxes[Lane.DATA].send(frame)
        eventually(lambda: a.transport.malformed_frames == 1)
        eventually(lambda: a.events.up.count("b") == 2)
        assert [name for name, _ in a.events.down] == ["b"]
        b.system.spawn(Echo, name="echo")
        assert eventually(lambda: b.peer(a).is_up)
        assert a.system.ref("echo@b").ask("again") == "again"


def test_garbage_connections_do_not_disturb_service() -> None:
    with two_nodes(PATIENT) as (a, b):
        b.system.spawn(Echo, name="echo")
        host, _, port = b.transport.endpoint.removeprefix("tcp://").rpartition(":")
        for _ in range(20):
            crowd = [socket.create_connection((host, int(port))) for _ in range(25)]
            for one in crowd:
                one.send(b"GET / HTTP/1.1\r\n\r\n" * 3)
            assert a.system.ref("echo@b").ask("fine") == "fine"
            for one in crowd:
                one.close()
        assert a.events.down == []
        eventually(lambda: len(accepted(b)) == 2)


def test_order_and_at_most_once_hold_over_a_forced_reconnect() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        remote = a.system.ref("echo@b")
        stop = threading.Event()

        def cut() -> None:
            while not stop.wait(0.05):
                for connection in list(b.transport._roster.connections._by_id.values()):
                    connection.wire.shut()

        cutter = threading.Thread(target=cut)
        cutter.start()
        for number in range(3000):
            remote.tell(number)
            if not number % 10:
                time.sleep(0.001)
        stop.set()
        cutter.join()

        def got() -> Any:
            try:
                return remote.ask("got", timeout=1)
            except (ActorDeadError, AskTimeoutError):
                return None

        numbers = [number for number in eventually(got) if isinstance(number, int)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) > 100


@pytest.mark.parametrize("lane", Lane)
def test_one_lane_that_breaks_ends_the_session_and_both_hear_again(lane: Lane) -> None:
    with two_nodes(PATIENT) as (a, b):
        b.system.spawn(Echo, name="echo")
        [connection] = [
            each for each in b.transport._roster.connections._by_id.values() if each.lane == lane
        ]
        connection.wire.shut()
        reason = "a connection to it broke"
        eventually(lambda: ("b", reason) in a.events.down)
        eventually(lambda: a.events.up.count("b") == 2 and b.peer(a).is_up)
        assert a.system.ref("echo@b").ask("again") == "again"
        assert a.events.down == [("b", reason)]


def test_the_lanes_of_a_session_are_kept_when_an_earlier_one_is_heard_of_late() -> None:
    """A node that dials twice in a row may be heard in any order, as each lane is its own."""
    with Network("a", "b") as network, zmq.Context() as context:
        a = network.node("a", PATIENT)
        a.system.spawn(Echo, name="echo")
        pair = network.pairs["b"]
        told = a.transport._greeting(pair)
        hello = replace(told, node="b", incarnation=7, endpoint="tcp://127.0.0.1:9")
        late, control, data = (raw_dealer(context, a, pair) for _ in range(3))
        with late, control, data:
            data.send(replace(hello, session=2, lane=int(Lane.DATA)).pack())
            connections = a.transport._roster.connections
            eventually(lambda: len(connections._by_id) == 1)
            late.send(replace(hello, session=1).pack())
            eventually(lambda: a.transport.peers()[0].session.counters.stale)
            control.send(replace(hello, session=2).pack())
            eventually(lambda: len(connections._by_id) == 2)
            data.send(pack_data_header(1, 1, 0, 0) + pack_entry(int(Entry.TELL), "echo", "heard"))
            eventually(lambda: a.system.ref("echo").ask("got") == ["heard"])


def test_a_full_mailbox_stalls_nobody_else() -> None:
    window = Settings(timing=QUICK, window=Window(64), send_timeout=0.2)
    Waiter.gate.clear()
    with two_nodes(window) as (a, b):
        b.system.spawn(Waiter, name="full", bound=4, overflow=Overflow.BLOCK)
        b.system.spawn(Echo, name="echo")
        full, echo = a.system.ref("full@b"), a.system.ref("echo@b")
        numbers = iter(range(1000))
        with pytest.raises(PeerBusyError, match="mailbox of full at b stayed full"):
            _tell_all(full, numbers)
        sent = next(numbers) - 1
        assert sent <= 4 + 1 + 64 + 64
        for number in range(300):
            assert echo.ask(number) == number
        Waiter.gate.set()
        assert eventually(lambda: full.ask("more", timeout=60)) == sent + 1


def test_a_mailbox_that_refuses_tells_the_asker() -> None:
    Waiter.gate.clear()
    with two_nodes() as (a, b):
        b.system.spawn(Waiter, name="small", bound=1, overflow=Overflow.REFUSE)
        remote = a.system.ref("small@b")
        replies = [remote.ask(number, block=False) for number in range(5)]
        # One is in hand and one waits, at most: which, depends on when the first was taken.
        eventually(lambda: sum(reply.is_set() for reply in replies) >= 3)
        for reply in [reply for reply in replies if reply.is_set()]:
            with pytest.raises(MailboxFullError):
                reply.get(timeout=60)
        Waiter.gate.set()
        assert replies[0].get(timeout=60) == 1


def test_a_restarted_node_is_another_one() -> None:
    with Network("a", "b") as network:
        a, b = network.two()
        old = a.system.ref(b.system.spawn(Echo).address)
        b.close()
        network.nodes.remove(b)
        again = network.node("b")
        again.join(a)
        with pytest.raises(ActorDeadError, match="started anew") as caught:
            old.ask("hello")
        assert caught.value.reason == NOPROC
        again.system.spawn(Echo, name="echo")
        assert a.system.ref("echo@b").ask("new") == "new"


# -- other processes


def test_a_killed_process_is_lost_within_the_limit_and_told_once() -> None:
    with Network("a", "b") as network, Child("b", network) as child:
        a = network.node("a")
        child.joined_by(a)
        witness = a.system.spawn(Witness)
        witness.ask(("monitor", a.system.ref("echo@b")))
        assert a.system.ref("echo@b").ask("there") == "there"
        start = time.monotonic()
        child.process.kill()
        told = eventually(lambda: witness.ask("told"))
        assert told[0].reason == NOCONNECTION
        assert time.monotonic() - start < QUICK.lost + 2
        eventually(lambda: a.events.down)
        assert len(witness.ask("told")) == len(a.events.down) == 1


def test_a_stopped_process_is_lost_and_comes_back() -> None:
    with Network("a", "b") as network, Child("b", network) as child:
        a = network.node("a", Settings(timing=HASTY))
        child.joined_by(a)
        child.process.send_signal(signal.SIGSTOP)
        eventually(lambda: a.events.down)
        assert "silent" in a.events.down[0][1]
        child.process.send_signal(signal.SIGCONT)
        eventually(lambda: len(a.events.up) >= 2)
        remote = a.system.ref("echo@b")
        assert eventually(lambda: _answers(remote))


def test_a_process_that_holds_the_gil_is_found_out() -> None:
    with Network("a", "b") as network, Child("b", network) as child:
        a = network.node("a", Settings(timing=HASTY))
        child.joined_by(a)
        child.say("hold")
        eventually(lambda: a.events.down)
        assert "silent" in a.events.down[0][1]
        child.say("release")
        assert child.hear() == "released"
        eventually(lambda: len(a.events.up) >= 2)


def _tell_all(remote: Ref, messages: Iterator[Any]) -> None:
    for message in messages:
        remote.tell(message)


def _answers(remote: Ref) -> bool:
    try:
        return bool(remote.ask("there", timeout=1) == "there")
    except (ActorDeadError, AskTimeoutError):
        return False


def test_an_ask_that_timed_out_is_forgotten() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        peer = a.peer(b)
        with pytest.raises(AskTimeoutError):
            a.system.ref("echo@b").ask("stuck", timeout=0.05)
        eventually(lambda: not peer._asks)
