"""The processes of OpenVPN on this host: those that the plan has, started, watched, ended.

What may run is what the plan says; who asks only names relays. Processes outlive the helper, which
finds them again by what it wrote down, so that a helper that is started anew breaks nothing. One
that ends is started again, after a while that grows as long as it fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulacra.actors.private_files import replace_private
from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.mesh.openvpn import Instance, instances
from simulacra.overlay.mesh.openvpn_keys import check_private, fingerprint, places, shared_key
from simulacra.overlay.mesh.openvpn_routes import OldRoutes
from simulacra.overlay.plan.document import Plan

PROGRAM: Final = "openvpn"
_FIRST: Final = 1.0
_LONGEST: Final = 60.0
_LASTING: Final = 30.0
_END_WITHIN: Final = 3.0
_SIOCGIFADDR: Final = 0x8915
_REQUEST: Final = struct.Struct("256s")
_LOG_TAIL: Final = 4096


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a process failed, and when it may be started next.

    Attributes:
        failures: in a row.
        due: on the monotonic clock.
        begun: when it was started last; None: it does not run.
    """

    failures: int = 0
    due: float = 0.0
    begun: float | None = None

    def started(self, now: float) -> Attempts:
        """It was started."""
        return replace(self, begun=now)

    def ended(self, now: float) -> Attempts:
        """It ended by itself: soon again if it ran for long, else later each time."""
        lasted = self.begun is not None and now - self.begun >= _LASTING
        failures = 1 if lasted else self.failures + 1
        wait = min(_FIRST * 2.0 ** (failures - 1), _LONGEST)
        return Attempts(failures, now + wait)


