"""What of a network's changes becomes an event, and in which words."""

from __future__ import annotations

from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.tidings import MasterChanged
from simulacra.actors.telling import Telling


def texts(log: EventLog) -> list[tuple[str, str, str]]:
    return [(each.kind, each.host, each.text) for each in log.since(0)[0]]


def test_a_state_is_told_once_and_a_suspicion_never() -> None:
    log = EventLog()
    telling = Telling(log, "desk", list)
    for state in (State.UP, State.SUSPECT, State.UP, State.ASLEEP, State.ASLEEP, State.UP):
        telling.host_changed("nas", state, "so it is")
    telling.host_changed("tv", State.LEFT, "it said goodbye")
    assert texts(log) == [
        ("host.joined", "nas", "nas is up: so it is"),
        ("host.asleep", "nas", "nas is asleep: so it is"),
        ("host.joined", "nas", "nas is up: so it is"),
        ("host.left", "tv", "tv has left: it said goodbye"),
    ]


def test_a_host_that_is_connected_is_not_lost_whatever_others_say() -> None:
    log, connected = EventLog(), ["nas"]
    telling = Telling(log, "desk", lambda: connected)
    telling.host_changed("nas", State.DOWN, "tv says so")
    assert texts(log) == []
    connected.clear()
    telling.host_changed("nas", State.DOWN, "its connection is lost too")
    assert texts(log) == [("host.lost", "nas", "nas is lost: its connection is lost too")]


def test_a_new_master_is_told_with_the_reason_if_there_is_one() -> None:
    log = EventLog()
    telling = Telling(log, "desk", list)
    telling.master_changed(MasterChanged(Epoch(3, "nas"), "desk goes down"))
    telling.master_changed(MasterChanged(Epoch(4, "tv")))
    assert texts(log) == [
        ("master.changed", "nas", "nas is master (epoch 3): desk goes down"),
        ("master.changed", "tv", "tv is master (epoch 4): another host said so"),
    ]
    assert [each.detail for each in log.since(0)[0]] == [{"epoch": 3}, {"epoch": 4}]


def test_a_split_is_told_when_it_begins_and_when_it_is_healed() -> None:
    log = EventLog()
    telling = Telling(log, "desk", list)
    telling.split_begun(("nas", "tv"), deputy=True)
    telling.split_begun(("nas",), deputy=False)
    telling.split_merged({"from": "nas", "ours": {"count": 2}, "theirs": {"count": 3}})
    begun, again, healed = log.since(0)[0]
    lost = "a split has begun: nas, tv cannot be reached any more; desk is deputy here"
    assert (begun.kind, begun.text) == ("split.begun", lost)
    assert begun.detail == {"lost": ["nas", "tv"], "deputy": True}
    assert again.text == "a split has begun: nas cannot be reached any more"
    assert again.detail == {"lost": ["nas"], "deputy": False}
    assert (healed.kind, healed.host) == ("split.healed", "nas")
    assert "nas brought 3 changes of the other side, here there were 2" in healed.text
    assert healed.detail == {"ours": 2, "theirs": 3}
