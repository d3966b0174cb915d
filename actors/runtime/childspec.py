"""What a supervisor is told: its flags and its children's specs, checked once, at the door.

What is accepted is what OTP's supervisor accepts. A `ChildSpec`, `Flags` or `Backoff` that exists
is valid by itself; `check_children` then checks what only shows among several: a duplicate id, a
significant child where nothing ever shuts down automatically, a number of templates other than one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from typing import Any, Final, Literal, cast, get_args

from simulacra.actors.runtime.actor import Actor, is_actor_class

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
"""Who is restarted with a child that died: it alone, all, it and those started after it.

``simple_one_for_one`` is ``one_for_one`` for many children of one template, without ids.
"""

Restart = Literal["permanent", "transient", "temporary"]
"""Which children are restarted: always, after an abnormal end only, never."""

Kind = Literal["worker", "supervisor"]
"""What a child is."""

AutoShutdown = Literal["never", "any_significant", "all_significant"]
"""Whether the supervisor ends when a significant child, or the last one, ends by itself."""

BRUTAL_KILL: Final = "brutal_kill"
"""The shutdown of a child that is killed without being told."""

_STRATEGIES: Final = get_args(Strategy)
_RESTARTS: Final = get_args(Restart)
_KINDS: Final = get_args(Kind)
_AUTO_SHUTDOWNS: Final = get_args(AutoShutdown)
_SHUTDOWNS: Final[Mapping[str, float | None]] = {"worker": 5.0, "supervisor": None}
_CLASS_NAME: Final = re.compile(r"[\w.]+:[\w.]+")
_TAKEN_KWARGS: Final = frozenset({"link", "parent"})


class SpecError(ValueError):
    """A spec or flag that no supervisor takes; the text names the field and what is expected."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a supervisor waits before it restarts a child that keeps failing.

    Attributes:
        initial: seconds before the first restart.
        maximum: seconds that are never exceeded; a child that lived longer begins anew.
        factor: by how much each wait is longer than the one before.
    """

    initial: float = 0.1
    maximum: float = 30.0
    factor: float = 2.0

    def __post_init__(self) -> None:
        """Check the fields."""
        _check_number("Backoff", "initial", self.initial, more_than=0)
        _check_number("Backoff", "maximum", self.maximum, at_least=self.initial)
        _check_number("Backoff", "factor", self.factor, at_least=1)


@dataclass(frozen=True, slots=True)
class Flags:
    """How a supervisor treats all of its children; the defaults are OTP's.

    Attributes:
        strategy: who is restarted with a child that died.
        intensity: how many restarts within ``period`` are endured; one more ends the supervisor.
        period: seconds.
        auto_shutdown: whether the end of significant children ends the supervisor.
        backoff: waits between restarts; None restarts at once.

    Raises:
        SpecError: a field is not what it must be.
    """

    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        _check_choice("Flags", "strategy", self.strategy, _STRATEGIES)
        if type(self.intensity) is not int or self.intensity < 0:
            raise SpecError(f"Flags: intensity must be an integer >= 0, not {self.intensity!r}")
        _check_number("Flags", "period", self.period, more_than=0)
        _check_choice("Flags", "auto_shutdown", self.auto_shutdown, _AUTO_SHUTDOWNS)
        if self.backoff is not None:
            _check_type("Flags", "backoff", self.backoff, Backoff)

    @property
    def is_simple(self) -> bool:
        """Whether the children are dynamic and of one template."""
        return self.strategy == "simple_one_for_one"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How one child is started, restarted and ended.

    Attributes:
        id: its name among its siblings: anything hashable.
        actor: its class, or its name as ``module:Class``: with a name the spec may be sent to a
            supervisor in another node, which must have that module.
        args: for the class.
        kwargs: for the class, and the options of `ActorSystem.spawn` (``name``, ``bound`` ...).
        restart: when it is restarted.
        shutdown: seconds it may take to end before it is killed, None for ever, or `BRUTAL_KILL`;
            unless said 5 s for a worker and None for a supervisor.
        kind: worker or supervisor.
        significant: whether its end counts for ``auto_shutdown``.
        start_timeout: seconds its start may take before it counts as failed; None for ever, so
            that a child stuck in its start blocks its supervisor.

    Raises:
        SpecError: a field is not what it must be.
    """

    id: Hashable
    actor: type[Actor] | str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    restart: Restart = "permanent"
    shutdown: float | Literal["brutal_kill", "by_kind"] | None = "by_kind"
    kind: Kind = "worker"
    significant: bool = False
    start_timeout: float | None = 60.0

    def __post_init__(self) -> None:
        """Check the fields, and settle the shutdown."""
        where = f"ChildSpec {self.id!r}"
        _check_id(where, self.id)
        _check_start(where, self)
        _check_choice(where, "restart", self.restart, _RESTARTS)
        _check_choice(where, "kind", self.kind, _KINDS)
        _check_type(where, "significant", self.significant, bool)
        if self.significant and self.restart == "permanent":
            raise SpecError(
                f"{where}: a significant child must be transient or temporary, not permanent"
            )
        if self.shutdown == "by_kind":
            object.__setattr__(self, "shutdown", _SHUTDOWNS[self.kind])
        elif self.shutdown is not None and self.shutdown != BRUTAL_KILL:
            _check_number(where, "shutdown", self.shutdown, at_least=0)
        if self.start_timeout is not None:
            _check_number(where, "start_timeout", self.start_timeout, more_than=0)


