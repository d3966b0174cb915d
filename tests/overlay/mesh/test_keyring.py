"""Keys of hosts on disk: what is kept comes back, and what cannot be kept is not acted upon."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.overlay.mesh.keyring import Keyring
from simulacra.overlay.mesh.rotation import Record, Say, Turn
from tests.overlay.plans import key_of, made

PLAN = made({"a": "10.77.0.1", "b": "10.77.0.2", "c": "10.77.0.3"})
NEW = key_of("a, later")


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    ring = Keyring(PLAN, "a", tmp_path / "keys.json")
    said = list(ring.carry_out(ring.rotation.begin(NEW, 0.0)))
    assert {each.to for each in said if isinstance(each, Say)} == {"b", "c"}
    list(ring.carry_out(ring.rotation.received(Record("b", 1, key_of("b"), key_of("b2")))))
    again = Keyring(PLAN, "a", tmp_path / "keys.json")
    assert again.rotation.kept == ring.rotation.kept
    assert again.accepted()["b"] == (key_of("b"), key_of("b2"))
    assert again.accepted()["c"] == (key_of("c"),)
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_nothing_is_said_that_could_not_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ring = Keyring(PLAN, "a", tmp_path / "file" / "keys.json")
    said = ring.carry_out(ring.rotation.begin(NEW, 0.0))
    with pytest.raises(OSError, match="file"):
        next(said)


@pytest.mark.parametrize("text", ["", "{}", '{"own": {}, "others": {}, "heard": {}}'])
def test_a_file_that_is_broken_is_begun_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    ring = Keyring(PLAN, "a", file)
    assert ring.accepted()["b"] == (key_of("b"),)
    assert [each for each in ring.carry_out(ring.rotation.started()) if isinstance(each, Turn)]
