import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulacra.testing import Link
from tests.actors.cluster.realm import Realm

EXAMPLES = int(os.environ.get("SIMULACRA_EXAMPLES", "100"))

links = st.builds(
    Link,
    delay=st.sampled_from([(0.001, 0.01), (0.001, 0.3)]),
    loss=st.sampled_from([0, 0, 0.1, 0.3]),
    duplication=st.sampled_from([0, 0.3]),
)
hosts = st.sampled_from("abcde")
seconds = st.sampled_from([0.05, 0.5, 2.0, 6.0, 12.0])


class Trouble(RuleBasedStateMachine):
    """Hosts crash, stop, part and meet again while clients ask; then there is quiet."""

    realm: Realm

    @initialize(seed=st.integers(0, 2**32), link=links, size=st.integers(1, 5))
    def begin(self, seed: int, link: Link, size: int) -> None:
        self.realm = Realm("abcde"[:size], seed, link)
        self.realm.clock.advance(5)

    def known(self, host: str) -> str:
        return self.realm.hosts[ord(host) % len(self.realm.hosts)]

    @rule(time=seconds)
    def advance(self, time: float) -> None:
        self.realm.clock.advance(time)

    @rule(host=hosts, number=st.integers(0, 3), owner=st.sampled_from(["x", "y"]))
    def claim(self, host: str, number: int, owner: str) -> None:
        self.realm.ask(self.known(host), "claim", {"name": f"n{number}", "owner": owner})

    @rule(host=hosts, number=st.integers(0, 1), value=st.integers(0, 5))
    def set_one(self, host: str, number: int, value: int) -> None:
        self.realm.ask(self.known(host), "set", {"key": f"k{number}", "value": value})

    @rule(host=hosts)
    def work(self, host: str) -> None:
        realm, host = self.realm, self.known(host)
        realm.ask(host, "put", {"id": f"i{realm.numbers}", "what": realm.numbers})

    @rule(host=hosts, number=st.integers(0, 10), kind=st.sampled_from(["assign", "done"]))
    def work_on(self, host: str, number: int, kind: str) -> None:
        told: dict[str, Any] = {"id": f"i{number}", "to": host, "by": host, "attempt": 1}
        self.realm.ask(self.known(host), kind, {**told, "clock": self.realm.now})

    @rule(host=hosts, goal=hosts)
    def refocus(self, host: str, goal: str) -> None:
        self.realm.ask(self.known(host), "focus", {"host": self.known(goal)})

    @rule(part=st.sets(hosts, min_size=1, max_size=4))
    def split(self, part: set[str]) -> None:
        self.realm.network.split(sorted(part))

    @rule()
    def split_off_master(self) -> None:
        if self.realm.masters:
            self.realm.network.split([min(self.realm.masters)])

    @rule(source=hosts, goal=hosts)
    def cut_one_way(self, source: str, goal: str) -> None:
        self.realm.cut(self.known(source), self.known(goal))

    @rule()
    def heal(self) -> None:
        self.realm.heal()

    @rule(host=hosts, disk=st.sampled_from([True, True, True, False]))
    def crash(self, host: str, disk: bool) -> None:
        self.realm.crash(self.known(host), disk=disk)

    @rule(host=hosts, commands=st.integers(0, 30))
    def crash_soon(self, host: str, commands: int) -> None:
        self.realm.fuses[self.known(host)] = commands

    @rule(commands=st.integers(0, 12))
    def crash_master_soon(self, commands: int) -> None:
        for host in self.realm.masters:
            self.realm.fuses[host] = commands

    @rule(host=hosts)
    def start(self, host: str) -> None:
        self.realm.start(self.known(host))

    @rule(host=hosts)
    def stop(self, host: str) -> None:
        self.realm.stop(self.known(host))

    @rule()
    def stop_master(self) -> None:
        for host in self.realm.masters:
            self.realm.stop(host)

    @rule(host=hosts)
    def go_on(self, host: str) -> None:
        self.realm.go_on(self.known(host))

    @rule(observer=hosts, other=hosts)
    def suspect_wrongly(self, observer: str, other: str) -> None:
        observer, other = self.known(observer), self.known(other)
        if observer != other:
            self.realm.tell(observer, other, up=False)

    @rule(host=hosts, offset=st.sampled_from([-3600.0, 0.0, 3600.0]))
    def jump(self, host: str, offset: float) -> None:
        self.realm.offsets[self.known(host)] = offset

    @invariant()
    def fenced(self) -> None:
        if hasattr(self, "realm"):
            self.realm.check_fenced()

    def teardown(self) -> None:
        if hasattr(self, "realm"):
            self.realm.quiet()
            self.realm.check_agreed()
            self.realm.check_requests()
            self.realm.check_fenced()


TestTrouble = Trouble.TestCase
TestTrouble.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
