"""Supervised actors that make a person's machines behave as one computer.

A program of yours is a client of the node on its machine::

    import simulacra

    network = simulacra.connect()
    count = network.spawn(count_words, args=("nas:/srv/books",))
    print(count.result())

Everything named here is imported when it is first used (PEP 562), so that ``import simulacra``
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulacra.actors.gateway.frames import GatewayError as GatewayError
    from simulacra.actors.runtime import Actor as Actor
    from simulacra.actors.runtime import ActorSystem as ActorSystem
    from simulacra.actors.runtime import Down as Down
    from simulacra.actors.runtime import Exit as Exit
    from simulacra.actors.runtime import ExitReason as ExitReason
    from simulacra.actors.runtime import Ref as Ref
    from simulacra.network import Computation as Computation
    from simulacra.network import ComputationError as ComputationError
    from simulacra.network import Network as Network
    from simulacra.network import connect as connect
    from simulacra.network import spawn as spawn

__version__ = "0.1.0"

_HOMES = {
    "Actor": "simulacra.actors.runtime",
    "ActorSystem": "simulacra.actors.runtime",
    "Computation": "simulacra.network",
    "ComputationError": "simulacra.network",
    "Down": "simulacra.actors.runtime",
    "Exit": "simulacra.actors.runtime",
    "ExitReason": "simulacra.actors.runtime",
    "GatewayError": "simulacra.actors.gateway.frames",
    "Network": "simulacra.network",
    "Ref": "simulacra.actors.runtime",
    "connect": "simulacra.network",
    "spawn": "simulacra.network",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (names, all of them text)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'simulacra' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 (nothing before it is needed)

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
