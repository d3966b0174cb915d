"""What is a key of WireGuard's, and what of an ssh server's."""

from __future__ import annotations

import base64

import pytest

from simulacra.hosts.inventory.keys import raw_key, raw_ssh_key


def test_the_bytes_of_a_key() -> None:
    raw = bytes(range(32))
    assert raw_key(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize("text", ["", "no key", "é" * 44, base64.b64encode(bytes(31)).decode()])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|ASCII"):
        raw_key(text)


SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAALtiUJ9bPJi50P7ws5th4yj0+Zs838T5YCv1rENQ7B"


def test_the_bytes_of_an_ssh_server_s_key_are_the_same_with_any_comment() -> None:
    assert raw_ssh_key(SSH) == raw_ssh_key(f"{SSH} root@nas, the old one")
    assert len(raw_ssh_key(SSH)) == 4 + len("ssh-ed25519") + 4 + 32


@pytest.mark.parametrize(
    "text",
    [SSH[:-4], SSH[:-1], SSH.replace("ssh-ed25519", "ssh-rsa"), "ssh-ed25519 ", "ssh-ed25519"],
)
def test_what_is_cut_short_or_of_another_kind_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"missing|no key|padding|unpack"):
        raw_ssh_key(text)
