"""Files of the user's that secrets are copied to, or brought back from.

A copy goes only into a folder that is there: where one is missing, most likely its disk is not
mounted, and a copy in a folder made in its place would be taken for a safe one.
"""

from __future__ import annotations

from pathlib import Path

from simulacra.actors.gateway.frames import ErrorCode, GatewayError


def check_folder(file: Path) -> None:
    """Refuse a file that would need a folder of its own.

    Raises:
        GatewayError: ``not_found``.
    """
    folder = file.parent
    if not folder.is_dir():
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"there is no folder {folder} to put {file.name} into: is its disk mounted?",
            f"mount it, or make the folder: mkdir -p {folder}",
        )


def check_file(file: Path) -> None:
    """Refuse a file that is not there.

    Raises:
        GatewayError: ``not_found``.
    """
    if not file.exists():
        raise GatewayError(
            ErrorCode.NOT_FOUND, f"there is no file {file}", f"look for it: ls -l {file.parent}"
        )
