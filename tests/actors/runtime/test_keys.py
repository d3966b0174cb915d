"""Key files: made once, readable by their user only, refused with the reason when wrong."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from simulacra.actors.runtime.keys import KeyFileError, KeyList, KeyPair, Member

KEY = "0###0Ns^ePPsF5te>zfZqV>/itOK1/fedWyW9&#0"  # the alphabet of keys has the comment sign


def test_a_pair_is_made_once_and_only_its_user_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    pair = KeyPair.load_or_make(path)
    assert KeyPair.load_or_make(path) == pair
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_nodes_that_start_at_once_agree_on_one_pair(tmp_path: Path) -> None:
    found: list[KeyPair] = []
    threads = [
        threading.Thread(target=lambda: found.append(KeyPair.load_or_make(tmp_path / "key")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_secret_is_not_shown() -> None:
    pair = KeyPair.generate()
    assert pair.secret not in repr(pair)
    assert pair.public in repr(pair)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    KeyPair.load_or_make(path)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyPair.load_or_make(path)


@pytest.mark.parametrize("text", ["", "public x\nsecret y\n", "garbage", f"public {KEY}\n"])
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="holds no key pair"):
        KeyPair.load_or_make(path)


def test_a_list_is_read(tmp_path: Path) -> None:
    other = KeyPair.generate().public
    path = tmp_path / "network"
    path.write_text(f"# ours\nnas {KEY} nas.lan:7700  # the big one\n\nlaptop {other}\n")
    keys = KeyList.read(path)
    assert keys.members() == [Member("laptop", other), Member("nas", KEY, "nas.lan:7700")]
    assert KEY in keys
    assert keys.get("nobody") is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nas", "found 1 words"),
        (f"nas {KEY} a b", "found 4 words"),
        ("nas short", "40 characters, this one has 5"),
        ("nas " + "~" * 40, "characters that no key has"),
        ("nas " + "#" * 40, "found 1 words"),
        ("nas %" + "#" * 39, "characters that no key has"),
        (f"nas {KEY}\nagain {KEY}", "line 2: the key of nas is here twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "network"
    path.write_text(line)
    with pytest.raises(KeyFileError, match=why):
        KeyList.read(path)
