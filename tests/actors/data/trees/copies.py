"""Copies of one tree in folders of this machine, without nodes: each asks the others directly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from simulacra.actors.data.content.landing import Range
from simulacra.actors.data.entries import Content
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.scanning.ignoring import EVERYTHING
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.asking import MissingError, Parcel, Piece, Take
from simulacra.actors.data.trees.bringing import Brought
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.packing import unpack_record
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.serving import Server

_RECORDS = 100


class Copy:
    """One host's copy, its root and state below a folder of its own.

    Attributes:
        tree: the tree as this host has it.
        reachable: whether others can ask it.
    """

    def __init__(self, folder: Path, host: str, others: dict[str, Copy]) -> None:
        self.host = host
        self.place = Place(host, folder / host / "root", folder / host / "state")
        self.place.root.mkdir(parents=True, exist_ok=True)
        self.reachable = True
        self.choice = EVERYTHING
        self.agreement = Agreement(self.place.acknowledged, lambda: list(others))
        self._others = others
        self.open()

    def open(self) -> None:
        self.tree = LocalTree(
            self.place, self.remotes, self.choice, is_elsewhere=self._is_elsewhere
        )

    def _is_elsewhere(self, context: Context) -> bool:
        others = [each.host for each in self.remotes()]
        return len(self.agreement.lacking(others, context)) < len(others)

    def remotes(self) -> list[InReach]:
        if not self.reachable:
            return []
        others = [each for each in self._others.values() if each is not self and each.reachable]
        return [InReach(each) for each in others]

    def close(self) -> None:
        self.tree.close()

    def reopen(self) -> None:
        """As after a restart of the node: what was not committed is gone."""
        self.close()
        self.open()

    @property
    def root(self) -> Path:
        return self.place.root

    def hear(self, other: Copy) -> int:
        """Take all that another knows."""
        server = Server(other.place)
        new = 0
        try:
            replica, last, vector = server.reader.state()
            while True:
                after = self.tree.journal.cursor(replica)
                changes = server.reader.changes(after, _RECORDS)
                complete = len(changes) < _RECORDS
                records = [(unpack_record(record), record) for _, record in changes]
                n = last if complete else changes[-1][0]
                new += self.tree.take(replica, records, n, vector if complete else None)
                if complete:
                    self.agreement.hear(other.agreement.told())
                    return new
        finally:
            server.close()


class InReach:
    """Another copy, as `asking.Remote` has it."""

    def __init__(self, copy: Copy) -> None:
        self.host = copy.host
        self._copy = copy

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        server = Server(self._copy.place)
        try:
            return [server.reader.manifest(digest) for digest in digests]
        finally:
            server.close()

    def fetch(self, content: Content, ranges: Sequence[Range], take: Take) -> None:
        pieces = [Piece(content.digest, *each) for each in ranges]
        for piece, data in zip(pieces, self.pieces(pieces), strict=True):
            if data is None:
                raise MissingError(f"{self.host} has it not")
            take(piece.offset, data)

    def parcels(self, pieces: Sequence[Piece]) -> Iterator[Parcel]:
        descriptor, lengths = os.memfd_create("parcel"), []
        broken = None
        try:
            for data in self.pieces(pieces):
                lengths.append(-1 if data is None else os.write(descriptor, data))  # noqa: PERF401
        except MissingError as error:
            broken = error
        yield Parcel(descriptor, lengths)
        if broken is not None:
            raise broken

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        if not self._copy.reachable:
            raise MissingError(f"{self.host} is not in reach")
        server = Server(self._copy.place)
        descriptor = os.memfd_create("pack")
        try:
            at = 0
            for length in server.pack(pieces, descriptor):
                yield None if length < 0 else memoryview(os.pread(descriptor, length, at))
                at += max(length, 0)
        finally:
            os.close(descriptor)
            server.close()


class Copies:
    """Some copies; a context manager that closes them."""

    def __init__(self, folder: Path, *hosts: str) -> None:
        self.by_host: dict[str, Copy] = {}
        with ExitStack() as begun:
            for host in hosts:
                copy = Copy(folder, host, self.by_host)
                self.by_host[host] = copy
                begun.callback(copy.close)
            self._begun = begun.pop_all()

    def __getitem__(self, host: str) -> Copy:
        return self.by_host[host]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._begun.close()

    def acknowledge(self) -> None:
        """All are in step: each says so, and hears it of the others."""
        self.sync()
        for copy in self.by_host.values():
            journal = copy.tree.journal
            assert not journal.dirty
            copy.agreement.acknowledge(journal.author.replica, journal.vector)
        copies = list(self.by_host.values())
        for copy in copies:
            for other in copies:
                copy.agreement.hear(other.agreement.told())

    def sync(self) -> None:
        """All look, hear each other, and bring their disks up to date, until nothing is new."""
        copies = list(self.by_host.values())
        brought: list[Brought] = []
        for _ in range(50):
            edits = sum(scan(copy) for copy in copies)
            new = sum(copy.hear(other) for copy in copies for other in copies if other is not copy)
            brought = [copy.tree.bring() for copy in copies]
            if not edits + new + sum(each.done + len(each.left) for each in brought):
                return
        raise AssertionError(f"no quiet: {brought}")


def scan(copy: Copy) -> int:
    """Scan; the user is sure of what is gone. How many edits there were."""
    try:
        return copy.tree.scan().edits
    except DoubtError:
        copy.tree.scan(sure=True)
        return 1


def contents(root: Path) -> dict[str, bytes | str | None]:
    """What is below a folder: bytes of files, texts of links, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found
