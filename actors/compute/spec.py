"""What is to be computed: checked once, at the door, and plain data from then on.

A `Spec` is refused with an error that names the field before anything is started. Code is
captured when the spec is made (a script's source, a function's pickle), so that every host a
computation moves to runs the same code, whatever happens to the file meanwhile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from simulacra.actors.compute import arguments
from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.values import pack

Restart = Literal["permanent", "transient", "temporary"]

CHECKPOINT_EVERY: Final = 5.0
SOURCE_LIMIT: Final = 16 * 2**20
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_TARGET: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class SpecError(ValueError):
    """A spec is wrong.

    Attributes:
        field: the field that is wrong.
    """

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Script:
    """A file whose ``main(ctx, ...)`` is run.

    Attributes:
        path: where the file was, for messages and for imports beside it.
        source: its text when the spec was made.
        pty: whether it gets a terminal of its own, so that one can attach to it.
    """

    path: str
    source: str
    pty: bool = False

    @classmethod
    def read(cls, path: str | Path, *, pty: bool = False) -> Script:
        """The script in a file, as it is now.

        Raises:
            SpecError: there is no such file, it is too large, or it is no Python.
        """
        file = Path(path)
        try:
            source = file.read_text(encoding="utf-8")
        except OSError as error:
            raise SpecError("script", f"cannot read {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SpecError("script", f"{path} is not UTF-8 text") from error
        if len(source) > SOURCE_LIMIT:
            raise SpecError("script", f"{path} is over {SOURCE_LIMIT} bytes: that is no script")
        try:
            compile(source, str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise SpecError("script", f"this is no Python: {error}; correct it first") from error
        return cls(str(file.resolve()), source, pty)


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Code that is installed on every host: ``module:callable``, called with ctx first."""

    target: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function given from Python, pickled by value; called with ctx first."""

    pickled: bytes
    name: str

    @classmethod
    def of(cls, function: Any) -> Function:
        """Capture a function.

        Raises:
            CannotPackError: it closes over something that cannot leave this process.
        """
        name = getattr(function, "__name__", type(function).__name__)
        return cls(pack(function, f"the function {name}"), name)


@dataclass(frozen=True, slots=True)
class ActorClass:
    """A movable actor: a class with ``on_receive(message)``, installed or pickled.

    Attributes:
        target: ``module:Class``, or the class's name when it is pickled.
        pickled: the class itself, by value, or None.
    """

    target: str
    pickled: bytes | None = None

    @classmethod
    def of(cls, actor: type) -> ActorClass:
        """Capture a class.

        Raises:
            SpecError: it has no ``on_receive``.
            CannotPackError: it refers to something that cannot leave this process.
        """
        if not callable(getattr(actor, "on_receive", None)):
            raise SpecError("actor", f"{actor.__name__} has no method on_receive(self, message)")
        return cls(actor.__name__, pack(actor, f"the class {actor.__name__}"))


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments.

    Attributes:
        argv: the program first.
        restartable: whether it may be started again elsewhere when it is moved or its host lost.
        pty: whether it gets a terminal of its own, so that one can attach to it.
    """

    argv: tuple[str, ...]
    restartable: bool = False
    pty: bool = False


