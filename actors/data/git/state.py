"""What one host knows of a git repository, as plain data that travels.

Everything of a repository that is carried is a *name* with a text:

| name | text |
| --- | --- |
| ``HEAD`` | ``ref: refs/heads/NAME``, or a commit |
| ``refs/…`` | an object; all refs but those that are one checkout's own |
| ``index`` | what is staged: a commit of the staged tree, and the commit it was staged on |
| ``stash/COMMIT`` | that commit: each entry of the stash has a name of its own |
| ``config/KEY`` | the values of a setting that is carried, one a line |

A *history* is a state as in `lattice`: the values of each name with their dots, and what is known
of each *replica*. A replica is one repository on one host, for as long as it keeps its record. A
delete is a dot that is known and has no value, so what was deleted does not come back, whichever
hosts meet in whatever order. Names are text as file names are in Python: surrogates stand for
bytes that are no UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgpack

from simulacra.actors.cluster.lattice import Dot
from simulacra.actors.cluster.lattice import State as History

SCHEMA: Final = 1
TABLE: Final = "git"
HEAD: Final = "HEAD"
INDEX: Final = "index"
BRANCHES: Final = "refs/heads/"
STASH: Final = "stash/"
CONFIG: Final = "config/"
KEPT: Final = "refs/simulacra/"
SYMBOLIC: Final = "ref: "

_ONE_CHECKOUTS: Final = (
    "refs/bisect/",
    "refs/prefetch/",
    "refs/rewritten/",
    "refs/worktree/",
    KEPT,
)
_OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HOST: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_REPLICA: Final = re.compile(r"[0-9a-f]{12}")
_SETTING: Final = re.compile(
    r"user\.(name|email)|remote\..+\.(url|fetch)|branch\..+\.(remote|merge)|submodule\..+\.(url|active)",
    re.DOTALL,
)
_ADDRESS: Final = re.compile(
    r"(https?|ssh|git|file)://[^-].*|\.{0,2}/.*|([\w.]+@)?\w[\w.-]*:(?!:|//).+", re.ASCII
)


class StateError(ValueError):
    """What came is no state of a repository; the text says what is wrong with it."""


class Value(NamedTuple):
    """A name's text as somebody set it.

    Attributes:
        text: see the module.
        clock: when, nanoseconds since the epoch, later than all that the writer knew of.
        host: where.
    """

    text: str
    clock: int
    host: str


@dataclass(frozen=True, slots=True)
class State:
    """A repository as a host has it.

    Attributes:
        object_format: ``sha1`` or ``sha256``.
        bare: it has no working tree.
        folder: where its git folder is, from its working tree: ``.git``, for a submodule
            ``../.git/modules/NAME``; ``.`` for a bare one.
        history: what is in it, and what is known of other replicas.
        shallow: the commits whose parents it was cloned without.
        held: why it can be synced neither from nor to now; empty if it can.
    """

    object_format: str
    bare: bool
    folder: str
    history: History
    shallow: tuple[str, ...] = ()
    held: str = ""

    def objects(self) -> set[str]:
        """The objects that its names name; it has them, and all that they lead to."""
        return {
            found
            for _, _, value in elements(self.history)
            if (found := object_of(value.text)) is not None
        }

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "schema": SCHEMA,
            "object_format": self.object_format,
            "bare": self.bare,
            "folder": self.folder,
            "history": self.history.to_plain(),
            "shallow": list(self.shallow),
            "held": self.held,
        }

    @classmethod
    def from_plain(cls, plain: Any) -> State:
        """What `to_plain` gave.

        Raises:
            StateError: it is not what `to_plain` gives.
        """
        try:
            if plain["schema"] != SCHEMA:
                raise StateError(f"schema {plain['schema']!r} is not known here, only {SCHEMA}")
            shallow = tuple(plain["shallow"])
            history = history_from_plain(plain["history"])
            fields = (plain["object_format"], plain["bare"], plain["folder"], plain["held"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError(f"no state of a repository: {error}") from error
        object_format, bare, folder, held = fields
        if object_format not in {"sha1", "sha256"} or not isinstance(bare, bool):
            raise StateError(f"no kind of repository: {object_format!r}, bare {bare!r}")
        if not isinstance(folder, str) or not isinstance(held, str):
            raise StateError("no text where text is due")
        if not all(isinstance(commit, str) and _OBJECT.fullmatch(commit) for commit in shallow):
            raise StateError("the shallow commits are no commits")
        return cls(object_format, bare, folder, history, shallow, held)


def history_from_plain(plain: Any) -> History:
    """A history of what its `to_plain` gave, each name, text and host checked.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    for table, name, replica, number, (text, clock, host) in plain["elements"]:
        fine = (
            table == TABLE
            and _REPLICA.fullmatch(replica)
            and type(number) is int
            and 0 < number <= plain["context"][replica]
            and type(clock) is int
            and _HOST.fullmatch(host)
            and is_value(name, text)
        )
        if not fine:
            raise StateError(f"{name!r} cannot be {text!r}, set by {host!r}")
    if not all(_REPLICA.fullmatch(key) and type(n) is int for key, n in plain["context"].items()):
        raise StateError("what it knows of replicas is none")
    return History.from_plain(plain)


