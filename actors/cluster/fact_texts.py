"""What may stand in a fact: names, in any language, and values as JSON text.

A name is one word: what separates names elsewhere, in addresses and paths, is in none. It is in
Unicode's composed form, so that what looks the same is the same key. A value is plain data, which
JSON gives back as it was. What is refused is refused with the reason and what would do, before it
is signed; what comes from others is checked by the same rules.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

NAME_LIMIT: Final = 63
VALUE_LIMIT: Final = 8192
"""Bytes of a value as JSON."""

_RESERVED: Final = "@:/"


class FactError(ValueError):
    """What was to be said cannot be a fact; the text says why and what would do."""


def check_name(name: str, what: str = "name") -> None:
    """Refuse what cannot be a name in the network.

    Raises:
        FactError: it is empty or too long, or has blanks, control characters or one of ``@:/``.
    """
    rule = f"a {what} has 1 to {NAME_LIMIT} characters, none of them blank or one of {_RESERVED}"
    if not name:
        raise FactError(f"the {what} is empty: {rule}")
    if len(name) > NAME_LIMIT:
        raise FactError(f"the {what} {name[:20]!r}... has {len(name)} characters: {rule}")
    wrong = [each for each in name if not each.isprintable() or each.isspace()]
    wrong += [each for each in name if each in _RESERVED]
    if wrong:
        raise FactError(f"the {what} {name!r} has {wrong[0]!r} in it: {rule}")
    if not unicodedata.is_normalized("NFC", name):
        raise FactError(f"the {what} {name!r} is not in Unicode's composed form (NFC): type it so")


def to_text(value: Any) -> str:
    """A value as JSON.

    Raises:
        FactError: it is not plain data, or too large.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        same = json.loads(text) == _lists(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise FactError(f"the value is not plain data: {error}") from None
    if not same:
        raise FactError(
            "the value is not plain data: use text, numbers, true, false, null, lists, and maps "
            "whose keys are texts"
        )
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Refuse a value that is too large, or no JSON.

    Raises:
        FactError: says what is wrong.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > VALUE_LIMIT:
        raise FactError(
            f"the value has {size:,} bytes, and {VALUE_LIMIT:,} are allowed: put it into a "
            "file or a tree, and its name into the directory"
        )
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FactError(f"the value is no JSON: {error}") from None


def _lists(value: Any) -> Any:
    """The value as JSON gives it back: its tuples as lists."""
    if isinstance(value, list | tuple):
        return [_lists(each) for each in value]
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return value
