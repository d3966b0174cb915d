"""What makes of many nodes one network: who is first, and the services that this decides upon.

The parts are in ``cluster`` and ``compute``; here they are given what they need of one another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.capabilities import on_mains, told_here
from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.focus import FOCUS, Focus, FocusClient, FocusSettings, FocusView
from simulacra.actors.cluster.needs import Capabilities
from simulacra.actors.cluster.services import Part
from simulacra.actors.compute.hosts import HostTable
from simulacra.actors.compute.service_master import SERVICE_MASTER, ServiceMaster, Wanted
from simulacra.actors.compute.service_runner import SERVICES, ServiceRunner
from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.settings import Settings

SERVICE_SETTING: Final = "service."
_HOUR: Final = 3600.0

logger = logging.getLogger(__name__)


class Clustering:
    """One node's part in its network.

    Args:
        system: its actors.
        settings: the node's.
        events: where changes are told.
        hosts: what is known of all hosts.
        connected: the hosts that are connected now.
        absent: the hosts that are known and not connected.

    Attributes:
        focus: who is master, as this host knows.
    """

    def __init__(
        self,
        system: ActorSystem,
        settings: Settings,
        events: EventLog,
        hosts: HostTable,
        connected: Callable[[], list[str]],
        absent: Callable[[], list[str]],
    ) -> None:
        self._system = system
        self._settings = settings
        self._events = events
        self._hosts = hosts
        self._connected = connected
        self._absent = absent
        self._started = time.monotonic()
        self._up_since: dict[str, float] = {}
        self._whole: Epoch | None = None
        self.focus = FocusView()

    def specs(self) -> list[ChildSpec]:
        """Its actors, in the order in which they are started."""
        folder = self._settings.paths.state / self._settings.name
        focus = FocusSettings(
            path=folder / "focus.db",
            reachable=self._reachable,
            standing=self._standing,
            children=self._master,
            changed=self._master_changed,
        )
        runner = (folder / "services.json", self._admits)
        return [
            ChildSpec(FOCUS, Focus, (focus, self.focus), {"name": FOCUS}),
            ChildSpec(SERVICES, ServiceRunner, runner, {"name": SERVICES}),
        ]

    # -- hosts come and go

    def met(self, host: str) -> None:
        """A host is in reach."""
        self._up_since[host] = time.time()
        self._tell_focus(m.MemberUp(host))

    def lost(self, host: str) -> None:
        """A host is out of reach."""
        self._up_since.pop(host, None)
        self._tell_focus(m.MemberDown(host))

    def _tell_focus(self, event: object) -> None:
        focus = self._system.whereis(FOCUS)
        if focus is not None:
            focus.tell(event)

    # -- the focus

    @property
    def client(self) -> FocusClient:
        """The way to the master."""
        return FocusClient(self._system.ref(FOCUS))

    def _reachable(self) -> list[str]:
        return [self._settings.name, *self._connected()]

    def _standing(self) -> Standing:
        up = (time.monotonic() - self._started) / _HOUR
        return Standing(mains=on_mains(), uptime=up, links=len(self._connected()))

    def _master_changed(self, change: m.MasterChanged) -> None:
        master, counter = change.epoch.host, change.epoch.counter
        why = change.why or "another host said so"
        self._events.add(
            "master.changed", master, f"{master} is master (epoch {counter}): {why}", epoch=counter
        )

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
            key.removeprefix(SERVICE_SETTING): Wanted(**setting["value"])
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
        absent = len(self._absent())
        if not absent:
            self._whole = epoch
        return Part(
            {host: Capabilities.of(host, each) for host, each in told.items()},
            up_since=dict(self._up_since),
            split=absent > 0,
            elected=len(told) > absent or (len(told) == absent and epoch == self._whole),
        )
