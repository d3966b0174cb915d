"""Does on one host what its rollout says, step by step, in a thread of its own.

The rollout decides (`rollout.py`); here each step is done, and what came of it is told. A step is
never cut short by the user's wish to stop: that counts between steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from simulacra.actors.gateway.frames import GatewayError
from simulacra.hosts.deploy import guard
from simulacra.hosts.deploy.children import ChildError, EndedError
from simulacra.hosts.deploy.health import Members, Watch, required
from simulacra.hosts.deploy.nix import Nix
from simulacra.hosts.deploy.refusing import Refusal
from simulacra.hosts.deploy.rollout import (
    Ended,
    Event,
    Failed,
    Looked,
    Rollout,
    Seen,
    Step,
    Stopped,
    Succeeded,
    after,
)
from simulacra.hosts.deploy.ssh import Connections, UnreachableError

_GUARD: Final = 60.0
_BACK: Final = 300.0
_PAUSE: Final = 0.25
_MARGIN: Final = 0.15
"""The part of the timer's time that is left for ending the timer."""

_WENT_OFF: Final = "its timer went off before it was seen to be well"
_ANEW: Final = "it started anew before it was seen to be well"

Look: TypeAlias = Callable[[], Members]
"""Says how the network is; raises `GatewayError` while the node does not answer."""


@dataclass(frozen=True)
class Times:
    """How long things may take, in seconds.

    Attributes:
        confirm: from the switch until the host must have been seen to be well; then its timer
            takes it back.
        settle: for which it must be up on end.
        switch: NixOps4 with one host, whose system was built and copied before.
    """

    confirm: float = 120.0
    settle: float = 10.0
    switch: float = 900.0

    def refusals(self) -> list[Refusal]:
        """Say why no host could ever be seen to be well in these times."""
        if self.settle < self.confirm * (1 - _MARGIN) and self.confirm >= 1:
            return []
        return [
            Refusal(
                f"a host cannot be up for {self.settle:g} s on end before its timer goes off, "
                f"{self.confirm:g} s after the switch",
                "give it more time, as in: --confirm 2m --settle 10s",
            )
        ]


@dataclass(frozen=True)
class Deploy:
    """What all rollouts of a deploy have in common.

    Attributes:
        token: its name, a word.
        me: who deploys, as hosts are told: ``USER@MACHINE``.
        back: whether hosts go to the generation before instead of a new system.
        network: how the network is; None where nobody is asked, and ssh alone counts.
        relays: hosts by which others reach each other.
        sudo: hosts whose user becomes root by sudo.
        stopping: set when the user wants to stop.
    """

    token: str
    me: str
    nix: Nix
    by: Connections
    times: Times
    network: Look | None
    relays: frozenset[str]
    sudo: frozenset[str]
    stopping: threading.Event
    back: bool = False


