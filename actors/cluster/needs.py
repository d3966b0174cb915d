"""Needs: what a host, or the network, must have before something may run there.

A need is one of these; several are a list, or stand in one text with commas between them.

=======================  ==========================================================================
``cores>=4``             a number of the host: ``cores``; also ``>``, ``<``, ``<=``, ``=``, ``!=``
``memory>=8G``           a size of the host: ``memory``
``hosts>=3``             how many hosts are up in this part of the network
``zone=home``            a word of the host: ``zone``, ``arch``, ``host``; also ``!=``
``port:8080``            nothing else has this port of the host
``kvm``, ``gpu``, ...    the host has it, or is labelled so
``!metered``             the host has it not, and is not labelled so
=======================  ==========================================================================

They are read once, at the door, where an error names the need and the place in it; from then on
they are compared with what is known of a host, and each that is not met says why in words.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from simulacra.actors.units import parse_size, show_size

Kind = Literal["number", "size", "network", "word", "port", "has", "not"]

_KINDS: Final[Mapping[str, Kind]] = {
    "cores": "number",
    "memory": "size",
    "hosts": "network",
    "zone": "word",
    "arch": "word",
    "host": "word",
}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_IN_WORDS: Final = {
    ">=": "at least ",
    "<=": "at most ",
    "!=": "anything but ",
    ">": "more than ",
    "<": "less than ",
    "=": "exactly ",
}
_NEED: Final = re.compile(r"\s*(!?)([^\s<>=!:]*)\s*(>=|<=|!=|==|=|>|<|:|)\s*(.*?)\s*")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LIMIT: Final = 32
_HIGHEST_PORT: Final = 65535


class NeedsError(ValueError):
    """A need is wrong.

    Attributes:
        field: the need's name, or an empty string where there is none.
        place: which character of the text is wrong, counted from 1.
    """

    def __init__(self, text: str, field: str, place: int, problem: str) -> None:
        super().__init__(f"needs: {text!r}, at character {place}: {problem}")
        self.field = field
        self.place = place


@dataclass(frozen=True, slots=True)
class Need:
    """One need.

    Attributes:
        text: as it was written, without spaces around it.
        kind: how it is compared.
        field: what of.
        compare: by which sign; an empty string for ports, what is had and what is not.
        value: with what.
    """

    text: str
    kind: Kind
    field: str
    compare: str = ""
    value: int | str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is known of a host.

    Attributes:
        host: its name.
        cores: processors.
        memory: bytes.
        arch: architecture, such as ``x86_64``.
        zone: what it stands or falls with; an empty string where nobody said.
        has: what it has (``kvm``, ``gpu``, ``battery``, ``metered``) and its labels.
        ports: what others than services have of its ports.
    """

    host: str
    cores: int = 1
    memory: int = 0
    arch: str = ""
    zone: str = ""
    has: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()

    @classmethod
    def of(cls, host: str, told: Mapping[str, Any]) -> Capabilities:
        """From what the host told of itself: its fields, ``labels``, ``ports`` and yes or no.

        What is missing, or of another type than it should be, is as if it had said nothing.
        """
        has = {name for name, value in told.items() if value is True}
        has |= {label for label in _list(told, "labels") if isinstance(label, str)}
        ports = {port for port in _list(told, "ports") if type(port) is int}
        cores, memory = told.get("cores"), told.get("memory")
        arch, zone = told.get("arch"), told.get("zone")
        return cls(
            host,
            cores if type(cores) is int else 1,
            memory if type(memory) is int else 0,
            arch if isinstance(arch, str) else "",
            zone if isinstance(zone, str) else "",
            frozenset(has),
            frozenset(ports),
        )


