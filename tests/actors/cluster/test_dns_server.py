"""A real server on this machine, asked by dnspython's resolver and by who is no resolver."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.reversename
import pytest

from simulacra.actors.cluster.dns_server import QUESTIONS, DnsServer
from simulacra.actors.cluster.dns_zone import Endpoint, Table
from simulacra.actors.cluster.turnstile import Limits
from tests.actors.cluster.descriptors import no_descriptors
from tests.support import eventually, nothing_left_behind

TABLE = Table(
    {
        "nas": ("192.168.1.7", "fd00::7"),
        "printer": ("192.168.1.9",),
        "big": tuple(f"10.0.{n // 250}.{n % 250 + 1}" for n in range(200)),
    },
    {"web": (Endpoint("nas", 8080),)},
    frozenset({"nas"}),
)


class Told:
    """What the server is told, which may change or fail."""

    def __init__(self) -> None:
        self.table = TABLE
        self.broken = False

    def __call__(self) -> Table:
        if self.broken:
            raise RuntimeError("the directory is closed")
        return self.table


@contextmanager
def a_server(told: Told | None = None, **options: Any) -> Iterator[DnsServer]:
    with nothing_left_behind():
        server = DnsServer("home", "nas", told or Told(), **options)
        try:
            yield server
        finally:
            server.close()


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with a_server() as server:
        yield server


def resolver_of(server: DnsServer) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = server.port
    resolver.lifetime = 5.0
    return resolver


def udp(server: DnsServer, name: str = "nas.home.", timeout: float = 5.0) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    return dns.query.udp(query, "127.0.0.1", timeout, server.port)


def test_a_resolver_finds_hosts_devices_and_services(server: DnsServer) -> None:
    resolver = resolver_of(server)
    assert [str(each) for each in resolver.resolve("nas.home.", "A")] == ["192.168.1.7"]
    assert [str(each) for each in resolver.resolve("nas.home.", "AAAA")] == ["fd00::7"]
    assert [str(each) for each in resolver.resolve("printer.home.", "A")] == ["192.168.1.9"]
    [service] = resolver.resolve("_web._tcp.home.", "SRV")
    assert (service.target.to_text(), service.port) == ("nas.home.", 8080)
    [name] = resolver.resolve_address("192.168.1.7")
    assert name.to_text() == "nas.home."
    both = resolver.resolve_name("nas.home.")
    assert sorted(both.addresses()) == ["192.168.1.7", "fd00::7"]


def test_what_is_not_there(server: DnsServer) -> None:
    resolver = resolver_of(server)
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("none.home.", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("printer.home.", "AAAA")
    assert udp(server, "example.com.").rcode() == dns.rcode.REFUSED


def test_what_is_too_long_comes_by_tcp(server: DnsServer) -> None:
    query = dns.message.make_query("big.home.", "A")
    short = dns.query.udp(query, "127.0.0.1", 5.0, server.port)
    assert short.flags & dns.flags.TC
    whole, by_tcp = dns.query.udp_with_fallback(query, "127.0.0.1", 5.0, server.port)
    assert by_tcp
    assert len(whole.answer[0]) == 200
    assert len(resolver_of(server).resolve("big.home.", "A")) == 200


def test_an_answer_is_what_the_table_says_now() -> None:
    told = Told()
    with a_server(told) as server:
        assert udp(server).rcode() == dns.rcode.NOERROR
        told.table = Table()
        assert udp(server).rcode() == dns.rcode.NXDOMAIN
        told.broken = True
        assert udp(server).rcode() == dns.rcode.SERVFAIL
        told.broken = False
        assert udp(server).rcode() == dns.rcode.NXDOMAIN
        assert server.answers == {"NOERROR": 1, "NXDOMAIN": 2, "SERVFAIL": 1}


def test_garbage_does_no_harm(server: DnsServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", server.port))
        for size in range(200):
            sender.send(os.urandom(size))
        sender.send(b"\0" * 12)  # no question: FORMERR is due
    eventually(lambda: server.answers.total() == 201)
    assert udp(server).rcode() == dns.rcode.NOERROR


def test_a_question_that_is_cut_off_is_answered_formerr(server: DnsServer) -> None:
    wire = dns.message.make_query("nas.home.", "A", id=4711).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(60)
        sender.connect(("127.0.0.1", server.port))
        sender.send(wire[:20])
        reply = dns.message.from_wire(sender.recv(4096))
    assert (reply.rcode(), reply.id) == (dns.rcode.FORMERR, 4711)


def test_one_asker_gets_so_many_answers_in_a_time_and_others_theirs() -> None:
    limits = Limits(burst_each=10, burst_all=100, rate_each=0.0, rate_all=0.0)
    with a_server(limits=limits) as server:
        wire = dns.message.make_query("nas.home.", "A").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.bind(("127.0.0.2", 0))
            for _ in range(50):
                flood.sendto(wire, ("127.0.0.1", server.port))
            eventually(lambda: server.answers.total() + server.turned_away == 50)
        assert (server.answers.total(), server.turned_away) == (10, 40)
        assert udp(server).rcode() == dns.rcode.NOERROR


# -- TCP


def dial(server: DnsServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60.0)


def framed(name: str = "nas.home.") -> bytes:
    wire = dns.message.make_query(name, "A").to_wire()
    return struct.pack(">H", len(wire)) + wire


def receive(connection: socket.socket) -> dns.message.Message:
    message, _ = dns.query.receive_tcp(connection, time.time() + 5.0)
    return message


def is_closed(connection: socket.socket) -> bool:
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def test_several_questions_on_one_connection_in_whatever_pieces(server: DnsServer) -> None:
    with dial(server) as connection:
        stream = framed() + framed("none.home.") + framed("big.home.")
        for start in range(0, len(stream), 7):
            connection.sendall(stream[start : start + 7])
        rcodes = [receive(connection).rcode() for _ in range(3)]
    assert rcodes == [dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.NOERROR]
    eventually(lambda: not server._streams)


def test_who_is_silent_is_hung_up_on_and_room_is_made() -> None:
    limits = Limits(open_each=4, open_all=4, burst_each=100, burst_all=100)
    with a_server(limits=limits, idle=0.2) as server, ExitStack() as stack:
        slow = [stack.enter_context(dial(server)) for _ in range(4)]
        for connection in slow:
            connection.sendall(framed()[:5])
        eventually(lambda: len(server._streams) == 4)
        refused = stack.enter_context(dial(server))
        assert is_closed(refused)
        assert server.turned_away == 1
        assert all(map(is_closed, slow))
        eventually(lambda: not server._streams)
        assert resolver_of(server).resolve("nas.home.", "A", tcp=True)


def test_one_connection_has_so_many_questions(server: DnsServer) -> None:
    with dial(server) as connection:
        connection.sendall(framed() * (QUESTIONS + 1))
        assert is_closed(connection)
    assert server.answers.total() <= QUESTIONS + 1


def test_garbage_by_tcp_does_no_harm(server: DnsServer) -> None:
    for size in (1, 2, 13, 500, 65000):
        with dial(server) as connection:
            connection.sendall(struct.pack(">H", size) + os.urandom(size))
    with dial(server) as connection:
        connection.sendall(b"\0\0")  # a question of no bytes
        assert is_closed(connection)
    assert udp(server).rcode() == dns.rcode.NOERROR


def test_without_descriptors_it_rests_and_goes_on(
    server: DnsServer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as caller, socket.socket(type=socket.SOCK_DGRAM) as asker:
        caller.settimeout(60)
        asker.settimeout(60)
        with no_descriptors():
            caller.connect(("127.0.0.1", server.port))
            eventually(lambda: "was not accepted" in caplog.text)
            asker.sendto(framed()[2:], ("127.0.0.1", server.port))
            assert dns.message.from_wire(asker.recv(4096)).answer  # UDP needs none
        caller.sendall(framed())
        assert receive(caller).answer
    assert caplog.text.count("was not accepted") <= 2


def test_closing_does_not_wait_for_those_who_are_connected() -> None:
    with a_server() as server, dial(server) as connection:
        eventually(lambda: server._streams)
        server.close()
        assert is_closed(connection)


def test_a_port_in_use_is_an_error(server: DnsServer) -> None:
    with pytest.raises(OSError):
        DnsServer("home", "nas", Told(), port=server.port)


def test_ipv6() -> None:
    with a_server(bind="::1") as server:
        query = dns.message.make_query("nas.home.", "A")
        assert dns.query.udp(query, "::1", 5.0, server.port).answer
        assert dns.query.tcp(query, "::1", 5.0, server.port).answer
