"""Which start of the machine this is."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.actors import boot


def test_it_is_the_same_until_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boot.boot_id()
    assert boot.boot_id() == boot.boot_id()
    monkeypatch.setattr(boot, "_BOOT", tmp_path / "missing")
    assert boot.boot_id() == b""
