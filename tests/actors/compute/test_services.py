"""Services on a real node: started when they can run, stopped with a reason, by one master."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.cluster.focus import FOCUS
from simulacra.actors.cluster.needs import Capabilities
from simulacra.actors.cluster.services import Part
from simulacra.actors.compute import service_master
from simulacra.actors.compute.service_master import (
    SERVICE_MASTER,
    ServiceMaster,
    Shown,
    ShowServices,
    Wanted,
)
from simulacra.actors.compute.service_runner import (
    SERVICES,
    Epoch,
    ServiceRunner,
    StaleEpochError,
    Start,
    WhatRuns,
)
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.gateway.frames import GatewayError
from simulacra.actors.runtime import ActorDeadError, ActorSystem, Ref
from simulacra.actors.runtime.supervision import SupervisorHandle
from tests.onehost import Host, one_host, until

STAYS = "def main(ctx):\n    ctx.receive()\n"
FAILS = "def main(ctx):\n    raise RuntimeError('no paper')\n"


def spec(source: str) -> dict[str, Any]:
    return Spec(Script("/none/web.py", source)).to_plain()


@dataclass
class Master:
    """A master of services beside the node's own parts, and what it is told."""

    host: Host
    wanted: dict[str, Wanted] = field(default_factory=dict)
    has: set[str] = field(default_factory=set)
    newest: Epoch = (1, "desk")
    split: bool = False

    def start(self) -> None:
        system = self.host.node.system
        root = system.whereis("node")
        assert root is not None
        for part in (FOCUS, SERVICES):  # the node's own, which would decide for itself
            SupervisorHandle(root).terminate_child(part)
        until(lambda: system.whereis(SERVICE_MASTER) is None)
        file = self.host.home / "services.json"
        self.runner: Ref = system.spawn(
            ServiceRunner, file, lambda epoch: epoch >= self.newest, name=SERVICES
        )
        self.decide()

    def decide(self) -> None:
        """Begin to be master, knowing nothing of before."""
        self.ref: Ref = self.host.node.system.spawn(
            ServiceMaster, (1, "desk"), lambda: dict(self.wanted), self.part, name=SERVICE_MASTER
        )

    def part(self) -> Part:
        desk = Capabilities("desk", has=frozenset(self.has))
        return Part({"desk": desk}, split=self.split)

    def look(self) -> None:
        """Wait until it has looked once more."""
        self.wanted["later"] = Wanted({"needs": ["kvm"]}, spec(STAYS))
        until(lambda: self.state("later") == "waits")
        del self.wanted["later"]
        until(lambda: self.state("later") is None)

    def shown(self, name: str) -> Shown:
        shown = self.ref.ask(ShowServices()).get(name)
        return shown if isinstance(shown, Shown) else Shown({})

    def state(self, name: str) -> str | None:
        decision = self.shown(name).decision
        return None if decision is None else decision.state

    def running(self) -> set[str]:
        rows = next(iter(self.host.client.items("ps")))["rows"]
        return {row["name"] for row in rows if row["state"] == "running"}


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_master, "EVERY", 0.1)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with one_host(tmp_path) as host:
        made = Master(host)
        made.start()
        yield made


def test_a_service_runs_until_it_is_wanted_no_more(master: Master) -> None:
    master.wanted["web"] = Wanted({}, spec(STAYS))
    until(lambda: "web" in master.running())
    until(lambda: master.shown("web").replicas.keys() == {"desk"})
    assert master.state("web") == "runs"
    del master.wanted["web"]
    until(lambda: "web" not in master.running())


def test_one_that_was_told_a_moment_ago_is_shown_before_it_is_decided(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_master, "EVERY", 3600.0)
    master.ref.stop()
    master.decide()
    master.wanted["web"] = Wanted({"replicas": 2}, spec(STAYS))
    shown = master.shown("web")
    assert (shown.told, shown.decision) == ({"replicas": 2}, None)
    assert "a moment ago" in shown.problem
    del master.wanted["web"]
    assert master.ref.ask(ShowServices()) == {}


def test_a_changed_service_is_stopped_and_started_as_it_is_now(master: Master) -> None:
    master.wanted["web"] = Wanted({}, spec(STAYS))
    first = until(lambda: (each := master.shown("web").replicas.get("desk")) and each.party)
    master.wanted["web"] = Wanted({}, spec(STAYS + "# another\n"))
    until(lambda: master.shown("web").replicas["desk"].party != first)
    until(lambda: master.state("web") == "runs")


def test_it_starts_when_it_becomes_feasible_and_stops_when_it_no_longer_is(master: Master) -> None:
    master.wanted["web"] = Wanted({"needs": ["kvm"]}, spec(STAYS))
    until(lambda: master.state("web") == "waits")
    decision = master.shown("web").decision
    assert decision is not None
    assert "kvm" in decision.reason
    master.has.add("kvm")
    until(lambda: "web" in master.running())
    master.has.clear()
    until(lambda: "web" not in master.running())
    until(lambda: master.state("web") == "waits")


