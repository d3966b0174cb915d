"""``keys``: this node's own key and address, and the keys that the network admits.

A network is the machines that have one another's keys. The list is a text file, one
``NAME KEY [ADDRESS]`` a line; a node that is up reads it again whenever it is changed here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from simulacra.actors.addresses import is_loopback
from simulacra.actors.cluster.charter import CharterError
from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyFileError, KeyList, KeyPair, Member, check_public_key
from simulacra.actors.settings import Settings, split_address
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common
from simulacra.client import Client, find_socket

app = App(name="keys")


@app.default
def show(*, common: Common = COMMON) -> None:
    """Show this node as the line that the other machines need, or change the list of keys.

    On the other machine, type `simulacra keys add` and that line. A node that is up and can be
    reached tells its address in it.

    For example:

    - `simulacra keys`
    - `simulacra keys add nas 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID' nas.local:7400`

    Args:
        common: Options of all commands.
    """
    settings = _settings(common)
    try:
        public = KeyPair.load_or_make(settings.paths.key(settings.name)).public
    except KeyFileError as error:
        raise GatewayError(ErrorCode.FAILED, str(error), "then: simulacra keys") from error
    address = _address(settings)
    if common.json:
        output.document({"name": settings.name, "key": public, "address": address or None})
    else:
        # In quotes, since a key has characters that mean something to a shell.
        output.data(f"{settings.name} '{public}' {address}".rstrip())


@app.command
def add(
    name: str,
    # A key may begin with a hyphen.
    key: Annotated[str, Parameter(allow_leading_hyphen=True)],
    address: str = "",
    /,
    *,
    common: Common = COMMON,
) -> None:
    """Admit a key to the network.

    For example:

    - `simulacra keys add nas 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'`

    Args:
        name: The node whose key it is.
        key: Its public key, as `simulacra keys` shows it there.
        address: HOST:PORT where it listens, if it is to be met first.
        common: Options of all commands.
    """
    settings = _settings(common)
    try:
        check_public_key(key)
        if address:
            split_address(address)
    except ValueError as error:
        raise GatewayError(
            ErrorCode.USAGE, str(error), f"on {name}, type: simulacra keys"
        ) from error
    known = _read(settings).get(key)
    if known is not None:
        raise GatewayError(
            ErrorCode.FAILED,
            f"this key is in the list already, as {known.name}'s",
            f"take it out first: simulacra keys remove {known.name}",
        )
    _admit(settings, [Member(name, key, address)], common)


@app.command(name="import")
def import_(file: Path, /, *, common: Common = COMMON) -> None:
    """Admit all keys of a file, which has the lines that `simulacra keys` shows on each machine.

    This machine's own line and those known already are skipped, so one file serves all machines.

    For example:

    - `simulacra keys import network.keys`

    Args:
        file: The file, one NAME KEY [ADDRESS] a line.
        common: Options of all commands.
    """
    settings = _settings(common)
    try:
        own = KeyPair.load_or_make(settings.paths.key(settings.name)).public
        found = KeyList.parse(str(file), file.read_text())
    except (KeyFileError, OSError, UnicodeDecodeError) as error:
        raise GatewayError(
            ErrorCode.USAGE, f"no keys are imported: {error}", f"look at it: cat {file}"
        ) from error
    known = _read(settings)
    new = [each for each in found.members() if each.key != own and each.key not in known]
    _admit(settings, new, common)


@app.command
def remove(name: str, /, *, common: Common = COMMON) -> None:
    """Expel a node: its keys are admitted no more, and its connections are closed.

    For example:

    - `simulacra keys remove nas`

    Args:
        name: The node.
        common: Options of all commands.
    """
    settings = _settings(common)
    _read(settings)
    lines = _lines(settings.paths.members)
    kept = [line for line in lines if line.split()[:1] != [name]]
    if kept == lines:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"{name} has no key in the list",
            "see who has: simulacra keys list",
        )
    _write(settings.paths.members, kept)
    _tell(settings, f"the network no longer admits {name}", common)


@app.command(name="list")
def list_(*, common: Common = COMMON) -> None:
    """Show the keys that the network admits.

    For example:

    - `simulacra keys list`

    Args:
        common: Options of all commands.
    """
    settings = _settings(common)
    members = _read(settings).members()
    try:
        charter = Enrolling(settings.paths, settings.name).charter
    except CharterError as error:
        raise GatewayError(ErrorCode.FAILED, str(error), "") from error
    if charter is not None:
        known = {each.key for each in members}
        joined = [
            Member(each.host, each.curve, charter.places.get(each.host, ""))
            for each in charter.roll.members
        ]
        members += [each for each in joined if each.key not in known]
    if common.json:
        shown = [{"name": m.name, "key": m.key, "address": m.address} for m in members]
        output.document(shown)
    else:
        output.table(
            ("name", "key", "address"),
            [(member.name, member.key, member.address or "-") for member in members],
        )


@app.command
def reset(*, common: Common = COMMON) -> None:
    """Make new keys for this node, as for a new machine: after it was expelled, or was lost.

    What it kept of its network is removed with the old keys, so it needs an invitation again.

    For example:

    - `simulacra keys reset`

    Args:
        common: Options of all commands.
    """
    settings = _settings(common)
    if settings.paths.socket(settings.name).exists():
        raise GatewayError(
            ErrorCode.FAILED,
            f"node {settings.name} is up with the old keys",
            "stop it first: simulacra down",
        )
    Enrolling(settings.paths, settings.name).forget()
    pair = KeyPair.load_or_make(settings.paths.key(settings.name))
    if common.json:
        output.document({"name": settings.name, "key": pair.public})
    else:
        output.message(f"{settings.name} has new keys")


def _settings(common: Common) -> Settings:
    """The settings of the node that is up here, or of the one that would be."""
    return Settings.load({"name": find_socket(common.node).name})


def _address(settings: Settings) -> str:
    """Where others reach the node, if it is up and they do."""
    try:
        listen: str = Client(settings.paths.socket(settings.name)).item("status")["listen"]
    except GatewayError:
        return ""
    # Where a home is set, several nodes may share this machine.
    if is_loopback(split_address(listen)[0]) and not os.environ.get("SIMULACRA_HOME"):
        output.message(
            "only this machine reaches the node; for others: "
            "simulacra down, then simulacra up --detach --listen ADDRESS:PORT"
        )
        return ""
    return listen


def _admit(settings: Settings, members: Sequence[Member], common: Common) -> None:
    lines = _lines(settings.paths.members)
    lines += [" ".join(filter(None, (each.name, each.key, each.address))) for each in members]
    _write(settings.paths.members, lines)
    names = ", ".join(each.name for each in members) or "nobody new"
    _tell(settings, f"the network admits {names}", common)


def _read(settings: Settings) -> KeyList:
    if not settings.paths.members.exists():
        return KeyList()
    try:
        return KeyList.read(settings.paths.members)
    except KeyFileError as error:
        raise GatewayError(ErrorCode.FAILED, str(error), "mend that line by hand") from error


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _write(file: Path, lines: Sequence[str]) -> None:
    """Replace the file as a whole, so that a node never reads half of it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.write_text("".join(f"{line}\n" for line in lines))
    new.replace(file)


def _tell(settings: Settings, done: str, common: Common) -> None:
    try:
        changed = Client(settings.paths.socket(settings.name)).item("keys_changed")
    except GatewayError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        changed = {"admitted": len(_read(settings).members()), "expelled": []}
    if common.json:
        output.document(changed)
    else:
        output.message(f"{done}; keys in the list: {changed['admitted']}")
