"""Trees: a folder that follows another one, beside rsync, unison and syncthing.

What each scene is: `benchmarks.sync_scenes`.
"""

from dataclasses import replace

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours
from benchmarks.sync_scenes import FILES

_BIG = 1_000_000_000
_MANY = 1_000_000
_ROUNDS = 5


def _case(
    scene: str,
    name: str,
    amount: int,
    *,
    rsync: float,
    others: float | None = None,
    unit: str = "s",
) -> Case:
    """One scene with all programs; the bounds are those on ours / rsync, and ours / the others."""
    against = [
        Against(peers.syncing(peer, scene, amount), rsync if peer == "rsync" else others)
        for peer in ("rsync", "unison", "syncthing")
    ]
    return Case(
        area="data",
        name=name,
        unit=unit,
        better=Better.LOWER,
        ours=ours(f"sync_ours {scene}", amount),
        peers=tuple(against),
        rounds=_ROUNDS,
    )


def _alone(name: str, program: str, amount: int, unit: str, target: float | None, n: int) -> Case:
    return Case(
        area="data",
        name=name,
        unit=unit,
        better=Better.LOWER,
        ours=ours(program, amount),
        target=target,
        rounds=n,
    )


def _patient(case: Case) -> Case:
    """The same, whose first sample takes minutes."""
    return replace(case, ours=replace(case.ours, patience=1800.0))


SMALL = _case("small", "10,000 small files, first sync", FILES, rsync=1.5, others=1.0)
UNCHANGED = _case("unchanged", "10,000 small files, nothing changed", FILES, rsync=0.5)
TOUCHED = _alone("one of 10,000 files touched", "sync_ours touched", FILES, "s", 1.0, 7)
BIG = _case("big", "1 GB, first sync", _BIG, rsync=1.0)
CHANGED = _case("changed", "1% of 1 GB changed", _BIG, rsync=0.8)
BYTES = _case("bytes", "1% of 1 GB changed: bytes", _BIG, rsync=1.2, unit="MB")
MEMORY = _alone("10,000 small files: memory of a node", "sync_ours memory", FILES, "MB", 300.0, 2)
MEMORY_10 = _alone(
    "100,000 small files: memory of a node", "sync_ours memory", 10 * FILES, "MB", 300.0, 1
)
RESCAN = _patient(
    _alone("1,000,000 files: looked at again", f"tree_index rescan {_MANY}", _MANY, "s", None, 2)
)
INDEX = _patient(
    _alone(
        "1,000,000 files: index and journal", f"tree_index bytes {_MANY}", _MANY, "B each", None, 1
    )
)

CASES = (
    SMALL,
    UNCHANGED,
    TOUCHED,
    BIG,
    CHANGED,
    BYTES,
    MEMORY,
    MEMORY_10,
    RESCAN,
    INDEX,
)