def load_actor(spec: ChildSpec) -> type[Actor]:
    """The class that a spec gives or names.

    Raises:
        ImportError: there is no such module here.
        AttributeError: there is no such class in it.
        SpecError: what has the name is no actor's class.
    """
    if not isinstance(spec.actor, str):
        return spec.actor
    module, _, name = spec.actor.partition(":")
    found = attrgetter(name)(import_module(module))
    if not is_actor_class(found):
        raise SpecError(f"ChildSpec {spec.id!r}: {spec.actor} is no subclass of Actor: {found!r}")
    return cast("type[Actor]", found)


def check_child(flags: Flags, spec: ChildSpec) -> None:
    """Check one spec against the flags of the supervisor it is for.

    Raises:
        SpecError: it is no `ChildSpec`, or significant where ``auto_shutdown`` is never.
    """
    if not isinstance(spec, ChildSpec):
        raise SpecError(f"a child must be given as a ChildSpec, not {spec!r}")
    if spec.significant and flags.auto_shutdown == "never":
        raise SpecError(
            f"ChildSpec {spec.id!r}: significant needs Flags(auto_shutdown='any_significant' or "
            "'all_significant'), not 'never'"
        )


def check_children(flags: Flags, specs: Iterable[ChildSpec]) -> tuple[ChildSpec, ...]:
    """Check what a supervisor is started with.

    Raises:
        SpecError: a spec is refused by `check_child`, two have one id, or ``simple_one_for_one``
            is given other than one.
    """
    _check_type("Supervisor", "flags", flags, Flags)
    checked = tuple(specs)
    ids: set[Hashable] = set()
    for spec in checked:
        check_child(flags, spec)
        if spec.id in ids:
            raise SpecError(f"ChildSpec {spec.id!r}: id must be unique among the children")
        ids.add(spec.id)
    if flags.is_simple and len(checked) != 1:
        raise SpecError(f"simple_one_for_one takes exactly 1 child spec, not {len(checked)}")
    return checked


def _check_id(where: str, value: object) -> None:
    try:
        hash(value)
    except TypeError:
        raise SpecError(f"{where}: id must be hashable") from None


def _check_start(where: str, spec: ChildSpec) -> None:
    if not (is_actor_class(spec.actor) or _is_class_name(spec.actor)):
        raise SpecError(
            f"{where}: actor must be a subclass of Actor or 'module:Class', not {spec.actor!r}"
        )
    _check_type(where, "args", spec.args, tuple)
    _check_type(where, "kwargs", spec.kwargs, Mapping)
    keys: list[object] = list(spec.kwargs)
    if not all(isinstance(key, str) for key in keys):
        raise SpecError(f"{where}: kwargs must have strings for keys, not {keys!r}")
    if taken := sorted(_TAKEN_KWARGS & spec.kwargs.keys()):
        raise SpecError(f"{where}: kwargs must not have {', '.join(taken)}: the supervisor's own")


def _is_class_name(actor: object) -> bool:
    return isinstance(actor, str) and _CLASS_NAME.fullmatch(actor) is not None


def _check_type(where: str, name: str, value: object, wanted: type) -> None:
    if not isinstance(value, wanted):
        raise SpecError(f"{where}: {name} must be a {wanted.__name__}, not {value!r}")


def _check_choice(where: str, name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SpecError(f"{where}: {name} must be one of {', '.join(allowed)}, not {value!r}")


def _check_number(
    where: str,
    name: str,
    value: object,
    *,
    more_than: float = -math.inf,
    at_least: float = -math.inf,
) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and more_than < value < math.inf and at_least <= value):  # type: ignore[operator]
        bound = f"> {more_than:g}" if more_than > -math.inf else f">= {at_least:g}"
        raise SpecError(f"{where}: {name} must be a number {bound}, not {value!r}")
