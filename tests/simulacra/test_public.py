from __future__ import annotations

import subprocess
import sys

import pytest

import simulacra


@pytest.mark.parametrize("name", simulacra.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(simulacra, name)
    assert name in dir(simulacra)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = simulacra.nonsense


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import simulacra, sys; print([n for n in sys.modules if n.startswith('simulacra.')])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
