"""A lab of hosts out of network namespaces: real sockets, real processes, real cables to pull.

Every host is a network namespace with one interface on a common bridge, which stands in a namespace
of its own, so that nothing of the machine's own network is touched. Addresses are 10.77.0.1 and up,
inside the lab only. Needs root and iproute2. Used as a context manager, a lab leaves no namespace
and no process behind.

Example::

    with Lab("laptop", "nas") as lab:
        lab.run("laptop", ["ping", "-c1", lab.address("nas")])
        lab.cut("nas")
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

_TIMEOUT = 30.0


class LabError(Exception):
    """The lab cannot be set up here; the text says what is missing."""


def why_not() -> str | None:
    """Why no lab can be had on this machine, or None."""
    if os.geteuid() != 0:
        return "a lab of network namespaces needs root"
    if shutil.which("ip") is None:
        return "a lab needs iproute2: apt install iproute2"
    return None


class Lab:
    """Hosts on one LAN.

    Args:
        hosts: their names, at most 200.

    Raises:
        LabError: it cannot be had here, or setting it up failed.
    """

    def __init__(self, *hosts: str) -> None:
        reason = why_not()
        if reason is not None:
            raise LabError(reason)
        self._id = secrets.token_hex(3)
        self.hosts = list(hosts)
        self._bridge = f"sim-{self._id}-lan"
        try:
            self._plug_in()
        except BaseException:
            self.close()
            raise

    def _plug_in(self) -> None:
        _ip("netns", "add", self._bridge)
        _ip("-n", self._bridge, "link", "add", "lan", "type", "bridge")
        _ip("-n", self._bridge, "link", "set", "lan", "up")
        for host in self.hosts:
            space, port = self.namespace(host), self._port(host)
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", self._bridge, "link", "add", port, "type", "veth",
                "peer", "name", "eth0", "netns", space)  # fmt: skip
            _ip("-n", self._bridge, "link", "set", port, "master", "lan", "up")
            _ip("-n", space, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")

    # -- hosts

    def namespace(self, host: str) -> str:
        """The name of a host's network namespace."""
        return f"sim-{self._id}-{self.hosts.index(host)}"

    def address(self, host: str) -> str:
        """A host's IPv4 address in the lab."""
        return f"10.77.0.{self.hosts.index(host) + 1}"

    def _port(self, host: str) -> str:
        return f"port{self.hosts.index(host)}"

    def start(self, host: str, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a command on a host; options as for `subprocess.Popen`."""
        return subprocess.Popen(["ip", "netns", "exec", self.namespace(host), *command], **options)

    def run(
        self,
        host: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host and wait for it; its output is text.

        Raises:
            subprocess.CalledProcessError: it failed, and ``check`` is set.
            subprocess.TimeoutExpired: it took longer than ``timeout`` seconds.
        """
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace(host), *command],
            env=None if env is None else dict(env),
            timeout=timeout,
            check=check,
            capture_output=True,
            text=True,
        )

    # -- cables

    def cut(self, host: str) -> None:
        """Pull a host's cable."""
        _ip("-n", self._bridge, "link", "set", self._port(host), "down")

    def mend(self, host: str) -> None:
        """Put a host's cable back."""
        _ip("-n", self._bridge, "link", "set", self._port(host), "up")

    def slow(self, host: str, rate: str) -> None:
        """Limit what a host can send and get, by tc's words: ``10mbit``."""
        limit = ("root", "tbf", "rate", rate, "burst", "64kbit", "latency", "400ms")
        _tc("-n", self._bridge, "qdisc", "replace", "dev", self._port(host), *limit)
        _tc("-n", self.namespace(host), "qdisc", "replace", "dev", "eth0", *limit)

    # -- the end

    def close(self) -> None:
        """Kill what runs on the hosts, and remove them."""
        for space in [*map(self.namespace, self.hosts), self._bridge]:
            if not Path("/run/netns", space).exists():
                continue
            for pid in _ip("netns", "pids", space).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "delete", space)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ip(*words: str) -> str:
    return _tool("ip", *words)


def _tc(*words: str) -> str:
    return _tool("tc", *words)


def _tool(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
