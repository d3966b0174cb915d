"""What can go wrong with rented machines."""

from __future__ import annotations

from collections.abc import Iterable


class CloudError(Exception):
    """A cloud does not do what it is asked, or cannot be asked.

    Attributes:
        hint: what to do.
        missing: whether what was asked for is not there.
    """

    def __init__(self, text: str, hint: str = "", *, missing: bool = False) -> None:
        super().__init__(text)
        self.hint = hint
        self.missing = missing


class TakenError(CloudError):
    """The order was taken before: the machine is there, or will be listed in a moment."""


def without(text: str, secrets: Iterable[str]) -> str:
    """A text in which no secret stands."""
    for each in secrets:
        if each:
            text = text.replace(each, "***")
    return text
