"""``run --on`` a machine without a node: the command goes by ssh, as the inventory says."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.private_files import replace_private
from simulacra.actors.settings import Paths
from simulacra.cli import inventories


def by_ssh(host: str, command: Sequence[str]) -> list[str] | None:
    """The ssh command for a command on an appliance; None where the inventory has none such.

    Raises:
        GatewayError: the inventory is wrong, or the appliance's key cannot be written down.
    """
    try:
        inventory = inventories.load()
    except GatewayError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
    from simulacra.hosts.inventory.schema import Kind  # noqa: PLC0415 - an extra's
    from simulacra.hosts.inventory.trust import known_hosts  # noqa: PLC0415
    from simulacra.hosts.provision.appliances import ssh_command  # noqa: PLC0415

    told = inventory.hosts.get(host)
    if told is None or told.kind is not Kind.APPLIANCE or told.ssh is None:
        return None
    file = Paths.find().state / "known_hosts" / host
    try:
        replace_private(file, known_hosts({host: told.ssh}))
    except OSError as error:
        raise GatewayError(
            ErrorCode.FAILED, f"{host}'s key cannot be written down: {error}", "see: df -h"
        ) from error
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return ssh_command(host, told.ssh, command, terminal=terminal, known_hosts=file)
