"""The roll: who is a member, by the records that count (see `evidence`), and who is not and why.

A member is who was let in and not expelled. A host that was let in again with the same keys has the
later name, role and address. Of two hosts with one name the member is the one that had it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from simulacra.actors.cluster.admissions import Admission, Expulsion, Record, expel
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.evidence import Evidence, Identity, identity

_PIECE: Final = 100
"""What stands is told in pieces, so that each record stays small."""


@dataclass(frozen=True, slots=True)
class Member:
    """A host of the network.

    Attributes:
        host: its name.
        curve: its CURVE public key, Z85.
        signing: its Ed25519 public key.
        role: ``inside`` or ``outside``.
        address: ``host:port`` where it listened when it joined, or an empty string.
        since: when it was let in first, in seconds since the epoch.
    """

    host: str
    curve: str
    signing: str
    role: str
    address: str
    since: int


@dataclass(frozen=True)
class Roll:
    """What follows from a set of records; a value, never changed.

    Args:
        root: the network's first owner key.
        records: those that are sound by themselves, by id; `of` and `add` see to that.
    """

    root: str
    records: Mapping[str, Record] = field(default_factory=dict)

    @classmethod
    def of(cls, root: str, records: Iterable[Record] = ()) -> Roll:
        """The roll of these records."""
        return cls(root).add(*records)

    def add(self, *records: Record) -> Roll:
        """The roll with more records; those that have a `problem` are left out."""
        new = {each.id: each for each in records if each.id not in self.records}
        sound = {key: each for key, each in new.items() if self.problem(each) is None}
        return Roll(self.root, {**self.records, **sound})

    def problem(self, record: Record) -> str | None:
        """What is wrong with a record by itself, its signatures checked; None if nothing."""
        of = record.invitation.root if isinstance(record, Admission) else record.root
        return record.problem() if of == self.root else "it is of another network"

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self.root, tuple(self.records.values()))

    # -- who is in

    @property
    def members(self) -> tuple[Member, ...]:
        """All members, by name."""
        return tuple(self._standing[0][name] for name in sorted(self._standing[0]))

    @cached_property
    def let_in(self) -> tuple[Member, ...]:
        """All hosts that were ever let in, also those that are members no more."""
        found: dict[Identity, Member] = {}
        for each in self._evidence.counted.values():
            bound, before = each.binding, found.get(identity(each))
            since = before.since if before else each.at
            found[identity(each)] = Member(
                bound.host, bound.curve, bound.signing, each.invitation.role, bound.address, since
            )
        return tuple(found.values())

    @property
    def owners(self) -> Mapping[str, str]:
        """The owners' names by their keys."""
        return self._evidence.owners

    @property
    def expulsions(self) -> tuple[Expulsion, ...]:
        """Those that count, by time."""
        return self._evidence.expulsions

    @property
    def expelled(self) -> Mapping[str, Expulsion]:
        """The expulsion of each key, the first one that counts."""
        return self._evidence.expelled

    def host(self, name: str) -> Member | None:
        """The member with a name."""
        return self._standing[0].get(name)

    def holder(self, key: str) -> Member | None:
        """The member that has a CURVE or a signing key."""
        return self._holders.get(key)

    def used_by(self, invitation: str) -> Admission | None:
        """The admission that an invitation (its key) was used for."""
        return self._used.get(invitation)

    @cached_property
    def _standing(self) -> tuple[dict[str, Member], dict[Identity, str]]:
        """The members by name, and why other hosts that were let in are none."""
        members: dict[str, Member] = {}
        refused: dict[Identity, str] = {}
        for member in sorted(self.let_in, key=self._named_since):
            keys = member.curve, member.signing
            gone = [self.expelled[key] for key in keys if key in self.expelled]
            if gone:
                refused[keys] = self._evidence.told(gone[0])
            elif member.host in members:
                refused[keys] = (
                    f"another host was named {member.host} before: expel one of the two, or let "
                    "this one join again under another name"
                )
            else:
                members[member.host] = member
        return members, refused

    def _named_since(self, member: Member) -> tuple[int, str]:
        """Since when a host has the name that it has now."""
        return self._names[(member.curve, member.signing), member.host], member.curve

    @cached_property
    def _names(self) -> dict[tuple[Identity, str], int]:
        found: dict[tuple[Identity, str], int] = {}
        for each in self._evidence.counted.values():
            found.setdefault((identity(each), each.binding.host), each.at)
        return found

    @cached_property
    def _holders(self) -> dict[str, Member]:
        members = self._standing[0].values()
        return {key: member for member in members for key in (member.curve, member.signing)}

    @cached_property
    def _used(self) -> dict[str, Admission]:
        return {each.invitation.key: each for each in self._evidence.counted.values()}

    # -- why not

    def why_not(self, key: str) -> str | None:
        """Why the host with a CURVE or signing key is no member; None if it is one."""
        if self.holder(key) is not None:
            return None
        for keys, reason in self._standing[1].items():
            if key in keys:
                return reason
        if key in self.expelled:
            return self._evidence.told(self.expelled[key])
        for each in self._evidence.admissions:
            if key in identity(each):
                return self._evidence.refused[each.id]
        return "nobody let it in: a member prints an invitation with simulacra invite"

    def refused(self) -> Mapping[str, str]:
        """Why records have no effect, by their ids."""
        return self._evidence.refused

    # -- changes

    def expel(self, host: str, by: Signer, *, at: int, reason: str = "") -> tuple[Expulsion, ...]:
        """The records that take a member out, all to be kept; nothing is changed by making them.

        Args:
            host: its name.
            by: the key of an owner, a member or the host itself.
            at: seconds since the epoch.
            reason: why, for people.

        Raises:
            KeyError: no member has this name.
        """
        member = self._standing[0][host]
        keys = (member.curve, member.signing)
        counted = self._evidence.counted.values()
        witnessed = [each.id for each in counted if each.witness == member.signing]
        pieces = [witnessed[n : n + _PIECE] for n in range(0, len(witnessed), _PIECE)] or [[]]
        return tuple(
            expel(self.root, host, keys, by, at=at, reason=reason, stands=piece) for piece in pieces
        )
