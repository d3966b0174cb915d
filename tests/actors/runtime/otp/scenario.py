"""A scenario: a supervisor's flags, its children, and what happens to them, as plain data.

The words are OTP's, times are milliseconds; `to_term` writes a scenario as the Erlang term that
replay.escript reads. Values are passed on unchecked, so that both sides can refuse them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Probe:
    """A child that does as it is told.

    Attributes:
        id: its id, and label in the log.
        plan: what its first starts come to: ok, ignore or error.
        later: what further starts come to; not logged unless ok.
        stop: how it takes its end: obey, badly (ends with another reason), stubborn (goes on).
        nested: for a supervisor, its flags and children.
        fields: the rest of its spec, as in OTP.
    """

    id: str
    plan: tuple[str, ...] = ()
    later: str = "ok"
    stop: str = "obey"
    nested: tuple[dict[str, Any], tuple[Probe, ...]] | None = None
    fields: dict[str, Any] = field(default_factory=dict)


Step = tuple[Any, ...] | str


@dataclass(frozen=True)
class Scenario:
    """What is played."""

    name: str
    flags: dict[str, Any]
    children: tuple[Probe, ...]
    steps: tuple[Step, ...] = ()


def probe(
    name: str,
    *plan: str,
    later: str = "ok",
    stop: str = "obey",
    nested: tuple[dict[str, Any], tuple[Probe, ...]] | None = None,
    **fields: Any,
) -> Probe:
    """A `Probe`, written briefly."""
    return Probe(name, plan, later, stop, nested, fields)


def to_term(value: Any) -> str:
    """The Erlang term, as text."""
    match value:
        case bool() | None:
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return f"'{value}'"
        case Scenario():
            return to_term(
                {
                    "name": value.name,
                    "flags": value.flags,
                    "children": list(value.children),
                    "steps": list(value.steps),
                }
            )
        case Probe():
            return to_term(
                {
                    "id": value.id,
                    "plan": list(value.plan),
                    "later": value.later,
                    "stop": value.stop,
                    "nested": value.nested and (value.nested[0], list(value.nested[1])),
                    **value.fields,
                }
            )
        case dict():
            return "#{" + ", ".join(f"{k} => {to_term(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(to_term, value)) + "]"
        case tuple():
            return "{" + ", ".join(map(to_term, value)) + "}"
    raise TypeError(f"no Erlang term for {value!r}")
