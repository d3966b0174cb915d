"""The host's private keys: made once, of their owner alone, and never told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from simulacra.overlay.mesh.keyfile import KeyStore, PrivateKeyError, public_half


def test_a_key_is_made_once_and_is_of_its_owner_alone(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "state")
    public = store.public()
    file = tmp_path / "state" / "overlay.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert KeyStore(tmp_path / "state").public() == public
    assert public not in file.read_text()


def test_the_public_half_is_as_wireguard_says(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    said = subprocess.run(
        ["wg", "pubkey"], input=store.private(), capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == store.public()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    KeyStore(tmp_path).public()
    (tmp_path / "overlay.key").chmod(0o644)
    with pytest.raises(PrivateKeyError, match="chmod 600"):
        KeyStore(tmp_path).private()


@pytest.mark.parametrize("text", ["", "nonsense", "AAAA"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "overlay.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(PrivateKeyError, match="holds no WireGuard key"):
        KeyStore(tmp_path).private()


def test_the_next_key_takes_the_place_of_the_present_one(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    before, following = store.public(), store.next_public()
    assert following not in (before, "")
    assert store.next_public() == following
    assert store.turn() == following == public_half(store.private())
    with pytest.raises(PrivateKeyError, match="no next key"):
        store.turn()
