"""A variable is called what it holds: a participle says only what was done to get it."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("chalicelib", "respool")
PARTICIPLES = {
    *("became", "began", "begun", "found", "given", "gone"),
    *("known", "listed", "made", "noted", "shown", "told"),
}


def participles(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each parameter and each local variable that is called by a participle.

    A class's own fields are left out: some are names of stored items' attributes.
    """
    tree = ast.parse(source)
    fields = {
        id(member.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in PARTICIPLES:
            yield node.lineno, node.arg
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id in PARTICIPLES
            and id(node) not in fields
        ):
            yield node.lineno, node.id


def test_no_variable_is_called_by_a_participle() -> None:
    ours = [path for room in ROOMS for path in sorted((PROJECT / room).rglob("*.py"))]
    files = [PROJECT / "app.py", *ours]

    assert len(files) > 250
    assert [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in files
        for line, name in participles(path.read_text("utf-8"))
    ] == []


def test_parameters_loops_and_assignments_are_looked_at_and_fields_are_not() -> None:
    source = "def f(given):\n for known in given:\n  told = known\nclass C:\n found: int = 0\n"

    assert sorted(participles(source)) == [(1, "given"), (2, "known"), (3, "told")]
