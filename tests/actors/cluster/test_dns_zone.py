from __future__ import annotations

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.dns_zone import (
    PAYLOAD,
    TTL,
    Endpoint,
    Table,
    Zone,
    fail,
    read_query,
    refuse,
    to_wire,
)

ZONE = Zone("home", "nas")
TABLE = Table(
    {
        "nas": ("192.168.1.7", "fd00::7"),
        "desk": ("192.168.1.8",),
        "printer": ("192.168.1.9",),
        "web": ("192.168.1.7", "192.168.1.8"),
        "away": (),
    },
    {"web": (Endpoint("nas", 80), Endpoint("desk", 8080)), "idle": ()},
    frozenset({"nas", "desk", "away"}),
    serial=2**32 + 7,
)


def ask(name: str, kind: str = "A", **options: object) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)  # type: ignore[arg-type]
    return ZONE.answer(query, TABLE)


def told(reply: dns.message.Message) -> list[str]:
    return sorted(f"{rrset.name} {rdata}" for rrset in reply.answer for rdata in rrset)


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("nas.home.", "A", ["nas.home. 192.168.1.7"]),
        ("nas.home.", "AAAA", ["nas.home. fd00::7"]),
        ("nas.home.", "ANY", ["nas.home. 192.168.1.7", "nas.home. fd00::7"]),
        ("NAS.Home.", "A", ["NAS.Home. 192.168.1.7"]),
        ("printer.home.", "A", ["printer.home. 192.168.1.9"]),
        ("web.home.", "A", ["web.home. 192.168.1.7", "web.home. 192.168.1.8"]),
        (
            "_web._tcp.home.",
            "SRV",
            ["_web._tcp.home. 0 0 80 nas.home.", "_web._tcp.home. 0 0 8080 desk.home."],
        ),
        ("home.", "SOA", ["home. nas.home. hostmaster.home. 7 60 60 600 10"]),
        ("home.", "NS", ["home. nas.home."]),
        ("7.1.168.192.in-addr.arpa.", "PTR", ["7.1.168.192.in-addr.arpa. nas.home."]),
    ],
)
def test_what_is_there(name: str, kind: str, answer: list[str]) -> None:
    reply = ask(name, kind)
    assert reply.rcode() == dns.rcode.NOERROR
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA
    assert told(reply) == answer
    assert {rrset.ttl for rrset in reply.answer} == {TTL}


def test_a_service_comes_with_the_addresses_of_its_hosts() -> None:
    reply = ask("_web._tcp.home.", "SRV")
    more = {f"{rrset.name} {rdata}" for rrset in reply.additional for rdata in rrset}
    assert more == {"nas.home. 192.168.1.7", "nas.home. fd00::7", "desk.home. 192.168.1.8"}


@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        ("none.home.", "A", dns.rcode.NXDOMAIN),
        ("a.nas.home.", "A", dns.rcode.NXDOMAIN),
        ("_none._tcp.home.", "SRV", dns.rcode.NXDOMAIN),
        ("_web._udp.home.", "SRV", dns.rcode.NXDOMAIN),
        ("web._tcp.home.", "SRV", dns.rcode.NXDOMAIN),
        ("desk.home.", "AAAA", dns.rcode.NOERROR),
        ("desk.home.", "TXT", dns.rcode.NOERROR),
        ("away.home.", "A", dns.rcode.NOERROR),
        ("_tcp.home.", "SRV", dns.rcode.NOERROR),
        ("_idle._tcp.home.", "SRV", dns.rcode.NOERROR),
        ("home.", "A", dns.rcode.NOERROR),
    ],
)
def test_what_is_not_there_says_so_with_the_soa(
    name: str, kind: str, rcode: dns.rcode.Rcode
) -> None:
    reply = ask(name, kind)
    assert (reply.rcode(), reply.answer) == (rcode, [])
    [soa] = reply.authority
    assert (soa.rdtype, soa.name.to_text(), soa.ttl) == (dns.rdatatype.SOA, "home.", TTL)
    assert soa[0].minimum == TTL
    assert reply.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("example.com.", "A"),
        ("nas.home.example.", "A"),
        ("nas.", "A"),
        (".", "NS"),
        ("9.1.168.192.in-addr.arpa.", "PTR"),  # a device's, not a host's
        ("99.1.168.192.in-addr.arpa.", "PTR"),
        ("168.192.in-addr.arpa.", "PTR"),
        ("home.", "AXFR"),
    ],
)
def test_what_is_outside_is_refused(name: str, kind: str) -> None:
    reply = ask(name, kind)
    assert reply.rcode() == dns.rcode.REFUSED
    assert (reply.answer, reply.authority) == ([], [])
    assert not reply.flags & dns.flags.AA


