"""Starting a computation: a free name, a place chosen by what it reads, and the order to begin."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.computations import Begin, NameInUseError
from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.post_messages import POST, Resolve
from simulacra.actors.compute.spec import Command, EntryPoint, Function, Script, Spec, SpecError
from simulacra.actors.control.finding import table
from simulacra.actors.control.network import refuse_outside
from simulacra.actors.control.new_names import check_free_to_run
from simulacra.actors.control.placing import Placing
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_BEGIN_TIMEOUT: Final = 20.0
_FACTS_TIMEOUT: Final = 5.0
_FACTS_PAUSE: Final = 0.02


class Spawning:
    """The verb ``spawn``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._placing = Placing(node)

    def spawn(self, call: Call) -> Iterator[object]:
        """Start a computation where it costs least."""
        refuse_outside(self._node)
        spec = _checked(call.arg("spec", dict))
        if spec.name is not None:
            check_free_to_run(self._node, spec.name, "computation")
        name = spec.name or _made_up_name(spec)
        self._refuse_taken(name)
        host = self._placing.place(call, name, spec)
        logger.info("%s is to begin on %s", name, host)
        begin = Begin(spec.to_plain(), name, call.arg("cwd", str, None))
        try:
            described: Described = table(self._node, host).ask(begin, timeout=_BEGIN_TIMEOUT)
        except (NameInUseError, OSError, ValueError) as error:
            raise GatewayError(
                ErrorCode.FAILED, str(error), "see what runs: simulacra ps"
            ) from error
        except (ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} was chosen and does not answer: {error}",
                "see who is connected: simulacra status",
            ) from error
        yield {"name": name, "host": host, "state": described.state}

    def _refuse_taken(self, name: str) -> None:
        if name in self._node.waiting:
            raise GatewayError(
                ErrorCode.FAILED,
                f"the name {name} is taken by a computation that waits for a host",
                f"take another, or see how that one is: simulacra explain {name}",
            )
        found = self._node.system.ref(POST).ask(Resolve(name)).found
        if found is not None:
            raise GatewayError(
                ErrorCode.FAILED,
                f"the name {name} is taken by a computation on {found.place.host}",
                f"take another, or end that one: simulacra stop {name}",
            )


def _checked(plain: Any) -> Spec:
    try:
        return Spec.from_plain(plain)
    except SpecError as error:
        raise GatewayError(ErrorCode.USAGE, str(error), "see: simulacra spawn --help") from error


def _made_up_name(spec: Spec) -> str:
    match spec.what:
        case Script(path=path):
            stem = PurePosixPath(path).stem
        case EntryPoint(target=target):
            stem = target.rpartition(":")[2]
        case Function(name=function):
            stem = function
        case Command(argv=argv):
            stem = PurePosixPath(argv[0]).name
        case _:
            stem = "actor"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in stem)
    return f"{plain.strip('-.') or 'computation'}-{secrets.token_hex(2)}"
