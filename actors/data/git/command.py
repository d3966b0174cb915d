"""Running git on a repository that is not trusted: nothing in it decides what runs.

A repository's own ``config`` may name programs (fsmonitor, filters, ssh, pagers, aliases, remote
helpers) and its ``hooks`` are programs. So git never sees either: it is run with a *view* as its
common folder (``GIT_COMMON_DIR``), ``simulacra/common`` in the git folder, that has links to the
repository's objects, refs and logs, no hooks, and a config of its own with those few settings of
the repository's that say how its files are to be read. HEAD, index and locks are the repository's,
so git's own locking holds between this and its user's git. The user's and the system's settings
are not read either. No shell, no prompt, no transport; every run has a time-out.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Final

METADATA: Final = 120.0
"""Seconds after which git is stuck when all it does is to look or to write a ref."""
BULK: Final = 6 * 3600.0
"""Seconds for what reads or writes a history."""
OURS: Final = "simulacra"
"""The folder in a git folder that is this module's."""

STOPPING: ContextVar[Callable[[], bool]] = ContextVar("STOPPING", default=lambda: False)
"""Asked while git runs for this thread: once it says so, git is killed, as if it had failed."""

_LINKED: Final = ("objects", "refs", "logs", "packed-refs", "shallow", "reftable")
_SETTINGS: Final = frozenset(
    {
        "core.repositoryformatversion", "core.bare", "core.filemode", "core.symlinks",
        "core.ignorecase", "core.precomposeunicode", "core.autocrlf", "core.eol",
        "core.logallrefupdates", "core.sharedrepository", "core.trustctime", "core.checkstat",
        "extensions.objectformat", "extensions.compatobjectformat", "extensions.refstorage",
        "extensions.noop", "extensions.preciousobjects",
    }
)  # fmt: skip
_IGNORED_EXTENSIONS: Final = frozenset(
    {"extensions.worktreeconfig", "extensions.relativeworktrees"}
)
_VALUE: Final = re.compile(r"[\w.-]*", re.ASCII)
_OPTIONS: Final = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false",
    "core.pager=cat", "gc.auto=0", "maintenance.auto=false",
    "protocol.allow=never", "pack.threads=1", "pack.windowMemory=64m", "pack.packSizeLimit=0",
    "core.bigFileThreshold=16m",
    "core.deltaBaseCacheLimit=32m", "submodule.recurse=false", "core.splitIndex=false",
)  # fmt: skip
_TOLD: Final = 600
_LOOK: Final = 0.2


class GitError(Exception):
    """Git did not do it; the text is what it said."""


class Git:
    """Git on one repository.

    Args:
        folder: the git folder, absolute.
        worktree: the working tree, for what looks at files.
        durable: whether what it writes is on the disk when it returns.
    """

    def __init__(self, folder: Path, worktree: Path | None = None, *, durable: bool = True) -> None:
        self.folder = folder
        self.ours = folder / OURS
        self._worktree = worktree
        self._environment = {
            **_environment(),
            "GIT_DIR": str(folder),
            "GIT_COMMON_DIR": str(self.ours / "common"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.fsync",
            "GIT_CONFIG_VALUE_0": "all" if durable else "none",
        }
        if worktree is not None:
            self._environment["GIT_WORK_TREE"] = str(worktree)

    def open(self) -> dict[str, list[str]]:
        """Make the view; returns the repository's own settings.

        Raises:
            GitError: the settings cannot be read, or ask for what is not known here.
            OSError: the view cannot be written.
        """
        own = settings(self.folder / "config")
        shown = _shown(own)
        common = self.ours / "common"
        common.mkdir(parents=True, exist_ok=True)
        (self.folder / "logs").mkdir(exist_ok=True)
        for found in common.iterdir():
            if found.name not in {*_LINKED, "config"} or found.is_dir() != found.is_symlink():
                _remove(found)
        for name in _LINKED:
            _link(common / name, f"../../{name}", wanted=name != "reftable" or self._has(name))
        text = "".join(
            f"[{key.partition('.')[0]}]\n\t{key.partition('.')[2]} = {value}\n"
            for key, value in sorted(shown.items())
        )
        temporary = common / "config.new"
        temporary.unlink(missing_ok=True)
        temporary.write_text(text)
        temporary.replace(common / "config")
        return own

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def run(
        self,
        *arguments: str,
        stdin: str | IO[bytes] = "",
        stdout: IO[bytes] | None = None,
        index: Path | None = None,
        within: float = METADATA,
        fine: tuple[int, ...] = (0,),
        refused: str = "",
    ) -> str:
        """Run one command of git; returns what it printed.

        Args:
            arguments: the command and its arguments.
            stdin: what it reads: text, or an open file.
            stdout: the open file to print into instead.
            index: the file to take for the index.
            within: seconds.
            fine: the exit codes that are no failure.
            refused: a warning that is a failure.

        Raises:
            GitError: it failed, or took too long, or git is not there.
        """
        environment = self._environment
        if index is not None:
            environment = {**environment, "GIT_INDEX_FILE": str(index)}
        return _run(
            arguments,
            environment=environment,
            folder=self._worktree or self.folder,
            stdin=stdin,
            stdout=stdout,
            within=within,
            fine=fine,
            refused=refused,
        )


def settings(path: Path) -> dict[str, list[str]]:
    """The settings in one file of git's, each with its values; files it includes are not read.

    Raises:
        GitError: it cannot be read.
    """
    printed = _run(
        ("config", "--file", str(path), "--no-includes", "--null", "--list"),
        environment=_environment(),
        folder=Path("/"),
    )
    found: dict[str, list[str]] = {}
    for entry in printed.split("\0")[:-1]:
        key, _, value = entry.partition("\n")
        found.setdefault(key, []).append(value)
    return found


def initialise(folder: Path, object_format: str) -> None:
    """Make an empty git folder without a working tree.

    Raises:
        GitError: it cannot be made.
    """
    arguments = ("init", "-q", "--bare", "--template=", f"--object-format={object_format}")
    _run((*arguments, "--", str(folder)), environment=_environment(), folder=Path("/"))


def set_values(path: Path, key: str, found: list[str]) -> None:
    """Set the values of a setting in a file; none takes it away.

    Raises:
        GitError: it cannot be written, or somebody else is writing it.
    """
    head = ("config", "--file", str(path))
    _run((*head, "--unset-all", key), environment=_environment(), folder=Path("/"), fine=(0, 5))
    for value in found:
        _run((*head, "--add", key, value), environment=_environment(), folder=Path("/"))


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "/bin/false",
        "GIT_EDITOR": "/bin/false",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_COMMITTER_NAME": "Simulacra",
        "GIT_COMMITTER_EMAIL": "simulacra@localhost",
    }


def _run(
    arguments: tuple[str, ...],
    *,
    environment: dict[str, str],
    folder: Path,
    stdin: str | IO[bytes] = "",
    stdout: IO[bytes] | None = None,
    within: float = METADATA,
    fine: tuple[int, ...] = (0,),
    refused: str = "",
) -> str:
    command = [_git(), *(part for option in _OPTIONS for part in ("-c", option)), *arguments]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        if isinstance(stdin, str):
            given.write(os.fsencode(stdin))
            given.seek(0)
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=environment,
            stdin=given if isinstance(stdin, str) else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=said,
            start_new_session=True,
        )
        try:
            printed = _wait(process, arguments[0], within)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        said.seek(0)
        told = said.read(_TOLD).decode(errors="replace").strip()
    if process.returncode not in fine or (refused and refused in told):
        raise GitError(f"git {arguments[0]}: {told or f'exit code {process.returncode}'}")
    return os.fsdecode(printed or b"")


def _wait(process: subprocess.Popen[bytes], what: str, within: float) -> bytes | None:
    stopping, deadline = STOPPING.get(), time.monotonic() + within
    while True:
        try:
            return process.communicate(timeout=min(_LOOK, within))[0]
        except subprocess.TimeoutExpired as error:
            if stopping():
                raise GitError(f"git {what} was cut off: this host stops here") from error
            if time.monotonic() >= deadline:
                raise GitError(f"git {what} took over {within:g} s") from error


def _git() -> str:
    found = shutil.which("git")
    if found is None:
        raise GitError("there is no git here: install it, with apt install git or the like")
    return found


def _shown(own: dict[str, list[str]]) -> dict[str, str]:
    shown = {}
    for key, found in own.items():
        if key in _SETTINGS and _VALUE.fullmatch(found[-1]):
            shown[key] = found[-1]
        elif key == "extensions.partialclone":
            raise GitError("it is a partial clone, whose objects are not all here")
        elif key.startswith("extensions.") and key not in _IGNORED_EXTENSIONS:
            raise GitError(f"it has the extension {key}, which is not known here")
    return shown


def _link(path: Path, target: str, *, wanted: bool) -> None:
    if path.is_symlink() and wanted and os.fsencode(path.readlink()) == target.encode():
        return
    if path.is_symlink() or path.exists():
        _remove(path)
    if wanted:
        path.symlink_to(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
