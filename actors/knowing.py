"""What this node knows of its network: the directory, the names in it, and the DNS that tells them.

It is there from the moment when the host is in a network; before, the node knows what it is
connected to, and no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.capabilities import has_low_battery, told_here
from simulacra.actors.cluster.counting import Change
from simulacra.actors.cluster.directory import DIRECTORY, Directory, Place
from simulacra.actors.cluster.directory_view import DirectoryView
from simulacra.actors.cluster.dns_server import PORT, DnsServer
from simulacra.actors.cluster.dns_zone import Endpoint, Table
from simulacra.actors.cluster.names import Names, Thing
from simulacra.actors.cluster.names import Place as At
from simulacra.actors.cluster.needs import NeedsError, parse_needs, ports_of
from simulacra.actors.cluster.publisher import PUBLISHER, Held, Look, Publisher, Sources
from simulacra.actors.cluster.trust import RollTrust
from simulacra.actors.compute.computations import COMPUTATIONS, ListThem, is_living
from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.post_messages import Find
from simulacra.actors.compute.service_master import SERVICE_MASTER, Shown, ShowServices
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.sparing import Line
from simulacra.actors.data.trees.trees import TREES, ListTrees
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.settings import split_address

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ELSEWHERE: Final = frozenset({"left", "arriving"})

logger = logging.getLogger(__name__)


class Knowing:
    """See the module.

    Args:
        node: this node.

    Attributes:
        view: the directory; empty where there is none.
        dns: where the network's names are told, None where they are not.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.view = DirectoryView()
        self.view.subscribe(["copy"], self._call_sharers)
        self.dns: DnsServer | None = None
        # A zone's serial may not go back, also not by a restart.
        self._last = Table(serial=int(time.time()))

    def specs(self) -> list[ChildSpec]:
        """Its actors; none without a network."""
        node, charter = self._node, self._node.enrolment.charter
        if charter is None:
            return []
        host = node.settings.name
        folder = node.settings.paths.state / host
        place = Place(host, charter.roll.root, folder / "directory.db", node.enrolment.signer)
        directory = (self.view, place, RollTrust(lambda: charter.roll), node.neighbours.inside)
        sources = Sources(self._told, self._held, self._copies, self._services, self._epoch)
        return [
            ChildSpec(DIRECTORY, Directory, directory, {"name": DIRECTORY}),
            ChildSpec(PUBLISHER, Publisher, (host, self.view, sources), {"name": PUBLISHER}),
        ]

    def met(self, host: str) -> None:
        """A host was connected: compare with it."""
        self.view.has_connected(host)

    # -- what this host says

    def _told(self) -> dict[str, Any]:
        settings = self._node.settings
        return {
            **told_here(settings.zone, settings.labels),
            "address": self._node.neighbours.address(),
        }

    def _held(self) -> list[Held]:
        listed = self._node.system.ref(COMPUTATIONS).ask(ListThem())
        living = [each for each, _ in listed if is_living(each) and each.state not in _ELSEWHERE]
        return [_held(each) for each in living]

    def _copies(self) -> dict[str, Any]:
        trees: list[Definition] = self._node.system.ref(TREES).ask(ListTrees())
        return {each.id: {"path": each.root, "complete": each.is_complete} for each in trees}

    def _services(self) -> dict[str, Any] | None:
        master = self._node.system.whereis(SERVICE_MASTER)
        if master is None or self._node.cluster.focus.acting is None:
            return None
        shown: dict[str, Shown] = master.ask(ShowServices())
        return {name: _service(each) for name, each in shown.items()}

    def _epoch(self) -> tuple[int, str]:
        epoch = self._node.cluster.focus.epoch
        return epoch.counter, epoch.host

    def publish(self) -> None:
        """Say now what is new of this host; returns when it is said, or cannot be."""
        publisher = self._node.system.whereis(PUBLISHER)
        if publisher is not None:
            publisher.ask(Look())

    def holders(self, tree: str) -> list[str]:
        """The hosts that have a tree, the main store's first."""
        main = [fact.value["host"] for fact in self.view.find("tree", subject=tree)]
        copies = [fact.key.subject for fact in self.view.find("copy", name=tree)]
        return list(dict.fromkeys([*main, *copies]))

    def shares_tree(self, host: str) -> bool:
        """Whether this host and another have copies of the same tree."""
        here, there = (
            {fact.key.name for fact in self.view.find("copy", subject=each)}
            for each in (self._node.settings.name, host)
        )
        return not here.isdisjoint(there)

    def _call_sharers(self, changes: Sequence[Change]) -> None:
        """Call who has a copy of the same tree from now on, and is not connected."""
        here = self._node.settings.name
        new = {change.key for change in changes if change.before is None}
        hosts = {key.subject for key in new}
        for key in new:
            if key.subject == here:
                hosts.update(self.holders(key.name))
        for host in hosts & set(self._node.cluster.far()):
            if self.shares_tree(host):
                self._node.transport.call(host)

    def askable(self, query: Find) -> list[str]:
        """Whom to ask about somebody: who is connected, and of the others who is said to know."""
        far = set(self._node.cluster.far())
        if far and self._node.enrolment.charter is not None:
            name = (query.name or "").partition("@")[0]
            said = self.view.find("name")
            has = [
                each for each in said if name == each.key.name or query.party == each.key.subject
            ]
            far &= {str(each.value["host"]) for each in has}
        return [*self._node.neighbours.connected(), *sorted(far)]

    def complete_holders(self, tree: str) -> list[str]:
        """The hosts that have all of a tree, the main store's first, others by name."""
        copies = self.view.find("copy", name=tree)
        complete = {fact.key.subject for fact in copies if fact.value["complete"]}
        main = {fact.value["host"] for fact in self.view.find("tree", subject=tree)}
        return sorted(complete, key=lambda host: (host not in main, host))

    def line(self) -> Line:
        """How this host is connected, by what the hosts say of themselves."""
        told = {
            each.key.subject: each.value for each in self.view.find("host", name="capabilities")
        }
        metered = {host for host, value in told.items() if value.get("metered")}
        here = self._node.settings.name
        return Line(here in metered, metered - {here}, has_low_battery())

    # -- names

    def names(self) -> Names:
        """All names of the network, as this host knows them."""
        return Names.of(self._things())

    def _things(self) -> Iterator[Thing]:
        for host in self.addresses():
            yield Thing("host", host, (At(host),))
        services = {fact.key.name for fact in self.view.find("service")}
        for fact in self.view.find("name"):
            value = fact.value
            if fact.key.name in services:  # its replica, which is named like it
                continue
            yield Thing(value["kind"], fact.key.name, (At(value["host"]),), (value["since"],))
        for fact in self.view.find("device"):
            yield Thing("device", fact.key.name, (At(fact.key.subject),))
        for fact in self.view.find("service"):
            yield Thing("service", fact.key.name, tuple(map(At, fact.value["hosts"])))
        for fact in self.view.find("tree"):
            places = [
                At(each.key.subject, each.value["path"], each.value["complete"])
                for each in self.view.find("copy", name=fact.key.subject)
            ]
            places.sort(key=lambda at: at.host != fact.value["host"])
            yield Thing("tree", fact.key.name, tuple(places), (fact.value["since"],))

    def addresses(self) -> dict[str, str]:
        """Where each host of the network listens, ``host:port``, or an empty string."""
        node = self._node
        charter = node.enrolment.charter
        found = {} if charter is None else {each.host: "" for each in charter.roll.members}
        found |= {} if charter is None else charter.places
        found |= {each.host: each.address for each in node.cluster.members.values()}
        for fact in self.view.find("host", name="capabilities"):
            if fact.key.subject in found:
                found[fact.key.subject] = str(fact.value.get("address", ""))
        return found | node.neighbours.places()

    # -- the DNS

    def open_dns(self) -> None:
        """Tell the network's names to this machine's resolvers, if this host is in a network."""
        charter = self._node.enrolment.charter
        if charter is None or self.dns is not None:
            return
        told = self._node.settings.dns
        host, port = split_address(told) if told else ("127.0.0.1", PORT)
        name = self._node.settings.name
        try:
            self.dns = DnsServer(charter.network, name, self._table, bind=host, port=port)
        except OSError as error:
            if told:
                logger.error("no DNS at %s: %s", told, error)  # noqa: TRY400 - no bug
                return
            # Several nodes on one machine: the first has the port of its own.
            self.dns = DnsServer(charter.network, name, self._table)

    def close(self) -> None:
        """Tell no names any more."""
        if self.dns is not None:
            self.dns.close()

    def _table(self) -> Table:
        hosts = {host: _ip(address) for host, address in self.addresses().items()}
        addresses: dict[str, tuple[str, ...]] = {h: (ip,) for h, ip in hosts.items() if ip}
        services: dict[str, tuple[Endpoint, ...]] = {}
        for fact in self.view.find("service"):
            on, ports = fact.value["hosts"], fact.value["ports"]
            reached = tuple(hosts[host] for host in on if hosts.get(host))
            addresses.setdefault(fact.key.name, reached)
            services[fact.key.name] = tuple(Endpoint(h, port) for h in on for port in ports)
        for fact in self.view.find("device"):
            addresses.setdefault(fact.key.name, tuple(fact.value.get("addresses", ())))
        table = Table(addresses, services, frozenset(hosts), serial=self._last.serial)
        if table != self._last:
            self._last = replace(table, serial=table.serial + 1)
        return self._last


def _held(one: Described) -> Held:
    return Held(one.party, one.name, "computation", one.epoch, one.since or 0.0)


def _service(shown: Shown) -> dict[str, Any]:
    try:
        ports = sorted(ports_of(parse_needs(shown.told.get("needs", ()))))
    except NeedsError:
        ports = []
    decision = shown.decision
    hosts = sorted(host for host, each in shown.replicas.items() if each.state == "running")
    return {
        "hosts": hosts,
        "ports": ports,
        "state": "unknown" if decision is None else decision.state,
        "why": shown.problem if decision is None else decision.reason,
    }


def _ip(address: str) -> str:
    try:
        return split_address(address)[0]
    except ValueError:
        return ""
