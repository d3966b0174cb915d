"""Whether hosts run what the flake says: the running system against the evaluated one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from simulacra.hosts.deploy.children import ChildError
from simulacra.hosts.deploy.nix import Nix
from simulacra.hosts.deploy.ssh import Connections, UnreachableError

_RUNNING: Final = "/run/current-system"
_AT_ONCE: Final = 8
_EVALUATIONS: Final = 2


class State(StrEnum):
    """How a host stands."""

    SAME = "same"
    DRIFTED = "drifted"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Drift:
    """A host, as it is and as it should be.

    Attributes:
        running: the store path that runs; None where the host did not say.
        evaluated: the one that the flake has; None where it does not evaluate.
        why: of what is not known.
    """

    host: str
    state: State
    running: str | None
    evaluated: str | None
    why: str = ""


def drifts(hosts: Sequence[str], nix: Nix, by: Connections) -> list[Drift]:
    """Compare hosts with the flake, in their order."""
    with (
        ThreadPoolExecutor(_EVALUATIONS, thread_name_prefix="evaluate") as evaluating,
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look") as looking,
    ):
        evaluated = evaluating.map(partial(_asked, nix.evaluate), hosts)
        running = looking.map(partial(_asked, partial(_running, by)), hosts)
        return list(map(_compared, hosts, running, evaluated))


def _running(by: Connections, host: str) -> str:
    return by.output(host, "readlink", "-f", _RUNNING).strip()


def _asked(ask: Callable[[str], str], host: str) -> str | ChildError:
    try:
        return ask(host)
    except ChildError as error:
        return error


def _compared(host: str, running: str | ChildError, evaluated: str | ChildError) -> Drift:
    """Put what was found beside each other."""
    errors = [each for each in (running, evaluated) if isinstance(each, ChildError)]
    found = None if isinstance(running, ChildError) else running
    should = None if isinstance(evaluated, ChildError) else evaluated
    if isinstance(running, UnreachableError):
        state = State.UNREACHABLE
    elif errors:
        state = State.UNKNOWN
    else:
        state = State.SAME if found == should else State.DRIFTED
    return Drift(host, state, found, should, "; ".join(map(str, errors)))
