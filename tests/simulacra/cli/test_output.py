from __future__ import annotations

import pytest

from simulacra.cli import output

from .conftest import Serve, Terminal
from .samples import STATUS

GREEN = b"\x1b[32mup"


def test_a_terminal_gets_colours(environ: dict[str, str], serve: Serve) -> None:
    serve({"status": lambda _: [STATUS]})
    colourful = {**environ, "TERM": "xterm"}
    colourful.pop("NO_COLOR", None)
    terminal = Terminal(colourful, "status")
    terminal.until(b"no heartbeat")
    assert GREEN in terminal.shown
    assert terminal.end() == 0


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_plain_text_for_who_asks_for_it(
    environ: dict[str, str], serve: Serve, plain: dict[str, str]
) -> None:
    serve({"status": lambda _: [STATUS]})
    terminal = Terminal({**environ, "TERM": "xterm", **plain}, "status")
    terminal.until(b"no heartbeat")
    assert b"\x1b" not in terminal.shown
    assert terminal.end() == 0


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "n"), [("a", "1"), ("longer", "")])
    assert capsys.readouterr().out == "name    n\na       1\nlonger\n"


def test_bytes_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.document({"a": b"text", "b": b"\xff"})
    assert capsys.readouterr().out == '{"a": "text", "b": {"base64": "/w=="}}\n'
    with pytest.raises(TypeError, match="object has no form in JSON"):
        output.document(object())
