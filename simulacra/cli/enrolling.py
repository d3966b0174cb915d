"""``init``, ``invite``: how a machine gets into the network, and what is to be known of it there.

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


def join(settings: Settings, words: str) -> None:
    """Bring this machine into a network by ``TOKEN@HOST``, with a node that is up or not."""
    with explained():
        token, hosts = split_join(words)
        charter, by = enrolling(settings).join(token, hosts, _own_address(settings))
    output.message(f"{by} let {settings.name} into the network {charter.network}")
    _enter(settings)


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
