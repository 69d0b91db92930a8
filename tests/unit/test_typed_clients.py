"""A client of the SDK has its type: what AWS is asked, and answers, is checked."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CLIENTS = {"client", "session", "functions", "gateway", "identities", "logs", "cloudwatch", "tags"}


def untyped(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.arg) and node.arg in CLIENTS and node.annotation:
            annotation = ast.unparse(node.annotation)
            if annotation in ("Any", "Callable[[str], Any]"):
                yield f"{path.relative_to(PROJECT)}:{node.lineno}: {node.arg}: {annotation}"


def test_no_client_that_the_code_is_given_is_any() -> None:
    files = [path for room in ("chalicelib", "respool") for path in (PROJECT / room).rglob("*.py")]

    assert len(files) > 100
    assert [line for path in files for line in untyped(path)] == []


def test_the_types_of_clients_are_loaded_by_nothing_that_runs() -> None:
    code = "import sys, app, respool.cli.__main__; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    loaded = done.stdout.split()
    assert "chalicelib.aws.calling" in loaded
    assert [
        name for name in loaded if name.startswith(("mypy_boto3", "chalicelib.aws.clients"))
    ] == []
