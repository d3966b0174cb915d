"""What outside hosts reach: mail to the computations that the user exposed to them.

An outside host sees nothing of this one (see `runtime.outside`) but an actor ``exposed.NAME`` for
each exposed computation. It takes plain data only, since nothing that comes from outside may be
unpickled, and passes it on as mail, wherever the computation is by now. What is exposed is kept in
a file and is so again after a restart.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster.naming import NamingError, check_name
from simulacra.actors.compute.post_messages import POST, Mail
from simulacra.actors.compute.values import NotPlainError, unpack_plain
from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime import Actor, Ref
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.wire_types import register

EXPOSING: Final = "exposing"
BODY_LIMIT: Final = 2**20

logger = logging.getLogger(__name__)


def entrance(name: str) -> str:
    """The actor through which outside hosts reach a computation."""
    return f"exposed.{name}"


@register("exposed.mail")
@dataclass(frozen=True, slots=True)
class FromOutside:
    """Mail for an exposed computation, packed; an ``ask`` is answered with what it answers."""

    body: bytes
    ask: bool


@dataclass(frozen=True, slots=True)
class Expose:
    """Expose a computation from now on, or no more. Answered with the names of all exposed."""

    name: str | None
    on: bool = True


class Entrance(Actor):
    """The way to one exposed computation.

    Args:
        name: the computation's.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def on_receive(self, message: Any) -> Any:
        """Pass on mail that is plain; the rest is refused."""
        match message:
            case FromOutside(bytes(body), bool(ask)) if len(body) <= BODY_LIMIT:
                self._pass_on(body, ask=ask)
            case _:
                self.refuse(message)

    def _pass_on(self, body: bytes, *, ask: bool) -> None:
        reply = self.defer_reply()
        try:
            unpack_plain(body)
        except (NotPlainError, ValueError) as error:
            reply.set_error(ValueError(f"only plain data comes in from outside: {error}"))
            return
        answer = self.system.ref(POST).ask(Mail(self._name, body, ask=ask), block=False)
        answer.on_answer(lambda answer: reply.resolve(*answer.outcome()))


class Exposing(Actor):
    """See the module.

    Args:
        file: where it is kept what is exposed.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entrances: dict[str, Ref] = {}

    def on_start(self) -> None:
        """Expose what was exposed before."""
        for name in _read(self._file):
            self._open(name)

    def on_receive(self, message: Any) -> Any:
        """`Expose`."""
        match message:
            case Expose(name, on):
                if name is not None:
                    self._expose(name, on=on)
                return sorted(self._entrances)
            case _:
                self.refuse(message)
        return None

    def _expose(self, name: str, *, on: bool) -> None:
        if on and name not in self._entrances:
            self._open(name)
        elif not on and name in self._entrances:
            self.system.exposed.discard(entrance(name))
            self._entrances.pop(name).stop(block=False)
        replace_private(self._file, json.dumps(sorted(self._entrances)))

    def _open(self, name: str) -> None:
        self._entrances[name] = self.spawn(Entrance, name, name=entrance(name))
        self.system.exposed.add(entrance(name))


def exposing_spec(file: Path) -> ChildSpec:
    """Its place in the node's tree."""
    return ChildSpec(EXPOSING, Exposing, (file,), {"name": EXPOSING})


def _read(file: Path) -> list[str]:
    try:
        names: list[str] = json.loads(file.read_text())
        for name in names:
            check_name(name, "computation")
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, NamingError):
        logger.exception("%s is damaged: nothing is exposed until it is said again", file)
        return []
    return names
