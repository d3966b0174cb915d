"""What the tests of trees make: entries, and a host alone with its disk."""

from __future__ import annotations

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Kind, Path
from simulacra.actors.data.reconciling.actions import done
from simulacra.actors.data.reconciling.dots import Dot, Replica
from simulacra.actors.data.reconciling.planning import plan
from simulacra.actors.data.reconciling.policy import ALL, Policy
from tests.actors.data.reconciling.simulator import Host, World

MAKE_FOLDER = Entry(FOLDER, Attributes(0o755))


def file(n: int, mode: int = 0o644) -> Entry:
    """A file with the contents that have this number."""
    return Entry(Content(Kind.FILE, 1, n.to_bytes(32)), Attributes(mode, n))


def dot(host: str, n: int, incarnation: int = 1) -> Dot:
    return Dot(Replica(host, incarnation), n)


def hosts(size: int = 2) -> list[Host]:
    return World(size).hosts


def meet(*several: Host) -> None:
    """Scan, tell all, and do what there is to do, until all are alike."""
    for _ in range(4):
        for each in several:
            each.scan()
        for each in several:
            for other in several:
                if each is not other:
                    each.pull(other)
        for each in several:
            each.apply()


def shown(host: Host) -> dict[Path, int]:
    """The disk: the number of each file's contents, -1 for folders."""
    return {
        path: int.from_bytes(entry.content.digest) if entry.content.digest else -1
        for path, (entry, _) in sorted(host.disk.entries.items())
    }


def planned(host: Host, policy: Policy = ALL) -> None:
    """Do what is planned under a policy."""
    for action in plan([bytes(16), *host.index.records], host.index, policy):
        assert host.act(action)
        done(action, host.index, host.fingerprint(action.path))


def put(host: Host, path: Path, n: int) -> None:
    host.world.wall += 1
    here = host.disk.entries.get(path)
    host.disk.put(path, file(n), here and here[1])


def remove(host: Host, path: Path) -> None:
    for each in host.disk.below(path):
        del host.disk.entries[each]


def pair(*files: Path) -> tuple[Host, Host]:
    """Two hosts that have the same files, 1, 2, 3 ..., in folders named before them."""
    left, right = hosts()
    for n, path in enumerate(files, 1):
        if path.endswith(b"/"):
            left.disk.put(path[:-1], MAKE_FOLDER)
        else:
            put(left, path, n)
    meet(left, right)
    assert left.disk.entries.keys() == right.disk.entries.keys()
    return left, right


def together(left: Host, right: Host) -> dict[Path, int]:
    """What both show after they met; later writings come from the right."""
    left.scan()
    left.world.wall += 10
    right.scan()
    meet(left, right)
    assert shown(left) == shown(right)
    left.world.quiet()
    return shown(left)