def test_one_that_fails_is_started_again_after_a_rest_and_says_why(master: Master) -> None:
    master.wanted["web"] = Wanted({}, spec(FAILS))

    def replica() -> Any:
        return master.shown("web").replicas.get("desk")

    first = until(lambda: (each := replica()) and each.ended and each)
    assert "no paper" in first.why
    until(lambda: replica().party != first.party)


def test_what_cannot_be_read_says_so_and_keeps_no_other_from_running(master: Master) -> None:
    master.wanted["bad"] = Wanted({"needs": ["memory>>8"]}, spec(STAYS))
    master.wanted["web"] = Wanted({}, spec(STAYS))
    until(lambda: "web" in master.running())
    assert "memory" in master.shown("bad").problem


def test_a_name_that_is_taken_is_told(master: Master) -> None:
    master.host.script(STAYS, name="web")
    master.wanted["web"] = Wanted({}, spec(STAYS))
    until(lambda: "web runs here already" in master.shown("web").problem)


def test_an_order_of_an_old_master_is_refused(master: Master) -> None:
    master.newest = (2, "nas")
    with pytest.raises(StaleEpochError, match="newer"):
        master.runner.ask(Start([1, "desk"], "web", "web", spec(STAYS)))
    assert master.running() == set()


def test_after_a_restart_of_the_node_the_same_one_runs_on(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        master = Master(host, {"web": Wanted({}, spec(STAYS))})
        master.start()
        party = until(lambda: (r := master.shown("web").replicas.get("desk")) and r.party)
        host.node.close()
        host.start()
        master.start()
        until(lambda: "web" in master.running())
        assert master.shown("web").replicas["desk"].party == party


def test_after_a_restart_a_replica_is_held_until_the_masters_word(tmp_path: Path) -> None:
    def state() -> str | None:
        rows: list[dict[str, Any]] = next(iter(host.client.items("ps")))["rows"]
        return next((each["state"] for each in rows if each["name"] == "web"), None)

    with one_host(tmp_path) as host:
        master = Master(host, {"web": Wanted({}, spec(STAYS))})
        master.start()
        party = until(lambda: (r := master.shown("web").replicas.get("desk")) and r.party)
        until(lambda: state() == "running")
        host.node.close()
        host.start()
        master.start()
        master.ref.stop()
        until(lambda: state() == "held")
        assert "waits for the master" in host.client.item("explain", name="web")["why"]
        with pytest.raises(GatewayError, match="web is held"):
            host.client.item("migrate", name="web", host="desk")
        [replica] = master.runner.ask(WhatRuns())
        assert (replica.party, replica.state) == (party, "held")
        # It was changed meanwhile: what is held does not run for a moment, but ends.
        master.wanted["web"] = Wanted({}, spec(STAYS + "\n"))
        master.decide()
        until(lambda: state() == "running")
        until(lambda: master.shown("web").replicas["desk"].party != party)


def test_a_host_that_does_not_answer_is_taken_to_run_what_it_ran(master: Master) -> None:
    master.wanted["web"] = Wanted({}, spec(STAYS))
    until(lambda: master.shown("web").replicas.keys() == {"desk"})
    master.runner.stop()
    master.look()
    shown = master.shown("web")
    assert shown.decision is not None
    assert set(shown.replicas) == {"desk"}
    assert shown.decision.start == ()


def test_in_a_split_a_service_that_this_side_never_knew_of_is_left_alone(master: Master) -> None:
    master.wanted["web"] = Wanted({}, spec(STAYS))
    until(lambda: master.shown("web").replicas.keys() == {"desk"})
    master.ref.stop()
    master.wanted.clear()
    master.split = True
    master.decide()
    master.look()
    assert "web" in master.running()
    # What the user takes away on this side ends on this side.
    master.wanted["web"] = Wanted({"on_split": "run-in-both"}, spec(STAYS))
    until(lambda: master.state("web") == "runs")
    del master.wanted["web"]
    until(lambda: "web" not in master.running())


def test_the_runner_outlives_the_loss_of_a_part_that_it_needs(master: Master) -> None:
    root = master.host.node.system.whereis("node")
    assert root is not None
    SupervisorHandle(root).terminate_child("compute")
    with pytest.raises(ActorDeadError):
        master.runner.ask(WhatRuns())
    with pytest.raises(ActorDeadError):
        master.runner.ask(Start([1, "desk"], "web", "web", spec(STAYS)))
    SupervisorHandle(root).restart_child("compute")
    assert master.runner.ask(WhatRuns()) == []


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", '{"web": "web#1"}'])
def test_the_runner_starts_whatever_its_file_holds(tmp_path: Path, text: str) -> None:
    file = tmp_path / "services.json"
    file.write_text(text)
    system = ActorSystem("desk")
    try:
        assert system.spawn(ServiceRunner, file, lambda _: True).is_alive()
    finally:
        system.stop()
