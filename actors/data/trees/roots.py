"""The roots of this host's trees in a file, which the shell's hook reads without starting anything.

A line each; space, tab, newline and backslash are octal numbers, as in /proc/self/mountinfo.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.private_files import replace_private

ROOTS: Final = "roots"
"""The name of the file, beside that of the definitions."""

_ENDS_IT: Final = re.compile(rb"[ \t\n\\]")


def write_roots(file: FilePath, roots: Iterable[str]) -> None:
    """Have a file say them; it is not touched where it does.

    Raises:
        OSError: it cannot be written.
    """
    text = b"".join(map(_line, roots))
    try:
        if file.read_bytes() == text:
            return
    except FileNotFoundError:
        pass
    replace_private(file, text)


def _line(root: str) -> bytes:
    return _ENDS_IT.sub(lambda found: b"\\%03o" % ord(found[0]), os.fsencode(root)) + b"\n"
