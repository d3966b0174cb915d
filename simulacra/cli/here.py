"""The directory in which a command was typed, which may have been removed meanwhile."""

from __future__ import annotations

import os

from simulacra.actors.gateway.frames import ErrorCode, GatewayError


def current_folder() -> str:
    """Where the command was typed.

    Raises:
        GatewayError: ``not_found``, where that is no more.
    """
    try:
        return os.getcwd()  # noqa: PTH109 - for commands that import nothing they can do without
    except FileNotFoundError as error:
        raise removed() from error


def removed() -> GatewayError:
    """The error where it is no more."""
    return GatewayError(
        ErrorCode.NOT_FOUND, "the current directory was removed", "go elsewhere: cd"
    )
