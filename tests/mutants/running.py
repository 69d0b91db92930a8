"""Runs the tests that reach a mutant, in a fork for each mutant, until one of them fails."""

import gc
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from _pytest.tmpdir import tmppath_result_key
from coverage import Coverage
from hypothesis import Phase, settings

from tests.mutants.grafting import Change, Functions, changes, graft, import_mutated, own_lines
from tests.mutants.mutations import ROOT, Module, Mutant, modules

PROCESSES = 2
PYTEST = ["-q", "-x", "--no-header", "-p", "no:randomly", "--timeout", "0"]
PYTEST += ["-p", "no:cacheprovider", "-p", "no:cov", "--tb=no"]
# A mutant that this many seconds of tests, as they are ordered, do not notice counts as alive.
BUDGET = 8.0


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    ENDLESS = "never ended"
    ALIVE = "alive"
    UNREACHED = "reached by no test"


@dataclass
class Reach:
    """Which tests run which lines, how long each takes, and what runs during imports."""

    tests: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    imported: dict[str, set[int]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def of(self, path: str, lines: Iterable[int]) -> set[str]:
        """The tests that run any of these lines."""
        by_line = self.tests.get(path, {})
        return set().union(*(by_line.get(line, set()) for line in lines))

    def add(self, other: "Reach") -> None:
        """Take over what another process saw."""
        self.seconds |= other.seconds
        self.failed += other.failed
        for path, by_line in other.tests.items():
            mine = self.tests.setdefault(path, {})
            for line, tests in by_line.items():
                mine.setdefault(line, set()).update(tests)


class Fork:
    """A child process, the answer that it left in a file, and its end."""

    def __init__(self, work: Callable[[], object], patience: float, scratch: Path) -> None:
        self.file = scratch / f"{time.monotonic_ns()}"
        self._until = time.monotonic() + patience
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(work, patience)
        with suppress(PermissionError, ProcessLookupError):
            os.setpgid(self.pid, self.pid)  # as the child does: whoever comes first

    def _child(self, work: Callable[[], object], patience: float) -> None:
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest-timeout's would only raise
            signal.alarm(ceil(patience) + 5)  # ends it even when nobody is left to do so
            devnull = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(devnull, stream)
            answer = work()
            self.file.write_bytes(pickle.dumps(answer))
        except BaseException as error:
            self.file.write_bytes(pickle.dumps(f"broke: {error!r}"))
        finally:
            os._exit(0)

    def ended(self) -> bool:
        """Whether it has; one that lasts too long is ended."""
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            return True
        if time.monotonic() < self._until:
            return False
        self.kill()
        return True

    def kill(self) -> None:
        """End it, and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def answer(self) -> object:
        """What it found, or None if it did not end by itself."""
        return pickle.loads(self.file.read_bytes()) if self.file.exists() else None


def in_forks(works: Iterable[tuple[Callable[[], object], float]]) -> Iterator[tuple[int, object]]:
    """Do the works, two at a time; the number and the answer of each, as they end."""
    todo = enumerate(works)
    running: dict[int, Fork] = {}
    with TemporaryDirectory() as scratch:
        while True:
            while len(running) < PROCESSES and (new := next(todo, None)) is not None:
                number, (work, patience) = new
                running[number] = Fork(work, patience, Path(scratch))
            if not running:
                return
            ended = [number for number, fork in running.items() if fork.ended()]
            for number in ended:
                fork = running.pop(number)
                yield number, fork.answer()
                fork.file.unlink(missing_ok=True)
            if not ended:
                time.sleep(0.002)


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Run a test without a report of its failure: that costs more than the test."""
    hooks, good = item.ihook, True
    item.stash[tmppath_result_key] = {}  # what pytest's own report would leave for tmp_path
    item._initrequest()  # type: ignore[attr-defined]
    try:
        hooks.pytest_runtest_setup(item=item)
        hooks.pytest_runtest_call(item=item)
    except pytest.skip.Exception:
        pass
    except BaseException:
        good = False
    try:
        hooks.pytest_runtest_teardown(item=item, nextitem=following)
    except BaseException:
        good = False
    return good


def first_failure(items: Sequence[pytest.Item]) -> str | None:
    """The first test that fails, or None: the mutant lives."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        if not passes(item, following):
            return item.nodeid
    return None


class Session:
    """A pytest session that has our modules imported, and runs no test in its own process."""

    def __init__(self, act: Callable[[Sequence[pytest.Item]], None]) -> None:
        self._act = act

    def pytest_configure(self) -> None:
        """The same examples each time, and failures without their smallest example."""
        phases = (Phase.explicit, Phase.reuse, Phase.generate)
        settings.register_profile(
            "mutants", settings(), phases=phases, database=None, derandomize=True, deadline=None
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of the loop over all tests."""
        self._act(session.items)
        return True


def reach(items: Sequence[pytest.Item], coverage: Coverage) -> Reach:
    """Run every test once, unmutated, in two forks, and see what it reaches."""
    files = list(dict.fromkeys(item.path for item in items))
    whole = Reach()

    def half(number: int) -> Reach:
        mine = [item for item in items if files.index(item.path) % PROCESSES == number]
        part = Reach()
        for item, following in zip(mine, [*mine[1:], None], strict=True):
            coverage.switch_context(item.nodeid)
            before = time.monotonic()
            if not passes(item, following):
                part.failed.append(item.nodeid)
            part.seconds[item.nodeid] = time.monotonic() - before
        coverage.stop()
        data = coverage.get_data()
        for file in data.measured_files():
            path = str(Path(file).relative_to(ROOT))
            part.tests[path] = {
                line: set(contexts) - {""}
                for line, contexts in data.contexts_by_lineno(file).items()
            }
            part.imported[path] = {
                line for line, contexts in data.contexts_by_lineno(file).items() if "" in contexts
            } & own_lines(Path(file))
        return part

    for _, part in in_forks([(lambda: half(0), 900.0), (lambda: half(1), 900.0)]):
        if not isinstance(part, Reach):
            raise SystemExit(f"The tests could not be run: {part}")
        whole.add(part)
        whole.imported = part.imported
    return whole


@dataclass
class Run:
    """One run over a sample of mutants."""

    sample: Sequence[Mutant]
    told: Callable[[Mutant, Fate, str | None], None]
    fates: dict[Mutant, Fate] = field(default_factory=dict)
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    seen: Reach = field(default_factory=Reach)
    late: list[Mutant] = field(default_factory=list)
    texts: dict[str, Module] = field(default_factory=dict)

    def run(self) -> None:
        """First the mutants inside functions, in forks of one session; then those of imports."""
        self.texts = {module.path: module for module in modules()}
        with TemporaryDirectory() as scratch:
            coverage = Coverage(data_file=None, include=[str(ROOT / "chalicelib" / "*")])
            in_session = Fork(lambda: self._session(coverage), 7200.0, Path(scratch))
            # The child tells by its answer alone: all that it found.
            while not in_session.ended():
                time.sleep(0.1)
            answer = in_session.answer()
        if not isinstance(answer, tuple):
            raise SystemExit(f"The mutants could not be run: {answer}")
        self.seen, self.fates, self.late, self.kills = answer
        for mutant, fate in self.fates.items():
            self.told(mutant, fate, None)  # what the session found, which has no output
        self._imports()

    def _session(self, coverage: Coverage) -> object:
        coverage.start()
        plugin = Session(lambda items: self._act(items, coverage))
        code = pytest.main([*PYTEST, str(ROOT / "tests" / "unit")], plugins=[plugin])
        if not self.seen.seconds or self.seen.failed:
            return f"pytest ended with {code}; failed: {self.seen.failed}"
        return self.seen, self.fates, self.late, self.kills

    def _act(self, items: Sequence[pytest.Item], coverage: Coverage) -> None:
        self.seen = reach(items, coverage)
        coverage.stop()
        if self.seen.failed:
            return
        functions, by_name = Functions(), {item.nodeid: item for item in items}
        gc.collect()
        gc.freeze()
        at_work: list[Mutant] = []

        def works() -> Iterator[tuple[Callable[[], object], float]]:
            for mutant in self.sample:
                module = self.texts[mutant.path]
                changed = changes(mutant.path, module.text, mutant.source())
                if changed == []:
                    self._note(mutant, Fate.ALIVE, None)
                    continue
                lines = module.lines(mutant)
                if (
                    changed is None
                    or not all(functions.of(before) for before, _ in changed)
                    or self.seen.imported.get(mutant.path, set()) & set(lines)
                ):
                    self.late.append(mutant)
                    continue
                tests = self._ordered(mutant, self.seen.of(mutant.path, lines))
                if not tests:
                    self._note(mutant, Fate.UNREACHED, None)
                    continue
                at_work.append(mutant)
                chosen = [by_name[name] for name in tests]
                yield (
                    (lambda c=changed, t=chosen: self._try(functions, c, t)),  # type: ignore[misc]
                    self._patience(tests),
                )

        for number, answer in in_forks(works()):
            self._note_answer(at_work[number], answer)

    def _try(self, functions: Functions, changed: list[Change], tests: list[pytest.Item]) -> object:
        graft(functions, changed)
        return (first_failure(tests),)

    def _imports(self) -> None:
        at_work: list[Mutant] = []

        def works() -> Iterator[tuple[Callable[[], object], float]]:
            for mutant in self.late:
                module = self.texts[mutant.path]
                inside = own_lines(ROOT / mutant.path)
                lines = set(module.lines(mutant))
                tests = self._ordered(
                    mutant,
                    self.seen.of(mutant.path, lines & inside or inside) or self._users(mutant),
                )
                at_work.append(mutant)
                yield partial(self._import, mutant, tests), 20 + self._patience(tests)

        for number, answer in in_forks(works()):
            self._note_answer(at_work[number], answer)

    def _users(self, mutant: Mutant) -> set[str]:
        name = mutant.path.removesuffix(".py").replace("/", ".")
        users = [each.path for each in self.texts.values() if f"from {name} import" in each.text]
        return set().union(*(self.seen.of(path, self.seen.tests.get(path, {})) for path in users))

    def _import(self, mutant: Mutant, tests: list[str]) -> object:
        import_mutated(mutant)
        found: list[str | None] = []

        def act(items: Sequence[pytest.Item]) -> None:
            order = {name: number for number, name in enumerate(tests)}
            chosen = sorted(
                (item for item in items if item.nodeid in order), key=lambda i: order[i.nodeid]
            )
            found.append(first_failure(chosen))

        files = list(dict.fromkeys(name.split("::")[0] for name in tests))
        pytest.main([*PYTEST, *files], plugins=[Session(act)])
        return (found[0],) if found else ("the import",)

    def _ordered(self, mutant: Mutant, tests: set[str]) -> list[str]:
        """Those first that killed others of the module, then the quickest, within the budget.

        Each test comes with one of its cases before any comes with the next.
        """
        seconds = self.seen.seconds
        turns: Counter[str] = Counter()
        turn: dict[str, int] = {}
        for test in sorted(tests, key=lambda t: (seconds.get(t, 0), t)):
            name = test.partition("[")[0]
            turn[test] = turns[name]
            turns[name] += 1
        order = sorted(turn, key=lambda t: (-self.kills[mutant.path, t], turn[t]))
        total = 0.0
        chosen: list[str] = []
        for test in order:
            total += seconds.get(test, 0)
            if chosen and total > BUDGET:
                break
            chosen.append(test)
        return chosen

    def _patience(self, tests: list[str]) -> float:
        return 10 + 4 * sum(self.seen.seconds.get(test, 0) for test in tests)

    def _note_answer(self, mutant: Mutant, answer: object) -> None:
        if not isinstance(answer, tuple):
            self._note(mutant, Fate.ENDLESS if answer is None else Fate.KILLED, str(answer))
        else:
            self._note(mutant, Fate.KILLED if answer[0] else Fate.ALIVE, answer[0])

    def _note(self, mutant: Mutant, fate: Fate, test: str | None) -> None:
        self.fates[mutant] = fate
        if fate is Fate.KILLED and test:
            self.kills[mutant.path, test] += 1
        self.told(mutant, fate, test)
