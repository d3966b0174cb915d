"""A lint of Nix: syntax errors, and names that are bound and never used. `make lint` runs it.

Bound by a `let`, by an argument of a function, or inherited into a `let`. A name that begins with
`_` is meant to be unused; arguments beside an `@name` that is used may be used through it. A `rec`
whose names none of it uses is told as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import tree_sitter_nix
from tree_sitter import Language, Node, Parser

_PARSER: Final = Parser(Language(tree_sitter_nix.language()))
_TRAILING_COMMA: Final = re.compile(rb",(\s*\})")
"""After the last argument, as Nix takes it and this grammar does not."""


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong, and where: lines and columns from 1."""

    line: int
    column: int
    text: str

    @classmethod
    def at(cls, node: Node, text: str) -> Finding:
        """A finding at a node."""
        row, column = node.start_point
        return cls(row + 1, column + 1, text)


@dataclass
class _Scope:
    """Names that hold in a part of a file.

    Attributes:
        bound: each with the node that binds it.
        used: those that something in the scope means.
    """

    outer: _Scope | None
    bound: dict[str, Node] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def use(self, name: str) -> None:
        """Count a use for the innermost scope that has the name; none has a builtin's."""
        if name in self.bound:
            self.used.add(name)
        elif self.outer is not None:
            self.outer.use(name)

    def unused(self, kind: str) -> Iterator[Finding]:
        """What is bound here for nothing."""
        for name, node in self.bound.items():
            if name not in self.used and not name.startswith("_"):
                yield Finding.at(node, f"{kind} {name} is not used")


def findings(source: bytes) -> list[Finding]:
    """All that is wrong with a file, in order."""
    root = _PARSER.parse(_TRAILING_COMMA.sub(rb" \1", source)).root_node
    broken = sorted(_broken(root))
    return broken or sorted(_Walk().run(root))


def _broken(node: Node) -> Iterator[Finding]:
    if node.is_missing:
        yield Finding.at(node, f"there should be {node.type} here")
    elif node.type == "ERROR":
        yield Finding.at(node, "this is no Nix")
    elif node.has_error:
        for child in node.children:
            yield from _broken(child)


class _Walk:
    def __init__(self) -> None:
        self._found: list[Finding] = []

    def run(self, root: Node) -> list[Finding]:
        self._visit(root, None)
        return self._found

    def _visit(self, node: Node, scope: _Scope | None) -> None:
        match node.type:
            case "variable_expression":
                _use(scope, _text(node))
            case "function_expression":
                self._function(node, scope)
            case "let_expression":
                self._let(node, scope)
            case "rec_attrset_expression":
                self._rec(node, scope)
            case "inherit":
                for name in _inherited(node):
                    _use(scope, _text(name))
            case _:
                self._children(node, scope)

    def _children(self, node: Node, scope: _Scope | None) -> None:
        for child in node.named_children:
            self._visit(child, scope)

    def _function(self, node: Node, outer: _Scope | None) -> None:
        whole, formals = node.child_by_field_name("universal"), node.child_by_field_name("formals")
        scope = _Scope(outer)
        for formal in formals.named_children if formals else ():
            name = formal.child_by_field_name("name")
            if name is not None:
                scope.bound[_text(name)] = name
        if whole is not None:
            scope.bound[_text(whole)] = whole
        for part in (formals, node.child_by_field_name("body")):
            if part is not None:
                self._visit(part, scope)
        if whole is not None and formals is not None and _text(whole) in scope.used:
            return
        self._found += scope.unused("the argument")

    def _let(self, node: Node, outer: _Scope | None) -> None:
        scope = _Scope(outer)
        self._bindings(node, scope)
        body = node.child_by_field_name("body")
        if body is not None:
            self._visit(body, scope)
        self._found += scope.unused("the name")

    def _rec(self, node: Node, outer: _Scope | None) -> None:
        scope = _Scope(outer)
        self._bindings(node, scope)
        if not scope.used:
            self._found.append(Finding.at(node, "nothing in this set needs its rec"))

    def _bindings(self, node: Node, scope: _Scope) -> None:
        """Bind all names of a set before anything in it is looked at."""
        bindings = [each for part in node.named_children for each in _set(part)]
        for each in bindings:
            for name in _names(each):
                scope.bound[_text(name)] = name
        for each in bindings:
            # What is inherited without a source is the outer scope's.
            self._visit(each, scope.outer if each.type == "inherit" else scope)


def _set(node: Node) -> list[Node]:
    return node.named_children if node.type == "binding_set" else []


def _names(binding: Node) -> Iterator[Node]:
    """The names that one line of a set binds."""
    if binding.type == "binding":
        path = binding.child_by_field_name("attrpath")
        first = path.child_by_field_name("attr") if path else None
        if first is not None and first.type == "identifier":
            yield first
    else:
        yield from _inherited(binding)


def _inherited(node: Node) -> Iterator[Node]:
    attrs = node.child_by_field_name("attrs")
    yield from (each for each in attrs.named_children if each.type == "identifier") if attrs else ()


def _use(scope: _Scope | None, name: str) -> None:
    if scope is not None:
        scope.use(name)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def main(words: list[str]) -> int:
    """Print what is wrong in these files, or in all of the repository; the exit code."""
    listed = (
        words
        or subprocess.run(
            ["git", "ls-files", "*.nix"], check=True, capture_output=True, text=True
        ).stdout.splitlines()
    )
    wrong = 0
    for name in listed:
        for each in findings(Path(name).read_bytes()):
            print(f"{name}:{each.line}:{each.column}: {each.text}")  # noqa: T201
            wrong += 1
    print(f"{len(listed)} files of Nix: {f'{wrong} findings' if wrong else 'all well'}")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
