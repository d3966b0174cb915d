"""Loading user code, in real workers: what it may be, and what is said where it cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulacra.actors.compute.messages import (
    Freeze,
    Frozen,
    Ready,
    Reply,
)
from simulacra.actors.compute.spec import ActorClass, EntryPoint, Function, Spec
from simulacra.actors.compute.values import unpack_plain
from tests.actors.compute.workers import Worker, mail, script, travelled, value

Spawn = Callable[..., Worker]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (script("def main(ctx):\n  return ("), "line 2"),
        (script("import nomodule\ndef main(ctx): pass"), "pip install nomodule"),
        (script("x = 1"), "def main(ctx"),
        (Spec(EntryPoint("nomodule.part:main")), "pip install nomodule"),
        (Spec(EntryPoint("json:nothing")), "json has no nothing"),
        (script("def main(ctx, a): pass"), "main(ctx, a) does not take what it was given: missing"),
        (script("def main(ctx): pass", args=(1,)), "too many positional arguments. ctx is given"),
        (script("def main(): pass"), "main() does not take what it was given: too many"),
        (script("def main(ctx, a): pass", kwargs={"b": 1}), "--arg NAME=VALUE"),
        (Spec(Function.of(lambda ctx: None), args=(1,)), "(ctx) does not take"),
        (Spec(EntryPoint("queue:Queue"), args=(1, 2)), "Queue(maxsize=0) does not take"),
    ],
    ids=[
        "syntax",
        "import",
        "no main",
        "module",
        "callable",
        "one missing",
        "one too many",
        "no ctx",
        "another name",
        "function",
        "class",
    ],
)
def test_code_that_cannot_be_loaded_says_what_to_do(spawn: Spawn, spec: Spec, text: str) -> None:
    reason = spawn(spec).end()
    assert (reason.kind, reason.detail) == ("error", "load")
    assert text in str(reason)


def test_functions_and_entry_points_run(spawn: Spawn) -> None:
    def add(ctx: object, a: int) -> int:
        return a + 1

    assert value(spawn(Spec(Function.of(add), args=(4,)))) == 5
    assert spawn(Spec(EntryPoint("builtins:len"))).end().kind == "error"  # len(ctx)


def test_a_decorator_may_give_a_function_more_than_it_was_given(spawn: Spawn) -> None:
    source = (
        "from functools import wraps\n"
        "def giving(function):\n"
        " @wraps(function)\n"
        " def wrapped(ctx, *args): return function(ctx, 40, *args)\n"
        " return wrapped\n"
        "@giving\n"
        "def main(ctx, given, a): return given + a\n"
    )
    assert value(spawn(script(source, args=(2,)))) == 42


def test_objects_of_a_scripts_classes_keep_their_class(spawn: Spawn) -> None:
    source = (
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Point:\n x: int\n"
        "def main(ctx):\n"
        " ctx.state.setdefault('point', Point(1))\n"
        " ctx.receive()\n"
        " return ctx.state.point == Point(1)\n"
    )
    first = spawn(script(source))
    first.process.send(Freeze("migrate"))
    second = spawn(script(source), travelled(first.expect(Frozen)))
    second.process.send(mail(1, None))
    assert value(second) is True


def test_an_actor_moves_between_two_messages(spawn: Spawn) -> None:
    class Counter:
        def __init__(self, start: int) -> None:
            self.count = start

        def on_receive(self, message: object) -> int:
            self.count += 1
            return self.count

    spec = Spec(ActorClass.of(Counter), args=(10,))
    first = spawn(spec)
    first.process.send(mail(1, "x", ask="a1"))
    assert unpack_plain(first.expect(Reply).body) == 11
    first.process.send(Freeze("migrate"))
    second = spawn(spec, travelled(first.expect(Frozen)))
    second.process.send(mail(2, "x", ask="a2"))
    assert unpack_plain(second.expect(Reply).body) == 12


def test_save_and_load_are_preferred(spawn: Spawn) -> None:
    source = (
        "STATE_VERSION = 3\n"
        "data = None\n"
        "def save(): return {'data': data}\n"
        "def load(state, version):\n global data\n data = [state['data'], version]\n"
        "def main(ctx):\n"
        " global data\n"
        " data = data or 'new'\n"
        " ctx.receive()\n"
        " return data\n"
    )
    first = spawn(script(source))
    first.expect(Ready)
    first.process.send(Freeze("migrate"))
    second = spawn(script(source), travelled(first.expect(Frozen)))
    second.process.send(mail(1, None))
    assert value(second) == ["new", 3]