class Processes:
    """See the module; all raises `BackendError`, or `PrivateKeyError` for keys of no use.

    Args:
        host: this host's name in the plan.
        state: the helper's state folder.
        starts: whether to start and end any; else somebody else does, and they are looked at.
    """

    def __init__(self, host: str, state: Path, *, starts: bool = True) -> None:
        self._host, self._folder, self._starts = host, state / "openvpn", starts
        self._places = places(state)
        self._routes = OldRoutes()
        self._attempts: dict[str, Attempts] = {}
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def fingerprint(self) -> str:
        """The fingerprint of this host's certificate, which is made where there is none."""
        return fingerprint(self._host, self._places)

    def keep(
        self, plan: Plan, relays: Collection[str], gone: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Have run what this host serves, but to who is gone, and what leads to these relays.

        The answer has a map for each of them: ``name``, ``relay``, ``old``, ``device``, ``ready``
        (whether its device has an address), ``why`` (what it said last, where it has none).
        """
        try:
            plan = _without(plan, self._host, gone)
            planned = instances(plan, self._host, self._places)
        except ValueError as error:
            raise BackendError(f"the plan of OpenVPN is no good: {error}") from error
        wanted = {each.name: each for each in planned if not each.relay or each.relay in relays}
        for file in self._folder.glob("*.pid"):
            if file.stem not in wanted:
                self._stop(file.stem)
        return [self._kept(each, plan) for each in wanted.values()]

    # -- one of them

    def _kept(self, one: Instance, plan: Plan) -> dict[str, Any]:
        runs = self._kept_running(one) if self._starts else True
        ready = runs and _has_address(one.device)
        if ready and one.old:
            self._routes.open(one.device, plan.hosts[one.old].ipv4)
        return {
            "name": one.name,
            "relay": one.relay,
            "old": one.old,
            "device": one.device,
            "ready": ready,
            "why": "" if ready else self._said(one.name),
        }

    def _kept_running(self, one: Instance) -> bool:
        """Start it if it is time to; whether it runs."""
        now = time.monotonic()
        attempts = self._attempts.get(one.name, Attempts())
        if self._runs(one.name) and self._is_other(one):
            self._stop(one.name)
            attempts = Attempts()
        if not self._runs(one.name):
            if attempts.begun is not None:
                attempts = attempts.ended(now)
            if now >= attempts.due:
                self._start(one)
                attempts = attempts.started(now)
            self._attempts[one.name] = attempts
        return self._runs(one.name)

    def _start(self, one: Instance) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise BackendError(f"there is no {PROGRAM} on this host: apt install {PROGRAM}")
        if one.old:
            shared_key(one.old, self._places)
        elif one.relay and "tls-client" not in one.lines:
            self._check_shared(one.relay)
        else:
            self.fingerprint()
        for client, told in one.clients.items():
            replace_private(self._places.clients / client, told)
        for file in self._places.clients.glob("*") if one.clients else ():
            if file.name not in one.clients:
                file.unlink()
        replace_private(self._config(one.name), one.text)
        with self._log(one.name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 (its own configuration)
                [program, "--config", str(self._config(one.name))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[process.pid] = process
        replace_private(self._pid_file(one.name), str(process.pid))

    def _check_shared(self, relay: str) -> None:
        key = self._places.shared / f"{relay}.key"
        if not key.exists():
            raise BackendError(
                f"there is no key that {self._host} shares with {relay}: make it on {relay} "
                f"(simulacra-overlay-helper --host {relay} --share {self._host}), and lay it at "
                f"{key}"
            )
        check_private(key)

    def _stop(self, name: str) -> None:
        pid = self._pid(name)
        if pid:
            _signal(pid, signal.SIGTERM)
            deadline = time.monotonic() + _END_WITHIN
            while self._pid(name) and time.monotonic() < deadline:
                time.sleep(0.01)
            if self._pid(name):
                _signal(pid, signal.SIGKILL)
                with contextlib.suppress(KeyError, subprocess.TimeoutExpired):
                    self._children.pop(pid).wait(_END_WITHIN)
        self._pid_file(name).unlink(missing_ok=True)
        self._attempts.pop(name, None)

    def _is_other(self, one: Instance) -> bool:
        """Whether what runs was told something else than the plan says now."""
        with contextlib.suppress(OSError):
            clients = {
                file.name: file.read_text() for file in self._places.clients.glob("*")
            } if one.clients else {}  # fmt: skip
            return self._config(one.name).read_text() != one.text or clients != one.clients
        return True

    def _runs(self, name: str) -> bool:
        return self._pid(name) != 0

    def _pid(self, name: str) -> int:
        """The process, if it still is that one; 0 where it has ended.

        A child of ours has ended when it was waited for: it has no words any more before it can be.
        """
        try:
            pid = int(self._pid_file(name).read_text())
            if pid in self._children:
                if self._children[pid].poll() is None:
                    return pid
                del self._children[pid]
                return 0
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return 0
        return pid if os.fsencode(self._config(name)) in words else 0

    def _said(self, name: str) -> str:
        """The last line of its log, without the time."""
        with contextlib.suppress(OSError):
            lines = self._log(name).read_bytes()[-_LOG_TAIL:].decode(errors="replace").split("\n")
            last = [line for line in lines if line.strip()][-1:]
            return last[0].split(" ", 2)[-1] if last else ""
        return ""

    def _config(self, name: str) -> Path:
        return self._folder / f"{name}.conf"

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _pid_file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"


def names_in(args: Mapping[str, Any], what: str) -> list[str]:
    """The names of hosts in a message.

    Raises:
        BackendError: it is no list of names.
    """
    names = args.get(what)
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise BackendError(f"{what} are a list of names")
    return names


def _without(plan: Plan, host: str, gone: Collection[str]) -> Plan:
    """The plan in which a host serves nobody who is gone."""
    part = plan.hosts[host]
    if part.openvpn is None or not gone:
        return plan
    clients = {name: each for name, each in part.openvpn.clients.items() if name not in gone}
    shared = {name: port for name, port in part.openvpn.shared.items() if name not in gone}
    served = replace(part.openvpn, clients=clients, shared=shared)
    return replace(plan, hosts={**plan.hosts, host: replace(part, openvpn=served)})


def _has_address(device: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            fcntl.ioctl(asking, _SIOCGIFADDR, _REQUEST.pack(device.encode()))
        except OSError:
            return False
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
