"""A whole deploy: systems built, hosts rolled out in waves, the report.

Nothing is changed before everything was read, checked and built. One deploy runs at a time on a
machine. A deploy that was cut short is gone on with by beginning it again: hosts that run what is
wanted are left alone, and hosts whose timer still runs are taken up where they are.
"""

from __future__ import annotations

import getpass
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulacra.actors.gateway.frames import GatewayError
from simulacra.actors.settings import host_name
from simulacra.hosts.deploy.building import build
from simulacra.hosts.deploy.children import Children
from simulacra.hosts.deploy.course import Course
from simulacra.hosts.deploy.keeping import alone, make_logs
from simulacra.hosts.deploy.nix import Nix
from simulacra.hosts.deploy.progress import Progress
from simulacra.hosts.deploy.report import HostReport, Report
from simulacra.hosts.deploy.rolling import Deploy, Look, Rolling, Times
from simulacra.hosts.deploy.rollout import Outcome, Rollout
from simulacra.hosts.deploy.ssh import Connections
from simulacra.hosts.deploy.stopping import stopped
from simulacra.hosts.deploy.waves import Wave

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Ssh


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes:
        flake: the folder of the user's flake.
        reached: how its hosts are reached by ssh.
        waves: the hosts to roll out.
        relays: hosts by which others reach each other.
        back: whether to go to the generation before.
        jobs: how many hosts are under way at once.
        times: how long things may take.
        network: how the network is; None where ssh alone counts.
        state: a folder for logs and the lock.
    """

    flake: Path
    reached: Mapping[str, Ssh]
    waves: tuple[Wave, ...]
    relays: frozenset[str]
    back: bool
    jobs: int
    times: Times
    network: Look | None
    state: Path

    @property
    def hosts(self) -> list[str]:
        """All hosts, in the order of the waves."""
        return [host for wave in self.waves for host in wave.hosts]


def deploy(order: Order, progress: Progress) -> Report:
    """Roll hosts out.

    Raises:
        GatewayError: nothing was changed: another deploy runs, or a system cannot be built.
    """
    token = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)
    stopping, wanted = threading.Event(), dict[str, str]()
    with (
        alone(order.state) as lock,
        stopped(stopping, builders := Children(), children := Children(holding=(lock,)), progress),
    ):
        logs = make_logs(order.state, token)
        if not order.back:
            try:
                wanted = build(Nix(order.flake, builders), order.hosts, logs, progress)
            except GatewayError:
                if not stopping.is_set():
                    raise
        with Connections(order.reached, children) as by:
            common = Deploy(
                token=token,
                me=f"{getpass.getuser()}@{host_name()}",
                nix=Nix(order.flake, children),
                by=by,
                times=order.times,
                network=order.network,
                relays=order.relays,
                sudo=frozenset(name for name, ssh in order.reached.items() if ssh.sudo),
                stopping=stopping,
                back=order.back,
            )
            return _Rollouts(common, order, wanted, logs, progress).run()


class _Rollouts:
    """Runs the rollouts that the course begins, a thread each."""

    def __init__(
        self, common: Deploy, order: Order, wanted: dict[str, str], logs: Path, progress: Progress
    ) -> None:
        self._common, self._order, self._wanted = common, order, wanted
        self._logs, self._progress = logs, progress
        self._course = Course(order.waves, order.jobs)
        # As many as there are hosts under way at most.
        self._ended: queue.SimpleQueue[tuple[Rollout, float]] = queue.SimpleQueue()
        self._rows: dict[str, tuple[Rollout, float]] = {}

    def run(self) -> Report:
        """Go through the waves."""
        announced: set[int] = set()
        while not self._course.is_over:
            if self._common.stopping.is_set():
                self._course.stop("stopped by you")
            for host in self._course.begin():
                self._announce(host, announced)
                threading.Thread(target=self._roll, args=(host,), name=f"deploy-{host}").start()
            self._take()
        return self._report()

    def _announce(self, host: str, announced: set[int]) -> None:
        number = self._wave(host)
        if number not in announced:
            announced.add(number)
            wave, count = self._order.waves[number - 1], len(self._order.waves)
            self._progress.message(
                f"wave {number} of {count}: {', '.join(wave.hosts)} ({wave.why})"
            )

    def _take(self) -> None:
        """Wait a while for a host to end."""
        try:
            rollout, seconds = self._ended.get(timeout=0.2)
        except queue.Empty:
            return
        assert rollout.outcome is not None  # noqa: S101 (it has ended)
        self._rows[rollout.host] = (rollout, seconds)
        self._course.ended(rollout.host, rollout.outcome)
        self._progress.ended(rollout)

    def _roll(self, host: str) -> None:
        begun, wanted = time.monotonic(), self._wanted.get(host, "")
        rolling = Rolling(self._common, host, wanted, self._log(host), self._tell)
        try:
            rollout = rolling.run()
        except Exception as error:
            failed = Rollout(host, self._common.me, wanted, outcome=Outcome.LEFT, why=repr(error))
            self._ended.put((failed, time.monotonic() - begun))
            raise
        self._ended.put((rollout, time.monotonic() - begun))

    def _tell(self, rollout: Rollout, waiting: str) -> None:
        self._progress.doing(rollout.host, rollout.step.value, waiting)

    def _report(self) -> Report:
        return Report(
            deploy=self._common.token,
            hosts=tuple(map(self._row, self._order.hosts)),
            halted=self._course.halted,
            interrupted=self._common.stopping.is_set(),
            back=self._order.back,
        )

    def _row(self, host: str) -> HostReport:
        blank = Rollout(host, "", self._wanted.get(host, ""), outcome=Outcome.NOT_BEGUN)
        rollout, seconds = self._rows.get(host, (blank, 0.0))
        assert rollout.outcome is not None  # noqa: S101 (it has ended, or never began)
        return HostReport(
            host=host,
            wave=self._wave(host),
            outcome=rollout.outcome,
            why=rollout.why,
            before=rollout.before.system if rollout.before else None,
            wanted=rollout.wanted or None,
            seconds=round(seconds, 3),
            log=str(self._log(host)),
        )

    def _wave(self, host: str) -> int:
        return next(n for n, wave in enumerate(self._order.waves, 1) if host in wave.hosts)

    def _log(self, host: str) -> Path:
        return self._logs / f"{host}.log"
