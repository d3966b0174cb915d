"""Credentials of clouds: from the environment, or from a file that only its user may read.

A file has lines ``NAME=VALUE``, with the names that the environment has; ``#`` begins a comment.
It comes before the environment. Values are never shown: not by ``repr``, and not in errors.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.errors import CloudError

_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "ec2": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "openstack": ("OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"),
    "opennebula": ("ONE_USERNAME", "ONE_PASSWORD"),
    "dummy": (),
}
_SECRET: Final = ("SECRET", "PASSWORD", "TOKEN")


class Credentials(Mapping[str, str]):
    """Names and values; only the names are shown."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<credentials {', '.join(sorted(self._values))}>"

    @property
    def secrets(self) -> list[str]:
        """The values that must not be shown."""
        return [
            value for name, value in self._values.items() if any(word in name for word in _SECRET)
        ]


def find(template: Cloud, environ: Mapping[str, str] = os.environ) -> Credentials:
    """The credentials of a template.

    Raises:
        CloudError: some are missing, or others may read them.
    """
    said = dict(environ)
    if template.credentials:
        said |= _read(Path(template.credentials).expanduser())
    needed = _NEEDED[template.driver]
    missing = [name for name in needed if not said.get(name)]
    if missing:
        where = template.credentials or "the environment"
        raise CloudError(
            f"{where} does not say {', '.join(missing)}",
            "put them there, or into a file of mode 0600 that the template's credentials names",
        )
    prefixes = {name.partition("_")[0] for name in needed}
    return Credentials(
        {name: value for name, value in said.items() if name.partition("_")[0] in prefixes}
    )


def _read(file: Path) -> dict[str, str]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor) as opened:
            _check_private(file, os.fstat(descriptor))
            return dict(_pair(file, line) for line in opened if line.split("#")[0].strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CloudError(
            f"the credentials cannot be read: {error}", "is the file there?"
        ) from error


def _check_private(file: Path, status: os.stat_result) -> None:
    if status.st_uid not in {os.getuid(), 0} or stat.S_IMODE(status.st_mode) & 0o077:
        raise CloudError(
            f"others than you may read {file}, which has credentials",
            f"chmod 600 {file}; chown {os.getuid()} {file}; and who may have read them by now?",
        )


def _pair(file: Path, line: str) -> tuple[str, str]:
    name, equals, value = line.strip().removeprefix("export ").partition("=")
    if not equals:
        raise CloudError(f"in {file}, a line is not NAME=VALUE", "as in AWS_ACCESS_KEY_ID=AKIA...")
    return name.strip(), value.strip().strip("'\"")
