"""What the DNS says of a network: pure answers to questions, from a table of names.

The zone is the network's name. In it are

=============================  ====================================================
``nas.NETWORK``                A and AAAA of a host, a device or a service
``_web._tcp.NETWORK``          SRV of a service: the hosts and the port
``NETWORK``                    SOA and NS
``7.1.168.192.in-addr.arpa``   PTR of an address that a host has
=============================  ====================================================

What is not there is NXDOMAIN; what is there, but not with the type that is asked for, is an empty
answer. Both carry the SOA, so that resolvers keep that for `TTL` seconds only. Everything outside
is REFUSED: this is no resolver.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

TTL: Final = 10
"""Seconds that answers hold: names move."""
PAYLOAD: Final = 1232
"""Bytes of a UDP answer that pass everywhere unbroken (DNS flag day 2020)."""
_LEAST_PAYLOAD: Final = 512
_HEADER: Final = 12
_TRANSFERS: Final = frozenset({dns.rdatatype.AXFR, dns.rdatatype.IXFR})
_ADDRESSES: Final = frozenset({dns.rdatatype.A, dns.rdatatype.AAAA})

for _told in (*sorted(_ADDRESSES), *map(dns.rdatatype.from_text, ("NS", "PTR", "SOA", "SRV"))):
    # Imported with the first record else, which fails where no file can be opened.
    dns.rdata.get_rdata_class(dns.rdataclass.IN, _told)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers.

    Attributes:
        host: a host's name.
        port: its port.
    """

    host: str
    port: int


@dataclass(frozen=True)
class Table:
    """What there is to tell, as the directory knows it now.

    Attributes:
        addresses: the IP addresses by name: of hosts, devices and services.
        services: where each service answers.
        hosts: which of the names are hosts'; their addresses lead back to them (PTR).
        serial: a number that grows with every change.
    """

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    serial: int = 1


class Zone:
    """Answers for one network.

    Args:
        network: its name, one label.
        here: the host that answers.
    """

    def __init__(self, network: str, here: str) -> None:
        self._origin = dns.name.from_text(network)
        self._server = dns.name.from_text(here, self._origin)

    def answer(self, query: dns.message.Message, table: Table) -> dns.message.Message:
        """The response to a query.

        Args:
            query: the query.
            table: what there is to tell.
        """
        reply = dns.message.make_response(query, our_payload=PAYLOAD)
        if query.edns > 0:
            reply.set_rcode(dns.rcode.BADVERS)
        elif query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
        elif len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
        else:
            self._answer(query.question[0], table, reply)
        return reply

    def _answer(self, question: dns.rrset.RRset, table: Table, reply: dns.message.Message) -> None:
        name, kind = question.name, question.rdtype
        if question.rdclass != dns.rdataclass.IN or kind in _TRANSFERS:
            reply.set_rcode(dns.rcode.REFUSED)
        elif name.is_subdomain(self._origin):
            self._in_zone(name, kind, table, reply)
        elif not self._reverse(name, kind, table, reply):
            reply.set_rcode(dns.rcode.REFUSED)

    def _in_zone(
        self,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        table: Table,
        reply: dns.message.Message,
    ) -> None:
        reply.flags |= dns.flags.AA
        found = self._records(name, table)
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for rrset in found or ():
            if kind in (rrset.rdtype, dns.rdatatype.ANY):
                reply.answer.append(rrset)
                if rrset.rdtype == dns.rdatatype.SRV:
                    reply.additional += self._targets(rrset, table)
        if not reply.answer:
            reply.authority.append(self._soa(table))

    def _records(self, name: dns.name.Name, table: Table) -> list[dns.rrset.RRset] | None:
        """All records of a name in the zone; None where there is no such name."""
        labels = [
            part.decode("ascii", "replace").lower() for part in name.relativize(self._origin).labels
        ]
        match labels:
            case []:
                server = self._server.to_text()
                return [self._soa(table), _rrset(name, dns.rdatatype.NS, [server])]
            case [label] if label in table.addresses:
                return _address_records(name, table.addresses[label])
            case ["_tcp"]:
                return []  # there are names below it
            case [service, "_tcp"] if service[:1] == "_" and service[1:] in table.services:
                told = [
                    f"0 0 {each.port} {dns.name.from_text(each.host, self._origin)}"
                    for each in table.services[service[1:]]
                ]
                return [_rrset(name, dns.rdatatype.SRV, told)] if told else []
        return None

    def _targets(self, services: dns.rrset.RRset, table: Table) -> list[dns.rrset.RRset]:
        """The addresses of the hosts that SRV records name, to save another question."""
        hosts = sorted({rdata.target for rdata in services})
        return [
            rrset
            for host in hosts
            for rrset in self._records(host, table) or ()
            if rrset.rdtype in _ADDRESSES
        ]

    def _reverse(
        self,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        table: Table,
        reply: dns.message.Message,
    ) -> bool:
        """Answer for an address, if a host has it."""
        try:
            address = str(ipaddress.ip_address(dns.reversename.to_address(name)))
        except (dns.exception.DNSException, ValueError):
            return False
        hosts = [host for host in sorted(table.hosts) if _has(table, host, address)]
        if not hosts:
            return False
        reply.flags |= dns.flags.AA
        if kind in (dns.rdatatype.PTR, dns.rdatatype.ANY):
            targets = [dns.name.from_text(host, self._origin).to_text() for host in hosts]
            reply.answer.append(_rrset(name, dns.rdatatype.PTR, targets))
        return True

    def _soa(self, table: Table) -> dns.rrset.RRset:
        serial = table.serial % 2**32
        told = f"{self._server} hostmaster.{self._origin} {serial} 60 60 600 {TTL}"
        return _rrset(self._origin, dns.rdatatype.SOA, [told])


