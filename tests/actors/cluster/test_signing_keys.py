from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.signing_keys import load, load_or_make, make, parse, text_of
from simulacra.actors.runtime.keys import KeyFileError


def test_a_key_is_made_once_and_is_its_users_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "owner.key"
    signer = make(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load(file).key == load_or_make(file).key == signer.key
    with pytest.raises(KeyFileError, match="has a key already"):
        make(file)
    assert load(file).key == signer.key
    assert [entry.name for entry in file.parent.iterdir()] == ["owner.key"]


def test_a_key_comes_back_from_its_backup(tmp_path: Path) -> None:
    signer = load_or_make(tmp_path / "one")
    backup = (tmp_path / "one").read_text()
    assert backup == text_of(signer)
    assert make(tmp_path / "two", parse(f"\n{backup}\r\n")).seed == signer.seed


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(KeyFileError, match="may be read by others"):
        load(tmp_path / "key")


GOOD = text_of(Signer(bytes(range(32))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[: len(GOOD) // 2],
        GOOD.replace("public", "private"),
        GOOD.replace("secret 0", "secret 1"),
        GOOD.replace("secret 0", "secret x"),
        GOOD.upper(),
    ],
)
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text(text)
    with pytest.raises(KeyFileError, match="damaged"):
        load(tmp_path / "key")
    with pytest.raises(KeyFileError, match="two lines"):
        parse(text)


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no key in"):
        load(tmp_path / "none")
