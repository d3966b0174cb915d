"""Choosing the host for a computation that is to be spawned, and waiting a little for a better one.

What draws it: the data that its arguments name, the work it is said to need, the labels that its
host must have. Where nothing draws it, it starts here. A full host that is worth it is waited for,
for some seconds; ``ps`` and ``explain`` show meanwhile what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from simulacra.actors.compute.file_service import FILES, Look
from simulacra.actors.compute.placement import (
    WAIT_LIMIT_SECONDS,
    Alternative,
    Choice,
    Needs,
    Network,
    Read,
    choose,
)
from simulacra.actors.compute.spec import Spec
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_FACTS_TIMEOUT: Final = 5.0
_FACTS_PAUSE: Final = 0.02
_LOOK_AGAIN: Final = 0.1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A computation that has no host yet.

    Attributes:
        name: its name.
        waits_for: what it waits for, in words.
        since: when that began, on the monotonic clock.
        alternatives: all hosts, with what is against each.
    """

    name: str
    waits_for: str
    since: float
    alternatives: tuple[Alternative, ...]


class Placing:
    """See the module."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def place(self, call: Call, name: str, spec: Spec) -> str:
        """The host where it is to start.

        Raises:
            GatewayError: ``unplaceable``, with what is against each host; ``unreachable`` or
                ``not_found`` for what it is to read.
            Cancelled: the client does not wait for it any more.
        """
        reads = tuple(self._measure(path) for path in spec.reads)
        near = None if spec.near is None else self._connected(spec.near)
        needs = Needs(
            name,
            reads=reads,
            cpu_seconds=spec.work,
            memory=spec.limits.memory or 0,
            labels=spec.labels,
            on=spec.on,
            near=near,
        )
        if not (reads or spec.on or near or spec.work):
            needs = replace(needs, near=self._node.settings.name)  # nothing draws it elsewhere
        self._await_facts({near, spec.on, *(read.host for read in reads)})
        with self._shown(name) as show:
            choice = self._choose(call, needs, show)
        if choice.host is None:
            raise self._unplaceable(spec, choice.alternatives)
        return choice.host

    def _choose(self, call: Call, needs: Needs, show: Shown) -> Choice:
        """The choice, once nothing is worth waiting for any longer."""
        began = time.monotonic()
        while True:
            waited = time.monotonic() - began
            choice = choose(needs, self._network(), waited=waited)
            if choice.wait_for is None or waited > WAIT_LIMIT_SECONDS:
                return choice
            show.waits(choice, choice.wait_for, began)
            call.check()
            time.sleep(_LOOK_AGAIN)

    @contextmanager
    def _shown(self, name: str) -> Iterator[Shown]:
        """While it waits it is shown, and its name is taken."""
        try:
            yield Shown(self._node.waiting, name)
        finally:
            self._node.waiting.pop(name, None)

    # -- what is known

    def _network(self) -> Network:
        return self._node.hosts.network()

    def _await_facts(self, wanted: set[str | None]) -> None:
        """Wait until the facts of the hosts that matter have come, for some seconds."""
        for host in wanted - {None}:
            self._node.neighbours.call(str(host))
        deadline = time.monotonic() + _FACTS_TIMEOUT
        while (wanted & set(self._node.neighbours.connected())) - set(self._network().hosts):
            if time.monotonic() > deadline:
                return
            time.sleep(_FACTS_PAUSE)

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
        self._node.neighbours.call(host)
        if host != here and host not in self._node.neighbours.connected():
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{path} is on {host}, which is not connected",
                "see who is connected: simulacra status",
            )
        return host

    def _unplaceable(self, spec: Spec, alternatives: tuple[Alternative, ...]) -> GatewayError:
        known = {each.host for each in alternatives}
        if spec.on is not None and spec.on not in known:
            return GatewayError(
                ErrorCode.UNPLACEABLE,
                f"there is no host {spec.on} connected; connected: {', '.join(sorted(known))}",
                "see who is connected: simulacra status",
            )
        by_name = sorted(alternatives, key=lambda each: each.host)
        reasons = "; ".join(f"{each.host}: {each.refused}" for each in by_name)
        hint = "ask for less, or for another host"
        if spec.labels:
            hint = f"mark a host when it is started: simulacra up --label {spec.labels[0]}"
        return GatewayError(ErrorCode.UNPLACEABLE, f"no host can take it: {reasons}", hint)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a computation that waits for a host is shown."""

    table: dict[str, Waiting]
    name: str

    def waits(self, choice: Choice, host: str, since: float) -> None:
        """It waits for a host."""
        why = next(each.refused for each in choice.alternatives if each.host == host)
        instead = f"; else {choice.host} takes it" if choice.host is not None else ""
        self.table[self.name] = Waiting(
            self.name,
            f"room on {host}, {WAIT_LIMIT_SECONDS:g} s at most: {why}{instead}",
            since,
            choice.alternatives,
        )


def _host_of(path: str, here: str) -> str:
    host, colon, _ = path.partition(":")
    return host if colon and "/" not in host else here
