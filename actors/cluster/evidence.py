"""Which records count, worked out from all that are known, whatever their order.

1. *Owners*: the root, and whom an owner named.
2. *Expulsions* count when signed by an owner, by a host that was ever let in as an inside host, or
   by the expelled host itself. What is expelled stays so: no record takes an expulsion back.
3. *Admissions* are taken in the order of their time, then id. One counts when its invitation is of
   an owner, its witness is an owner or was let in before as an inside host, its keys are nobody
   else's, and its invitation was not used before (in two parts of a split network two hosts may
   use the same one: the earlier counts). Of a witness that was expelled by others only those
   admissions count that an expulsion of it lists as standing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from simulacra.actors.cluster.admissions import Admission, Expulsion, Owner, Record

Identity = tuple[str, str]
"""The CURVE key and the signing key of a host."""


@dataclass(frozen=True)
class Evidence:
    """What counts of some records.

    Attributes:
        root: the network's first owner key.
        records: each sound by itself, its signatures checked.
    """

    root: str
    records: tuple[Record, ...]

    # -- 1: owners

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """The owners' names by their keys."""
        named = [each for each in self.records if isinstance(each, Owner)]
        found = {self.root: "root"}
        while more := [each for each in named if each.by in found and each.key not in found]:
            found |= {each.key: each.name for each in sorted(more, key=_by_id, reverse=True)}
        return found

    # -- 2: expulsions

    @cached_property
    def expulsions(self) -> tuple[Expulsion, ...]:
        """Those that count, by time."""
        inside = self._ever_inside
        found = [each for each in self.records if isinstance(each, Expulsion)]
        return tuple(
            sorted((each for each in found if each.is_own or each.by in inside), key=_by_time)
        )

    @cached_property
    def expelled(self) -> Mapping[str, Expulsion]:
        """The expulsion of each key, the first one that counts."""
        found: dict[str, Expulsion] = {}
        for expulsion in self.expulsions:
            for key in self._reach(expulsion):
                found.setdefault(key, expulsion)
        return found

    def _reach(self, expulsion: Expulsion) -> Iterable[str]:
        """The keys that it takes out; a host that leaves takes only those that it was let in by."""
        if not expulsion.is_own:
            return expulsion.keys
        own = {expulsion.by}
        for each in self._witnessed:
            if each.binding.signing == expulsion.by:
                own |= set(identity(each))
        return [key for key in expulsion.keys if key in own]

    @cached_property
    def _witnessed(self) -> tuple[Admission, ...]:
        """The admissions whose witness anybody may have taken for an inside host, or an owner.

        Unlike those that count, they only become more as records come, and so do expulsions.
        """
        return tuple(each for each in self.admissions if each.witness in self._ever_inside)

    @cached_property
    def _ever_inside(self) -> frozenset[str]:
        """The signing keys of owners, and of hosts that anybody may have taken for inside hosts."""
        guests: dict[str, set[str]] = {}
        for each in self.admissions:
            if each.invitation.role == "inside":
                guests.setdefault(each.witness, set()).add(each.binding.signing)
        found, fresh = set(self.owners), list(self.owners)
        while fresh:
            new = guests.get(fresh.pop(), set()) - found
            found |= new
            fresh += new
        return frozenset(found)

    # -- 3: admissions

    @cached_property
    def admissions(self) -> tuple[Admission, ...]:
        """Those by an owner's invitation, by time; whether they count or not."""
        found = [each for each in self.records if isinstance(each, Admission)]
        owned = [each for each in found if each.invitation.owner in self.owners]
        return tuple(sorted(owned, key=_by_time))

    @property
    def counted(self) -> Mapping[str, Admission]:
        """The admissions that count, by id and in order."""
        return self._judged[0]

    @cached_property
    def refused(self) -> Mapping[str, str]:
        """Why other records do not count, by their ids."""
        unowned = {
            each.id: "it is not signed by an owner of this network"
            for each in self.records
            if (isinstance(each, Owner) and each.by not in self.owners)
            or (isinstance(each, Admission) and each.invitation.owner not in self.owners)
        }
        allowed = {each.id for each in self.expulsions}
        idle = {
            each.id: "it is signed by nobody who may expel"
            for each in self.records
            if isinstance(each, Expulsion) and each.id not in allowed
        }
        return {**self._judged[1], **unowned, **idle}

    @cached_property
    def _judged(self) -> tuple[dict[str, Admission], dict[str, str]]:
        counted: dict[str, Admission] = {}
        refused: dict[str, str] = {}
        inside = set(self.owners)
        used: dict[str, Admission] = {}
        holders: dict[str, Identity] = {}
        for each in self.admissions:
            problem = self._why_not(each, inside, used, holders)
            if problem is not None:
                refused[each.id] = problem
                continue
            counted[each.id] = used[each.invitation.key] = each
            holders |= dict.fromkeys(identity(each), identity(each))
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
        for key in identity(each):
            if holders.get(key, identity(each)) != identity(each):
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

    # -- in words

    def told(self, expulsion: Expulsion) -> str:
        """Who is out, by whom and why."""
        why = f": {expulsion.reason}" if expulsion.reason else ""
        if expulsion.is_own:
            return f"{expulsion.host} left{why}"
        return f"{expulsion.host} was expelled by {self._name_of(expulsion.by)}{why}"

    def _name_of(self, key: str) -> str:
        if key in self.owners:
            return f"the owner {self.owners[key]}"
        return next(each.binding.host for each in self.admissions if each.binding.signing == key)


def identity(admission: Admission) -> Identity:
    """The keys of the host that was let in."""
    return admission.binding.curve, admission.binding.signing


def _by_time(record: Admission | Expulsion) -> tuple[int, str]:
    return record.at, record.id


def _by_id(record: Owner) -> str:
    return record.id
