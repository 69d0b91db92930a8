"""What `make mutants` counts as killed, and what its forks leave behind: nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutants.mutations import Module, Mutant, modules
from tests.mutants.report import page
from tests.mutants.running import Fate, Fork, in_forks

MODULE = Module("chalicelib/job/key.py")


def answer_of(work: Callable[[], object], patience: float, scratch: Path) -> object:
    fork = Fork(work, patience, scratch)
    until = time.monotonic() + 30
    while not fork.ended():
        assert time.monotonic() < until
    with pytest.raises(ChildProcessError):
        os.waitpid(fork.pid, os.WNOHANG)
    return fork.answer()


def test_a_work_without_end_is_ended_and_has_no_answer(tmp_path: Path) -> None:
    def endless() -> object:
        while True:
            pass

    assert answer_of(endless, 0.05, tmp_path) is None


def test_a_work_that_raises_answers_with_its_error(tmp_path: Path) -> None:
    def broken() -> object:
        raise SystemExit("no")

    assert "SystemExit" in str(answer_of(broken, 30.0, tmp_path))


def test_every_work_has_its_own_answer() -> None:
    works = [(lambda number=number: (number,), 30.0) for number in range(5)]
    assert dict(in_forks(works)) == {number: (number,) for number in range(5)}


def test_no_mutant_changes_a_type_hint_alone() -> None:
    assert not [each for each in MODULE.mutants() if "->" in each.change().split(" + ")[0]]


def test_every_module_of_the_four_rooms_has_its_mutants_in_one_order() -> None:
    rooms = {module.path.split("/")[1] for module in modules()}
    assert rooms == {"job", "replaying", "parking", "gate"}
    assert list(MODULE.mutants()) == list(MODULE.mutants())


def test_each_mutant_is_named_by_its_line_and_its_change() -> None:
    mutant = next(MODULE.mutants())
    line = MODULE.text.splitlines()[mutant.start[0] - 1].strip()
    text, _ = page({mutant: Fate.ALIVE}, 1, 1, 1.0)
    assert f"`{MODULE.path}:{mutant.start[0]}`" in text
    assert mutant.change() in text
    assert line.split()[0] in mutant.change()


@pytest.mark.parametrize(
    ("fate", "score"),
    [(Fate.KILLED, 1.0), (Fate.ENDLESS, 1.0), (Fate.ALIVE, 0.0), (Fate.UNREACHED, 0.0)],
)
def test_what_no_test_reaches_counts_as_alive(fate: Fate, score: float) -> None:
    mutant: Mutant = next(MODULE.mutants())
    assert page({mutant: fate}, 1, 1, 1.0)[1] == score
