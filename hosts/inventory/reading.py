"""Reads an inventory: text in, an `Inventory` out, or all that is wrong with it at once.

A value that is wrong by itself is left out, and what remains is compared all the same, so that
one reading tells everything. Only what hangs on a value that is wrong has to wait until it is
mended.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, time
from difflib import get_close_matches
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simulacra.hosts.inventory import secrets
from simulacra.hosts.inventory.checks import check
from simulacra.hosts.inventory.lines import Lines
from simulacra.hosts.inventory.problems import InventoryError, Path, Problem, is_within
from simulacra.hosts.inventory.schema import Inventory

_TABLES: Final = ("zones", "roles", "clouds", "hosts")
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_MOST_SHOWN: Final = 60
_UNNAMED: Final = "unnamed"
_EXPECTED: Final = {
    "string_type": "is no text: write it in quotes",
    "int_type": "is no whole number: write it in digits, without quotes",
    "bool_type": "is neither true nor false",
    "tuple_type": "is no list: write it in brackets, as in [{0}]",
    "model_type": "is no table",
    "model_attributes_type": "is no table",
    "dict_type": "is no table",
    "ip_v4_address": "is no IPv4 address, as in 10.44.0.7",
}
"""What is said of a value that pydantic refuses, by the type of its error."""


def read(text: str) -> Inventory:
    """The inventory of a file's text.

    Raises:
        InventoryError: it is none; with every problem, by line.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InventoryError([_syntax(str(error))]) from error
    lines = Lines(text)
    inventory, wrong = _fields(data)
    found = [*secrets.find(text, lines), *wrong]
    declared = {name: _keys(data, name) for name in _TABLES}
    found += [each for each in check(inventory, declared) if not _hangs_on(each, found)]
    if found:
        raise InventoryError(_in_order(found, lines))
    return inventory


def _syntax(error: str) -> Problem:
    at = _LINE.search(error)
    text = _LINE.sub("", error).strip()
    return Problem((), f"is no TOML: {text}", int(at[1]) if at else 0)


def _keys(data: Mapping[str, Any], table: str) -> tuple[str, ...]:
    found = data.get(table)
    return tuple(found) if isinstance(found, dict) else ()


def _hangs_on(problem: Problem, others: list[Problem]) -> bool:
    return any(
        is_within(problem.path, other.path) or is_within(other.path, problem.path)
        for other in others
        if other.path
    )


def _in_order(problems: list[Problem], lines: Lines) -> list[Problem]:
    """The problems by line, of each value only the first that was found."""
    kept: dict[tuple[Path, int], Problem] = {}
    for each in problems:
        placed = each if each.line else replace(each, line=lines.line(each.path))
        kept.setdefault((placed.path, placed.line), placed)
    return sorted(kept.values(), key=lambda each: each.line)


# -- each field by itself


def _fields(data: dict[str, Any]) -> tuple[Inventory, list[Problem]]:
    """What can be taken of a file, and what is wrong with the rest."""
    wrong = [
        Problem(path, f"{_said(value)} is a date or a time, which nothing here is")
        for path, value in _dates((), data)
    ]
    rest = deepcopy(data)
    _leave_out(rest, [each.path for each in wrong])
    errors = _errors(rest)
    wrong += [_problem(each) for each in errors]
    while errors:
        _leave_out(_filled(rest), [_path(each) for each in errors])
        errors = _errors(_filled(rest))
    return Inventory.model_validate_json(json.dumps(rest), strict=True), wrong


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    """With what must not be missing, where it is: else nothing could be compared with the rest."""
    for table in ("network", "zones", "hosts"):
        data.setdefault(table, {})
    if isinstance(data["network"], dict):
        data["network"].setdefault("name", _UNNAMED)
    if isinstance(data["hosts"], dict):
        for host in data["hosts"].values():
            if isinstance(host, dict):
                host.setdefault("zone", _UNNAMED)
    return data


def _errors(data: dict[str, Any]) -> list[ErrorDetails]:
    try:
        Inventory.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return error.errors()
    return []


def _dates(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from _dates((*path, key), each)
    elif isinstance(value, date | datetime | time):
        yield path, value


def _leave_out(data: dict[str, Any], paths: Iterable[Path]) -> None:
    """Take fields out, and all of an entry that lacks what it needs."""
    for path in {_there(data, path) for path in paths}:
        inner: Any = data
        for key in path[:-1]:
            inner = inner.get(key, {})
        if path:
            inner.pop(path[-1], None)


def _there(data: dict[str, Any], path: Path) -> Path:
    """The field that a path leads to, or to an element of, or what there is of the way to it."""
    inner: Any = data
    for length, key in enumerate(path):
        if not isinstance(inner, dict) or key not in inner:
            return path[:length]
        inner = inner[key]
    return path


def _path(error: ErrorDetails) -> Path:
    return tuple(part for part in error["loc"] if part != "[key]")


def _problem(error: ErrorDetails) -> Problem:
    path, kind, value = _path(error), error["type"], error["input"]
    if kind == "extra_forbidden":
        return Problem(path, _unknown(path))
    if kind == "missing":
        return Problem(path, f"is missing{_example(path)}")
    if error["loc"][-1] == "[key]":
        value = path[-1]
    text = _EXPECTED.get(kind, "").format(_said(value))
    if kind == "value_error":
        text = error["msg"].removeprefix("Value error, ")
        if not text.startswith("is "):
            text = f"is no address or network: {text}"
    elif kind in {"enum", "literal_error"}:
        text = f"is not {error['ctx']['expected']}"
    elif kind.endswith("_equal"):
        text = f"is out of range: {error['msg'].removeprefix('Input should be ')}"
    return Problem(path, f"{_said(value)} {text or error['msg']}")


def _said(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _unknown(path: Path) -> str:
    name = str(path[-1])
    if secrets.is_secrets_name(name):
        return secrets.NOT_HERE
    known = _known(path[:-1])
    close = get_close_matches(name, known, 1)
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"there is no such key; {meant}"


def _example(path: Path) -> str:
    examples = {
        "network": '[network] with name = "home"',
        "zones": "[zones.home]",
        "hosts": '[hosts.desk] with zone = "home"',
        "zone": 'zone = "home"',
    }
    example = examples.get(str(path[-1]))
    return f": write {example}" if example else ""


def _known(path: Path) -> list[str]:
    """The keys that the table at a path may have."""
    model: Any = Inventory
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = _table(model.model_fields[str(part)].annotation)
        else:
            model = _table(get_args(model)[1])
    return list(model.model_fields)


def _table(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, UnionType}:
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation
