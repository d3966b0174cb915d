"""Directories of other hosts, mounted here by sshfs as long as their host is connected.

The ``mounts`` actor keeps them: `mount_keeping` decides, twice a second, by the list of connected
hosts and by the kernel's list of mounts, so that no dead mount is ever touched. An sshfs runs under
a guard, and so ends with the node; what it leaves behind is detached at the next start. What is
kept stands in a file, and is mounted again after a restart. To detach is done in a thread, as
fusermount is somebody else's; so is asking a new sshfs whether it has got there.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute import sshfs
from simulacra.actors.compute.command import program
from simulacra.actors.compute.guarded import GuardedProcess
from simulacra.actors.compute.mount_keeping import Act, Keeping
from simulacra.actors.compute.mounts import Mount
from simulacra.actors.compute.spec import Limits
from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.signals import Down

logger = logging.getLogger(__name__)

MOUNTS: Final = "mounts"
EVERY: Final = 0.5
_LIMIT: Final = 64
_SAID: Final = 500


@dataclass(frozen=True, slots=True)
class Keep:
    """Mount a directory and keep it. Answered once it is mounted, or with an OSError.

    Attributes:
        host: whose directory.
        path: there; relative to the home of the user there, if it is relative.
        folder: where, absolute and without links.
    """

    host: str
    path: str
    folder: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Unmount it, and keep it no more. Answered with whether it was kept."""

    folder: str


@dataclass(frozen=True, slots=True)
class List:
    """Answered with a dict for each mount that is kept."""


class _Look:
    """Time to look."""


@dataclass(slots=True)
class _Kept:
    keep: Keep
    source: str
    keeping: Keeping = field(default_factory=Keeping)
    process: GuardedProcess | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    asked: threading.Thread | None = None
    said: bytearray = field(default_factory=bytearray)
    failed: str = ""
    detaching: threading.Thread | None = None
    asker: Reply | None = None
    dropper: Reply | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive

    def plain(self) -> dict[str, str]:
        return {"host": self.keep.host, "path": self.keep.path, "folder": self.keep.folder}


