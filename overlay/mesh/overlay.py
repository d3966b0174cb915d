"""The overlay of a node: brought up before the node listens, held by an actor from then on.

The actor ticks ten times a second: it reads what the prober heard, has `Steering` decide, and has
the helper make it so. It looks at the mesh as it is after each change, and every few seconds, so
that what somebody else changed is changed back.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulacra.actors.runtime import Actor, ExitReason
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.settings import Settings
from simulacra.overlay.mesh import reconciling
from simulacra.overlay.mesh.helper_client import HelperClient, HelperError
from simulacra.overlay.mesh.keyring import Keyring, planned_keys
from simulacra.overlay.mesh.messages import (
    Listen,
    Moved,
    Rotate,
    Show,
    Tick,
    Told,
    TurnNow,
    plain_line,
)
from simulacra.overlay.mesh.prober import Prober
from simulacra.overlay.mesh.resolving import Resolver, endpoints_of, look_up
from simulacra.overlay.mesh.rotation import Command, Record, Rotation, Say, Turn
from simulacra.overlay.mesh.rotation import Heard as KeysHeard
from simulacra.overlay.mesh.steering import Steering
from simulacra.overlay.mesh.tunnels import Tunnels
from simulacra.overlay.mesh.watching import AddressWatch
from simulacra.overlay.plan import phone
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import PlanTextError, from_text

OVERLAY: Final = "overlay"
PORT: Final = 7400
"""Where a node listens in the overlay, unless it is told to listen elsewhere."""

_TICK: Final = 0.1
_LOOK: Final = 3.0
_TELL: Final = 2.0
_TOLD_A_SECOND: Final = 10
_REST: Final = 2.0
_TURN_AFTER: Final = 0.25
_PLAN_EVERY: Final = 2.0
_LISTEN: Final = 0.02

logger = logging.getLogger(__name__)


class OverlayError(Exception):
    """The overlay cannot be brought up: the text says why, and what to do.

    Attributes:
        hint: what to type next.
    """

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


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


class Overlay:
    """One host's overlay: up, with every peer known and direct, when this is made.

    Args:
        host: this host's name in the plan.
        plan: the plan's file.
        helper: the helper's socket.
        keys: the file in which the keys of all hosts are kept.

    Attributes:
        plan: the plan.
        address: this host's, where others reach it.

    Raises:
        OverlayError: it cannot be brought up.
    """

    def __init__(self, host: str, plan: Path, helper: Path, keys: Path) -> None:
        self.host, self._file = host, plan
        self._stamp = _stamp(plan)
        self.plan = read_plan(plan, host)
        self.address = self.plan.hosts[host].ipv4
        self.helper = HelperClient(helper)
        with contextlib.ExitStack() as begun:
            begun.callback(self.helper.close)
            self.resolver = Resolver(endpoints_of(self.plan.hosts[host]))
            begun.callback(self._close_resolver)
            self.keyring = keyring_of(self.plan, host, keys)
            self.steering = bring_up(
                self.plan, host, self.helper, self.resolver.addresses(), self.keyring
            )
            self.prober = Prober(self.address)
            begun.callback(self.prober.close)
            self._begun = begun.pop_all()

    def _close_resolver(self) -> None:
        self.resolver.close()  # the one of the present plan

    def is_planned_anew(self) -> bool:
        """Whether the plan's file is another one than was read, or has changed."""
        return _stamp(self._file) != self._stamp

    def adopt(self) -> None:
        """Go by the plan as it is in its file now.

        Raises:
            OverlayError: it cannot be used, and the one before goes on to count.
            HelperError: its access lists cannot be put in force.
        """
        self._stamp = _stamp(self._file)
        plan = read_plan(self._file, self.host)
        if plan.hosts[self.host].ipv4 != self.address:
            raise OverlayError(
                f"{self.host} has another address in the plan {self._file} now",
                "start the node again: simulacra down; simulacra up --detach",
            )
        self.helper.set_ruleset()
        self.plan, self.steering = plan, self.steering.heir(plan)
        self.resolver.close()
        self.resolver = Resolver(endpoints_of(plan.hosts[self.host]))

    def spec(self, around: Around) -> ChildSpec:
        """The actor that holds it."""
        return ChildSpec(OVERLAY, OverlayActor, (self, around), {"name": OVERLAY})

    def close(self) -> None:
        """Let go of it; the mesh stays as it is, for whoever is up next."""
        self._begun.close()


