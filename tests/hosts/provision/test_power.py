"""Two real nodes, one of which is to sleep; what puts it to sleep is a program that writes it down.

The lab's test has the machine really stop, and be woken by the packet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulacra.actors.cluster.members import State
from simulacra.actors.compute.spec import Command, Script, Spec
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.hosts.provision.verbs import PowerVerbs
from tests.onehost import Host, until
from tests.support import no_thread
from tests.twohosts import followed, two_hosts

MAC = "aa:bb:cc:dd:ee:ff"
COUNTER = """
def main(ctx):
    while (message := ctx.receive()).body != "end":
        ctx.state.seen = getattr(ctx.state, "seen", 0) + 1
        message.reply(ctx.state.seen)
    return ctx.state.seen
"""
Program = Callable[..., tuple[str, ...]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Makes a program that writes down that it was run, and ends so."""

    def make(code: int = 0, says: str = "") -> tuple[str, ...]:
        file = tmp_path / "suspend"
        file.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\necho "{says}"\nexit {code}\n')
        file.chmod(0o755)
        return (str(file), "now")

    return make


@pytest.fixture
def asleep(tmp_path: Path) -> Callable[[], list[str]]:
    """What the program was asked."""
    file = tmp_path / "asked"
    return lambda: file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def two(tmp_path: Path, program: Program) -> Iterator[tuple[Host, Host]]:
    with two_hosts(tmp_path, zone="home", sleep={"suspend": program(), "poweroff": program()}) as t:
        yield t


def state_of(host: Host, other: str) -> str:
    member = host.node.cluster.members.get(other)
    return "" if member is None else str(member.state)


def sleep(at: Host, **args: Any) -> dict[str, Any]:
    done: dict[str, Any] = at.client.item("sleep", **args)
    return done


def test_its_work_leaves_a_host_that_is_told_to_sleep(
    two: tuple[Host, Host], asleep: Callable[[], list[str]]
) -> None:
    desk, nas = two
    nas.spawn(Spec(Script("/none/counter.py", COUNTER), name="counter"))
    counter = desk.network.computation("counter")
    assert counter.ask("one") == 1
    done = sleep(desk, host="nas")
    assert (done["sleeps"], done["moved"], done["stays"]) == (True, {"counter": "desk"}, [])
    assert asleep() == ["now"]
    until(lambda: state_of(desk, "nas") == "asleep")
    assert counter.ask("two") == 2
    assert desk.row("counter")["host"] == "desk"
    with pytest.raises(GatewayError, match="going to sleep"):
        desk.client.item("migrate", name="counter", host="nas")
    counter.tell("end")


def test_what_cannot_leave_keeps_it_awake_unless_forced(
    two: tuple[Host, Host], asleep: Callable[[], list[str]]
) -> None:
    desk, nas = two
    nas.spawn(Spec(Command(("sleep", "100")), name="film"))
    with pytest.raises(GatewayError, match=r"stays awake: .*; film: ") as caught:
        sleep(desk, host="nas")
    assert caught.value.hint.endswith("simulacra sleep --force nas")
    assert (asleep(), nas.node.resting) == ([], "")
    until(lambda: state_of(desk, "nas") == "up")
    [stays] = sleep(nas, host="nas", force=True)["stays"]
    assert stays.startswith("film: ")
    until(lambda: state_of(desk, "nas") == "asleep")


def test_a_machine_that_is_switched_off_ends_its_node_first(two: tuple[Host, Host]) -> None:
    desk, nas = two
    sleep(desk, host="nas", how="poweroff")
    assert nas.node.stopping.wait(60)
    nas.node.close()
    until(lambda: state_of(desk, "nas") == "asleep")


def test_a_program_that_refuses_leaves_the_host_as_it_was(
    two: tuple[Host, Host], program: Program
) -> None:
    desk, nas = two
    program(code=3, says="Interactive authentication required.")
    with pytest.raises(GatewayError, match=r"ended with 3: Interactive authentication") as caught:
        sleep(desk, host="nas")
    assert caught.value.code is ErrorCode.FAILED
    assert nas.node.resting == ""
    until(lambda: state_of(desk, "nas") == "up")
    nas.spawn(Spec(Command(("true",)), name="after"))


def test_with_no_thread_left_it_stays_awake_and_can_be_asked_again(
    two: tuple[Host, Host], asleep: Callable[[], list[str]]
) -> None:
    desk, nas = two
    with no_thread("power@"), pytest.raises(GatewayError, match="can't start new thread"):
        sleep(desk, host="nas")
    assert (asleep(), nas.node.resting) == ([], "")
    assert sleep(desk, host="nas")["sleeps"] is True


def test_main_stores_leave_it_too(tmp_path: Path, program: Program) -> None:
    with followed(tmp_path, sleep={"suspend": program()}) as (desk, _, _):
        desk.client.item("tree_focus", name="src", host="nas")
        assert sleep(desk, host="nas")["main_stores"] == {"src": "desk"}


def test_nobody_is_put_to_sleep_by_what_is_not_there(tmp_path: Path) -> None:
    missing = {"suspend": (str(tmp_path / "none"),)}
    with two_hosts(tmp_path, sleep=missing) as (desk, nas):
        for host, how, code, says in (
            ("nas", "suspend", ErrorCode.FAILED, "no program .*none"),
            ("nas", "hibernate", ErrorCode.USAGE, "no way to sleep"),
            ("nix", "suspend", ErrorCode.NOT_FOUND, "no host nix"),
        ):
            with pytest.raises(GatewayError, match=says) as caught:
                sleep(desk, host=host, how=how)
            assert caught.value.code is code
        assert nas.node.resting == ""


def test_a_host_in_the_sleepers_zone_is_asked_to_wake_it(two: tuple[Host, Host]) -> None:
    desk, nas = two
    [told] = list(desk.client.items("wake", host="nas", mac=MAC, zone="home"))
    assert told == {"host": "nas", "by": None, "networks": [], "awake": True}
    until(lambda: desk.node.hosts.of("nas") is not None)
    [told] = list(desk.client.items("wake", host="tv", mac=MAC, zone="home"))
    assert told["by"] == "nas"
    assert told["networks"]
    assert nas.node.settings.zone == "home"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"host": "tv", "mac": MAC, "zone": "barn"}, "no host that is awake is in the zone barn"),
        ({"host": "tv", "mac": "ab", "zone": "home"}, "'ab' is no MAC address"),
    ],
)
def test_who_cannot_be_woken_is_told_why(
    two: tuple[Host, Host], asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(GatewayError, match=says):
        list(two[0].client.items("wake", **asked))


def test_an_awake_host_is_called_if_it_rests_and_one_asleep_is_not() -> None:
    called, connected = list[str](), {"tv"}

    def call(host: str) -> None:
        called.append(host)
        connected.add(host)

    neighbours = SimpleNamespace(call=call, inside=lambda: connected)
    members = {"nas": SimpleNamespace(state=State.UP), "tv": SimpleNamespace(state=State.ASLEEP)}
    node: Any = SimpleNamespace(
        neighbours=neighbours,
        settings=SimpleNamespace(name="desk"),
        cluster=SimpleNamespace(members=members),
    )
    verbs = PowerVerbs(node)
    assert [verbs._is_awake(host) for host in ("desk", "nas", "tv")] == [True, True, False]
    assert called == ["nas"]