class Rolling:
    """One host's rollout, as it is done."""

    def __init__(
        self,
        deploy: Deploy,
        host: str,
        wanted: str,
        log: Path,
        tell: Callable[[Rollout, str], None],
    ) -> None:
        """Begin.

        Args:
            deploy: what it is part of.
            host: the host.
            wanted: the store path that is to run; empty for the generation before.
            log: a file for what the programs say.
            tell: is told every step before it is done, and what is waited for in it.
        """
        self._deploy, self._host, self._log, self._tell = deploy, host, log, tell
        self._rollout = Rollout(host, deploy.me, wanted)
        self._before: Members = {}

    def run(self) -> Rollout:
        """Go through all steps, and return how it ended."""
        while self._rollout.outcome is None:
            if self._deploy.stopping.is_set():
                self._rollout = after(self._rollout, Stopped())
                if self._rollout.outcome is not None:
                    break
            self._tell(self._rollout, "")
            self._rollout = after(self._rollout, self._done())
        return self._rollout

    def _done(self) -> Event:
        """Do the step, and say what came of it."""
        try:
            match self._rollout.step:
                case Step.LOOK:
                    return Looked(self._look())
                case Step.COPY:
                    self._copy()
                case Step.ARM:
                    self._arm()
                case Step.SWITCH:
                    return self._switch()
                case Step.CONFIRM:
                    return self._confirm()
                case Step.KEEP | Step.DISARM | Step.BACK:
                    self._end(self._rollout.step)
                case Step.AWAIT:
                    return self._await()
        except EndedError:
            return Ended()
        except (ChildError, GatewayError) as error:
            return Failed(str(error))
        return Succeeded()

    # -- the steps

    def _look(self, *, fresh: bool = False) -> Seen:
        said = self._guard("look", fresh=fresh)
        try:
            return guard.parse(said)
        except ValueError as error:
            raise ChildError(str(error)) from error

    def _copy(self) -> None:
        self._deploy.nix.copy(self._host, self._rollout.wanted, self._deploy.by, self._log)

    def _arm(self) -> None:
        if self._deploy.network is not None:
            self._before = self._deploy.network()
        seconds = str(round(self._deploy.times.confirm))
        self._guard("arm", self._deploy.me, self._deploy.token, seconds)

    def _switch(self) -> Event:
        try:
            if self._deploy.back:
                self._guard("earlier", timeout=self._deploy.times.switch)
            else:
                self._deploy.nix.apply(self._host, self._deploy.times.switch, self._log)
        except EndedError:
            raise
        except ChildError as error:
            return Failed(str(error), changed=self._is_changed())
        return Succeeded()

    def _is_changed(self) -> bool:
        before = self._rollout.before
        try:
            now = self._look(fresh=True)
        except ChildError:
            return True
        if before is None or now.begun:
            return True
        return (now.system, now.profile) != (before.system, before.profile)

    def _confirm(self) -> Event:
        """Wait until the host answers on a fresh connection, runs what is wanted, and is up."""
        times = self._deploy.times
        # While it cannot be told so, its time counts from the switch.
        with suppress(UnreachableError):
            self._guard("extend", self._deploy.token, fresh=True)
        deadline = time.monotonic() + times.confirm * (1 - _MARGIN)
        must = required(self._host, self._before, relay=self._host in self._deploy.relays)
        watch, is_seen, waiting = Watch(self._host, must, times.settle), False, ""
        while time.monotonic() < deadline and not self._deploy.stopping.is_set():
            waiting = self._missing(watch)
            if not waiting and not is_seen:
                seen = self._seen_again()
                if isinstance(seen, Failed):
                    return seen
                is_seen, waiting = not seen, seen
            if not waiting and is_seen:
                return Succeeded()
            if watch.is_hopeless(time.monotonic()):
                return Failed(waiting)
            self._tell(self._rollout, waiting)
            time.sleep(_PAUSE)
        if self._deploy.stopping.is_set():
            return Stopped()
        return Failed(f"not well within {times.confirm:.0f} s: {waiting}")

    def _missing(self, watch: Watch) -> str:
        """What the network still lacks."""
        if self._deploy.network is None:
            return ""
        try:
            return watch.look(self._deploy.network(), time.monotonic())
        except GatewayError as error:
            return watch.look({}, time.monotonic()) and f"the node here: {error}"

    def _seen_again(self) -> str | Failed:
        """Look at the host: nothing where it is as wanted, else what is waited for."""
        try:
            seen = self._look(fresh=True)
        except ChildError as error:
            return str(error)
        if seen.token != self._deploy.token:
            return Failed(self._unarmed(seen))
        if seen.system == self._rollout.wanted:
            return ""
        return Failed(f"it runs {seen.system}, and not {self._rollout.wanted}")

    def _end(self, step: Step) -> None:
        """End its timer, in one of the three ways."""
        token = self._deploy.token
        words = {
            Step.KEEP: ("keep", token, "earlier" if self._deploy.back else "new"),
            Step.DISARM: ("disarm", token),
            Step.BACK: ("back", token),
        }
        self._guard(*words[step], fresh=True, timeout=_BACK)

    def _await(self) -> Event:
        """Wait for the host to be seen after its timer went off."""
        times = self._deploy.times
        deadline = time.monotonic() + times.confirm + _BACK
        why = "its timer has not gone off"
        while time.monotonic() < deadline and not self._deploy.stopping.is_set():
            try:
                seen = self._look(fresh=True)
            except ChildError as error:
                why = str(error)
            else:
                if seen.owner != self._deploy.me:
                    return Looked(seen)
                why = "its timer has not gone off"
            self._tell(self._rollout, why)
            time.sleep(_PAUSE)
        return Stopped() if self._deploy.stopping.is_set() else Failed(why)

    # -- the host

    def _unarmed(self, seen: Seen) -> str:
        """Why its timer is not set any more: what is in its /run ends with the system there."""
        return _WENT_OFF if seen.back == self._deploy.token else _ANEW

    def _guard(self, *words: str, fresh: bool = False, timeout: float = _GUARD) -> str:
        """Ask the host's guard.

        Raises:
            ChildError: it refuses, or cannot be asked.
        """
        command = guard.command(words, sudo=self._host in self._deploy.sudo)
        done = self._deploy.by.run(
            self._host, command, text=guard.script(), fresh=fresh, timeout=timeout, log=self._log
        )
        if done.code == guard.NOT_ARMED:
            raise ChildError(self._unarmed(self._look(fresh=fresh)))
        if done.code:
            raise ChildError(done.said or f"its guard ended with {done.code}")
        return done.out
