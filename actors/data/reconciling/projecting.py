"""What a folder should show on disk: the listing of its records, a function of them alone.

==========================================  ====================================================
case                                        is shown as
==========================================  ====================================================
several versions                            the latest under the name, the others as its copies
none, but renamings of what was deleted     what these saw, in the same way
equal contents                              one
a folder among them                         the folder under the name, whatever is later
a deleted folder, or one that became a      a folder, while anything in it lives
file, with something in it that lives
several records with one name (renamings,   a folder before others, then the latest location, has
never creations, which are one record)      it; the others are named as copies, by their locations'
                                            dots
a copy whose name is taken                  nothing if by its equal, else named once more
a circle of folders                         see `placing`
names of Simulacra's own                    never
==========================================  ====================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Kind
from simulacra.actors.data.reconciling.copy_names import copy_name
from simulacra.actors.data.reconciling.dots import Dot, Event
from simulacra.actors.data.reconciling.index import Known, Row
from simulacra.actors.data.reconciling.placing import folder_of, inside
from simulacra.actors.data.reconciling.records import FileId, Record, Version, living

_READ_BITS: Final = 0o444


class Side(NamedTuple):
    """Equal versions of one record.

    Attributes:
        versions: sorted, the latest last.
    """

    versions: tuple[Version, ...]

    @property
    def latest(self) -> Version:
        """The one that stands for them."""
        return self.versions[-1]

    @property
    def dots(self) -> frozenset[Dot]:
        """What they are called by."""
        return frozenset(each.dot for each in self.versions)


class _Claim(NamedTuple):
    """A name that is wanted."""

    name: bytes
    dot: Dot
    row: Row


Listing = dict[bytes, Row]


def sides(record: Record) -> list[Side]:
    """The versions that are to be seen, equal ones together; first the one that has the name."""
    if _is_only(record):
        return [Side(record.versions)]
    by_content: dict[object, list[Version]] = {}
    for version in living(record):
        by_content.setdefault(version.content, []).append(version)
    found = [Side(tuple(versions)) for versions in by_content.values()]
    return sorted(found, key=_rank, reverse=True)


def side_of(record: Record, content: Content) -> Side | None:
    """The versions of a record with this content; of a tombstone those that it had."""
    for side in sides(record):
        if side.latest.content == content:
            return side
    if not living(record):
        versions = tuple(each for each in record.versions if each.content == content)
        return Side(versions) if versions else None
    return None


def listing(folder: FileId, known: Known) -> Listing:
    """What should be in a folder, by name."""
    shown = [
        (record, rows) for record in inside(folder, known) if (rows := list(_rows(record, known)))
    ]
    shown.sort(key=lambda each: (each[1][0].is_folder, each[0].location.event), reverse=True)
    names: Listing = {}
    late: list[_Claim] = []
    for record, (main, *_) in shown:
        name = record.location.value.name
        if names.setdefault(name, main) is not main:
            late.append(_Claim(name, record.location.event.dot, main))
    for claim in late:
        _settle(names, claim)
    own = {row.id: name for name, row in names.items()}
    for record, (_, *copies) in shown:
        for copy in copies:
            if copy.copy is not None:
                _settle(names, _Claim(own[record.id], copy.copy, copy))
    return names


class Listings:
    """The listings of folders, kept as long as the records stay as they are.

    Args:
        known: the records.
        most: how many names are kept; then it begins anew.
    """

    def __init__(self, known: Known, most: int = 20_000) -> None:
        self._known = known
        self._most = most
        self._names = 0
        self._kept: dict[FileId, Listing] = {}

    def of(self, folder: FileId) -> Listing:
        """See `listing`; not to be changed."""
        found = self._kept.get(folder)
        if found is None:
            found = listing(folder, self._known)
            self._names += len(found)
            if self._names > self._most:
                self._kept.clear()
                self._names = len(found)
            self._kept[folder] = found
        return found


def is_shown(record: Record, known: Known) -> bool:
    """Whether it lives, or something in it does."""
    return bool(living(record)) or has_shown(record.id, known)


def has_shown(folder: FileId, known: Known) -> bool:
    """Whether something in a folder is to be seen.

    Only of what is deleted is it asked whether anything in it is not, so the way is short where a
    whole folder lives.
    """
    if not known.located(folder) and not known.displaced():
        return False
    pending = [folder]
    while pending:
        for record in inside(pending.pop(), known):
            if living(record):
                return True
            pending.append(record.id)
    return False


def _rows(record: Record, known: Known) -> Iterator[Row]:
    """What is to be seen of a record: first what has the name, then the copies."""
    if _is_only(record):
        content = record.versions[0].content
        if content.kind is Kind.FOLDER or not has_shown(record.id, known):
            yield _only(record, content)
            return
    found = sides(record)
    main = found[0] if found else None
    is_folder = main is not None and main.latest.content.kind is Kind.FOLDER
    if not is_folder and has_shown(record.id, known):
        yield Row(record.id, _folder_entry(record), frozenset(), _alive(record, frozenset()))
        copies = found
    elif main is None:
        return
    else:
        entry = (
            _folder_entry(record) if is_folder else Entry(main.latest.content, record.attributes)
        )
        yield Row(record.id, entry, main.dots, _alive(record, main.dots))
        copies = found[1:]
    for side in copies:
        version = side.latest
        entry = Entry(version.content, version.attributes)
        yield Row(record.id, entry, side.dots, frozenset(), version.dot)


def _is_only(record: Record) -> bool:
    """Whether it has one version, which is alive, as nearly all have."""
    return len(record.versions) == 1 and record.versions[0].dot in record.alive


def _only(record: Record, content: Content) -> Row:
    """What is to be seen of a record with one version, that content."""
    is_folder = content.kind is Kind.FOLDER
    entry = _folder_entry(record) if is_folder else Entry(content, record.attributes)
    return Row(record.id, entry, frozenset((record.versions[0].dot,)), record.alive)


def _alive(record: Record, dots: frozenset[Dot]) -> frozenset[Dot]:
    """What keeps these versions alive: not what keeps others."""
    others = {each.dot for each in (*record.versions, *living(record)) if each.dot not in dots}
    return record.alive - others if others else record.alive


def _folder_entry(record: Record) -> Entry:
    """A folder's entry; where a file has the attributes, made such that it can be entered."""
    mode = record.mode.value
    if any(version.content.kind is not Kind.FOLDER for version in record.written):
        mode |= (mode & _READ_BITS) >> 2
    return Entry(FOLDER, Attributes(mode, 0, record.xattrs.value))


def _settle(names: Listing, claim: _Claim) -> None:
    """Find a name for what cannot have its own."""
    name = copy_name(claim.name, claim.dot)
    while name in names:
        if claim.row.copy and names[name].entry.content == claim.row.entry.content:
            return
        name = copy_name(name, claim.dot)
    names[name] = claim.row


def _rank(side: Side) -> tuple[bool, Event]:
    return side.latest.content.kind is Kind.FOLDER, side.latest.event


def around(ids: Iterable[FileId], known: Known) -> set[FileId]:
    """The folders whose listings depend on some records: to be asked before and after a change."""
    found: set[FileId] = set()
    for start in ids:
        at = start
        while (record := known.record(at)) is not None:
            at = folder_of(record, known)
            if at in found:
                break
            found.add(at)
            above = known.record(at)
            if above is None or (sides(above) and sides(above)[0].latest.content == FOLDER):
                break
    return found