class Mounts(Actor):
    """See the module.

    Args:
        file: where it is written what is kept.
        connected: the hosts that are connected now.
        destination: what a host is to ssh; None where that is not known now.
    """

    def __init__(
        self,
        file: Path,
        connected: Callable[[], list[str]],
        destination: Callable[[str], str | None],
    ) -> None:
        self._file, self._connected, self._destination = file, connected, destination
        self._kept: dict[str, _Kept] = {}
        self._watched: dict[str, int] = {}

    def on_start(self) -> None:
        """Take up again what was kept, and begin to look."""
        for each in _read(self._file):
            self._kept[each.folder] = _Kept(each, "")
        self.send_every(EVERY, _Look())

    def on_receive(self, message: Any) -> Any:
        """See the messages."""
        match message:
            case Keep():
                self._keep(message)
            case Drop(folder):
                self._drop(folder)
            case List():
                return [
                    {**each.plain(), "state": each.keeping.state, "why": each.failed}
                    for each in self._kept.values()
                ]
            case _Look():
                self._look_at_all()
            case Down(monitor):
                self._watched = {h: each for h, each in self._watched.items() if each != monitor}
            case _:
                self.refuse(message)
        return None

    def on_stop(self, reason: Any) -> None:
        """Detach everything, and end every sshfs; it is all mounted again after a restart."""
        del reason
        mounted = sshfs.mounts_on_top()
        for each in self._kept.values():
            if each.source and _is_ours(each, mounted):
                sshfs.detach(each.keep.folder)
            if each.process is not None:
                each.process.kill()

    # -- what is kept

    def _keep(self, keep: Keep) -> None:
        reply = self.defer_reply()
        if keep.folder in self._kept or len(self._kept) >= _LIMIT:
            why = f"{len(self._kept)} mounts are kept already" if len(self._kept) >= _LIMIT else (
                f"{keep.folder} is kept for {self._kept[keep.folder].keep.host} already"
            )  # fmt: skip
            reply.set_error(OSError(why))
            return
        self._kept[keep.folder] = _Kept(keep, "", asker=reply)
        self._look_at_all()

    def _drop(self, folder: str) -> None:
        reply, kept = self.defer_reply(), self._kept.get(folder)
        if kept is None:
            reply.set(False)
            return
        kept.keeping.wanted = False
        kept.dropper = reply
        try:
            self._write()
        except OSError as error:
            kept.keeping.wanted, kept.dropper = True, None
            reply.set_error(OSError(f"{self._file} cannot be written: {error}"))
        self._look_at_all()

    def _write(self) -> None:
        kept = [each.plain() for each in self._kept.values() if each.keeping.wanted]
        replace_private(self._file, json.dumps(kept))

    # -- looking, and doing

    def _look_at_all(self) -> None:
        if not self._kept:
            self._watch(set())
            return
        mounted, connected = sshfs.mounts_on_top(), set(self._connected())
        self._watch({each.keep.host for each in self._kept.values()} & connected)
        for each in list(self._kept.values()):
            if each.detaching is None or not each.detaching.is_alive():
                self._look_at(each, mounted, up=each.keep.host in connected)

    def _watch(self, hosts: set[str]) -> None:
        """Watch those whose mounts are kept: nobody rests from a connection with such a tie."""
        for host in hosts - self._watched.keys():
            self._watched[host] = self.monitor(self.system.ref(f"{MOUNTS}@{host}"))
        for host in self._watched.keys() - hosts:
            self.demonitor(self._watched.pop(host), flush=True)

    def _look_at(self, each: _Kept, mounted: Mapping[str, Mount], *, up: bool) -> None:
        ours = _is_ours(each, mounted)
        alive = each.alive
        if each.process is not None and not alive:
            self._ended(each)
        if alive and ours and each.asked is None:
            each.asked = threading.Thread(
                target=sshfs.wait_for_answer, args=(each.keep.folder, each.answered), daemon=True
            )
            each.asked.start()
        act = each.keeping.look(
            up=up,
            alive=alive,
            mounted=ours,
            answered=each.answered.is_set(),
            now=time.monotonic(),
        )
        if each.keeping.state == "mounted":
            self._is_mounted(each)
        match act:
            case Act.START:
                self._begin(each)
            case Act.END if each.process is not None:
                each.process.kill()
            case Act.DETACH:
                folder = each.keep.folder
                each.detaching = threading.Thread(target=sshfs.detach, args=(folder,), daemon=True)
                each.detaching.start()
            case None if not each.keeping.wanted:
                del self._kept[each.keep.folder]
                if each.dropper is not None:
                    each.dropper.set(True)

    def _begin(self, each: _Kept) -> None:
        to = self._destination(each.keep.host)
        if to is None:
            return
        each.source = f"{to}:{each.keep.path}"
        argv = sshfs.command(each.source, each.keep.folder)
        each.said.clear()
        each.answered, each.asked = threading.Event(), None
        try:
            each.process = GuardedProcess(
                program(argv, folder=Path("/"), env=None, terminal=False),
                limits=Limits(),
                on_output=lambda data: each.said.extend(data[: _SAID - len(each.said)]),
                on_exit=lambda _: None,
            )
        except OSError as error:
            self._fail(each, str(error))
        else:
            each.process.watch()

    def _ended(self, each: _Kept) -> None:
        """Its sshfs has ended: because the host is gone, or as it cannot be."""
        each.process = None
        if each.keeping.wanted and each.keeping.state != "away":
            said = each.said.decode(errors="replace").strip()
            self._fail(each, said.replace("\n", "; ") or "sshfs has ended, and did not say why")

    def _fail(self, each: _Kept, why: str) -> None:
        logger.warning("%s cannot be mounted at %s: %s", each.source, each.keep.folder, why)
        each.failed = why
        if each.asker is not None:  # it was never there: nobody wants that again and again
            each.keeping.wanted = False
            each.asker.set_error(OSError(why))
            each.asker = None

    def _is_mounted(self, each: _Kept) -> None:
        each.failed = ""
        if each.asker is None:
            return
        asker, each.asker = each.asker, None
        try:
            self._write()
        except OSError as error:
            each.keeping.wanted = False
            asker.set_error(OSError(f"{self._file} cannot be written: {error}"))
        else:
            asker.set(each.plain())


def _is_ours(each: _Kept, mounted: Mapping[str, Mount]) -> bool:
    """Whether what is mounted there is what is kept, or was left there by the node before."""
    found = mounted.get(each.keep.folder)
    if found is None or found.kind != "sshfs":
        return False
    return found.source == each.source or (not each.source and found.source.endswith(_end(each)))


def _end(each: _Kept) -> str:
    return f":{each.keep.path}"


def _read(file: Path) -> list[Keep]:
    try:
        kept = json.loads(file.read_text())
        return [Keep(str(each["host"]), str(each["path"]), str(each["folder"])) for each in kept]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("what was mounted is not mounted again: %s: %s", file, error)
        return []
