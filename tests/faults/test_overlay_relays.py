"""Hosts that cannot reach each other do so by relays, or through a hole in their NATs."""

from __future__ import annotations

from functools import partial

import pytest

from tests.faults.overlays import Stream, overlaid, pair_is, routes, sessions, talking, undisturbed
from tests.machines import wait_for

pytestmark = pytest.mark.lab


def test_two_nats_are_punched_through_and_a_relay_takes_over_while_that_fails() -> None:
    with overlaid("a", "b", "r", relays=["r"], routers={"a": "ra", "b": "rb"}) as overlay:
        wait_for(lambda: pair_is(overlay, "a", "b", "punched"))
        with undisturbed(overlay, "a", "b"):
            overlay.lab.cut("ra", "rb")
            wait_for(lambda: pair_is(overlay, "a", "b", "relayed", "r"))
            overlay.lab.heal()
            wait_for(lambda: pair_is(overlay, "a", "b", "punched"))


def test_nats_that_cannot_be_punched_and_a_relay_that_dies() -> None:
    routers = {"a": "ra", "b": "rb"}
    with overlaid("a", "b", "r", "s", relays=["r", "s"], routers=routers, symmetric=True) as over:
        wait_for(lambda: pair_is(over, "a", "b", "relayed", "r", "s"))
        relay = routes(over, "a")["b"]["relays"][0]
        other = "s" if relay == "r" else "r"
        met = sessions(over, "a", "b", other)
        with talking(over, "a", "b"):
            over.lab[relay].kill()
            wait_for(lambda: pair_is(over, "a", "b", "relayed", other))
        assert over.hosts["a"].sees() >= {"b"}
        wait_for(lambda: over.hosts["a"].sees() == {"b", other})
        # Each loses the relay's own node, and no other.
        wait_for(lambda: sessions(over, *met) == {host: n + 1 for host, n in met.items()})


def test_a_change_of_path_loses_no_packet() -> None:
    with overlaid("a", "b", "r", "s", relays=["r", "s"]) as overlay:
        overlay.lab.cut("a", "b")
        wait_for(lambda: pair_is(overlay, "a", "b", "relayed", "r", "s"))
        for relay, other in (("r", "s"), ("s", "r")):
            # To slow a cable loses packets, and it takes some seconds until another way is taken.
            overlay.lab.slow("a", other, latency=0.0)
            overlay.lab.slow("a", relay, latency=0.02)
            stream = Stream(overlay, "a", "b")
            back = Stream(overlay, "b", "a")
            with undisturbed(overlay, "a", "b"):
                wait_for(partial(pair_is, overlay, "a", "b", "relayed", other))
            for each in (stream.end(least=101), back.end(least=101)):
                assert each["missing"] == []
                assert each["came"] == each["sent"] > 100
