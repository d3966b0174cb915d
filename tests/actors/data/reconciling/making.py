"""What the tests of trees make: entries, and a host alone with its disk."""

from __future__ import annotations

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Kind, Path
from simulacra.actors.data.reconciling.actions import done
from simulacra.actors.data.reconciling.dots import Dot, Replica
from simulacra.actors.data.reconciling.planning import ALL, Policy, plan
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
