from __future__ import annotations

import pytest

from simulacra.actors.cluster.ed25519 import Signer, content_of, digest, is_key, is_signed


def test_a_signature_is_of_one_key_over_one_content() -> None:
    one, other = Signer.generate(), Signer.generate()
    signature = one.sign(b"content")
    assert is_signed(one.key, b"content", signature)
    assert not is_signed(one.key, b"contents", signature)
    assert not is_signed(other.key, b"content", signature)
    assert Signer(one.seed).key == one.key


@pytest.mark.parametrize("key", ["", "zz", "0" * 63, "AB" * 32, "é" * 64, "0" * 64 + "\n"])
def test_what_is_no_key_has_signed_nothing(key: str) -> None:
    assert not is_key(key)
    assert not is_signed(key, b"content", "0" * 128)


@pytest.mark.parametrize("signature", ["", "0" * 127, "0" * 128, "F" * 128, "x" * 128])
def test_what_is_no_signature_signs_nothing(signature: str) -> None:
    assert not is_signed(Signer.generate().key, b"content", signature)


def test_content_tells_kinds_and_fields_apart() -> None:
    contents = {
        content_of("a", "b", "c"),
        content_of("a", "bc"),
        content_of("a", 'b","c'),
        content_of("ab", "c"),
        content_of("a", ["b", "c"]),
    }
    assert len(contents) == 5
    assert len({digest(content) for content in contents}) == 5
