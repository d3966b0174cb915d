"""The overlay over real WireGuard devices: nodes talk by way of it, whatever becomes of routes."""

from __future__ import annotations

import pytest

from tests.faults.overlays import all_are, overlaid, verdicts
from tests.machines import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90)]


def test_nodes_of_five_hosts_talk_by_way_of_the_mesh_alone() -> None:
    with overlaid("a", "b", "c", "d", "e", relays=["e"]) as overlay:
        all_are(overlay, "direct")
        for host in overlay:
            peers = host.status()["peers"]
            assert {peer["state"] for peer in peers} == {"up"}
            assert all(peer["address"].startswith("10.44.0.") for peer in peers)
        # Nothing listens outside of it but WireGuard.
        listening = overlay.lab["a"].run(["ss", "-Hltnu"]).stdout
        assert "10.77.0.1:" not in listening.replace("10.77.0.1:22", "")
        wait_for(lambda: verdicts(overlay, "b") == {"ok"})
