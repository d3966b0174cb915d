"""Replicas of a tree in one process: disks, users, scanners, crashes, and meetings of two.

A history is a list of steps, each (what, who, a, b) with plain numbers, that are taken modulo what
there is. All writings have contents of their own, so that every one can be followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from simulacra.actors.data.entries import (
    FOLDER,
    ROOT,
    Attributes,
    Content,
    Entry,
    Fingerprint,
    Kind,
    Path,
    is_below,
    join,
    parent,
)
from simulacra.actors.data.reconciling.acknowledging import is_gone, may_go
from simulacra.actors.data.reconciling.actions import (
    Action,
    MakeFolder,
    Move,
    Note,
    Put,
    Remove,
    SetAttributes,
    done,
)
from simulacra.actors.data.reconciling.copy_names import is_aside
from simulacra.actors.data.reconciling.dots import Author, Context, Dot, Replica
from simulacra.actors.data.reconciling.dots import join as known_together
from simulacra.actors.data.reconciling.observing import Import, observe
from simulacra.actors.data.reconciling.planning import is_settled, plan
from simulacra.actors.data.reconciling.records import FileId, Record
from simulacra.actors.data.reconciling.renames import Found
from tests.actors.data.reconciling.memory_index import MemoryIndex

NAMES = (b"a", b"b", b"c.txt", b"d")
Step = tuple[str, int, int, int]
MIXES: Sequence[dict[str, int]] = (
    {  # a bit of everything
        "write": 16, "mkdir": 5, "remove": 7, "rename": 9, "replace": 2, "chmod": 3, "scan": 10,
        "sync": 12, "apply": 8, "meet": 4, "crash": 3, "lose": 1,
        "forget": 4, "evict": 1,
    },
    {  # folders moved about
        "write": 3, "mkdir": 6, "remove": 2, "rename": 16, "scan": 8, "sync": 4, "apply": 4,
        "meet": 8, "crash": 2, "forget": 3,
    },
    {  # few names, much in conflict
        "write": 20, "remove": 6, "rename": 4, "replace": 4, "scan": 8, "sync": 8, "apply": 6,
        "meet": 2, "crash": 2,
    },
)  # fmt: skip


@dataclass
class Disk:
    """What is on a disk: path, entry and inode."""

    entries: dict[Path, tuple[Entry, int]] = field(default_factory=dict)
    last: int = 0

    def put(self, path: Path, entry: Entry, inode: int | None = None) -> None:
        assert parent(path) == ROOT or self.is_folder(parent(path)), path
        if inode is None:
            self.last += 1
            inode = self.last
        self.entries[path] = entry, inode

    def is_folder(self, path: Path) -> bool:
        return path in self.entries and self.entries[path][0].content == FOLDER

    def below(self, path: Path) -> list[Path]:
        return [each for each in self.entries if each == path or is_below(each, path)]

    def move(self, source: Path, target: Path) -> None:
        assert not is_below(target, source)
        assert target not in self.entries
        assert parent(target) == ROOT or self.is_folder(parent(target))
        for path in self.below(source):
            self.entries[target + path[len(source) :]] = self.entries.pop(path)

    def found(self, path: Path) -> Found | None:
        if path not in self.entries:
            return None
        entry, inode = self.entries[path]
        return Found(entry, Fingerprint(1, inode, entry.content.size, entry.attributes.mtime_ns, 0))


class Host:
    """One replica with its disk and its user."""

    def __init__(self, host: str, world: World) -> None:
        self.world = world
        self.disk = Disk()
        self.wrote: set[bytes] = set()
        self.author = Author(Replica(host, 1))
        self.index = MemoryIndex()
        self.importing: Import | None = None
        self.evicted = False
        self.heard = False
        self.cursors: dict[Replica, int] = {}
        self.vector: Context = {}
        self.acknowledged: dict[Replica, Context] = {}

    def now(self) -> int:
        self.author.wall = self.world.wall
        return self.world.wall

    # -- the user

    def paths(self) -> list[Path]:
        return [path for path in sorted(self.disk.entries) if not is_aside(path)]

    def folders(self) -> list[Path]:
        return [ROOT, *(path for path in self.paths() if self.disk.is_folder(path))]

    def write(self, a: int, b: int) -> None:
        """Edit a file, or make one."""
        files = [path for path in self.paths() if not self.disk.is_folder(path)]
        if files and b % 2:
            path = files[a % len(files)]
            attributes = self.disk.entries[path][0].attributes
        else:
            folders = self.folders()
            path = join(folders[a % len(folders)], NAMES[b // 2 % len(NAMES)])
            attributes = Attributes(0o644)
            if self.disk.is_folder(path):
                return
        self.replaced(path)
        content = self.world.content()
        self.wrote.add(content.digest)
        mode = 0o777 if content.kind is Kind.LINK else attributes.mode
        entry = Entry(content, Attributes(mode, self.world.wall))
        inode = self.disk.entries[path][1] if path in self.disk.entries and b % 3 else None
        self.disk.put(path, entry, inode)

    def mkdir(self, a: int, b: int) -> None:
        folders = self.folders()
        path = join(folders[a % len(folders)], NAMES[b % len(NAMES)])
        if path not in self.disk.entries:
            self.disk.put(path, Entry(FOLDER, Attributes(0o755)))

    def remove(self, a: int, _b: int) -> None:
        paths = self.paths()
        if paths:
            for path in self.disk.below(paths[a % len(paths)]):
                self.replaced(path)
                del self.disk.entries[path]

    def rename(self, a: int, b: int) -> None:
        """Rename something to where nothing is."""
        paths, folders = self.paths(), self.folders()
        if paths:
            path = paths[a % len(paths)]
            target = join(folders[b % len(folders)], NAMES[b // len(folders) % len(NAMES)])
            if target not in self.disk.entries and not is_below(target, path):
                self.disk.move(path, target)

    def replace(self, a: int, b: int) -> None:
        """Rename a file over another, as `mv` does."""
        files = [path for path in self.paths() if not self.disk.is_folder(path)]
        if len(files) > 1 and files[a % len(files)] != files[b % len(files)]:
            source, target = files[a % len(files)], files[b % len(files)]
            self.replaced(target)
            self.disk.entries[target] = self.disk.entries.pop(source)

    def chmod(self, a: int, b: int) -> None:
        paths = self.paths()
        if paths:
            entry, inode = self.disk.entries[paths[a % len(paths)]]
            mode = (0o700, 0o755, 0o640, 0o600)[b % 4]
            attributes = replace(entry.attributes, mode=mode)
            self.disk.entries[paths[a % len(paths)]] = replace(entry, attributes=attributes), inode

    def replaced(self, path: Path) -> None:
        """The user takes away what is here, knowing it."""
        if path in self.disk.entries and not self.disk.is_folder(path):
            self.world.replaced.add(self.disk.entries[path][0].content.digest)

    # -- the node

    def scan(self, _a: int = 0, _b: int = 0) -> None:
        if self.importing and not self.heard:
            return  # first it has to hear what others know
        self.now()
        paths = {*self.disk.entries, *self.index.rows}
        findings = {path: self.disk.found(path) for path in paths if self.differs(path)}
        for path in observe(findings, self.index, self.author, self.importing):
            for each in self.disk.below(path):
                self.world.quarantine.add(self.disk.entries.pop(each)[0].content.digest)
        self.importing = None
        for record in self.index.records.values():
            for version in record.versions:
                self.world.dots.setdefault(version.content.digest, set()).add(version.dot)
        own = {self.author.replica: self.author.n}
        self.vector = known_together(self.vector, own)

    def differs(self, path: Path) -> bool:
        row, found = self.index.row(path), self.disk.found(path)
        if row is None or found is None:
            return True
        return (row.entry, row.fingerprint) != (found.entry, found.fingerprint)

    def apply(self, a: int = 10**6, b: int = 1) -> None:
        """Bring the disk up to date; the node may die after ``a`` actions, between two halves."""
        if self.importing:
            return
        left = a
        for action in plan(list(self.index.dirty), self.index):
            assert left > -1000, "planning has no end"
            if left == 0 and b % 2 == 0:
                return
            if self.act(action) and (left or b % 2):
                done(action, self.index, self.fingerprint(action.path))
            if left == 0:
                return
            left -= 1
        settled = {each for each in self.index.dirty if is_settled(each, self.index)}
        self.index.dirty -= settled
        if not self.index.dirty:
            self.acknowledged[self.author.replica] = self.vector

    def fingerprint(self, path: Path) -> Fingerprint | None:
        found = self.disk.found(path)
        return None if found is None else found.fingerprint

    def act(self, action: Action) -> bool:  # noqa: C901, PLR0912 - one case for each action
        """Do one action on disk, if there is what is expected."""
        disk, path = self.disk, action.path
        here = disk.entries.get(path, (None, None))[0]
        match action:
            case Move(source=source):
                there = disk.entries.get(source, (None, None))[0]
                same = there == action.expected or (
                    there is not None and there.content == FOLDER == action.expected.content
                )
                if not same or here is not None or not self.has_room(path):
                    return False
                disk.move(source, path)
            case Put():
                if here != action.expected or not self.has_room(path):
                    return False
                if not self.world.has(action.row.entry.content):
                    return False
                assert not action.row.is_folder
                assert action.expected is None or action.expected.content != FOLDER
                self.drop_here(path)
                disk.put(path, action.row.entry)
            case MakeFolder():
                if here is not None or not self.has_room(path):
                    return False
                disk.put(path, action.row.entry)
            case SetAttributes():
                if here != action.expected:
                    return False
                assert here is not None
                assert here.content == action.row.entry.content
                disk.entries[path] = action.row.entry, disk.entries[path][1]
            case Remove():
                if here is None or here.content != action.expected.content:
                    return False
                if here.content == FOLDER and len(disk.below(path)) > 1:
                    return False
                if here.content != FOLDER and here != action.expected:
                    return False
                self.drop_here(path)
            case Note():
                pass
        return True

    def drop_here(self, path: Path) -> None:
        if path in self.disk.entries:
            self.world.kept.add(self.disk.entries.pop(path)[0].content.digest)

    def has_room(self, path: Path) -> bool:
        return parent(path) == ROOT or self.disk.is_folder(parent(path))

    def pull(self, other: Host, limit: int | None = None) -> None:
        """Take what another replica knows and this one does not, in its order."""
        after = self.cursors.get(other.author.replica, 0)
        rows = sorted((n, which) for which, n in other.index.sequence.items() if n > after)
        for n, which in rows[:limit]:
            self.take(other.index.records[which])
            self.cursors[other.author.replica] = n
        if limit is None or limit >= len(rows):
            self.heard = self.heard or other.importing is None
            self.vector = known_together(self.vector, other.vector)
            for replica, vector in other.acknowledged.items():
                mine = self.acknowledged.get(replica, {})
                self.acknowledged[replica] = known_together(mine, vector)

    def take(self, record: Record) -> None:
        if is_gone(record, self.vector, self.index):
            return
        self.author.clock.see(record.latest, self.now())
        self.index.take(record)

    def forget(self, _a: int, _b: int) -> None:
        """Drop the tombstones that nobody needs."""
        members = [host.author.replica for host in self.world.hosts if not host.evicted]
        for record in list(self.index.records.values()):
            if may_go(record, members, self.acknowledged, self.index):
                self.index.forget(record.id)

    def living(self) -> dict[FileId, Record]:
        """What is known but for tombstones, which some drop before others."""
        return {each.id: each for each in self.index.records.values() if each.alive}

    def give(self) -> None:
        """Let others have all that was written here.

        What it has told of, and nobody has fetched, may be replaced here without a word any more;
        that would be for somebody to settle.
        """
        self.world.given |= self.wrote

    def lose(self, why: Import = Import.LOST) -> None:
        """The database is lost; the disk is not."""
        self.give()
        host, incarnation = self.author.replica
        self.author = Author(Replica(host, incarnation + 1))
        self.index = MemoryIndex()
        self.importing = why
        self.evicted = False
        self.heard = False
        self.cursors = {}
        self.vector = {}
        self.acknowledged = {}


class World:
    """Some hosts, and what has become of all that was written."""

    def __init__(self, size: int) -> None:
        self.wall = 1_000
        self.written: set[bytes] = set()
        self.replaced: set[bytes] = set()
        self.kept: set[bytes] = set()
        self.given: set[bytes] = set()
        self.dots: dict[bytes, set[Dot]] = {}
        self.quarantine: set[bytes] = set()
        self.hosts = [Host("lmnop"[at], self) for at in range(size)]

    def content(self) -> Content:
        n = len(self.written)
        digest = n.to_bytes(4) * 8
        self.written.add(digest)
        if n % 5 == 0:
            return Content(Kind.LINK, 1, digest, b"%d" % n)
        return Content(Kind.FILE, 1, digest)

    def has(self, content: Content) -> bool:
        """Whether a content is to be had: it is on a disk, or was displaced there by a node."""
        if content.kind is Kind.LINK or content.digest in self.kept | self.quarantine | self.given:
            return True
        entries = (entry for host in self.hosts for entry, _ in host.disk.entries.values())
        return any(entry.content == content for entry in entries)

    def run(self, history: Sequence[Step]) -> None:
        for step in history:
            self.step(step)

    def step(self, step: Step) -> None:  # noqa: C901 - one case for each step
        what, who, a, b = step
        host = self.hosts[who % len(self.hosts)]
        self.wall += 1 + b % 3
        others = [each for each in self.hosts if each is not host and not each.evicted]
        if host.evicted and (what in ("scan", "forget", "lose", "crash", "apply") or not others):
            return
        match what:
            case "evict":
                host.evicted = len(others) > 1
                host.give()
            case "sync" | "meet" if host.evicted:
                host.lose(Import.EVICTED)
                host.pull(others[a % len(others)])
            case "sync" | "meet" if not others:
                pass
            case "sync":
                host.pull(others[a % len(others)], None if b % 3 else b // 3 % 5)
            case "meet":
                other = others[a % len(others)]
                for each, from_whom in ((host, other), (other, host), (host, other)):
                    each.pull(from_whom)
                    each.scan()
                    each.apply()
            case "apply":
                host.apply()
            case "crash":
                host.apply(a % 4, b)
            case "lose":
                host.lose()
            case _:
                getattr(host, what)(a, b)

    def quiet(self) -> None:
        """Everybody meets everybody until nothing changes any more."""
        for host in self.hosts:
            if host.evicted:
                host.lose(Import.EVICTED)
        if all(host.importing for host in self.hosts):
            self.hosts[0].heard = True  # nobody is left who knows: what is here is the tree
        for _ in range(12):
            self.wall += 1
            before = self.state()
            for host in self.hosts:
                for other in self.hosts:
                    if other is not host:
                        host.pull(other)
            for host in self.hosts:
                host.scan()
                host.apply()
                host.scan()
            if self.state() == before and not any(host.importing for host in self.hosts):
                return
        raise AssertionError("no quiet")

    def state(self) -> list[object]:
        return [(dict(host.disk.entries), host.index.records.copy()) for host in self.hosts]

    def returned(self) -> set[bytes]:
        """What somebody took away and nobody wrote anew, and is still somewhere."""
        there = {
            entry.content.digest for host in self.hosts for entry, _ in host.disk.entries.values()
        }
        once = {digest for digest, dots in self.dots.items() if len(dots) == 1}
        return there & self.replaced & once

    def check(self) -> None:
        """What must hold after quiet."""
        first = self.hosts[0]
        tree = {path: entry for path, (entry, _) in first.disk.entries.items()}
        for host in self.hosts:
            assert host.living() == first.living(), "known differs"
            assert {path: entry for path, (entry, _) in host.disk.entries.items()} == tree
            assert not [path for path in tree if is_aside(path)], "something is left aside"
            rows = {path: row.entry for path, row in host.index.rows.items()}
            assert rows == tree, "the base is not the disk"
            full = [*plan(every_folder(host.index), host.index)]
            assert full == [], f"dirty folders were missed: {full}"
        there = {entry.content.digest for entry in tree.values()}
        missing = self.written - self.replaced - self.quarantine - there
        assert not missing, f"lost: {missing}"


def every_folder(index: MemoryIndex) -> list[FileId]:
    found = {record.location.value.folder for record in index.records.values()}
    return [bytes(16), *sorted(found | index.records.keys())]


def history(seed: int, length: int = 40) -> tuple[int, list[Step]]:
    """A random history, and for how many hosts."""
    random = Random(seed)
    size = random.choice((2, 3, 3, 4))
    mix = random.choice(MIXES)
    kinds = random.choices(list(mix), list(mix.values()), k=length)
    return size, [
        (kind, random.randrange(size), random.randrange(1000), random.randrange(1000))
        for kind in kinds
    ]
