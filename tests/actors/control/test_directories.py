from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulacra.actors.compute.mounts import Lying, Mount
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.directories import Directories
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.places import InTree, Place
from simulacra.actors.data.trees.tree import ShowTree
from simulacra.actors.data.trees.trees import ListTrees
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

SAME = Software("3.11", "x86_64")


class Table:
    """What is known of laptop and nas: ten milliseconds lie between them."""

    host = "laptop"
    SPEED = 1.0

    def network(self) -> Network:
        hosts = (Host("laptop", SAME), Host("nas", SAME, speed=self.SPEED))
        return Network.of(hosts, {("laptop", "nas"): Route(0.01, 1e8)})

    def round_trip(self, host: str) -> float:
        return {"nas": 0.01}[host]


def verbs(asked: list[Any] | None = None) -> Directories:
    """The verbs of a node that is connected to nas and, as an outside host, to phone."""

    def ask(message: object, timeout: float) -> object:
        if isinstance(message, ListTrees):
            return []
        if isinstance(message, ShowTree):
            return {"state": "idle", "scans": 1, "vector": []}
        assert asked is not None
        asked.append(message)
        return True

    node = SimpleNamespace(
        settings=SimpleNamespace(name="laptop", ssh={}, sources={}, run_environ=("LC_*",)),
        neighbours=SimpleNamespace(
            places=lambda: {"laptop": "10.0.0.1:7400", "nas": "10.0.0.3:7400"},
            absent=lambda: ["desk"],
            connected=lambda: ["nas", "phone"],
            inside=lambda: ["nas"],
            call=lambda host: None,
        ),
        hosts=Table(),
        system=SimpleNamespace(ref=lambda _: SimpleNamespace(ask=ask)),
    )
    learning = Learning(cast("Node", node))
    copies = Copies(cast("Node", node), learning)
    return Directories(cast("Node", node), learning, copies)


def call(verb: str, **args: object) -> Call:
    return Call("id", verb, args, lambda _: None)


def place(directories: Directories, source: str = "nas:/srv", **args: object) -> dict[str, Any]:
    kind = "ext4" if source.startswith("/dev") else "fuse.sshfs"
    lying = Lying("/mnt/x/src", Mount(7, "/", "/mnt/x", kind, source))
    [item] = directories.place(call("place", lying=lying.to_plain(), command="make", **args))
    return cast("dict[str, Any]", item)


def test_a_directory_of_another_host_is_there_and_is_to_be_proved_once() -> None:
    asked: list[Any] = []
    directories = verbs(asked)
    found = place(directories)
    assert (found["host"], found["path"], found["here"]) == ("nas", b"/srv/src", False)
    proof = found["proof"]
    told = {"file": proof["file"], "text": proof["text"], "of": proof["of"]}
    [answer] = directories.prove(call("prove", host="nas", path=found["path"], **told))
    assert answer == {"proved": True}
    assert asked[0].folder == b"/srv/src"
    assert place(directories)["proof"] is None


def test_names_that_are_no_text_are_told_in_text() -> None:
    found = place(verbs([]), "nas:/caf\udce9")
    assert found["path"] == b"/caf\xe9/src"
    assert found["via"].endswith("nas:/caf\\xe9 by sshfs")
    assert found["proof"]["of"].endswith(" nas:/caf\\xe9")
    with pytest.raises(GatewayError, match=r"mounted from caf\\xe9") as refused:
        place(verbs(), "caf\udce9:/srv")
    refused.value.message.encode()


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


def test_for_who_has_a_choice_what_cannot_be_is_a_reason_to_stay() -> None:
    for source in ("desk:/srv", "stranger:/srv"):
        found = place(verbs(), source, choose=True)
        assert found["here"]
        assert found["via"]


def test_what_ran_here_is_learned() -> None:
    directories = verbs()
    found = place(directories, choose=True)
    assert not found["here"]
    list(directories.ran(call("ran", host="nas", habit=found["habit"], seconds=0.001)))
    found = place(directories, choose=True)
    assert found["here"]
    assert found["why"] == "it costs least on laptop"


# -- in a tree


class InTheTree:
    """A directory of a tree that this host has, and other hosts."""

    def __init__(self, *others: str) -> None:
        self._others = others

    def find(self, lying: Lying) -> list[Place]:
        tree = InTree("id", "src", "a")
        hosts = ("laptop", *self._others)
        return [Place(host, f"/on/{host}/a", "it is in src", None, tree) for host in hosts]


def in_tree(directories: Directories, *others: str, **args: object) -> dict[str, Any]:
    directories._places = (InTheTree(*others),)
    return place(directories, "/dev/sda1", **args)


def worked(directories: Directories, seconds: float) -> None:
    """The command took so long here."""
    habit = in_tree(directories, "nas")["habit"]
    list(directories.ran(call("ran", host="nas", habit=habit, seconds=seconds)))


def test_in_a_tree_it_runs_where_it_costs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    directories = verbs()
    worked(directories, 30.0)
    found = in_tree(directories, "nas")
    assert (found["here"], found["tree"]) == (True, "src")
    monkeypatch.setattr(Table, "SPEED", 8.0)
    found = in_tree(directories, "nas")
    assert (found["here"], found["host"], found["path"]) == (False, "nas", b"/on/nas/a")
    assert (found["why"], found["below"]) == ("it costs least on nas", b"a")
    assert found["proof"] is None
    assert [row["places"] for row in found["chain"]][-1] == ["laptop", "laptop", "laptop"]


def test_a_question_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    directories = verbs()
    worked(directories, 30.0)
    monkeypatch.setattr(Table, "SPEED", 2.0)
    for _ in range(10):
        assert in_tree(directories, "nas", runs=False)["here"]
    assert [in_tree(directories, "nas")["here"] for _ in range(3)] == [True, True, False]


def test_the_host_that_is_asked_for_runs_it_in_its_own_copy() -> None:
    found = in_tree(verbs(), "nas", on="nas")
    assert (found["here"], found["host"], found["path"]) == (False, "nas", b"/on/nas/a")
    assert found["why"] == "it was asked to run there"
    found = in_tree(verbs(), "nas", on="laptop")
    assert (found["here"], found["why"]) == (True, "it was asked to run here")


def test_without_another_copy_in_reach_it_is_here_and_one_that_is_asked_for_is_refused() -> None:
    found = in_tree(verbs())
    assert found["here"]
    assert found["why"] == "no other host that has all of src is in reach"
    with pytest.raises(GatewayError, match="desk is not connected"):
        in_tree(verbs(), on="desk")
    # One that has no such copy is taken at its word: the path is as it is here.
    found = in_tree(verbs(), on="nas")
    assert (found["host"], found["path"], found["tree"]) == ("nas", b"/mnt/x/src", None)
