"""Finding a computation by its name, wherever in the network it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.naming import shown
from simulacra.actors.compute.computation import COMPUTATIONS
from simulacra.actors.compute.computations import ListThem, UnknownComputationError, is_living
from simulacra.actors.compute.computing import Described
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Ref
from simulacra.actors.runtime.futures import Reply

if TYPE_CHECKING:
    from simulacra.actors.node import Node

LIST_TIMEOUT: Final = 3.0
_SLICE: Final = 0.5
CATCH_WITHIN: Final = 10.0
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """A computation, and how many seconds ago its host said so."""

    described: Described
    ago: float


def table(node: Node, host: str) -> Ref:
    """The table of computations of a host."""
    return node.system.ref(f"{COMPUTATIONS}@{host}")


def everywhere(node: Node, *, ask: bool = True) -> list[Seen]:
    """All computations: of a host that does not answer, as they were when it did last.

    Without ``ask`` only this host is asked, and of the others the last answer counts.
    """
    asked = time.monotonic()
    hosts = [node.settings.name, *node.neighbours.connected()]
    answers: dict[str, Reply] = {
        host: table(node, host).ask(ListThem(), block=False)
        for host in (hosts if ask else hosts[:1])
    }
    for host, answer in answers.items():
        try:
            entries = answer.get(timeout=LIST_TIMEOUT)
        except (ActorDeadError, AskTimeoutError):
            continue
        node.last_seen[host] = [(described, asked - ago) for described, ago in entries]
    now = time.monotonic()
    known = {*hosts, *node.cluster.far(), *node.neighbours.absent()}
    return [
        Seen(described, max(0.0, now - at))
        for host, entries in node.last_seen.items()
        if host in known
        for described, at in entries
    ]


def once(seen: list[Seen]) -> list[Seen]:
    """Each computation once, as the host tells that has it now; not those that are nowhere."""
    best: dict[str, Seen] = {}
    for each in seen:
        party = each.described.party
        if party not in best or _presence(each) > _presence(best[party]):
            best[party] = each
    return [each for each in best.values() if each.described.state != "left"]


def _presence(seen: Seen) -> tuple[bool, bool, int]:
    state = seen.described.state
    return state not in {"left", "arriving"}, state == "arriving", seen.described.epoch


def find(node: Node, address: str) -> Seen:
    """The computation with a name, or ``name@host``; one that lives before one that has ended.

    Raises:
        GatewayError: ``not_found``.
    """
    name, _, host = address.partition("@")
    call_holder(node, address)
    seen = [
        each
        for each in everywhere(node)
        if each.described.name == name and (not host or each.described.host == host)
    ]
    seen = once(seen)
    if not seen:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"no computation called {shown(address)} is known in the network",
            "see what there is: simulacra ps --finished",
        )
    return max(seen, key=_rank)


def call_holder(node: Node, address: str) -> None:
    """Be connected to the host of what has a name, where the directory knows it."""
    name, _, host = address.partition("@")
    thing = node.knowing.names().things.get(name) if node.cluster.far() else None
    for place in () if thing is None else thing.places:
        node.neighbours.call(place.host)
    node.neighbours.call(host)


def _rank(seen: Seen) -> tuple[bool, int, float]:
    described = seen.described
    return is_living(described), described.epoch, described.ended or 0.0


def wait(call: Call, answer: Reply, timeout: float | None = None) -> Any:
    """Wait for an answer as long as the client does.

    Args:
        call: the client's call.
        answer: the answer.
        timeout: seconds to wait at most; None for as long as the call lasts.

    Raises:
        Cancelled: the client is gone, or its time is up.
        AskTimeoutError: the answer did not come in time.
        Exception: the answer is an error.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _SLICE if deadline is None else min(_SLICE, deadline - time.monotonic())
        try:
            return answer.get(timeout=left)
        except AskTimeoutError:
            call.check()
            if deadline is not None and time.monotonic() >= deadline:
                raise


def ask_it(node: Node, call: Call, seen: Seen, question: Any, timeout: float | None = None) -> Any:
    """Ask a computation's actor where it is now; follows it when it has just moved.

    Args:
        node: this node.
        call: the client's call: nobody waits longer than it does.
        seen: the computation.
        question: a message with a ``party``.
        timeout: seconds to wait for the answer; None for as long as the call lasts.

    Raises:
        GatewayError: ``unreachable`` when its host is lost, or ``not_found``.
        Cancelled: the client is gone, or its time is up.
        Exception: what the computation's actor answers.
    """
    host = seen.described.host
    deadline = time.monotonic() + CATCH_WITHIN
    while time.monotonic() < deadline:
        try:
            answer = wait(call, table(node, host).ask(question, block=False), timeout)
        except UnknownComputationError:
            host = _moved_to(node, seen)
            continue
        except AskTimeoutError as error:
            raise GatewayError(
                ErrorCode.TIMED_OUT,
                f"{seen.described.name} on {host}: {error}",
                f"see how it is: simulacra ps {seen.described.name}",
            ) from error
        except ActorDeadError as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host}, where {seen.described.name} was, does not answer: {error.reason}",
                "see who is connected: simulacra status",
            ) from error
        if isinstance(answer, Described) and answer.state in {"left", "arriving"}:
            time.sleep(_PAUSE)
            host = _moved_to(node, seen)
            continue
        return answer
    raise GatewayError(
        ErrorCode.FAILED,
        f"{seen.described.name} moves about and cannot be caught",
        "try again in a moment",
    )


def _moved_to(node: Node, seen: Seen) -> str:
    return find(node, seen.described.name).described.host
