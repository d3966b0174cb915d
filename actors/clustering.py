"""What makes of many nodes one network: who is there, who is first, and which services run where.

The parts are in ``cluster`` and ``compute``; here they are given what they need of one another.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.capabilities import on_mains, told_here
from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.focus import FOCUS, Focus, FocusSettings, FocusView
from simulacra.actors.cluster.focus_client import FocusClient, UnansweredError
from simulacra.actors.cluster.members import LIVE, Member, State
from simulacra.actors.cluster.membership import MEMBERSHIP, Membership, Memory
from simulacra.actors.cluster.needs import Capabilities
from simulacra.actors.cluster.reign import ANY
from simulacra.actors.cluster.services import Part
from simulacra.actors.cluster.splits import Splits
from simulacra.actors.cluster.swim_events import Declare, Lost, Met, Review
from simulacra.actors.cluster.view import Changed
from simulacra.actors.compute.hosts import HostTable
from simulacra.actors.compute.service_master import SERVICE_MASTER, ServiceMaster, Wanted
from simulacra.actors.compute.service_runner import SERVICES, ServiceRunner
from simulacra.actors.runtime import ActorDeadError, ActorSystem, AskTimeoutError
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.settings import Settings
from simulacra.actors.telling import Telling

if TYPE_CHECKING:
    from simulacra.actors.neighbours import Neighbours

SERVICE_SETTING: Final = "service."
_FAREWELL: Final = 1.0
_HANDING_OVER: Final = 2.0
_PARTED: Final = frozenset({State.ASLEEP, State.DETACHED, State.LEFT})
_HOUR: Final = 3600.0

logger = logging.getLogger(__name__)


class Clustering:
    """One node's part in its network.

    Args:
        system: its actors.
        settings: the node's.
        events: where changes are told.
        hosts: what is known of all hosts.
        neighbours: the hosts that the node is connected with.

    Attributes:
        focus: who is master, as this host knows.
        members: the other hosts, as membership holds them, by name; replaced as a whole.
    """

    def __init__(
        self,
        system: ActorSystem,
        settings: Settings,
        events: EventLog,
        hosts: HostTable,
        neighbours: Neighbours,
    ) -> None:
        self._system = system
        self._settings = settings
        self._hosts = hosts
        self._neighbours = neighbours
        self._telling = Telling(events, settings.name, neighbours.connected)
        self._started = time.monotonic()
        self._up_since: dict[str, float] = {}
        self._whole: Epoch | None = None
        self.focus = FocusView()
        self.members: Mapping[str, Member] = {}
        self._near: frozenset[str] = frozenset()
        self._splits = Splits()
        self._looking = threading.Lock()
        self._parting = False

    def specs(self) -> list[ChildSpec]:
        """Its actors, in the order in which they are started."""
        folder = self._settings.paths.state / self._settings.name
        focus = FocusSettings(
            path=folder / "focus.db",
            reachable=self._reachable,
            is_alone=self._neighbours.admitted.is_alone,
            standing=self._standing,
            children=self._master,
            changed=self._master_changed,
            merged=self._telling.split_merged,
        )
        runner = (folder / "services.json", self._admits)
        membership = {
            "name": MEMBERSHIP,
            "memory": Memory(folder / "membership"),
            "connected": lambda host: host in self._neighbours.connected(),
            "dial": self._neighbours.wake,
            "on_change": self._member_changed,
            "on_near": self._is_near,
            "admits": self._neighbours.admits,
        }
        me = (self._settings.name, self._neighbours.key, self._neighbours.address())
        return [
            ChildSpec(MEMBERSHIP, Membership, me, membership),
            ChildSpec(FOCUS, Focus, (focus, self.focus), {"name": FOCUS}),
            ChildSpec(SERVICES, ServiceRunner, runner, {"name": SERVICES}),
        ]

    # -- hosts come and go

    def met(self, host: str, key: str, address: str) -> None:
        """A host is connected."""
        self._up_since[host] = time.time()
        self._tell(MEMBERSHIP, Met(host, key, address))
        self._tell(FOCUS, m.MemberUp(host))
        self._look_for_split(self.focus.acting)

    def lost(self, host: str) -> None:
        """A host is not connected any more."""
        self._up_since.pop(host, None)
        member = self.members.get(host)
        if member is not None and member.state is State.DOWN:
            self._telling.host_changed(host, State.DOWN, "its connection is lost too")
        self._tell(MEMBERSHIP, Lost(host))
        self._tell(FOCUS, m.MemberDown(host))
        self._look_for_split(self.focus.acting)

    def rested(self, host: str) -> None:
        """A host was parted from, as neither needed the connection: it is there as before."""
        self._up_since.pop(host, None)

    def needs(self, host: str) -> bool:
        """Whether this host has to be connected to another one, so that the network works.

        It has, where one of the two is the master or next in line, where one probes the other, and
        where the other may not be found again: not all believe that it is there.
        """
        member, focus = self.members.get(host), self.focus
        first = {focus.epoch.host, *focus.successors}
        return (
            member is None
            or member.state is not State.UP
            or focus.acting is not None
            or host in self._near
            or not first.isdisjoint({host, self._settings.name})
        )

    def _is_near(self, hosts: frozenset[str]) -> None:
        """In the thread of membership."""
        self._near = hosts

    def review(self) -> None:
        """Others are admitted than before."""
        self._tell(MEMBERSHIP, Review())

    def part(self, state: State) -> None:
        """This host stops on purpose, and how: another is master first, and nobody looks for it."""
        self._parting = True
        self.hand_over(f"{self._settings.name} goes down")
        self.declare(state)

    def declare(self, state: State) -> None:
        """Tell the others how this host stands from now on."""
        membership = self._system.whereis(MEMBERSHIP)
        if membership is not None:
            with contextlib.suppress(ActorDeadError, AskTimeoutError):
                membership.ask(Declare(state), timeout=_FAREWELL)

    def hand_over(self, why: str) -> None:
        """Have the best of the others be master, if this host is; it does not wait long for it."""
        if self.focus.acting is None or len(self._reachable()) == 1:
            return
        body = {"host": ANY, "why": why}
        try:
            self.client.request("focus", body, secrets.token_hex(16), _HANDING_OVER)
        except (RefusedError, UnansweredError, ActorDeadError, AskTimeoutError) as error:
            logger.warning("%s, and it is the master: %s", why, error)

    def _tell(self, actor: str, event: object) -> None:
        ref = self._system.whereis(actor)
        if ref is not None:
            ref.tell(event)

    def _member_changed(self, change: Changed, member: Member | None) -> None:
        """In the thread of membership."""
        host, new = change.host, change.new
        if host == self._settings.name:
            return
        others = {name: each for name, each in self.members.items() if name != host}
        self.members = others if new is None or member is None else {**others, host: member}
        if member is not None and new in LIVE:
            self._neighbours.meet(f"tcp://{member.address}", member.key)
        if new is not None:
            self._telling.host_changed(host, new, change.reason)
        self._look_for_split(self.focus.acting)

    def _look_for_split(self, acting: Epoch | None) -> None:
        """In any thread: this host met or lost another, or became the master of an epoch."""
        if self._parting:
            return
        deputy = acting is not None and self.is_deputy(acting)
        with self._looking:
            reached, now = self._neighbours.inside(), time.monotonic()
            lost = self._splits.look(reached, self.absent(), deputy=deputy, now=now)
        if lost is not None:
            self._telling.split_begun(lost, deputy=deputy)

    def absent(self) -> list[str]:
        """The hosts that should be in reach and are not."""
        members = self.members
        parted = {host for host, each in members.items() if each.state in _PARTED}
        known = {*members, *self._neighbours.absent()}
        return sorted(known - parted - set(self._neighbours.connected()) - self.far().keys())

    def live(self) -> set[str]:
        """The keys of the hosts that are there."""
        return {each.key for each in self.members.values() if each.state in LIVE}

    def far(self) -> dict[str, Member]:
        """The hosts that are there and not connected, as there are too many: called when needed."""
        dialed, me = self._neighbours.dialed(), self._settings.name
        live = ((host, each) for host, each in self.members.items() if each.state in LIVE)
        return {host: each for host, each in live if each.key not in dialed and host != me}

    # -- the focus

    @property
    def client(self) -> FocusClient:
        """The way to the master."""
        return FocusClient(self._system.ref(FOCUS))

    def _reachable(self) -> list[str]:
        """With whom the focus is settled: a master speaks to all, others to whom they are near."""
        far = self.far() if self.focus.acting is not None else ()
        return [self._settings.name, *self._neighbours.inside(), *far]

    def _standing(self) -> Standing:
        up = (time.monotonic() - self._started) / _HOUR
        return Standing(mains=on_mains(), uptime=up, links=len(self._neighbours.connected()))

    def _master_changed(self, change: m.MasterChanged) -> None:
        self._telling.master_changed(change)
        self._look_for_split(change.epoch if change.epoch.host == self._settings.name else None)

    def _admits(self, epoch: tuple[int, str]) -> bool:
        admitted: bool = self._system.ref(FOCUS).ask(m.Admit(Epoch(*epoch)))
        return admitted

    # -- services

    def _master(self, epoch: Epoch) -> Iterable[ChildSpec]:
        part = partial(self._part, epoch)
        args = ((epoch.counter, epoch.host), self.wanted, part)
        return [ChildSpec(SERVICE_MASTER, ServiceMaster, args, {"name": SERVICE_MASTER})]

    def wanted(self) -> Mapping[str, Wanted]:
        """The services that the user wants, by name."""
        return {
            key.removeprefix(SERVICE_SETTING): _read_wanted(setting["value"])
            for key, setting in self.focus.settings.items()
            if key.startswith(SERVICE_SETTING)
        }

    def _part(self, epoch: Epoch) -> Part:
        """This part of the network, as the master of an epoch sees it.

        Its master is the elected one if the part is more than half of the network, or just half
        and was led in this epoch when all were together. So two parts never both have one.
        """
        told = {host: facts.capabilities for host, facts in self._hosts.up().items()}
        told[self._settings.name] = told_here(self._settings.zone, self._settings.labels)
        absent = self.absent()
        if not absent:
            self._whole = epoch
        return Part(
            {host: Capabilities.of(host, each) for host, each in told.items()},
            up_since=dict(self._up_since),
            split=bool(absent),
            elected=not self.is_deputy(epoch),
        )

    def is_deputy(self, epoch: Epoch) -> bool:
        """Whether the master of an epoch, in this part, is a deputy: see `_part`."""
        here = 1 + len(self._neighbours.inside()) + len(self.far())
        absent = len(self.absent())
        return not (here > absent or (here == absent and epoch == self._whole))


def _read_wanted(value: Any) -> Wanted:
    """A service as a setting has it; what a newer Simulacra says besides is left out."""
    fields = value if isinstance(value, dict) else {}
    told, spec = fields.get("told"), fields.get("spec")
    return Wanted(told if isinstance(told, dict) else {}, spec if isinstance(spec, dict) else {})
