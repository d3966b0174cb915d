"""What is written down of machines that were rented here: one file, one at a time.

It is written before a cloud is asked for a machine, so that whoever is killed in between finds the
machine, or its order, the next time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from simulacra.actors.private_files import replace_private
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import Record


class Records:
    """See the module.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> dict[str, Record]:
        """The records by host.

        Raises:
            CloudError: the file is damaged.
        """
        try:
            found = json.loads(self._file.read_text())
            return {str(host): Record(**each) for host, each in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError, OSError) as error:
            raise CloudError(
                f"{self._file}, which says what was rented here, is damaged: {error}",
                "move it away; machines are found by their tags: simulacra cloud list",
            ) from error

    def put(self, host: str, record: Record | None) -> None:
        """Keep a record, or none any more.

        Raises:
            CloudError: it cannot be kept.
        """
        kept = {**self.all(), host: record}
        plain = {host: asdict(each) for host, each in kept.items() if each is not None}
        try:
            replace_private(self._file, json.dumps(plain, indent=1))
        except OSError as error:
            raise CloudError(
                f"what is rented cannot be written down: {error}", "is there room? df -h"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else rent or let go here meanwhile."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._file.with_suffix(".lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
