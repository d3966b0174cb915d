"""``overlay phone``: a phone's place in the network, and a QR code that its WireGuard reads."""

from __future__ import annotations

import base64
import sys
from dataclasses import asdict
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import inventories, output, planning
from simulacra.cli.inventories import InventoryFile, Opened
from simulacra.cli.options import COMMON, Common
from simulacra.cli.planning import Draft
from simulacra.overlay.plan import phone as phones
from simulacra.overlay.plan.document import Plan

_TAKEN: Final = "it is another kind of host: give the phone a name of its own"


def phone(
    name: str,
    /,
    *,
    role: tuple[str, ...] = (),
    zone: str = "",
    relay: str = "",
    again: bool = False,
    qr: bool | None = None,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Let a phone in: make its keys, its place in the inventory and the plan, and show a QR code.

    The WireGuard application reads the code. The phone reaches what roles of hosts accept from its
    own roles, and nothing else; it works as soon as the relays have the new plan. Its private key
    is shown this once and kept nowhere: for a new phone, or a lost one, say --again.

    For example:

    - `simulacra overlay phone anns-phone --role family`
    - `simulacra overlay phone anns-phone --again`

    Args:
        name: The phone's name.
        role: A role it has; may be given several times.
        zone: Its zone; that of its relay otherwise, which means nothing.
        relay: The relay that it uses; otherwise the one that it used, or the first one.
        again: Give a phone that is in the inventory another key, so that the old one is let in no
            more.
        qr: Show it as a QR code too; by default on a terminal.
        force: Do it also where the plan cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import (  # noqa: PLC0415 (slow to load)
        X25519PrivateKey,
    )

    opened = inventories.opened(inventory)
    key = X25519PrivateKey.generate()
    fields: dict[str, Any] = {"wireguard": _base64(key.public_key().public_bytes_raw())}
    if role:
        fields["roles"] = list(role)
    made = planning.edited(opened, _text(opened, name, fields, zone=zone, again=again))
    relay = relay or _relay_before(made, name)
    text = _configuration(made.plan, name, _base64(key.private_bytes_raw()), relay, opened)
    made = _remembered(made, name, relay)
    planning.put(made, force=force, options=common)
    if common.json:
        output.document({"phone": name, "configuration": text})
        return
    output.data(text)
    if qr or (qr is None and sys.stdout.isatty()):
        _show_code(text)
    planning.tell(
        made, f"{name} is let in when its relays have the new plan; its key is shown this once"
    )


def _text(opened: Opened, name: str, fields: dict[str, Any], *, zone: str, again: bool) -> str:
    """The inventory's text with the phone."""
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    content = opened.content.decode()
    known = opened.inventory.hosts.get(name)
    try:
        if again and known is not None and known.kind == "phone":
            return editing.change(content, name, fields)
        if again:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"the inventory has no phone {name}",
                _TAKEN if known else f"let a new one in: simulacra overlay phone {name}",
            )
        where = zone or _zone(opened)
        return editing.add(content, name, {"kind": "phone", "zone": where, **fields})
    except editing.EditError as error:
        hint = _TAKEN if known else ""
        if known is not None and known.kind == "phone":
            hint = f"for another key: simulacra overlay phone {name} --again"
        raise GatewayError(ErrorCode.USAGE, str(error), hint) from error


def _relay_before(made: Draft, name: str) -> str:
    """The relay that a phone went by, if that still is one."""
    part = made.plan.hosts[name]
    relays = {each.host for each in part.relays}
    return part.given.relay if part.given and part.given.relay in relays else ""


def _remembered(made: Draft, name: str, relay: str) -> Draft:
    """The same, and the inventory remembers what the phone was told."""
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    given = asdict(phones.given(made.plan, name, relay))
    text = made.opened.content.decode()
    return planning.edited(made.opened, editing.change(text, name, {"given": given}))


def _zone(opened: Opened) -> str:
    hosts = opened.inventory.hosts.values()
    relays = [host.zone for host in hosts if host.relay]
    # Where there is no relay, that is what the phone is refused for.
    return next(iter((*relays, *opened.inventory.zones)))


def _configuration(plan: Plan, name: str, private: str, relay: str, opened: Opened) -> str:
    try:
        return phones.configuration(plan, name, private, relay)
    except phones.NothingExposedError as error:
        roles = opened.inventory.roles.values()
        accepted = sorted({role for access in roles for role in access.accepts} - {"*"})
        hint = (
            f"give it a role that is accepted: --role {' or --role '.join(accepted)}"
            if accepted
            else 'have a role of a host accept one of phones: accepts = ["*", "family"]'
        )
        raise _refused(error, hint) from error
    except phones.PhoneError as error:
        raise _refused(error, "see: simulacra hosts list") from error


def _refused(error: phones.PhoneError, hint: str) -> GatewayError:
    return GatewayError(ErrorCode.USAGE, f"{error}; nothing is changed", hint)


def _show_code(text: str) -> None:
    from segno import DataOverflowError  # noqa: PLC0415 (only those who show one need it)

    from simulacra.cli.qr import qr_code  # noqa: PLC0415

    try:
        output.data(qr_code(text, "colour" if output.is_colourful() else "blocks"))
    except DataOverflowError:
        output.message("it is too long for a QR code: import the text, or expose less to the phone")


def _base64(key: bytes) -> str:
    return base64.b64encode(key).decode()
