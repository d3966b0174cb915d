"""The overlay in a lab, beside wireguard-go set up by hand, and bare cables."""

from dataclasses import replace

from benchmarks import provision
from benchmarks.case import Against, Better, Case, Contender, Spread, ours, python
from simulacra.testing.lab import why_not

_AREA = "overlay"


def _in_lab(contender: Contender) -> Contender:
    def provide() -> str | None:
        return (
            contender.provide()
            or provision.debian("wireguard-go", "wireguard-go")
            or provision.debian("wg", "wireguard-tools")
            or why_not()
        )

    return replace(contender, provide=provide)


def _beside(what: str, amount: int) -> tuple[Against, ...]:
    hand = python("wireguard-go by hand", f"wireguard_by_hand hand {what}", amount)
    bare = python("bare cable", f"wireguard_by_hand bare {what}", amount)
    return Against(_in_lab(hand), Spread.OF_PEER), Against(_in_lab(bare))


def _mesh(count: int, target: float) -> Case:
    return Case(
        area=_AREA,
        name=f"full mesh of {count} hosts",
        unit="s",
        better=Better.LOWER,
        ours=_in_lab(ours(f"ours_overlay mesh {count}")),
        target=target,
        rounds=3,
    )


CASES = (
    _mesh(5, 2.0),
    _mesh(20, 10.0),
    _mesh(50, 60.0),
    Case(
        area=_AREA,
        name="40 changes of path: packets lost",
        unit="packets",
        better=Better.LOWER,
        ours=_in_lab(ours("ours_overlay path", 40)),
        target=0.0,
        rounds=3,
    ),
    Case(
        area=_AREA,
        name="one TCP connection",
        unit="B/s",
        better=Better.HIGHER,
        ours=_in_lab(ours("ours_overlay carry", 1 << 26)),
        peers=_beside("carry", 1 << 26),
        rounds=5,
    ),
    Case(
        area=_AREA,
        name="round trip",
        unit="µs",
        better=Better.LOWER,
        ours=_in_lab(ours("ours_overlay trip", 200)),
        peers=_beside("trip", 200),
        rounds=5,
    ),
)
"""No slower than wireguard-go by hand, within the interval of its five runs."""
