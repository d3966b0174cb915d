"""Print pip constraints that pin every runtime dependency to the lowest version allowed."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def lowest(requirement: str) -> str:
    """Turn ``name>=1.2,<3`` into ``name==1.2``."""
    match = re.fullmatch(r"([A-Za-z0-9_-]+)>=([0-9.]+).*", requirement)
    if match is None:
        raise ValueError(f"no lower bound in {requirement!r}: say name>=version,<version")
    return f"{match[1]}=={match[2]}"


def main() -> None:
    """Print one constraint a line."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    print("\n".join(lowest(requirement) for requirement in project["dependencies"]))  # noqa: T201


if __name__ == "__main__":
    main()
