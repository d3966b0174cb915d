"""The text of an error, whatever its class makes of that."""

from __future__ import annotations


def error_text(error: BaseException) -> str:
    """``str(error)``, or what failed in it: a ``__str__`` of the user's may do anything."""
    try:
        return str(error)
    except BaseException as failure:  # noqa: BLE001 - it may also raise SystemExit
        return f"<its text failed: {type(failure).__name__}>"
