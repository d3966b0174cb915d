"""Options that several commands share, and the way from them to a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter, Token

from simulacra.actors.units import parse_duration, parse_number, parse_size
from simulacra.client import Client, find_socket

_LAST_PORT: Final = 65535


@Parameter(name="*")
@dataclass(frozen=True)
class Node:
    """Which node to use.

    Attributes:
        node: The node of this machine to use, where several are up.
    """

    node: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class Common(Node):
    """What every command that prints data takes.

    Attributes:
        json: Print JSON, also for an error.
    """

    json: bool = False


NODE: Final = Node()
COMMON: Final = Common()


def client(options: Node) -> Client:
    """Return a client of the node that the options mean, which need not be up.

    Raises:
        GatewayError: Several nodes are up and the options name none.
    """
    return Client(find_socket(options.node))


def _duration(_type: object, tokens: Sequence[Token]) -> float:
    return parse_duration(tokens[0].value)


def _period(_type: object, tokens: Sequence[Token]) -> float:
    text = tokens[0].value
    if not (seconds := parse_duration(text)):
        raise ValueError(f"{text!r} is no time at all: write more, as in 90s, 10m or 1h30m")
    return seconds


def _size(_type: object, tokens: Sequence[Token]) -> int:
    return parse_size(tokens[0].value)


def _amount(_type: object, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    if not (size := parse_size(text)):
        raise ValueError(f"{text!r} is nothing at all: write more, as in 512M or 2G")
    return size


def _count(_type: object, tokens: Sequence[Token]) -> int:
    return parse_number(tokens[0].value, 0)


def _port(_type: object, tokens: Sequence[Token]) -> int:
    return parse_number(tokens[0].value, 1, _LAST_PORT)


def _own_port(_type: object, tokens: Sequence[Token]) -> int:
    return parse_number(tokens[0].value, 0, _LAST_PORT)


Duration: TypeAlias = Annotated[float, Parameter(converter=_duration, metavar="TIME")]
"""A time, written as in 90s or 10m; seconds inside."""

Period: TypeAlias = Annotated[float, Parameter(converter=_period, metavar="TIME")]
"""The same, but not none."""

Size: TypeAlias = Annotated[int, Parameter(converter=_size, metavar="SIZE")]
"""A size, written as in 512M; bytes inside."""

Amount: TypeAlias = Annotated[int, Parameter(converter=_amount, metavar="SIZE")]
"""The same, but not none."""

Count: TypeAlias = Annotated[int, Parameter(converter=_count)]
"""How many: 0 or more."""

Port: TypeAlias = Annotated[int, Parameter(converter=_port)]
"""A port that something listens on."""

OwnPort: TypeAlias = Annotated[int, Parameter(converter=_own_port)]
"""A port to listen on; 0 for any that is free."""
