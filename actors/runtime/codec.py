"""Messages as bytes: msgpack, with extension types for what Python adds.

=====  ============================================================================
code   payload
=====  ============================================================================
1      tuple, frozenset (3), set (2): msgpack array of the items
4      ref: msgpack [node, incarnation, actor]
5      exception: msgpack map, as `wire_types.take_error_apart` tells it
6      an instance of a registered class: msgpack [wire name, fields by name]
7      aware datetime: msgpack [microseconds since the epoch, UTC offset in seconds]
8      integer over 64 bits: two's complement, big endian
9      large buffer: msgpack index of the frame, behind the first, that it travels in
=====  ============================================================================

Buffers (bytes, bytearray, memoryview) of `BUFFER_AT` bytes or more travel as frames of their own,
without a copy, and arrive as read-only memoryviews. They are looked for near the top of a message
only (`_SEARCH_DEPTH`, `_SEARCH_WIDTH`), so that a long list of numbers is not walked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, Final

import msgpack

from simulacra.actors.runtime.refs import Address, Ref
from simulacra.actors.runtime.wire_types import (
    fields_of,
    rebuild,
    rebuild_error,
    register,
    take_error_apart,
    text_only,
    wire_name,
)

BUFFER_AT: Final = 64 * 1024
DEFAULT_LIMIT: Final = 64 * 1024 * 1024
_SEARCH_DEPTH: Final = 4
_SEARCH_WIDTH: Final = 64

_TUPLE, _SET, _FROZENSET, _REF, _ERROR, _OBJECT, _DATETIME, _BIGINT, _BUFFER = range(1, 10)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BUFFERS: Final = (bytes, bytearray, memoryview)

Buffer = bytes | bytearray | memoryview
Packed = tuple[bytes, list[Buffer]]
"""What packs to: the msgpack bytes, and the buffers that travel beside them."""


@register("error.cannot-pack")
class CannotPackError(TypeError):
    """A message holds something that cannot travel between nodes."""


@register("error.message-too-large")
class MessageTooLargeError(ValueError):
    """A message is larger than what may travel between nodes."""


class MalformedError(Exception):
    """Bytes from another node that no correct node would send."""


class _Unpackable(Exception):  # noqa: N818 - passes the culprit up, and is never seen outside
    def __init__(self, culprit: Any, why: str) -> None:
        super().__init__(why)
        self.culprit = culprit


class _OutOfBand:
    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class Codec:
    """Packs and unpacks for one node.

    Args:
        make_ref: how a ref is made of its address in this node.
        limit: bytes that one message may have, buffers included.
    """

    def __init__(self, make_ref: Callable[[Address], Ref], limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._make_ref = make_ref
        self._packers: list[msgpack.Packer] = []  # those that nobody packs with now
        self._restore_bare = partial(self._restore, ())  # most messages have no buffers

    # -- packing

    def pack(self, head: list[Any], message: Any) -> Packed:
        """Pack ``[*head, message]``; ``head`` is the runtime's own plain data.

        Raises:
            CannotPackError: the message holds something that cannot travel; says what and where.
            MessageTooLargeError: it is larger than the limit.
        """
        buffers: list[Buffer] = []
        light = _hoist(message, buffers, _SEARCH_DEPTH)
        size = sum(map(_bytes_of, buffers)) if buffers else 0
        if size > self.limit:
            raise self._too_large(size)
        try:
            packer = self._packers.pop()
        except IndexError:
            packer = msgpack.Packer(default=_extend, strict_types=True)
        try:
            packed: bytes = packer.pack([*head, light])
        except _Unpackable as error:
            raise CannotPackError(_explain(message, error)) from None
        except (ValueError, RecursionError, UnicodeError) as error:
            raise CannotPackError(f"the message cannot be packed: {error}") from None
        self._packers.append(packer)  # none that failed: it holds half a message
        size += len(packed)
        if size > self.limit:
            raise self._too_large(size)
        return packed, buffers

    def _too_large(self, size: int) -> MessageTooLargeError:
        return MessageTooLargeError(
            f"the message has {size:,} bytes, and {self.limit:,} are allowed: put the data into "
            "a file or a tree and send its name"
        )

    # -- unpacking

    def unpack_one(self, data: Buffer, buffers: Sequence[memoryview] = ()) -> Any:
        """The one object that ``data`` is.

        Raises:
            MalformedError: the bytes are not what a node's codec makes.
        """
        hook = partial(self._restore, buffers) if buffers else self._restore_bare
        try:
            return msgpack.unpackb(data, ext_hook=hook, strict_map_key=False)
        except Exception as error:
            raise _malformed(error) from error

    def unpack(self, data: Buffer, buffers: Sequence[memoryview] = ()) -> list[Any]:
        """The objects that stand one after the other in ``data``.

        Raises:
            MalformedError: as `unpack_one`.
        """
        unpacker = msgpack.Unpacker(
            ext_hook=partial(self._restore, buffers),
            strict_map_key=False,
            max_buffer_size=len(data),
        )
        unpacker.feed(data)
        size, tell, unpack = len(data), unpacker.tell, unpacker.unpack
        objects = []
        try:
            while tell() < size:
                objects.append(unpack())
        except Exception as error:
            raise _malformed(error) from error
        return objects

    def _restore(self, buffers: Sequence[memoryview], code: int, payload: bytes) -> Any:
        if code == _BIGINT:
            return int.from_bytes(payload, "big", signed=True)
        plain = msgpack.unpackb(
            payload,
            ext_hook=partial(self._restore, buffers),
            strict_map_key=False,
        )
        match code:
            case 1:
                return tuple(plain)
            case 2:
                return set(plain)
            case 3:
                return frozenset(plain)
            case 4:
                node, incarnation, actor = plain
                return self._make_ref((str(node), int(incarnation), actor))
            case 5:
                return rebuild_error(plain)
            case 6:
                return rebuild(*plain)
            case 7:
                moment, offset = plain
                zone = timezone(timedelta(seconds=offset)) if offset else UTC
                return (_EPOCH + moment * _MICROSECOND).astimezone(zone)
            case 9:
                return buffers[plain]
        raise MalformedError(f"extension type {code} is unknown")


def _malformed(error: Exception) -> MalformedError:
    return MalformedError(f"no object: {type(error).__name__}: {error}")


def _hoist(value: Any, buffers: list[Buffer], depth: int) -> Any:
    """Take large buffers out; containers are copied only where one was found."""
    cls = type(value)
    if cls in _BUFFERS:
        if (value.nbytes if cls is memoryview else len(value)) < BUFFER_AT:
            return value
        buffers.append(value)
        return _OutOfBand(len(buffers) - 1)
    if not depth or cls not in (tuple, list, dict) or len(value) > _SEARCH_WIDTH:
        return value
    before = len(buffers)
    if cls is dict:
        light: Any = {key: _hoist(item, buffers, depth - 1) for key, item in value.items()}
    else:
        light = cls(_hoist(item, buffers, depth - 1) for item in value)
    return light if len(buffers) > before else value


def _bytes_of(buffer: Buffer) -> int:
    return buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)


def _plain(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=_extend, strict_types=True)
    return packed


def _extend(value: Any) -> msgpack.ExtType:
    """What msgpack itself cannot pack, as an extension type."""
    cls = type(value)
    simple = _SIMPLE.get(cls)
    if simple is not None:
        code, plain = simple
        return msgpack.ExtType(code, plain(value))
    name = wire_name(cls)
    if isinstance(value, BaseException):
        return msgpack.ExtType(_ERROR, _pack_error(value))
    if name is not None:
        return msgpack.ExtType(_OBJECT, _plain([name, _without_exception(fields_of(value))]))
    raise _Unpackable(value, _advice(value))


def _without_exception(fields: dict[str, Any]) -> dict[str, Any]:
    fields.pop("exception", None)  # an ExitReason's living exception stays in its node
    return fields


def _pack_error(error: BaseException) -> bytes:
    told = take_error_apart(error)
    try:
        return _plain(told)
    except (_Unpackable, ValueError, RecursionError, UnicodeError):
        return _plain(text_only(told))


def _pack_datetime(moment: datetime) -> bytes:
    offset = moment.utcoffset()
    if offset is None:
        raise _Unpackable(moment, "a datetime without a time zone: use datetime.now(UTC)")
    return _plain([(moment - _EPOCH) // _MICROSECOND, int(offset.total_seconds())])


def _pack_bigint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


_SIMPLE: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    tuple: (_TUPLE, lambda value: _plain(list(value))),
    set: (_SET, lambda value: _plain(list(value))),
    frozenset: (_FROZENSET, lambda value: _plain(list(value))),
    Ref: (_REF, lambda ref: _plain(list(ref.address))),
    datetime: (_DATETIME, _pack_datetime),
    int: (_BIGINT, _pack_bigint),
    _OutOfBand: (_BUFFER, lambda value: _plain(value.index)),
}


def _advice(value: Any) -> str:
    cls = type(value)
    return (
        f"a {cls.__module__}.{cls.__qualname__}: send plain data, or register the class with "
        "@register('a.name') in both nodes"
    )


def _explain(message: Any, error: _Unpackable) -> str:
    where = _path_to(error.culprit, message, "message", 8) or "message"
    return f"{where} cannot be packed: {error}"


def _path_to(culprit: Any, value: Any, path: str, depth: int) -> str | None:
    if value is culprit:
        return path
    for step, item in _children(value) if depth else ():
        found = _path_to(culprit, item, path + step, depth - 1)
        if found is not None:
            return found
    return None


def _children(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, (list, tuple)) and wire_name(type(value)) is None:
        return [(f"[{index}]", item) for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [("{…}", item) for item in value]
    if wire_name(type(value)) is not None and not isinstance(value, BaseException):
        return [(f".{name}", item) for name, item in fields_of(value).items()]
    return []
