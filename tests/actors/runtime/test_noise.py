"""The handshake against the published vector of its pattern, and against all who may not open."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.runtime.noise import Initiator, NoiseError, Secrets, respond

# Cacophony's vector for Noise_IK_25519_AESGCM_SHA256, as noise-c keeps it (tests/vector).
PROLOGUE = bytes.fromhex("4a6f686e2047616c74")
OURS = bytes.fromhex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1")
OUR_EPHEMERAL = bytes.fromhex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")
THEIRS = bytes.fromhex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893")
THEIR_PUBLIC = bytes.fromhex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62")
THEIR_EPHEMERAL = bytes.fromhex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b")
FIRST = (
    b"Ludwig von Mises",
    (
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444e417bc55c7a8166c993356c1be4"
        "1ef67818a292426f301556c7f26b21d25ddb097153891a9a956cff47b83e63ad8d701c1342c209cff1ca5ecd4340"
        "2762ac249e3bd3a4c0a145fe07cb5dae28ea13a3"
    ),
)
SECOND = (
    b"Murray Rothbard",
    (
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843af2ccf9972e22afc67aeafcd2516"
        "2f7f98c363b7762e3e4cb7d272e39f27a5"
    ),
)
AFTER = [
    (b"F. A. Hayek", "66acfc92e3197de166809e6d4d5d003dcc819a84bc3522ca53c9d9"),
    (b"Carl Menger", "71f89aa6533a6de70b0826864dd75f60806ee40170c16290189eb3"),
    (b"Jean-Baptiste Say", "4795a3423550c8bf00386bd496a3e2c76c10669d2a75ab8f79b5094c5412a25705"),
    (
        "Eugen B\xf6hm von Bawerk".encode("latin-1"),
        "aa0bb39097555c918e40be82abc2b909eb79d9eb87adb07e268fc37323a6cf904fd01fb391",
    ),
]


def shake() -> tuple[Secrets, Secrets]:
    initiator = Initiator(OURS, THEIR_PUBLIC, PROLOGUE)
    answer, theirs = respond(THEIRS, initiator.begin(), PROLOGUE)
    return initiator.finish(answer), theirs


def test_the_published_vector() -> None:
    initiator = Initiator(OURS, THEIR_PUBLIC, PROLOGUE, OUR_EPHEMERAL)
    first = initiator.begin(FIRST[0])
    assert first.hex() == FIRST[1]
    second, theirs = respond(THEIRS, first, PROLOGUE, SECOND[0], THEIR_EPHEMERAL)
    assert second.hex() == SECOND[1]
    ours = initiator.finish(second)
    assert (ours.payload, theirs.payload) == (SECOND[0], FIRST[0])
    for number, (payload, sealed) in enumerate(AFTER):
        sender, receiver = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        assert sender.sending.seal(payload).hex() == sealed
        assert receiver.receiving.open(bytes.fromhex(sealed)) == payload


def test_each_side_learns_the_others_key() -> None:
    ours, theirs = shake()
    assert ours.remote == THEIR_PUBLIC
    _, of_the_other_way = respond(OURS, Initiator(THEIRS, theirs.remote, b"").begin(), b"")
    assert of_the_other_way.remote == THEIR_PUBLIC


def test_only_the_next_message_opens() -> None:
    ours, theirs = shake()
    first, second = ours.sending.seal(b"first"), ours.sending.seal(b"second")
    with pytest.raises(NoiseError, match="not the other side's next"):
        theirs.receiving.open(second)
    assert theirs.receiving.open(first) == b"first"
    with pytest.raises(NoiseError):
        theirs.receiving.open(first)
    with pytest.raises(NoiseError):
        ours.receiving.open(second)  # its own, thrown back
    assert theirs.receiving.open(second) == b"second"


@given(st.data())
def test_a_handshake_with_one_bit_changed_fails(data: st.DataObject) -> None:
    initiator = Initiator(OURS, THEIR_PUBLIC, PROLOGUE)
    first = bytearray(initiator.begin(b"payload"))
    answer = bytearray(respond(THEIRS, first, PROLOGUE)[0])
    message = data.draw(st.sampled_from([first, answer]))
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    respond_again = partial(respond, THEIRS, first, PROLOGUE)
    with pytest.raises(NoiseError):
        (respond_again if message is first else partial(initiator.finish, answer))()


@given(st.binary(max_size=200))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(NoiseError):
        respond(THEIRS, garbage, PROLOGUE)
    initiator = Initiator(OURS, THEIR_PUBLIC, PROLOGUE)
    initiator.begin()
    with pytest.raises(NoiseError):
        initiator.finish(garbage)


def test_another_prologue_another_key_and_a_key_that_is_none_are_refused() -> None:
    first = Initiator(OURS, THEIR_PUBLIC, PROLOGUE).begin()
    for secret, prologue in ((THEIRS, b"another"), (OURS, PROLOGUE)):
        with pytest.raises(NoiseError):
            respond(secret, first, prologue)
    with pytest.raises(NoiseError, match="no key"):
        Initiator(OURS, bytes(32), PROLOGUE).begin()
