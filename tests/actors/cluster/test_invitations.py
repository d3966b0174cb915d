from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import (
    PREFIX,
    Role,
    Token,
    TokenError,
    invite,
    read_token,
    split_join,
)
from tests.actors.cluster.admitting import NOW, Network, curve, signer

TOKEN = Network().invite()
TEXT = TOKEN.text()


@given(
    name=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True),
    role=st.sampled_from(["inside", "outside"]),
    expires=st.integers(0, 2**40 - 1),
    second=st.booleans(),
)
def test_a_token_is_read_back(name: str, role: Role, expires: int, second: bool) -> None:
    root = signer("owner")
    token = invite(
        signer("second") if second else root,
        network=name,
        root=root.key,
        door=curve("door"),
        expires=expires,
        role=role,
    )
    assert read_token(token.text()) == token


def test_case_and_line_breaks_do_not_matter() -> None:
    broken = f"  {TEXT[:80].upper()}\r\n   {TEXT[80:]}\n"
    assert read_token(broken) == TOKEN


def test_the_secret_is_not_shown() -> None:
    assert repr(TOKEN.seed) not in repr(TOKEN)


@given(st.integers(len(PREFIX), len(TEXT) - 1))
def test_a_token_that_is_cut_off_says_so(length: int) -> None:
    with pytest.raises(TokenError, match="cut off"):
        read_token(TEXT[:length])


@given(st.data())
def test_one_wrong_letter_is_noticed(data: st.DataObject) -> None:
    place = data.draw(st.integers(len(PREFIX), len(TEXT) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
    wrong = TEXT[:place] + letter + TEXT[place + 1 :]
    if letter == TEXT[place]:
        return
    try:
        token = read_token(wrong)
    except TokenError:
        return
    # The last letter has bits that stand for nothing.
    assert (place, token) == (len(TEXT) - 1, TOKEN)


def sealed(body: bytes) -> str:
    check = hashlib.sha256(body).digest()[:4]
    return PREFIX + base64.b32encode(body + check).decode().rstrip("=").lower()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one begins with sim1"),
        ("ssh-ed25519 AAAA", "one begins with sim1"),
        (PREFIX, "cut off: 4 letters"),
        (TEXT[:50] + "0" + TEXT[51:], "'0' at place 51"),
        (TEXT + "abc", "3 letters too many"),
        (TEXT + TEXT, "'1' at place"),
        (sealed(b"\x04\x00" + bytes(165)), "newer version"),
    ],
)
def test_what_is_no_token_is_told(text: str, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        read_token(text)


@given(st.text(max_size=400) | st.text("abcdefghijklmnopqrstuvwxyz234567", max_size=600))
def test_garbage_is_no_token(text: str) -> None:
    with pytest.raises(TokenError):
        read_token(PREFIX + text)


def test_a_token_that_no_owner_signed_is_refused() -> None:
    forged = replace(TOKEN.invitation, expires=NOW + 10**6)
    with pytest.raises(TokenError, match="not signed by the owner"):
        read_token(Token(forged, TOKEN.door, TOKEN.seed).text())


def test_a_token_whose_seed_is_anothers_is_refused() -> None:
    with pytest.raises(TokenError, match="not signed by the owner"):
        read_token(Token(TOKEN.invitation, TOKEN.door, Signer.generate().seed).text())


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "My Home"},
        {"role": "owner"},
        {"expires": -1},
        {"expires": 2**40},
        {"key": "00"},
        {"owner": "00" * 32},
        {"signature": ""},
    ],
)
def test_a_damaged_invitation_has_a_problem(wrong: dict[str, str]) -> None:
    assert TOKEN.invitation.problem() is None
    assert replace(TOKEN.invitation, **wrong).problem() is not None  # type: ignore[arg-type]


def test_where_to_join_stands_behind_the_token() -> None:
    assert split_join("sim1abc@nas") == ("sim1abc", ("nas",))
    assert split_join("sim1abc@nas:7401, [fe80::1]:7") == ("sim1abc", ("nas:7401", "[fe80::1]:7"))
    assert split_join("SIM1ABC/NAS:7401") == ("SIM1ABC", ("NAS:7401",))
    for text in ("sim1abc", "sim1abc@", "sim1abc@ , "):
        with pytest.raises(TokenError, match="TOKEN@HOST"):
            split_join(text)
