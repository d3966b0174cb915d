"""Edits an inventory's text as a person would: comments and order stay.

Each edit is read again, and done only if it says what it was to say: TOML can be written in ways
that are for people to edit. The hosts that come out are not checked here; that is `reading`'s.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from simulacra.hosts.inventory.lines import Lines
from simulacra.hosts.inventory.problems import Path, is_within


class EditError(ValueError):
    """An edit cannot be done; the text says why."""


def add(text: str, name: str, fields: Mapping[str, Any]) -> str:
    """The text with one more host, after the others.

    Raises:
        EditError: there is such a host, or the text is for people to edit.
    """
    data = tomllib.loads(text)
    if name in data.setdefault("hosts", {}):
        raise EditError(f"there is a host {name} already")
    data["hosts"][name] = dict(fields)
    table = tomlkit.table()
    for field, value in fields.items():
        table[field] = _item(value)
    try:
        document = tomlkit.parse(text)
        document.setdefault("hosts", tomlkit.table(is_super_table=True))[name] = table
        return _verified(tomlkit.dumps(document), data)
    except (TOMLKitError, ValueError) as error:
        raise _by_hand(f"hosts.{name}") from error


def change(text: str, name: str, fields: Mapping[str, Any]) -> str:
    """The text with fields of a host set, or taken out where they are None.

    Raises:
        EditError: there is no such host, or the text is for people to edit.
    """
    data = tomllib.loads(text)
    host = _host(data, name)
    try:
        document = tomlkit.parse(text)
        table: Any = document["hosts"][name]
        for field in fields.keys() & host.keys():
            if fields[field] is None:
                del table[field]
            else:
                table[field] = _item(fields[field])
        changed = tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise _by_hand(f"hosts.{name}") from error
    new = {key: value for key, value in fields.items() if key not in host and value is not None}
    kept = {key: value for key, value in {**host, **fields}.items() if value is not None}
    data["hosts"][name] = kept
    return _verified(_inserted(changed, ("hosts", name, "zone"), new), data)


def remove(text: str, name: str) -> str:
    """The text without a host, and without the comment that stands right above it.

    Raises:
        EditError: there is no such host, or the text is for people to edit.
    """
    data = tomllib.loads(text)
    _host(data, name)
    del data["hosts"][name]
    places = Lines(text)
    lines = text.splitlines(keepends=True)
    gone: set[int] = set()
    for number, line in enumerate(lines, 1):
        if is_within(places.path(number), ("hosts", name)) and not _is_between(line):
            gone.add(number)
    for number in sorted(gone, reverse=True):
        if lines[number - 1].startswith("["):
            _take_comment(lines, number - 1, gone)
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    return _verified("".join(kept).rstrip("\n") + "\n", data)


def _host(data: dict[str, Any], name: str) -> dict[str, Any]:
    hosts = data.get("hosts", {})
    if name not in hosts:
        raise EditError(f"there is no host {name}; there are: {', '.join(hosts) or 'none'}")
    host: dict[str, Any] = hosts[name]
    return host


def _item(value: Any) -> Any:
    """A value as it is written on one line."""
    if not isinstance(value, Mapping):
        return value
    table = tomlkit.inline_table()
    table.update({key: _item(each) for key, each in value.items()})
    return table


def _inserted(text: str, after: Path, fields: Mapping[str, Any]) -> str:
    """The text with further fields below one that is on a line of its own."""
    lines = text.splitlines(keepends=True)
    document = tomlkit.document()
    for field, value in fields.items():
        document[field] = _item(value)
    at = Lines(text).line(after)
    return "".join([*lines[:at], tomlkit.dumps(document), *lines[at:]])


def _is_between(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _take_comment(lines: list[str], number: int, gone: set[int]) -> None:
    """Also the lines of comment that end at a line, and one blank line above them."""
    while number and lines[number - 1].lstrip().startswith("#"):
        gone.add(number)
        number -= 1
    if number and not lines[number - 1].strip():
        gone.add(number)


def _verified(text: str, expected: Mapping[str, Any]) -> str:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found = {}
    # Without any host there is no table of hosts.
    if {"hosts": {}, **found} != {"hosts": {}, **expected}:
        raise _by_hand("hosts")
    return text


def _by_hand(what: str) -> EditError:
    return EditError(f"{what} is written in a way that only you can edit: change the file by hand")
