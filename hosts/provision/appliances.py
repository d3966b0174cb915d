"""Machines without a node, such as a router or a storage box: commands reach them by OpenSSH.

Its host key is the one that the inventory has, and no other: neither what the user once accepted
nor what the machine offers. Without one there, ssh asks as it always does. One that does not answer
is given up after 10 s. Pure text.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from simulacra.hosts.inventory.schema import Ssh
from simulacra.hosts.inventory.trust import TRUST


def ssh_command(
    name: str, ssh: Ssh, command: Sequence[str], *, terminal: bool, known_hosts: Path
) -> list[str]:
    """The command that runs another on an appliance.

    Args:
        name: the appliance's, under which its key is known.
        ssh: how it is reached.
        command: what it is to run, word by word; its shell sees each word as one.
        terminal: whether it is to have a terminal.
        known_hosts: the file that has its key; used where the inventory has a key.
    """
    options = ["-p", str(ssh.port), "-l", ssh.user, "-t" if terminal else "-T"]
    options += ["-o", "ConnectTimeout=10"]
    if ssh.public_key is not None:
        told = {
            **TRUST,
            "HostKeyAlias": name,
            "UserKnownHostsFile": f'"{known_hosts}"',
        }
        options += [word for key, value in told.items() for word in ("-o", f"{key}={value}")]
    return ["ssh", *options, "--", ssh.host, shlex.join(command)]
