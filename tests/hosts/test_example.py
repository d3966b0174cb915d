"""The worked example that is committed."""

from __future__ import annotations

import hashlib

from simulacra.hosts.inventory.reading import read
from simulacra.overlay.plan.planning import plan
from simulacra.overlay.plan.reachability import uncertain
from simulacra.overlay.plan.text import to_text
from tests.hosts.inventory.test_reading import EXAMPLE


def test_its_plan_is_not_stale() -> None:
    content = EXAMPLE.read_bytes()
    made = plan(read(content.decode()), hashlib.sha256(content).hexdigest())
    told = "is stale; type: simulacra hosts plan --inventory hosts/inventory.toml --force"
    assert to_text(made) == EXAMPLE.with_name("plan.json").read_text(), told
    assert list(uncertain(made)) == []
