"""``owner``: the key that says who is in the network; yours, and no node's."""

from __future__ import annotations

import shutil
from pathlib import Path

from cyclopts import App

from simulacra.actors.cluster.enrolling import load_or_make_signer, load_signer
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.enrolling import enrolling, explained, keep, settings_of
from simulacra.cli.options import COMMON, Common

app = App(name="owner")


@app.default
def show(*, common: Common = COMMON) -> None:
    """Show your public owner key; it is made, if there is none on this machine.

    For example:

    - `simulacra owner`
    - `simulacra owner add anna 3d40...`
    - `simulacra owner export /media/usb/owner.key`

    Args:
        common: Options of all commands.
    """
    settings = settings_of(common)
    with explained():
        signer = load_or_make_signer(settings.paths.owner)
        charter = enrolling(settings).charter
    owners = {} if charter is None else dict(charter.roll.owners)
    if common.json:
        output.document({"key": signer.key, "owners": owners})
        return
    output.data(signer.key)
    for key, name in owners.items():
        output.message(f"owner: {name}{' (this key)' if key == signer.key else ''}")


@app.command
def add(name: str, key: str, /, *, common: Common = COMMON) -> None:
    """Make somebody else an owner too, who may then invite and expel.

    For example:

    - `simulacra owner add anna 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c`

    Args:
        name: Who it is.
        key: The public key that `simulacra owner` shows there.
        common: Options of all commands.
    """
    settings = settings_of(common)
    with explained():
        record = enrolling(settings).second_owner(name, key)
    told = keep(settings, [record])
    if common.json:
        output.document({"name": name, "key": key, "told": told})
    else:
        output.message(f"{name} is an owner now")


@app.command
def export(file: Path, /, *, common: Common = COMMON) -> None:
    """Copy your secret owner key to a file, which only you may read.

    For example:

    - `simulacra owner export /media/usb/owner.key`

    Args:
        file: Where to; there may be none yet.
        common: Options of all commands.
    """
    source = settings_of(common).paths.owner
    with explained():
        load_signer(source)
        _copy(source, file)
    _done(f"the owner's key is in {file}: whoever has it owns the network", file, common)


@app.command(name="import")
def import_(file: Path, /, *, common: Common = COMMON) -> None:
    """Bring your secret owner key to this machine, from a copy.

    For example:

    - `simulacra owner import /media/usb/owner.key`

    Args:
        file: The copy.
        common: Options of all commands.
    """
    target = settings_of(common).paths.owner
    with explained():
        # On a stick every file may be readable by all: it is looked at once it is here.
        _copy(file, target)
        try:
            load_signer(target)
        except BaseException:
            target.unlink()
            raise
    _done(f"the owner's key is in {target}", target, common)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with target.open("xb") as out:
            target.chmod(0o600)
            with source.open("rb") as content:
                shutil.copyfileobj(content, out)
    except FileExistsError as error:
        raise GatewayError(
            ErrorCode.FAILED, f"there is a file {target} already", "move it away, or name another"
        ) from error


def _done(text: str, file: Path, common: Common) -> None:
    if common.json:
        output.document({"file": str(file)})
    else:
        output.message(text)