def _list(told: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = told.get(name)
    return value if isinstance(value, list | tuple) else ()


# -- reading


def parse_needs(given: str | Iterable[str]) -> tuple[Need, ...]:
    """Read needs.

    Args:
        given: one text with commas, or several texts.

    Raises:
        NeedsError: one is wrong; says which, where in it, and what would do.
    """
    texts = [given] if isinstance(given, str) else list(given)
    needs: dict[str, Need] = {}
    for text in texts:
        place = 1
        for piece in text.split(","):
            if piece.strip() or "," in text:
                need = _parse(piece, text, place)
                needs.setdefault(need.text, need)
            place += len(piece) + 1
    if len(needs) > _LIMIT:
        last = list(needs.values())[_LIMIT]
        raise NeedsError(last.text, last.field, 1, f"more than {_LIMIT} needs")
    return tuple(needs.values())


def _parse(piece: str, text: str, start: int) -> Need:
    match = _NEED.fullmatch(piece)
    if match is None:  # a line break is in it
        raise NeedsError(text, "", start, "a need stands on one line")
    negated, field, sign, value = match.groups()

    def wrong(group: int, problem: str) -> NeedsError:
        return NeedsError(text, field, start + match.start(group), problem)

    if not _WORD.fullmatch(field):
        problem = f"{field!r} is no name" if field else "a name is missing, as in memory>=8G"
        raise wrong(2, problem)
    if sign in ("", ":"):
        return _parse_plain(piece.strip(), negated, field, sign, value, wrong)
    kind = _KINDS.get(field)
    if kind is None:
        raise wrong(2, _unknown(field))
    if negated:
        raise wrong(1, f"write {field}!={value or '...'} for is not the same as")
    if sign == "==" or (kind == "word" and sign not in ("=", "!=")):
        raise wrong(3, f"{field} is compared by {'= or !=' if kind == 'word' else 'one ='}")
    try:
        return Need(piece.strip(), kind, field, sign, _value(kind, value))
    except ValueError as error:
        raise wrong(4, str(error)) from None


def _parse_plain(
    text: str,
    negated: str,
    field: str,
    sign: str,
    value: str,
    wrong: Callable[[int, str], NeedsError],
) -> Need:
    if sign == ":" and field != "port":
        raise wrong(2, f"only a port is written with a colon, as in port:8080, not {field}")
    if sign == ":":
        if negated or not _is_port(value):
            raise wrong(1 if negated else 4, f"a port is a number from 1 to {_HIGHEST_PORT}")
        return Need(text, "port", "port", "", int(value))
    if value:
        raise wrong(4, "a comma, or one of >= <= > < = != is missing before this")
    if field in _KINDS or field == "port":
        sample = {"memory": ">=8G", "port": ":8080", "zone": "=home"}.get(field, ">=4")
        raise wrong(2, f"{field} alone says nothing: write it as in {field}{sample}")
    return Need(text, "not" if negated else "has", field)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _HIGHEST_PORT


def _value(kind: Kind, text: str) -> int | str:
    if not text:
        raise ValueError("a value is missing")
    if kind == "size":
        return parse_size(text)
    if kind in ("number", "network"):
        if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 (a billion)
            raise ValueError(f"{text!r} is no whole number")
        return int(text)
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text!r} is no name")
    return text


def _unknown(field: str) -> str:
    close = get_close_matches(field, _KINDS, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{field!r} is nothing to compare; {meant}known are {', '.join(_KINDS)}"


# -- comparing


def unmet(needs: Iterable[Need], host: Capabilities) -> tuple[str, ...]:
    """What a host lacks, each in words; nothing where it would do."""
    return tuple(reason for need in needs if (reason := _lacks(need, host)))


def _lacks(need: Need, host: Capabilities) -> str | None:
    match need.kind:
        case "network":
            return None
        case "has":
            return None if need.field in host.has else f"it has no {need.field}"
        case "not":
            return f"it is {need.field}" if need.field in host.has else None
        case "port":
            return f"its port {need.value} is taken" if need.value in host.ports else None
        case _:
            found: int | str = getattr(host, need.field)
            if _COMPARE[need.compare](found, need.value):
                return None
            return _in_words(need, _shown(need, found))


def _in_words(need: Need, found: str) -> str:
    if need.kind == "number":
        return f"it has {found} {need.field}, and {_wanted(need)} are needed"
    if need.kind == "size":
        return f"it has {found} of {need.field}, and {_wanted(need)} is needed"
    return f"its {need.field} is {found}, and {_wanted(need)} is needed"


def unmet_by_network(needs: Iterable[Need], hosts: int) -> tuple[str, ...]:
    """What this part of the network lacks, each in words.

    Args:
        needs: what is needed.
        hosts: how many hosts are up in this part.
    """
    return tuple(
        f"{hosts} {'host is' if hosts == 1 else 'hosts are'} up, and {_wanted(need)} are needed"
        for need in needs
        if need.kind == "network" and not _COMPARE[need.compare](hosts, need.value)
    )


def ports_of(needs: Iterable[Need]) -> frozenset[int]:
    """The ports that are needed."""
    return frozenset(int(need.value) for need in needs if need.kind == "port")


def _wanted(need: Need) -> str:
    return f"{_IN_WORDS[need.compare]}{_shown(need, need.value)}"


def _shown(need: Need, value: int | str) -> str:
    if need.kind == "size":
        return show_size(int(value))
    return str(value) or "not known"
