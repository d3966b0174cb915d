from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulacra.actors.compute.runs import IsFolder, Look
from simulacra.actors.control import copies as module
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.places import InTree
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


class Network:
    """Two copies of the tree ``src``; what is asked is noted."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, Any]] = {
            host: {"state": "idle", "scans": 1, "vector": [["laptop", 1, 4]], "left": {}}
            for host in ("laptop", "nas")
        }
        self.asked: list[tuple[str, object]] = []
        self.on_look: Callable[[dict[str, Any]], None] = lambda side: side.update(
            scans=side["scans"] + 1
        )
        self.folders = {b"/srv/src"}
        self.silent: set[str] = set()
        self.spent: list[float] = []

    def ref(self, name: str) -> Any:
        host = name.partition("@")[2]

        def ask(message: object, timeout: float) -> object:
            if host in self.silent:
                raise AskTimeoutError("it does not answer")
            match message:
                case Look():
                    self.asked.append((host, message))
                    self.on_look(self.sides[host])
                    return True
                case IsFolder(path):
                    return path in self.folders
            return dict(self.sides[host])

        return SimpleNamespace(ask=ask)

    def copies(self) -> Copies:
        tree = SimpleNamespace(key=SimpleNamespace(subject="id", name="src"))
        node = SimpleNamespace(
            settings=SimpleNamespace(name="laptop"),
            system=SimpleNamespace(ref=self.ref),
            knowing=SimpleNamespace(view=SimpleNamespace(find=lambda _: [tree])),
        )
        learning = SimpleNamespace(carried=lambda _, seconds: self.spent.append(seconds))
        return Copies(cast("Node", node), cast("Learning", learning))

    def carry(self, **args: Any) -> list[Any]:
        told = {"name": "src", "host": "nas", "back": False, **args}
        return list(self.copies().carry(Call("id", "tree_carry", told, lambda _: None)))


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.mark.parametrize(("back", "source"), [(False, "laptop"), (True, "nas")])
def test_the_copy_with_the_edits_looks_at_its_disk(
    network: Network, back: bool, source: str
) -> None:
    [done] = network.carry(back=back)
    assert done["done"]
    assert network.asked == [(source, Look("id"))]


def test_what_was_not_heard_of_is_waited_for_and_told(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TELL_EVERY", 0.0)

    def look(side: dict[str, Any]) -> None:
        side.update(scans=2, vector=[["laptop", 1, 6]])

    network.on_look = look
    call = Call("id", "tree_carry", {"name": "src", "host": "nas", "back": False}, lambda _: None)
    items = cast("Iterator[dict[str, Any]]", network.copies().carry(call))
    assert next(items) == {"done": False, "at": "nas hears of 2 changes", "changes": 2}
    network.sides["nas"]["vector"] = [["laptop", 1, 6]]
    assert [item["done"] for item in items][-1]


def test_what_is_in_the_way_is_an_error_with_what_to_type(network: Network) -> None:
    network.sides["nas"]["state"] = "paused"
    with pytest.raises(GatewayError, match="src is paused on nas") as error:
        network.carry()
    assert error.value.hint.endswith("simulacra tree resume src")
    network.silent.add("nas")
    for back in (True, False):
        with pytest.raises(GatewayError) as error:
            network.carry(back=back)
        assert "does not answer" in error.value.message
    with pytest.raises(GatewayError) as error:
        network.carry(name="doc")
    assert error.value.code is ErrorCode.NOT_FOUND


def test_a_directory_that_is_not_there_is_an_error(network: Network) -> None:
    assert network.carry(path=b"/srv/src")[-1]["done"]
    with pytest.raises(GatewayError, match="no directory /srv/src/x on nas"):
        network.carry(path=b"/srv/src/x")


def test_what_it_took_is_learned_there_and_back(network: Network) -> None:
    network.carry(habit="key", spent=3.0, back=True)
    assert 3.0 <= network.spent[0] < 4.0
    network.carry()
    assert len(network.spent) == 1


def test_how_much_waits(network: Network) -> None:
    tree = InTree("id", "src", "")
    assert network.copies().waiting(tree, "nas") == 0
    network.sides["laptop"]["vector"] = [["laptop", 1, 9], ["nas", 1, 2]]
    assert network.copies().waiting(tree, "nas") == 7
