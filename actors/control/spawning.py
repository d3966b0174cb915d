"""Starting a computation: a free name, a place chosen by what it reads, and the order to begin."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.computations import Begin, NameInUseError
from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.file_service import FILES, Look
from simulacra.actors.compute.placement import Alternative, Needs, Network, Read, choose
from simulacra.actors.compute.post_messages import POST, Resolve
from simulacra.actors.compute.spec import Command, EntryPoint, Function, Script, Spec, SpecError
from simulacra.actors.control.finding import table
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_BEGIN_TIMEOUT: Final = 20.0
_FACTS_TIMEOUT: Final = 5.0
_FACTS_PAUSE: Final = 0.02


class Spawning:
    """The verb ``spawn``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def spawn(self, call: Call) -> Iterator[object]:
        """Start a computation where it costs least."""
        spec = _checked(call.arg("spec", dict))
        name = spec.name or _made_up_name(spec)
        self._refuse_taken(name)
        host = self._place(name, spec)
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
        yield {"name": name, "host": host, "state": described.state, "waits_for": None}

    def _refuse_taken(self, name: str) -> None:
        found = self._node.system.ref(POST).ask(Resolve(name)).found
        if found is not None:
            raise GatewayError(
                ErrorCode.FAILED,
                f"the name {name} is taken by a computation on {found.place.host}",
                f"take another, or end that one: simulacra stop {name}",
            )

    def _place(self, name: str, spec: Spec) -> str:
        here = self._node.settings.name
        reads = tuple(self._measure(path) for path in spec.reads)
        near = None if spec.near is None else self._connected(spec.near)
        needs = Needs(name, reads=reads, memory=spec.limits.memory or 0, on=spec.on, near=near)
        if not reads and spec.on is None and near is None:
            needs = replace(needs, near=here)  # nothing draws it elsewhere
        choice = choose(needs, self._network({near, spec.on, *(read.host for read in reads)}))
        if choice.host is None:
            raise self._unplaceable(spec, choice.alternatives)
        return choice.host

    def _network(self, wanted: set[str | None]) -> Network:
        """The network, once the facts of the hosts that matter have come, within seconds."""
        deadline = time.monotonic() + _FACTS_TIMEOUT
        while True:
            network = self._node.hosts.network()
            missing = (wanted & set(self._node.connected())) - set(network.hosts)
            if not missing or time.monotonic() > deadline:
                return network
            time.sleep(_FACTS_PAUSE)

    def _unplaceable(self, spec: Spec, alternatives: tuple[Alternative, ...]) -> GatewayError:
        known = {each.host for each in alternatives}
        if spec.on is not None and spec.on not in known:
            return GatewayError(
                ErrorCode.UNPLACEABLE,
                f"there is no host {spec.on} connected; connected: {', '.join(sorted(known))}",
                "see who is connected: simulacra status",
            )
        reasons = "; ".join(f"{each.host}: {each.refused}" for each in alternatives)
        return GatewayError(
            ErrorCode.UNPLACEABLE, f"no host can take it: {reasons}", "ask for less, or elsewhere"
        )

    def _measure(self, path: str) -> Read:
        """How much there is to read at a ``host:path``: of a folder, what its files come to."""
        host = self._connected(path)
        local = path.partition(":")[2] or path
        try:
            size, files = self._node.system.ref(f"{FILES}@{host}").ask(Look("weigh", local))
        except (ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE, f"{host} does not say what is at {path}: {error}", ""
            ) from error
        except OSError as error:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{path} is to be read: {error}",
                f"look there: simulacra spawn --on {host} --wait -- ls -l {local}",
            ) from error
        return Read(host, path, size, max(1, files))

    def _connected(self, path: str) -> str:
        """The host of a ``host:path``, which has to be there."""
        here = self._node.settings.name
        host = _host_of(path, here)
        if host != here and host not in self._node.connected():
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{path} is on {host}, which is not connected",
                "see who is connected: simulacra status",
            )
        return host


def _checked(plain: Any) -> Spec:
    try:
        return Spec.from_plain(plain)
    except SpecError as error:
        raise GatewayError(ErrorCode.USAGE, str(error), "see: simulacra spawn --help") from error


def _host_of(path: str, here: str) -> str:
    host, colon, _ = path.partition(":")
    return host if colon and "/" not in host else here


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