def test_an_address_of_ipv6_leads_back_and_has_no_other_type() -> None:
    name = ".".join(reversed("fd00" + "0" * 27 + "7")) + ".ip6.arpa."
    assert told(ask(name, "PTR")) == [f"{name} nas.home."]
    assert (ask(name, "A").rcode(), ask(name, "A").answer) == (dns.rcode.NOERROR, [])


def test_other_classes_and_operations_are_not_served() -> None:
    assert ask("nas.home.", "A", rdclass="CH").rcode() == dns.rcode.REFUSED
    notify = dns.message.make_query("home.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert ZONE.answer(notify, TABLE).rcode() == dns.rcode.NOTIMP
    none = dns.message.QueryMessage()
    assert ZONE.answer(none, TABLE).rcode() == dns.rcode.FORMERR


def test_edns_is_answered_and_only_its_version_0_is_known() -> None:
    assert ask("nas.home.").edns == -1
    reply = ask("nas.home.", use_edns=0)
    assert (reply.edns, reply.payload) == (0, PAYLOAD)
    newer = ask("nas.home.", use_edns=1)
    assert (newer.rcode(), newer.answer) == (dns.rcode.BADVERS, [])


MANY = Table({"big": tuple(f"10.0.{n // 250}.{n % 250 + 1}" for n in range(200))})


@pytest.mark.parametrize(
    ("payload", "udp", "limit", "truncated"),
    [(None, True, 512, True), (9000, True, PAYLOAD, True), (9000, False, 65535, False)],
)
def test_what_is_too_long_for_udp_is_truncated(
    payload: int | None, udp: bool, limit: int, truncated: bool
) -> None:
    query = dns.message.make_query("big.home.", "A", payload=payload)
    wire = to_wire(query, ZONE.answer(query, MANY), udp=udp)
    reply = dns.message.from_wire(wire)
    assert len(wire) <= limit
    assert bool(reply.flags & dns.flags.TC) == truncated
    assert len(reply.answer) == (0 if truncated else 1)


def test_additional_records_are_left_out_before_anything_is_truncated() -> None:
    hosts = {f"host-{n}": (f"10.0.0.{n + 1}", f"fd00::{n + 1}") for n in range(8)}
    table = Table(hosts, {"web": tuple(Endpoint(host, 80) for host in hosts)})
    query = dns.message.make_query("_web._tcp.home.", "SRV")
    reply = dns.message.from_wire(to_wire(query, ZONE.answer(query, table), udp=True))
    assert not reply.flags & dns.flags.TC
    assert (len(reply.answer[0]), reply.additional) == (8, [])


def test_responses_are_never_answered() -> None:
    query = dns.message.make_query("nas.home.", "A")
    response = to_wire(query, ZONE.answer(query, TABLE), udp=True)
    assert read_query(response) is None
    assert refuse(response) is None
    failed = dns.message.from_wire(fail(query))
    assert failed.rcode() == dns.rcode.SERVFAIL
    assert failed.question == query.question


labels = st.sampled_from(["nas", "home", "_web", "_tcp", "web", "x", "in-addr", "arpa", "1"])


@given(
    st.lists(labels, max_size=6),
    st.sampled_from(["A", "AAAA", "SRV", "PTR", "NS", "SOA", "ANY", "TXT"]),
)
def test_every_question_has_a_well_formed_answer(name: list[str], kind: str) -> None:
    query = dns.message.make_query(".".join(name) + ".", kind)
    reply = dns.message.from_wire(to_wire(query, ZONE.answer(query, TABLE), udp=True))
    assert query.is_response(reply)
    answered = reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    assert answered == bool(reply.flags & dns.flags.AA)


@given(st.binary(max_size=100), st.integers(0, 60), st.binary(max_size=3))
def test_garbage_is_refused_or_ignored(junk: bytes, at: int, patch: bytes) -> None:
    wire = dns.message.make_query("nas.home.", "A", use_edns=0).to_wire()
    for data in (junk, wire[:at] + patch + wire[at + len(patch) :], wire[:at]):
        query = read_query(data)
        if query is None:
            answer = refuse(data)
            assert answer is None or dns.message.from_wire(answer).rcode() == dns.rcode.FORMERR
        else:
            dns.message.from_wire(to_wire(query, ZONE.answer(query, TABLE), udp=True))
