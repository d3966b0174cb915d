"""``ctx.state``: the namespace of a computation that moves with it."""

from __future__ import annotations

from typing import Any


class State:
    """What moves with the computation: attributes, as many as you like.

    Anything that cloudpickle packs may be kept. Plain data (numbers, text, bytes, lists, dicts)
    is best: it may also move to another Python version or architecture.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        """Attributes from ``values``."""
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"ctx.state has no {name} yet: write ctx.state.setdefault({name!r}, ...) at the top"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__

    def get(self, name: str, default: Any = None) -> Any:
        """The attribute, or ``default`` where it is not set."""
        return self.__dict__.get(name, default)

    def setdefault(self, name: str, default: Any) -> Any:
        """The attribute, set to ``default`` first where it is not set."""
        return self.__dict__.setdefault(name, default)
