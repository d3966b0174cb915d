"""Where a node keeps its things, and what it is set to.

Paths: ``SIMULACRA_HOME=DIR`` puts everything under DIR (``config``, ``state``, ``run``), so that
several nodes can live on one machine; otherwise the XDG directories are used. Settings: a flag
wins over ``SIMULACRA_*`` in the environment, over ``./simulacra.toml``, over ``simulacra.toml`` in
the user's configuration, over ``/etc/simulacra/simulacra.toml``. A name or a type that is not
known is refused with the file that it stands in.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulacra.actors.addresses import is_loopback
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings_checks import CHECKS, split_address, wrong

__all__ = ["Paths", "Settings", "host_name", "split_address"]

FILE: Final = "simulacra.toml"
BULK_AFTER: Final = 3
"""How far after a node's own port that for bulk is; between them are those of door and probes."""
_MAX_PORT: Final = 65535
RUN_COMMANDS: Final = (
    *("ag", "bazel", "cargo", "cmake", "ctest", "du", "find", "git", "go", "gradle", "grep"),
    *("make", "meson", "mvn", "ninja", "npm", "pytest", "rg", "rsync", "tar", "tsc"),
)
RUN_ENVIRON: Final = (
    *(
        "TERM",
        "COLORTERM",
        "NO_COLOR",
        "LANG",
        "LANGUAGE",
        "LC_*",
        "TZ",
        "EDITOR",
        "VISUAL",
        "PAGER",
    ),
    *("LESS", "GIT_*", "MAKEFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "RUSTFLAGS"),
)
_SYSTEM: Final = Path("/etc/simulacra")


def host_name() -> str:
    """Return this machine's name as a node's name: its first label, in small letters."""
    label = socket.gethostname().partition(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", label).strip("-")[:63] or "host"


@dataclass(frozen=True)
class Paths:
    """The three directories of a node.

    Attributes:
        config: Settings and keys.
        state: What has to outlive the node: checkpoints, results, logs.
        runtime: The gateways' sockets, one a node, named like it.
    """

    config: Path
    state: Path
    runtime: Path

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Paths:
        """Return the directories that the environment calls for; none is made.

        Args:
            environ: Where ``SIMULACRA_HOME`` and ``XDG_RUNTIME_DIR`` are looked for. The user's
                other XDG directories are those of this process.
        """
        if home := environ.get("SIMULACRA_HOME"):
            base = Path(home).expanduser().absolute()
            return cls(base / "config", base / "state", base / "run")
        from platformdirs import PlatformDirs  # noqa: PLC0415 (a twentieth of a start)

        user = PlatformDirs("simulacra", appauthor=False)
        runtime = environ.get("XDG_RUNTIME_DIR")
        return cls(
            user.user_config_path,
            user.user_state_path,
            # Without a session there is no XDG_RUNTIME_DIR, where platformdirs would warn and
            # choose by its version; the gateway checks whose this one is.
            Path(runtime) / "simulacra" if runtime else Path(f"/tmp/simulacra-{os.getuid()}"),  # noqa: S108
        )

    def socket(self, node: str) -> Path:
        """Return the socket file of the gateway of ``node``."""
        return self.runtime / node

    def key(self, node: str) -> Path:
        """Return the file of the key pair of ``node``."""
        return self.config / f"{node}.key"

    def signing(self, node: str) -> Path:
        """Return the file of the key that ``node`` signs with."""
        return self.config / f"{node}.signing"

    @property
    def owner(self) -> Path:
        """The file of this person's owner key, which no node reads."""
        return self.config / "owner.key"

    def network(self, node: str) -> Path:
        """Return the file of what ``node`` keeps of the network that it is in."""
        return self.state / node / "network.json"

    def trees(self, node: str) -> Path:
        """Return the folder of what ``node`` keeps of the trees that it has."""
        return self.state / node / "trees"

    @property
    def members(self) -> Path:
        """The file of the public keys that the network admits."""
        return self.config / "members"


@dataclass(frozen=True)
class Settings:
    """What a node is set to.

    Attributes:
        name: The node's name in the network; the machine's own unless said otherwise.
        listen: HOST:PORT where other nodes reach this one. The default is reachable from this
            machine only, on a port that the system picks; in an overlay it is the host's address
            there, port 7400.
        bulk_port: The port at that address where other nodes fetch bytes in bulk. 0 for any that is
            free; None for the third after that of ``listen``, where firewalls expect it, or for any
            where only this machine reaches it.
        join: HOST:PORT of nodes to meet first.
        door: HOST:PORT where hosts that were invited knock; empty for the door's own port beside
            ``listen``.
        dns: HOST:PORT where the network's names are told; empty for the port of its own, to this
            machine only.
        zone: What stands or falls with this host: its LAN, its cloud region; empty for unknown.
        hooks: Commands to run when something happens: for each kind of event, or ``*`` for all,
            lists of words.
        labels: What the host is marked with, such as ``gpu``, for computations that want that.
        mesh: How many hosts this one connects to by itself; to others when something is for them.
        idle: After how many seconds without use, 10 at least, it parts from a connection beyond
            ``mesh``.
        checkpoint_limit: Bytes that one checkpoint of a computation may have.
        run_commands: What the shell's hook runs where the directory lies, if that costs less.
        run_environ: Which variables of the environment ``run`` takes along, as patterns.
        ssh: What hosts are called for ssh, ``[user@]destination`` by host, for ``mount``.
        sources: Whose files a mount shows where it does not say so itself: ``HOST:PATH`` by the
            mount's source or its beginning.
        sleep: Which program puts the machine to sleep, by ``suspend`` and ``poweroff``; where
            nothing is said, systemctl.
        inventory: The inventory's file, for commands that find none from their folder upwards, and
            where the host is to rent machines; else empty.
        plan: The file of the overlay's plan, where the host is in an overlay; else empty.
        helper: The socket of the overlay's helper.
        log: How it logs: ``text`` or ``json``, an object an event.
        paths: Where its things are.
    """

    name: str = field(default_factory=host_name)
    listen: str = "127.0.0.1:0"
    bulk_port: int | None = None
    join: tuple[str, ...] = ()
    door: str = ""
    dns: str = ""
    zone: str = ""
    hooks: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    mesh: int = 64
    idle: float = 300.0
    checkpoint_limit: int = 2**30
    run_commands: tuple[str, ...] = RUN_COMMANDS
    run_environ: tuple[str, ...] = RUN_ENVIRON
    ssh: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    sleep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inventory: str = ""
    plan: str = ""
    helper: str = "/run/simulacra/overlay.sock"
    log: str = "text"
    paths: Paths = field(default_factory=Paths.find)

    @property
    def bulk(self) -> int:
        """The port to listen on for bytes in bulk; 0 for any that is free."""
        if self.bulk_port is not None:
            return self.bulk_port
        host, port = split_address(self.listen)
        has_own = 0 < port <= _MAX_PORT - BULK_AFTER and not is_loopback(host)
        return port + BULK_AFTER if has_own else 0

    @classmethod
    def load(
        cls,
        flags: Mapping[str, object] | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        folder: Path | None = None,
        system: Path = _SYSTEM,
    ) -> Settings:
        """Read all layers and check every value.

        Args:
            flags: What the command line says; None values say nothing.
            environ: The environment.
            folder: The folder whose ``simulacra.toml`` counts; the current one by default.
            system: The folder of the whole machine's settings.

        Raises:
            GatewayError: ``usage``, with the place and the name of what is wrong.
        """
        paths = Paths.find(environ)
        values: dict[str, Any] = {}
        for place in (system, paths.config, folder or _here()):
            values |= _checked(_read(place / FILE), str(place / FILE))
        values |= _checked(_from_environment(environ), "the environment")
        said = {key: value for key, value in (flags or {}).items() if value not in (None, ())}
        values |= _checked(said, "the command line")
        return cls(**values, paths=paths)


def _here() -> Path:
    """The current folder; the root, where it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    import tomllib  # noqa: PLC0415 (most starts read no file)

    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GatewayError(
            ErrorCode.USAGE, f"{file} cannot be read: {error}", f"mend it, or remove it: {file}"
        ) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("name", "listen", "door", "dns", "zone", "plan", "helper", "log"):
        if value := environ.get(f"SIMULACRA_{name.upper()}"):
            found[name] = value
    for name in ("join", "labels"):
        if value := environ.get(f"SIMULACRA_{name.upper()}"):
            found[name] = [part.strip() for part in value.split(",") if part.strip()]
    for name in ("bulk_port", "checkpoint_limit"):
        if value := environ.get(f"SIMULACRA_{name.upper()}"):
            found[name] = int(value) if value.isdigit() else value
    return found


def _checked(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    for key in values:
        if key not in CHECKS:
            raise wrong(place, f"there is no setting {key!r}", f"there are: {', '.join(CHECKS)}")
    return {key: CHECKS[key](place, key, value) for key, value in values.items()}
