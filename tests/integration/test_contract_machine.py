"""One adapter and one state machine over two DynamoDBs, moto's and ours: same answers, same items.

The fakes of all other tests stand on this: what the expressions in the definition and in the
adapters mean is decided by an evaluator that we did not write.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import RespoolError
from chalicelib.job.claim import FOR_EVER, Claim, State
from tests.fakes.service import TASK
from tests.fakes.stage import FakeStage, Process
from tests.integration.tables import empty_table, items_of, moto_dynamodb

JOBS = 3
KEYS = ("a", "b", "\u3042 #")
AT = "2026-11-24T10:00:{:02}.000Z"
Act = Callable[["Side", Any], Any]


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with moto_dynamodb() as client:
        yield client


class Side:
    """A stage over one of the two, and what somebody has seen of its claims."""

    def __init__(self, dynamodb: Any = None) -> None:
        self.stage = FakeStage(task_limit=2, dynamodb=dynamodb, CLOSE_AFTER="3")
        self.dynamodb = dynamodb
        self.seen: dict[str, Claim] = {}
        self.times = 0
        for number in range(JOBS):
            self.stage.executions.start(f"job-{number}", f'{{"key":"{KEYS[number]}"}}')

    @property
    def process(self) -> Process:
        return self.stage.process()

    def at(self) -> str:
        self.times += 1
        return AT.format(self.times % 60)

    def claim(self, number: int) -> Claim:
        """A claim as somebody saw it last, or one that nobody has."""
        pk = f"job#{KEYS[number]}"
        return self.seen.get(pk, Claim(pk, "arn:nobody", State.PARKED, TASK, "o", "s"))

    def items(self) -> dict[str, Any]:
        return items_of(self.dynamodb) if self.dynamodb else dict(self.stage.table.items)


def _step(side: Side, number: int) -> Any:
    runs = list(side.stage.executions.runs.values())
    run = runs[number % len(runs)]
    return side.stage.machine.step(run), run.status, run.state, run.error


def _steps(side: Side, number: int) -> Any:
    return [_step(side, number) for _ in range(5)]


def _look(side: Side, _: int) -> Any:
    for pk in (f"job#{key}" for key in KEYS):
        if claim := side.process.claims.get(pk):
            side.seen[pk] = claim
    return dict(side.seen)


def _break(side: Side, number: int) -> Any:
    side.stage.service.broken = bool(number)


def _abort(side: Side, number: int) -> Any:
    run = list(side.stage.executions.runs.values())[number]
    side.stage.executions.stop(run.arn, "Aborted", "")
    return run.status


def _resume(side: Side, number: int) -> Any:
    return side.process.workflow.resume(side.claim(number).token)


def _refail(side: Side, number: int) -> Any:
    return side.process.workflow.fail(side.claim(number).token, "GivenUp", "by hand")


def _redrive(side: Side, number: int) -> Any:
    side.process.workflow.redrive(list(side.stage.executions.runs)[number])


def _late(side: Side, number: int) -> Any:
    run = list(side.stage.executions.runs.values())[number]
    if not run.running and run.state:
        side.stage.machine.write_late(run)


def _dead(claim: Claim) -> Claim:
    fields = {"state": State.PARKED, "attempt": claim.attempt + 1, "dead_at": "dead"}
    told = {"error": "Aborted", "cause": "by \U0001f600", "failed_at": "f", "task": TASK}
    return Claim(
        **{**{n: getattr(claim, n) for n in ("pk", "execution", "order")}, **fields, **told}
    )


ACTS: dict[str, Act] = {
    "step": _step,
    "steps": _steps,
    "look": _look,
    "break": _break,
    "abort": _abort,
    "resume": _resume,
    "fail": _refail,
    "redrive": _redrive,
    "late": _late,
    "park_dead": lambda s, n: s.process.claims.park_dead(_dead(s.claim(n)), s.at()),
    "take_slot": lambda s, n: s.process.claims.take_slot(s.claim(n), s.at()),
    "join_line": lambda s, n: s.process.claims.join_line(s.claim(n), s.at()),
    "rejoin_line": lambda s, n: s.process.claims.rejoin_line(s.claim(n), s.at()),
    "leave_line": lambda s, n: s.process.claims.leave_line(s.claim(n), s.at()),
    "leave_again": lambda s, n: s.process.claims.leave_again(s.claim(n), s.at()),
    "begin_redrive": lambda s, n: s.process.claims.begin_redrive(s.claim(n), s.at()),
    "mark_running": lambda s, n: s.process.claims.mark_running(s.claim(n)),
    "hand_over": lambda s, n: s.process.claims.hand_over(s.claim(n), "arn:new", s.claim(n).pk),
    "move": lambda s, n: s.process.claims.hand_over(s.claim(n), "arn:new", f"job#new-{n}"),
    "end": lambda s, n: s.process.claims.end(s.claim(n), State.GIVEN_UP, s.at(), 2**31),
    "mark_stuck": lambda s, n: s.process.claims.mark_stuck(s.claim(n), s.at()),
    "mark_noted": lambda s, n: s.process.claims.mark_noted(s.claim(n), s.at()),
    "tombstone": lambda s, n: s.process.claims.put_tombstone(f"d{n}", "ended", 2**31),
    "tombstones": lambda s, _: s.process.claims.tombstones(["d0", "d1", "d2"]),
    "admit": lambda s, n: s.process.line.admit(s.claim(n), s.at(), bool(n % 2)),
    "woken": lambda s, _: [
        s.process.line.woken(TASK, pk, since)
        for pk, since in s.process.line.slots(TASK).waking.items()
    ],
    "woken long ago": lambda s, n: s.process.line.woken(TASK, s.claim(n).pk, "x"),
    "free": lambda s, n: s.process.line.free_slot(TASK, s.claim(n).pk, s.claim(n).execution),
    "recount": lambda s, n: s.process.line.recount(s.process.line.slots(TASK), n),
    "slots": lambda s, _: s.process.line.slots(TASK),
    "tasks": lambda s, _: s.process.line.tasks(),
    "limit": lambda s, n: s.process.line.set_limit(TASK, n, "me", "why", s.at()),
    "settings": lambda s, n: s.process.line.apply_settings(TASK, n, n + 1),
    "close": lambda s, n: s.process.line.close(TASK, (FOR_EVER, s.at(), s.at())[n], "", "", ""),
    "open": lambda s, _: s.process.line.open(TASK, "me", "", s.at()),
    "window": lambda s, n: s.process.line.set_window(TASK, s.at() if n else "", FOR_EVER, "w"),
    "give_pass": lambda s, n: s.process.line.give_pass(TASK, [s.claim(n).pk], FOR_EVER),
    "drop_pass": lambda s, n: s.process.line.drop_passes(TASK, [s.claim(n).pk]),
    "count": lambda s, n: s.process.claims.count(list(State)[n + 1], TASK),
    "waiting": lambda s, n: list(s.process.claims.waiting(list(State)[n + 1], TASK, limit=n)),
    "behind": lambda s, n: list(s.process.claims.waiting(State.PARKED, TASK, s.claim(n).order)),
    "look up": lambda s, _: s.process.claims.look([f"job#{key}" for key in KEYS]),
}
likely = [*["step", "steps", "look"] * 8, *["break", "resume", "admit", "woken"] * 4, *ACTS]
scripts = st.lists(st.tuples(st.sampled_from(likely), st.integers(0, JOBS - 1)), max_size=60)


def _answer(side: Side, name: str, number: int) -> Any:
    try:
        return ACTS[name](side, number)
    except RespoolError as problem:
        return type(problem)


def _hold_to_each_other(dynamodb: Any, script: list[tuple[str, int]]) -> None:
    empty_table(dynamodb)
    ours, real = Side(), Side(dynamodb)
    for name, number in script:
        answers = [_answer(side, name, number) for side in (ours, real)]
        assert answers[0] == answers[1], (name, number)
    assert ours.items() == real.items()


def _examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=count < 1000,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@given(script=scripts)
@_examples(30)
def test_whatever_happens_both_answer_and_hold_the_same(
    dynamodb: Any, script: list[tuple[str, int]]
) -> None:
    _hold_to_each_other(dynamodb, script)


@pytest.mark.soak
@given(script=scripts)
@_examples(1000)
def test_a_thousand_scripts_are_answered_alike(
    dynamodb: Any, script: list[tuple[str, int]]
) -> None:
    _hold_to_each_other(dynamodb, script)
