"""``keys``: this node's own key, and the keys that the network admits.

A network is the machines that have one another's keys. The list is a text file, one
``NAME KEY [ADDRESS]`` a line; a node that is up reads it again whenever it is changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyFileError, KeyList, KeyPair, check_public_key
from simulacra.actors.settings import Settings, split_address
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common
from simulacra.client import Client, find_socket

app = App(name="keys")


@app.default
def show(*, common: Common = COMMON) -> None:
    """Show this node's key as the line that the other machines need, or change the list of keys.

    On the other machine, type `simulacra keys add` and that line.

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
    if common.json:
        output.document({"name": settings.name, "key": public})
    else:
        # In quotes, since a key has characters that mean something to a shell.
        output.data(f"{settings.name} '{public}'")


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
    lines = _lines(settings.paths.members)
    _write(settings.paths.members, [*lines, " ".join(filter(None, (name, key, address)))])
    _tell(settings, f"the network admits {name}", common)


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
    members = _read(_settings(common)).members()
    if common.json:
        output.document([asdict(member) for member in members])
    else:
        output.table(
            ("name", "key", "address"),
            [(member.name, member.key, member.address or "-") for member in members],
        )


def _settings(common: Common) -> Settings:
    """The settings of the node that is up here, or of the one that would be."""
    return Settings.load({"name": find_socket(common.node).name})


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
