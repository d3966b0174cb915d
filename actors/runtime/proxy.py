"""An actor's methods and attributes as if it were here, each access giving a future.

``proxy.method(1)`` asks the actor to call its method; ``proxy.name.get()`` asks for an attribute;
``proxy.name = 1`` sets one and waits. The messages are pykka's own (`pykka.messages`). Names that
begin with an underscore are not reachable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from simulacra.actors.runtime.futures import ASK_TIMEOUT, Reply, Wait

if TYPE_CHECKING:
    from simulacra.actors.runtime.actor import Actor
    from simulacra.actors.runtime.refs import Ref


class Proxy:
    """The face of one actor."""

    __slots__ = ("_ref",)
    _ref: Ref

    def __init__(self, ref: Ref) -> None:
        object.__setattr__(self, "_ref", ref)

    def __getattr__(self, name: str) -> Member:
        return Member(self._ref, _public(name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._ref.ask(ProxySetAttr((_public(name),), value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._ref == other._ref

    def __hash__(self) -> int:
        return hash(self._ref)

    def __reduce__(self) -> Any:
        return Proxy, (self._ref,)

    def __repr__(self) -> str:
        return f"Proxy({self._ref!r})"


class Member:
    """A method or an attribute of an actor, not yet looked at."""

    __slots__ = ("_name", "_ref")

    def __init__(self, ref: Ref, name: str) -> None:
        self._ref = ref
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Reply:
        """Call the method in the actor; the future gives what it returned."""
        reply: Reply = self._ref.ask(ProxyCall((self._name,), args, kwargs), block=False)
        return reply

    def defer(self, *args: Any, **kwargs: Any) -> None:
        """Call the method in the actor and do not wait for an answer."""
        self._ref.tell(ProxyCall((self._name,), args, kwargs))

    def get(self, *, timeout: float | Wait | None = ASK_TIMEOUT) -> Any:
        """The attribute's value now."""
        return self._ref.ask(ProxyGetAttr((self._name,)), timeout=timeout)


def _public(name: str) -> str:
    if name.startswith("_"):
        raise AttributeError(f"{name!r} is private to the actor")
    return name


def _call(behaviour: Actor, message: ProxyCall) -> Any:
    return getattr(behaviour, message.attr_path[0])(*message.args, **message.kwargs)


def _get(behaviour: Actor, message: ProxyGetAttr) -> Any:
    return getattr(behaviour, message.attr_path[0])


def _set(behaviour: Actor, message: ProxySetAttr) -> None:
    setattr(behaviour, message.attr_path[0], message.value)


PROXY_MESSAGES: Final[dict[type, Callable[[Actor, Any], Any]]] = {
    ProxyCall: _call,
    ProxyGetAttr: _get,
    ProxySetAttr: _set,
}
"""What each of a proxy's messages does in the actor."""