What = Script | EntryPoint | Function | ActorClass | Command
_KINDS: Final[dict[str, type[What]]] = {kind.__name__: kind for kind in get_args(What)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a computation may use; None is no limit.

    Attributes:
        memory: resident bytes of all its processes together.
        cpu: seconds of processor time of all its processes together.
        wall: seconds since its worker started.
        output: bytes of output kept; the oldest go first, and are counted.
    """

    memory: int | None = None
    cpu: float | None = None
    wall: float | None = None
    output: int = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Spec:
    """A computation to be started.

    Attributes:
        what: the code.
        name: its name in the network; None lets the node choose.
        args: arguments after ctx: plain data, `Reads` or `Pickled` (see `arguments`).
        kwargs: named arguments, likewise.
        restart: when its worker is started again from the last checkpoint, as in OTP.
        limits: what it may use.
        on: the host where it must run, whatever that costs.
        near: a path to which it must be near, whatever that costs.
        labels: what its host must be marked with.
        work: processor seconds of a reference core that it will probably use; 0 says nothing.
        checkpoint_every: seconds between checkpoints, at safe points.

    Raises:
        SpecError: a field is wrong.
    """

    what: What
    name: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    restart: Restart = "transient"
    limits: Limits = field(default_factory=Limits)
    on: str | None = None
    near: str | None = None
    labels: tuple[str, ...] = ()
    work: float = 0.0
    checkpoint_every: float = CHECKPOINT_EVERY

    def __post_init__(self) -> None:
        _check_what(self.what)
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise SpecError("name", f"{self.name!r}: letters, digits, _ . -, at most 64")
        if self.restart not in get_args(Restart):
            raise SpecError("restart", f"{self.restart!r} is none of {get_args(Restart)}")
        _check_limits(self.limits)
        if not self.checkpoint_every > 0:
            raise SpecError("checkpoint_every", f"{self.checkpoint_every} is not over 0 seconds")
        if self.on is not None and self.near is not None:
            raise SpecError("near", "give either on or near: each fixes the place alone")
        for label in self.labels:
            if not _LABEL.fullmatch(str(label)):
                raise SpecError("labels", f"{label!r}: small letters, digits, _ . -, at most 32")
        if not 0 <= self.work < math.inf:
            raise SpecError("work", f"{self.work!r} is not a time in seconds")
        for index, value in enumerate(self.args):
            _check_argument(f"args[{index}]", value)
        for key, value in self.kwargs.items():
            _check_argument(f"kwargs[{key!r}]", value)

    @property
    def reads(self) -> tuple[str, ...]:
        """The paths that its arguments tell it reads."""
        return tuple(
            value.path for value in (*self.args, *self.kwargs.values()) if isinstance(value, Reads)
        )

    def to_plain(self) -> dict[str, Any]:
        """The spec as plain data."""
        what = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self.what).items()}
        return {
            "what": {"kind": type(self.what).__name__, **what},
            "name": self.name,
            "args": [arguments.to_plain(value) for value in self.args],
            "kwargs": {key: arguments.to_plain(value) for key, value in self.kwargs.items()},
            "restart": self.restart,
            "limits": asdict(self.limits),
            "on": self.on,
            "near": self.near,
            "checkpoint_every": self.checkpoint_every,
            # Only where something is said, so that nodes of before take the rest.
            **({"labels": list(self.labels)} if self.labels else {}),
            **({"work": self.work} if self.work else {}),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Spec:
        """The spec that `to_plain` gave, checked again: it may come from another host.

        Raises:
            SpecError: a field is wrong or unknown.
        """
        fields = dict(plain)
        try:
            what = dict(fields.pop("what"))
            kind = _KINDS[what.pop("kind")]
            if kind is Command:
                what["argv"] = tuple(what["argv"])
            return cls(
                what=kind(**what),
                limits=Limits(**fields.pop("limits", {})),
                labels=tuple(fields.pop("labels", ())),
                args=tuple(arguments.from_plain(v) for v in fields.pop("args", ())),
                kwargs={k: arguments.from_plain(v) for k, v in fields.pop("kwargs", {}).items()},
                **fields,
            )
        except SpecError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SpecError("spec", f"this is no spec of this version: {error!r}") from error


def _check_what(what: What) -> None:
    match what:
        case Command(argv=argv) if not argv or not all(isinstance(a, str) for a in argv):
            raise SpecError("argv", "a command needs its program, and words only: -- make -j8")
        case EntryPoint(target=target) | ActorClass(target=target, pickled=None):
            if not _TARGET.fullmatch(target):
                raise SpecError("target", f"{target!r}: write it as module:name")
        case Script() | Function() | ActorClass() | Command():
            pass
        case _:
            raise SpecError("what", f"{type(what).__name__} is nothing that can be spawned")


def _check_limits(limits: Limits) -> None:
    for name in ("memory", "cpu", "wall", "output"):
        value = getattr(limits, name)
        if value is not None and not (isinstance(value, int | float) and value > 0):
            raise SpecError(f"limits.{name}", f"{value!r} is not over 0")


def _check_argument(field: str, value: Any) -> None:
    if not arguments.is_argument(value):
        raise SpecError(
            field, f"a {type(value).__name__} is no plain data: pack it with pack_argument"
        )
