"""Makes figures of samples: medians, ratios, and whether the target holds. Pure.

A row with a peer: ratio = ours / peer, and the target bounds the ratio. A row without: the
target bounds our figure itself. A target that is the peer's spread becomes such a bound by its
samples. Where a side was not measured, `holds` is None and `note` says
why; a row is never left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from statistics import median

from benchmarks.case import Against, Better, Case, Spread


@dataclass(frozen=True, slots=True)
class Measured:
    """What running one case gave.

    Attributes:
        samples: each measured contender's samples, by its name.
        reasons: why a contender gave none, by its name.
    """

    samples: Mapping[str, Sequence[float]]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of build/bench.json, field for field but for the note, which the table shows."""

    area: str
    name: str
    ours: float | None
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None
    target: float | None
    better: Better
    holds: bool | None
    note: str | None


def figures(case: Case, measured: Measured) -> list[Figure]:
    """Returns the case's rows: one for each peer, or a single one where it has none."""
    if case.tail:
        return _of_tail(case, measured)
    if not case.peers:
        return [_row(case, measured, None)]
    return [_row(case, measured, against) for against in case.peers]


def _of_tail(case: Case, measured: Measured) -> list[Figure]:
    row = _row(case, measured, None)
    samples = sorted(measured.samples.get(case.ours.name, ()))
    worst = samples[ceil(0.99 * len(samples)) - 1] if samples else None
    holds = _holds(case.better, worst, case.target)
    return [
        replace(row, name=f"{case.name}, p50 of {len(samples)}", target=None, holds=None),
        replace(row, name=f"{case.name}, p99 of {len(samples)}", ours=worst, holds=holds),
    ]


def _row(case: Case, measured: Measured, against: Against | None) -> Figure:
    peer = against.peer.name if against else None
    target = _bound(case.better, measured, against) if against else case.target
    ours = _median(measured, case.ours.name)
    peer_value = _median(measured, peer) if peer else None
    ratio = ours / peer_value if ours is not None and peer_value else None
    return Figure(
        area=case.area,
        name=case.name,
        ours=ours,
        unit=case.unit,
        peer=peer,
        peer_value=peer_value,
        ratio=ratio,
        target=target,
        better=case.better,
        holds=_holds(case.better, ratio if peer else ours, target),
        note=_note(measured, case.ours.name, peer),
    )


def _bound(better: Better, measured: Measured, against: Against) -> float | None:
    if against.target is not Spread.OF_PEER:
        return against.target
    samples = measured.samples.get(against.peer.name)
    if not samples:
        return None
    worst = max(samples) if better is Better.LOWER else min(samples)
    return worst / median(samples)


def _median(measured: Measured, name: str) -> float | None:
    samples = measured.samples.get(name)
    return median(samples) if samples else None


def _holds(better: Better, value: float | None, target: float | None) -> bool | None:
    if value is None or target is None:
        return None
    return value <= target if better is Better.LOWER else value >= target


def _note(measured: Measured, *names: str | None) -> str | None:
    reasons = [measured.reasons[name] for name in names if name and name in measured.reasons]
    return "; ".join(dict.fromkeys(reasons)) or None
