"""Who may import whom: what decides knows no SDK, and what is for people stays out of Lambda."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SDK = ("boto3", "botocore")
PURE = (
    "chalicelib.claims",
    "chalicelib.errors",
    "chalicelib.keys",
    "chalicelib.metric_names",
    "chalicelib.names",
    "chalicelib.plan",
    "chalicelib.ramp.decide",
    "chalicelib.ramp.describe",
    "chalicelib.ramp.judge",
    "chalicelib.ramp.state",
    "chalicelib.ramp.windows",
    "chalicelib.record",
)
ADAPTERS = (
    "chalicelib.aws",
    "chalicelib.board",
    "chalicelib.mapping",
    "chalicelib.ramp.store",
    "chalicelib.spool",
    "chalicelib.table",
    "chalicelib.tokens",
    "chalicelib.workflow",
)
ENGINES = (
    "chalicelib.foresight",
    "chalicelib.giveup",
    "chalicelib.inspection",
    "chalicelib.net",
    "chalicelib.ramp.tick",
    "chalicelib.recovery",
    "chalicelib.replay",
    "chalicelib.restart",
    "chalicelib.spooling",
    "chalicelib.sweep",
    "chalicelib.trigger",
)
FOR_PEOPLE = ("chalicelib.cli", "chalicelib.deploy", "chalicelib.local", "chalicelib.verify")
NOT_AT_START = (
    "boto3",
    "click",
    "rich",
    "chalicelib.api.console",
    "chalicelib.api.jobs",
    "chalicelib.api.openapi",
    "chalicelib.api.status",
    "chalicelib.board",
    "chalicelib.ramp",
)


def _path(module: str) -> Path | None:
    base = PROJECT / module.replace(".", "/")
    found = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in found if path.is_file()), None)


def _imported(module: str, everywhere: bool) -> set[str]:
    """What a module imports when it is loaded, or with `everywhere` at any time."""
    path = _path(module)
    assert path is not None, module
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = ast.walk(tree) if everywhere else iter(tree.body)
    return {name for statement in statements for name in _names(statement)}


def _names(statement: ast.AST) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        inner = [f"{statement.module}.{alias.name}" for alias in statement.names]
        yield from (name for name in inner if _path(name))
        yield statement.module


def _loaded_with(module: str) -> set[str]:
    """All modules that come with it, ours followed to their own imports."""
    seen: set[str] = set()
    ahead = {module}
    while ahead:
        seen |= ahead
        ours = {name for name in ahead if _path(name)}
        ahead = {name for one in ours for name in _imported(one, everywhere=False)} - seen
    return seen


def _inside(names: set[str], packages: tuple[str, ...]) -> set[str]:
    return {n for n in names if any(n == p or n.startswith(f"{p}.") for p in packages)}


@pytest.mark.parametrize("module", PURE)
def test_what_decides_knows_neither_the_sdk_nor_an_adapter(module: str) -> None:
    assert _inside(_imported(module, everywhere=True), (*SDK, "chalice", *ADAPTERS)) == set()
    assert _inside(_loaded_with(module), SDK) == set()


@pytest.mark.parametrize("module", ENGINES)
def test_an_engine_calls_adapters_and_never_the_sdk(module: str) -> None:
    assert _inside(_imported(module, everywhere=True), SDK) == set()


def test_what_is_for_people_is_not_loaded_in_lambda() -> None:
    loaded = _loaded_with("app")
    assert "chalicelib.replay" in loaded
    assert _inside(loaded, FOR_PEOPLE) == set()


def test_a_cold_start_loads_nothing_that_only_looks_or_ramps() -> None:
    assert _inside(_loaded_with("app"), NOT_AT_START) == set()
