from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.focus import (
    FOCUS,
    MASTER,
    Describe,
    Focus,
    FocusSettings,
    FocusView,
    Mail,
)
from simulacra.actors.cluster.focus_client import FocusClient, UnansweredError
from simulacra.actors.cluster.focus_store import FocusStore
from simulacra.actors.cluster.focus_timing import Timing
from simulacra.actors.cluster.journal import Journal
from simulacra.actors.runtime import Actor, ChildSpec, StartError
from tests.actors.runtime.nodes import Network, Node, eventually

QUICK = Timing(
    beat=0.1, suspect=1.0, window=0.2, patience=0.3, act_by=2.0, lease=0.6, settle=0.2,
    copy_wait=1.0, retry=0.1, prepare=3.0, freeze=2.0, gather=0.5, grant=0.05,
)  # fmt: skip


class Part(Actor):
    """A part of the master."""

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch

    def on_receive(self, message: Any) -> Epoch:
        return self.epoch


class Host:
    """A node with a focus, and what its clients use."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.name = node.system.name
        self.path = folder / self.name / "focus.db"
        self.view = FocusView()
        self.changes: list[m.MasterChanged] = []
        self.merged: list[dict[str, Any]] = []
        settings = FocusSettings(
            self.path,
            self.reachable,
            children=lambda epoch: [ChildSpec("part", Part, (epoch,), {"name": "part"})],
            changed=self.changes.append,
            merged=self.merged.append,
            timing=QUICK,
        )
        self.focus = node.system.spawn(Focus, settings, self.view, name=FOCUS)
        self.client = FocusClient(self.focus)

    def reachable(self) -> set[str]:
        return {self.name, *(peer.name for peer in self.node.transport.peers() if peer.is_up)}

    def describe(self) -> dict[str, Any]:
        told: dict[str, Any] = self.focus.ask(Describe())
        return told

    def request(self, kind: str, request: str, patience: float = 60.0, **body: Any) -> m.Answer:
        return self.client.request(kind, body, request, patience)


class Hosts:
    """Some hosts that have met, unless told otherwise."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.folder = folder
        self.all: dict[str, Host] = {}

    def start(self, *names: str, meet: bool = True) -> list[Host]:
        nodes = [self.network.node(name) for name in names]
        for number, node in enumerate(nodes if meet else ()):
            for other in nodes[:number]:
                node.join(other)
        for node in nodes:
            self.all[node.system.name] = Host(node, self.folder)
        return [self.all[name] for name in names]

    def master(self, *among: Host) -> Host:
        """The one host that acts, and that all others follow."""

        def found() -> Host | None:
            hosts = among or tuple(self.all.values())
            acting = [host for host in hosts if host.view.acting]
            same = {host.view.epoch for host in hosts}
            return acting[0] if len(acting) == 1 and same == {acting[0].view.acting} else None

        host: Host = eventually(found)
        return host


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with Network("a", "b", "c") as network:
        yield Hosts(network, tmp_path)


def items(host: Host) -> set[str]:
    """What is on a host's disk, once its focus has ended."""
    store = FocusStore(host.path)
    try:
        return set(store.load().journal.state.keys("items"))
    finally:
        store.close()