def _stamp(file: Path) -> tuple[int, int, int]:
    """By what a file is known to be another one; zeros where there is none just now."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size


def keyring_of(plan: Plan, host: str, file: Path) -> Keyring | None:
    """What a host knows of all keys; None while the plan has none for it."""
    return Keyring(plan, host, file) if plan.hosts[host].key else None


def bring_up(
    plan: Plan,
    host: str,
    helper: HelperClient,
    names: Mapping[str, str],
    keyring: Keyring | None = None,
) -> Steering:
    """Bring a host's overlay up, every peer tried at its first place; what steers it from then on.

    Raises:
        OverlayError: it cannot be brought up.
    """
    try:
        key = helper.public_key()
        if keyring is not None and not keyring.rotation.own.knows(key):
            _warn_of_key(plan, host, key)
        steering, now = Steering(plan, host, key), time.monotonic()
        steering.looked(helper.look())
        steering.let_in({} if keyring is None else keyring.accepted(), now)
        steering.resolved(names)
        # Before there is a way in, and there is none without.
        helper.set_ruleset()
        helper.apply(reconciling.changes(steering.decide(now), steering.know.seen))
        steering.looked(helper.look())
        helper.apply(steering.tries(now))
        steering.looked(helper.look())
    except HelperError as error:
        raise OverlayError(str(error), "then: simulacra up") from error
    return steering


def _warn_of_key(plan: Plan, host: str, key: str) -> None:
    logger.warning(
        "the plan has the key %s for %s, its own is %s: peers do not know it; put it in the "
        "inventory, and lay the new plan on every host",
        plan.hosts[host].key or "(none)",
        host,
        key,
    )


def enter(settings: Settings) -> Settings:
    """Bring the overlay up before there is a node, if the host is in one, and say where it listens.

    Raises:
        OverlayError: it cannot be brought up.
    """
    if not settings.plan:
        return settings
    plan = read_plan(Path(settings.plan), settings.name)
    mine = plan.hosts[settings.name]
    with HelperClient(Path(settings.helper)) as helper:
        keyring = keyring_of(plan, settings.name, keys_file(settings))
        bring_up(plan, settings.name, helper, look_up(endpoints_of(mine)), keyring)
    return listening(settings, mine.ipv4)


def keys_file(settings: Settings) -> Path:
    """The file in which a node keeps the keys of the overlay's hosts."""
    return settings.paths.state / settings.name / "overlay-keys.json"


def listening(settings: Settings, address: str) -> Settings:
    """The settings of a node in the overlay: it listens there, unless told to listen elsewhere."""
    if settings.listen != Settings.listen:
        return settings
    return replace(settings, listen=f"{address}:{PORT}")


def read_plan(file: Path, host: str) -> Plan:
    """The plan in a file.

    Raises:
        OverlayError: there is none, or not for this host.
    """
    try:
        plan = from_text(file.read_text())
    except (OSError, UnicodeDecodeError, PlanTextError) as error:
        raise OverlayError(
            f"the plan of the overlay {file} cannot be read: {error}",
            "make it where the inventory is: simulacra hosts plan",
        ) from error
    if host not in plan.hosts:
        raise OverlayError(
            f"the plan {file} has no host {host}; it has: {', '.join(sorted(plan.hosts))}",
            f"where the inventory is: simulacra hosts add {host}; simulacra hosts plan",
        )
    return plan


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
                return self._status()
            case Show("lines"):
                return self._lines()
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
            if now - self._looked > _LOOK:
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

    # -- showing

    def _status(self) -> dict[str, Any]:
        steering, now = self._steering, time.monotonic()
        lines = steering.lines(now)
        plan = steering.plan
        rates = {host: self._around.bandwidth(host) or (None, None) for host in lines}
        return {
            "host": self._overlay.host,
            "network": plan.network,
            "address": self._overlay.address,
            "backend": steering.know.seen.backend,
            "guards_outside": steering.know.seen.outside,
            "key": steering.key,
            "failure": self._failure,
            "new_key_waits_for": self._key_waits_for(),
            "phones": {each: list(what) for each, what in phone.stale(plan, self._keys()).items()},
            "openvpn": self._tunnels.shown,
            "routes": [
                {
                    "host": host,
                    "address": plan.hosts[host].ipv4,
                    "device": steering.device(host),
                    "bandwidth": rates[host][0],
                    "bandwidth_age": rates[host][1],
                    **plain_line(line),
                }
                for host, line in sorted(lines.items())
            ],
        }

    def _keys(self) -> dict[str, str]:
        """The key of each host as it is, whatever the plan says."""
        keyring = self._overlay.keyring
        if keyring is None:
            return {}
        rotation, others = keyring.rotation, keyring.rotation.names - {self._overlay.host}
        present = {host: rotation.record(host).present for host in others}
        return present | {self._overlay.host: self._steering.key}

    def _key_waits_for(self) -> list[str]:
        keyring = self._overlay.keyring
        return sorted(keyring.rotation.waiting) if keyring and keyring.rotation.own.next else []

    def _lines(self) -> dict[str, Any]:
        now = time.monotonic()
        told = {word.host: word.lines for word in self._steering.know.words(now)}
        told[self._overlay.host] = self._steering.lines(now)
        return {
            host: {other: plain_line(line) for other, line in lines.items()}
            for host, lines in told.items()
        }


def _gist(told: Told) -> Any:
    """What of a telling others act upon."""
    whom = {host: relay for host, (relay, _) in told.reaches.items()}
    return told.attached.keys(), whom, told.seen
