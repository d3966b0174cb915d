"""Whether a host is well, as the network sees it."""

from __future__ import annotations

from simulacra.hosts.deploy.health import Member, Watch, members, required

UP = Member("up", "0.1.0")
STATUS = {
    "host": "desk",
    "version": "0.1.0",
    "peers": [
        {"host": "nas", "state": "up", "version": "0.1.0", "reason": None},
        {"host": "web", "state": "refused", "version": None, "reason": "two versions apart"},
    ],
}


def test_the_node_itself_is_a_member() -> None:
    assert members(STATUS) == {
        "desk": UP,
        "nas": UP,
        "web": Member("refused", None, "two versions apart"),
    }


def test_a_host_is_well_when_it_was_up_for_a_time_on_end() -> None:
    watch = Watch("nas", frozenset({"nas"}), settle=10)
    assert "10 s more" in watch.look({"nas": UP}, 0)
    assert watch.look({"nas": Member("down")}, 5) == "nas is down in the network"
    assert watch.look({"nas": UP}, 6)
    assert watch.look({"nas": UP}, 15)
    assert watch.look({"nas": UP}, 16) == ""


def test_why_it_is_not_up_is_told() -> None:
    watch = Watch("web", frozenset({"web"}), settle=1)
    assert watch.look(members(STATUS), 0) == "web is refused in the network: two versions apart"
    assert watch.look({}, 0) == "web is unknown in the network"


def test_one_that_is_refused_for_as_long_is_not_waited_for() -> None:
    watch = Watch("web", frozenset({"web"}), settle=5)
    watch.look(members(STATUS), 0)
    assert not watch.is_hopeless(4)
    assert watch.is_hopeless(5)
    watch.look({"web": Member("down")}, 6)
    assert not watch.is_hopeless(12)


def test_one_that_was_not_up_before_is_not_waited_for() -> None:
    must = required("web", members(STATUS), relay=False)
    assert must == frozenset()
    assert Watch("web", must, settle=10).look({}, 0) == ""


def test_after_a_relay_all_must_be_up_that_were_but_for_those_that_left() -> None:
    before = {"gate": UP, "nas": UP, "web": Member("down"), "laptop": UP}
    must = required("gate", before, relay=True)
    assert must == {"gate", "nas", "laptop"}
    watch = Watch("gate", must, settle=0)
    asleep = before | {"laptop": Member("asleep")}
    assert watch.look(asleep, 0) == ""
    assert watch.look(asleep | {"nas": Member("down")}, 1) == "nas is down in the network"
    assert watch.look(asleep | {"gate": Member("asleep")}, 2) == "gate is asleep in the network"
