"""``init``, ``invite``, ``expel``, ``leave``: who is in the network.

These work on this machine's files, since only the user has the owner's key; a node that is up here
is told, and tells the others.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from simulacra.actors.addresses import is_loopback, reachable_host
from simulacra.actors.cluster.admissions import Record
from simulacra.actors.cluster.charter import CharterError, to_plain
from simulacra.actors.cluster.enrolling import EnrolError, Enrolling
from simulacra.actors.cluster.invitations import DEFAULT_LIFE, Role, Token, TokenError, split_join
from simulacra.actors.cluster.knocking import KnockError
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyFileError
from simulacra.actors.settings import Settings, split_address
from simulacra.actors.units import show_age
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Duration
from simulacra.cli.qr import qr_code
from simulacra.client import Client, find_socket

_GIVING_UP = 600.0
_KNOCKS = {
    "unreachable": ErrorCode.UNREACHABLE,
    "usage": ErrorCode.USAGE,
}


def init(network: str, /, *, common: Common = COMMON) -> None:
    """Make a network, with this machine as its first, and you as its owner.

    The owner's key is made on this machine, for you alone: keep a copy of it (simulacra owner
    export). Other machines are let in by invitations.

    For example:

    - `simulacra init home`

    Args:
        network: Its name; it is also the last part of its hosts' names, as in nas.home.
        common: Options of all commands.
    """
    settings = settings_of(common)
    with explained():
        charter = enrolling(settings).found(network, _own_address(settings))
    _enter(settings)
    if common.json:
        output.document({"network": network, "root": charter.roll.root, "host": settings.name})
        return
    output.message(
        f"{network} is made, with {settings.name} as its first host; its owner's key is in "
        f"{settings.paths.owner}: keep a copy (simulacra owner export FILE)"
    )
    output.message("let others in: simulacra invite")


def invite(
    *,
    expires: Duration = DEFAULT_LIFE,
    role: Literal["inside", "outside"] = "inside",
    qr: bool | None = None,
    common: Common = COMMON,
) -> None:
    """Print an invitation: whoever has it can bring one machine into the network, until it expires.

    An inside machine may run code on all others. An outside one, as a phone, reaches only what was
    exposed to it.

    For example:

    - `simulacra invite`
    - `simulacra invite --role outside --expires 10m --qr`

    Args:
        expires: How long it is good for.
        role: What the machine may do.
        qr: Show it as a QR code too; by default on a terminal.
        common: Options of all commands.
    """
    token, door = invitation(settings_of(common), role, expires)
    text = token.text()
    join = f"{text}@{door}"
    if common.json:
        output.document(
            {
                "token": text,
                "door": door,
                "join": join,
                "expires": token.invitation.expires,
                "role": role,
                "id": token.invitation.id,
            }
        )
        return
    output.message(f"good for one {role} host, for {show_age(expires)}; there, type:")
    output.data(f"simulacra up --join {join}")
    if qr or (qr is None and sys.stdout.isatty()):
        # In capitals, which do not matter in a token, the code is smaller.
        output.data(qr_code(join.upper(), "colour" if output.is_colourful() else "blocks"))


def expel(host: str, /, *, reason: str = "", common: Common = COMMON) -> None:
    """Take a host out of the network for good: its keys are admitted nowhere any more.

    Hosts in reach close its connections at once, others as soon as they hear of it. To come back,
    it needs new keys (simulacra keys reset, there) and a new invitation.

    For example:

    - `simulacra expel laptop --reason "stolen in the train"`

    Args:
        host: Its name.
        reason: Why; all hosts are told.
        common: Options of all commands.
    """
    settings = settings_of(common)
    with explained():
        records = enrolling(settings).expulsions(host, reason)
    _take_over(settings, host)
    told = keep(settings, records)
    if common.json:
        output.document({"host": host, "told": told})
    else:
        output.message(f"{host} is expelled" + ("" if told else _WHEN_UP))


def _take_over(settings: Settings, host: str) -> None:
    """Have others be the main stores of a host's trees; whatever comes of it, that host goes."""
    calls = Client(settings.paths.socket(settings.name))
    try:
        done = calls.item("tree_take_over", host=host, timeout=_GIVING_UP)
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            output.message(f"the trees of {host} are not taken over: {error.message}")
        return
    for tree, other in done["moved"].items():
        output.message(f"the main store of {tree} is on {other} now")
    for tree, why in done["lost"].items():
        output.message(
            f"{tree} is no tree any more, as {host} was its main store: {why}; its files stay "
            f"where they are; on a host that has them: simulacra tree unfollow {tree}, and then "
            f"simulacra tree add {tree} PATH"
        )


def leave(*, force: bool = False, common: Common = COMMON) -> None:
    """Take this machine out of its network: its node stops, its keys and membership are removed.

    Its computations and files stay. It can be started again, alone, or join again. What it is the
    main store of is handed over. It is refused while its copy of a tree has what no other host has,
    or is to have, and where that is not known as no node is up.

    For example:

    - `simulacra leave`

    Args:
        force: Also then: what only this machine has stays here, and is in the tree no more; a tree
            whose main store is here is none any more.
        common: Options of all commands.
    """
    # Stopping a node is the command `down`, with its ways of waiting.
    from simulacra.cli.node import down  # noqa: PLC0415

    settings = settings_of(common)
    with explained():
        records = enrolling(settings).leaving()
    if not force:
        _check_trees(settings)
    told = keep(settings, records)
    if told:
        down(common=Common(node=settings.name))
    with explained():
        enrolling(settings).forget()
    if common.json:
        output.document({"host": settings.name, "told": told})
    else:
        output.message(
            f"{settings.name} has left"
            + ("" if told else "; no node was up to say so: expel it on another host")
        )


