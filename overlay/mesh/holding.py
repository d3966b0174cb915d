"""Holds a node's overlay as it should be, once it is up: what is decided, carried out in time.

The actor ticks ten times a second: it reads what the prober heard, has `Steering` decide, and has
the helper make it so. It looks at the mesh as it is after each change, before it tries a peer anew,
when one is heard for the first time, and every few seconds, so that what somebody else changed is
changed back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.runtime import Actor, ExitReason
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.overlay.mesh import reconciling, showing
from simulacra.overlay.mesh.helper_client import HelperError
from simulacra.overlay.mesh.keyring import planned_keys
from simulacra.overlay.mesh.messages import (
    Listen,
    Moved,
    Rotate,
    Show,
    Tick,
    Told,
    TurnNow,
)
from simulacra.overlay.mesh.overlay import OVERLAY, Overlay, OverlayError
from simulacra.overlay.mesh.rotation import Command, Record, Rotation, Say, Turn
from simulacra.overlay.mesh.rotation import Heard as KeysHeard
from simulacra.overlay.mesh.tunnels import Tunnels
from simulacra.overlay.mesh.watching import AddressWatch

_TICK: Final = 0.1
_LOOK: Final = 3.0
_TELL: Final = 2.0
_TOLD_A_SECOND: Final = 10
_REST: Final = 2.0
_TURN_AFTER: Final = 0.25
_PLAN_EVERY: Final = 2.0
_LISTEN: Final = 0.02

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Around:
    """What the overlay needs of the node.

    Attributes:
        connected: the hosts that are connected now.
        expelled: those that are out of the network.
        bandwidth: bytes a second as measured to a host, and how many seconds ago; or None.
    """

    connected: Callable[[], Iterable[str]]
    expelled: Callable[[], Iterable[str]]
    bandwidth: Callable[[str], tuple[float, float] | None]


def spec(overlay: Overlay, around: Around) -> ChildSpec:
    """The actor that holds an overlay."""
    return ChildSpec(OVERLAY, OverlayActor, (overlay, around), {"name": OVERLAY})


class OverlayActor(Actor):
    """Holds the mesh as it should be against the mesh as it is, and hosts' keys against theirs."""

    def __init__(self, overlay: Overlay, around: Around) -> None:
        self._overlay, self._around = overlay, around
        self._steering = overlay.steering
        self._watch: AddressWatch | None = None
        self._looked = self._told_at = self._ticked = self._planned_at = -1e9
        self._rest_until = 0.0
        self._listens = False
        self._told: Told | None = None
        self._failure = ""
        self._met: frozenset[str] = frozenset()
        self._tunnels = Tunnels(overlay.helper, overlay.plan.hosts[overlay.host])

    def on_start(self) -> None:
        """Begin to tick, and to hear of addresses."""
        self._watch = AddressWatch(lambda: self.ref.tell(Moved()))
        self.send_every(_TICK, Tick())
        if self._overlay.keyring is not None:
            self._carry_out(self._overlay.keyring.rotation.started())

    def on_stop(self, reason: ExitReason) -> None:
        """End what runs for it."""
        del reason
        if self._watch is not None:
            self._watch.close()

    def on_receive(self, message: Any) -> Any:
        """Time to tick; what other hosts tell; a change of address; a question how it is."""
        match message:
            case Tick():
                # Where ticks piled up one does for all.
                if time.monotonic() - self._ticked > _TICK / 2:
                    self._tick()
            case Listen():
                self._listen()
            case Told():
                self._steering.told(message, time.monotonic())
            case Moved():
                self._steering.moved()
                self._tick()
            case Record() | KeysHeard() | Rotate() | TurnNow() if self._overlay.keyring is not None:
                return self._of_keys(message, self._overlay.keyring.rotation)
            case Show("status"):
                return showing.status(
                    self._overlay, self._around.bandwidth, self._tunnels.shown, self._failure
                )
            case Show("lines"):
                return showing.lines(self._overlay)
            case _:
                self.refuse(message)
        return None

    # -- ticking

    def _tick(self) -> None:
        now = self._ticked = time.monotonic()
        steering, prober = self._steering, self._overlay.prober
        steering.heard(prober.drain(), now)
        steering.expelled(frozenset(self._around.expelled()) & self._steering.plan.hosts.keys())
        steering.resolved(self._overlay.resolver.addresses())
        self._tick_keys(now)
        if now - self._planned_at > _PLAN_EVERY:
            self._planned_at = now
            self._look_for_plan(now)
        if now >= self._rest_until:
            self._tunnels.keep(steering.tunnels(now), steering.know.gone, now)
            steering.ready(self._tunnels.relays(), self._tunnels.old())
            self._settle(now)
        for probe in steering.probes(now):
            prober.send(probe.device, probe.address, probe.number, probe.trip)
        self._tell(now)

    def _settle(self, now: float) -> None:
        """Make the mesh as it should be."""
        helper = self._overlay.helper
        try:
            if now - self._looked > _LOOK or self._steering.wants_look(now):
                self._look()
            wanted = self._steering.decide(now)
            tries = self._steering.tries(now)
            changes = [*reconciling.changes(wanted, self._steering.know.seen), *tries]
            if changes:
                helper.apply(changes)
                self._look()
            self._overlay.prober.use(wanted.devices)
            self._failure = ""
        except (HelperError, OSError) as error:
            if str(error) != self._failure:
                logger.warning("the overlay is not as it should be: %s", error)
            self._failure = str(error)
            self._looked = -1e9
            self._rest_until = now + _REST

    def _listen(self) -> None:
        """Look at once, and again soon, whether a host has turned to the key that it is to have."""
        now = time.monotonic()
        if now >= self._rest_until:
            self._looked = -1e9
            self._settle(now)
        self._listens = self._steering.know.doors.expects
        if self._listens:
            self.send_after(_LISTEN, Listen())

    def _look(self) -> None:
        self._steering.looked(self._overlay.helper.look())
        self._looked = time.monotonic()

    def _tell(self, now: float) -> None:
        """Tell the other hosts: every few seconds, and at once what changes their ways."""
        others = [each for each in self._around.connected() if each in self._steering.plan.hosts]
        every = max(_TELL, len(others) / _TOLD_A_SECOND)
        told = self._steering.telling(now)
        news = self._told is None or _gist(told) != _gist(self._told)
        if now - self._told_at < (_TICK if news else every):
            return
        self._told, self._told_at = told, now
        for host in others:
            self.system.ref(f"{OVERLAY}@{host}").tell(told)

    def _look_for_plan(self, now: float) -> None:
        overlay = self._overlay
        if not overlay.is_planned_anew():
            return
        try:
            overlay.adopt()
        except (OverlayError, HelperError) as error:
            logger.error("the overlay goes on by the plan that it had: %s", error)  # noqa: TRY400
            return
        logger.info("the overlay has a new plan: %d hosts", len(overlay.plan.hosts))
        self._steering = overlay.steering
        self._tunnels = Tunnels(overlay.helper, overlay.plan.hosts[overlay.host])
        if overlay.keyring is not None:
            self._carry_out(overlay.keyring.rotation.planned(planned_keys(overlay.plan), now))

    # -- keys

    def _of_keys(
        self, message: Record | KeysHeard | Rotate | TurnNow, rotation: Rotation
    ) -> list[str] | None:
        now = time.monotonic()
        match message:
            case Record():
                self._carry_out(rotation.received(message))
            case KeysHeard():
                self._carry_out(rotation.heard(message, now))
            case Rotate():
                # An asker gets its refusal.
                self._carry_out(rotation.begin(self._overlay.helper.public_key("next"), now))
                return sorted(rotation.waiting)
            case TurnNow(key):
                self._turn(key)
        return None

    def _tick_keys(self, now: float) -> None:
        keyring = self._overlay.keyring
        if keyring is None:
            return
        met = frozenset(self._around.connected()) & keyring.rotation.names
        for host in met - self._met:
            self._carry_out(keyring.rotation.appeared(host, now))
        self._met = met
        self._carry_out(keyring.rotation.tick(now))
        self._steering.let_in(keyring.accepted(), now)
        if self._steering.know.doors.expects and not self._listens:
            self._listens = True
            self.send_after(_LISTEN, Listen())

    def _carry_out(self, commands: Sequence[Command]) -> None:
        keyring = self._overlay.keyring
        if keyring is None or not commands:
            return
        try:
            for command in keyring.carry_out(commands):
                match command:
                    case Turn(key):
                        # What is said of it gets there first, while the present key still counts.
                        self.send_after(_TURN_AFTER, TurnNow(key))
                    case Say(to, what):
                        self.system.ref(f"{OVERLAY}@{to}").tell(what)
        except OSError as error:
            logger.error("keys cannot be kept: %s", error)  # noqa: TRY400 (said again later)

    def _turn(self, key: str) -> None:
        """Have the devices use a key, if they do not."""
        helper = self._overlay.helper
        try:
            if helper.public_key() != key and helper.public_key("next") == key:
                helper.turn_key()
                logger.info("this host has the key %s now", key)
            if helper.public_key() == key != self._steering.key:
                self._steering.turned(key)
                self._tick()
        except HelperError as error:
            logger.warning("the key cannot be turned to: %s", error)
            self.send_after(_REST, TurnNow(key))


def _gist(told: Told) -> Any:
    """What of a telling others act upon."""
    whom = {host: relay for host, (relay, _) in told.reaches.items()}
    return told.attached.keys(), whom, told.seen
