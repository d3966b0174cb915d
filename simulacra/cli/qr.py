"""QR codes as text, two rows of squares a line, for a terminal and for what is none.

In colour the squares are black on white whatever the terminal's own colours are. Without, the
light squares are drawn and the dark ones are left out, as suits the light text on dark ground that
most terminals have; scanners read the opposite as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

Style = Literal["colour", "blocks", "ascii"]

_BORDER: Final = 4
_BLACK_ON_WHITE: Final = "\x1b[30;107m"
_PLAIN: Final = "\x1b[0m"
# By what is drawn in the upper and in the lower half.
_HALVES: Final = {(1, 1): "█", (1, 0): "▀", (0, 1): "▄", (0, 0): " "}


def qr_code(text: str, style: Style) -> str:
    """A QR code of a text.

    Args:
        text: what to encode; of capitals, digits and few signs the code is smaller.
        style: ``colour`` for terminals that have some, ``blocks`` for other UTF-8 text, ``ascii``
            for what knows no blocks (twice as large).
    """
    import segno  # noqa: PLC0415 (only those who invite need it)

    code = segno.make(text, error="l", micro=False)
    rows = [[int(square) for square in row] for row in code.matrix_iter(border=_BORDER)]
    if style == "ascii":
        return "\n".join("".join("  " if dark else "##" for dark in row) for row in rows)
    if style == "colour":
        lines = _halves(rows)
        return "\n".join(f"{_BLACK_ON_WHITE}{line}{_PLAIN}" for line in lines)
    return "\n".join(_halves([[1 - dark for dark in row] for row in rows]))


def _halves(rows: Sequence[Sequence[int]]) -> list[str]:
    width = len(rows[0])
    even = [*rows, [0] * width] if len(rows) % 2 else rows
    return [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(even[::2], even[1::2], strict=True)
    ]
