"""Where a directory really lies: what /proc/self/mountinfo says, and what it means.

Pure: text in, data out; nothing here looks at a file system, for a look at a dead mount may last
minutes. Paths are text as `os.fsdecode` gives it.

What a mount shows, by its kind:

| kind | source | its host and path there |
| --- | --- | --- |
| sshfs | ``[user@]host:base`` | ``base``; a relative or empty one begins at the user's home |
| nfs | ``host:/path`` | ``/path``: the kernel's own text follows binds |
| cifs | ``//host/share/below`` | only the server knows where ``share`` lies: the user says it |
| 9p | ``host``, with ``trans=tcp`` and ``aname=/path`` | ``/path``; other transports name no host |

A bind of a part shows that part (``root``). What the user says of a source, ``HOST:PATH``, comes
before these rules.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final = {
    "fuse.sshfs": "sshfs",
    "nfs": "nfs",
    "nfs4": "nfs",
    "cifs": "cifs",
    "smb3": "cifs",
    "9p": "9p",
}
"""The file systems of other hosts, by the kernel's names for them."""

_PATH_IN: Final = re.compile(r"-[A-Za-z](?=/|\.\./)|[\w-]+=", re.DOTALL)
_OPTIONAL: Final = 6
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_REMOTE: Final = re.compile(r"(?:[^@/]*@)?(\[[^\]]+\]|[^:/\[\]]+):(.*)", re.DOTALL)
_SHARE: Final = re.compile(r"//([^/]+)/([^/]+)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo.

    Attributes:
        id: the kernel's number of it.
        root: which part of the file system it shows.
        point: where.
        fstype: the kernel's name of the file system.
        source: what was mounted, as the file system words it.
        options: of the file system.
        device: the kernel's number of the file system, ``major:minor``.
    """

    id: int
    root: str
    point: str
    fstype: str
    source: str
    options: tuple[str, ...] = ()
    device: str = ""

    @property
    def kind(self) -> str | None:
        """``sshfs``, ``nfs``, ``cifs`` or ``9p``; None for a file system of this host."""
        return KINDS.get(self.fstype)


@dataclass(frozen=True, slots=True)
class Lying:
    """A directory, and the mount that it is on.

    Attributes:
        path: absolute, as this host names it.
        mount: the mount.
    """

    path: str
    mount: Mount

    @property
    def below(self) -> str:
        """The path from the mount's point on; empty for the point itself."""
        below = posixpath.relpath(self.path, self.mount.point)
        return "" if below == "." else below

    @property
    def inner(self) -> str:
        """The path in the file system itself, whatever part of that is mounted."""
        return posixpath.join(self.mount.root, self.below).rstrip("/") or "/"

    def below_of(self, folder: Lying) -> str | None:
        """The path from another directory on, by the file system: binds of it are the same.

        Returns:
            None where it is not below that; empty for that itself.
        """
        same = self.mount.device and self.mount.device == folder.mount.device
        if not same or not f"{self.inner}/".startswith(f"{folder.inner.rstrip('/')}/"):
            return None
        below = posixpath.relpath(self.inner, folder.inner)
        return "" if below == "." else below

    def to_plain(self) -> dict[str, object]:
        """As plain data, paths as the kernel has them: in bytes."""
        mount = self.mount
        where = (self.path, mount.root, mount.point)
        texts = (*where, mount.fstype, mount.source, mount.device, *mount.options)
        return {"id": mount.id, "texts": [os.fsencode(text) for text in texts]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> Lying:
        """What `to_plain` gave.

        Raises:
            ValueError: it gave no such thing.
        """
        match plain:
            case {"id": int() as number, "texts": [*texts]}:
                known = [os.fsdecode(text) for text in texts if isinstance(text, bytes)]
                path, root, point, fstype, source, device, *options = known
                mount = Mount(number, root, point, fstype, source, tuple(options), device)
                return cls(path, mount)
        raise ValueError("it does not say where a directory lies")


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose files a mount shows.

    Attributes:
        host: as the source names it: a name, an address.
        path: there; relative to the home of the user there, if it is relative.
        told: whether the user said it, so that ``host`` is a host of the network.
    """

    host: str
    path: str
    told: bool = False


class UnmappedError(Exception):
    """A mount that does not say whose files it shows; the text says what is missing."""


def parse(text: str) -> tuple[Mount, ...]:
    """The mounts of a mountinfo, in its order: of two at one point the later one covers."""
    lines = (line.split(" ") for line in text.split("\n"))
    return tuple(mount for mount in map(_mount, lines) if mount is not None)


def _mount(words: list[str]) -> Mount | None:
    try:
        dash = words.index("-", _OPTIONAL)
        fstype, source, options = words[dash + 1 : dash + 4]
        number = int(words[0])
    except ValueError:  # not of this form: the last line, which is empty
        return None
    root, point, source, options = map(unescaped, (words[3], words[4], source, options))
    return Mount(number, root, point, fstype, source, tuple(options.split(",")), words[2])


def unescaped(text: str) -> str:
    """A field, where what would end it is written as an octal number."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def mount_above(path: str, mounts: Iterable[Mount]) -> str:
    """Where the file system of a path is mounted, by its text alone: no link is followed."""
    wanted = posixpath.normpath(path)
    points = (mount.point for mount in mounts)
    above = (point for point in points if f"{wanted}/".startswith(f"{point.rstrip('/')}/"))
    return max(above, key=len, default="/")


def origin(lying: Lying, told: Mapping[str, str]) -> Origin | None:
    """Whose directory it is; None where it is this host's own.

    Args:
        lying: the directory.
        told: what the user says of sources: ``HOST:PATH`` by a source or its beginning.

    Raises:
        UnmappedError: the mount does not say it, and the user has not.
    """
    mount = lying.mount
    if mount.kind is None:
        return None
    base = _told(mount, told) or _named(mount)
    return Origin(base.host, _joined(base.path, lying.below), base.told)


def _told(mount: Mount, told: Mapping[str, str]) -> Origin | None:
    source = mount.source
    fitting = [each for each in told if f"{source}/".startswith(f"{each.rstrip('/')}/")]
    # "nas:" stands for all that is mounted from there, "nas:photos" too.
    fitting += [each for each in told if each.endswith(":") and source.startswith(each)]
    if not fitting:
        return None
    key = max(fitting, key=len)
    host, _, base = told[key].partition(":")
    return Origin(host, _joined(base, _part(mount, source[len(key) :])), told=True)


def _named(mount: Mount) -> Origin:
    if mount.kind == "cifs":
        raise UnmappedError(f"only the server knows where the share {mount.source} lies there")
    if mount.kind == "9p":
        return _of_9p(mount)
    found = _REMOTE.fullmatch(mount.source)
    if found is None:
        raise UnmappedError(f"its source {mount.source!r} names no host")
    return Origin(found[1].strip("[]"), _joined(found[2], _part(mount, "")))


def _of_9p(mount: Mount) -> Origin:
    options = dict(each.partition("=")[::2] for each in mount.options)
    path = options.get("aname", "")
    if options.get("trans") != "tcp" or not path.startswith("/"):
        raise UnmappedError(f"its source {mount.source!r} says neither whose it is nor where")
    return Origin(mount.source, _joined(path, _part(mount, "")))


def _part(mount: Mount, rest: str) -> str:
    """What the mount shows of what its source names, ``rest`` being the source's own end."""
    if mount.kind == "nfs":  # its root is told as / always, and its source follows binds
        return rest
    if mount.kind == "cifs":
        share = _SHARE.fullmatch(mount.source)
        inner = "" if share is None else share[3].rstrip("/")
        if inner and f"{mount.root}/".startswith(f"{inner}/"):  # it says the source's end again
            return _joined(rest, mount.root[len(inner) :])
    return _joined(rest, mount.root)


def _joined(*parts: str) -> str:
    """Parts of a path, one below the other; only the first can make it absolute."""
    first, *rest = parts
    below = [part.strip("/") for part in rest]
    return posixpath.join(first, *(part for part in below if part)).rstrip("/") or first[:1]


def reaches_out(words: Iterable[str], below: str) -> str | None:
    """The first argument that names a file by a way which leads out of what is the same there.

    On another host it would name another file. That is judged by the text: ``/x``, ``--to=/x``,
    ``-I/x``, and ``../`` as often as it takes.

    Args:
        words: the arguments.
        below: the current directory, from the point of the mount or the root of the tree on.
    """
    depth = len(below.split("/")) if below else 0
    for word in words:
        option = _PATH_IN.match(word)
        path = word[option.end() :] if option else word
        if path.startswith("/") or _climb(path) > depth:
            return word
    return None


def _climb(path: str) -> int:
    """How many directories up a relative path leads at most."""
    depth = least = 0
    for part in path.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        least = min(least, depth)
    return -least


def host_named(name: str, addresses: Mapping[str, str], aliases: Mapping[str, str]) -> str | None:
    """The host of the network that a source means; None where it is none of them.

    Args:
        name: a name or an address.
        addresses: the hosts' own, HOST:PORT by name.
        aliases: what they are called for ssh, ``[user@]destination`` by name.
    """
    known = {**{host: host for host in addresses}, **{host: host for host in aliases}}
    by_address = {at.rpartition(":")[0].strip("[]"): host for host, at in addresses.items()}
    by_alias = {at.rpartition("@")[2]: host for host, at in aliases.items()}
    for table in (known, by_alias, by_address):
        if name in table:
            return table[name]
    return known.get(name.partition(".")[0].lower())
