"""``backup``, ``restore``: what makes this node what it is, in one file."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simulacra.actors.cluster import backup as archive
from simulacra.actors.cluster.focus_store import FocusStore
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths, Settings
from simulacra.cli import output
from simulacra.cli.copies import check_file, check_folder
from simulacra.cli.enrolling import enrolling, explained, settings_of
from simulacra.cli.options import COMMON, Common
from simulacra.client import Client

_FOCUS = "focus.sqlite"


def backup(file: Path, /, *, common: Common = COMMON) -> None:
    """Write this node's keys, its network, the directory and the master's records into one file.

    The node may be up meanwhile. The file has its secrets in it, so only you may read it. What
    computations and trees have on this host, and your owner key (simulacra owner export), are not
    in it.

    For example:

    - `simulacra backup /media/usb/nas.simulacra`

    Args:
        file: Where to; there may be none yet.
        common: Options of all commands.
    """
    check_folder(file)
    settings = settings_of(common)
    folder = _folder(settings)
    with explained():
        if enrolling(settings).charter is None:
            raise GatewayError(
                ErrorCode.FAILED,
                f"{settings.name} is in no network, so there is nothing to keep",
                "make one: simulacra init NAME",
            )
    with tempfile.TemporaryDirectory(dir=folder) as scratch, _told():
        files = _files(settings.paths, settings.name)
        files[_FOCUS] = Path(scratch) / _FOCUS
        _copy(folder / "focus.db", files[_FOCUS])
        made = archive.backup(file, settings.name, folder / "directory.db", files)
    if common.json:
        output.document({"file": str(file), "host": made.host, "parts": sorted(made.parts)})
    else:
        output.message(f"{made.host} is kept in {file}: keep it as safe as its keys")


def restore(file: Path, /, *, replace: bool = False, common: Common = COMMON) -> None:
    """Put a node's state back from such a file; the node must not be up.

    What the host said after the copy was made comes back from the other hosts.

    For example:

    - `simulacra restore /media/usb/nas.simulacra`
    - `simulacra restore /media/usb/nas.simulacra --replace`

    Args:
        file: The copy.
        replace: Write over the state that is there.
        common: Options of all commands.
    """
    check_file(file)
    with _told():
        host = archive.read_manifest(file).host
    settings = Settings.load({"name": common.node or host})
    if settings.name != host:
        raise GatewayError(
            ErrorCode.USAGE, f"{file} is of {host}, not of {settings.name}", "leave out --node"
        )
    _refuse_running(settings)
    folder = _folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = _files(settings.paths, host) | {_FOCUS: folder / "focus.db"}
    with _told(f"simulacra restore {file} --replace"):
        for log in folder.glob("focus.db-*"):  # of the file that goes
            log.unlink()
        archive.restore(file, folder / "directory.db", files, replace=replace)
        if (folder / "focus.db").exists():
            _begin_anew(folder / "focus.db")
    if common.json:
        output.document({"file": str(file), "host": host})
    else:
        output.message(f"{host} is as it was: simulacra up --detach --name {host}")


def _folder(settings: Settings) -> Path:
    return settings.paths.state / settings.name


def _files(paths: Paths, node: str) -> dict[str, Path]:
    state = paths.state / node
    return {
        "key": paths.key(node),
        "signing": paths.signing(node),
        "members": paths.members,
        "network.json": paths.network(node),
        "simulacra.toml": paths.config / "simulacra.toml",
        "services.json": state / "services.json",
        "exposed.json": state / "exposed.json",
        "mounts.json": state / "mounts.json",
        "trees.json": paths.trees(node) / "trees.json",
        "incarnation": state / "membership" / "incarnation",
    }


def _copy(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use."""
    if not source.exists():
        return
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as theirs,
        contextlib.closing(sqlite3.connect(target)) as ours,
    ):
        theirs.backup(ours)


def _begin_anew(focus: Path) -> None:
    store = FocusStore(focus)
    try:
        store.load()
        store.renew_life()
    finally:
        store.close()


def _refuse_running(settings: Settings) -> None:
    try:
        Client(settings.paths.socket(settings.name)).item("status")
    except GatewayError as error:
        if error.code is ErrorCode.UNREACHABLE:
            return
        raise
    raise GatewayError(
        ErrorCode.FAILED,
        f"node {settings.name} is up, and would not notice",
        f"stop it first: simulacra down --node {settings.name}",
    )


@contextlib.contextmanager
def _told(hint: str = "see how it is used: simulacra backup --help") -> Iterator[None]:
    try:
        yield
    except (archive.BackupError, OSError, sqlite3.Error) as error:
        raise GatewayError(ErrorCode.FAILED, str(error), hint) from error
