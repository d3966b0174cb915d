"""What each setting may be: one check for each, whose error names the place and what would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from simulacra.actors.cluster.event_kinds import EVERY, KINDS
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

LOGS: Final = ("text", "json")
HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:@\[\]]+):([0-9]{1,5})")
_WORD: Final = re.compile(r"[^\s/'\"$`\\();&|<>]+")
_EXAMPLES: Final = {"run_commands": "make", "run_environ": "LC_*"}
_DESTINATION: Final = re.compile(r"[^\s-][^\s]*")
_HOWS: Final = ("suspend", "poweroff")
_MAX_PORT: Final = 65535
_LEAST_IDLE: Final = 10.0
"""Seconds; hosts that rest sooner call one another again and again."""
_PATH: Final = re.compile(r"/[^\0]*")
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")


def split_address(address: str) -> tuple[str, int]:
    """Split HOST:PORT, the host of which may be ``[IPv6]``.

    Raises:
        ValueError: It is not of that form.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > _MAX_PORT:
        raise ValueError(f"{address!r} is not HOST:PORT, as in nas.local:7400 or [fe80::1]:7400")
    return match[1].strip("[]"), int(match[2])


def _labels(place: str, name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong(place, f"{name} is {value!r}, not a list", "write labels = ['gpu']")
    for label in value:
        if not isinstance(label, str) or _LABEL.fullmatch(label) is None:
            raise wrong(
                place,
                f"{label!r} is no label",
                "use small letters, digits and _ . -, at most 32: labels = ['gpu']",
            )
    return tuple(value)


def _addresses(place: str, name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong(place, f"{name} is {value!r}, not a list", "write join = ['nas.local:7400']")
    for address in value:
        _address(place, name, address)
    return tuple(value)


def _hooks(place: str, name: str, value: object) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    hint = """write [hooks], and below it "host.lost" = ["notify-send", "a host is lost"]"""
    if not isinstance(value, Mapping):
        raise wrong(place, f"{name} is {value!r}, not a table", hint)
    for kind in value:
        if kind not in (*KINDS, EVERY):
            known = f"there are: {', '.join(KINDS)}, and {EVERY} for all"
            raise wrong(place, f"{kind!r} is no kind of event, so that its hook never runs", known)
    return {str(kind): _commands(place, str(kind), said, hint) for kind, said in value.items()}


def _words(place: str, name: str, value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else ()
    if value != [] and not (
        words and all(isinstance(w, str) and _WORD.fullmatch(w) for w in words)
    ):
        raise wrong(
            place,
            f"{name} is {value!r}, not a list of names",
            f"write {name} = ['{_EXAMPLES[name]}'], each without spaces and slashes",
        )
    return tuple(str(word) for word in words)


def _ssh(place: str, name: str, value: object) -> Mapping[str, str]:
    for host, destination in _table(place, name, value).items():
        _label("host", place, name, host)
        if not isinstance(destination, str) or _DESTINATION.fullmatch(destination) is None:
            raise wrong(
                place,
                f"{name}: {destination!r} is nothing that ssh could be given for {host}",
                f"write [{name}], and below it {host} = 'me@{host}.lan'",
            )
    return dict(_table(place, name, value))


def _sources(place: str, name: str, value: object) -> Mapping[str, str]:
    for source, at in _table(place, name, value).items():
        host, colon, path = at.partition(":") if isinstance(at, str) else ("", "", "")
        if not (source and colon and path.startswith("/") and HOST_NAME.fullmatch(host)):
            raise wrong(
                place,
                f"{name}: {at!r} is no HOST:/PATH for {source!r}",
                f"write [{name}], and below it '//nas/photos' = 'nas:/srv/photos'",
            )
    return dict(_table(place, name, value))


def _sleep(place: str, name: str, value: object) -> Mapping[str, tuple[str, ...]]:
    hint = f"write [{name}], and below it {_HOWS[0]} = ['systemctl', '{_HOWS[0]}']"
    for how, words in _table(place, name, value).items():
        if how not in _HOWS:
            raise wrong(place, f"{how!r} is no way to {name}", f"there are: {', '.join(_HOWS)}")
        if not (isinstance(words, list) and words and all(isinstance(w, str) for w in words)):
            raise wrong(place, f"{name}.{how} is {words!r}, not a list of words", hint)
    return {how: tuple(words) for how, words in _table(place, name, value).items()}


def _table(place: str, name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(
            place, f"{name} is {value!r}, not a table", f"write [{name}], and lines below it"
        )
    return value


def _commands(place: str, kind: str, said: object, hint: str) -> tuple[tuple[str, ...], ...]:
    """One command, or a list of them."""
    several = said if isinstance(said, list) and said and isinstance(said[0], list) else [said]
    commands: list[tuple[str, ...]] = []
    for words in several:
        if not (isinstance(words, list) and words and all(isinstance(w, str) for w in words)):
            raise wrong(place, f"the hook for {kind!r} is {words!r}, not a list of words", hint)
        commands.append(tuple(str(word) for word in words))
    return tuple(commands)


def _address(place: str, name: str, value: object) -> str:
    try:
        split_address(str(value))
    except ValueError as error:
        raise wrong(place, f"{name}: {error}", f"write {name} as HOST:PORT") from error
    return str(value)


def _label(of: str, place: str, name: str, value: object) -> str:
    if not isinstance(value, str) or HOST_NAME.fullmatch(value) is None:
        raise wrong(
            place,
            f"{name} {value!r} is no {of}'s name",
            f"use small letters, digits and hyphens, at most 63: {name} = 'desk'",
        )
    return value


def _count(place: str, name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise wrong(place, f"{name} {value!r} is no number of hosts", f"from 1: {name} = 64")
    return value


def _seconds(place: str, name: str, value: object) -> float:
    if type(value) not in (int, float) or not _LEAST_IDLE <= float(str(value)) < float("inf"):
        least = f"{_LEAST_IDLE:g}"
        raise wrong(
            place, f"{name} {value!r} is no number of seconds from {least}", f"as in {name} = 300"
        )
    return float(str(value))


def _bytes(place: str, name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise wrong(
            place,
            f"{name} {value!r} is no number of bytes",
            f"write it in digits: {name} = 1073741824",
        )
    return value


def _port(place: str, name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_PORT:
        raise wrong(
            place,
            f"{name} {value!r} is no port",
            f"write it in digits, 0 for any that is free: {name} = 7403",
        )
    return value


def _path(place: str, name: str, value: object) -> str:
    if not isinstance(value, str) or _PATH.fullmatch(value) is None:
        raise wrong(
            place,
            f"{name} is {value!r}, no path from the root",
            f"write it whole: {name} = '/etc/simulacra/plan.json'",
        )
    return value


def _log(place: str, name: str, value: object) -> str:
    if value not in LOGS:
        raise wrong(place, f"{name} is {value!r}", f"one of: {', '.join(LOGS)}")
    return str(value)


def wrong(place: str, what: str, hint: str) -> GatewayError:
    """The error of a setting that is wrong, with the place where it stands."""
    return GatewayError(ErrorCode.USAGE, f"in {place}: {what}", hint)


CHECKS: Final[Mapping[str, Callable[[str, str, object], Any]]] = {
    "name": partial(_label, "node"),
    "listen": _address,
    "bulk_port": _port,
    "join": _addresses,
    "door": _address,
    "dns": _address,
    "zone": partial(_label, "zone"),
    "labels": _labels,
    "hooks": _hooks,
    "mesh": _count,
    "idle": _seconds,
    "checkpoint_limit": _bytes,
    "run_commands": _words,
    "run_environ": _words,
    "ssh": _ssh,
    "sources": _sources,
    "sleep": _sleep,
    "inventory": _path,
    "plan": _path,
    "helper": _path,
    "log": _log,
}
"""By the setting's name: checks a value, given its place and name, and gives it as it is kept."""
