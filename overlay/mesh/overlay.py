"""The overlay of a node: brought up before the node listens, and there until it ends.

It is up once there is a device for everybody whom the plan has, with a peer that is told its first
place. From then on an actor holds it as it should be (`holding`).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from simulacra.actors.settings import Settings
from simulacra.overlay.mesh import reconciling
from simulacra.overlay.mesh.helper_client import HelperClient, HelperError
from simulacra.overlay.mesh.keyring import Keyring
from simulacra.overlay.mesh.prober import Prober
from simulacra.overlay.mesh.resolving import Resolver, endpoints_of, look_up
from simulacra.overlay.mesh.steering import Steering
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import PlanTextError, from_text

OVERLAY: Final = "overlay"
PORT: Final = 7400
"""Where a node listens in the overlay, unless it is told to listen elsewhere."""

logger = logging.getLogger(__name__)


class OverlayError(Exception):
    """The overlay cannot be brought up: the text says why, and what to do.

    Attributes:
        hint: what to type next.
    """

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


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
