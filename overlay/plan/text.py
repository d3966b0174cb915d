"""A plan as text, the same on every machine, and back: what `plan.json` holds.

Keys are sorted, and a line is a value, so that a change of the inventory is a small one of the
plan. Reading is strict: a plan of another format, or with a field that is not known, or of another
type, is refused with the path of what is wrong, and not guessed at.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from simulacra.overlay.plan.document import FORMAT, Plan


class PlanTextError(ValueError):
    """A text is no plan: the message says where and why."""


def to_text(plan: Plan) -> str:
    """The plan as JSON."""
    return json.dumps(asdict(plan), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


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
    if found != FORMAT:
        raise PlanTextError(
            f"it is of format {found!r}, this Simulacra reads {FORMAT}: simulacra hosts plan"
        )
    plan: Plan = _read(Plan, data, "plan")
    return plan


def _read(kind: Any, value: object, at: str) -> Any:
    """A value as a type has it."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, at)
    if origin in (Union, types.UnionType):
        chosen = next(each for each in inner if each is not type(None))
        return None if value is None else _read(chosen, value, at)
    if origin is tuple:
        return _read_tuple(inner, value, at)
    if origin is dict and isinstance(value, dict):
        return {str(key): _read(inner[1], each, f"{at}.{key}") for key, each in value.items()}
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise PlanTextError(f"{at} is {value!r}, where {getattr(kind, '__name__', kind)} is expected")


def _read_tuple(inner: tuple[Any, ...], value: object, at: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise PlanTextError(f"{at} is {value!r}, where a list is expected")
    kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
    if len(kinds) != len(value):
        raise PlanTextError(f"{at} has {len(value)} values, where {len(kinds)} are expected")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_read(kind, each, f"{at}[{place}]") for place, (kind, each) in pairs)


def _read_dataclass(kind: Any, value: object, at: str) -> Any:
    if not isinstance(value, Mapping):
        raise PlanTextError(f"{at} is {value!r}, where a table is expected")
    hints = get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in known:
            raise PlanTextError(f"{at} has {name!r}, which no plan of format {FORMAT} has")
    for name, each in known.items():
        if name not in value and each.default is MISSING and each.default_factory is MISSING:
            raise PlanTextError(f"{at} lacks {name!r}")
    return kind(**{name: _read(hints[name], each, f"{at}.{name}") for name, each in value.items()})
