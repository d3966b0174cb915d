"""The roll: who is a member, worked out from all records that are known, whatever their order.

1. *Owners*: the root, and whom an owner named.
2. *Expulsions* count when signed by an owner, by a host that was ever let in as an inside host, or
   by the expelled host itself. What is expelled stays so: no record takes an expulsion back.
3. *Admissions* are taken in the order of their time, then id. One counts when its invitation is of
   an owner, its witness is an owner or was let in before as an inside host, its keys are nobody
   else's, and its invitation was not used before (in two parts of a split network two hosts may
   use the same one: the earlier counts). Of a witness that was expelled by others only those
   admissions count that an expulsion of it lists as standing.
4. A *member* is who was let in and not expelled. A host that was let in again with the same keys
   has the later name, role and address. Of two members with one name, the one that came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from simulacra.actors.cluster.admissions import Admission, Expulsion, Owner, Record, expel
from simulacra.actors.cluster.ed25519 import Signer

_PIECE: Final = 100
"""What stands is told in pieces, so that each record stays small."""

Identity = tuple[str, str]
"""The CURVE key and the signing key of a host."""


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

    # -- 1: owners

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """The owners' names by their keys."""
        named = [each for each in self.records.values() if isinstance(each, Owner)]
        found = {self.root: "root"}
        while more := [each for each in named if each.by in found and each.key not in found]:
            found |= {each.key: each.name for each in sorted(more, key=_by_id, reverse=True)}
        return found

    # -- 2: expulsions

    @cached_property
    def expulsions(self) -> tuple[Expulsion, ...]:
        """Those that count, by time."""
        inside = self._ever_inside
        found = [each for each in self.records.values() if isinstance(each, Expulsion)]
        allowed = [
            each for each in found if each.is_own or each.by in self.owners or each.by in inside
        ]
        return tuple(sorted(allowed, key=_by_time))

    @cached_property
    def expelled(self) -> Mapping[str, Expulsion]:
        """The expulsion of each key, the first one that counts."""
        found: dict[str, Expulsion] = {}
        for expulsion in self.expulsions:
            # With its own signature a host takes out no keys but those it was let in with.
            for key in self._reach(expulsion):
                found.setdefault(key, expulsion)
        return found

    def _reach(self, expulsion: Expulsion) -> Iterable[str]:
        if not expulsion.is_own:
            return expulsion.keys
        own = {expulsion.by}
        for each in self._judged[0].values():
            if each.binding.signing == expulsion.by:
                own |= set(_identity(each))
        return [key for key in expulsion.keys if key in own]

    @cached_property
    def _ever_inside(self) -> frozenset[str]:
        """The signing keys of hosts that anybody may have taken for inside hosts."""
        found = set(self.owners)
        waiting = [each for each in self._admissions if each.invitation.role == "inside"]
        while more := [each for each in waiting if each.witness in found]:
            found |= {each.binding.signing for each in more}
            waiting = [each for each in waiting if each.witness not in found]
        return frozenset(found)

    # -- 3: admissions

    @cached_property
    def _admissions(self) -> tuple[Admission, ...]:
        found = [each for each in self.records.values() if isinstance(each, Admission)]
        owned = [each for each in found if each.invitation.owner in self.owners]
        return tuple(sorted(owned, key=_by_time))

    @cached_property
    def _judged(self) -> tuple[dict[str, Admission], dict[str, str]]:
        """The admissions that count by id, and why the others do not."""
        counted: dict[str, Admission] = {}
        refused: dict[str, str] = {}
        inside = set(self.owners)
        used: dict[str, Admission] = {}
        holders: dict[str, Identity] = {}
        for each in self._admissions:
            problem = self._why_not(each, inside, used, holders)
            if problem is not None:
                refused[each.id] = problem
                continue
            counted[each.id] = used[each.invitation.key] = each
            holders |= dict.fromkeys(_identity(each), _identity(each))
            if each.invitation.role == "inside":
                inside.add(each.binding.signing)
        return counted, refused

    def _why_not(
        self,
        each: Admission,
        inside: set[str],
        used: Mapping[str, Admission],
        holders: Mapping[str, Identity],
    ) -> str | None:
        if each.witness not in inside:
            return "no member let it in"
        out = self._thrown_out.get(each.witness, [])
        if out and not any(each.id in expulsion.stands for expulsion in out):
            return f"{out[0].host} let it in, which was expelled before that was known"
        first = used.get(each.invitation.key)
        if first is not None:
            return f"the invitation {each.invitation.id} was used by {first.binding.host} before"
        for key in _identity(each):
            if holders.get(key, _identity(each)) != _identity(each):
                return "one of its keys is another host's"
        return None

    @cached_property
    def _thrown_out(self) -> dict[str, list[Expulsion]]:
        """The expulsions by others of each key; who left in peace is trusted in what it did."""
        found: dict[str, list[Expulsion]] = {}
        for expulsion in self.expulsions:
            for key in expulsion.keys:
                if not expulsion.is_own and key not in self.owners:
                    found.setdefault(key, []).append(expulsion)
        return found

    # -- 4: members

    @cached_property
    def _standing(self) -> tuple[dict[str, Member], dict[Identity, str]]:
        """The members by name, and why other hosts that were let in are none."""
        members: dict[str, Member] = {}
        refused: dict[Identity, str] = {}
        for member in sorted(self._by_identity.values(), key=lambda each: (each.since, each.curve)):
            identity = member.curve, member.signing
            gone = [self.expelled[key] for key in identity if key in self.expelled]
            if gone:
                refused[identity] = self._told(gone[0])
            elif member.host in members:
                refused[identity] = (
                    f"another host was named {member.host} before: expel one of the two, or let "
                    "this one join again under another name"
                )
            else:
                members[member.host] = member
        return members, refused

    @cached_property
    def _by_identity(self) -> dict[Identity, Member]:
        found: dict[Identity, Member] = {}
        for each in self._judged[0].values():
            bound, before = each.binding, found.get(_identity(each))
            since = before.since if before else each.at
            found[_identity(each)] = Member(
                bound.host, bound.curve, bound.signing, each.invitation.role, bound.address, since
            )
        return found

    def _told(self, expulsion: Expulsion) -> str:
        why = f": {expulsion.reason}" if expulsion.reason else ""
        return (
            f"{expulsion.host} left{why}"
            if expulsion.is_own
            else (f"{expulsion.host} was expelled by {self._name_of(expulsion.by)}{why}")
        )

    def _name_of(self, key: str) -> str:
        names = {each.binding.signing: each.binding.host for each in self._admissions}
        return f"the owner {self.owners[key]}" if key in self.owners else names.get(key, "a host")

    # -- questions

    @property
    def members(self) -> tuple[Member, ...]:
        """All members, by name."""
        return tuple(self._standing[0][name] for name in sorted(self._standing[0]))

    @property
    def let_in(self) -> tuple[Member, ...]:
        """All hosts that were ever let in, also those that are members no more."""
        return tuple(self._by_identity.values())

    def host(self, name: str) -> Member | None:
        """The member with a name."""
        return self._standing[0].get(name)

    def holder(self, key: str) -> Member | None:
        """The member that has a CURVE or a signing key."""
        return self._holders.get(key)

    @cached_property
    def _holders(self) -> dict[str, Member]:
        return {
            key: member
            for member in self._standing[0].values()
            for key in (member.curve, member.signing)
        }

    def used_by(self, invitation: str) -> Admission | None:
        """The admission that an invitation (its key) was used for."""
        return self._used.get(invitation)

    @cached_property
    def _used(self) -> dict[str, Admission]:
        return {each.invitation.key: each for each in self._judged[0].values()}

    def why_not(self, key: str) -> str | None:
        """Why the host with a CURVE or signing key is no member; None if it is one."""
        if self.holder(key) is not None:
            return None
        for identity, reason in self._standing[1].items():
            if key in identity:
                return reason
        if key in self.expelled:
            return self._told(self.expelled[key])
        for each in self._admissions:
            if key in _identity(each):
                return self._judged[1][each.id]
        return "nobody let it in: a member prints an invitation with simulacra invite"

    def refused(self) -> Mapping[str, str]:
        """Why a record has no effect, by its id."""
        unnamed = {
            each.id: "it is not signed by an owner of this network"
            for each in self.records.values()
            if (isinstance(each, Owner) and each.by not in self.owners)
            or (isinstance(each, Admission) and each.invitation.owner not in self.owners)
        }
        idle = {
            each.id: "it is signed by nobody who may expel"
            for each in self.records.values()
            if isinstance(each, Expulsion) and each not in self.expulsions
        }
        return {**self._judged[1], **unnamed, **idle}

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
        witnessed = [each.id for each in self._judged[0].values() if each.witness == member.signing]
        pieces = [witnessed[n : n + _PIECE] for n in range(0, len(witnessed), _PIECE)] or [[]]
        return tuple(
            expel(self.root, host, keys, by, at=at, reason=reason, stands=piece) for piece in pieces
        )


def _identity(admission: Admission) -> Identity:
    return admission.binding.curve, admission.binding.signing


def _by_time(record: Admission | Expulsion) -> tuple[int, str]:
    return record.at, record.id


def _by_id(record: Owner) -> str:
    return record.id
