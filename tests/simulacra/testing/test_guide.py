import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def test_the_guides_example_runs() -> None:
    guide = (ROOT / "docs" / "guide" / "testing.md").read_text()
    code = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code.group(1), names)
    assert names["network"].clock.now > 1, "some messages are lost with that seed"
