"""A whole deploy: what speaks against it, systems built, hosts rolled out in waves, the report.

Nothing is changed before everything was read, checked and built. One deploy runs at a time on a
machine. A deploy that was cut short is gone on with by beginning it again: hosts that run what is
wanted are left alone, and hosts whose timer still runs are taken up where they are.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import queue
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import host_name
from simulacra.hosts.deploy.children import ChildError, Children
from simulacra.hosts.deploy.course import Course
from simulacra.hosts.deploy.nix import Nix
from simulacra.hosts.deploy.progress import Progress
from simulacra.hosts.deploy.report import HostReport, Report
from simulacra.hosts.deploy.rolling import Deploy, Look, Rolling, Times
from simulacra.hosts.deploy.rollout import Outcome, Rollout
from simulacra.hosts.deploy.ssh import Connections
from simulacra.hosts.deploy.waves import Wave

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Ssh

_KEPT: Final = 20
"""Deploys whose logs are kept."""
_BUILDS: Final = 2


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
    builders, children, stopping = Children(), Children(), threading.Event()
    with _alone(order.state), stopped(stopping, builders, children, progress):
        logs = _logs(order.state, token)
        wanted: dict[str, str] = {}
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


def build(nix: Nix, hosts: Sequence[str], logs: Path | None, progress: Progress) -> dict[str, str]:
    """Build the systems of hosts, and return their store paths.

    Raises:
        GatewayError: ``failed``: NixOps4 has no such member, or a system cannot be built.
    """
    wrong: dict[str, str] = {}

    def one(host: str) -> tuple[str, str]:
        progress.doing(host, "building")
        try:
            return host, nix.build(host, None if logs is None else logs / f"{host}.log")
        except ChildError as error:
            wrong[host] = str(error)
            return host, ""

    with ThreadPoolExecutor(_BUILDS, thread_name_prefix="build") as pool:
        members = pool.submit(nix.members)
        built = dict(pool.map(one, hosts))
        unknown = _unknown(members.result, hosts)
    if wrong or unknown:
        told = [f"{host}: {why}" for host, why in wrong.items()] + unknown
        raise GatewayError(
            ErrorCode.FAILED,
            "nothing was changed: not all systems can be had: " + "; ".join(told),
            "see it in full, in the folder of your flake: nix build "
            f".#nixosConfigurations.{next(iter(wrong), hosts[0])}.config.system.build.toplevel",
        )
    return built


def _unknown(members: Callable[[], Sequence[str]], hosts: Sequence[str]) -> list[str]:
    try:
        known = members()
    except ChildError as error:
        return [str(error)]
    missing = [host for host in hosts if host not in known]
    return [f"NixOps4 has no member {', '.join(missing)}"] if missing else []


# -- what is around it


@contextmanager
def stopped(
    stopping: threading.Event, readers: Children, children: Children, progress: Progress
) -> Iterator[None]:
    """Take the user's wish to stop.

    Args:
        stopping: set then.
        readers: what they run changes nothing, and is ended at once.
        children: what they run may end first; the second time it is ended.
        progress: is told.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        again = stopping.is_set()
        stopping.set()
        # A handler must not wait for a lock that the thread below it may hold.
        threading.Thread(target=end, args=(again,)).start()

    def end(again: bool) -> None:
        readers.end()
        if again:
            children.end()
        else:
            progress.message(_STOPPING)

    before: dict[int, Any] = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_STOPPING: Final = "stopping when what runs has ended; once more, and it is ended at once"


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Let one deploy run at a time on this machine.

    Raises:
        GatewayError: ``denied``: another runs.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GatewayError(
                ErrorCode.DENIED,
                "another deploy runs on this machine, and two would undo each other's work",
                "wait for its end, or stop it with Ctrl-C where it runs",
            ) from error
        yield
    finally:
        os.close(handle)


def _logs(state: Path, token: str) -> Path:
    """Make the folder of a deploy's logs, and let go of old ones."""
    folder = state / "logs"
    old = sorted(folder.iterdir()) if folder.exists() else []
    for each in old[: max(0, len(old) - _KEPT + 1)]:
        shutil.rmtree(each, ignore_errors=True)
    made = folder / token
    made.mkdir(parents=True, mode=0o700)
    return made
