from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulacra.actors.compute.mounts import Lying, Mount
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.running import Running
from simulacra.actors.data.trees.trees import ListTrees
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.compute.hosts import HostTable
    from simulacra.actors.node import Node

SAME = Software("3.11", "x86_64")


class Table:
    """What is known of laptop and nas: ten milliseconds lie between them."""

    host = "laptop"

    def network(self) -> Network:
        hosts = (Host("laptop", SAME), Host("nas", SAME))
        return Network.of(hosts, {("laptop", "nas"): Route(0.01, 1e8)})

    def round_trip(self, host: str) -> float:
        return {"nas": 0.01}[host]


def verbs(asked: list[Any] | None = None) -> Running:
    """The verbs of a node that is connected to nas and, as an outside host, to phone."""

    def ask(message: object, timeout: float) -> object:
        if isinstance(message, ListTrees):
            return []
        assert asked is not None
        asked.append(message)
        return True

    node = SimpleNamespace(
        settings=SimpleNamespace(name="laptop", ssh={}, sources={}, run_environ=("LC_*",)),
        places=lambda: {"laptop": "10.0.0.1:7400", "nas": "10.0.0.3:7400"},
        absent=lambda: ["desk"],
        connected=lambda: ["nas", "phone"],
        inside=lambda: ["nas"],
        hosts=Table(),
        system=SimpleNamespace(ref=lambda _: SimpleNamespace(ask=ask)),
    )
    learning = Learning(cast("HostTable", Table()))
    copies = Copies(cast("Node", node), learning)
    return Running(cast("Node", node), learning, copies)


def call(verb: str, **args: object) -> Call:
    return Call("id", verb, args, lambda _: None)


def place(running: Running, source: str = "nas:/srv", **args: object) -> dict[str, Any]:
    kind = "ext4" if source.startswith("/dev") else "fuse.sshfs"
    lying = Lying("/mnt/x/src", Mount(7, "/", "/mnt/x", kind, source))
    [item] = running.place(call("place", lying=lying.to_plain(), command="make", **args))
    return cast("dict[str, Any]", item)


def test_a_directory_of_another_host_is_there_and_is_to_be_proved_once() -> None:
    asked: list[Any] = []
    running = verbs(asked)
    found = place(running)
    assert (found["host"], found["path"], found["here"]) == ("nas", b"/srv/src", False)
    proof = found["proof"]
    told = {"file": proof["file"], "text": proof["text"], "of": proof["of"]}
    [answer] = running.prove(call("prove", host="nas", path=found["path"], **told))
    assert answer == {"proved": True}
    assert asked[0].folder == b"/srv/src"
    assert place(running)["proof"] is None


def test_a_directory_of_this_host_is_here() -> None:
    found = place(verbs(), "/dev/sda1")
    assert (found["host"], found["here"], found["proof"]) == ("laptop", True, None)


def test_a_host_that_is_asked_for_has_the_path_as_it_is() -> None:
    found = place(verbs(), "/dev/sda1", on="nas")
    assert (found["host"], found["path"], found["here"]) == ("nas", b"/mnt/x/src", False)
    assert place(verbs(), on="nas")["path"] == b"/srv/src"


@pytest.mark.parametrize(
    ("on", "code"),
    [
        ("phone", ErrorCode.DENIED),
        ("desk", ErrorCode.UNREACHABLE),
        ("nix", ErrorCode.NOT_FOUND),
    ],
)
def test_a_host_where_nothing_can_run_says_why(on: str, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as error:
        place(verbs(), on=on)
    assert error.value.code is code
    with pytest.raises(GatewayError) as error:
        list(verbs().run(call("run", host=on, path=b"/", argv=[b"true"], environ={})))
    assert error.value.code is code


def test_for_who_has_a_choice_what_cannot_be_is_a_reason_to_stay() -> None:
    for source in ("desk:/srv", "stranger:/srv"):
        found = place(verbs(), source, choose=True)
        assert found["here"]
        assert found["via"]


def test_what_ran_here_is_learned() -> None:
    running = verbs()
    found = place(running, choose=True)
    assert not found["here"]
    list(running.ran(call("ran", host="nas", habit=found["habit"], seconds=0.001)))
    found = place(running, choose=True)
    assert found["here"]
    assert found["why"] == "it costs least on laptop"


def test_only_the_listed_variables_go_along() -> None:
    environ = {b"LC_ALL": b"C", b"HOME": b"/root", "LC_TIME": b"C", b"LC_X": 1}
    assert verbs()._environ(environ) == [(b"LC_ALL", b"C")]


@pytest.mark.parametrize("argv", [[], ["true"], [b"true", 1]])
def test_a_command_is_bytes(argv: list[object]) -> None:
    with pytest.raises(GatewayError, match="no list of bytes"):
        list(verbs().run(call("run", host="nas", path=b"/", argv=argv, environ={})))
