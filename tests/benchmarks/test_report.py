"""The table, and merging into build/bench.json."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.case import Better
from benchmarks.figures import Figure
from benchmarks.report import merge, show


def figure(area: str, name: str, note: str | None = None) -> Figure:
    return Figure(area, name, 2.0, "µs", "peer", 1.0, 2.0, 1.3, Better.LOWER, False, note)


def names(path: Path) -> list[str]:
    return [row["name"] for row in json.loads(path.read_text())]


def test_measuring_an_area_replaces_it_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    merge(path, [figure("runtime", "old"), figure("cli", "ps")], {"runtime", "cli"})
    merge(path, [figure("runtime", "new")], {"runtime"})
    assert names(path) == ["ps", "new"]
    assert list(path.parent.iterdir()) == [path]


def test_a_row_has_the_fields_that_readers_rely_on(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    merge(path, [figure("runtime", "ask", "why")], {"runtime"})
    assert json.loads(path.read_text()) == [
        {
            "area": "runtime",
            "name": "ask",
            "ours": 2.0,
            "unit": "µs",
            "peer": "peer",
            "peer_value": 1.0,
            "ratio": 2.0,
            "target": 1.3,
            "better": "lower",
            "holds": False,
        }
    ]


@pytest.mark.parametrize("text", ["{", '{"area": 1}', "[1]", '[{"name": "ask"}]'])
def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a list of figures; remove it"):
        merge(path, [figure("runtime", "ask")], {"runtime"})
    assert path.read_text() == text


def test_the_table_shows_verdict_target_machine_and_each_note_once() -> None:
    out = StringIO()
    rows = [figure("runtime", "ask", "no [erl] here"), figure("runtime", "tell", "no [erl] here")]
    show(rows, "two cores", Console(file=out, width=150))
    text = out.getvalue()
    assert text.count("[1] no [erl] here") == 1
    assert text.count("short [1]") == 2
    assert "<= 1.3" in text
    assert "two cores" in text
