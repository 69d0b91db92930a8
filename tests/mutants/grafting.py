"""Put a mutant into a process: functions as they live there, or a module as it is imported."""

import gc
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutants.mutations import ROOT, Mutant

Change = tuple[CodeType, CodeType]


class Functions:
    """The functions of our modules that live in this process."""

    def __init__(self) -> None:
        self._alive: dict[tuple[str, str, int], list[FunctionType]] = {}
        inside = str(ROOT / "chalicelib")
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(inside):
                self._alive.setdefault(_name(thing.__code__), []).append(thing)

    def of(self, code: CodeType) -> list[FunctionType]:
        """Those that run this code."""
        return [each for each in self._alive.get(_name(code), []) if each.__code__ == code]


def changes(path: str, before: str, after: str) -> list[Change] | None:
    """The functions that differ; None where more does: what runs as the module is imported."""
    file = str(ROOT / path)
    try:
        both = compile(before, file, "exec"), compile(after, file, "exec")
    except (SyntaxError, ValueError):
        return None
    found: list[Change] = []
    return found if _only_functions(*both, found) else None


def graft(functions: Functions, changed: Sequence[Change]) -> None:
    """Let each living function run its mutated code."""
    for before, after in changed:
        for function in functions.of(before):
            function.__code__ = after


def import_mutated(mutant: Mutant) -> None:
    """Have the mutant's module imported mutated; nothing of ours is imported so far."""
    sys.meta_path.insert(0, _Finder(mutant))


class _Finder(MetaPathFinder, Loader):
    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self._mutant = mutant

    def find_spec(
        self, fullname: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_loader(fullname, self, origin=str(ROOT / self._mutant.path))

    def exec_module(self, module: ModuleType) -> None:
        file = str(ROOT / self._mutant.path)
        module.__file__ = file
        exec(compile(self._mutant.source(), file, "exec"), module.__dict__)  # noqa: S102


def _name(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _only_functions(before: CodeType, after: CodeType, found: list[Change]) -> bool:
    if _own(before) != _own(after):
        return False
    return all(
        _only_functions(old, new, found)
        if not old.co_flags & CO_OPTIMIZED
        else _noted(old, new, found)
        for old, new in zip(_inner(before), _inner(after), strict=True)
    )


def _noted(before: CodeType, after: CodeType, found: list[Change]) -> bool:
    if _whole(before) != _whole(after):
        found.append((before, after))
    return True


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (const for const in code.co_consts if isinstance(const, CodeType))


def _own(code: CodeType) -> tuple[object, ...]:
    plain = [
        const.co_name if isinstance(const, CodeType) else repr(const) for const in code.co_consts
    ]
    return code.co_code, plain, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def _whole(code: CodeType) -> tuple[object, ...]:
    return (*_own(code), [_whole(each) for each in _inner(code)])


def own_lines(path: Path) -> set[int]:
    """The lines inside functions: what runs as they are called, not as they are imported."""
    lines: set[int] = set()

    def walk(code: CodeType) -> None:
        if code.co_flags & CO_OPTIMIZED:
            lines.update(line for _, _, line in code.co_lines() if line is not None)
            lines.discard(code.co_firstlineno)
        for each in _inner(code):
            walk(each)

    walk(compile(path.read_text("utf-8"), str(path), "exec"))
    return lines
