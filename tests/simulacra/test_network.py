from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import simulacra
from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.spec import ActorClass, EntryPoint, Function, Spec, SpecError
from simulacra.actors.compute.values import pack, unpack
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.gateway.server import Gateway

FAILED = {"kind": "error", "text": "ValueError: no", "traceback": "line 3", "exit": None}


class Node:
    """A node that runs what is spawned at once, in this process, as a worker would."""

    def __init__(self) -> None:
        self.specs: list[Spec] = []
        self.mail: list[Any] = []
        self.reason: dict[str, Any] = {"kind": "normal", "text": "", "traceback": None}

    def spawn(self, call: Call) -> Iterator[object]:
        self.specs.append(Spec.from_plain(call.arg("spec", dict)))
        yield {"name": "count", "host": "desk", "state": "running"}

    def result(self, call: Call) -> Iterator[object]:
        assert call.arg("wait", bool)
        what = self.specs[-1].what
        value = unpack(what.pickled)(None) if isinstance(what, Function) else None
        yield {"name": "count", "value": pack(value), "reason": self.reason}

    def send(self, call: Call) -> Iterator[object]:
        self.mail.append((call.arg("sender", str), unpack(call.arg("body", bytes))))
        yield {"name": "count", "number": len(self.mail)}

    def ask(self, call: Call) -> Iterator[object]:
        yield {"body": pack([unpack(call.arg("body", bytes))] * 2)}

    def stop(self, call: Call) -> Iterator[object]:
        yield {"name": call.arg("name", str), "state": "stopped"}

    def migrate(self, call: Call) -> Iterator[object]:
        raise GatewayError(ErrorCode.UNREACHABLE, f"{call.arg('host', str)} is down")
        yield

    def logs(self, _: Call) -> Iterator[object]:
        yield {"data": b"one\n"}
        yield {"data": b"two\n"}

    def status(self, _: Call) -> Iterator[object]:
        yield {"host": "desk"}

    def explain(self, _: Call) -> Iterator[object]:
        yield {"why": "it was asked for"}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path))
    monkeypatch.setenv("SIMULACRA_NAME", "desk")
    node = Node()
    verbs = ("spawn", "result", "send", "ask", "stop", "migrate", "logs", "status", "explain")
    table = {verb: getattr(node, verb) for verb in verbs}
    gateway = Gateway(tmp_path / "run" / "desk", table, node="desk", version="1")
    gateway.start()
    yield node
    assert gateway.close()


def test_a_function_travels_and_its_result_comes_back(node: Node) -> None:
    factor = {6, 7}

    def multiply(_ctx: object) -> set[int]:
        return factor

    count = simulacra.connect().spawn(multiply, name="count")
    assert count.result() == {6, 7}
    assert node.specs[0].name == "count"


def test_arguments_plain_pickled_and_read(node: Node) -> None:
    simulacra.spawn("package:main", args=(1, {2}), kwargs={"books": Reads("nas:/srv/books")})
    (spec,) = node.specs
    assert spec.what == EntryPoint("package:main")
    assert spec.args[0] == 1
    assert spec.reads == ("nas:/srv/books",)


def test_a_class_is_a_movable_actor(node: Node) -> None:
    class Counter:
        def on_receive(self, message: object) -> None: ...

    simulacra.spawn(Counter)
    assert isinstance(node.specs[0].what, ActorClass)


def test_a_wrong_option_is_refused_here(node: Node) -> None:
    with pytest.raises(SpecError, match="restart"):
        simulacra.spawn("package:main", restart="often")
    assert not node.specs


def test_what_cannot_be_called_is_refused_here(node: Node) -> None:
    with pytest.raises(TypeError, match="spawn takes a function, a class, or 'module:callable'"):
        simulacra.spawn(5)  # type: ignore[arg-type]


def test_messages_of_one_handle_have_one_sender(node: Node) -> None:
    count = simulacra.connect().computation("count")
    count.tell({"add": 1})
    count.tell("two")
    (first, one), (second, two) = node.mail
    assert (first == second, one, two) == (True, {"add": 1}, "two")
    assert count.ask((1, 2)) == [(1, 2)] * 2


def test_a_failure_is_raised_with_its_traceback(node: Node) -> None:
    node.reason = FAILED
    count = simulacra.spawn("package:main")
    with pytest.raises(simulacra.ComputationError, match="count: ValueError: no") as failed:
        count.result()
    assert (failed.value.kind, failed.value.traceback_text) == ("error", "line 3")


def test_logs_stop_explain_and_status(node: Node) -> None:
    network = simulacra.connect()
    count = network.computation("count")
    assert list(count.logs()) == [b"one\n", b"two\n"]
    assert count.explain() == {"why": "it was asked for"}
    assert network.status() == {"host": "desk"}
    count.stop()
    with pytest.raises(GatewayError, match="nas is down"):
        count.migrate("nas")


def test_without_a_node_and_not_allowed_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path))
    with pytest.raises(GatewayError, match="no node is up"):
        simulacra.connect(start=False)
