from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from simulacra.actors.control.learning import Learning
from simulacra.actors.control.running import Running
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


def verb() -> Running:
    """That of a node that is connected to nas and, as an outside host, to phone."""
    node = SimpleNamespace(
        settings=SimpleNamespace(name="laptop", run_environ=("LC_*",)),
        neighbours=SimpleNamespace(
            absent=lambda: ["desk"],
            connected=lambda: ["nas", "phone"],
            inside=lambda: ["nas"],
            call=lambda host: None,
        ),
    )
    return Running(cast("Node", node), cast("Learning", None))


def run(host: str, argv: list[object]) -> None:
    args = {"host": host, "path": b"/", "argv": argv, "environ": {}}
    list(verb().run(Call("id", "run", args, lambda _: None)))


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("phone", ErrorCode.DENIED),
        ("desk", ErrorCode.UNREACHABLE),
        ("nix", ErrorCode.NOT_FOUND),
    ],
)
def test_a_host_where_nothing_can_run_says_why(host: str, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as error:
        run(host, [b"true"])
    assert error.value.code is code


def test_only_the_listed_variables_go_along() -> None:
    environ = {b"LC_ALL": b"C", b"HOME": b"/root", "LC_TIME": b"C", b"LC_X": 1}
    assert verb()._environ(environ) == [(b"LC_ALL", b"C")]


@pytest.mark.parametrize("argv", [[], ["true"], [b"true", 1]])
def test_a_command_is_bytes(argv: list[object]) -> None:
    with pytest.raises(GatewayError, match="no list of bytes"):
        run("nas", argv)
