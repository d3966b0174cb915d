"""sshfs and fusermount as other programs see them: how they are called, and what the kernel lists.

Of all this only `wait_for_answer` touches what is mounted.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from pathlib import Path
from typing import Final

from simulacra.actors.compute.mounts import Mount, parse

logger = logging.getLogger(__name__)

_DETACH_WITHIN: Final = 10.0
_OPTIONS: Final = (
    # A shared connection would end with the one who opened it.
    *("ControlMaster=no", "ControlPath=none", "BatchMode=yes", "ConnectTimeout=5"),
    *("reconnect", "ServerAliveInterval=5", "ServerAliveCountMax=3"),
)


def command(source: str, folder: str) -> list[str]:
    """The sshfs that mounts ``[user@]host:path`` at a folder, and runs as long as that is there."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    return ["sshfs", "-f", *options, source, folder]


def is_mount_point(folder: str) -> bool:
    """Whether something is mounted there; it is not touched."""
    return folder in mounts_on_top()


def mounts_on_top() -> dict[str, Mount]:
    """The mounts on top, by their points."""
    text = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    return {mount.point: mount for mount in parse(text)}


def wait_for_answer(folder: str, answered: threading.Event) -> None:
    """Wait until a new sshfs answers; it does, or is ended, which ends this, too."""
    try:
        Path(folder).stat()
    except OSError as error:
        logger.debug("what is mounted at %s does not answer: %s", folder, error)
    else:
        answered.set()


def detach(folder: str) -> None:
    """Take a mount away, also one that is in use or dead."""
    try:
        done = subprocess.run(  # noqa: S603 - the folder is the user's
            ["fusermount3", "-u", "-z", folder],  # noqa: S607 - as the user's PATH has it
            capture_output=True,
            timeout=_DETACH_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s cannot be unmounted: %s", folder, error)
    else:
        if done.returncode:
            logger.warning("%s cannot be unmounted: %s", folder, done.stderr.decode().strip())