def _check_trees(settings: Settings) -> None:
    """Refuse where a copy of a tree here has what no other host has, or nobody knows."""
    try:
        done = Client(settings.paths.socket(settings.name)).item("tree_leave", timeout=_GIVING_UP)
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        _check_no_trees(settings, error)
    else:
        for tree, host in done.get("main_stores", {}).items():
            output.message(f"the main store of {tree} is on {host} now")


def _check_no_trees(settings: Settings, down: GatewayError) -> None:
    """Refuse where there are copies of trees here: what was edited while no node was up is unseen.

    The journal on the disk would say less than that.
    """
    from simulacra.actors.data.trees.definitions import (  # noqa: PLC0415 - seldom needed
        FILE,
        DefinitionError,
        defined,
    )

    file = settings.paths.trees(settings.name) / FILE
    try:
        names = ", ".join(each.name for each in defined(file))
    except DefinitionError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            str(error),
            "or leave all as it is, and go on: simulacra leave --force",
        ) from error
    if names:
        raise GatewayError(
            ErrorCode.FAILED,
            f"{settings.name} has copies of {names}, and nobody knows whether other hosts have all "
            f"that is in them: {down.message}",
            "have it looked at: simulacra up --detach, then simulacra leave; or leave them as they "
            "are, and go on: simulacra leave --force",
        )


def join(settings: Settings, words: str) -> None:
    """Bring this machine into a network by ``TOKEN@HOST``, with a node that is up or not."""
    with explained():
        token, hosts = split_join(words)
        charter, by = enrolling(settings).join(token, hosts, _own_address(settings))
    output.message(f"{by} let {settings.name} into the network {charter.network}")
    _enter(settings)


_WHEN_UP = "; no node is up here, so the others are told when it is: simulacra up --detach"


def invitation(settings: Settings, role: Role, life: float) -> tuple[Token, str]:
    """A token that is good for so many seconds, and the door where it is used."""
    with explained():
        token = enrolling(settings).invite(role, life)
    return token, _door(settings)


def enrolling(settings: Settings) -> Enrolling:
    """This machine's way in and out."""
    return Enrolling(settings.paths, settings.name)


def settings_of(common: Common) -> Settings:
    """The settings of the node that is up here, or of the one that would be."""
    return Settings.load({"name": find_socket(common.node).name})


def keep(settings: Settings, records: Sequence[Record]) -> bool:
    """Keep records here and have all hosts told; whether a node was up to do so."""
    try:
        plain = [to_plain(each) for each in records]
        Client(settings.paths.socket(settings.name)).item("keep", records=plain)
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
    else:
        return True
    with explained():
        charter = enrolling(settings).charter
        if charter is not None:
            charter.add(records)
    return False


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what can go wrong with keys and networks into the command line's errors."""
    try:
        yield
    except TokenError as error:
        raise GatewayError(ErrorCode.USAGE, str(error), "print one: simulacra invite") from error
    except EnrolError as error:
        raise GatewayError(error.code, error.text, error.hint) from error
    except (KeyFileError, CharterError) as error:
        raise GatewayError(ErrorCode.FAILED, str(error), "") from error
    except KnockError as error:
        raise GatewayError(_KNOCKS.get(error.code, ErrorCode.DENIED), str(error), "") from error
    except OSError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"this machine's keys cannot be kept: {error}",
            "is there room on the disk? df -h",
        ) from error


def _enter(settings: Settings) -> None:
    try:
        Client(settings.paths.socket(settings.name)).item("enter")
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise


def _own_address(settings: Settings) -> str:
    """Where others reach this machine, as far as the settings tell."""
    host, port = split_address(settings.listen)
    return f"{reachable_host(host)}:{port}" if port and not is_loopback(host) else ""


def _door(settings: Settings) -> str:
    """The door that a node here keeps open."""
    try:
        found = Client(settings.paths.socket(settings.name)).item("status")
        door: str | None = found["door"]
        out: str | None = found["out"]
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        door = out = None
    if out is not None:
        raise GatewayError(
            ErrorCode.FAILED,
            f"the door here lets nobody in: {out}",
            "bring the owner's key to a host that is in: simulacra owner export FILE, and there: "
            "simulacra owner import FILE",
        )
    if door is None:
        raise GatewayError(
            ErrorCode.FAILED,
            "no door is open here to let the invited in: no node is up, or its log says why not",
            "start it: simulacra up --detach --listen ADDRESS:PORT",
        )
    host, port = split_address(door)
    if is_loopback(host):
        output.message(
            "only this machine reaches the door; for others: "
            "simulacra down, then simulacra up --detach --listen ADDRESS:PORT"
        )
    return f"{reachable_host(host)}:{port}"
