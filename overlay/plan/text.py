"""A plan as text, the same on every machine, and back: what `plan.json` holds.

Keys are sorted, and a line is a value, so that a change of the inventory is a small one of the
plan. Reading is strict: a plan with a field that is not known, or of another type, is refused with
the path of what is wrong, and not guessed at. Formats one apart are read: of an older one what is
missing says nothing, of a newer one what is not known is left out.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from simulacra.overlay.plan.document import FORMAT, Plan

_Reader: TypeAlias = Callable[[object], Any]


class PlanTextError(ValueError):
    """A text is no plan: the message says where and why."""


class _Wrong(Exception):  # noqa: N818 (it becomes the error when its path is known)
    """A value is wrong; on its way out it gathers the path to that value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path = ""


def to_text(plan: Plan) -> str:
    """The plan as JSON."""
    return json.dumps(plan, default=vars, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_text(text: str) -> Plan:
    """What `to_text` gave.

    Raises:
        PlanTextError: it is no plan, or one of another format.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanTextError(f"it is no JSON: {error}") from error
    found = data.get("format") if isinstance(data, dict) else None
    if type(found) is not int or abs(found - FORMAT) > 1:
        raise PlanTextError(
            f"it is of format {found!r}, this Simulacra reads {FORMAT - 1} to {FORMAT + 1}: "
            "simulacra hosts plan"
        )
    try:
        plan: Plan = _reader(Plan, is_newer=found > FORMAT)(data)
    except _Wrong as wrong:
        raise PlanTextError(f"plan{wrong.path} {wrong}") from None
    return plan


@cache
def _reader(kind: Any, *, is_newer: bool) -> _Reader:
    """What reads values of a type; made once for each, since plans have thousands of them.

    Args:
        kind: the type.
        is_newer: whether the plan is of a newer format.
    """
    origin, inner = get_origin(kind), get_args(kind)
    read = partial(_reader, is_newer=is_newer)
    if is_dataclass(kind):
        return _dataclass_reader(kind, is_newer=is_newer)
    if origin in (Union, types.UnionType):
        chosen = read(next(each for each in inner if each is not type(None)))
        return lambda value: None if value is None else chosen(value)
    if origin is tuple:
        readers = [read(each) for each in inner if each is not ...]
        return _tuple_reader(readers, several=inner[1:] == (...,))
    if origin is dict:
        return _dict_reader(read(inner[1]))
    return _plain_reader(kind)


def _plain_reader(kind: type) -> _Reader:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise _Wrong(f"is {value!r}, where {kind.__name__} is expected")
        return value

    return read


def _dict_reader(inner: _Reader) -> _Reader:
    def read(value: object) -> dict[str, Any]:
        found = _table(value)
        return {key: _at(f".{key}", inner, each) for key, each in found.items()}

    return read


def _tuple_reader(readers: list[_Reader], *, several: bool) -> _Reader:
    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Wrong(f"is {value!r}, where a list is expected")
        chosen = readers * len(value) if several else readers
        if len(chosen) != len(value):
            raise _Wrong(f"has {len(value)} values, where {len(chosen)} are expected")
        pairs = zip(chosen, value, strict=True)
        return tuple(_at(number, one, each) for number, (one, each) in enumerate(pairs))

    return read


def _dataclass_reader(kind: Any, *, is_newer: bool) -> _Reader:
    hints = get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name], is_newer=is_newer) for each in fields(kind)}
    needed = [
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    ]

    def read(value: object) -> Any:
        found = _table(value)
        for name in () if is_newer else found.keys() - readers.keys():
            raise _Wrong(f"has {name!r}, which no plan of format {FORMAT} has")
        known = readers.keys() & found.keys()
        for name in needed:
            if name not in found:
                raise _Wrong(f"lacks {name!r}")
        return kind(**{name: _at(f".{name}", readers[name], found[name]) for name in known})

    return read


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"is {value!r}, where a table is expected")
    return value


def _at(step: str | int, reader: _Reader, value: object) -> Any:
    """Read a value, and say of what is wrong in it that it lies there."""
    try:
        return reader(value)
    except _Wrong as wrong:
        wrong.path = (step if isinstance(step, str) else f"[{step}]") + wrong.path
        raise
