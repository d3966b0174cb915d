"""Writes docs/reference: the command line's from its help, the API's from its docstrings.

Type: python docs/generate.py [FOLDER]
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from simulacra.cli.main import make_app

MODULES = ("simulacra", "simulacra.actors.runtime", "simulacra.testing")
"""Whose ``__all__`` is the public API."""


def cli() -> str:
    """Return the reference of the command line."""
    return make_app().generate_docs()


def api() -> str:
    """Return the reference of every public name."""
    return "\n".join(line for name in MODULES for line in module(name))


def module(name: str) -> Iterator[str]:
    """Yield the reference of one module."""
    found = importlib.import_module(name)
    yield f"# {name}\n\n{inspect.getdoc(found)}\n"
    for public in sorted(found.__all__):
        value = getattr(found, public)
        if not callable(value):
            continue
        yield f"## {name}.{public}\n"
        yield from entry(public, value)
        if inspect.isclass(value):
            yield from methods(public, value)


def methods(owner: str, value: type) -> Iterator[str]:
    """Yield the reference of the public methods that a class defines itself."""
    for name, member in vars(value).items():
        function = inspect.unwrap(getattr(member, "__func__", member))
        if not name.startswith("_") and inspect.isfunction(function):
            yield f"### {owner}.{name}\n"
            yield from entry(name, function)


def entry(name: str, value: object) -> Iterator[str]:
    """Yield the signature of a class or function, and its docstring as it was written."""
    if not inspect.isclass(value) and callable(value):
        yield f"```python\n{name}{signature(value)}\n```\n"
    yield f"```text\n{inspect.getdoc(value) or ''}\n```\n"


def signature(function: Callable[..., object]) -> inspect.Signature:
    """Return a signature whose annotations are shown as they were written."""
    found = inspect.signature(function)
    parameters = [
        each.replace(annotation=_Bare(each.annotation))
        if each.annotation is not each.empty
        else each
        for each in found.parameters.values()
    ]
    returned = found.return_annotation
    if returned is not found.empty:
        returned = _Bare(returned)
    return found.replace(parameters=parameters, return_annotation=returned)


class _Bare(str):
    """An annotation that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def main() -> None:
    """Write both files."""
    if any(word.startswith("-") for word in sys.argv[1:]):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text(cli())
    (folder / "api.md").write_text(api())


if __name__ == "__main__":
    main()
