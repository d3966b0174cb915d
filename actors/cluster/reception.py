"""Whether a host that knocks is let in: rules, each refusal with its reason, and what it is told.

The member that is knocked at judges the expiry by its own clock; the other's is not asked. Knocking
twice with the same keys is answered alike, since the first answer may have been lost; the same
invitation with other keys is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulacra.actors.cluster.admissions import Admission, Binding, Expulsion, Owner, witness
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import Invitation
from simulacra.actors.cluster.naming import NamingError
from simulacra.actors.cluster.roll import Roll


@dataclass(frozen=True)
class Knock:
    """What a host says at the door."""

    invitation: Invitation
    binding: Binding


@dataclass(frozen=True)
class Refusal:
    """Why a host is not let in.

    Attributes:
        code: for programs: ``expired``, ``used``, ``other_network``, ``name_taken``, ``no_member``,
            ``not_invited``, ``expelled``, ``wrong_key``, ``malformed`` or ``failed``.
        text: for people: what is wrong, why, and what to do.
    """

    code: str
    text: str


@dataclass(frozen=True)
class DoorKeys:
    """The CURVE pair that the doors of all inside hosts have, Z85."""

    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Place:
    """Where a host listens: ``host:port``."""

    host: str
    address: str


@dataclass(frozen=True)
class Welcome:
    """What a host that was let in needs to know.

    Attributes:
        network: the network's name.
        root: its first owner key.
        by: the host that let it in.
        owners: the other owners.
        admissions: of all hosts, this one's too.
        expulsions: all.
        places: where the members listen, as that host knows.
        door: for inside hosts, so that they open a door of their own.
    """

    network: str
    root: str
    by: str
    owners: tuple[Owner, ...]
    admissions: tuple[Admission, ...]
    expulsions: tuple[Expulsion, ...]
    places: tuple[Place, ...]
    door: DoorKeys | None

    def roll(self) -> Roll:
        """The roll of its records, all of them checked."""
        return Roll.of(self.root, [*self.owners, *self.admissions, *self.expulsions])


class Reception:
    """Answers whoever knocks.

    Args:
        network: the network's name.
        own: this host's signing key.
        door: the doors' CURVE pair.
        roll: the roll as it is now.
        record: keeps an admission; when it returns, ``roll`` has it.
        places: where members listen, by host.
        free: raises `NamingError` for what no new host may be called, such as a tree's name.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        network: str,
        own: Signer,
        door: DoorKeys,
        *,
        roll: Callable[[], Roll],
        record: Callable[[Admission], None],
        places: Callable[[], Mapping[str, str]],
        free: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._network = network
        self._own = own
        self._door = door
        self._roll = roll
        self._record = record
        self._places = places
        self._free = free
        self._clock = clock

    def answer(self, knock: Knock, curve: str) -> Welcome | Refusal:
        """Let a host in, or say why not.

        Args:
            knock: what it says.
            curve: the CURVE key that its connection proved.
        """
        roll = self._roll()
        judged = judge(knock, curve, roll, self._own, int(self._clock()))
        if isinstance(judged, Refusal):
            return judged
        if judged.id not in roll.records:
            if roll.host(judged.binding.host) is None:  # or it is this host's own already
                try:
                    self._free(judged.binding.host)
                except NamingError as error:
                    return Refusal("name_taken", f"{error} (simulacra up --name NAME --join ...)")
            self._record(judged)
            roll = self._roll().add(judged)
        return self._welcome(roll, judged.invitation.role == "inside")

    def _welcome(self, roll: Roll, inside: bool) -> Welcome:
        records = list(roll.records.values())
        member = roll.holder(self._own.key)
        return Welcome(
            network=self._network,
            root=roll.root,
            by=member.host if member else "",
            owners=tuple(each for each in records if isinstance(each, Owner)),
            admissions=tuple(each for each in records if isinstance(each, Admission)),
            expulsions=tuple(each for each in records if isinstance(each, Expulsion)),
            places=tuple(Place(*each) for each in sorted(self._places().items())),
            door=self._door if inside else None,
        )


def judge(knock: Knock, curve: str, roll: Roll, own: Signer, now: int) -> Admission | Refusal:
    """The admission of a host that knocks, a new one or the one that it has, or the refusal.

    Args:
        knock: what it says.
        curve: the CURVE key that its connection proved.
        roll: who is in.
        own: the signing key of the host that is knocked at.
        now: seconds since the epoch.
    """
    me = roll.holder(own.key)
    if me is None or me.role != "inside":
        return Refusal("no_member", _no_member(roll, own))
    refusal = _not_invited(knock, roll) or _wrong_keys(knock.binding, curve, roll)
    if refusal is not None:
        return refusal
    before = roll.used_by(knock.invitation.key)
    if before is not None:
        return before if before.binding == knock.binding else _used(before, me.host)
    # A clock that was set back makes no admission earlier than the witness's own.
    at = max(now, me.since + 1)
    if at > knock.invitation.expires:
        return Refusal("expired", _expired(knock.invitation, at, me.host))
    holder = roll.host(knock.binding.host)
    if holder is not None and holder.curve != knock.binding.curve:
        return Refusal(
            "name_taken",
            f"the network has a host named {knock.binding.host}: join under another name (simulacra"
            f" up --name NAME --join ...), or expel the other (simulacra expel {holder.host})",
        )
    admission = witness(knock.invitation, knock.binding, at, own)
    why_not = roll.add(admission).why_not(knock.binding.curve)
    return admission if why_not is None else Refusal("not_invited", why_not)


def _no_member(roll: Roll, own: Signer) -> str:
    reason = roll.why_not(own.key) or "it is an outside host"
    return f"this host lets nobody in, as it is no inside member itself ({reason}): join at another"


def _not_invited(knock: Knock, roll: Roll) -> Refusal | None:
    invitation = knock.invitation
    if invitation.root != roll.root:
        return Refusal(
            "other_network",
            f"the invitation is for another network ({invitation.network}, {invitation.root[:8]}); "
            f"this host is in {roll.root[:8]}: join at a host of the network that invited",
        )
    if invitation.owner not in roll.owners:
        return Refusal(
            "not_invited",
            "the invitation is not signed by an owner that is known here: ask for a new one",
        )
    problem = invitation.problem() or knock.binding.problem(invitation)
    return Refusal("malformed", problem) if problem else None


def _wrong_keys(binding: Binding, curve: str, roll: Roll) -> Refusal | None:
    if curve != binding.curve:
        return Refusal("wrong_key", "the binding is of another host's key than the one that knocks")
    for key in (binding.curve, binding.signing):
        if key in roll.expelled:
            return Refusal(
                "expelled",
                f"this host's keys are good no more ({roll.why_not(key)}): make new ones with "
                "simulacra keys reset, and ask for a new invitation",
            )
    return None


def _used(before: Admission, me: str) -> Refusal:
    return Refusal(
        "used",
        f"the invitation {before.invitation.id} was used before, by {before.binding.host}; it is "
        f"good for one host: ask for a new one (on {me}: simulacra invite)",
    )


def _expired(invitation: Invitation, now: int, me: str) -> str:
    return (
        f"the invitation {invitation.id} expired {now - invitation.expires} s ago by the clock of "
        f"{me}: ask for a new one (on {me}: simulacra invite)"
    )
