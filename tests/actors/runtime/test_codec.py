"""Whatever may be sent arrives as it was; whatever may not is refused with a reason."""

from __future__ import annotations

import mmap
import resource
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.runtime.codec import (
    BUFFER_AT,
    CannotPackError,
    Codec,
    MalformedError,
    MessageTooLargeError,
)
from simulacra.actors.runtime.errors import ActorDeadError, RemoteError
from simulacra.actors.runtime.reason import NOPROC, ExitReason
from simulacra.actors.runtime.refs import Ref, Target
from simulacra.actors.runtime.signals import Down
from simulacra.actors.runtime.wire_types import Unbuilt, register, wire_name

CODEC = Codec(lambda address: Ref(address, cast("Target", None)), limit=1_000_000)


@register("test.point")
@dataclass
class Point:
    x: Any
    y: Any = 0


@register("test.pair")
class Pair(namedtuple("Pair", "left right")):  # noqa: PYI024 - as users may
    __slots__ = ()


@register("test.error")
class OwnError(Exception):
    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def travel(message: Any, codec: Codec = CODEC) -> Any:
    packed, buffers = codec.pack([0], message)
    [[_, arrived]] = codec.unpack(packed, [memoryview(buffer) for buffer in buffers])
    return arrived


zones = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9.5))])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=50)
    | st.datetimes(timezones=zones)
    | st.builds(
        Ref,
        st.tuples(st.text(max_size=5), st.integers(0, 2**63 - 1), st.integers(0, 2**60)),
        st.none(),
    )
)
keys = st.text(max_size=5) | st.integers() | st.tuples(st.integers(), st.text(max_size=3))
messages = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
        | st.builds(Point, inner, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=20,
)


@given(messages)
def test_what_is_sent_arrives_equal_and_of_the_same_type(message: Any) -> None:
    arrived = travel(message)
    assert arrived == message
    assert type(arrived) is type(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        assert isinstance(CODEC.unpack(data), list)
    except MalformedError:
        return


@given(messages, st.data())
def test_a_truncated_message_is_malformed(message: Any, data: st.DataObject) -> None:
    packed, _ = CODEC.pack([0], message)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(MalformedError):
        CODEC.unpack(packed[:cut])


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (object(), "^message cannot be packed: a builtins.object"),
        ([1, {"a": (2, object())}], r"^message\[1\]\['a'\]\[1\] "),
        ({"p": Point(1, object())}, r"^message\['p'\].y "),
        (datetime(2026, 1, 1), "without a time zone"),  # noqa: DTZ001 - the mistake meant
        (lambda: 0, "register the class"),
        ("\ud800", "cannot be packed"),
    ],
)
def test_what_cannot_travel_is_refused_with_its_place(message: Any, where: str) -> None:
    with pytest.raises(CannotPackError, match=where):
        CODEC.pack([0], message)
    assert travel("the codec still works") == "the codec still works"


def test_an_endless_message_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(CannotPackError):
        CODEC.pack([0], endless)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_large_buffers_travel_beside_the_message_without_a_copy(kind: Any) -> None:
    big = kind(bytes(BUFFER_AT))
    packed, buffers = CODEC.pack([0], {"picture": big, "more": [big]})
    assert len(packed) < 100
    assert all(buffer is big for buffer in buffers)
    arrived = travel({"picture": big})
    assert arrived["picture"] == big


def test_a_small_buffer_stays_in_the_message() -> None:
    packed, buffers = CODEC.pack([0], b"x" * (BUFFER_AT - 1))
    assert buffers == []
    assert len(packed) > BUFFER_AT - 1


@pytest.mark.parametrize("message", [bytes(1_000_001), [b"x" * 900] * 1200, ["x" * 60_000] * 20])
def test_too_large_a_message_is_refused(message: Any) -> None:
    with pytest.raises(MessageTooLargeError, match="1,000,000 are allowed"):
        CODEC.pack([0], message)


def test_two_gigabytes_are_refused_without_being_copied() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    untouched = mmap.mmap(-1, 2 << 30)  # takes no memory
    with untouched, memoryview(untouched) as view, pytest.raises(MessageTooLargeError):
        CODEC.pack([0], view)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


# -- classes


def test_an_unknown_class_arrives_as_what_can_be_told_of_it() -> None:
    packed, _ = CODEC.pack([0], Point(1, 2))
    [[_, arrived]] = CODEC.unpack(packed.replace(b"test.point", b"test.paint"))
    assert isinstance(arrived, Unbuilt)
    assert arrived.fields == {"x": 1, "y": 2}


def test_fields_that_are_not_known_here_are_left_out() -> None:
    packed, _ = CODEC.pack([0], Point(1, 2))
    [[_, arrived]] = CODEC.unpack(packed.replace(b"\xa1y", b"\xa1z"))
    assert arrived == Point(1, 0)


def test_one_wire_name_has_one_class() -> None:
    with pytest.raises(ValueError, match="taken by Point"):
        register("test.point")(dataclass(type("Other", (), {})))
    with pytest.raises(TypeError, match="no dataclass"):
        register("test.plain")(int)
    assert wire_name(Point) == "test.point"


def test_runtime_messages_travel() -> None:
    ref = Ref(("a", 1, 2), cast("Target", None))
    assert travel(Down(7, ref, NOPROC)) == Down(7, ref, NOPROC)
    reason = ExitReason("error", error=("E", "text", "traceback"), cause=ExitReason("killed"))
    assert travel(reason) == reason


# -- exceptions


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), KeyError(1), FileNotFoundError(2, "gone"), StopIteration(), SystemExit(3)],
)
def test_builtin_errors_are_rebuilt(error: BaseException) -> None:
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert isinstance(arrived.__cause__, RemoteError)


def test_registered_errors_keep_what_they_carry() -> None:
    arrived = travel(OwnError("text", 7))
    assert (type(arrived), arrived.code, str(arrived)) == (OwnError, 7, "text")
    dead = travel(ActorDeadError("gone", NOPROC))
    assert dead.reason == NOPROC


@pytest.mark.parametrize(
    "error", [type("Strange", (Exception,), {})("text"), ValueError(object())], ids=["class", "arg"]
)
def test_other_errors_arrive_as_their_words(error: Exception) -> None:
    arrived = travel(error)
    assert isinstance(arrived, RemoteError)
    assert arrived.text == str(error)


def test_a_class_that_is_no_exception_is_never_called_for_one() -> None:
    packed, _ = CODEC.pack([0], ValueError("x"))
    [[_, arrived]] = CODEC.unpack(
        packed.replace(b"\xaaValueError\xa4args", b"\xaabreakpoint\xa4args")
    )
    assert isinstance(arrived, RemoteError)
