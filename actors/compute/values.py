"""Values of user code as bytes: plain data as msgpack, everything else as pickle.

The first byte says which: ``m`` for plain data (None, bool, int of 64 bits, float, str, bytes,
list, and dict with str or int keys), which any Python version and architecture reads, and ``p``
for pickle, which only a worker may read. The node carries these bytes and never unpickles them:
what it wants to look at it reads with `unpack_plain`.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import msgpack

from simulacra.actors.gateway.frames import weight

PLAIN: Final = b"m"
PICKLED: Final = b"p"
INT_RANGE: Final = range(-(2**63), 2**64)
SEARCH_DEPTH: Final = 8
LIMIT: Final = 64 * 2**20
"""What any value that is handed from one process to another may have in bytes."""

_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})

_TIED: Final = {
    "socket": "socket",
    "subprocess": "Popen",
    "threading": "Thread",
    "multiprocessing.process": "BaseProcess",
}


class Writable(Protocol):
    """Where a pickler writes to: what is large in one piece, all else in frames."""

    def write(self, data: bytes, /) -> object:
        """Append some bytes, or anything else that holds bytes."""


class CannotPackError(TypeError):
    """A value cannot leave its process; the text names where it is and its type."""


class NotPlainError(ValueError):
    """A value was asked for as plain data, and is pickled."""


def is_plain(value: Any) -> bool:
    """Whether ``value`` is plain data, all the way down."""
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is dict:
            if not set(map(type, item)) <= {str, int} or not _ints_fit(item):
                return False
            children: Iterable[Any] = item.values()
        elif kind is list:
            children = item
        elif kind in _SCALARS:
            children = (item,)
        else:
            return False
        kinds = set(map(type, children))
        if not _ints_fit(children):
            return False
        if not kinds <= _SCALARS:
            stack.extend(child for child in children if type(child) not in _SCALARS)
    return True


def _ints_fit(items: Iterable[Any]) -> bool:
    ints = [item for item in items if type(item) is int]
    return not ints or (min(ints) in INT_RANGE and max(ints) in INT_RANGE)


def pack(value: Any, where: str = "the value") -> bytes:
    """``value`` as bytes.

    Args:
        value: what to pack.
        where: what the value is called in the error.

    Raises:
        CannotPackError: a part of it cannot leave its process, or a buffer or text in it is large.
    """
    size = weight(value)
    if size > LIMIT:  # before a copy of it is made
        raise CannotPackError(
            f"{where} has {size} bytes, over the limit of {LIMIT}: "
            "put it in a file and pass the file's name as host:path"
        )
    if is_plain(value):
        return PLAIN + bytes(msgpack.packb(value))
    file = io.BytesIO(PICKLED)
    file.seek(1)
    dump(value, file, where)
    return file.getvalue()


def unpack(data: bytes) -> Any:
    """The value that `pack` packed; only in a worker, for it may unpickle."""
    if data[:1] == PLAIN:
        return unpack_plain(data)
    return pickle.loads(memoryview(data)[1:])


def unpack_plain(data: bytes) -> Any:
    """The value that `pack` packed, if it is plain data.

    Raises:
        NotPlainError: it is pickled.
    """
    if data[:1] != PLAIN:
        raise NotPlainError("this value is a Python object, which only a worker can read")
    return msgpack.unpackb(memoryview(data)[1:], strict_map_key=False)


def dump(value: Any, file: Writable, where: str | Sequence[str]) -> None:
    """Pickle ``value`` into ``file`` by protocol 5, classes of ``__main__`` by value.

    Args:
        value: what to pickle.
        file: where to.
        where: what the value is called in the error; or, for a list, what its items are called.

    Raises:
        CannotPackError: a part of it cannot leave its process; the text names that part.
    """
    if is_plain(value):
        pickle.dump(value, file, protocol=5)
        return
    try:
        _pickler(file).dump(value)
    except Exception as error:
        named = [(where, value)] if isinstance(where, str) else list(zip(where, value, strict=True))
        path, part = next(
            (_culprit(part, name) for name, part in named if not _can_pickle(part)), named[0]
        )
        raise CannotPackError(
            f"{path} cannot move: it is a {_type_name(part)} ({error}). Keep what it was made"
            " from instead (a path, an address, a list) and make it again when going on."
        ) from error


def _pickler(file: Writable) -> pickle.Pickler:
    # Imported on first need: cloudpickle would double the start time of a worker.
    import cloudpickle  # noqa: PLC0415

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if _is_tied(obj):
                raise TypeError(f"cannot pickle {_type_name(obj)!r} object")
            return super().reducer_override(obj)

    return Pickler(file, protocol=5)


def _is_tied(value: Any) -> bool:
    """Whether a value is tied to its process, though a pickler may accept it (an open file)."""
    if isinstance(value, io.IOBase):
        return not isinstance(value, io.BytesIO | io.StringIO)
    for module, name in _TIED.items():
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            return True
    return False


def _culprit(value: Any, where: str) -> tuple[str, Any]:
    """The innermost part of ``value`` that cannot be pickled, and how to reach it."""
    for _ in range(SEARCH_DEPTH):
        if _is_tied(value):
            break
        for path, part in _parts(value, where):
            if not _can_pickle(part):
                where, value = path, part
                break
        else:
            break
    return where, value


def _parts(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{where}[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [(f"{where}[{index}]", part) for index, part in enumerate(value)]
    return [(f"{where}.{key}", part) for key, part in getattr(value, "__dict__", {}).items()]


def _can_pickle(value: Any) -> bool:
    try:
        _pickler(io.BytesIO()).dump(value)
    except Exception:  # noqa: BLE001 - whatever a __reduce__ raises, the answer is no
        return False
    return True


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
