"""Every mutation that cosmic-ray knows of a module, but for those of type hints."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
ROOMS = ("job", "replaying", "parking", "gate")
Position = tuple[int, int]
Span = tuple[Position, Position]


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the operator's nth place in it."""

    path: str
    operator: str
    occurrence: int
    start: Position
    end: Position

    def source(self) -> str:
        """The module's text with this change."""
        code = (ROOT / self.path).read_text("utf-8")
        mutated: str | None = mutate_code(code, get_operator(self.operator)(), self.occurrence)
        if mutated is None:
            raise ValueError(f"{self.operator} changes nothing in {self.path}")
        return mutated

    def change(self) -> str:
        """The lines that differ, before and after."""
        before = (ROOT / self.path).read_text("utf-8").splitlines()
        lines = [
            f"{line[0]} {line[1:].strip()}"
            for line in unified_diff(before, self.source().splitlines(), n=0, lineterm="")
            if not line.startswith(("---", "+++", "@@"))
        ]
        return " ".join(lines)

    def __str__(self) -> str:
        return f"{self.path}:{self.start[0]} {self.operator.removeprefix('core/')}"


class Module:
    """A module's text, and which of its lines a test runs who runs a given place."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text("utf-8")

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.text)

    def mutants(self) -> Iterator[Mutant]:
        """All mutants of the module, type hints left out."""
        hints = list(_hints(self._tree))
        tree = get_ast(self.text)
        for name in operator_names():
            kind = get_operator(name)
            if inspect.signature(kind).parameters:
                continue  # these put in variables that the person who calls it names
            operator = kind()
            places = (
                place for node in ast_nodes(tree) for place in operator.mutation_positions(node)
            )
            for occurrence, (start, end) in enumerate(places):
                if not any(first <= start and end <= last for first, last in hints):
                    yield Mutant(self.path, name, occurrence, start, end)

    def lines(self, mutant: Mutant) -> range:
        """The lines of the innermost statement that the mutant changes, without its body."""
        line = mutant.start[0]
        inner = [
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case)
            and _first(node) <= line <= _last(node)
        ]
        if not inner:
            return range(line, line + 1)
        node = max(inner, key=_first)
        return range(_first(node), max(line, _header(node)) + 1)


def modules() -> list[Module]:
    """Those that `make mutants` changes."""
    paths = (path for room in ROOMS for path in sorted((ROOT / "chalicelib" / room).glob("*.py")))
    return [Module(str(path.relative_to(ROOT))) for path in paths]


def _first(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> int:
    return node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno


def _last(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> int:
    return (node.body[-1] if isinstance(node, ast.match_case) else node).end_lineno or 0


def _header(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> int:
    if isinstance(node, ast.match_case):
        return node.guard.end_lineno or 0 if node.guard else _first(node)
    body = getattr(node, "body", None)
    return max(_first(node), body[0].lineno - 1) if body else _last(node)


def _hints(tree: ast.Module) -> Iterator[Span]:
    for node in ast.walk(tree):
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(hint, ast.expr):
                yield (
                    (hint.lineno, hint.col_offset),
                    (hint.end_lineno or 0, hint.end_col_offset or 0),
                )
