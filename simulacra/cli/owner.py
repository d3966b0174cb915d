"""``owner``: the key that says who is in the network; yours, and no node's."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from simulacra.actors.cluster import signing_keys
from simulacra.cli import output
from simulacra.cli.copies import check_file, check_folder
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
        signer = signing_keys.load_or_make(settings.paths.owner)
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
    check_folder(file)
    with explained():
        signing_keys.make(file, signing_keys.load(settings_of(common).paths.owner))
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
    check_file(file)
    target = settings_of(common).paths.owner
    with explained():
        # A stick's files may be readable by all; here it is not.
        signing_keys.make(target, signing_keys.parse(file.read_text(errors="replace")))
    _done(f"the owner's key is in {target}", target, common)


def _done(text: str, file: Path, common: Common) -> None:
    if common.json:
        output.document({"file": str(file)})
    else:
        output.message(text)