def test_a_host_alone_is_its_own_master(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    answer = a.request("claim", "r1", name="printer", owner="a")
    assert (answer.value, answer.copies) == ({"name": "printer", "owner": "a"}, 1)
    assert a.node.system.ref("part").ask(None) == a.view.acting == a.view.epoch
    assert [change.epoch for change in a.changes] == [a.view.epoch]


def test_who_is_answered_finds_what_it_set(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    hosts.master()
    found: list[set[str]] = []
    a.focus.suspend()
    asked = m.Request("r1", "set", {"key": "colour", "value": "red"}, 60.0)
    answer = a.focus.ask(asked, block=False, timeout=60)
    answer.on_answer(lambda _: found.append(set(a.view.settings)))  # in the thread that answers
    a.focus.resume()
    answer.get(timeout=60)
    eventually(lambda: found)
    assert found == [{"colour"}]


def test_requests_reach_the_master_from_everywhere_and_are_on_two_disks(hosts: Hosts) -> None:
    all_three = hosts.start("a", "b", "c")
    hosts.master()
    for host in all_three:
        assert host.request("set", f"r-{host.name}", key=host.name, value=1).copies > 1


def test_a_refusal_is_an_error_and_a_second_try_has_the_same_answer(hosts: Hosts) -> None:
    a, b = hosts.start("a", "b")
    hosts.master()
    first = a.request("claim", "r1", name="x", owner="one")
    with pytest.raises(RefusedError, match="taken by one"):
        b.request("claim", "r2", name="x", owner="two")
    assert b.request("claim", "r1", name="x", owner="one").value == first.value


def test_bad_requests_are_refused_at_the_door(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    with pytest.raises(RefusedError, match="known: claim"):
        a.request("fork", "r1")
    with pytest.raises(RefusedError, match="no plain data"):
        a.request("set", "r2", key="x", value=float("nan"))
    with pytest.raises(RefusedError, match="at most"):
        a.request("set", "r3", key="x", value="x" * 100_000)


def test_a_planned_refocus_moves_the_master_and_its_parts(hosts: Hosts) -> None:
    hosts.start("a", "b", "c")
    old = hosts.master()
    new = next(host for host in hosts.all.values() if host is not old)
    assert old.request("focus", "r1", host=new.name, why="quiet night").value["master"] == new.name
    assert hosts.master() is new
    eventually(lambda: old.node.system.whereis(MASTER) is None)
    assert new.node.system.ref("part").ask(None) == new.view.epoch
    told = eventually(lambda: new.describe() if new.describe()["history"][1:] else None)
    assert told["why"] == "quiet night"
    assert [each["planned"] for each in told["history"]] == [False, True]
    with pytest.raises(RefusedError, match="is the master already"):
        old.request("focus", "r2", host=new.name)
    with pytest.raises(RefusedError, match="not in reach"):
        old.request("focus", "r3", host="nowhere")


def test_twenty_refocuses_under_load_lose_and_double_nothing(hosts: Hosts) -> None:
    all_three = hosts.start("a", "b", "c")
    over = threading.Event()
    answers: dict[str, list[Any]] = {}
    errors: list[BaseException] = []

    def load(host: Host) -> None:
        number = 0
        while not over.is_set():
            number += 1
            item = f"{host.name}-{number}"
            try:
                answer = host.request("put", item, patience=20, id=item, what=number)
            except (RefusedError, UnansweredError) as error:
                errors.append(error)
            else:
                answers.setdefault(item, []).append(answer.value)

    threads = [threading.Thread(target=load, args=(host,)) for host in all_three]
    for thread in threads:
        thread.start()
    start = all_three.index(hosts.master())
    for number in range(20):
        target = all_three[(start + number + 1) % 3]
        target.request("focus", f"focus-{number}", patience=20, host=target.name)
    over.set()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert {item: [{"id": item, "state": "queued", "attempt": 1}] for item in answers} == answers
    master = hosts.master()
    eventually(lambda: len({host.describe()["journal"] for host in all_three}) == 1)
    assert master.view.epoch.counter >= 21
    assert len(answers) >= 20
    for host in all_three:
        host.focus.stop()
        assert items(host) == answers.keys()


def test_after_a_loss_another_acts_and_the_lost_one_follows_with_what_it_has(hosts: Hosts) -> None:
    hosts.start("a", "b", "c")
    lost = hosts.master()
    lost.request("put", "r1", id="before")
    lost.focus.kill()
    rest = [host for host in hosts.all.values() if host is not lost]
    for host in rest:
        host.focus.tell(m.MemberDown(lost.name))
    new = hosts.master(*rest)
    new.request("put", "r2", id="after")
    assert new.describe()["history"][-1]["lost"] == [1, lost.name]
    eventually(lambda: lost.node.system.whereis(FOCUS) is None)
    again = hosts.all[lost.name] = Host(lost.node, hosts.folder)
    master = hosts.master()
    master.request("put", "r3", id="at last")
    eventually(lambda: again.describe()["journal"] == master.describe()["journal"])
    again.focus.stop()
    assert items(again) == {"before", "after", "at last"}


def test_two_parts_work_on_and_become_one(hosts: Hosts) -> None:
    a, b = hosts.start("a", "b", meet=False)
    for host in (a, b):
        assert hosts.master(host) is host
        host.request("claim", f"c-{host.name}", name="printer", owner=host.name)
        host.request("put", f"p-{host.name}", id=host.name)
    a.node.join(b.node)
    for host, other in ((a, b), (b, a)):
        host.focus.tell(m.MemberUp(other.name))
    master = hosts.master()
    [split] = eventually(lambda: master.describe()["splits"])
    assert split["doubles"] == [["names", "printer"]]
    assert {split["master"][1], split["other"][1]} == {"a", "b"}
    other = b if master is a else a
    assert ["items", other.name, "queued"] in split["theirs"]["first"]
    eventually(lambda: len(other.describe()["splits"]) == 1)
    assert [len(host.merged) for host in (a, b)] == [1, 1]


def test_a_split_is_told_once_though_its_hosts_come_one_by_one(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    epoch = hosts.master().view.epoch
    side, brought = Journal(), []
    for number, name in enumerate(("b", "c"), 1):
        told = {"key": name, "value": number}
        side.take(side.entry("set", told, epoch=Epoch(0, "z"), origin="z/1", at=0.0))
        brought.append(Mail(name, m.Shipment(epoch, side.snapshot())))
    for mail in brought:
        a.focus.tell(mail)
    [split] = eventually(lambda: a.describe()["splits"])
    assert split["theirs"] == {"count": 2, "first": [["settings", "b", 1], ["settings", "c", 2]]}
    assert [each["from"] for each in a.merged] == ["b"]


def test_orders_of_old_epochs_are_refused_after_a_restart_too(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    old = hosts.master().view.epoch
    new = Epoch(old.counter + 1, "b")
    assert a.focus.ask(m.Admit(old)) is True
    assert a.focus.ask(m.Admit(new)) is True
    assert a.focus.ask(m.Admit(old)) is False
    a.focus.stop()
    again = Host(a.node, hosts.folder)
    assert again.focus.ask(m.Admit(old)) is False
    assert again.focus.ask(m.Admit(new)) is True


def test_without_a_master_a_request_is_given_up_in_time(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    hosts.master()
    a.focus.ask(m.Admit(Epoch(99, "b")))  # whoever that is, it is not here
    began = time.monotonic()
    with pytest.raises(UnansweredError, match="no answer in time"):
        a.request("set", "r1", patience=0.15, key="x", value=1)
    assert time.monotonic() - began < 5


def test_what_is_no_message_of_the_focus_is_refused(hosts: Hosts) -> None:
    [a] = hosts.start("a")
    with pytest.raises(NotImplementedError):
        a.focus.ask("anything")


def test_a_damaged_disk_keeps_the_focus_from_starting_and_says_so(hosts: Hosts) -> None:
    path = hosts.folder / "a" / "focus.db"
    path.parent.mkdir()
    path.write_bytes(b"nothing of the kind " * 300)
    with pytest.raises(StartError, match=r"damaged.* type: mv "):
        hosts.start("a")
