"""What a rented machine does at its first boot, as cloud-init reads it. Pure text.

It is written as JSON, which is YAML as well. The invitation is a secret that is good once: it
stands in a file that only the person of the node may read, never on a command line, and is removed
when it was used.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Final

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.errors import CloudError

HEAD: Final = "#cloud-config\n"
INVITATION: Final = "/run/simulacra-invitation"
LIMIT: Final = 16_384
"""Bytes that EC2 takes; others take more."""
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def user_data(host: str, zone: str, template: Cloud, join: str) -> str:
    """The text for a machine that is to be a host, with Simulacra or with a way to install it.

    Of the template's options: ``user`` (the person of the node; root unless said), ``port`` (where
    the node listens, 7400 unless said), ``setup`` (a shell line that runs first, as to install
    Simulacra).

    Args:
        host: its name in the network.
        zone: what it stands or falls with.
        template: what it is made by.
        join: the invitation and where to use it, ``TOKEN@HOST``.

    Raises:
        CloudError: the options are wrong, or it is too long.
    """
    user, port = str(template.options.get("user", "root")), template.options.get("port", 7400)
    if _USER.fullmatch(user) is None:
        raise CloudError(f"the option user is {user!r}, no user's name", "as in: user = 'me'")
    setup = template.options.get("setup")
    up = [
        "simulacra", "up", "--detach", "--name", host, "--zone", zone,
        "--listen", f"0.0.0.0:{port}", "--join", f"@{INVITATION}",
    ]  # fmt: skip
    commands: list[Any] = [["sh", "-ec", str(setup)]] if setup else []
    commands += [
        ["loginctl", "enable-linger", user],
        ["chown", user, INVITATION],
        ["runuser", "-l", user, "-c", shlex.join(up)],
        ["rm", "-f", INVITATION],
    ]
    told = {
        "hostname": host,
        "preserve_hostname": False,
        "write_files": [{"path": INVITATION, "permissions": "0600", "content": join + "\n"}],
        "runcmd": commands,
    }
    text = HEAD + json.dumps(told, indent=1) + "\n"
    if len(text.encode()) > LIMIT:
        raise CloudError(
            f"what {host} is to do at its first boot has more than {LIMIT} bytes",
            "shorten the template's option setup: have it fetch a script",
        )
    return text
