"""How a conflict in a git repository is told."""

from __future__ import annotations

import msgpack

from simulacra.actors.data.trees.repository_conflicts import Conflict, Side


def test_what_is_no_text_travels_escaped() -> None:
    side = Side("nas", "c" * 40, "Red \x1b[31malert", 0)
    conflict = Conflict(b"caf\xe9", "branch", "b\udce9", (side,), "git merge b\udce9")
    told = msgpack.unpackb(msgpack.packb(conflict.to_plain("src")))
    assert (told["path"], told["name"]) == ("caf\\xe9", "b\\xe9")
    assert told["settle"] == "git merge b\\xe9"
    assert told["sides"][0]["subject"] == "Red \\x1b[31malert"
    assert Conflict(b"", "head", "HEAD", (), "").to_plain("src")["path"] == "."
