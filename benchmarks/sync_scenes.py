"""What programs that keep folders alike are measured at, whichever they are.

A program has a folder `there` and a folder `here`, and makes `here` as `there` is (`Syncer.sync`).
Both are in memory (tmpfs), or below `SIMULACRA_BENCH_FOLDER`, with all that the program keeps. Each
sample sets its scene, times one `sync`, and compares the folders.

=========  =================================================================================
small      10,000 files of up to 8 kB, none of them here yet (s)
unchanged  the same, all of them here (s)
big        one file, not here yet; the amount is its bytes (s)
changed    1% of that file written anew, in 100 places (s)
bytes      what that takes over the network, all layers counted (MB)
touched    one of the 10,000 files is written to; until it is here, nobody having asked (s)
=========  =================================================================================
"""

import ctypes
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.program import serve

FILES = 10_000
_PLACES = 100
_SECONDS = 110.0
_TICK = 1.1  # unison sees a change of the same second only if the size differs
_FOLDER = os.environ.get("SIMULACRA_BENCH_FOLDER", "/dev/shm")
_CLONE_NEWNET = 0x40000000


class Syncer(Protocol):
    """One program that keeps folders alike, running."""

    def sync(self) -> None:
        """Make `here` as `there` is, and return when it is, on the disk."""

    def forget(self) -> None:
        """Empty `here`, and forget that anything was ever in it."""


Start = Callable[[Path, Path], AbstractContextManager[Syncer]]
"""Starts a program with its folders `there` and `here`, both empty."""


class Scenes:
    """The scenes of the module, with one program.

    Args:
        syncer: the program.
        there: the folder that is changed.
        here: the folder that follows.
    """

    def __init__(self, syncer: Syncer, there: Path, here: Path) -> None:
        self._syncer = syncer
        self._there, self._here = there, here
        self._chance = random.Random(1)

    def small(self, amount: int) -> float:
        """A first sync of small files."""
        self._need_small(amount)
        self._syncer.forget()
        return self._timed()

    def unchanged(self, amount: int) -> float:
        """Nothing to do."""
        self._need_small(amount)
        self._syncer.sync()
        return self._timed()

    def big(self, amount: int) -> float:
        """A first sync of one file."""
        self._need_big(amount)
        self._syncer.forget()
        _claim_memory(2 * amount)
        return self._timed()

    def changed(self, amount: int) -> float:
        """1% of a file is new."""
        self._need_big(amount)
        self._syncer.sync()
        _claim_memory(2 * amount)  # before: who watches the file would have had time to read it
        self._change_big(amount)
        return self._timed()

    def bytes(self, amount: int) -> float:
        """What `changed` sends."""
        self._need_big(amount)
        self._syncer.sync()
        self._change_big(amount)
        before = _loopback_bytes()
        self._timed()
        return (_loopback_bytes() - before) / 1e6

    def touched(self, amount: int) -> float:
        """One file is seen to have changed."""
        self._need_small(amount)
        self._syncer.sync()
        changed = self._chance.choice(sorted(self._there.rglob("*.txt")))
        copy = self._here / changed.relative_to(self._there)
        content = self._chance.randbytes(100)
        began = time.perf_counter()
        changed.write_bytes(content)
        while copy.read_bytes() != content:
            if time.perf_counter() > began + _SECONDS:
                raise TimeoutError(f"{copy} did not follow")
            time.sleep(0.002)
        return time.perf_counter() - began

    # -- setting a scene

    def _need_small(self, amount: int) -> None:
        if not _sizes(self._there):
            make_small(self._there, amount, self._chance)

    def _need_big(self, amount: int) -> None:
        if _sizes(self._there):
            return
        with (self._there / "big.bin").open("wb") as file:
            for begin in range(0, amount, 1 << 20):
                file.write(self._chance.randbytes(min(1 << 20, amount - begin)))

    def _change_big(self, amount: int) -> None:
        time.sleep(_TICK)
        piece = amount // 100 // _PLACES
        with (self._there / "big.bin").open("r+b") as file:
            for _ in range(_PLACES):
                file.seek(self._chance.randrange(amount - piece))
                file.write(self._chance.randbytes(piece))

    def _timed(self) -> float:
        began = time.perf_counter()
        self._syncer.sync()
        took = time.perf_counter() - began
        self._compare()
        return took

    def _compare(self) -> None:
        wanted, found = (_sizes(folder) for folder in (self._there, self._here))
        if wanted != found:
            raise AssertionError(f"{len(wanted)} files there, {len(found)} here, or other sizes")
        for path in self._chance.sample(sorted(wanted), min(20, len(wanted))):
            if not _equal(self._there / path, self._here / path):
                raise AssertionError(f"{path} has another content here")


def run(start: Start, scene: str) -> None:
    """Serve samples of a scene with a program, in folders that are removed after."""
    if scene == "bytes":
        _own_network()
    with folders() as (there, here), start(there, here) as syncer:
        serve(getattr(Scenes(syncer, there, here), scene))


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """Two empty folders."""
    with tempfile.TemporaryDirectory(prefix="simulacra-bench-", dir=_FOLDER) as name:
        there, here = Path(name, "there"), Path(name, "here")
        there.mkdir()
        here.mkdir()
        yield there, here


def make_small(folder: Path, amount: int, chance: random.Random) -> None:
    """Write so many small files into 100 folders."""
    for number in range(amount):
        below = folder / f"{number % 100:02d}"
        below.mkdir(exist_ok=True)
        content = chance.randbytes(chance.randrange(100, 8000))
        (below / f"{number}.txt").write_bytes(content)


def empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()


def _claim_memory(amount: int) -> None:
    """Touch so much free memory, and let go of it.

    A virtual machine's host takes back what is free for a while, and to get it again takes several
    times as long as to write to it. Whoever keeps what it replaces would pay for that each time.
    """
    bytearray(b"\1") * amount


def _sizes(folder: Path) -> dict[Path, int]:
    return {
        path.relative_to(folder): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".st") for part in path.parts)
    }


def _equal(one: Path, other: Path) -> bool:
    with one.open("rb") as mine, other.open("rb") as its:
        while piece := mine.read(1 << 20):
            if piece != its.read(1 << 20):
                return False
        return not its.read(1)


def _own_network() -> None:
    """Leave for a network of this process's own, where nobody else's bytes are counted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network of its own needs root")
    os.system("ip link set lo up")


def _loopback_bytes() -> int:
    lines = Path("/proc/net/dev").read_text().splitlines()
    (line,) = (line for line in lines if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])