def _has(table: Table, host: str, address: str) -> bool:
    return any(str(ipaddress.ip_address(each)) == address for each in table.addresses.get(host, ()))


def _address_records(name: dns.name.Name, addresses: Iterable[str]) -> list[dns.rrset.RRset]:
    by_version: dict[int, list[str]] = {4: [], 6: []}
    for address in addresses:
        parsed = ipaddress.ip_address(address)
        by_version[parsed.version].append(str(parsed))
    kinds = ((dns.rdatatype.A, by_version[4]), (dns.rdatatype.AAAA, by_version[6]))
    return [_rrset(name, kind, told) for kind, told in kinds if told]


def _rrset(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, told: Collection[str]
) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(name, TTL, dns.rdataclass.IN, kind, told)


# -- bytes


def read_query(wire: bytes) -> dns.message.Message | None:
    """The query in some bytes; None if they are none, as an answer is none."""
    try:
        query = dns.message.from_wire(wire, ignore_trailing=False)
    except Exception:  # noqa: BLE001 - whatever the parser says, it is no query
        return None
    return None if query.flags & dns.flags.QR else query


def refuse(wire: bytes) -> bytes | None:
    """FORMERR, for bytes that are no query; None if no answer is due.

    A response is never answered: two servers would go on for ever.
    """
    if len(wire) < _HEADER or wire[2] & 0x80:
        return None
    reply = dns.message.Message(int.from_bytes(wire[:2], "big"))
    reply.flags = dns.flags.QR
    reply.set_rcode(dns.rcode.FORMERR)
    return reply.to_wire()


def fail(query: dns.message.Message) -> bytes:
    """SERVFAIL, for a query that cannot be answered now."""
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.SERVFAIL)
    return reply.to_wire()


def to_wire(query: dns.message.Message, reply: dns.message.Message, *, udp: bool) -> bytes:
    """The bytes of a response.

    What is too long for UDP is sent without its additional records, and if that is not enough
    without any, marked as truncated: the asker comes again by TCP.
    """
    limit = max(_LEAST_PAYLOAD, min(query.payload, PAYLOAD)) if udp else 65535
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        reply.additional = []
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        reply.answer, reply.authority = [], []
        reply.flags |= dns.flags.TC
        return reply.to_wire(max_size=limit)
