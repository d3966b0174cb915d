"""Sizes, durations and ages between people and programs.

Read: ``512M`` (bytes, powers of 1024: K, M, G, T), ``90s``, ``10m``, ``1h30m``, ``2d``, and plain
numbers of bytes or seconds. Written: the one or two figures that matter, ``-`` for unknown.
"""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.IGNORECASE)
_SUFFIXES: Final = ("", "K", "M", "G", "T")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_KILO: Final = 1024
_MOST_BYTES: Final = 1 << 63
_MOST_YEARS: Final = 100
_YEAR: Final = 365 * _SECONDS["d"]


def parse_size(text: str) -> int:
    """Return the bytes that ``text`` says.

    Raises:
        ValueError: It says none, or as many as no disk has.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size: write bytes as in 512M or 2G")
    size = float(match[1]) * _KILO ** _SUFFIXES.index(match[2].upper())
    if size >= _MOST_BYTES:
        raise ValueError(f"{text!r} is more than there is: write bytes as in 512M or 2G")
    return int(size)


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` says.

    Raises:
        ValueError: It says none, or more than a hundred years.
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        seconds = float(text)
    else:
        parts = list(_PART.finditer(text))
        if not parts or "".join(part[0] for part in parts) != text:
            raise ValueError(f"{text!r} is no duration: write it as in 90s, 10m or 1h30m")
        seconds = sum(float(part[1]) * _SECONDS[part[2].lower()] for part in parts)
    if seconds > _MOST_YEARS * _YEAR:
        raise ValueError(f"{text!r} is more than {_MOST_YEARS} years: write it as in 10m or 2d")
    return seconds


def parse_number(text: str, least: int, most: int | None = None) -> int:
    """Return the whole number that ``text`` says.

    Raises:
        ValueError: It says none, or one that is out of bounds.
    """
    number = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text.strip()) else None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"from {least} on" if most is None else f"from {least} to {most}"
        raise ValueError(f"{text!r} is no number {bounds}")
    return number


def show_size(size: float | None) -> str:
    """Write bytes for people: ``3.4M``."""
    if size is None:
        return "-"
    for suffix in _SUFFIXES:
        if size < _KILO or suffix == _SUFFIXES[-1]:
            break
        size /= _KILO
    if suffix == "":
        return f"{size:.0f}B"
    return f"{size:.0f}{suffix}" if size >= 10 else f"{size:.1f}{suffix}"  # noqa: PLR2004 (two figures)


def show_seconds(seconds: float | None) -> str:
    """Write a short measured time: ``1.2ms``, ``3.4s``; a long one like an age."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.3g}ms"
    return f"{seconds:.3g}s" if seconds < _SECONDS["m"] else show_age(seconds)


def show_age(seconds: float | None) -> str:
    """Write an age in its two largest units: ``3s``, ``5m12s``, ``2d4h``."""
    if seconds is None:
        return "-"
    left = int(seconds)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(_SECONDS[unit]))
        if count or parts:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
