"""Reaching hosts by OpenSSH: with the keys that the inventory has of them, and nobody asked.

A host is known by its key in the inventory and by nothing else. Connections are shared while a
deploy lasts; what is to prove that a host can be reached takes a fresh one.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from simulacra.hosts.deploy.children import ChildError, Children, Done
from simulacra.hosts.inventory.trust import TRUST, known_hosts

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Ssh

_CONNECT: Final = 10
_TIMEOUT: Final = 60.0
_UNREACHABLE: Final = 255

_OPTIONS: Final = {
    **TRUST,
    "BatchMode": "yes",
    "ConnectTimeout": str(_CONNECT),
    "ServerAliveCountMax": "3",
    "ForwardAgent": "no",
    "LogLevel": "ERROR",
}


class UnreachableError(ChildError):
    """A host does not answer by ssh, or is not let in, or is not the one it should be."""


class Connections:
    """Connections to hosts, until it is closed.

    Args:
        hosts: how each is reached; each has a public key.
        children: what runs ``ssh``.
    """

    def __init__(self, hosts: Mapping[str, Ssh], children: Children) -> None:
        self._hosts, self._children = hosts, children
        # Not below the user's directories: a socket's path is at most 104 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="sim-ssh-"))
        self._known = self._folder / "known_hosts"
        self._known.write_text(known_hosts(hosts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the shared connections, and remove what there is on disk."""
        closing = Children()
        for name in self._hosts:
            if self._shared(name).exists():
                with suppress(ChildError):
                    words = ["ssh", *self.options(name), "-O", "exit", self.target(name)]
                    closing.run(words, timeout=_CONNECT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def target(self, name: str) -> str:
        """Return ``USER@HOST`` for a host."""
        ssh = self._hosts[name]
        return f"{ssh.user}@{ssh.host}"

    def options(self, name: str, *, fresh: bool = False) -> list[str]:
        """Return the options of ``ssh`` for a host; also for ``NIX_SSHOPTS``: none has a space."""
        told = {
            **_OPTIONS,
            "UserKnownHostsFile": str(self._known),
            "HostKeyAlias": name,
            "Port": str(self._hosts[name].port),
            "ControlPath": "none" if fresh else str(self._shared(name)),
            "ControlMaster": "no" if fresh else "auto",
            # It ends by itself where this program was killed.
            "ControlPersist": "no" if fresh else "120",
            # A copy may fill a slow line for long.
            "ServerAliveInterval": "2" if fresh else "20",
        }
        return [word for key, value in told.items() for word in ("-o", f"{key}={value}")]

    def run(
        self,
        name: str,
        command: str,
        *,
        text: str = "",
        fresh: bool = False,
        timeout: float = _TIMEOUT,
        log: Path | None = None,
    ) -> Done:
        """Run a command on a host, by its shell, and wait for it.

        Args:
            name: the host.
            command: quoted for the shell.
            text: its input.
            fresh: take a connection of its own.
            timeout: seconds.
            log: a file for all it says.

        Raises:
            UnreachableError: the host was not reached, or went out of reach midway.
            ChildError: it took too long.
        """
        words = ["ssh", *self.options(name, fresh=fresh), self.target(name), "--", command]
        done = self._children.run(words, timeout=timeout, text=text, log=log, closes=True)
        if done.code == _UNREACHABLE:
            raise UnreachableError(f"not reached by ssh: {done.said or 'it did not say why'}")
        return done

    def output(self, name: str, *words: str, timeout: float = _TIMEOUT) -> str:
        """Run a command on a host that is to succeed, and return what it wrote.

        Raises:
            ChildError: it failed, or was not reached.
        """
        done = self.run(name, shlex.join(words), timeout=timeout)
        if done.code:
            raise ChildError(f"{words[0]} ended with {done.code} there: {done.said}")
        return done.out

    def _shared(self, name: str) -> Path:
        return self._folder / name
