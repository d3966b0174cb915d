"""Specs are refused at the door with the field's name, and survive the wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

from simulacra.actors.compute.arguments import Pickled, Reads
from simulacra.actors.compute.spec import (
    ActorClass,
    Command,
    EntryPoint,
    Function,
    Limits,
    Script,
    Spec,
    SpecError,
)

MAIN = EntryPoint("a.b:main")


class Actor:
    def on_receive(self, message: object) -> None:
        pass


@pytest.mark.parametrize(
    "spec",
    [
        Spec(Script("/a.py", "x = 1"), name="a-1", args=(1, Reads("nas:/x")), kwargs={"b": [2]}),
        Spec(MAIN, on="nas", restart="permanent", limits=Limits(memory=10, cpu=1.5)),
        Spec(Function(b"p123", "f"), args=(Pickled(b"p1"),), near="nas:/x"),
        Spec(Command(("make",)), labels=("gpu", "big"), work=60.0),
        Spec(ActorClass("a:B")),
        Spec(ActorClass.of(Actor)),
        Spec(Command(("make", "-j8"), restartable=True, pty=True), checkpoint_every=1),
    ],
    ids=lambda spec: type(spec.what).__name__,
)
def test_specs_survive_the_wire(spec: Spec) -> None:
    assert Spec.from_plain(msgpack.unpackb(msgpack.packb(spec.to_plain()))) == spec


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("name", lambda: Spec(MAIN, name="../up")),
        ("name", lambda: Spec(MAIN, name="x" * 65)),
        ("restart", lambda: Spec(MAIN, restart="sometimes")),  # type: ignore[arg-type]
        ("limits.memory", lambda: Spec(MAIN, limits=Limits(memory=0))),
        ("limits.wall", lambda: Spec(MAIN, limits=Limits(wall=-1))),
        ("checkpoint_every", lambda: Spec(MAIN, checkpoint_every=0)),
        ("labels", lambda: Spec(MAIN, labels=("GPU!",))),
        ("work", lambda: Spec(MAIN, work=-1.0)),
        ("near", lambda: Spec(MAIN, on="a", near="b:/c")),
        ("argv", lambda: Spec(Command(()))),
        ("target", lambda: Spec(EntryPoint("no colon"))),
        ("what", lambda: Spec("script.py")),  # type: ignore[arg-type]
        ("args[1]", lambda: Spec(MAIN, args=(1, object()))),
        ("kwargs['k']", lambda: Spec(MAIN, kwargs={"k": {1}})),
        ("spec", lambda: Spec.from_plain({"what": {"kind": "Nothing"}})),
        ("spec", lambda: Spec.from_plain({})),
        ("spec", lambda: Spec.from_plain({**Spec(MAIN).to_plain(), "colour": "red"})),
        ("script", lambda: Script.read("/no/such.py")),
        ("script", lambda: Script.read("/")),
        ("actor", lambda: ActorClass.of(int)),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(field: str, make: Callable[[], object]) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_a_script_is_captured_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1")
    script = Script.read(path)
    path.write_text("x = 2")
    assert script == Script(str(path), "x = 1")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not UTF-8"):
        Script.read(path)


def test_what_it_reads_is_known() -> None:
    assert Spec(MAIN, args=(Reads("a:/1"), 2), kwargs={"k": Reads("b:/2")}).reads == (
        "a:/1",
        "b:/2",
    )


def test_a_script_with_a_syntax_error_is_refused_at_the_door(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def main(ctx:\n    pass\n")
    with pytest.raises(SpecError, match=r"no Python: .*never closed.*line 1"):
        Script.read(file)
