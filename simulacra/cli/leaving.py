"""``expel``, ``leave``: how a host gets out of the network, and what becomes of its trees.

Others become the main stores of its trees first. A host that leaves is kept from it while it may
have what no other host has; one that is expelled goes in any case.
"""

from __future__ import annotations

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.cli import output
from simulacra.cli.enrolling import enrolling, explained, keep, settings_of
from simulacra.cli.options import COMMON, Common
from simulacra.client import Client

_GIVING_UP = 600.0
_WHEN_UP = "; no node is up here, so the others are told when it is: simulacra up --detach"


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
