"""What is a key of WireGuard's."""

from __future__ import annotations

import base64

import pytest

from simulacra.hosts.inventory.keys import raw_key


def test_the_bytes_of_a_key() -> None:
    raw = bytes(range(32))
    assert raw_key(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize("text", ["", "no key", "é" * 44, base64.b64encode(bytes(31)).decode()])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|ASCII"):
        raw_key(text)
