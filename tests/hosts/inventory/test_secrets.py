from __future__ import annotations

from copy import deepcopy

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts.inventory.samples import SMALL, pair, problems, toml

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----"
AGE = "AGE-SECRET-KEY-1" + "Q" * 58


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (PEM, "a private key in PEM"),
        ("-----BEGIN OpenVPN Static key V1-----", "a shared key of OpenVPN"),
        (AGE, "a secret key of age"),
    ],
)
@pytest.mark.parametrize("field", ["wireguard", "system"])
def test_a_key_in_a_private_format(secret: str, said: str, field: str) -> None:
    data = deepcopy(SMALL)
    data["hosts"]["nas"][field] = secret
    found = problems(toml(data))
    assert list(found) == [f"hosts.nas.{field}"]
    assert said in found[f"hosts.nas.{field}"]
    assert secret not in found[f"hosts.nas.{field}"]


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        (f"# PrivateKey = {pair('x')[0]}", "a private key of WireGuard"),
        (f'# secret-key = "{zmq.curve_keypair()[1].decode()}"', "a secret key of CURVE"),
        (f"# secret {zmq.curve_keypair()[1].decode()}", "a secret key of CURVE"),
        (f"  # {AGE}", "a secret key of age"),
    ],
    ids=["WireGuard", "CURVE", "CURVE in words", "age"],
)
def test_a_secret_in_a_comment(comment: str, said: str) -> None:
    found = problems(f"{toml(SMALL)}\n{comment}\n")
    assert list(found) == [""]
    assert said in found[""]


@given(st.sampled_from(["desk", "nas", "vm", "phone"]), st.sampled_from(["desk", "nas", "other"]))
def test_a_private_key_whose_public_half_stands_elsewhere(owner: str, at: str) -> None:
    private, _ = pair(owner)
    data = deepcopy(SMALL)
    if owner == at:
        data["clouds"]["small"]["options"] = {"token": private}
        named = "clouds.small.options.token"
    else:
        data["hosts"].setdefault(at, {"zone": "home"})["wireguard"] = private
        named = f"hosts.{at}.wireguard"
    found = problems(toml(data))
    assert list(found) == [named]
    assert f"whose public half is hosts.{owner}.wireguard" in found[named]
    assert private not in found[named]


def test_words_that_only_sound_alike_are_no_secrets() -> None:
    text = "# the secret of the nas is that it has no private key at all in its configuration\n"
    assert problems(text + toml(SMALL)) == {}
