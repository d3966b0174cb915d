from __future__ import annotations

import pytest
import segno

from simulacra.cli.qr import Style, qr_code
from tests.actors.cluster.admitting import Network

TOKEN = Network().invite().text().upper()


def dark_squares(drawn: str, style: Style) -> list[list[bool]]:
    """What a camera would see of a drawing: which squares are dark."""
    if style == "ascii":
        return [[line[at] == " " for at in range(0, len(line), 2)] for line in drawn.split("\n")]
    rows: list[list[bool]] = []
    for line in drawn.split("\n"):
        bare = line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m")
        assert (bare != line) == (style == "colour")
        drawn_is_dark = style == "colour"
        rows.append([(letter in "█▀") == drawn_is_dark for letter in bare])
        rows.append([(letter in "█▄") == drawn_is_dark for letter in bare])
    return rows


@pytest.mark.parametrize("style", ["colour", "blocks", "ascii"])
@pytest.mark.parametrize("text", ["1", TOKEN])
def test_a_code_is_drawn_as_it_should_be(style: Style, text: str) -> None:
    code = segno.make(text, error="l", micro=False)
    wanted = [[bool(square) for square in row] for row in code.matrix_iter(border=4)]
    assert dark_squares(qr_code(text, style), style)[: len(wanted)] == wanted


def test_a_token_fits_on_a_screen() -> None:
    lines = qr_code(TOKEN, "blocks").split("\n")
    assert len(lines) <= 34
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 66


def test_without_colour_there_is_nothing_but_text() -> None:
    assert "\x1b" not in qr_code(TOKEN, "blocks")
    assert qr_code(TOKEN, "ascii").isascii()
