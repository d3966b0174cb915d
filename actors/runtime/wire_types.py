"""Which classes travel between nodes, and under which name.

Nothing that arrives is unpickled. A class travels only when both nodes have registered it under the
same *wire name*; its instances travel as their fields, by name, so that a field with a default may
be added later. An exception travels as its class's wire name, its arguments, its attributes, its
text and its traceback; where the name is unknown, or rebuilding fails, it becomes a `RemoteError`.
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from simulacra.actors.runtime.errors import (
    ActorDeadError,
    ActorExit,
    AskTimeoutError,
    MailboxFullError,
    NameTakenError,
    PeerBusyError,
    RemoteError,
    StartError,
    describe,
)
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.signals import (
    Demonitor,
    Down,
    DownSignal,
    Exit,
    ExitSignal,
    Kill,
    Link,
    Monitor,
    Resume,
    Suspend,
    Unlink,
)
from simulacra.actors.tracing import Traced


@dataclasses.dataclass(frozen=True, slots=True)
class Unbuilt:
    """What arrived of an object whose class this node does not know, or could not build.

    Attributes:
        name: the wire name of its class.
        fields: its fields by name.
        why: what is missing.
    """

    name: str
    fields: dict[str, Any]
    why: str


_Class = TypeVar("_Class", bound=type)

_classes: dict[str, type] = {}
_names: dict[type, str] = {}


def register(name: str) -> Callable[[_Class], _Class]:
    """Let instances of a dataclass, a named tuple or an exception class travel between nodes.

    Example::

        @register("shop.order")
        @dataclass
        class Order:
            item: str

    Args:
        name: the wire name: the same on every node, never used again for something else.

    Raises:
        TypeError: the class is of another kind.
        ValueError: another class has the name.
    """

    def add(cls: _Class) -> _Class:
        if not (dataclasses.is_dataclass(cls) or _is_named_tuple(cls) or _is_error(cls)):
            raise TypeError(
                f"{cls.__qualname__} cannot be registered: "
                "it is no dataclass, named tuple or exception"
            )
        holder = _classes.get(name)
        if holder is not None and (holder.__module__, holder.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            raise ValueError(f"the wire name {name!r} is taken by {holder.__qualname__}")
        _classes[name] = cls
        _names[cls] = name
        return cls

    return add


def wire_name(cls: type) -> str | None:
    """The name that a class is registered under, if it is."""
    return _names.get(cls)


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _is_error(cls: type) -> bool:
    return issubclass(cls, BaseException)


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of an instance of a registered class, by name."""
    if isinstance(value, tuple):
        return value._asdict()  # type: ignore[attr-defined,no-any-return]  # a named tuple
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def rebuild(name: str, fields: dict[str, Any]) -> Any:
    """Make the instance that `fields_of` took apart.

    Fields that this node's class does not have are left out: a newer node may have sent them.
    What cannot be rebuilt becomes an `Unbuilt`, for its receiver to deal with.
    """
    cls = _classes.get(name)
    if cls is None or _is_error(cls):
        return Unbuilt(name, fields, "no module that registers this name was imported here")
    known = _field_names(cls)
    try:
        return cls(**{key: value for key, value in fields.items() if key in known})
    except Exception as error:  # noqa: BLE001 - a constructor of the user's may do anything
        return Unbuilt(name, fields, f"{type(error).__name__}: {error}")


def _field_names(cls: Any) -> set[str]:
    if _is_named_tuple(cls):
        return set(cls._fields)
    return {field.name for field in dataclasses.fields(cls) if field.init}


# -- exceptions


def take_error_apart(error: BaseException) -> dict[str, Any]:
    """Tell an exception as plain data: class, text, traceback, and what rebuilds it."""
    class_name, text, traceback_text = describe(error)
    cls = type(error)
    told: dict[str, Any] = {"class": class_name, "text": text, "traceback": traceback_text}
    if cls in _names:
        told |= {"registered": _names[cls], "args": list(error.args), "state": _state(error)}
    elif getattr(builtins, cls.__name__, None) is cls:
        told |= {"builtin": cls.__name__, "args": list(error.args)}
    return told


def text_only(told: dict[str, Any]) -> dict[str, Any]:
    """The same, without what only rebuilding needs: for arguments that cannot be packed."""
    return {key: told[key] for key in ("class", "text", "traceback")}


def _state(error: BaseException) -> dict[str, Any]:
    return {key: value for key, value in vars(error).items() if not key.startswith("__")}


def rebuild_error(told: dict[str, Any]) -> BaseException:
    """Make the exception that `take_error_apart` told, or a `RemoteError` with its words."""
    words = RemoteError(str(told["class"]), str(told["text"]), str(told["traceback"]))
    error = _registered_error(told) or _builtin_error(told)
    if error is None:
        return words
    error.__cause__ = words  # so that a traceback shows the other node's as well
    return error


def _registered_error(told: dict[str, Any]) -> BaseException | None:
    cls = _classes.get(told.get("registered", ""))
    if cls is None or not _is_error(cls):
        return None
    error: BaseException = cls.__new__(cls, *told["args"])
    error.args = tuple(told["args"])
    vars(error).update(told["state"])
    return error


def _builtin_error(told: dict[str, Any]) -> BaseException | None:
    cls = getattr(builtins, told.get("builtin", ""), None)
    if not isinstance(cls, type) or not _is_error(cls):
        return None
    try:
        error = cls(*told["args"])
    except TypeError:
        return None
    return error if isinstance(error, BaseException) else None


for _name, _cls in {
    "actor.exit-reason": ExitReason,
    "actor.down": Down,
    "actor.exit": Exit,
    "actor.call": ProxyCall,
    "actor.get": ProxyGetAttr,
    "actor.set": ProxySetAttr,
    "actor.traced": Traced,
    "signal.link": Link,
    "signal.unlink": Unlink,
    "signal.monitor": Monitor,
    "signal.demonitor": Demonitor,
    "signal.exit": ExitSignal,
    "signal.down": DownSignal,
    "signal.kill": Kill,
    "signal.suspend": Suspend,
    "signal.resume": Resume,
    "error.actor-dead": ActorDeadError,
    "error.actor-exit": ActorExit,
    "error.ask-timeout": AskTimeoutError,
    "error.mailbox-full": MailboxFullError,
    "error.peer-busy": PeerBusyError,
    "error.name-taken": NameTakenError,
    "error.start": StartError,
}.items():
    register(_name)(_cls)