def is_value(name: str, text: str) -> bool:
    """Whether a name is carried, and may have this text."""
    if name == HEAD:
        target = text.removeprefix(SYMBOLIC)
        return is_object(text) or (target != text and target.startswith(BRANCHES) and _sane(target))
    if name == INDEX:
        staged, _, base = text.partition(" ")
        return is_object(staged) and (base == "-" or is_object(base))
    if name.startswith(STASH):
        return is_object(text) and name == STASH + text
    if name.startswith(CONFIG):
        return is_setting(name.removeprefix(CONFIG), text)
    return is_carried(name) and is_object(text)


def is_carried(ref: str) -> bool:
    """Whether a ref travels: all do but those of one checkout, and the stash, which is a list."""
    return (
        ref.startswith("refs/")
        and ref != "refs/stash"
        and not ref.startswith(_ONE_CHECKOUTS)
        and _sane(ref)
    )


def is_setting(key: str, text: str) -> bool:
    """Whether a setting is carried: none is that could run code or name a file of one host."""
    if _SETTING.fullmatch(key) is None or not _sane(key) or "\0" in text:
        return False
    if key.endswith(".url"):
        return all(_ADDRESS.fullmatch(line) for line in text.split("\n"))
    return not text.startswith("-")


def is_object(text: str) -> bool:
    """Whether a text is an object's name."""
    return _OBJECT.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether a text may be a host's name."""
    return _HOST.fullmatch(text) is not None


def object_of(text: str) -> str | None:
    """The object that a text names; None if it names none."""
    first = text.partition(" ")[0]
    return first if is_object(first) else None


def elements(history: History) -> Iterator[tuple[str, Dot, Value]]:
    """All names' values."""
    for _, name, dot, value in history.elements():
        yield name, dot, Value(*value)


def values(history: History, name: str) -> dict[Dot, Value]:
    """The values of a name: none, one, or several where hosts set it apart."""
    return {dot: Value(*value) for dot, value in history.values(TABLE, name).items()}


def pack(plain: Any) -> bytes:
    """Plain data with names in it as bytes."""
    packed: bytes = msgpack.packb(plain, unicode_errors="surrogateescape")
    return packed


def unpack(packed: bytes) -> Any:
    """What `pack` packed.

    Raises:
        ValueError: it did not.
    """
    try:
        return msgpack.unpackb(packed, unicode_errors="surrogateescape")
    except (msgpack.UnpackException, RecursionError) as error:
        raise StateError(f"no packed data: {error}") from error


def _sane(name: str) -> bool:
    return not any(sign < " " or sign == "\x7f" for sign in name)
